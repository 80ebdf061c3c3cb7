"""Almost-JSON: what is mended, what is said of it, and what is left broken."""

from __future__ import annotations

import re
from typing import Any

import pytest

from auditor.framing.json_repair import close_truncated, repair
from auditor.framing.yaml_documents import AliasExpansionError, documents, is_configuration, is_yaml


@pytest.mark.parametrize(
    ("text", "value", "what"),
    [
        ('{"a": 1,}', {"a": 1}, "a trailing comma, a comment or a JavaScript literal"),
        ('{"a": 1} // done', {"a": 1}, "a trailing comma, a comment or a JavaScript literal"),
        ("{a: 1, 'b': 2}", {"a": 1, "b": 2}, "a trailing comma, a comment or a JavaScript literal"),
        ("{'a': None, 'b': True}", {"a": None, "b": True}, "a Python literal"),
        (
            "{'a': Decimal('0.1'), 't': datetime.datetime(2026, 1, 1)}",
            {"a": "0.1", "t": None},
            "a Python literal",
        ),
        ("{'a': UUID('12ee'), 'o': <Foo at 0x1>}", {"a": "12ee", "o": None}, "a Python literal"),
        ("{“a”: “b”}", {"a": "b"}, "smart quotes"),
        ('{"a": 1, ...}', {"a": 1, "…": 1}, "elided values"),
        ('{"a": ..., "b": 2}', {"a": "…", "b": 2}, "elided values"),
        ('[{"a": 1}, ...]', [{"a": 1}], "elided values"),
        ("{a: undefined, b: [Object]}", {"a": None, "b": None}, "elided values"),
    ],
)
def test_almost_json_is_mended_and_said(text: str, value: Any, what: str) -> None:
    """Each kind of damage has a name."""
    assert repair(text) == (value, what)


@pytest.mark.parametrize("text", ["{nope", "{tenant acme}", "hello", "", "__import__('os')", "{'a': f()}"])
def test_what_means_nothing_stays_broken(text: str) -> None:
    """Nothing is guessed and nothing is called."""
    assert repair(text) is None


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'[{"a":1},{"a":2},{"a":', [{"a": 1}, {"a": 2}]),
        (b'{"Records":[{"a":1},{"a":2', {"Records": [{"a": 1}]}),
        (b'{"a":1,"b', None),
        (b"", None),
    ],
)
def test_a_cut_document_keeps_what_is_whole(data: bytes, value: Any) -> None:
    """The record that the cut went through is left out, and counted by the caller."""
    found = close_truncated(data)

    assert (found[0] if found else None) == value


def test_scalars_of_yaml_stay_text() -> None:
    """`no` is no boolean, an account keeps its zeros, a date stays what was written."""
    text = "- tenant: no\n  account: 012345678901\n  day: 2026-09-14\n"

    assert is_yaml(text.encode())
    assert documents(text) == [(1, [{"tenant": "no", "account": "012345678901", "day": "2026-09-14"}])]


def test_aliases_of_yaml_are_limited() -> None:
    """Each stands for what it repeats, but a few lines never become many."""
    many = "".join(f"{b}: [{', '.join(['*' + a] * 20)}]\n" for a, b in ("ab", "bc", "cd", "de"))
    many = re.sub(r"(?m)^(\w): ", r"\1: &\1 ", many)

    assert documents("a: &x [1, 1]\nb: [*x, *x]\n") == [(1, {"a": ["1", "1"], "b": [["1", "1"]] * 2})]
    with pytest.raises(AliasExpansionError):
        documents("a: &a [1, 1]\n" + many)


@pytest.mark.parametrize(
    "text",
    ["apiVersion: v1\nkind: Pod\n", "receivers:\n  otlp:\nexporters:\n  file:\n", "model_list:\n- a: b\n"],
)
def test_a_configuration_is_no_record(text: str) -> None:
    """It says what should happen, not what did."""
    found = documents(text)

    assert found is not None
    assert is_configuration(found[0][1])
