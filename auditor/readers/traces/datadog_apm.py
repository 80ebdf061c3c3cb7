"""Datadog APM traces: msgpack bodies of `/v0.4/traces` and `/v0.5/traces`, the same as JSON, or an export.

A span is a call when LLM Observability calls it `llm` or `embedding`, or when an integration's name and
resource say that it invokes a model; every other span is context. `meta`, `metrics` and the LLM event in
`meta_struct` stand at `span`; `service`, `env` and `version` at `process`. Ids are 64-bit numbers, the upper
half of the trace id is the tag `_dd.p.tid`; times are nanoseconds. msgpack has no lines. Traces never carry
the IAM principal. Tags of the tracer (`_dd.*`) and prompt bodies are never kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from auditor.evidence.builder import Builder, ReaderState
from auditor.evidence.formats import Format
from auditor.framing.nested import leaves
from auditor.framing.times import to_ns
from auditor.inputs.source import Source
from auditor.readers.contract import InputSample, RecordReader, SourceReader
from auditor.readers.shared.carries import SPAN_FIELDS, at_scope
from auditor.readers.shared.spans import SpanRows, end_of
from auditor.readers.traces.datadog import (
    CALL_KINDS,
    kind_of,
    mapping,
    process_of,
    put_event,
    span_id,
    tag_pairs,
    trace_id,
)
from auditor.readers.traces.datadog_msgpack import looks_packed, nested, payloads
from auditor.readers.traces.values import integer

_KINDS = ("_ml_obs.meta.span.kind", "_dd.llmobs.span_kind", "gen_ai.operation.name")
# integrations whose spans are requests to a model: names of spans, and what their resource must match
_NAMES = re.compile(
    r"^(bedrock-runtime\.command|(openai|anthropic|gemini|google_genai|vertexai|cohere)\.request)$"
)
_RESOURCES = re.compile(
    r"(?i)invokemodel|^converse|create_?(chat_?)?(completion|response|embedding)|(messages|completions|"
    r"responses|embeddings)\.(create|stream|parse)|generate_?content|embed_?content|^chat$"
)
_APPLICATION = ("_ml_obs.meta.ml_app", "_dd.p.llmobs_ml_app")
_OF_PROCESS = frozenset({"env", "version", "language", "runtime-id"})


def match(record: dict[str, Any]) -> float:
    """A span by its ids, nanoseconds and tags, or a list of traces of such spans."""
    if _downloaded(record) is not None:
        return 1.0
    traces = record.get("traces")
    if isinstance(traces, list) and len(record) <= 4:
        first = traces[0] if traces else None
        first = first[0] if isinstance(first, list) and first else first
        return match(first) if isinstance(first, dict) and "traces" not in first else 0.0
    if _exported(record) is not None:
        return 1.0
    if not {"trace_id", "span_id", "start", "duration"} <= set(record) or "start_ns" in record:
        return 0.0
    return 1.0 if "resource" in record and ("meta" in record or "service" in record) else 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One span, or every span of a list of traces."""
    exported = _exported(record)
    if exported is not None:
        _span(_as_sent(exported), builder, offset, f"{pointer or ''}/attributes", {})
        return
    downloaded = _downloaded(record)
    if downloaded is not None:
        for key, span in downloaded.items():
            builder.attempt(None, _span, span, builder, offset, f"{pointer or ''}/trace/spans/{key}", {})
        return
    if not isinstance(record.get("traces"), list):
        _span(record, builder, offset, pointer, _high(builder, [record]))
        return
    for i, trace in enumerate(record["traces"]):
        spans = trace if isinstance(trace, list) else [trace]
        here = f"{pointer or ''}/traces/{i}"
        _trace(spans, builder, offset, here if isinstance(trace, list) else None)


def _exported(record: dict[str, Any]) -> dict[str, Any] | None:
    """The attributes of a span from the search API; None for any other record."""
    span = record.get("attributes") if record.get("type") in ("span", "spans") else None
    if not isinstance(span, dict) or not {"trace_id", "span_id", "start_timestamp"} <= set(span):
        return None
    return span


def _downloaded(record: dict[str, Any]) -> dict[str, dict[str, Any]] | None:
    """The spans of a trace as the UI downloads it, by their ids; None for any other record."""
    trace = record.get("trace")
    spans = trace.get("spans") if isinstance(trace, dict) and "root_id" in trace else None
    if not isinstance(spans, dict) or not all(isinstance(s, dict) and "span_id" in s for s in spans.values()):
        return None
    return spans


def _as_sent(span: dict[str, Any]) -> dict[str, Any]:
    """A span of the search API in the shape that the tracer sends: flat tags, times in nanoseconds."""
    started_at, ended_at = to_ns(span.get("start_timestamp")), to_ns(span.get("end_timestamp"))
    meta = dict(tag_pairs(span.get("tags")))
    for name in ("attributes", "custom"):
        meta |= {path: leaf for path, _, leaf in leaves(mapping(span.get(name)))}
    return span | {
        "name": span.get("operation_name") or meta.get("operation_name"),
        "resource": span.get("resource_name"),
        "start": started_at,
        "duration": ended_at - started_at if started_at is not None and ended_at is not None else None,
        "error": int(str(span.get("status") or meta.get("status") or "").lower() == "error"),
        "meta": meta | {"env": span.get("env") or meta.get("env")},
    }


def _trace(spans: list[Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    high = _high(builder, [s for s in spans if isinstance(s, dict)])
    for i, span in enumerate(spans):
        if isinstance(span, dict) and "span_id" in span:
            at = f"{pointer}/{i}" if pointer else None
            builder.attempt(None, _span, span, builder, offset, at, high)
        else:
            builder.skip(None, "an element of a trace is no span")


class UpperHalves(ReaderState):
    """The upper halves of the trace ids of one input, by the lower half."""

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder)
        self.by_trace: dict[Any, str] = {}


def _high(builder: Builder, spans: list[dict[str, Any]]) -> dict[Any, str]:
    """The upper halves of the trace ids, which only the first span of a chunk carries."""
    known = builder.state(UpperHalves).by_trace
    for span in spans:
        upper = mapping(span.get("meta")).get("_dd.p.tid")
        if isinstance(upper, str) and isinstance(span.get("trace_id"), (int, str)):
            known[span["trace_id"]] = upper
    return known


def _span(
    span: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None, high: dict[Any, str]
) -> None:
    rows = builder.state(SpanRows)
    rows.trace = builder.column("trace_id", "trace", "trace_id")
    meta, struct = mapping(span.get("meta")), mapping(span.get("meta_struct"))
    event = nested(struct.get("_llmobs"))
    trace = span.get("trace_id")
    started_at, duration = _times(span)
    service = meta.get("_dd.base_service") or span.get("service")
    row = rows.add(
        _attributes(meta, mapping(span.get("metrics"))),
        trace_id=trace_id(trace, high.get(trace) if isinstance(trace, (int, str)) else None),
        span_id=span_id(span.get("span_id")),
        parent_id=span_id(span.get("parent_id")),
        name=str(span.get("name") or "") or None,
        started_at=started_at,
        ended_at=end_of(started_at, duration),
        error=integer(span.get("error")) == 1,
        process=process_of(rows, meta, service, "meta."),
        offset=offset,
        pointer=pointer,
        kind="call" if _is_call(span, meta, event) else "context",
    )
    if isinstance(span.get("resource"), str):
        builder.fact("operation").put(row, span["resource"])
    for key in _APPLICATION:
        if key in meta:
            builder.column("workflow_id", "process", f"meta.{key}", rank=50).put(row, meta[key])
    if event:
        put_event(event, builder, row, "meta_struct._llmobs.")


def _is_call(span: dict[str, Any], meta: dict[str, Any], event: dict[str, Any]) -> bool:
    kind = kind_of(event) or next((str(meta[key]).lower() for key in _KINDS if meta.get(key)), "")
    if kind:
        return kind in CALL_KINDS
    named = _NAMES.match(str(span.get("name") or "")) is not None
    return named and _RESOURCES.search(str(span.get("resource") or "")) is not None


def _attributes(meta: dict[str, Any], metrics: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The tags that can be fields of the span: not those of the process, of the tracer only the LLM ones."""
    for tags in (meta, metrics):
        for key, value in tags.items():
            if key in _OF_PROCESS or key in _APPLICATION:
                continue
            if not key.startswith("_") or key.startswith(("_ml_obs.", "_dd.llmobs.")):
                yield key, value


def _times(span: dict[str, Any]) -> tuple[int | None, int | None]:
    """Start and duration in ns, from nanoseconds or, in downloads of the UI, from seconds."""
    start, duration = span.get("start"), span.get("duration")
    if isinstance(start, float) and 0 < start < 1e11:
        known = isinstance(duration, (int, float)) and 0 <= duration < 1e9
        return to_ns(start), round(duration * 1e9) if known and duration is not None else None
    return integer(start), integer(duration)


def sniff(sample: InputSample) -> float:
    """The claim by the first bytes of a msgpack payload, or by the first JSON records."""
    if looks_packed(sample.head):
        return 0.95
    return max((match(o) for o in sample.objects if isinstance(o, dict)), default=0.0)


def read(source: Source, builder: Builder, start: int, end: int | None) -> None:
    """Read every payload of a source; JSON as any other."""
    if not looks_packed(source.head):
        builder.dispatch.read(source, start, end)
        return
    for payload in payloads(source.whole()):
        for trace in payload.traces:
            builder.attempt(None, _trace, trace, builder, None, None)
        if payload.broken:
            builder.skip(None, payload.broken)


FORMAT = Format(
    name="datadog-apm",
    layer="app",
    title="Datadog APM traces",
    own_keys=frozenset({"attributes.type", "name", "type"}),
    carries=at_scope("span", *SPAN_FIELDS, without="session_id inference_region")
    | {"session_id": "session", "trace_id": "trace", "environment": "process"},
    get="""Point the tracer at a listener that keeps bodies (`DD_TRACE_AGENT_URL=http://localhost:PORT`) and
save the body of `PUT /v0.4/traces` or `/v0.5/traces` as it is; the test agent's `/test/traces` gives the
same spans as JSON. Spans in Datadog: `curl -H "DD-API-KEY: $DD_API_KEY" -H "DD-APPLICATION-KEY: \
$DD_APP_KEY" "$DD_API/api/v2/spans/events?filter[query]=service:chat-gateway" > spans.json`.""",
    binary="msgpack",
)
READERS = (
    SourceReader(format=FORMAT, sniff=sniff, read=read),
    RecordReader(
        format=FORMAT,
        match=match,
        take=take,
        by_value=frozenset({"trace", "traces", "attributes", "spans", "data"}),
    ),
)
