"""Datadog LLM Observability: SDK events, intake, Export API and UI rows; kinds, scopes, money, ids, times."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auditor.readers.traces.datadog import span_id, tag_pairs, trace_id
from tests.readers import counts, field, keys, report

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
OWN = ["ddtrace.version:4.16.0", "env:prod", "error:0", "language:python", "ml_app:support-desk", "version:"]
METRICS = {"input_tokens": 7, "output_tokens": 14, "total_tokens": 21}


def span(kind: str = "llm", tags: tuple[str, ...] = ("tenant_id:acme",), **more: Any) -> dict[str, Any]:
    """A span event as ddtrace 4.16.0 writes it."""
    return {
        "trace_id": "6aa8c000000000003ccbbc099228aae9",
        "span_id": "12046106705383470426",
        "parent_id": "undefined",
        "name": "bedrock-runtime.command",
        "start_ns": 1789380000476010324,
        "duration": 8025510,
        "status": "ok",
        "meta": {
            "span": {"kind": kind},
            "model_name": MODEL,
            "model_provider": "amazon_bedrock",
            "metadata": {"stop_reason": "end_turn"},
            "input": {"messages": [{"content": "tenant_id: initech", "role": "user"}]},
        },
        "metrics": METRICS,
        "tags": [*OWN, "service:aws.bedrock-runtime", *tags],
    } | more


def event(**more: Any) -> dict[str, Any]:
    """One event as the writer sends it."""
    held = {"_dd.stage": "raw", "_dd.tracer_version": "4.16.0", "event_type": "span"}
    return held | {"spans": [span(**more)]}


def intake(*spans: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A body of the HTTP intake."""
    return {"data": {"type": "span", "attributes": {"ml_app": "support-desk", "spans": list(spans)} | more}}


def exported(**more: Any) -> dict[str, Any]:
    """An answer of the Export API, in the shape of its documentation."""
    held = {
        "trace_id": "6903738200000000af2d3775dfc70530",
        "span_id": "14624140233640368324",
        "parent_id": "undefined",
        "name": "llm_call",
        "ml_app": "support-desk",
        "span_kind": "llm",
        "model_name": MODEL,
        "model_provider": "amazon_bedrock",
        "start_ns": 1789380000897,
        "duration": 83000,
        "status": "ok",
        "metrics": METRICS,
        "tags": ["env:prod", "tenant_id:acme", "version:"],
        "metadata": {"team": "growth"},
    }
    return {
        "data": [{"id": held["span_id"], "type": "span", "attributes": held | more}],
        "meta": {"page": None},
    }


FACETS = {
    "@ml_app": "support-desk",
    "@trace_id": "6aa8c000000000003ccbbc099228aae9",
    "@span_id": "11",
    "@name": "chat",
    "@meta.span.kind": "llm",
    "@meta.model_name": MODEL,
    "@metrics.input_tokens": 7,
    "@metrics.output_tokens": 14,
    "@start_ns": 1789380000476010324,
    "Tags": "env:prod, tenant_id:acme",
}
WIDE = {k: v for k, v in span().items() if k != "meta"} | {"meta": {"kind": "llm", "model_name": MODEL}}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([event()]),
        json.dumps(event()),
        json.dumps([event()]) + "\n" + json.dumps([event(span_id="7")]),
        json.dumps(span()),
        json.dumps(intake(WIDE), indent=2),
        json.dumps(exported()),
        json.dumps([FACETS]),
    ],
    ids=["body", "event", "bodies", "span", "intake", "export", "facets"],
)
def test_every_shape_of_a_span_is_read(text: str) -> None:
    """What the SDK sends, what the intake takes, what the API gives and what the UI shows are one format."""
    found = report(text)

    assert "datadog-llmobs" == found.inputs[0].format
    assert (found.inputs[0].records, 0) == (found.totals.calls, found.inputs[0].skipped_total)
    for name in ("tenant_id", "model", "tokens_input", "tokens_output"):
        assert found.totals.calls == field(found, name).present, name


@pytest.mark.parametrize(
    ("kind", "calls"),
    [("llm", 1), ("embedding", 1), ("workflow", 0), ("agent", 0), ("tool", 0), ("task", 0), ("retrieval", 0)],
)
@pytest.mark.parametrize("written", ["span", "span.kind", "kind"])
def test_a_span_of_kind_llm_or_embedding_is_a_call(kind: str, calls: int, written: str) -> None:
    """The kind is told, in each of the three places where versions write it."""
    said = {"span": {"kind": kind}} if written == "span" else {written: kind}
    body = [event(), {"event_type": "span", "spans": [span(meta=said, span_id="7", metrics={})]}]

    assert 1 + calls == report(json.dumps(body)).totals.calls


def test_tags_and_metadata_stand_on_the_span() -> None:
    """A user's own tags and metadata are the span's; the application's name is the process's."""
    one = span(tags=("tenant_id:acme", "team:growth", "user_id:u-42"))
    one["meta"]["metadata"] = {"workflow_id": "triage", "prompt": "tenant_id: initech"}
    found = report(json.dumps([{"event_type": "span", "spans": [one]}]))

    assert {("tags.tenant_id", "span")} == keys(found, "tenant_id")
    assert {("tags.team", "span")} == keys(found, "team_id")
    assert {("tags.user_id", "span")} == keys(found, "user_id")
    assert ("meta.metadata.workflow_id", "span") in keys(found, "workflow_id")
    assert {("tags.env", "process")} == keys(found, "environment")


def test_the_name_of_the_application_is_no_workflow_of_a_call() -> None:
    """`ml_app` is one value for the whole process."""
    found = report(json.dumps([event()]))

    assert (0, 0, 1, 0) == counts(found, "workflow_id")
    assert {"process"} == {scope for _, scope in keys(found, "workflow_id")}


def test_what_the_intake_says_once_is_wider_than_a_call() -> None:
    """Tags beside the list of spans hold for all of them."""
    body = intake(
        WIDE | {"tags": []}, WIDE | {"tags": [], "span_id": "7"}, tags=["tenant_id:acme"], session_id="s-7"
    )
    found = report(json.dumps(body))

    assert (0, 0, 2, 0) == counts(found, "tenant_id")
    assert {("attributes.tags.tenant_id", "trace")} == keys(found, "tenant_id")
    assert (2, 0, 0, 0) == counts(found, "session_id")


def test_a_workflow_s_tags_are_not_its_calls() -> None:
    """An owner on the workflow span stands on the parent of the call."""
    outer = event(kind="workflow", span_id="7", metrics={}, tags=("tenant_id:acme",))
    found = report(json.dumps([outer, event(parent_id="7", tags=())]))

    assert (0, 0, 1, 0) == counts(found, "tenant_id")
    assert ("tags.tenant_id", "parent_span") in keys(found, "tenant_id")


@pytest.mark.parametrize(
    ("metrics", "dollars"),
    [
        ({"total_cost": 0.0075}, 0.0075),
        ({"input_cost": 0.0025, "output_cost": 0.005}, 0.0075),
        ({"estimated_total_cost": 7_500_000}, 0.0075),
        ({"total_cost": 0.0075, "estimated_total_cost": 9_000_000}, 0.0075),
    ],
    ids=["total", "parts", "estimate", "both"],
)
def test_the_sdk_writes_dollars_and_datadog_nano_dollars(metrics: dict[str, float], dollars: float) -> None:
    """The documented estimate of 10 + 10 tokens of gpt-4o-mini is 7500: nano-dollars by its price list."""
    found = report(json.dumps(exported(metrics=METRICS | metrics)))

    assert "observed" == found.totals.cost_basis
    assert dollars == pytest.approx(found.totals.cost_usd)


def test_milliseconds_of_the_export_are_told_from_nanoseconds() -> None:
    """The Export API writes `start_ns` in milliseconds; a duration is nanoseconds in both."""
    from auditor.framing.times import to_ns

    assert 1789380000897000000 == to_ns(exported()["data"][0]["attributes"]["start_ns"])
    assert (1, 0, 0, 0) == counts(report(json.dumps(exported())), "latency_ms")


def test_a_failed_call_has_no_usage_to_miss() -> None:
    """Status and error type tell the failure."""
    one = event(status="error", metrics={})
    one["spans"][0]["meta"]["error"] = {"type": "botocore.errorfactory.ThrottlingException", "message": "x"}
    found = report(json.dumps([one]))

    assert (0, 0, 0, 1) == counts(found, "tokens_input")
    assert {("meta.error.type", "attempt")} == keys(found, "error_code")


def test_cache_and_reasoning_tokens_are_kept_apart() -> None:
    """Each kind of token is its own field."""
    more = {"cache_read_input_tokens": 3, "cache_write_input_tokens": 2, "reasoning_output_tokens": 1}
    found = report(json.dumps([event(metrics=METRICS | more)]))

    for name in ("tokens_cache_read", "tokens_cache_write", "tokens_reasoning", "tokens_total"):
        assert (1, 0, 0, 0) == counts(found, name), name


def test_what_events_never_hold_is_not_carried() -> None:
    """AWS ids, the principal and the region are not held against anyone."""
    found = report(json.dumps([event()]))

    for name in ("iam_principal", "attempt_id", "region", "account_id"):
        assert (0, 0, 0, 1) == counts(found, name), name


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (11, "000000000000000b"),
        ("11", "000000000000000b"),
        ("12046106705383470426", "a72c5e39bcd5355a"),
        ("a72c5e39bcd5355a", "a72c5e39bcd5355a"),
        ("undefined", None),
        ("0", None),
        (0, None),
        (None, None),
        (True, None),
    ],
)
def test_a_span_id_is_hex_however_it_is_written(given: Any, expected: str | None) -> None:
    """Decimal numbers, decimal text and hex text of one id are one id."""
    assert expected == span_id(given)


def test_a_trace_id_gets_its_upper_half() -> None:
    """APM keeps the lower 64 bits as a number and the upper ones in a tag."""
    assert "6aa8c00000000000000000000000000b" == trace_id(11, "6aa8c00000000000")
    assert "6aa8c000000000003ccbbc099228aae9" == trace_id("6aa8c000000000003ccbbc099228aae9", "ff")
    assert trace_id(142233992323481423602994985942514918161) == f"{142233992323481423602994985942514918161:x}"


def test_tags_come_as_lists_or_mappings() -> None:
    """`key:value` is cut at its first colon, and an empty value is an empty value."""
    assert [("a", "b:c"), ("version", ""), ("n", 1)] == [
        *tag_pairs(["a:b:c", "version:", "bare"]),
        *tag_pairs({"n": 1}),
    ]


def test_odd_events_raise_nothing() -> None:
    """Metrics, meta, tags and spans of other types are taken for nothing."""
    meta = {"span": {"kind": "llm"}, "metadata": "x"}
    odd = span(metrics=[1], meta=meta, start_ns="?", duration="x") | {"tags": "a:b"}
    found = report(json.dumps([event(), {"event_type": "span", "spans": [odd, 7]}]))

    assert (2, 1) == (found.totals.calls, found.inputs[0].skipped_total)
