"""MLflow traces: `Trace.to_json()` of version 2 or 3, alone or a line each, and the table of `search_traces`.

A span of type `LLM`, `CHAT_MODEL` or `EMBEDDING` is a call, other spans and the trace itself are context.
Every attribute value is JSON text and is decoded once more. Attributes stand at `span`; `info.tags`,
`info.trace_metadata` and `client_request_id` describe the whole trace and stand above its spans, as on a
parent; so does the trace's name, where it is not that of a single call. `mlflow.trace.session` is the
conversation and holds for every call in it. `mlflow.user` is the account of the operating system and never
the end user. Sums over the trace are read only where no span has usage or cost of its own. From what went in
only `requestMetadata` and the model are read, from what came out only the ids of the AWS SDK and the usage.
A trace never carries the region, the IAM principal or AWS tags. Inputs, outputs, previews and events are
never kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.nested import is_container, leaves
from auditor.framing.times import to_ns
from auditor.readers.contract import RecordReader
from auditor.readers.llm.langchain import Put, answer, pairs
from auditor.readers.llm.mlflow_shapes import decoded, hex_of, match, trace_id_of, trace_of
from auditor.readers.shared.carries import OUTCOME, OWNERS, TOKENS, at_scope
from auditor.readers.shared.nested import listing, mapping
from auditor.readers.shared.spans import JSON_USAGE, SpanRows

CALLS = frozenset({"LLM", "CHAT_MODEL", "EMBEDDING"})
USAGE, COST = "mlflow.chat.tokenUsage", "mlflow.llm.cost"
INPUTS, OUTPUTS = "mlflow.spanInputs", "mlflow.spanOutputs"
_SKIPPED = frozenset(
    f"mlflow.{name}"
    for name in """traceRequestId spanInputs spanOutputs spanFunctionName spanLogLevel chat.messages
    chat.tools chat.tokenUsage message.format experimentId spanStreamingChunks user""".split()
)
# the keys of MLflow itself on a trace that are evidence; its other keys are not
_TRACE_KEYS = frozenset(
    f"mlflow.{name}"
    for name in "trace.user gateway.endpointId auth.userId auth.username gateway.caller".split()
)
_SUMS = {"mlflow.trace.tokenUsage": "tokens_input", "mlflow.trace.cost": "cost_usd"}


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One trace, or a page of them: a row for the trace, and one for each span."""
    page = record.get("traces")
    if isinstance(page, list):
        for n, inner in enumerate(page):
            if isinstance(inner, dict):
                builder.attempt(None, take, inner, builder, offset, f"{pointer or ''}/traces/{n}")
        return
    info, spans, place = trace_of(record)
    spans = [s for s in spans if isinstance(s, dict)]
    ident = info.get("trace_id") or info.get("request_id")
    trace = hex_of(ident) or next(filter(None, map(trace_id_of, spans)), None)
    metadata = mapping(info.get("trace_metadata") or info.get("request_metadata"))
    session = metadata.get("mlflow.trace.session")
    root = f"tr-{trace}"
    left_out = _call_name(spans) | {k for k, f in _SUMS.items() if f not in _sums_wanted(spans)}
    _put_trace(info, metadata, left_out, builder, trace, root, offset, pointer)
    if not spans:
        builder.note(
            "Traces without spans show no calls: export them with their spans (`include_spans=True`)."
        )
    for i, span in enumerate(spans):
        at = f"{pointer or ''}{place}/{i}" if offset is not None else None
        builder.attempt(None, _put_in_session, session, span, builder, trace, root, offset, at)


def _put_in_session(session: Any, span: dict[str, Any], builder: Builder, *where: Any) -> None:
    """Put one span with the session of its trace."""
    row = _put_span(span, builder, *where)
    if session:
        key = "trace_metadata.mlflow.trace.session"
        builder.column("session_id", "session", key).put(row, session)


def _put_trace(
    info: dict[str, Any],
    metadata: dict[str, Any],
    left_out: set[str],
    builder: Builder,
    trace: str | None,
    root: str,
    offset: int | None,
    pointer: str | None,
) -> None:
    """Put the trace as a record of its own, above its spans: tags, metadata, and the client's request id."""
    request_id = info.get("client_request_id")
    attributes = [("client_request_id", request_id)] if request_id else []
    for outer, values in (("tags", mapping(info.get("tags"))), ("trace_metadata", metadata)):
        for key, value in values.items():
            if key in left_out:
                continue
            if key in _SUMS:
                attributes += [(f"{key}→{name}", leaf) for name, leaf in mapping(value).items()]
            elif key in _TRACE_KEYS:
                attributes.append((key, value))
            elif not key.startswith("mlflow."):
                attributes += [(path, leaf) for path, _, leaf in leaves({key: value}, outer)]
    row = builder.state(SpanRows).add(
        attributes,
        trace_id=trace,
        span_id=root,
        name=str(info.get("state") or info.get("status") or "trace"),
        started_at=to_ns(info.get("request_time") or info.get("timestamp_ms")),
        offset=offset,
        pointer=pointer,
    )
    name = mapping(info.get("tags")).get("mlflow.traceName")
    if name and "mlflow.traceName" not in left_out:
        # any key of a workflow is better than a name that may be a function's
        builder.column("workflow_id", "span", "tags.mlflow.traceName", rank=2000).put(row, name)


def _call_name(spans: list[dict[str, Any]]) -> set[str]:
    """The key of the trace's name, where its topmost span is a call: such a name is no workflow."""
    tops = [s for s in spans if not (s.get("parent_span_id") or s.get("parent_id"))]
    kinds = {str(decoded(mapping(s.get("attributes")).get("mlflow.spanType"))) for s in tops}
    return {"mlflow.traceName"} if kinds & CALLS else set()


def _sums_wanted(spans: list[dict[str, Any]]) -> frozenset[str]:
    """The fields of which no span has a value of its own."""
    keys = {key for span in spans for key in mapping(span.get("attributes"))}
    return frozenset(f for key, f in ((USAGE, "tokens_input"), (COST, "cost_usd")) if key not in keys)


def _put_span(
    span: dict[str, Any],
    builder: Builder,
    trace: str | None,
    root: str,
    offset: int | None,
    pointer: str | None,
) -> int:
    """Put one span of version 2 or 3, its attributes decoded; returns its row."""
    context, status = mapping(span.get("context")), mapping(span.get("status"))
    raw = mapping(span.get("attributes"))
    attributes = {key: decoded(value) for key, value in raw.items() if key not in _SKIPPED}
    parent = hex_of(span.get("parent_span_id") or span.get("parent_id"))
    rows = builder.state(SpanRows)
    row = rows.add(
        _flat(attributes),
        trace_id=trace,
        span_id=hex_of(span.get("span_id") or context.get("span_id")),
        parent_id=parent or root,
        name=str(span.get("name") or ""),
        started_at=to_ns(
            span.get("start_time_unix_nano") or span.get("start_time_ns") or span.get("start_time")
        ),
        ended_at=to_ns(span.get("end_time_unix_nano") or span.get("end_time_ns") or span.get("end_time")),
        error="ERROR" in str(status.get("code") or span.get("status_code") or ""),
        offset=offset,
        pointer=pointer,
    )
    for column, value in _further_values(raw, attributes, span, builder):
        column.put(row, value)
    cost = mapping(attributes.get(COST))
    parts = [cost.get("input_cost"), cost.get("output_cost")]
    if all(isinstance(p, (int, float)) and 0 <= p < 1e9 for p in parts):
        builder.fact("cost_total").put(row, round(sum(p for p in parts if p) * 1e9))
    return row


def _flat(attributes: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Attributes as pairs; of a mapping that is no container, its plain members."""
    for key, value in attributes.items():
        if isinstance(value, dict) and not is_container(key) and key not in JSON_USAGE:
            yield from ((f"{key}.{n}", v) for n, v in value.items() if not isinstance(v, (dict, list)))
        else:
            yield key, value


def _further_values(
    raw: dict[str, Any], attributes: dict[str, Any], span: dict[str, Any], builder: Builder
) -> Iterator[Put]:
    """Usage, values in the request and the answer, and the error of a span."""
    usage = mapping(raw.get(USAGE))
    yield from _usage(usage, builder)
    for event in listing(span.get("events")):
        kind = mapping(mapping(event).get("attributes")).get("exception.type")
        if kind:
            yield builder.column("error_code", "attempt", "events.exception.type"), kind
            break
    if str(attributes.get("mlflow.spanType")) not in CALLS:
        return
    named = "mlflow.llm.model" in attributes
    inputs = mapping(raw.get(INPUTS))
    metadata = {
        n: inputs[n] for n in ("requestMetadata", "request_metadata") if isinstance(inputs.get(n), dict)
    }
    yield from pairs(builder, metadata, INPUTS, "request_metadata")
    for name in () if named else ("modelId", "model"):
        if isinstance(inputs.get(name), str):
            yield builder.column("model", "span", f"{INPUTS}.{name}", rank=60), inputs[name]
    for column, value in answer(builder, raw.get(OUTPUTS), OUTPUTS):
        counted = usage and column.slot.field.startswith("tokens_")
        if not counted and not (named and column.slot.field == "model"):
            yield column, value


def _usage(usage: dict[str, Any], builder: Builder) -> Iterator[Put]:
    """The counts of a span; MLflow's input tokens include the cached ones, as its total shows."""
    names = {
        "tokens_input": "input_tokens",
        "tokens_output": "output_tokens",
        "tokens_total": "total_tokens",
        "tokens_cache_read": "cache_read_input_tokens",
        "tokens_cache_write": "cache_creation_input_tokens",
    }
    counts = {field: usage[name] for field, name in names.items() if name in usage}
    number = {f: v for f, v in counts.items() if isinstance(v, int)}
    cached = number.get("tokens_cache_read", 0) + number.get("tokens_cache_write", 0)
    both = number.get("tokens_input", 0) + number.get("tokens_output", 0)
    if 0 < cached <= number.get("tokens_input", 0) and number.get("tokens_total", both) <= both:
        counts["tokens_input"] = number["tokens_input"] - cached
    for field, value in counts.items():
        yield builder.column(field, "span", f"{USAGE}→{names[field]}"), value


FORMAT = Format(
    name="mlflow-trace",
    layer="app",
    title="MLflow traces",
    own_keys=frozenset({"kind", "name"}),
    carries=at_scope(
        "span",
        *(*OWNERS, "user_id cost_usd model provider request_id", *TOKENS),
        "latency_ms environment cost_center agent",
    )
    | at_scope("attempt", "response_id retry_count", *OUTCOME)
    | {"trace_id": "trace", "session_id": "session"},
    get="""In Python: `traces = mlflow.search_traces(locations=["EXPERIMENT_ID"], return_type="list")`, then
`open("traces.jsonl", "w").write("\\n".join(t.to_json() for t in traces))`; or
`mlflow.search_traces().to_csv("traces.csv")`. In the UI: Traces, Download as JSON.""",
)
READERS = (
    RecordReader(
        format=FORMAT,
        match=match,
        take=take,
        by_value=frozenset({"trace", "traces", "spans", "data", "info", "trace_info"}),
    ),
)
