"""Lines of text: what each spelling says, which line is a call, and what a prefix tells."""

from __future__ import annotations

import pytest

from auditor.framing.key_value import event_pairs, logfmt_pairs, pairs_of, sentence_facts
from auditor.framing.log_lines import split_prefix
from auditor.framing.phrases import phrases
from tests.readers import counts, keys, report

MODEL = "us.anthropic.claude-sonnet-4-6"
UUID = "12ee32ff-ebb5-45b0-bc2f-053b8c3a7745"


@pytest.mark.parametrize(
    ("line", "said", "told"),
    [
        ("2026-09-14T10:00:03.1Z stdout F a=1", "a=1", {"stream": "stdout"}),
        ("[pod/app-7f/main] a=1", "a=1", {"pod": "app-7f", "container": "main"}),
        ("gateway-1  | a b", "a b", {"service": "gateway"}),
        ('<34>1 2026-09-14T10:00:03Z h app 1 ID [x@1 tenant="acme"] hi', "hi", {"tenant": "acme"}),
        ("Sep 14 10:00:03 web-1 app[12]: a=1", "a=1", {"host": "web-1", "service": "app"}),
        ("<34>Sep 14 10:00:03 web-1 app: a=1", "a=1", {"service": "app"}),
        ("2026-09-14T10:00:03.123Z\ta=1", "a=1", {"time": "2026-09-14T10:00:03.123Z"}),
        (f"[INFO]\t2026-09-14T10:00:03.123Z\t{UUID}\ta=1", "a=1", {"lambda": UUID, "level": "INFO"}),
        (f"2026-09-14T10:00:03.123Z\t{UUID}\tERROR\ta=1", "a=1", {"lambda": UUID, "level": "ERROR"}),
        (f"2026-09-14T10:00:03 2026/09/14/[$LATEST]{'a' * 32} a=1", "a=1", {"time": "2026-09-14T10:00:03"}),
        ("2026-09-14 10:00:03,123 - my.llm - INFO - a=1", "a=1", {"logger": "my.llm"}),
        ("2026-09-14 10:00:03,123 INFO a=1", "a=1", {"level": "INFO"}),
        (
            "2026-09-14 10:00:03.1 [main-1] INFO  c.e.Llm - a=1",
            "a=1",
            {"thread": "main-1", "logger": "c.e.Llm"},
        ),
        ("2026-09-14 10:00:03 [info     ] call   a=1", "call   a=1", {"level": "info"}),
        ("[14/Sep/2026:10:00:03 +0000] [INFO] a=1", "a=1", {"when": "14/Sep/2026:10:00:03 +0000"}),
        ("INFO:     a=1", "a=1", {"level": "INFO"}),
        ("\x1b[32mINFO\x1b[0m: a=1", "a=1", {"level": "INFO"}),
        ("$ a=1", "a=1", {}),
        ("no prefix at all", "no prefix at all", {}),
    ],
)
def test_a_prefix_is_parted_from_what_was_said(line: str, said: str, told: dict[str, str]) -> None:
    """What a collector or a framework wrote is kept apart, and tells where and when."""
    found = split_prefix(line)

    assert found.text == said
    assert told.items() <= found.fields.items()


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ('a=1 b="two words" c="say \\"hi\\""', {"a": "1", "b": "two words", "c": 'say "hi"'}),
        ("a='two words', b=2;c=3|d=4", {"a": "two words", "b": "2", "c": "3", "d": "4"}),
        ("[tenant=acme, req=1] hello", {"tenant": "acme", "req": "1"}),
        ('usage={"in": {"n": 1}} b=2', {"usage": {"in": {"n": 1}}, "b": "2"}),
        ("url=https://x.example.com/a?b=1 c=2", {"url": "https://x.example.com/a?b=1", "c": "2"}),
        ("tags=a,b c=", {"tags": "a,b", "c": ""}),
        ("f(x=1)", {"x": "1"}),
    ],
)
def test_pairs_are_found_in_every_spelling(text: str, pairs: dict[str, object]) -> None:
    """Quotes, commas, brackets and containers end a value where its writer ended it."""
    assert pairs_of(text)[0] == pairs


def test_a_key_that_disagrees_keeps_both_values() -> None:
    """Two values of one key on a line are both seen, and told as inconsistent."""
    line = f"tenant_id=acme tenant_id=globex model={MODEL} input_tokens=3"

    assert counts(report(line), "tenant_id") == (0, 0, 1, 0)


@pytest.mark.parametrize(
    ("text", "strictly", "loosely"),
    [
        ("ts=1 level=info ok", True, False),
        ("msg='two words' tenant_id='acme'", False, True),
        ("llm_call   a=1 b=2", False, True),
        ("tenant: acme | model: claude-sonnet-4-5", False, True),
        ("tenant=acme called bedrock with a=1 today", False, False),
        ("just a sentence, with a comma", False, False),
        ("2+2=4", False, False),
    ],
)
def test_logfmt_is_strict_and_key_value_is_loose(text: str, strictly: bool, loosely: bool) -> None:
    """Each line goes to the strictest reader that can read all of it."""
    assert (logfmt_pairs(text) is not None, event_pairs(text) is not None) == (strictly, loosely)
    assert sentence_facts(text) is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"bedrock.converse({MODEL}) -> 4+14 tokens", {"model": MODEL, "tokens in": "4", "tokens out": "14"}),
        ("12 prompt tokens, 30 completion tokens", {"tokens in": "12", "tokens out": "30"}),
        (f"request {UUID}, region us-east-1", {"request": UUID, "region": "us-east-1"}),
        (f"AWS request id: {UUID}", {"request": UUID}),
        ("for tenant acme, by user u-1", {"tenant": "acme", "user": "u-1"}),
        ("attempt 2 took 912ms", {"attempt": "2", "took": "912ms"}),
        ("cost $0.0012", {"cost": "0.0012"}),
        ("An error occurred (ThrottlingException) when", {"error": "ThrottlingException"}),
        ("call failed", {"error": "failed"}),
        ("the tenant is unknown to us", {}),
        ("arn of us-east-1-thing", {}),
    ],
)
def test_a_sentence_says_what_its_fixed_phrases_say(text: str, said: dict[str, str]) -> None:
    """Phrases are read, opinions are not."""
    assert phrases(text) == said


MODEL_CALL = f"bedrock.converse({MODEL})"
LOG = f"""[14/Sep/2026:10:00:01 +0000] [INFO] boot complete
[14/Sep/2026:10:00:02 +0000] [INFO] starting {MODEL_CALL}
[14/Sep/2026:10:00:03 +0000] [WARNING] tenant=acme {MODEL_CALL} attempt 1 failed: ThrottlingException
[14/Sep/2026:10:00:04 +0000] [INFO] retrying in 2 s
[14/Sep/2026:10:00:06 +0000] [INFO] tenant=acme {MODEL_CALL} attempt 2 -> 4+14 tokens, request {UUID}
"""


def test_start_lines_and_announced_retries_are_context() -> None:
    """Of five lines two tell of a call, and both are attempts of one."""
    found = report(LOG)

    assert (found.inputs[0].format, found.totals.calls, found.inputs[0].context) == ("plain-text", 2, 3)
    assert "CNT002" in {g.rule for g in found.gaps}


def test_a_phrase_shows_where_it_stood() -> None:
    """The report names the phrase as the key."""
    assert keys(report(LOG), "tokens_input") == {("text.tokens_in", "request")}


def test_lines_of_several_spellings_are_read_side_by_side() -> None:
    """JSON, logfmt and prose in one log: each line by its own reader, in one table."""
    text = (
        f'{{"event":"llm_call","tenant_id":"acme","model":"{MODEL}","input_tokens":3}}\n'
        f"event=llm_call tenant_id=globex model={MODEL} input_tokens=4\n"
        f"2026-09-14 10:00:03 [info     ] llm_call   tenant_id=initech model={MODEL} input_tokens=5\n"
    )

    assert counts(report(text), "tenant_id") == (3, 0, 0, 0)


def test_what_the_prefix_names_stands_at_the_process() -> None:
    """A pod in a prefix is nobody's tenant."""
    found = report(f"[pod/acme-7f/main] event=llm_call model={MODEL} input_tokens=3")

    assert counts(found, "tenant_id") == (0, 1, 0, 0)
