"""Datadog LLM Observability: events of ddtrace, bodies of the HTTP intake, the Export API, rows of the UI.

A span of kind `llm` or `embedding` is a call; workflows, agents, tools and tasks are context. Tags and
`meta.metadata` stand at `span`; what the intake gives once for all spans (its `tags`) at `trace`; `ml_app`
and `env` at `process`; `session_id` at `session`. SDK costs are dollars, Datadog's own `estimated_*` costs
nano-dollars. Times are nanoseconds, in the Export API milliseconds. Events never carry the IAM principal or
AWS ids, and the region only as a tag. Inputs and outputs are never kept.
"""

from __future__ import annotations

from typing import Any

from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.times import to_ns
from auditor.readers.contract import RecordReader
from auditor.readers.shared.carries import OWNERS, TOKENS, at_scope
from auditor.readers.shared.spans import SpanRows, end_of
from auditor.readers.traces.datadog import (
    CALL_KINDS,
    kind_of,
    mapping,
    process_of,
    put_event,
    put_tags,
    span_id,
    tag_pairs,
    trace_id,
)

_IDS = {"span_id", "trace_id"}


def match(record: dict[str, Any]) -> float:
    """An event by its ids and kind, the intake's body, an exported span, or a row with `@` facets."""
    if _IDS <= set(record):
        meta = record.get("meta")
        kind = isinstance(meta, dict) and ("kind" in meta or "span.kind" in meta or "span" in meta)
        return 1.0 if "start_ns" in record and (kind or "ml_app" in record or "span_kind" in record) else 0.0
    if record.get("event_type") == "span" and isinstance(record.get("spans"), list):
        return 1.0
    if "@ml_app" in record or "@meta.span.kind" in record:
        return 1.0
    attributes = _attributes(record) or _attributes(record.get("data"))
    if attributes is None:
        return 0.0
    return 1.0 if isinstance(attributes.get("spans"), list) or _IDS <= set(attributes) else 0.0


def _attributes(record: Any) -> dict[str, Any] | None:
    """The attributes of an intake body or of an exported span; None for any other record."""
    attributes = record.get("attributes") if isinstance(record, dict) else None
    if not isinstance(attributes, dict) or record.get("type") not in ("span", "llm_obs_span", "llmobs_span"):
        return None
    return attributes if "ml_app" in attributes or "span_kind" in attributes else None


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """Every span of an event, of an intake body, of an export, or one row of the UI."""
    base = pointer or ""
    body: dict[str, Any] = record
    if isinstance(record.get("data"), dict):
        body, base = record["data"], f"{base}/data"
    attributes = _attributes(body)
    if attributes is not None:
        body, base = attributes, f"{base}/attributes"
    if any(key.startswith("@") for key in record):
        body = _unfaceted(record)
    if not isinstance(body.get("spans"), list):
        _span(body, {}, builder, offset, base)
        return
    for i, span in enumerate(body["spans"]):
        if isinstance(span, dict):
            builder.attempt(None, _span, span, body, builder, offset, f"{base}/spans/{i}")
        else:
            builder.skip(None, "an element of `spans` is no span")


def _span(
    span: dict[str, Any], around: dict[str, Any], builder: Builder, offset: int | None, pointer: str
) -> None:
    """Put one span; `around` has what the intake sets once for all of them."""
    rows = builder.state(SpanRows)
    rows.trace = builder.column("trace_id", "trace", "trace_id")
    tags = dict(tag_pairs(around.get("tags"))) | dict(tag_pairs(span.get("tags")))
    started_at = to_ns(span.get("start_ns", span.get("start_ms", span.get("start", span.get("timestamp")))))
    duration = _duration(span.get("duration"))
    row = rows.add(
        (),
        trace_id=trace_id(span.get("trace_id")),
        span_id=span_id(span.get("span_id")),
        parent_id=span_id(span.get("parent_id")),
        name=str(span.get("name") or "") or None,
        started_at=started_at,
        ended_at=end_of(started_at, duration),
        error=str(span.get("status") or "").lower() == "error" or str(tags.get("error")) == "1",
        process=process_of(rows, tags, span.get("service"), "tags."),
        offset=offset,
        pointer=pointer,
        kind="call" if kind_of(span) in CALL_KINDS else "context",
    )
    put_event(span, builder, row)
    if span.get("status") is not None:
        builder.column("status", "span", "status").put(row, span["status"])
    put_tags(around.get("tags"), builder, row, "trace", "attributes.tags.")
    app = span.get("ml_app") or around.get("ml_app")
    if app:
        builder.column("workflow_id", "process", "ml_app", rank=40).put(row, app)
    if around.get("session_id") and span.get("session_id") is None:
        builder.column("session_id", "session", "attributes.session_id").put(row, around["session_id"])


def _duration(value: Any) -> int | None:
    """A duration in nanoseconds, as a number or as text."""
    try:
        duration = int(float(value))
    except (TypeError, ValueError, OverflowError):
        return None
    return duration if 0 <= duration < 2**62 else None


def _unfaceted(record: dict[str, Any]) -> dict[str, Any]:
    """A row of the UI (`@meta.span.kind`, `@metrics.input_tokens`) in the shape of its event."""
    out: dict[str, Any] = {}
    for key, value in record.items():
        path = key.removeprefix("@").split(".") if key.startswith("@") else [key.lower()]
        inner = out
        for part in path[:-1]:
            below = inner.setdefault(part, {})
            if not isinstance(below, dict):
                below = inner[part] = {}
            inner = below
        inner.setdefault(path[-1], value)
    tags = out.get("tags")
    if isinstance(tags, str):
        out["tags"] = [t.strip() for t in tags.strip("[]").split(",")]
    out["meta"] = mapping(out.get("meta"))
    return out


FORMAT = Format(
    name="datadog-llmobs",
    layer="app",
    title="Datadog LLM Observability spans",
    own_keys=frozenset({"attributes.name", "meta.kind", "name"}),
    carries=at_scope(
        "span",
        *(*OWNERS, "request_id user_id cost_usd model provider", *TOKENS),
        "latency_ms status cost_center agent",
    )
    | {
        "session_id": "session",
        "trace_id": "trace",
        "environment": "process",
        "error_code": "attempt",
    },
    get="""The Export API: `curl -H "DD-API-KEY: $DD_API_KEY" -H "DD-APPLICATION-KEY: $DD_APP_KEY" \
"$DD_API/api/v2/llm-obs/v1/spans/events?filter[span_kind]=llm" > spans.json`.
What an application sends: start it with `DD_LLMOBS_OVERRIDE_ORIGIN=http://localhost:PORT` and keep the
bodies that arrive there.""",
)
READERS = (
    RecordReader(
        format=FORMAT, match=match, take=take, by_value=frozenset({"event_type", "attributes", "data"})
    ),
)
