"""Jaeger traces: the JSON of the UI and its API, one trace, or span documents as Elasticsearch stores them.

A span whose tags name a model operation is a call; every other span is context. Span tags stand at `span`,
the tags of its process at `process`. Tags come as a list of `key`, `type`, `value`, as a map (`tag`, dots
written `@`), or in the names of the protobuf model (`vStr`, `vInt64`). Ids lose their leading zeros and are
given them back; times are microseconds. Jaeger never carries the IAM principal or AWS tags. Logs of a span
stand at `span`, below its tags. Binary tags and prompt bodies are never kept.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.times import to_ns
from auditor.readers.contract import RecordReader
from auditor.readers.shared.spans import CARRIES, SpanRows, end_of
from auditor.readers.traces.values import failed

_VALUES = ("value", "vStr", "vInt64", "vFloat64", "vBool", "v_str", "v_int64", "v_float64", "v_bool")
_HEX = frozenset("0123456789abcdefABCDEF")


def match(record: dict[str, Any]) -> float:
    """A trace with its spans and processes, or one span with `operationName`."""
    spans = record.get("spans")
    if isinstance(spans, list) and "processes" in record:
        return 1.0 if not spans or (isinstance(spans[0], dict) and _is_span(spans[0])) else 0.0
    return 1.0 if _is_span(record) else 0.0


def _is_span(record: dict[str, Any]) -> bool:
    return (
        "operationName" in record
        and ("traceID" in record or "traceId" in record)
        and ("spanID" in record or "spanId" in record)
    )


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """The spans of a trace, or one span with its process inside."""
    rows = builder.state(SpanRows)
    rows.trace = builder.column("trace_id", "trace", "traceID")
    spans = record.get("spans")
    if not isinstance(spans, list):
        _span(record, {}, rows, offset, pointer, 0)
        return
    processes = record.get("processes")
    for i, span in enumerate(spans):
        if isinstance(span, dict):
            known = processes if isinstance(processes, dict) else {}
            builder.attempt(None, _span, span, known, rows, offset, f"{pointer or ''}/spans/{i}", i)
        else:
            builder.skip(None, "an element of `spans` is no span")


def _span(
    span: dict[str, Any],
    processes: Mapping[str, Any],
    rows: SpanRows,
    offset: int | None,
    pointer: str | None,
    nth: int,
) -> None:
    tags = [*pairs(span.get("tags")), *pairs(span.get("tag"))]
    process_id = span.get("processID", span.get("processId"))
    process = span.get("process") or processes.get(str(process_id))
    started_at, duration = _time(span.get("startTime")), _duration(span.get("duration"))
    rows.add(
        tags,
        trace_id=_id(span.get("traceID", span.get("traceId")), 32),
        span_id=_id(span.get("spanID", span.get("spanId")), 16),
        parent_id=_parent(span),
        name=str(span.get("operationName") or "") or None,
        started_at=started_at,
        ended_at=end_of(started_at, duration),
        error=failed(dict(tags)),
        process=rows.process_of(_process(process), "process.") if isinstance(process, dict) else None,
        offset=offset,
        pointer=pointer,
        nth=nth,
        events=[field for log in _logs(span) for field in pairs(log.get("fields"))],
    )


def _logs(span: dict[str, Any]) -> list[dict[str, Any]]:
    logs = span.get("logs")
    return [log for log in logs if isinstance(log, dict)] if isinstance(logs, list) else []


def pairs(tags: Any) -> Iterator[tuple[str, Any]]:
    """Tags as pairs: a list of key and value in either naming, or a map whose dots are written `@`."""
    if isinstance(tags, dict):
        for key, value in tags.items():
            yield key.replace("@", "."), value
    for tag in tags if isinstance(tags, list) else ():
        if not isinstance(tag, dict) or "key" not in tag:
            continue
        if str(tag.get("type", tag.get("vType", ""))).lower() == "binary":
            continue
        yield str(tag["key"]), next((tag[name] for name in _VALUES if name in tag), None)


def _process(process: dict[str, Any]) -> list[tuple[str, Any]]:
    service = [("service.name", process.get("serviceName"))] if process.get("serviceName") else []
    return [*service, *pairs(process.get("tags")), *pairs(process.get("tag"))]


def _parent(span: dict[str, Any]) -> str | None:
    """The parent of a span: the one it is a child of, else the one it follows from."""
    trace = span.get("traceID", span.get("traceId"))
    by_type: dict[str, Any] = {}
    references = span.get("references")
    for reference in references if isinstance(references, list) else ():
        if isinstance(reference, dict) and reference.get("traceID", reference.get("traceId", trace)) == trace:
            by_type.setdefault(
                str(reference.get("refType", "CHILD_OF")), reference.get("spanID", reference.get("spanId"))
            )
    parent = by_type.get("CHILD_OF") or by_type.get("FOLLOWS_FROM")
    return _id(parent or span.get("parentSpanID") or span.get("parentSpanId"), 16)


def _id(text: Any, width: int) -> str | None:
    """An id as hex with its leading zeros; base64 of the protobuf model is decoded; all zeros is no id."""
    if not isinstance(text, str) or not text.strip("0"):
        return None
    if set(text) <= _HEX:
        return text.lower().zfill(width)
    try:
        return base64.b64decode(text, validate=True).hex().zfill(width)
    except (binascii.Error, ValueError):
        return text


def _time(value: Any) -> int | None:
    """A start: microseconds since the epoch, as a number or as text, or an ISO time."""
    try:
        ns = int(value) * 1000
    except (TypeError, ValueError, OverflowError):
        return to_ns(value)
    return ns if 0 < ns < 2**63 else None


def _duration(value: Any) -> int | None:
    """A duration: microseconds, as a number or as text, or seconds as in `0.912s`."""
    try:
        if isinstance(value, str) and value.endswith("s"):
            ns = int(float(value[:-1]) * 1e9)
        else:
            ns = int(value) * 1000
    except (TypeError, ValueError, OverflowError):
        return None
    return ns if 0 <= ns < 2**62 else None


FORMAT = Format(
    name="jaeger",
    layer="app",
    title="Jaeger traces",
    carries=CARRIES,
    get="""`curl "$JAEGER/api/traces?service=chat-gateway&limit=100" > traces.json`, or "Download Results"
on the search page and "Trace JSON" on a trace's page. From Elasticsearch:
`curl "$ES/jaeger-span-*/_search?size=1000" > spans.json`.""",
)
READERS = (RecordReader(format=FORMAT, match=match, take=take, by_value=frozenset({"spans"})),)
