"""Where a record begins is found again in the raw bytes: lines and columns from 1, pointers by RFC 6901."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.audit import Input, audit
from auditor.locate.positions import Positions, value_at
from auditor.policy.model import Policy
from auditor.readers.otlp.json import span_pointer

scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=12)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def pointers(value: Any, here: str = "") -> list[str]:
    """Every pointer into a value."""
    out = [here]
    items: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        items = [(k.replace("~", "~0").replace("/", "~1"), v) for k, v in value.items()]
    elif isinstance(value, list):
        items = [(str(i), v) for i, v in enumerate(value)]
    for key, inner in items:
        out += pointers(inner, f"{here}/{key}")
    return out


@given(document=documents, pretty=st.booleans(), data=st.data())
def test_a_pointer_leads_to_the_bytes_of_its_value(document: Any, pretty: bool, data: st.DataObject) -> None:
    """Decoding from the found offset gives the value that the pointer names."""
    raw = json.dumps(document, indent=2 if pretty else None, ensure_ascii=False)
    pointer = data.draw(st.sampled_from(pointers(document)))

    found = Positions(raw.encode()).of(pointer)

    value, _ = json.JSONDecoder().raw_decode(raw.encode()[found:].decode())
    assert value_at(document, pointer) == value


@pytest.mark.parametrize("tail", ["", "]", ' {"next": 1}', ', "more": [1, 2'])
@pytest.mark.parametrize("document", ['{"a": {"b": [0, "x", {"c": 7', '{"a": 1, "a": {"b": [0, "x", {"c": 7'])
def test_a_value_of_a_broken_document_is_found(document: str, tail: str) -> None:
    """A document that ends early, goes on, or says a name twice still has its places."""
    raw = (document + tail).encode()

    assert raw.index(b"7") == Positions(raw).of("/a/b/2/c")


def test_a_span_is_pointed_at_in_reading_order() -> None:
    """The third span of a document with two scopes stands in the second scope."""
    document: dict[str, Any] = {"resourceSpans": [{"scopeSpans": [{"spans": [{}, {}]}, {"spans": [{}]}]}]}
    assert span_pointer(document, 2) == "/resourceSpans/0/scopeSpans/1/spans/0"


def test_lines_and_columns_count_from_one() -> None:
    """The second line of JSON lines is line 2; the column is that of the key that the gap is about."""
    lines = [
        '{"model": "m", "input_tokens": 1, "tenant_id": "acme"}',
        '{"model": "m", "input_tokens": 1, "tenant_id": "unknown"}',
    ]
    report = audit([Input(name="log", data="\n".join(lines).encode())], Policy(profile="all"))
    gap = next(g for g in report.gaps if g.field == "tenant_id" and g.cause == "placeholder")
    assert (gap.anchors[0].line, gap.anchors[0].column) == (2, lines[1].index('"tenant_id"') + 1)


def test_a_csv_row_is_found_by_its_line() -> None:
    """A quoted cell with a newline does not shift the lines of the rows after it."""
    text = (
        "line_item_iam_principal,line_item_usage_type,line_item_unblended_cost,tags\n"
        'arn:aws:iam::123456789012:user/alice,USE1-NovaPro-input-tokens,1.0,"{""iamPrincipal/team"":\n""ds""}"\n'
        "arn:aws:iam::123456789012:user/alice,USE1-NovaPro-input-tokens,2.0,{}\n"
    )
    report = audit([Input(name="bill.csv", data=text.encode())])
    lines = {a.line for g in report.gaps if g.field == "team_id" for a in g.anchors}
    assert lines == {4}
