"""The OTLP/JSON shapes as typed structs, and their values as Python values: AnyValue, ids, snake case names.

It knows the wire format only; what an attribute means is decided by the reader.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from auditor.pieces import decode


class AnyValue(msgspec.Struct, gc=False, rename="camel"):
    """AnyValue; the kinds that are rare stay undecoded."""

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


class Span(msgspec.Struct, gc=False, rename="camel"):
    """The part of a span that is evidence; events and links are not decoded."""

    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str | None = None
    name: str = ""
    start_time_unix_nano: int | str = 0
    end_time_unix_nano: int | str = 0
    attributes: list[Pair] = []
    status: Status | None = None
    dropped_attributes_count: int = 0


class ScopeSpans(msgspec.Struct, gc=False):
    """Spans of one instrumentation scope."""

    spans: list[Span] = []


class ResourceSpans(msgspec.Struct, gc=False, rename="camel"):
    """Spans of one process; the resource stays raw, for equal ones are read once."""

    resource: msgspec.Raw = msgspec.Raw()
    scope_spans: list[ScopeSpans] = []
    instrumentation_library_spans: list[ScopeSpans] = []


class Document(msgspec.Struct, gc=False, rename="camel"):
    """ExportTraceServiceRequest."""

    resource_spans: list[ResourceSpans] = []


class Resource(msgspec.Struct, gc=False):
    """A process."""

    attributes: list[Pair] = []


_document = msgspec.json.Decoder(Document)
_resource = msgspec.json.Decoder(Resource)
_SNAKE = {
    b'"resource_spans"': b'"resourceSpans"',
    b'"scope_spans"': b'"scopeSpans"',
    b'"instrumentation_library_spans"': b'"instrumentationLibrarySpans"',
    b'"trace_id"': b'"traceId"',
    b'"span_id"': b'"spanId"',
    b'"parent_span_id"': b'"parentSpanId"',
    b'"start_time_unix_nano"': b'"startTimeUnixNano"',
    b'"end_time_unix_nano"': b'"endTimeUnixNano"',
    b'"string_value"': b'"stringValue"',
    b'"int_value"': b'"intValue"',
    b'"double_value"': b'"doubleValue"',
    b'"bool_value"': b'"boolValue"',
    b'"array_value"': b'"arrayValue"',
    b'"kvlist_value"': b'"kvlistValue"',
}


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
        return [_loose(v) for v in _values(decode(bytes(value.array_value)))]
    if value.kvlist_value:
        return _pairs(_values(decode(bytes(value.kvlist_value))))
    return None


def nanoseconds(value: int | str) -> int | None:
    """A time of a span; None for zero and for what is no time."""
    try:
        found = int(value or 0)
    except ValueError:
        return None
    return found if 0 < found < 2**63 else None


def _values(held: Any) -> list[Any]:
    """The `values` of an ArrayValue or a KeyValueList, nothing where the shape differs."""
    values = held.get("values") if isinstance(held, dict) else None
    return values if isinstance(values, list) else []


def _loose(value: Any) -> Any:
    """The Python value of an AnyValue that was decoded untyped."""
    if not isinstance(value, dict) or not value:
        return None
    kind, inner = next(iter(value.items()))
    if kind == "arrayValue":
        return [_loose(v) for v in _values(inner)]
    if kind == "kvlistValue":
        return _pairs(_values(inner))
    return inner


def _pairs(items: list[Any]) -> dict[str, Any]:
    return {str(i.get("key")): _loose(i.get("value")) for i in items if isinstance(i, dict)}


def hex_id(text: str) -> str:
    """A trace or span id as hex: base64 (24 or 12 characters) is decoded, `0x` and dashes are stripped."""
    if len(text) in (24, 12) and text.endswith("="):
        try:
            return base64.b64decode(text, validate=True).hex()
        except (binascii.Error, ValueError):
            return text
    return text.removeprefix("0x").lower()


def reason_of(error: Exception) -> str:
    """A reason that never quotes the data: where the shape differs, or that it is no JSON."""
    if isinstance(error, RecursionError):
        return "nested too deep"
    if isinstance(error, msgspec.ValidationError):
        return "not the OTLP shape: " + str(error).rsplit(" - ", 1)[-1].strip()
    return "not JSON: " + str(error).split(":")[0][:60]


def document_of(data: bytes, *, snake: bool = False) -> Document:
    """An export document; msgspec.DecodeError when it is none."""
    if snake:
        for old, new in _SNAKE.items():
            data = data.replace(old, new)
    return _document.decode(data)


def attributes_of(resource: bytes) -> list[Pair]:
    """The attributes of a raw resource."""
    return _resource.decode(resource).attributes
