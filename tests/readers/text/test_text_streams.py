"""Streams of log lines as programs leave them: cut ends, stack traces, containers in sentences, mixtures."""

from __future__ import annotations

import json

import pytest

from auditor.framing.key_value import embedded_values, event_pairs, pairs_of
from auditor.framing.phrases import phrases
from tests.readers import counts, keys, report

MODEL = "us.anthropic.claude-sonnet-4-6"
UUID = "12ee32ff-ebb5-45b0-bc2f-053b8c3a7745"
CALL = {
    "event": "llm",
    "tenant": "acme",
    "llm": {"model": MODEL, "usage": {"input_tokens": 3}},
    "level": "info",
}


@pytest.mark.parametrize("prefix", ["", "2026-09-14 10:00:03,123 INFO llm ", "[pod/app-7f/main] "])
def test_a_cut_last_record_is_no_call_wherever_it_is_cut(prefix: str) -> None:
    """An object that stands whole within it is not taken for the record."""
    line = json.dumps(CALL)

    for cut in range(20, len(line) - 1, 9):
        found = report(f"{prefix}{line}\n{prefix}{line}\n{prefix}{line[:cut]}")

        assert (found.totals.calls, found.inputs[0].skipped_total) == (2, 1), line[:cut]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("(prompt 7 tokens, completion 33 tokens)", {"tokens in": "7", "tokens out": "33"}),
        ("7 tokens in, 33 tokens out", {"tokens in": "7", "tokens out": "33"}),
        ("[in: 7, out: 33]", {"tokens in": "7", "tokens out": "33"}),
        ("tokens 7 -> 33", {"tokens in": "7", "tokens out": "33"}),
        ("tenant acme called", {"tenant": "acme"}),
        ("user u-7 asked", {"user": "u-7"}),
        ("the user asked", {}),
        ("attempt 2 in us-east-1", {"region": "us-east-1", "attempt": "2"}),
        ("1 out of 5", {}),
        ("request completed for tenant acme", {"tenant": "acme"}),
    ],
)
def test_a_phrase_says_no_more_than_it_means(text: str, said: dict[str, str]) -> None:
    """Numbers and words beside a phrase are not taken for it."""
    assert phrases(text) == said


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("tokens=7/33 a=1", {"tokens (in)": "7", "tokens (out)": "33", "a": "1"}),
        (f"request={UUID}", {"request (id)": UUID}),
        ("request=POST", {"request": "POST"}),
        ("cost=Decimal('0.0012') a=1", {"cost": "0.0012", "a": "1"}),
    ],
)
def test_a_pair_in_a_form_of_its_own_tells_its_name(text: str, pairs: dict[str, str]) -> None:
    """Two numbers of tokens, the id of a request, a number as Python shows it."""
    assert pairs_of(text)[0] == pairs


@pytest.mark.parametrize(
    ("text", "held", "rest"),
    [
        ("done, usage: {'inputTokens': 7} ok", {"inputTokens": 7}, "done, usage:  ok"),
        ("response: {'usage': {'inputTokens': 7}}", {"usage": {"inputTokens": 7}}, "response: "),
        ("prompt: {'tenant': 'acme'}", {"prompt": {"tenant": "acme"}}, "prompt: "),
        ("headers: {'x-tenant-id': 'acme'}", {"headers": {"x-tenant-id": "acme"}}, "headers: "),
        ("for acme: {'a': 1} {", {"a": 1}, "for acme:  {"),
    ],
)
def test_a_container_in_a_sentence_is_opened(text: str, held: dict[str, object], rest: str) -> None:
    """What it holds belongs to the line; a body and headers keep their name."""
    assert embedded_values(text) == (held, rest)


def test_a_sentence_and_the_value_at_its_end_are_one_call() -> None:
    """The owner stands before the value, the usage in it."""
    found = report(
        f'2026-09-14 10:00:03,123 INFO llm {MODEL} for tenant acme: {{"usage": {{"input_tokens": 3}}}}'
    )

    assert (counts(found, "tenant_id"), counts(found, "tokens_input")) == ((1, 0, 0, 0), (1, 0, 0, 0))


def test_colons_in_a_sentence_make_no_keys() -> None:
    """A key that names a model is a sentence."""
    assert event_pairs(f"converse {MODEL} failed: throttled, request id: 1234-5678") is None


TRACE = f"""Traceback (most recent call last):
  File "/app/llm.py", line 12, in converse
    return client.converse(modelId="{MODEL}")
           ^^^^^^^^^^^^^^^
botocore.errorfactory.ThrottlingException: An error occurred: too many requests for {MODEL}
"""
JAVA = f"""Caused by: ThrottlingException: too many requests for {MODEL}
\tat com.example.llm.Client.call(Client.java:41)
\t... 12 more
"""


@pytest.mark.parametrize(
    "trace", [TRACE, JAVA, "\n".join(f"app-1  | {x}" for x in TRACE.splitlines()) + "\n"]
)
def test_a_stack_trace_tells_of_no_second_call(trace: str) -> None:
    """The line that logged the error is the call; the trace beneath it is context."""
    line = f"2026-09-14 10:00:0%d,1 ERROR llm tenant acme converse {MODEL} failed: ThrottlingException\n"
    found = report(line % 1 + trace + line % 2)

    assert (found.totals.calls, counts(found, "tenant_id")) == (2, (2, 0, 0, 0))


def test_limits_and_totals_of_tokens_are_no_calls() -> None:
    """Tokens without a model or a word for a call tell of none."""
    noise = "[INFO] rate limit: 4000 tokens per minute\n[INFO] 36 tokens in total\n"

    assert report(f"{noise}[INFO] converse({MODEL}) -> 4+14 tokens\n").totals.calls == 1


def test_the_name_of_the_function_is_no_workflow() -> None:
    """A constant that the framework wrote stands at the process."""
    line = {"function_name": "chat-prod", "workflow": "chat-prod", "model": MODEL, "input_tokens": 3}

    assert counts(report(json.dumps(line)), "workflow_id") == (0, 0, 1, 0)


@pytest.mark.parametrize(("value", "there"), [("svc-llm", 0), ("arn:aws:iam::123456789012:user/a", 1)])
def test_only_an_arn_is_an_iam_principal(value: str, there: int) -> None:
    """`principal` in an application's log is whoever logged in there."""
    line = {"principal": value, "model": MODEL, "input_tokens": 3}

    assert counts(report(json.dumps(line)), "iam_principal") == (there, 1 - there, 0, 0)


def test_the_region_in_the_arn_of_a_model_is_that_of_the_profile() -> None:
    """It stands there, but says nothing of the call; a region beside it does."""
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123def456"
    line = {"model": arn, "input_tokens": 3}
    found = report(json.dumps(line) + "\n" + json.dumps(line | {"region": "eu-west-1"}))

    assert counts(found, "region") == (1, 0, 1, 0)
    assert ("model (ARN)", "process") in keys(found, "region")


def test_a_printed_span_among_lines_of_other_logs_is_mixed_text() -> None:
    """No one format names a paste whose calls mostly stand in others."""
    span = {
        "name": "chat",
        "context": {"trace_id": "0x5b8efff798038103d269b633813fc601", "span_id": "0xeee19b7ec3c1b101"},
        "kind": "SpanKind.CLIENT",
        "parent_id": None,
        "start_time": "2026-09-14T10:00:01.000000Z",
        "end_time": "2026-09-14T10:00:02.000000Z",
        "attributes": {"gen_ai.request.model": MODEL, "gen_ai.usage.input_tokens": 3, "tenant.id": "acme"},
        "resource": {"attributes": {"service.name": "gw"}},
    }
    line = f"event=llm tenant_id=globex model={MODEL} input_tokens=4\n"
    access = (
        f'10.0.0.9 - - [14/Sep/2026:10:00:03 +0000] "POST /model/{MODEL}/converse HTTP/1.1" 200 5 "-" "x"\n'
    )
    found = report(f"The span:\n{json.dumps(span, indent=2)}\nthe log:\n{line}and nginx:\n{access}")

    assert (found.inputs[0].format, found.totals.calls) == ("mixed-text", 3)


def test_prose_between_lines_that_a_platform_wrote_is_named_after_its_calls() -> None:
    """START and END of an invocation are context, whoever recognised them."""
    call = f"[INFO]\t2026-09-14T10:00:03.123Z\t{UUID}\tconverse({MODEL}) tenant=acme -> 4+14 tokens\n"
    found = report(f"START RequestId: {UUID} Version: $LATEST\n{call}END RequestId: {UUID}\n")

    assert (found.inputs[0].format, found.totals.calls) == ("plain-text", 1)
