"""AWS X-Ray segments: documents one a line, what the daemon is sent, or the output of `batch-get-traces`.

The subsegment of the `aws` namespace that invokes a model is the call; segments, other subsegments, inferred
segments and documents in progress are context. A subsegment that holds the token counts of the one model
request beneath it is the call instead of it. Annotations and metadata stand at `span`, on the segment or
subsegment that was current; `otel.resource.*` and the segment's name at `process`; the request id is the last
try's. Times are seconds. The X-Ray SDKs write neither model nor tokens nor retries of Bedrock; X-Ray never
carries cost or the IAM principal. Trace summaries hold no segments: they are context. Bodies are never kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote

import polars as pl

from auditor.catalogue.key_words import normalise
from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.json_values import MAX_DEPTH, decode, depth_of
from auditor.framing.nested import is_body, leaves
from auditor.readers.contract import RecordReader
from auditor.readers.shared.carries import OWNERS, at_scope
from auditor.readers.shared.spans import CALL_MARKS, SpanRows, kinds, operations
from auditor.readers.traces.xray_segments import (
    MODEL_URL,
    TRACE,
    has_tokens,
    hex_trace,
    is_request,
    model_requests,
    nanoseconds,
    pairs,
    url_of,
)

_MARKS = {normalise(name): name for name in CALL_MARKS}
_RESOURCE = "otel.resource."
_ROLE = "xray_role"
SUMMARIES = (
    "Trace summaries name traces and their annotations, never the calls in them. "
    "Bring the segments: aws xray batch-get-traces --trace-ids …"
)


class Node(NamedTuple):
    """One segment or subsegment with its trace, parent, process and pointer."""

    segment: dict[str, Any]
    trace: str | None
    parent: str | None
    process: int | None
    pointer: str
    role: str | None  # `call` or `context`, where the tree decides that


def match(record: dict[str, Any]) -> float:
    """A segment by its trace id, a wrapper by its lists, or the header line of a datagram."""
    if isinstance(record.get("TraceSummaries"), list):
        return 1.0
    if isinstance(record.get("Traces"), list):
        return 1.0 if all(isinstance(t, dict) and "Segments" in t for t in record["Traces"]) else 0.0
    if "Id" in record and (isinstance(record.get("Segments"), list) or _is_document(record)):
        return 0.95
    if set(record) == {"format", "version"}:
        return 0.9 if record["format"] == "json" else 0.0
    timed = "start_time" in record or "end_time" in record
    known = isinstance(record.get("trace_id"), str) and TRACE.match(record["trace_id"])
    return 1.0 if known and timed and isinstance(record.get("id"), str) else 0.0


def _is_document(record: dict[str, Any]) -> bool:
    text = record.get("Document")
    return isinstance(text, str) and text.lstrip()[:1] == "{"


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One document, or every document in a wrapper; the header of a datagram has no record."""
    rows = builder.state(SpanRows)
    rows.trace = builder.column("trace_id", "trace", "trace_id")
    builder.classify = with_roles
    base = pointer or ""
    for i, summary in enumerate(record.get("TraceSummaries") or ()):
        if isinstance(summary, dict):
            builder.attempt(None, _summary, summary, rows, offset, f"{base}/TraceSummaries/{i}")
    for i, trace in enumerate(record.get("Traces") or ()):
        builder.attempt(None, _documents, trace, rows, offset, f"{base}/Traces/{i}")
    if "Segments" in record or _is_document(record):
        _documents(record, rows, offset, base)
    elif "trace_id" in record:
        _segment(record, rows, offset, base)


def _documents(trace: dict[str, Any], rows: SpanRows, offset: int | None, pointer: str) -> None:
    """The documents of one trace of `batch-get-traces`, which are JSON text."""
    segments = trace.get("Segments") if "Segments" in trace else [trace]
    for i, item in enumerate(segments if isinstance(segments, list) else ()):
        here = f"{pointer}/Segments/{i}/Document" if "Segments" in trace else f"{pointer}/Document"
        try:
            document = decode(item["Document"]) if isinstance(item["Document"], str) else item["Document"]
        except (ValueError, KeyError, TypeError):
            rows.builder.skip(None, "a segment's Document is no JSON")
            continue
        if not isinstance(document, dict) or depth_of(document) > MAX_DEPTH:
            rows.builder.skip(None, "a segment's Document is no segment")
            continue
        segment = {"trace_id": trace.get("Id"), **document}
        rows.builder.attempt(None, _segment, segment, rows, offset, here)


def _segment(document: dict[str, Any], rows: SpanRows, offset: int | None, pointer: str) -> None:
    """Put a document and all its subsegments, each as a record of its own."""
    top = Node(document, document.get("trace_id"), document.get("parent_id"), None, pointer, None)
    top = top._replace(process=_process(document, rows))
    stack = [top]
    while stack:
        node = stack.pop()
        inner = list(_inner(node))
        calls = model_requests(node.segment) if has_tokens(node.segment, rows.builder.catalogue) else []
        if len(calls) == 1 and node.role is None and node is not top:
            node = node._replace(role="call")
            inner = [n._replace(role="context") for n in inner]
        elif calls and node.role is None:
            node = node._replace(role="context")
        row = _put(node, rows, offset)
        if node.role == "call":
            _put_request(calls[0], rows.builder, row, "subsegments[].")
        stack.extend(reversed(inner))


def _inner(node: Node) -> Iterator[Node]:
    children = node.segment.get("subsegments")
    role = node.role if node.role == "context" and not is_request(node.segment) else None
    for i, child in enumerate(children if isinstance(children, list) else ()):
        if isinstance(child, dict):
            parent = str(child.get("parent_id") or node.segment.get("id") or "") or None
            yield Node(child, node.trace, parent, node.process, f"{node.pointer}/subsegments/{i}", role)


def _put(node: Node, rows: SpanRows, offset: int | None) -> int:
    """Put one segment or subsegment as a record; returns its row."""
    segment, builder = node.segment, rows.builder
    is_call = node.role == "call" or (node.role is None and is_request(segment))
    row = rows.add(
        (),
        trace_id=hex_trace(node.trace),
        span_id=str(segment.get("id") or "") or None,
        parent_id=node.parent,
        name=str(segment.get("name") or "") or None,
        started_at=nanoseconds(segment.get("start_time")),
        ended_at=nanoseconds(segment.get("end_time")),
        error=any(segment.get(key) is True for key in ("error", "fault", "throttle")),
        process=node.process,
        offset=offset,
        pointer=node.pointer,
        kind="call" if is_call else "context",
    )
    if node.role == "context" or segment.get("inferred") or segment.get("in_progress"):
        builder.fact(_ROLE).put(row, "context")
    if segment.get("user") is not None:
        builder.column("user_id", "span", "user").put(row, segment["user"])
    _put_annotations(segment, rows, row)
    _put_request(segment, builder, row, "")
    return row


def _put_annotations(segment: dict[str, Any], rows: SpanRows, row: int) -> None:
    """Put annotations and metadata, which are on the segment that was current when they were written."""
    for key, value in pairs(segment.get("annotations")):
        mark = _MARKS.get(normalise(key))
        if mark is not None:
            rows.attribute(row, mark, value)
        elif not normalise(key).startswith("otel_resource_"):
            _put_value(rows, row, "annotations.", key, value)
    for space, inner in pairs(segment.get("metadata")):
        for key, value in pairs(inner) if isinstance(inner, dict) else [(space, inner)]:
            if key.startswith(_RESOURCE):
                continue
            if "." in key:
                rows.attribute(row, key, value)
            else:
                _put_value(rows, row, f"metadata.{space}." if inner is not value else "metadata.", key, value)


def _put_value(rows: SpanRows, row: int, prefix: str, key: str, value: Any) -> None:
    if is_body(key, value) and not rows.builder.catalogue.names(key):
        return
    for path, _, leaf in leaves(value, key):
        rows.builder.keys("span", prefix).put(row, path, leaf)


def _put_request(segment: dict[str, Any], builder: Builder, row: int, prefix: str) -> None:
    """Put what the client recorded of a request: operation, region, ids, retries, and its outcome."""
    aws = dict(pairs(segment.get("aws")))
    if aws.get("operation"):
        builder.fact("operation").put(row, str(aws["operation"]))
    for field, scope, key in (
        ("region", "request", "region"),
        ("attempt_id", "attempt", "request_id"),
        ("retry_count", "attempt", "retries"),
        ("account_id", "account", "account_id"),
        ("model", "span", "model_id"),
    ):
        if key in aws:
            builder.column(field, scope, f"{prefix}aws.{key}").put(row, aws[key])
    http = dict(pairs(segment.get("http")))
    status = dict(pairs(http.get("response"))).get("status")
    if status is not None:
        builder.column("status", "attempt", f"{prefix}http.response.status").put(row, status)
    url = MODEL_URL.search(url_of(segment))
    if url and url[1]:
        builder.column("model", "span", f"{prefix}http.request.url", rank=900).put(row, unquote(url[1]))
    causes = dict(pairs(segment.get("cause"))).get("exceptions")
    if isinstance(causes, list) and causes and isinstance(causes[0], dict) and causes[0].get("type"):
        builder.column("error_code", "attempt", f"{prefix}cause.exceptions[0].type").put(
            row, causes[0]["type"]
        )


def _process(document: dict[str, Any], rows: SpanRows) -> int | None:
    """The process of a segment: its name is the service's, and the Collector adds the resource."""
    attributes: list[tuple[str, Any]] = []
    if document.get("type") != "subsegment" and document.get("name"):
        attributes.append(("service.name", document["name"]))
    for key, value in pairs(document.get("annotations")):
        if normalise(key).startswith("otel_resource_"):
            attributes.append((key[len(_RESOURCE) :], value))
    for _, inner in pairs(document.get("metadata")):
        attributes += [(k[len(_RESOURCE) :], v) for k, v in pairs(inner) if k.startswith(_RESOURCE)]
    return rows.process_of(attributes, _RESOURCE) if attributes else None


def _summary(summary: dict[str, Any], rows: SpanRows, offset: int | None, pointer: str) -> None:
    """Put the summary of a trace: context, with the annotations and users of the whole trace."""
    builder = rows.builder
    builder.note(SUMMARIES)
    entry = dict(pairs(summary.get("EntryPoint"))).get("Name")
    row = rows.add(
        (),
        trace_id=hex_trace(summary.get("Id")),
        span_id=None,
        name=str(entry or "") or None,
        error=any(summary.get(k) is True for k in ("HasError", "HasFault", "HasThrottle")),
        offset=offset,
        pointer=pointer,
    )
    for key, values in pairs(summary.get("Annotations")):
        column = builder.keys("trace", "Annotations.")[key]
        if column is None:
            continue
        for annotation in values if isinstance(values, list) else ():
            value = dict(pairs(dict(pairs(annotation)).get("AnnotationValue")))
            column.put(row, next(iter(value.values()), None))
    for user in summary.get("Users") or ():
        builder.column("user_id", "trace", "Users[].UserName").put(row, dict(pairs(user)).get("UserName"))


def with_roles(frame: pl.DataFrame) -> list[pl.Series]:
    """Which records are calls, where the tree has not decided that they are context."""
    kind, *others = kinds(frame)
    if _ROLE in frame.columns:
        kind = kind.set(frame[_ROLE].is_not_null(), "context")
    return [kind, *others, *operations(frame)]


FORMAT = Format(
    name="xray",
    layer="app",
    title="AWS X-Ray segments",
    own_keys=frozenset({"name", "namespace", "type"}),
    carries=at_scope("span", *OWNERS, "request_id session_id user_id agent cost_center latency_ms")
    | {
        "region": "request",
        "attempt_id": "attempt",
        "status": "attempt",
        "error_code": "attempt",
        "trace_id": "trace",
        "account_id": "account",
        "environment": "process",
    },
    get="""`aws xray get-trace-summaries --start-time T1 --end-time T2 --query 'TraceSummaries[].Id'`, then
`aws xray batch-get-traces --trace-ids ID… > traces.json` (five ids a call). What an application sends:
point `AWS_XRAY_DAEMON_ADDRESS` at `nc -ul 2000`, or set `logging: debug` in the daemon's file.""",
)
READERS = (
    RecordReader(
        format=FORMAT,
        match=match,
        take=take,
        by_value=frozenset({"trace_id", "format", "Document", "Segments", "Traces", "Id"}),
    ),
)
