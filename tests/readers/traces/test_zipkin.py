"""Zipkin v2: its shapes, what an exporter flattens into the tags, times, ids, and how recognition goes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.readers import counts, field, keys, report

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
TRACE = "b9aad5fa2bfd511e0b0a7db4812cdd00"
USAGE = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": MODEL,
    "gen_ai.usage.input_tokens": "12",
    "gen_ai.usage.output_tokens": "3",
}


def span(tags: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A span as an exporter writes it."""
    return {
        "traceId": TRACE,
        "id": "5ce3a8792305be51",
        "kind": "CLIENT",
        "name": "chat",
        "timestamp": 1789380000401504,
        "duration": 911883,
        "localEndpoint": {"serviceName": "support-desk"},
        "tags": tags,
    } | more


ONE = span({**USAGE, "tenant_id": "acme"})


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([ONE]),
        json.dumps([[ONE]]),
        json.dumps([[ONE]], indent=2),
        json.dumps(ONE) + "\n" + json.dumps(ONE | {"id": "5ce3a8792305be52"}) + "\n",
        json.dumps({"hits": {"hits": [{"_index": "zipkin-span", "_source": ONE | {"timestamp_millis": 1}}]}}),
    ],
    ids=["spans", "traces", "pretty", "lines", "elasticsearch"],
)
def test_every_container_of_zipkin_spans_is_read(text: str) -> None:
    """An array of spans, an array of traces, lines, and documents of a store are one format."""
    found = report(text)

    assert "zipkin-v2" == found.inputs[0].format
    assert (found.inputs[0].records, 0) == (found.totals.calls, found.inputs[0].skipped_total)
    assert found.totals.calls == field(found, "tenant_id").present


def test_numbers_that_are_text_are_numbers() -> None:
    """Tag values are all text: tokens count, and the latency comes from microseconds."""
    found = report(json.dumps([ONE]))

    assert 15 == found.totals.tokens
    assert (1, 0, 0, 0) == counts(found, "latency_ms")
    assert ("tenant_id", "span") in keys(found, "tenant_id")


def test_what_follows_the_service_name_is_the_process_s() -> None:
    """Exporters write the resource behind the span's own tags: a team there is a deployment's."""
    tags = {**USAGE, "tenant.id": "acme", "service.name": "support-desk", "team.id": "support-ai"}
    found = report(json.dumps([span({**tags, "otel.scope.name": "app"})]))

    assert {("tags.team.id", "process")} == keys(found, "team_id")
    assert (0, 0, 1, 0) == counts(found, "team_id")
    assert (1, 0, 0, 0) == counts(found, "tenant_id")


def test_sorted_tags_say_nothing_of_the_resource() -> None:
    """Where an exporter sorts the tags, the order is no evidence, and a tag is the span's."""
    tags = {**USAGE, "service.name": "support-desk", "tenant.id": "acme", "team.id": "support-ai"}
    found = report(json.dumps([span(dict(sorted(tags.items())))]))

    assert (1, 0, 0, 0) == counts(found, "tenant_id")


def test_the_region_of_the_span_is_not_the_process_s() -> None:
    """A region that the span had keeps its place although the resource has one too."""
    tags = {"cloud.region": "us-east-1", **USAGE, "service.name": "support-desk", "cloud.provider": "aws"}

    assert (1, 0, 0, 0) == counts(report(json.dumps([span(tags)])), "region")


def test_a_captured_header_is_only_on_the_wire() -> None:
    """A header attribute, written as a JSON array, proves arrival and nothing more."""
    found = report(json.dumps([span({**USAGE, "http.request.header.x-tenant-id": '["acme"]'})]))

    assert (0, 0, 1, 0) == counts(found, "tenant_id")


def test_a_parent_with_a_short_id_is_found() -> None:
    """Ids that lost their leading zeros meet those that kept them."""
    root = span({"tenant_id": "acme"}, id="00000000000000ab", name="POST /v1/chat")
    child = span(USAGE, parentId="ab")
    found = report(json.dumps([root, child]))

    assert ("tenant_id", "parent_span") in keys(found, "tenant_id")


@pytest.mark.parametrize(("tags", "failed"), [({"error": ""}, 1), ({"error": "false"}, 0), ({}, 0)])
def test_an_error_tag_says_that_the_call_failed(tags: dict[str, str], failed: int) -> None:
    """Any error tag but `false` marks a failure, whose missing tokens are not held against anyone."""
    asked = {k: v for k, v in USAGE.items() if "usage" not in k}
    found = report(json.dumps([span({**asked, **tags})]))

    assert failed == field(found, "tokens_input").not_carried


@pytest.mark.parametrize(
    "record",
    [
        {"id": "obs-1", "traceId": TRACE, "projectId": "p", "type": "GENERATION", "startTime": "2026-09-14"},
        {"id": "abc", "traceId": TRACE, "timestamp": "2026-09-14T10:00:00Z", "name": "x", "tags": ["a:b"]},
        {"traceId": TRACE, "spanId": "5ce3a8792305be51", "model": MODEL, "tenant_id": "acme"},
    ],
    ids=["langfuse-observation", "langfuse-trace", "application-log"],
)
def test_other_records_with_trace_ids_are_not_zipkin(record: dict[str, Any]) -> None:
    """A trace id alone makes no Zipkin span."""
    from auditor.readers.traces.zipkin import match

    assert 0.5 > match(record)


def test_damaged_spans_are_read_as_far_as_they_go() -> None:
    """Times, tags and endpoints of another type are taken for nothing, without an error."""
    odd = span({**USAGE}, timestamp="soon", duration=None, localEndpoint="x", parentId=7, name=None)
    odder = span({}, timestamp=-1) | {"tags": [1]}
    found = report(json.dumps([odd, odder]))

    assert (2, 1) == (found.inputs[0].records, found.totals.calls)
