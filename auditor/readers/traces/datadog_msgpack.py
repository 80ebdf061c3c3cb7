"""Datadog trace payloads as msgpack: v0.4 (maps) and v0.5 (arrays into a table of strings), decoded to spans.

Decoding is limited in size and depth, and ends at the first damage.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgpack

from auditor.framing.json_values import MAX_DEPTH, depth_of

MAX_NESTED = 16 * 1024 * 1024  # bytes of an LLM event packed inside a span
MAX_ITEMS = 20_000  # elements of one array or map inside a span
_SPAN_KEYS = frozenset(
    """service name resource trace_id span_id parent_id start duration error meta metrics type meta_struct
    span_links span_events""".split()
)
_V05 = tuple(
    "service name resource trace_id span_id parent_id start duration error meta metrics type".split()
)
_BROKEN = (
    msgpack.exceptions.UnpackException,
    ValueError,
    TypeError,
    OverflowError,
    RecursionError,
    MemoryError,
)
Trace = list[Any]


class Payload(NamedTuple):
    """One request body: its traces, or why it could not be read."""

    traces: list[Trace]
    broken: str | None


def looks_packed(head: bytes) -> bool:
    """Whether the first bytes are a payload: an array of traces of spans, or a string table before them."""
    unpacker = _unpacker(head)
    try:
        outer = unpacker.read_array_header()
        inner = unpacker.read_array_header() if outer else 0
        if outer == 2 and inner:
            first = unpacker.unpack()
            if isinstance(first, str):
                return inner < 2 or isinstance(unpacker.unpack(), str)
        unpacker = _unpacker(head)
        for _ in range(2):
            unpacker.read_array_header()
        return unpacker.read_map_header() > 0 and unpacker.unpack() in _SPAN_KEYS
    except _BROKEN:
        return False


def _unpacker(data: bytes) -> Any:
    most = max(len(data), 1)
    unpacker = msgpack.Unpacker(
        raw=False,
        strict_map_key=False,
        unicode_errors="replace",
        max_buffer_size=most,
        max_str_len=most,
        max_bin_len=most,
        max_ext_len=most,
        # memory for an array is allocated before its elements are read, on every level of nesting
        max_array_len=MAX_ITEMS,
        max_map_len=MAX_ITEMS,
    )
    unpacker.feed(data)
    return unpacker


def payloads(data: bytes) -> Iterator[Payload]:
    """Every payload in the bytes: one body, or several one after another; the last one may be broken."""
    unpacker = _unpacker(data)
    while unpacker.tell() < len(data):
        traces: list[Trace] = []
        broken = None
        try:
            _read(unpacker, traces)
        except _BROKEN as error:
            broken = _reason(error)
        yield Payload(traces, broken)
        if broken:
            return


def _reason(error: Exception) -> str:
    if isinstance(error, msgpack.exceptions.OutOfData):
        return "the msgpack payload is cut off"
    return f"not msgpack: {type(error).__name__}"


def _read(unpacker: Any, traces: list[Trace]) -> None:
    """Read one payload, header by header: its lengths are not trusted."""
    outer = unpacker.read_array_header()
    inner = unpacker.read_array_header() if outer else 0
    first = _value(unpacker) if inner else None
    if outer == 2 and isinstance(first, str):
        strings = [first] + [str(_value(unpacker)) for _ in range(inner - 1)]
        for _ in range(unpacker.read_array_header()):
            trace: Trace = []
            traces.append(trace)
            for _ in range(unpacker.read_array_header()):
                trace.append(_v05_span(strings, _value(unpacker)))
        return
    for nth in range(outer):
        size = unpacker.read_array_header() if nth else inner
        traces.append([first] if size and not nth else [])
        for _ in range(size - (not nth and size > 0)):
            traces[-1].append(_value(unpacker))


def _value(unpacker: Any) -> Any:
    value = unpacker.unpack()
    if isinstance(value, (dict, list)) and depth_of(value) > MAX_DEPTH:
        return None  # the reader counts it as no span
    return value


def _v05_span(strings: list[str], span: Any) -> Any:
    """One span of the v0.5 layout as the map that v0.4 has; any other value unchanged."""
    if not isinstance(span, list) or len(span) < len(_V05):
        return span
    fields = dict(zip(_V05, span, strict=False))
    for name in ("service", "name", "resource", "type"):
        fields[name] = _text(strings, fields[name])
    for name, texts in (("meta", True), ("metrics", False)):
        pairs = fields[name].items() if isinstance(fields[name], dict) else ()
        fields[name] = {_text(strings, k): _text(strings, v) if texts else v for k, v in pairs}
    return fields


def _text(strings: list[str], number: Any) -> str:
    known = isinstance(number, int) and 0 <= number < len(strings)
    return strings[number] if known else ""


def nested(value: Any) -> dict[str, Any]:
    """A msgpack map inside a span (`meta_struct`), or an empty one."""
    if isinstance(value, (bytes, bytearray)) and len(value) <= MAX_NESTED:
        try:
            value = _unpacker(bytes(value)).unpack()
        except _BROKEN:
            return {}
    if not isinstance(value, dict) or depth_of(value) > MAX_DEPTH:
        return {}
    return {str(k): v for k, v in value.items()}
