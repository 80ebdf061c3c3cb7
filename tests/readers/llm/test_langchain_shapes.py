"""LangChain callback events in the shapes that handlers dump them: nested, renamed, as Python text."""

from __future__ import annotations

from typing import Any

import pytest

from tests.readers import counts, keys, report
from tests.support.langchain import AWS, LS, ROOT, end, lines, message, start


@pytest.mark.parametrize("wrap", ["kwargs", "args", "arguments", "payload", "data"])
@pytest.mark.parametrize("whole", [True, False], ids=["all arguments", "all but the run id"])
def test_arguments_may_stand_in_a_mapping(wrap: str, whole: bool) -> None:
    """A handler that dumps its arguments puts them below a key; names without a prefix count there too."""
    told = LS | {"tenant_id": "acme", "user": "u-7", "app": "desk"}
    events = [start(metadata=told, parent=ROOT), end(parent=ROOT, usage_metadata={"input_tokens": 17})]
    outside = {"event"} if whole else {"event", "run_id"}
    packed = [
        {k: v for k, v in e.items() if k in outside}
        | {wrap: {k: v for k, v in e.items() if k not in outside}}
        for e in events
    ]
    found = report(lines(*packed))

    assert ("langchain-callbacks", 1) == (found.inputs[0].format, found.inputs[0].calls)
    assert {(f"{wrap}.metadata.user", "span")} == keys(found, "user_id")
    for name in ("tenant_id", "workflow_id", "user_id", "model", "tokens_input", "request_id"):
        assert (1, 0, 0, 0) == counts(found, name), name


@pytest.mark.parametrize("key", ["event", "name", "message", "type"])
@pytest.mark.parametrize("cut", [0, 3], ids=["on_llm_end", "llm_end"])
def test_an_event_is_known_by_its_name(key: str, cut: int) -> None:
    """With or without `on_`, under the key that the logger of the team uses."""
    events = [start(), end()]
    named = [{k: v for k, v in e.items() if k not in ("event", "name")} for e in events]
    found = report(lines(*(n | {key: e["event"][cut:]} for n, e in zip(named, events, strict=True))))

    assert ("langchain-callbacks", 1, 1) == (
        found.inputs[0].format,
        found.inputs[0].calls,
        found.inputs[0].context,
    )


USED = "usage_metadata={'input_tokens': 17, 'output_tokens': 28, 'total_tokens': 45}"
SAID = (
    "[[ChatGeneration(text='a', message=AIMessage(content=\"usage_metadata={'input_tokens': 9}\", "
    f"response_metadata={{'ResponseMetadata': {{'RequestId': '{AWS}', 'RetryAttempts': 0}}}}, {USED}))]]"
)


@pytest.mark.parametrize(
    "response",
    [
        f"generations={SAID} llm_output=None run=None type='LLMResult'",
        f"LLMResult(generations={SAID}, llm_output=None, run=None)",
        {"lc": 1, "type": "not_implemented", "repr": f"LLMResult(generations={SAID}, llm_output=None)"},
    ],
    ids=["str", "repr", "dumpd"],
)
def test_an_answer_may_be_python_text(response: Any) -> None:
    """What `default=str` and `dumpd` of langchain-core 1.7.2 make of a result; its words are not read."""
    found = report(lines(start(), end() | {"response": response}))

    assert (17, 1) == (found.totals.tokens - 28, found.inputs[0].calls)
    for name in ("tokens_input", "tokens_output", "request_id"):
        assert (1, 0, 0, 0) == counts(found, name), name


@pytest.mark.parametrize(
    "text", ["", "ok", "f(", "a=1 b", "f(" * 300, "x='" + "a" * 300_000, "A(b=<X.y: 1>)"]
)
def test_text_that_is_no_object_is_no_answer(text: str) -> None:
    """Damaged, endless and deep text leaves the call without usage."""
    found = report(lines(start(), end() | {"response": text}))

    assert (1, (0, 1, 0, 0)) == (found.inputs[0].calls, counts(found, "tokens_input"))


def test_an_answer_may_be_a_list_of_messages() -> None:
    """A handler may dump the messages of the generations alone."""
    said = [[message(usage_metadata={"input_tokens": 17, "output_tokens": 28})]]
    found = report(lines(start(), end() | {"response": said}))

    assert (1, 0, 0, 0) == counts(found, "tokens_input") == counts(found, "request_id")
