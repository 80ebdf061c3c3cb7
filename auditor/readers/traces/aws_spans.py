"""Spans as CloudWatch keeps them in the log group `aws/spans` (Transaction Search), one a record.

OTLP names with attributes as plain maps. Lines of an export, the answers of `filter-log-events` and of Logs
Insights with `@message`, and of `list-retrieved-traces` are read. Which span is a call is as in `otlp-json`;
a framework's span around that of the SDK is context. Attributes and those of events stand at `span`, the
resource's at `process`. What AWS adds (`aws.local.*`, `aws.remote.*`) names no owner. The spans of AgentCore
carry neither the caller nor the tenant unless the agent's code sets them. Bodies are never kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.ids import hex_id
from auditor.readers.contract import RecordReader
from auditor.readers.shared.nested import listing, mapping
from auditor.readers.shared.spans import CARRIES, SpanRows, end_of
from auditor.readers.traces.values import integer

_ADDED = ("aws.local.", "aws.remote.", "aws.auth.", "aws.span.")
_TIMES = frozenset({"startTimeUnixNano", "endTimeUnixNano", "durationNano"})


def match(record: dict[str, Any]) -> float:
    """A span with a map of attributes, or an answer of `list-retrieved-traces`."""
    if _retrieved(record):
        return 1.0
    named = {"traceId", "spanId", "name"} <= record.keys() and not _TIMES.isdisjoint(record)
    if not named or not isinstance(record.get("attributes"), dict):
        return 0.0
    return 1.0 if "durationNano" in record else 0.9


def _retrieved(record: dict[str, Any]) -> bool:
    traces = record.get("Traces")
    return isinstance(traces, list) and any(isinstance(t, dict) and "Spans" in t for t in traces)


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One span, or every document of an answer, which may be a segment of X-Ray too."""
    if not _retrieved(record):
        _span(record, builder.state(SpanRows), offset, pointer)
        return
    for i, trace in enumerate(record["Traces"]):
        for j, span in enumerate(listing(mapping(trace).get("Spans"))):
            document = mapping(mapping(span).get("Document"))
            at = f"{pointer or ''}/Traces/{i}/Spans/{j}/Document"
            if not document:
                builder.skip(None, "a span's Document is no JSON")
            elif match(document):
                builder.attempt(None, _span, document, builder.state(SpanRows), offset, at)
            else:
                builder.attempt(None, builder.dispatch.other_record, document, offset, at)


def _span(span: dict[str, Any], rows: SpanRows, offset: int | None, pointer: str | None) -> None:
    started_at = integer(span.get("startTimeUnixNano")) or None
    duration = integer(span.get("durationNano"))
    attributes = mapping(span.get("attributes"))
    resource = mapping(mapping(span.get("resource")).get("attributes"))
    rows.add(
        ((key, value) for key, value in attributes.items() if not key.startswith(_ADDED)),
        trace_id=_id(span.get("traceId")),
        span_id=_id(span.get("spanId")),
        parent_id=_id(span.get("parentSpanId")),
        name=str(span.get("name") or "") or None,
        started_at=started_at,
        ended_at=integer(span.get("endTimeUnixNano")) or end_of(started_at, duration),
        error=str(mapping(span.get("status")).get("code")).upper() in ("ERROR", "STATUS_CODE_ERROR", "2"),
        process=rows.process_of(resource) if resource else None,
        offset=offset,
        pointer=pointer,
        library=mapping(span.get("scope")).get("name"),
        span_kind=span.get("kind"),
        events=_events(span),
    )


def _events(span: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for event in listing(span.get("events")):
        yield from mapping(mapping(event).get("attributes")).items()


def _id(value: Any) -> str | None:
    """An id as hex; none where it is empty or all zeros."""
    text = hex_id(value) if isinstance(value, str) else ""
    return text if text.strip("0") else None


FORMAT = Format(
    name="aws-spans",
    layer="app",
    title="CloudWatch spans (aws/spans, AgentCore)",
    own_keys=frozenset({"kind", "name"}),
    carries=CARRIES,
    get="""With Transaction Search on: `aws logs filter-log-events --log-group-name aws/spans \
--start-time T0 > spans.json`,
or in Logs Insights `fields @message | limit 10000` on the log group `aws/spans`. Select `@message`: without
the ids of span and parent a call cannot be told from the spans around it.""",
)
READERS = (RecordReader(format=FORMAT, match=match, take=take, by_value=frozenset({"Traces"})),)
