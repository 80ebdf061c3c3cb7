"""Jaeger: the UI's JSON, single traces, Elasticsearch documents, the protobuf model's names, and odd data."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.readers import counts, field, keys, report

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
TRACE = "0aad5fa2bfd511e0b0a7db4812cdd001"
USAGE: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": MODEL,
    "gen_ai.usage.input_tokens": 12,
    "gen_ai.usage.output_tokens": 3,
}


def tags(held: dict[str, Any]) -> list[dict[str, Any]]:
    """Tags as Jaeger writes them."""
    return [
        {"key": k, "type": "int64" if isinstance(v, int) else "string", "value": v} for k, v in held.items()
    ]


def span(held: dict[str, Any], number: str = "ce3a8792305be51", **more: Any) -> dict[str, Any]:
    """A span of the UI's JSON; its ids lack their leading zero."""
    return {
        "traceID": TRACE.lstrip("0"),
        "spanID": number,
        "operationName": "chat",
        "references": [],
        "startTime": 1789380000401504,
        "duration": 911883,
        "tags": tags(held),
        "logs": [],
        "processID": "p1",
    } | more


def trace(*spans: dict[str, Any], process: dict[str, Any] | None = None) -> dict[str, Any]:
    """A trace with one process."""
    held = {"p1": {"serviceName": "support-desk", "tags": tags(process or {})}}
    return {"traceID": TRACE.lstrip("0"), "spans": list(spans), "processes": held}


OWNED = {**USAGE, "tenant_id": "acme"}


@pytest.mark.parametrize(
    "document",
    [
        {"data": [trace(span(OWNED))], "total": 0, "limit": 0, "offset": 0, "errors": None},
        trace(span(OWNED)),
        [trace(span(OWNED))],
    ],
    ids=["api", "one-trace", "array"],
)
def test_every_container_of_a_trace_is_read(document: Any) -> None:
    """The API's answer, one trace as the UI downloads it, and an array of traces are one format."""
    found = report(json.dumps(document))

    assert ("jaeger", 1, 0) == (
        found.inputs[0].format,
        found.totals.calls,
        found.inputs[0].skipped_total,
    )
    assert (1, 0, 0, 0) == counts(found, "tenant_id")
    assert (1, 0, 0, 0) == counts(found, "latency_ms")


def test_tags_of_a_process_stand_at_process() -> None:
    """What the deployment was started with is one value for every tenant that it serves."""
    found = report(json.dumps(trace(span(USAGE), process={"tenant.id": "acme"})))

    assert {("process.tenant.id", "process")} == keys(found, "tenant_id")
    assert (0, 0, 1, 0) == counts(found, "tenant_id")


def test_a_reference_leads_to_the_parent() -> None:
    """Ids are compared with their leading zeros put back."""
    root = span({"tenant_id": "acme"}, "ab", operationName="POST /v1/chat")
    above = [{"refType": "CHILD_OF", "traceID": TRACE.lstrip("0"), "spanID": "00000000000000ab"}]
    found = report(json.dumps(trace(root, span(USAGE, references=above))))

    assert ("tenant_id", "parent_span") in keys(found, "tenant_id")


def test_a_reference_into_another_trace_is_no_parent() -> None:
    """A span of another trace may share the number, and owns nothing here."""
    root = span({"tenant_id": "acme"}, "ab", operationName="POST /v1/chat")
    other = [{"refType": "FOLLOWS_FROM", "traceID": "ff", "spanID": "ab"}]
    found = report(json.dumps(trace(root, span(USAGE, references=other))))

    assert ("tenant_id", "parent_span") not in keys(found, "tenant_id")


def stored(**more: Any) -> dict[str, Any]:
    """A document of Elasticsearch with the process inside."""
    held = span({}, process={"serviceName": "support-desk", "tags": tags({"team": "support-ai"})})
    return {k: v for k, v in held.items() if k not in ("processID", "tags")} | {"startTimeMillis": 1} | more


@pytest.mark.parametrize(
    "document",
    [
        stored(tags=tags(OWNED)),
        stored(tag={k.replace(".", "@"): v for k, v in OWNED.items()}),
        stored(tags=OWNED),
        stored(tags=tags(USAGE), tag={"tenant_id": "acme"}),
    ],
    ids=["list", "fields", "map", "both"],
)
@pytest.mark.parametrize("wrapped", [True, False])
def test_documents_of_elasticsearch_are_read(document: dict[str, Any], wrapped: bool) -> None:
    """Tags as a list, as fields whose dots are `@`, or both; in a search result or one a line."""
    body: Any = {"hits": {"hits": [{"_index": "jaeger-span", "_source": document}]}} if wrapped else document
    found = report(json.dumps(body))

    assert ("jaeger", 1) == (found.inputs[0].format, found.totals.calls)
    assert (1, 0, 0, 0) == counts(found, "tenant_id")
    assert 15 == found.totals.tokens
    assert {("process.team", "process")} == keys(found, "team_id")


def test_the_names_of_the_protobuf_model_are_read() -> None:
    """Base64 ids, typed value names, ISO times and durations in seconds."""
    held = [{"key": k, "vType": "STRING", "vStr": str(v)} for k, v in OWNED.items() if "usage" not in k]
    held += [{"key": k, "vType": "INT64", "vInt64": str(v)} for k, v in USAGE.items() if "usage" in k]
    document = {
        "traceId": base64.b64encode(bytes.fromhex(TRACE)).decode(),
        "spanId": base64.b64encode(bytes.fromhex("0ce3a8792305be51")).decode(),
        "operationName": "chat",
        "startTime": "2026-09-14T10:00:03.401504Z",
        "duration": "0.911883s",
        "tags": held,
        "process": {"serviceName": "support-desk"},
    }
    found = report(json.dumps(document))

    assert ("jaeger", 1, 15) == (found.inputs[0].format, found.totals.calls, found.totals.tokens)
    assert (1, 0, 0, 0) == counts(found, "latency_ms")


@pytest.mark.parametrize(
    ("tag", "failed"),
    [
        ({"key": "error", "type": "bool", "value": True}, 1),
        ({"key": "error", "type": "bool", "value": False}, 0),
        ({"key": "otel.status_code", "type": "string", "value": "ERROR"}, 1),
    ],
)
def test_a_failed_call_has_no_tokens_to_miss(tag: dict[str, Any], failed: int) -> None:
    """An error tag or the OTel status marks a failure."""
    asked = {k: v for k, v in USAGE.items() if "usage" not in k}
    one = span(asked)
    one["tags"].append(tag)

    assert failed == field(report(json.dumps(trace(one))), "tokens_input").not_carried


def test_binary_tags_are_not_read() -> None:
    """A binary tag is no evidence."""
    one = span(USAGE)
    one["tags"].append({"key": "tenant_id", "type": "binary", "value": "YWNtZQ=="})

    assert (0, 1, 0, 0) == counts(report(json.dumps(trace(one))), "tenant_id")


def test_the_log_of_a_span_names_the_tenant() -> None:
    """Logs of a span are its events."""
    one = span(USAGE, logs=[{"timestamp": 1, "fields": tags({"tenant_id": "acme"})}])

    assert (1, 0, 0, 0) == counts(report(json.dumps(trace(one))), "tenant_id")


def test_what_is_no_span_is_skipped_and_counted() -> None:
    """Odd elements of a trace cost nothing but themselves."""
    odd = span(USAGE, references="x", tags=[1, {"key": "x"}], startTime=None, duration="long", processID=3)
    found = report(json.dumps(trace(span(OWNED), odd, 7)))  # type: ignore[arg-type]

    assert (2, 1) == (found.inputs[0].records, found.inputs[0].skipped_total)


def test_an_anchor_points_to_its_span() -> None:
    """A gap's example names the line and the pointer of the span in the document."""
    document = {"data": [trace(span({"x": 1}), span(USAGE, "ab"))]}
    found = report(json.dumps(document, indent=1))
    pointers = {a.pointer for g in found.gaps for a in g.anchors}

    assert any(p and p.startswith("/data/0/spans/1") for p in pointers)


def test_a_tag_that_is_called_a_trace_id_is_a_tag() -> None:
    """The tree is built from the ids of the spans."""
    parent = span({"tenant_id": "acme"}, "b1")
    below = [{"refType": "CHILD_OF", "traceID": parent["traceID"], "spanID": "b1"}]
    child = span(USAGE | {"trace_id": "conversation-8"}, "c1", references=below)

    assert (0, 0, 1, 0) == counts(report(json.dumps(trace(parent, child))), "tenant_id")
