"""Phoenix spans: pages of the API, JSON lines, data frames, flat and nested attributes."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from tests.readers import counts, field, keys, report

MODEL = "us.anthropic.claude-sonnet-4-6"
FLAT: dict[str, Any] = {
    "llm.model_name": MODEL,
    "llm.token_count.prompt": 120,
    "llm.token_count.completion": 45,
    "user.id": "u-42",
    "metadata": '{"tenant_id": "acme"}',
}
NESTED: dict[str, Any] = {
    "llm": {
        "model_name": MODEL,
        "token_count": {"prompt": 120, "completion": 45, "prompt_details": {"cache_read": 100}},
        "input_messages": [{"message": {"content": "tenant_id: x"}}],
        "cost": {"total": 0.00104},
    },
    "user": {"id": "u-42"},
    "session": {"id": "s-7"},
    "metadata": {"tenant_id": "acme"},
    "input": {"value": '{"team_id": "growth"}', "mime_type": "application/json"},
    "tag": {"tags": ["prod", "workflow:triage"]},
}


def span(n: int = 1, **more: Any) -> dict[str, Any]:
    """A span as arize-phoenix-client 3.5.0 reads it."""
    out: dict[str, Any] = {
        "id": "U3Bhbjox",
        "name": "ChatBedrock",
        "context": {"trace_id": "b9aad5fa2bfd511e0b0a7db4812cdd00", "span_id": f"5ce3a8792305be5{n}"},
        "span_kind": "LLM",
        "parent_id": None,
        "start_time": "2026-09-14T10:00:03.4Z",
        "end_time": "2026-09-14T10:00:04.3Z",
        "status_code": "OK",
        "attributes": FLAT,
        "events": [],
    }
    return out | more


def read(*spans: dict[str, Any]) -> Any:
    """The report on one page of the API."""
    return report(json.dumps({"data": list(spans or [span()]), "next_cursor": None}))


@pytest.mark.parametrize(("kind", "calls"), [("LLM", 1), ("EMBEDDING", 1), ("CHAIN", 0), ("TOOL", 0)])
def test_the_kind_of_a_span_decides(kind: str, calls: int) -> None:
    """Chains, tools and retrievers are context."""
    found = read(span(), span(2, span_kind=kind, attributes={}))

    assert ("phoenix-export", 1 + calls, 1 - calls) == (
        found.inputs[0].format,
        found.inputs[0].calls,
        found.inputs[0].context,
    )


def test_an_unknown_kind_is_told_by_its_attribute() -> None:
    """Spans that were loaded by other tools have the kind as an attribute only."""
    found = read(span(span_kind="UNKNOWN", attributes=FLAT | {"openinference.span.kind": "LLM"}))

    assert 1 == found.inputs[0].calls


@pytest.mark.parametrize("attributes", [FLAT, NESTED])
def test_attributes_are_read_flat_and_nested(attributes: dict[str, Any]) -> None:
    """Older exports nest what newer ones write as dotted names."""
    found = read(span(attributes=attributes))

    for name in ("tenant_id", "user_id", "model", "tokens_input", "tokens_output", "latency_ms"):
        assert (1, 0, 0, 0) == counts(found, name), name


def test_nested_names_are_those_of_the_vocabulary() -> None:
    """Caches, cost, session and tags are found behind their namespaces; prompts are not."""
    found = read(span(attributes=NESTED))

    assert {("llm.token_count.prompt_details.cache_read", "span")} == keys(found, "tokens_cache_read")
    for name in ("cost_usd", "session_id", "workflow_id"):
        assert (1, 0, 0, 0) == counts(found, name), name
    assert (0, 1, 0, 0) == counts(found, "team_id")


def test_the_process_cannot_be_seen() -> None:
    """An export without a resource never says what only the process knows."""
    assert (0, 0, 0, 1) == counts(read(), "environment")
    assert {"by_format": 1} == field(read(), "environment").causes


def test_metadata_on_the_chain_is_on_the_wrong_span() -> None:
    """What only the parent names cannot be summed by span."""
    own = {k: v for k, v in FLAT.items() if k != "metadata"}
    top = span(1, span_kind="CHAIN", attributes={"metadata": FLAT["metadata"]})
    found = read(top, span(2, parent_id="5ce3a8792305be51", attributes=own))

    assert (0, 0, 1, 0) == counts(found, "tenant_id")


def test_a_failed_span_tells_why() -> None:
    """The status says that it failed, the event of its exception says how."""
    event = {"name": "exception", "attributes": {"exception.type": "ThrottlingException"}}
    found = read(span(status_code="ERROR", events=[event], attributes={"llm.model_name": MODEL}))

    assert (0, 0, 0, 1) == counts(found, "tokens_input")
    assert (1, 0, 0, 0) == counts(found, "error_code")


FRAME: dict[str, Any] = {
    "name": "ChatBedrock",
    "span_kind": "LLM",
    "parent_id": "",
    "start_time": "2026-09-14 10:00:03.400000+00:00",
    "end_time": "2026-09-14 10:00:04.300000+00:00",
    "status_code": "OK",
    "events": "[]",
    "context.trace_id": "b9aad5fa2bfd511e0b0a7db4812cdd00",
    "context.span_id": "5ce3a8792305be51",
    "attributes.llm.model_name": MODEL,
    "attributes.llm.token_count.prompt": "120.0",
    "attributes.llm.token_count.completion": "45.0",
    "attributes.metadata": "{'tenant_id': 'acme'}",
    "attributes.tag.tags": "['team:growth']",
    "attributes.user.id": "",
    "attributes.input.value": '{"user_id": "x"}',
}


def test_a_data_frame_as_csv() -> None:
    """Columns are dotted names, mappings are Python text, and an empty cell is nothing."""
    text = io.StringIO()
    table = csv.DictWriter(text, list(FRAME))
    table.writeheader()
    table.writerows([FRAME, FRAME | {"context.span_id": "5ce3a8792305be52", "attributes.metadata": ""}])
    found = report(text.getvalue())

    assert ("phoenix-export", 2) == (found.inputs[0].format, found.inputs[0].calls)
    assert (1, 0, 1, 0) == counts(found, "tenant_id")
    assert (2, 0, 0, 0) == counts(found, "team_id")
    assert (0, 2, 0, 0) == counts(found, "user_id")
    assert 330 == found.totals.tokens


def test_a_data_frame_as_json_records() -> None:
    """Lists and mappings stay what they are, times are milliseconds, missing values null."""
    row = FRAME | {"start_time": 1789380003400, "end_time": 1789380004300, "parent_id": None}
    row |= {"attributes.metadata": {"tenant_id": "acme"}, "attributes.tag.tags": None}
    found = report(f"{json.dumps(row)}\n{json.dumps(row)}\n")

    assert ("phoenix-export", 2) == (found.inputs[0].format, found.inputs[0].calls)
    assert (1, 0, 0, 0) == counts(found, "tenant_id")
    assert (1, 0, 0, 0) == counts(found, "latency_ms")


@pytest.mark.parametrize(
    "other",
    [
        {"resource": {"attributes": {"service.name": "app"}}},
        {"context": {"trace_id": "0xb9aad5fa2bfd511e0b0a7db4812cdd00"}},
    ],
)
def test_spans_of_other_exporters_are_left_to_them(other: dict[str, Any]) -> None:
    """A resource, or ids that are not both there, is another format's."""
    assert "phoenix-export" != report(json.dumps([span(**other)])).inputs[0].format


@pytest.mark.parametrize("odd", [None, 3, [], "x", {"a": {"b": [1]}}])
def test_odd_types_break_nothing(odd: Any) -> None:
    """Values of any kind where others are expected are read as none."""
    made = span(attributes=odd, events=odd, start_time=odd, status_code=odd, parent_id=odd, name=odd)

    assert "phoenix-export" == report(json.dumps([made])).inputs[0].format
