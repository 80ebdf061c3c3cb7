"""What console exporters of OpenTelemetry SDKs print: Python's JSON, Node's printed objects, .NET's blocks.

Node's own objects of spans, as `util.inspect` prints them (`SpanImpl { _spanContext: … }`), are read as well.

Objects stand one after another among the lines of the application's own log, children before parents.
Which span is a call, and where its fields stand, is as in `otlp-json`; log records of the console exporter
are read as in `otlp-logs-json`, metrics are context. The instrumentation scope is not printed. Prompt bodies
are never kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.dotnet_activities import ACTIVITY, Activity, activities, duration_ns
from auditor.framing.printed_objects import node_objects, node_value
from auditor.framing.times import to_ns
from auditor.inputs.source import Source
from auditor.readers.contract import InputSample, RecordReader, SourceReader
from auditor.readers.otlp.logs import LogRows
from auditor.readers.otlp.shapes import LogRecord, pairs_of, text_of, typed
from auditor.readers.shared.spans import CARRIES

_NODE = re.compile(rb"(?m)^\{\r?\n(?:  [^\n]*\n){0,400}?  traceId: ['\"][0-9a-f]{32}['\"],\r?$")
# the SDK's own object of a span, as `util.inspect` prints it
_DUMP = re.compile(rb"(?m)^ *[A-Z]\w* \{\r?\n +_spanContext: \{")
_NODE_SPAN = frozenset({"traceId", "id", "name", "attributes", "status", "timestamp", "duration"})
_NODE_LOG = frozenset({"traceId", "spanId", "severityNumber", "body", "attributes", "timestamp"})
_LOG = frozenset({"body", "severity_number", "attributes", "timestamp", "trace_id", "span_id"})
_NODE_KINDS = {"0": "internal", "2": "client"}
_ERRORS = ("ERROR", "StatusCode.ERROR", 2)


def match(record: dict[str, Any]) -> float:
    """A context with `0x` ids next to attributes; a log record or metrics as the same SDKs print them."""
    if isinstance(record.get("_spanContext"), dict) and "attributes" in record:
        return 1.0
    context = record.get("context")
    if isinstance(context, dict) and "attributes" in record and "trace_id" in context:
        printed = str(context["trace_id"]).startswith("0x") or str(record.get("kind")).startswith("SpanKind.")
        return 1.0 if printed else 0.0
    if isinstance(record.get("attributes"), (dict, type(None))) and "resource" in record:
        if record.keys() >= _LOG or record.keys() >= _NODE_LOG:
            return 0.9
        return 0.9 if record.keys() >= _NODE_SPAN and "tags" not in record else 0.0
    return 1.0 if _plain_metrics(record) else 0.0


def _plain_metrics(record: dict[str, Any]) -> bool:
    blocks_ = record.get("resource_metrics")
    first = blocks_[0] if isinstance(blocks_, list) and blocks_ and isinstance(blocks_[0], dict) else {}
    resource = first.get("resource")
    return isinstance(resource, dict) and isinstance(resource.get("attributes"), dict)


def sniff(sample: InputSample) -> float:
    """One of the first objects matches, or the head has an object as Node prints it."""
    claim = max((match(o) for o in sample.objects if isinstance(o, dict)), default=0.0)
    if claim or sample.container == "binary":
        return claim
    return 1.0 if _is_printed(sample.head) else 0.0


def _is_printed(head: bytes) -> bool:
    """Whether the head has a span as Node or .NET prints it."""
    return any(pattern.search(head[:65536]) for pattern in (_NODE, _DUMP, ACTIVITY))


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One printed span, log record or block of metrics."""
    rows = builder.state(LogRows)
    if _plain_metrics(record):
        builder.row("context", offset=offset, pointer=pointer, name="metrics")
        builder.note("metrics are totals over a period, not calls; they say nothing of who a call was for")
    elif "_spanContext" in record:
        _node_span(_of_dump(record), rows, offset, pointer)
    elif "context" in record:
        _python_span(record, rows, offset, pointer)
    elif "duration" in record:
        _node_span(record, rows, offset, pointer)
    else:
        try:
            log_record = _log_record(record)
        except ValueError:
            builder.skip(None, "text that is no Unicode")
            return
        rows.record(log_record, _process(record, rows), offset, 0, pointer)


def _python_span(record: dict[str, Any], rows: LogRows, offset: int | None, pointer: str | None) -> None:
    context, status = _map(record["context"]), _map(record.get("status"))
    rows.add(
        _map(record.get("attributes")).items(),
        trace_id=_id_of(context.get("trace_id")),
        span_id=_id_of(context.get("span_id")),
        parent_id=_id_of(record.get("parent_id")),
        name=text_of(record.get("name")),
        started_at=to_ns(record.get("start_time")),
        ended_at=to_ns(record.get("end_time")),
        error=status.get("status_code", status.get("canonical_code")) in _ERRORS,
        span_kind=record.get("kind"),
        events=_events(record),
        process=_process(record, rows),
        offset=offset,
        pointer=pointer,
    )


def _node_span(record: dict[str, Any], rows: LogRows, offset: int | None, pointer: str | None) -> None:
    started_at, duration = to_ns(record.get("timestamp")), record.get("duration")
    parent = record.get("parentId") or _map(record.get("parentSpanContext")).get("spanId")
    rows.add(
        _map(record.get("attributes")).items(),
        trace_id=_id_of(record.get("traceId")),
        span_id=_id_of(record.get("id")),
        parent_id=_id_of(parent),
        name=text_of(record.get("name")),
        started_at=started_at,
        # printed in microseconds
        ended_at=started_at + int(duration * 1000)
        if started_at and isinstance(duration, (int, float))
        else None,
        error=_map(record.get("status")).get("code") in _ERRORS,
        library=_map(record.get("instrumentationScope")).get("name"),
        span_kind=_NODE_KINDS.get(str(record.get("kind"))),
        events=_events(record),
        process=_process(record, rows),
        offset=offset,
        pointer=pointer,
    )


def _of_dump(record: dict[str, Any]) -> dict[str, Any]:
    """The SDK's own object of a span by the names of the exporter."""
    context = _map(record["_spanContext"])
    started, ended = _pair_ns(record.get("startTime")), _pair_ns(record.get("endTime"))
    resource = _map(record.get("resource"))
    listed = resource.get("_rawAttributes")
    pairs = [p for p in listed if isinstance(p, list) and len(p) == 2] if isinstance(listed, list) else []
    return record | {
        "traceId": context.get("traceId"),
        "id": context.get("spanId"),
        "parentId": record.get("parentSpanId"),
        "timestamp": started,
        "duration": (ended - started) / 1000 if started is not None and ended is not None else None,
        "resource": resource.get("_attributes") or {str(key): value for key, value in pairs},
    }


def _pair_ns(value: Any) -> int | None:
    """A time that Node keeps as seconds and nanoseconds."""
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(n, int) for n in value):
        return None
    seconds, rest = (int(n) for n in value)
    return seconds * 10**9 + rest


def _activity(activity: Activity, rows: LogRows) -> None:
    facts = activity.facts
    started_at, took = to_ns(facts.get("StartTime")), duration_ns(facts.get("Duration", ""))
    rows.add(
        activity.tags,
        trace_id=_id_of(facts.get("TraceId")),
        span_id=_id_of(facts.get("SpanId")),
        parent_id=_id_of(facts.get("ParentSpanId")),
        name=facts.get("DisplayName"),
        started_at=started_at,
        ended_at=started_at + took if started_at is not None and took is not None else None,
        error=facts.get("StatusCode") == "Error",
        library=facts.get("ActivitySourceName"),
        span_kind=facts.get("Kind", "").lower() or None,
        events=activity.events,
        process=rows.process_of(activity.resource) if activity.resource else None,
        offset=activity.offset,
    )


def _log_record(record: dict[str, Any]) -> LogRecord:
    event = text_of(record.get("event_name") or record.get("eventName")) or ""
    body = record.get("body")
    severity = record.get("severity_number", record.get("severityNumber"))
    return LogRecord(
        to_ns(record.get("timestamp")) or 0,
        severity_number=severity if isinstance(severity, (int, str)) else 0,
        body=msgspec.Raw() if event.startswith("gen_ai.") else msgspec.Raw(msgspec.json.encode(typed(body))),
        attributes=pairs_of(_map(record.get("attributes"))),
        trace_id=_id_of(record.get("trace_id") or record.get("traceId")) or "",
        span_id=_id_of(record.get("span_id") or record.get("spanId")) or "",
        event_name=event,
    )


def _process(record: dict[str, Any], rows: LogRows) -> int | None:
    """The number of the process; older SDKs print its attributes without a frame around them."""
    resource = _map(record.get("resource"))
    attributes = _map(resource.get("attributes", resource))
    return rows.process_of(attributes) if attributes else None


def _events(record: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The attributes of the events of a span."""
    events = record.get("events")
    for event in events if isinstance(events, list) else ():
        yield from _map(_map(event).get("attributes")).items()


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _id_of(value: Any) -> str | None:
    """An id without its `0x`; all zeros is none."""
    text = str(value or "").removeprefix("0x").lower()
    return text if text.strip("0") else None


def read(source: Source, builder: Builder, start: int, end: int | None) -> None:
    """Read JSON among other lines, objects as Node prints them, or the blocks of .NET."""
    if not _is_printed(source.head):
        builder.dispatch.read(source, start, end)
        return
    if ACTIVITY.search(source.head[:65536]):
        for activity in activities(source.whole()):
            builder.attempt(activity.line, _activity, activity, builder.state(LogRows))
        return
    for block in node_objects(source.whole()):
        try:
            record = node_value(block.text) if block.whole else None
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict):
            builder.skip(block.line, "a printed object that cannot be read, or is cut off")
        elif match(record):
            builder.attempt(block.line, take, record, builder, block.offset, None)
        else:
            builder.row("context", offset=block.offset, name=text_of(record.get("name")))


FORMAT = Format(
    name="otel-console",
    layer="app",
    title="OpenTelemetry console exporter",
    own_keys=frozenset({"kind", "name"}),
    carries=CARRIES,
    get="""Set `OTEL_TRACES_EXPORTER=console` (Python, Node) or call `AddConsoleExporter()` (.NET), and keep
what the process prints: `python app.py > spans.txt`, `kubectl logs deploy/app > spans.txt`. Log lines between
the spans may stay.""",
)
READERS = (
    SourceReader(format=FORMAT, sniff=sniff, read=read),
    RecordReader(
        format=FORMAT,
        match=match,
        take=take,
        by_value=frozenset({"context", "resource_metrics", "attributes", "_spanContext"}),
    ),
)
