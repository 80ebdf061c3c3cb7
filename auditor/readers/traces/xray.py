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

from auditor.catalogue.fields import normalise
from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.json_values import MAX_DEPTH, decode, depth_of
from auditor.framing.nested import is_body, leaves
from auditor.readers.contract import RecordReader
from auditor.readers.shared.spans import CALL_MARKS, SpanRows, kinds, operations
from auditor.readers.traces.xray_segments import (
    MODEL_URL,
    TRACE,
    hex_trace,
    is_request,
    model_requests,
    nanoseconds,
    pairs,
    speaks,
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
    """One segment or subsegment with where it stands: its trace, parent, process and pointer."""

    held: dict[str, Any]
    trace: str | None
    parent: str | None
    process: int | None
    pointer: str
    role: str | None  # what is settled about it: `call`, `context`, or nothing yet


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
    """One document, or every document in a wrapper; the header of a datagram only frames the next one."""
    rows = builder.state(SpanRows)
    rows.trace = builder.column("trace_id", "trace", "trace_id")
    builder.settled = settled
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


def _documents(held: dict[str, Any], rows: SpanRows, offset: int | None, pointer: str) -> None:
    """The documents of one trace of `batch-get-traces`, which are JSON text."""
    segments = held.get("Segments") if "Segments" in held else [held]
    for i, one in enumerate(segments if isinstance(segments, list) else ()):
        here = f"{pointer}/Segments/{i}/Document" if "Segments" in held else f"{pointer}/Document"
        try:
            document = decode(one["Document"]) if isinstance(one["Document"], str) else one["Document"]
        except (ValueError, KeyError, TypeError):
            rows.builder.skip(None, "a segment's Document is no JSON")
            continue
        if not isinstance(document, dict) or depth_of(document) > MAX_DEPTH:
            rows.builder.skip(None, "a segment's Document is no segment")
            continue
        segment = {"trace_id": held.get("Id"), **document}
        rows.builder.attempt(None, _segment, segment, rows, offset, here)


def _segment(document: dict[str, Any], rows: SpanRows, offset: int | None, pointer: str) -> None:
    """A document and all its subsegments, each its own record."""
    top = Node(document, document.get("trace_id"), document.get("parent_id"), None, pointer, None)
    top = top._replace(process=_process(document, rows))
    stack = [top]
    while stack:
        node = stack.pop()
        inner = list(_inner(node))
        calls = model_requests(node.held) if speaks(node.held, rows.builder.catalogue) else []
        if len(calls) == 1 and node.role is None and node is not top:
            node = node._replace(role="call")
            inner = [n._replace(role="context") for n in inner]
        elif calls and node.role is None:
            node = node._replace(role="context")
        row = _put(node, rows, offset)
        if node.role == "call":
            _attempt(calls[0], rows.builder, row, "subsegments[].")
        stack.extend(reversed(inner))


def _inner(node: Node) -> Iterator[Node]:
    below = node.held.get("subsegments")
    role = node.role if node.role == "context" and not is_request(node.held) else None
    for i, one in enumerate(below if isinstance(below, list) else ()):
        if isinstance(one, dict):
            parent = str(one.get("parent_id") or node.held.get("id") or "") or None
            yield Node(one, node.trace, parent, node.process, f"{node.pointer}/subsegments/{i}", role)


def _put(node: Node, rows: SpanRows, offset: int | None) -> int:
    """One segment or subsegment as a record."""
    held, builder = node.held, rows.builder
    called = node.role == "call" or (node.role is None and is_request(held))
    row = rows.add(
        (),
        trace_id=hex_trace(node.trace),
        span_id=str(held.get("id") or "") or None,
        parent_id=node.parent,
        name=str(held.get("name") or "") or None,
        started_at=nanoseconds(held.get("start_time")),
        ended_at=nanoseconds(held.get("end_time")),
        error=any(held.get(key) is True for key in ("error", "fault", "throttle")),
        process=node.process,
        offset=offset,
        pointer=node.pointer,
        kind="call" if called else "context",
    )
    if node.role == "context" or held.get("inferred") or held.get("in_progress"):
        builder.fact(_ROLE).put(row, "context")
    if held.get("user") is not None:
        builder.column("user_id", "span", "user").put(row, held["user"])
    _said(held, rows, row)
    _attempt(held, builder, row, "")
    return row


def _said(held: dict[str, Any], rows: SpanRows, row: int) -> None:
    """Annotations and metadata, which stand on the segment that was current when they were written."""
    for key, value in pairs(held.get("annotations")):
        mark = _MARKS.get(normalise(key))
        if mark is not None:
            rows.attribute(row, mark, value)
        elif not normalise(key).startswith("otel_resource_"):
            _one(rows, row, "annotations.", key, value)
    for space, inner in pairs(held.get("metadata")):
        for key, value in pairs(inner) if isinstance(inner, dict) else [(space, inner)]:
            if key.startswith(_RESOURCE):
                continue
            if "." in key:
                rows.attribute(row, key, value)
            else:
                _one(rows, row, f"metadata.{space}." if inner is not value else "metadata.", key, value)


def _one(rows: SpanRows, row: int, prefix: str, key: str, value: Any) -> None:
    if is_body(key, value) and not rows.builder.catalogue.names(key):
        return
    for path, _, leaf in leaves(value, key):
        column = rows.builder.keys("span", prefix)[path]
        if column is not None:
            column.put(row, leaf)


def _attempt(held: dict[str, Any], builder: Builder, row: int, prefix: str) -> None:
    """What the client of the request noted: operation, region, ids, retries, and how it ended."""
    aws = dict(pairs(held.get("aws")))
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
    http = dict(pairs(held.get("http")))
    status = dict(pairs(http.get("response"))).get("status")
    if status is not None:
        builder.column("status", "attempt", f"{prefix}http.response.status").put(row, status)
    url = MODEL_URL.search(url_of(held))
    if url and url[1]:
        builder.column("model", "span", f"{prefix}http.request.url", rank=900).put(row, unquote(url[1]))
    causes = dict(pairs(held.get("cause"))).get("exceptions")
    if isinstance(causes, list) and causes and isinstance(causes[0], dict) and causes[0].get("type"):
        builder.column("error_code", "attempt", f"{prefix}cause.exceptions[0].type").put(
            row, causes[0]["type"]
        )


def _process(document: dict[str, Any], rows: SpanRows) -> int | None:
    """The process of a segment: its name is the service's, and the Collector adds the resource."""
    found: list[tuple[str, Any]] = []
    if document.get("type") != "subsegment" and document.get("name"):
        found.append(("service.name", document["name"]))
    for key, value in pairs(document.get("annotations")):
        if normalise(key).startswith("otel_resource_"):
            found.append((key[len(_RESOURCE) :], value))
    for _, inner in pairs(document.get("metadata")):
        found += [(k[len(_RESOURCE) :], v) for k, v in pairs(inner) if k.startswith(_RESOURCE)]
    return rows.process_of(found, _RESOURCE) if found else None


def _summary(summary: dict[str, Any], rows: SpanRows, offset: int | None, pointer: str) -> None:
    """A trace in brief: context, with what its annotations and users say of the whole trace."""
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
        for one in values if isinstance(values, list) else ():
            held = dict(pairs(dict(pairs(one)).get("AnnotationValue")))
            column.put(row, next(iter(held.values()), None))
    for user in summary.get("Users") or ():
        builder.column("user_id", "trace", "Users[].UserName").put(row, dict(pairs(user)).get("UserName"))


def settled(frame: pl.DataFrame) -> list[pl.Series]:
    """Which records are calls, where the walk over the tree has not settled that it is context."""
    told = kinds(frame)
    if _ROLE in frame.columns:
        told = told.set(frame[_ROLE].is_not_null(), "context")
    return [told, *operations(frame)]


FORMAT = Format(
    name="xray",
    layer="app",
    title="AWS X-Ray segments",
    own_keys=frozenset({"name", "namespace", "type"}),
    carries=dict.fromkeys(
        """tenant_id workflow_id workflow_run_id team_id request_id session_id user_id agent cost_center
        latency_ms""".split(),
        "span",
    )
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
