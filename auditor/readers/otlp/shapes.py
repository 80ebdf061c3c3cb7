"""The OTLP shapes as typed structs, and their values as Python values: AnyValue, ids, snake case names."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec

from auditor.evidence.builder import Builder
from auditor.framing.json_values import decode
from auditor.printing.surrogates import spelled_escapes


class AnyValue(msgspec.Struct, gc=False, rename="camel"):
    """AnyValue; rare kinds stay undecoded."""

    string_value: str | None = None
    int_value: int | str | None = None
    double_value: float | str | None = None
    bool_value: bool | None = None
    array_value: msgspec.Raw = msgspec.Raw()
    kvlist_value: msgspec.Raw = msgspec.Raw()


class Pair(msgspec.Struct, gc=False):
    """KeyValue."""

    key: str = ""
    value: AnyValue | None = None


class Status(msgspec.Struct, gc=False):
    """Span status; the code is a number or an enum name."""

    code: int | str = 0


class SpanEvent(msgspec.Struct, gc=False):
    """An event of a span: its attributes."""

    attributes: list[Pair] = []


class Scope(msgspec.Struct, gc=False):
    """The library that wrote records."""

    name: str = ""


class Span(msgspec.Struct, gc=False, rename="camel"):
    """The part of a span that is evidence; events are decoded where they have a key of a field."""

    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str | None = None
    name: str = ""
    start_time_unix_nano: int | str = 0
    end_time_unix_nano: int | str = 0
    attributes: list[Pair] = []
    status: Status | None = None
    dropped_attributes_count: int = 0
    kind: int | str = 0
    events: msgspec.Raw = msgspec.Raw()


class ScopeSpans(msgspec.Struct, gc=False, rename="camel"):
    """Spans of one instrumentation scope."""

    spans: list[Span] = []
    scope: Scope | None = None
    instrumentation_library: Scope | None = None


class ResourceSpans(msgspec.Struct, gc=False, rename="camel"):
    """Spans of one process; the resource stays raw, as equal ones are decoded once."""

    resource: msgspec.Raw = msgspec.Raw()
    scope_spans: list[ScopeSpans] = []
    instrumentation_library_spans: list[ScopeSpans] = []


class LogRecord(msgspec.Struct, gc=False, rename="camel"):
    """The part of a log record that is evidence; the body stays undecoded."""

    time_unix_nano: int | str = 0
    observed_time_unix_nano: int | str = 0
    severity_number: int | str = 0
    body: msgspec.Raw = msgspec.Raw()
    attributes: list[Pair] = []
    trace_id: str = ""
    span_id: str = ""
    event_name: str = ""
    dropped_attributes_count: int = 0


class ScopeLogs(msgspec.Struct, gc=False, rename="camel"):
    """Log records of one instrumentation scope."""

    log_records: list[LogRecord] = []


class ResourceLogs(msgspec.Struct, gc=False, rename="camel"):
    """Log records of one process."""

    resource: msgspec.Raw = msgspec.Raw()
    scope_logs: list[ScopeLogs] = []


class DataPoint(msgspec.Struct, gc=False, rename="camel"):
    """One point of a metric: its labels, never its numbers."""

    attributes: list[Pair] = []
    start_time_unix_nano: int | str = 0
    time_unix_nano: int | str = 0


class Points(msgspec.Struct, gc=False, rename="camel"):
    """The points of a gauge, sum, histogram or summary."""

    data_points: list[DataPoint] = []


class Metric(msgspec.Struct, gc=False, rename="camel"):
    """One metric of any kind."""

    name: str = ""
    gauge: Points | None = None
    sum: Points | None = None
    histogram: Points | None = None
    exponential_histogram: Points | None = None
    summary: Points | None = None


class ScopeMetrics(msgspec.Struct, gc=False):
    """Metrics of one instrumentation scope."""

    metrics: list[Metric] = []


class ResourceMetrics(msgspec.Struct, gc=False, rename="camel"):
    """Metrics of one process."""

    resource: msgspec.Raw = msgspec.Raw()
    scope_metrics: list[ScopeMetrics] = []


class Document(msgspec.Struct, gc=False, rename="camel"):
    """An export request of traces, logs or metrics; the Collector may write all three to one file."""

    resource_spans: list[ResourceSpans] = []
    resource_logs: list[ResourceLogs] = []
    resource_metrics: list[ResourceMetrics] = []


class Resource(msgspec.Struct, gc=False):
    """A process."""

    attributes: list[Pair] = []


_SPAN_IDS = (("traceId", "spanId"), ("trace_id", "span_id"))
_START = ("startTimeUnixNano", "start_time_unix_nano")
_GROUPS = ("scopeSpans", "scope_spans", "instrumentationLibrarySpans", "instrumentation_library_spans")
_document = msgspec.json.Decoder(Document)
_resource = msgspec.json.Decoder(Resource)
_events = msgspec.json.Decoder(list[SpanEvent])
_SNAKE_NAMES = """resource_spans scope_spans instrumentation_library_spans trace_id span_id
    parent_span_id start_time_unix_nano end_time_unix_nano dropped_attributes_count string_value
    int_value double_value bool_value array_value kvlist_value resource_logs scope_logs log_records
    time_unix_nano observed_time_unix_nano severity_number event_name resource_metrics scope_metrics
    data_points exponential_histogram instrumentation_library""".split()


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


_SNAKE = {f'"{name}"'.encode(): f'"{_camel(name)}"'.encode() for name in _SNAKE_NAMES}


class Processes:
    """The processes that raw resources describe, by number; equal ones are one process and decoded once."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self._numbers: dict[bytes, int] = {}

    def number(self, raw: msgspec.Raw) -> int | None:
        """The number of the process of a resource; None where there is no resource."""
        key = bytes(raw)
        number = self._numbers.get(key)
        if number is None and key:
            pairs = self._attributes(key)
            number = self._numbers[key] = self.builder.process((kv.key, plain(kv.value)) for kv in pairs)
        return number

    def _attributes(self, raw: bytes) -> list[Pair]:
        """The attributes of a resource; a malformed one is a skip, and the others still count."""
        try:
            return _resource.decode(raw).attributes
        except msgspec.DecodeError as error:
            self.builder.skip(None, "a resource: " + reason_of(error))
        value = decode(raw)
        items = value.get("attributes") if isinstance(value, dict) else None
        pairs: list[Pair] = []
        for item in items if isinstance(items, list) else ():
            with suppress(msgspec.ValidationError):
                pairs.append(msgspec.json.decode(msgspec.json.encode(item), type=Pair))
        return pairs


def plain(value: AnyValue | None) -> Any:
    """The Python value of an AnyValue: text, number, list or mapping; None when it is empty."""
    if value is None:
        return None
    if value.int_value is not None:
        return value.int_value
    for simple in (value.string_value, value.double_value, value.bool_value):
        if simple is not None:
            return simple
    if value.array_value:
        return [loose(v) for v in _values(decode(bytes(value.array_value)))]
    if value.kvlist_value:
        return _pairs(_values(decode(bytes(value.kvlist_value))))
    return None


def nanoseconds(value: int | str) -> int | None:
    """A time in ns; None for zero and for values that are no time."""
    try:
        ns = int(value or 0)
    except ValueError:
        return None
    return ns if 0 < ns < 2**63 else None


def _values(array: Any) -> list[Any]:
    """The `values` of an ArrayValue or a KeyValueList; empty where the shape differs."""
    values = array.get("values") if isinstance(array, dict) else None
    return values if isinstance(values, list) else []


def loose(value: Any) -> Any:
    """The Python value of an AnyValue that was decoded untyped."""
    if not isinstance(value, dict) or not value:
        return None
    kind, inner = next(iter(value.items()))
    if kind == "arrayValue":
        return [loose(v) for v in _values(inner)]
    if kind == "kvlistValue":
        return _pairs(_values(inner))
    return inner


def _pairs(items: list[Any]) -> dict[str, Any]:
    return {str(i.get("key")): loose(i.get("value")) for i in items if isinstance(i, dict)}


def reason_of(error: Exception) -> str:
    """Why a document cannot be read, without quoting it: where its shape differs, or that it is no JSON."""
    if isinstance(error, RecursionError):
        return "nested too deep"
    if isinstance(error, msgspec.ValidationError):
        return "not the OTLP shape: " + str(error).rsplit(" - ", 1)[-1].strip()
    return "not JSON: " + str(error).split(":")[0][:60]


def document_of(data: bytes) -> Document:
    """An export document; msgspec.DecodeError when it is none."""
    try:
        return _document.decode(data)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        whole = spelled_escapes(data)
        if whole == data:
            raise
        return _document.decode(whole)


def events_of(raw: bytes) -> list[Pair]:
    """The attributes of the events of a span; none where they are of another shape."""
    try:
        return [pair for event in _events.decode(raw) for pair in event.attributes]
    except msgspec.DecodeError:
        return []


def is_bare_span(record: dict[str, Any]) -> bool:
    """Whether a record is a span without the document around it, by the names of its keys."""
    ids = any(a in record and b in record for a, b in _SPAN_IDS)
    return ids and any(key in record for key in _START) and "attributes" in record and "name" in record


def has_typed_attributes(span: dict[str, Any]) -> bool:
    """Whether a span's attributes are a list of `key` and `value`, as OTLP writes them."""
    attributes = span.get("attributes")
    first = attributes[0] if isinstance(attributes, list) and attributes else None
    return attributes == [] or (isinstance(first, dict) and "key" in first and "value" in first)


def enclosed(record: dict[str, Any]) -> tuple[dict[str, Any], str] | None:
    """A part of a document (a span, those of a scope or of a process) as a whole one; None where it is none.

    Second is the pointer of the part in the document.
    """
    if any(isinstance(record.get(name), list) for name in _GROUPS):
        return {"resourceSpans": [record]}, "/resourceSpans/0"
    spans = record.get("spans")
    first = spans[0] if isinstance(spans, list) and spans else None
    if isinstance(first, dict) and is_bare_span(first) and has_typed_attributes(first):
        block = {"resource": record.get("resource") or {}, "scopeSpans": [record]}
        return {"resourceSpans": [block]}, "/resourceSpans/0/scopeSpans/0"
    if is_bare_span(record) and has_typed_attributes(record):
        group = {"scope": record.get("scope") or record.get("instrumentationScope"), "spans": [record]}
        block = {"resource": record.get("resource") or {}, "scopeSpans": [group]}
        return {"resourceSpans": [block]}, "/resourceSpans/0/scopeSpans/0/spans/0"
    return None


def camel_names(data: bytes) -> bytes:
    """A document with the names of OTLP/JSON, where it has those of protobuf."""
    for old, new in _SNAKE.items():
        data = data.replace(old, new)
    return data


def body_of(record: LogRecord) -> Any:
    """The body of a log record as a Python value: text or a mapping."""
    return loose(decode(bytes(record.body))) if record.body else None


def any_of(value: Any) -> AnyValue:
    """A Python value as AnyValue, for attributes that an emitter wrote as plain JSON."""
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, str):
        return AnyValue(string_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, list):
        return AnyValue(array_value=msgspec.Raw(msgspec.json.encode({"values": [typed(v) for v in value]})))
    if isinstance(value, dict):
        return AnyValue(kvlist_value=msgspec.Raw(msgspec.json.encode(_typed_map(value))))
    return AnyValue()


def pairs_of(attributes: dict[str, Any]) -> list[Pair]:
    """A plain mapping as attributes."""
    return [Pair(str(key), any_of(value)) for key, value in attributes.items()]


def typed(value: Any) -> dict[str, Any]:
    """The inverse of `loose`."""
    if isinstance(value, list):
        return {"arrayValue": {"values": [typed(v) for v in value]}}
    return {"kvlistValue": _typed_map(value)} if isinstance(value, dict) else {"stringValue": value}


def _typed_map(value: dict[str, Any]) -> dict[str, Any]:
    return {"values": [{"key": key, "value": typed(inner)} for key, inner in value.items()]}


def text_of(value: Any) -> str | None:
    """A value where it is text, else None."""
    return value if isinstance(value, str) else None
