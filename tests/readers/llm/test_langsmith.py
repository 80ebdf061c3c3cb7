"""LangSmith runs: API lists, ingest batches and multipart bodies, and the keys that look like others."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from tests.readers import counts, keys, report

MODEL = "us.anthropic.claude-sonnet-4-6"
AWS = "11111111-2222-4333-8444-000000000002"


def ident(n: int) -> str:
    """A made-up run id."""
    return f"0f0e0d0c-0000-4000-8000-00000000000{n}"


def order(*ids: int) -> str:
    """A dotted order."""
    return ".".join(f"20260914T100003401504Z{ident(i)}" for i in ids)


def run(n: int = 2, parents: tuple[int, ...] = (), **more: Any) -> dict[str, Any]:
    """A run of the model as the API lists it."""
    metadata = {"ls_provider": "amazon_bedrock", "ls_model_name": MODEL, "tenant_id": "acme"}
    out: dict[str, Any] = {
        "id": ident(n),
        "trace_id": ident((*parents, n)[0]),
        "dotted_order": order(*parents, n),
        "parent_run_id": ident(parents[-1]) if parents else None,
        "name": "ChatBedrockConverse",
        "run_type": "llm",
        "start_time": "2026-09-14T10:00:03.500000",
        "end_time": "2026-09-14T10:00:04.300000",
        "session_id": "99999999-0000-4000-8000-000000000000",
        "extra": {"metadata": metadata},
        "status": "success",
        "tags": [],
    }
    return out | more


def outputs(**usage: Any) -> dict[str, Any]:
    """The answer as langchain-core 1.7.2 serialises it."""
    about = {"ResponseMetadata": {"RequestId": AWS, "HTTPStatusCode": 200, "RetryAttempts": 0}}
    kwargs = {"content": "text", "response_metadata": about} | ({"usage_metadata": usage} if usage else {})
    packed = {"lc": 1, "type": "constructor", "kwargs": kwargs}
    return {"generations": [[{"text": "text", "message": packed}]], "llm_output": None, "type": "LLMResult"}


def chain(n: int = 1, **metadata: Any) -> dict[str, Any]:
    """The run of a chain above the model's."""
    return run(n, run_type="chain", name="flow", extra={"metadata": metadata})


def parts(*runs: tuple[str, dict[str, Any]], boundary: str = "d3d7dffba5a341628bde4fd995b613a5") -> bytes:
    """A multipart body as langsmith 0.14.17 sends it: a part for the run, one for each of its big keys."""
    out = b""
    for verb, said in runs:
        rest = {k: v for k, v in said.items() if k not in ("inputs", "outputs", "extra", "error", "events")}
        pieces = [("", rest)] + [(f".{k}", v) for k, v in said.items() if k not in rest]
        for suffix, value in pieces:
            body = json.dumps(value)
            out += (
                f'--{boundary}\r\nContent-Disposition: form-data; name="{verb}.{said["id"]}{suffix}"\r\n'
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}\r\n"
            ).encode()
    return out + f"--{boundary}--\r\n".encode()


BEGUN = {k: v for k, v in run().items() if k != "end_time"}
ENDED = {k: run()[k] for k in ("id", "trace_id", "dotted_order", "end_time")} | {
    "outputs": outputs(input_tokens=120, output_tokens=45, total_tokens=165)
}


def test_a_listed_run_of_a_model_is_a_call() -> None:
    """Its chain is context; model, provider and tenant stand in its metadata."""
    found = report("\n".join(json.dumps(r) for r in (chain(), run(2, (1,)))))

    assert ("langsmith-runs", 1, 1) == (
        found.inputs[0].format,
        found.inputs[0].calls,
        found.inputs[0].context,
    )
    assert {("extra.metadata.tenant_id", "span")} == keys(found, "tenant_id")
    assert {("extra.metadata.ls_model_name", "span")} == keys(found, "model")
    assert (1, 0, 0, 0) == counts(found, "latency_ms")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("array", json.dumps([run()])),
        ("page", json.dumps({"runs": [run()], "cursors": {}})),
        ("children", json.dumps(chain() | {"child_runs": [run(2, (1,))]})),
        ("batch", json.dumps({"post": [run() | {"outputs": outputs()}]})),
        ("two batches", json.dumps({"post": [BEGUN]}) + json.dumps({"patch": [ENDED]})),
        ("one batch", json.dumps({"post": [BEGUN], "patch": [ENDED]})),
        ("single bodies", json.dumps(BEGUN) + "\n" + json.dumps(ENDED) + "\n"),
    ],
)
def test_every_wrapping_gives_one_call(name: str, data: str) -> None:
    """What `post` began and `patch` ended is one call, over all bodies."""
    found = report(data, name)

    assert ("langsmith-runs", 1, 0) == (
        found.inputs[0].format,
        found.inputs[0].calls,
        found.inputs[0].skipped_total,
    )
    assert (1, 0, 0, 0) == counts(found, "tenant_id")


def test_a_multipart_body_is_read_as_it_was_sent() -> None:
    """Parts of one run are one record; what failed and what usage says is in parts of its own."""
    failed = run(3, extra={"metadata": {}}, error="ThrottlingException('slow')", outputs={})
    body = parts(("post", chain()), ("post", run(2, (1,), outputs=outputs(input_tokens=9))), ("post", failed))
    found = report(body)

    assert ("langsmith-runs", 2, 1) == (
        found.inputs[0].format,
        found.inputs[0].calls,
        found.inputs[0].context,
    )
    assert (1, 0, 0, 1) == counts(found, "tokens_input")
    assert (1, 1, 0, 0) == counts(found, "error_code")
    assert (1, 1, 0, 0) == counts(found, "request_id")


def test_multipart_bodies_one_after_another_are_one_capture() -> None:
    """Each has a boundary of its own; blank lines may stand between them."""
    found = report(
        parts(("post", BEGUN), boundary="aaa") + b"\r\n\r\n" + parts(("patch", ENDED), boundary="b")
    )

    assert (1, 0) == (found.inputs[0].calls, found.inputs[0].skipped_total)
    assert (1, 0, 0, 0) == counts(found, "tokens_output")


@pytest.mark.parametrize("ending", [b"\r\n", b"\n"])
def test_a_multipart_body_that_was_cut_is_read_to_its_end(ending: bytes) -> None:
    """The cut part is a skip with its line, whatever ends the lines; what stood before is read."""
    whole = parts(("post", run()), ("post", run(3))).replace(b"\r\n", ending)
    cut = whole[: whole.rindex(b'"tenant_id"')]
    found = report(cut)

    assert 2 == found.inputs[0].calls
    assert 1 == found.inputs[0].skipped_total
    assert found.inputs[0].skipped[0].line == cut.count(b"\n") + 1
    assert (1, 1, 0, 0) == counts(found, "tenant_id")


def test_attachments_are_left_and_feedback_is_context() -> None:
    """Parts that are no run never break one."""
    more = (
        b'--x\r\nContent-Disposition: form-data; name="attachment.%b.a"\r\nContent-Type: image/png\r\n\r\n'
        b'\x89PNG\r\n--x\r\nContent-Disposition: form-data; name="feedback.%b"\r\n\r\n{}\r\n--x--\r\n'
    ) % (ident(2).encode(), ident(9).encode())
    found = report(parts(("post", run()), boundary="x").replace(b"--x--\r\n", more))

    assert (1, 1) == (found.inputs[0].calls, found.inputs[0].context)


@pytest.mark.parametrize("key", ["session_id", "tenant_id", "session_name"])
def test_what_langsmith_calls_itself_is_no_evidence(key: str) -> None:
    """`session_id` is a project, `tenant_id` a workspace of LangSmith."""
    found = report(json.dumps(run(extra={"metadata": {}}) | {key: "99999999-0000-4000-8000-000000000000"}))

    assert (0, 1, 0, 0) == counts(found, "tenant_id")
    assert (0, 1, 0, 0) == counts(found, "session_id")


@pytest.mark.parametrize("key", ["session_id", "thread_id", "conversation_id"])
def test_the_conversation_stands_in_metadata(key: str) -> None:
    """LangSmith threads by any of three keys."""
    assert (1, 0, 0, 0) == counts(report(json.dumps(run(extra={"metadata": {key: "s-7"}}))), "session_id")


@pytest.mark.parametrize(
    ("key", "name"),
    [("user", "user_id"), ("app", "workflow_id"), ("feature", "workflow_id"), ("owner", "team_id")],
)
def test_common_words_count_in_metadata(key: str, name: str) -> None:
    """Inside the team's own metadata `user` is a user, although it is too common a word elsewhere."""
    found = report(json.dumps(run(extra={"metadata": {key: "u-7"}})))

    assert (1, 0, 0, 0) == counts(found, name)
    assert {(f"extra.metadata.{key}", "span")} == keys(found, name)


def test_metadata_of_the_root_reaches_a_call_only_by_inheritance() -> None:
    """A tenant on the chain alone is on the wrong record."""
    found = report(json.dumps([chain(tenant_id="acme"), run(2, (1,), extra={"metadata": {}})]))

    assert (0, 0, 1, 0) == counts(found, "tenant_id")


def test_switches_of_the_sdk_are_no_metadata() -> None:
    """`LANGSMITH_*` variables are copied into every run."""
    found = report(
        json.dumps(run(extra={"metadata": {"LANGSMITH_PROJECT": "p", "LANGSMITH_TENANT_ID": "x"}}))
    )

    assert (0, 1, 0, 0) == counts(found, "tenant_id")
    assert (0, 1, 0, 0) == counts(found, "team_id")


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ({"prompt_tokens": 120, "completion_tokens": 45, "total_tokens": 165}, "prompt_tokens"),
        (
            {"extra": {"metadata": {"usage_metadata": {"input_tokens": 120, "output_tokens": 45}}}},
            "extra.metadata.usage_metadata.input_tokens",
        ),
        (
            {"outputs": outputs(input_tokens=120, output_tokens=45)},
            "outputs.generations[*][*].message.kwargs.usage_metadata.input_tokens",
        ),
        (
            {"outputs": {"usage_metadata": {"input_tokens": 120, "output_tokens": 45}, "choices": []}},
            "outputs.usage_metadata.input_tokens",
        ),
        (
            {"outputs": {"usage": {"inputTokens": 120, "outputTokens": 45}, "output": {"message": {}}}},
            "outputs.usage.inputTokens",
        ),
    ],
)
def test_usage_is_read_where_it_stands(said: dict[str, Any], key: str) -> None:
    """On the run, in its metadata, or in one of the shapes of an answer."""
    found = report(json.dumps(run(**said)))

    assert {(key, "span")} == keys(found, "tokens_input")
    assert 165 == found.totals.tokens


def test_usage_that_stands_twice_counts_once() -> None:
    """The SDK copies the answer's usage into metadata; the backend into columns."""
    usage = {"input_tokens": 120, "output_tokens": 45, "total_tokens": 165}
    said = run(outputs=outputs(**usage), prompt_tokens=120, completion_tokens=45, total_tokens=165)
    said["extra"]["metadata"]["usage_metadata"] = usage

    assert 165 == report(json.dumps(said)).totals.tokens


def test_sums_on_a_chain_are_no_usage_of_a_call() -> None:
    """LangSmith adds up what lies below a chain: the call is not doubled by it."""
    sums = {"prompt_tokens": 120, "completion_tokens": 45, "total_tokens": 165, "total_cost": "0.00104"}
    found = report(json.dumps([chain() | sums, run(2, (1,), **sums)]))

    assert (1, 0, 0, 0) == counts(found, "tokens_input")
    assert (1, 0, 0, 0) == counts(found, "cost_usd")
    assert 0.00104 == pytest.approx(found.totals.cost_usd)


def test_a_failed_run_has_no_usage_to_miss() -> None:
    """Its status or its error says so."""
    told: list[dict[str, Any]] = [{"status": "error"}, {"error": "ValueError('nope')"}]
    for said in told:
        assert (0, 0, 0, 1) == counts(report(json.dumps(run(**said))), "tokens_input")


def test_a_table_of_runs_holds_text() -> None:
    """CSV cells with JSON or Python text are opened."""
    row = {k: v for k, v in run().items() if not isinstance(v, (dict, list))}
    row |= {"extra": json.dumps(run()["extra"]), "tags": "['team:growth']", "total_cost": "0.00104"}
    text = io.StringIO()
    table = csv.DictWriter(text, list(row))
    table.writeheader()
    table.writerow(row)
    found = report(text.getvalue())

    assert "langsmith-runs" == found.inputs[0].format
    for name in ("tenant_id", "team_id", "cost_usd", "model"):
        assert (1, 0, 0, 0) == counts(found, name), name


def test_a_schema_of_a_tool_is_no_evidence() -> None:
    """A property called tenant_id in a tool's schema says nothing of the call."""
    tools = [{"name": "t", "input_schema": {"properties": {"tenant_id": {"type": "string"}}}}]
    extra = {"metadata": {}, "invocation_params": {"model": MODEL, "tools": tools, "metadata": {"team": "x"}}}
    found = report(json.dumps(run(extra=extra, inputs={"tenant_id": "acme"})))

    assert (0, 1, 0, 0) == counts(found, "tenant_id")
    assert (1, 0, 0, 0) == counts(found, "team_id")
