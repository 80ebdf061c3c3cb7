"""Grafana Tempo: a trace by its id in either version of the API, and hits of a search."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.readers import counts, field, keys, report
from tests.support.otlp import CALL, END, MODEL, PARENT, SPAN, START, TRACE, pairs, span, traces

PRESENT = (1, 0, 0, 0)


def based(document: dict[str, Any]) -> dict[str, Any]:
    """Ids in base64 and kinds as names, as Tempo writes them."""
    text = json.dumps(document).replace('"kind": 3', '"kind": "SPAN_KIND_CLIENT"')
    for old in (TRACE, SPAN, PARENT):
        text = text.replace(f'"{old}"', f'"{base64.b64encode(bytes.fromhex(old)).decode()}"')
    held: dict[str, Any] = json.loads(text)
    return held


BLOCKS = based(
    traces(
        span({"tenant.id": "acme"}, spanId=PARENT, parentSpanId="", name="POST /v1"),
        span(CALL),
        resource={"team.id": "growth"},
    )
)["resourceSpans"]
OLD = json.loads(json.dumps(BLOCKS).replace("scopeSpans", "instrumentationLibrarySpans"))


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"batches": BLOCKS}, "/batches/0/scopeSpans/0/spans/1"),
        ({"batches": OLD}, "/batches/0/instrumentationLibrarySpans/0/spans/1"),
        ({"trace": {"resourceSpans": BLOCKS}, "status": ""}, "/trace/resourceSpans/0/scopeSpans/0/spans/1"),
        ({"trace": {"batches": BLOCKS}}, "/trace/batches/0/scopeSpans/0/spans/1"),
        ({"metrics": {}, "trace": {"resourceSpans": BLOCKS}}, "/trace/resourceSpans/0/scopeSpans/0/spans/1"),
    ],
    ids=["batches", "library spans", "second version", "batches within", "with metrics"],
)  # fmt: skip
@pytest.mark.parametrize("indent", [None, 2])
def test_a_trace_is_read_in_every_version(document: dict[str, Any], pointer: str, indent: int | None) -> None:
    """One call under one parent; the pointer leads to it."""
    found = report(json.dumps(document, indent=indent))

    assert ("tempo", 1, 1, 0) == (
        found.inputs[0].format, found.inputs[0].calls, found.inputs[0].context, found.inputs[0].skipped_total,
    )  # fmt: skip
    assert ("tenant.id", "parent_span") in keys(found, "tenant_id")
    assert {("resource.team.id", "process")} == keys(found, "team_id")
    assert {pointer} == {a.pointer for g in found.gaps for a in g.anchors}
    assert PRESENT == counts(found, "latency_ms")


def test_ids_in_base64_are_hexadecimal_ids() -> None:
    """A parent with ids in base64 and its call with hexadecimal ones meet."""
    parent = traces(span({"tenant.id": "acme"}, spanId=PARENT, parentSpanId="", name="POST /v1"))
    held = based(parent)["resourceSpans"] + traces(span(CALL))["resourceSpans"]
    assert ("tenant.id", "parent_span") in keys(report(json.dumps({"batches": held})), "tenant_id")


def search(*spans: dict[str, Any], key: str = "spanSets") -> dict[str, Any]:
    """The answer of `/api/search`."""
    hit: dict[str, Any] = {"spans": list(spans), "matched": len(spans)}
    trace = {
        "traceID": TRACE.lstrip("0"), "rootServiceName": "support-bot", "rootTraceName": "POST /v1",
        "startTimeUnixNano": START, "durationMs": 912, key: [hit] if key == "spanSets" else hit,
    }  # fmt: skip
    return {"traces": [trace], "metrics": {"inspectedTraces": 1}}


HIT = {"spanID": SPAN, "startTimeUnixNano": START, "durationNanos": str(int(END) - int(START))}


@pytest.mark.parametrize("key", ["spanSets", "spanSet"])
def test_hits_of_a_search_judge_only_what_was_selected(key: str) -> None:
    """Tokens and model were selected; the tenant was not, so nobody can tell."""
    found = report(json.dumps(search(HIT | {"attributes": pairs(CALL)}, key=key)))

    assert ("tempo", 1) == (found.inputs[0].format, found.inputs[0].calls)
    for name in ("model", "tokens_input", "trace_id", "latency_ms"):
        assert PRESENT == counts(found, name), name
    assert {"by_sample": 1} == field(found, "tenant_id").causes


def test_what_was_selected_for_some_is_judged_for_all() -> None:
    """A tenant on one hit says that it was selected; the other hit has none."""
    other = HIT | {"spanID": PARENT, "attributes": pairs(CALL)}
    held = search(HIT | {"attributes": pairs(CALL | {"tenant.id": "acme"})})
    held["traces"] += [search(other)["traces"][0] | {"traceID": "7f"}]
    found = report(json.dumps(held))
    assert (1, 1, 0, 0) == counts(found, "tenant_id")


def test_a_search_without_spans_is_context() -> None:
    """A plain search lists traces, no spans."""
    held = search(HIT)
    del held["traces"][0]["spanSets"]
    found = report(json.dumps(held))
    assert ("tempo", 0, 1) == (found.inputs[0].format, found.inputs[0].calls, found.inputs[0].context)


@pytest.mark.parametrize(
    "document",
    [
        {"batches": [{"scopeSpans": 5}]},
        {"batches": [{"scopeSpans": [{"spans": [{"attributes": {}}]}]}]},
        search({"spanID": 5, "attributes": 7}) | {"more": 1},
        search(HIT | {"attributes": [5, {"key": None, "value": 3}]}),
        {"traces": [{"traceID": TRACE, "spanSets": 3}]},
        {"traces": [{"traceID": TRACE, "spanSets": [None, {"spans": [3]}]}]},
    ],
)
def test_another_shape_never_raises(document: dict[str, Any]) -> None:
    """Every piece ends as a record or as a skip."""
    text = json.dumps(document) + "\n" + json.dumps({"batches": BLOCKS})
    found = report(text)
    assert 1 <= found.inputs[0].calls
    assert found.inputs[0].records + found.inputs[0].skipped_total >= 2 + bool(document.get("traces"))


def test_the_model_alone_is_no_call_without_its_usage() -> None:
    """A hit for which only the model was selected may be any span."""
    found = report(json.dumps(search(HIT | {"attributes": pairs({"gen_ai.request.model": MODEL})})))
    assert (0, 1) == (found.inputs[0].calls, found.inputs[0].context)
