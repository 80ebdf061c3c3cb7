"""Langfuse: traces and observations of its API, of UI and blob storage exports, and ingestion batches.

An observation of type `GENERATION` or `EMBEDDING` is a call, other observations and the trace are context. A
trace stands above its observations like a parent: what only the trace says of user, tags, metadata and name
does not stand on the call, except the session, which holds for every call of it. What Langfuse copied to an
observation stands at `span`. `resourceAttributes` within metadata are those of the process. `modelId` is an
entry of the price table and no model name. The cost of a trace is read only where its observations have
none. Creating and updating events of one body id are one record. Langfuse never carries the IAM principal,
AWS tags, and the region only as metadata. Inputs and outputs are never kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from auditor.evidence.builder import Builder, ReaderState
from auditor.evidence.formats import Format
from auditor.framing.times import to_ns
from auditor.readers.contract import RecordReader
from auditor.readers.llm.langchain import text_of
from auditor.readers.llm.langfuse_shapes import (
    CALLS,
    breakdown,
    camel,
    costs,
    is_event,
    is_observation,
    is_trace,
    observations_of,
    observed,
    of_both,
    process_of,
)
from auditor.readers.shared.carries import OWNERS, TOKENS, at_scope
from auditor.readers.shared.nested import mapping

_KINDS = {"generation": "GENERATION", "span": "SPAN", "event": "EVENT"}


@dataclass
class Body:
    """The values of one body id in all its events so far."""

    offset: int | None
    pointer: str | None
    trace: bool
    values: dict[str, Any] = field(default_factory=dict)


def match(record: dict[str, Any]) -> float:
    """An observation, a trace, an event or a batch of events, or the UI's download of one trace."""
    batch = record.get("batch")
    if isinstance(batch, list) and any(isinstance(e, dict) and is_event(e) for e in batch):
        return 1.0
    if is_event(record):
        return 1.0
    named = camel(record)
    if is_observation(named) or is_trace(named):
        return 1.0
    trace = record.get("trace") if isinstance(record.get("trace"), dict) else None
    if trace is not None and isinstance(record.get("observations"), list):
        return 1.0 if "id" in trace and ("projectId" in trace or "sessionId" in trace) else 0.0
    traces = record.get("traces")
    whole = isinstance(traces, list) and "projectId" in named and "id" in named
    return 1.0 if whole and any(isinstance(t, dict) for t in traces or ()) else 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One trace with its observations, one observation, or the events of a batch."""
    at = pointer or ""
    batch = record.get("batch")
    if isinstance(batch, list):
        for i, event in enumerate(batch):
            if isinstance(event, dict) and is_event(event):
                builder.attempt(None, _event, event, builder, offset, f"{at}/batch/{i}/body")
        return
    if is_event(record):
        _event(record, builder, offset, f"{at}/body")
        return
    named = camel(record)
    if isinstance(named.get("trace"), dict) and isinstance(named.get("observations"), list):
        whole = camel(named["trace"]) | {"observations": named["observations"]}
        _trace(whole, builder, offset, f"{at}/trace", at)
    elif isinstance(named.get("traces"), list) and not is_trace(named):
        for i, inner in enumerate(named["traces"]):
            if isinstance(inner, dict):
                where = f"{at}/traces/{i}"
                builder.attempt(None, _trace, camel(inner), builder, offset, where, where)
    elif is_observation(named):
        _observation(named, builder, offset, pointer, None)
    else:
        _trace(named, builder, offset, pointer, at)


def _trace(
    trace: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None, base: str
) -> None:
    """Put a trace as a record above its observations, and these."""
    observations = observations_of(trace)
    priced = any(costs(o) for _, o in observations if str(o.get("type")).upper() in CALLS)
    _put_trace(trace, builder, offset, pointer, cost=bool(observations) and not priced)
    if not observations:
        builder.note("Traces without observations show no calls: export the observations beside them.")
    for i, observation in observations:
        observation.setdefault("traceId", trace.get("id"))
        place = f"{base}/observations/{i}" if offset is not None else None
        builder.attempt(None, _observation, observation, builder, offset, place, trace)


def _put_trace(
    trace: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None, *, cost: bool
) -> None:
    ident = text_of(trace.get("id"))
    row = builder.row(
        "context",
        offset=offset,
        pointer=pointer,
        span_id=_above(trace),
        started_at=to_ns(trace.get("timestamp")),
        name=text_of(trace.get("name")),
    )
    if ident:
        builder.column("trace_id", "trace", "traceId").put(row, ident)
    if trace.get("name"):
        builder.column("workflow_id", "span", "name", rank=2000).put(row, trace["name"])
    for column, value in of_both(trace, builder):
        column.put(row, value)
    for key, value in costs(trace) if cost else ():
        builder.column("cost_usd", "span", key).put(row, value)


def _above(trace: dict[str, Any]) -> str | None:
    """The span id of a trace as the parent of its observations; it is never one of theirs."""
    return f"trace {trace['id']}" if trace.get("id") else None


def _observation(
    observation: dict[str, Any],
    builder: Builder,
    offset: int | None,
    pointer: str | None,
    trace: dict[str, Any] | None,
) -> None:
    """Put one observation, below its parent, else below its trace where that is known."""
    call = str(observation.get("type", "")).upper() in CALLS
    parent = text_of(observation.get("parentObservationId")) or (_above(trace) if trace else None)
    process = process_of(observation)
    row = builder.row(
        "call" if call else "context",
        offset=offset,
        pointer=pointer,
        span_id=text_of(observation.get("id")),
        parent_id=parent,
        started_at=to_ns(observation.get("startTime")),
        ended_at=to_ns(observation.get("endTime")),
        process=_process(builder, process) if process else None,
        name=text_of(observation.get("name")),
        outcome="error" if str(observation.get("level", "")).upper() == "ERROR" else None,
    )
    if text_of(observation.get("traceId")):
        builder.column("trace_id", "trace", "traceId").put(row, observation["traceId"])
    for column, value in observed(observation, builder):
        column.put(row, value)
    if trace and trace.get("sessionId") and not observation.get("sessionId"):
        builder.column("session_id", "session", "trace.sessionId").put(row, trace["sessionId"])
    if call and observation.get("completionStartTime"):
        builder.fact("stream").put(row, True)
    parts = breakdown(observation) if call else None
    if parts is not None:
        builder.fact("cost_total").put(row, parts)


def _process(builder: Builder, attributes: dict[str, Any]) -> int:
    """The number of a process; equal ones are one process."""
    known = builder.state(Bodies).processes
    key = repr(sorted(attributes.items(), key=str))
    if key not in known:
        known[key] = builder.process(attributes.items(), "metadata.resourceAttributes.")
    return known[key]


def _event(event: dict[str, Any], builder: Builder, offset: int | None, pointer: str) -> None:
    """Add one event to its body; scores and logs are records of their own."""
    kind, body = str(event["type"]).split("-")[0], camel(mapping(event.get("body")))
    ident = text_of(body.get("id"))
    if kind in ("score", "sdk") or ident is None:
        builder.row("context", offset=offset, pointer=pointer, name=str(event["type"]))
        return
    bodies = builder.state(Bodies).by_id
    place = builder.reading.absolute(offset), pointer
    values = bodies.setdefault((ident, kind == "trace"), Body(*place, kind == "trace")).values
    if kind in _KINDS:
        values.setdefault("type", _KINDS[kind])
    metadata = mapping(values.get("metadata")) | mapping(body.get("metadata"))
    dropped = ("input", "output")
    values |= {k: v for k, v in body.items() if v not in (None, "") and k not in dropped}
    if metadata:
        values["metadata"] = metadata


class Bodies(ReaderState):
    """The bodies in the events of all batches, and the numbers of processes."""

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder)
        self.by_id: dict[tuple[str, bool], Body] = {}  # by id and whether it is a trace
        self.processes: dict[str, int] = {}

    def finish(self) -> None:
        """Put every body, an observation with its trace."""
        builder, bodies = self.builder, self.by_id
        traces = {ident: b.values for (ident, whole), b in bodies.items() if whole}
        priced = {b.values.get("traceId") for b in bodies.values() if not b.trace and costs(b.values)}
        for (ident, whole), body in bodies.items():
            if whole:
                _put_trace(body.values, builder, body.offset, body.pointer, cost=ident not in priced)
            else:
                trace = traces.get(str(body.values.get("traceId")))
                builder.attempt(None, _observation, body.values, builder, body.offset, body.pointer, trace)


FORMAT = Format(
    name="langfuse-export",
    layer="app",
    title="Langfuse traces and observations",
    own_keys=frozenset({"name", "type"}),
    carries=at_scope(
        "span",
        *(*OWNERS, "request_id user_id session_id cost_usd model provider", *TOKENS),
        "latency_ms cost_center environment agent",
    )
    | {"trace_id": "trace", "error_code": "attempt"},
    get="""`curl -u "$LANGFUSE_PUBLIC_KEY:$LANGFUSE_SECRET_KEY"
"$LANGFUSE_HOST/api/public/observations?type=GENERATION&limit=100"`, or `/api/public/traces/TRACE_ID` for one
trace with its observations; in the UI: Tracing, Observations, Export as JSON or CSV.""",
)
READERS = (
    RecordReader(
        format=FORMAT,
        match=match,
        take=take,
        by_value=frozenset({"type", "batch", "traces", "observations", "trace"}),
    ),
)
