"""OTLP protobuf of all signals: recognised by its first records, read into the structs of OTLP/JSON.

The protobuf library is imported only for such an input.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import msgspec

from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.inputs.source import Source
from auditor.readers.contract import InputSample, SourceReader
from auditor.readers.otlp import metrics
from auditor.readers.otlp.documents import Otlp, Signals
from auditor.readers.otlp.metrics import KINDS
from auditor.readers.otlp.shapes import (
    AnyValue,
    DataPoint,
    Document,
    LogRecord,
    Metric,
    Pair,
    Points,
    ResourceLogs,
    ResourceMetrics,
    ResourceSpans,
    Scope,
    ScopeLogs,
    ScopeMetrics,
    ScopeSpans,
    Span,
    Status,
)
from auditor.readers.shared.spans import CARRIES

_TEXT = re.compile(rb"\s*[A-Za-z0-9+/_-]{40}")
_SIMPLE = {"string_value": "stringValue", "int_value": "intValue", "double_value": "doubleValue",
           "bool_value": "boolValue"}  # fmt: skip
TRACES = Format(
    name="otlp-protobuf",
    layer="app",
    title="OpenTelemetry traces (OTLP protobuf)",
    own_keys=frozenset({"kind", "name"}),
    carries=CARRIES,
    get="""Set the Collector's file exporter (`exporters: {file: {path: traces.bin, format: proto}}`) on the \
traces pipeline,
or keep the body of a `POST /v1/traces`, which is what SDKs send by default \
(`OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`). A file can be uploaded; to paste it, `base64 traces.bin`.""",
    binary="protobuf",
    doc="""\
OTLP protobuf traces: the body of `POST /v1/traces`, or a file of the Collector with `format: proto`.

One request or stored trace, several one after another, behind 4-byte or variable lengths, and base64 text of
these are read. Which span is a call and where its fields stand is as in `otlp-json`. Records have no line;
a cut or damaged one is a counted skip, and what is whole around it is read. Prompt bodies are
never kept.
""",
)
LOGS = Format(
    name="otlp-logs-protobuf",
    layer="app",
    title="OpenTelemetry logs and GenAI events (OTLP protobuf)",
    own_keys=frozenset({"event.name", "event_name", "eventname"}),
    carries=CARRIES,
    get="""Set the Collector's file exporter (`exporters: {file: {path: logs.bin, format: proto}}`) on the \
logs pipeline,
or keep the body of a `POST /v1/logs` (`OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`).""",
    binary="protobuf",
    doc="""\
OTLP protobuf logs: the body of `POST /v1/logs`, or a file of the Collector with `format: proto`.

Which record is a call, and what counts for it, is as in `otlp-logs-json`. One request, several one after
another, behind 4-byte or variable lengths, and base64 text of these are read. Records have no line; a cut or
damaged one is a counted skip. Bodies hold prompts and answers: no text of a body is ever kept.
""",
)
METRICS = Format(
    name="otlp-metrics-protobuf",
    layer="app",
    title="OpenTelemetry metrics (OTLP protobuf), totals without calls",
    carries=metrics.CARRIES,
    get="""Keep the body of a `POST /v1/metrics` (`OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`), or set the \
Collector's
file exporter with `format: proto` on the metrics pipeline. For verdicts on calls pass traces of the same
period.""",
    aggregate=True,
    binary="protobuf",
    doc="""\
OTLP protobuf metrics: totals over a period, which hold no calls.

What the report says of them is as in `otlp-metrics-json`: by which labels each metric can be split, and what
to bring for the rest. One request, several one after another, behind 4-byte or variable lengths, and base64
text of these are read. The numbers themselves are never kept.
""",
)
SIGNALS = Signals(TRACES, LOGS, METRICS)


def sniff_of(signal: str) -> Callable[[InputSample], float]:
    """A sniff for sources whose first readable request has records of a signal."""

    def sniff(sample: InputSample) -> float:
        head = sample.head
        if sample.container != "binary" and not _TEXT.match(head):
            return 0.0
        from auditor.readers.otlp.wire import framed, signal_of

        first = next((s for request in framed(head) if (s := signal_of(request))), None)
        return 1.0 if first == signal else 0.0

    return sniff


def read(source: Source, builder: Builder, _start: int, _end: int | None) -> None:
    """Read every request of a source; pieces that are cut or damaged are skips."""
    from auditor.readers.otlp.wire import blocks, framed, signal_of

    otlp = builder.state(Otlp, SIGNALS)
    nth, signal = 0, ""
    for number, request in enumerate(framed(source.whole()), 1):
        signal = signal_of(request) or signal
        for block, lost in blocks(request, signal) if signal else ():
            nth = _put(otlp, block, signal, nth)
            for _ in range(min(lost, 1000)):
                builder.skip(None, f"cut or damaged protobuf in request {number}")
    if not nth and not builder.skipped_total:
        builder.skip(None, "no OTLP record in this protobuf")


def _put(otlp: Otlp, block: Any, signal: str, nth: int) -> int:
    """Put one block; where a record in it is malformed, one record after another."""
    from auditor.readers.otlp.wire import alone

    builder, before = otlp.builder, otlp.builder.records
    try:
        return otlp.put(DOCUMENTS[signal](block), None, nth)
    except Exception:  # noqa: BLE001 - one malformed record must not cost the others
        builder.undo(before)
    for single in alone(block, signal):
        builder.attempt(None, lambda single=single, at=nth: otlp.put(DOCUMENTS[signal](single), None, at))
        nth += 1
    return nth


def messages(source: Source) -> list[Callable[[], dict[str, Any]]]:
    """The records of a source in reading order, each as a function that returns it as OTLP/JSON."""
    from google.protobuf.json_format import MessageToDict

    from auditor.readers.otlp.wire import blocks, framed, items_of, signal_of

    out: list[Callable[[], dict[str, Any]]] = []
    signal = ""
    for request in framed(source.whole()):
        signal = signal_of(request) or signal
        for block, _ in blocks(request, signal) if signal else ():
            out += [partial(MessageToDict, item) for item in items_of(block, signal)]
    return out


def _any(value: Any) -> dict[str, Any]:
    """An AnyValue as OTLP/JSON writes it; bytes are left out."""
    kind = value.WhichOneof("value")
    if kind in _SIMPLE:
        return {_SIMPLE[kind]: getattr(value, kind)}
    if kind == "array_value":
        return {"arrayValue": _values(value.array_value)}
    if kind == "kvlist_value":
        return {"kvlistValue": _map(value.kvlist_value.values)}
    return {}


def _values(array: Any) -> dict[str, Any]:
    return {"values": [_any(v) for v in array.values]}


def _map(pairs: Any) -> dict[str, Any]:
    return {"values": [{"key": kv.key, "value": _any(kv.value)} for kv in pairs]}


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def _pairs(attributes: Iterable[Any]) -> list[Pair]:
    """Attributes; text is by far the commonest kind."""
    out = []
    for kv in attributes:
        value = kv.value
        kind = value.WhichOneof("value")
        if kind == "string_value":
            any_value = AnyValue(value.string_value)
        elif kind in _SIMPLE:
            any_value = AnyValue(**{kind: getattr(value, kind)})
        elif kind == "array_value":
            any_value = AnyValue(array_value=_raw(_values(value.array_value)))
        elif kind == "kvlist_value":
            any_value = AnyValue(kvlist_value=_raw(_map(value.kvlist_value.values)))
        else:
            any_value = AnyValue()
        out.append(Pair(kv.key, any_value))
    return out


def _resource(block: Any) -> msgspec.Raw:
    pairs = block.resource.attributes
    return _raw({"attributes": [{"key": kv.key, "value": _any(kv.value)} for kv in pairs]})


def _span(span: Any) -> Span:
    return Span(
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex() or None,
        span.name,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        _pairs(span.attributes),
        Status(span.status.code),
        span.dropped_attributes_count,
        span.kind,
        _raw([{"attributes": _map(event.attributes)["values"]} for event in span.events])
        if span.events
        else msgspec.Raw(),
    )


def _traces(block: Any) -> Document:
    groups = [
        ScopeSpans([_span(s) for s in group.spans], Scope(group.scope.name)) for group in block.scope_spans
    ]
    return Document(resource_spans=[ResourceSpans(_resource(block), groups)])


def _log(log: Any) -> LogRecord:
    # prompts and answers are not even copied
    has_prompt = log.event_name.startswith("gen_ai.")
    return LogRecord(
        log.time_unix_nano,
        log.observed_time_unix_nano,
        log.severity_number,
        msgspec.Raw() if has_prompt or not log.HasField("body") else _raw(_any(log.body)),
        _pairs(log.attributes),
        log.trace_id.hex(),
        log.span_id.hex(),
        log.event_name,
        log.dropped_attributes_count,
    )


def _logs(block: Any) -> Document:
    groups = [ScopeLogs([_log(r) for r in group.log_records]) for group in block.scope_logs]
    return Document(resource_logs=[ResourceLogs(_resource(block), groups)])


def _metric(metric: Any) -> Metric:
    kind = metric.WhichOneof("data")
    points = [
        DataPoint(_pairs(p.attributes), p.start_time_unix_nano, p.time_unix_nano)
        for p in (getattr(metric, kind).data_points if kind else ())
    ]
    return Metric(metric.name, **{kind: Points(points)} if kind in KINDS else {})


def _metrics(block: Any) -> Document:
    groups = [ScopeMetrics([_metric(m) for m in group.metrics]) for group in block.scope_metrics]
    return Document(resource_metrics=[ResourceMetrics(_resource(block), groups)])


DOCUMENTS: dict[str, Callable[[Any], Document]] = {"traces": _traces, "logs": _logs, "metrics": _metrics}


READERS = (
    SourceReader(format=TRACES, sniff=sniff_of("traces"), read=read, messages=messages),
    SourceReader(format=LOGS, sniff=sniff_of("logs"), read=read, messages=messages),
    SourceReader(format=METRICS, sniff=sniff_of("metrics"), read=read, messages=messages),
)
