"""Inputs that are no text: Parquet, OTLP protobuf and Datadog's msgpack, decoded, redacted and encoded again.

Each is decoded by its own library; types, framing and order stay as they were.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any

from auditor.errors import InputError
from auditor.redact.texts import SPAN_NAME, Texts, naming_of, path_of

_WRAPPED = frozenset("string_value int_value array_value kvlist_value values value".split())
_WRONG = "audit it where it is, or redact another export of the same calls"


def value(texts: Texts, path: tuple[str, ...], held: Any) -> Any:
    """A decoded value with its leaves replaced."""
    if isinstance(held, str):
        return texts.text(path, held)
    if isinstance(held, int) and not isinstance(held, bool):
        return int(texts.number(path, str(held)))
    if isinstance(held, Mapping):
        naming = naming_of(held)
        return {
            texts.key(k) if isinstance(k, str) else k: texts.key(v)
            if k == naming
            else value(texts, path_of(path, held, naming, str(k)), v)
            for k, v in held.items()
        }
    if isinstance(held, (list, tuple)):
        return [value(texts, path, item) for item in held]
    return held


def parquet(data: bytes, texts: Texts) -> bytes:
    """A Parquet file: columns of text, of numbers that name somebody, and nested ones."""
    import polars as pl

    try:
        frame = pl.read_parquet(io.BytesIO(data))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"not readable as Parquet ({type(error).__name__})", "export it again") from None
    columns = []
    for column in frame.get_columns():
        name, dtype = column.name, column.dtype
        if column.dtype.is_nested() or column.dtype == pl.String or column.dtype.is_integer():
            new = {held: value(texts, (column.name,), held) for held in _distinct(column)}
            listed = column.to_list()
            column = pl.Series(
                name,
                [new[v] if v.__hash__ else value(texts, (column.name,), v) for v in listed],
                dtype=_renamed(dtype, texts),
            )
        columns.append(column.alias(texts.key(name)))
    out = io.BytesIO()
    pl.DataFrame(columns).write_parquet(out)
    return out.getvalue()


def _renamed(dtype: Any, texts: Texts) -> Any:
    """The type of a column, with the names of its fields replaced as keys are."""
    import polars as pl

    if isinstance(dtype, pl.Struct):
        return pl.Struct({texts.key(f.name): _renamed(f.dtype, texts) for f in dtype.fields})
    if isinstance(dtype, pl.List):
        return pl.List(_renamed(dtype.inner, texts))
    if isinstance(dtype, pl.Array):
        return pl.Array(_renamed(dtype.inner, texts), dtype.size)
    return dtype


def _distinct(column: Any) -> list[Any]:
    return [] if column.dtype.is_nested() else [*column.unique(maintain_order=True).to_list()]


def protobuf(data: bytes, texts: Texts) -> bytes:
    """OTLP requests, in the framing in which they came."""
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
    from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
    from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

    from auditor.readers.otlp.wire import framed, signal_of, unbase64

    kinds: dict[str, Any] = {"traces": TracesData, "logs": LogsData, "metrics": MetricsData}
    requests = [bytes(request) for request in framed(data)]
    bare = unbase64(data) if requests and requests[0][:64] not in data else data
    out = []
    for request in requests:
        try:
            decoded = kinds[signal_of(memoryview(request)) or "traces"].FromString(request)
        except DecodeError:
            raise InputError("a damaged protobuf cannot be redacted", _WRONG) from None
        _message(texts, (), decoded)
        out.append(decoded.SerializeToString())
    if len(requests) == 1 and len(requests[0]) == len(bare):
        packed = out[0]
    else:
        four = int.from_bytes(bare[:4], "big") == len(requests[0])
        packed = b"".join((len(o).to_bytes(4, "big") if four else _varint(len(o))) + o for o in out)
    return packed if bare is data else base64.encodebytes(packed)


def _message(texts: Texts, path: tuple[str, ...], message: Any) -> None:
    """Replace the leaves of a message in place; an attribute's value stands under its key."""
    under = (*path, message.key) if message.DESCRIPTOR.name == "KeyValue" else path
    for field, held in message.ListFields():
        inner = under if field.name in _WRAPPED else (*path, field.name)
        if message.DESCRIPTOR.name == "KeyValue" and field.name == "key":
            message.key = texts.key(held)
            continue
        if message.DESCRIPTOR.name == "Span" and field.name == "name":
            inner = (*path, SPAN_NAME)
        many = not isinstance(held, (str, bytes, int, float)) and not hasattr(held, "DESCRIPTOR")
        for n, one in enumerate(held if many else (held,)):
            if hasattr(one, "DESCRIPTOR"):
                _message(texts, inner, one)
                continue
            new = _scalar(texts, inner, one)
            if new != one:
                if many:
                    held[n] = new
                else:
                    setattr(message, field.name, new)


def _scalar(texts: Texts, path: tuple[str, ...], held: Any) -> Any:
    if isinstance(held, bytes):
        return bytes.fromhex(texts.values.of(held.hex())) if any(held) else held
    return value(texts, path, held)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*out, number))


def msgpack(data: bytes, texts: Texts) -> bytes:
    """Datadog's traces, as arrays of spans."""
    import msgpack as library

    from auditor.readers.traces.datadog_msgpack import payloads

    out = []
    for payload in payloads(data):
        if payload.broken:
            raise InputError("a damaged msgpack cannot be redacted", _WRONG)
        out.append(library.packb(value(texts, (), payload.traces)))
    return b"".join(out)
