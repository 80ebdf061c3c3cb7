"""Binary inputs: Parquet, OTLP protobuf and Datadog's msgpack, decoded, redacted and encoded again.

Types, framing and order do not change.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any

from auditor.errors import InputError
from auditor.redact.texts import SPAN_NAME, JsonRedactor, name_key_of, path_of

_WRAPPED = frozenset("string_value int_value array_value kvlist_value values value".split())
_WRONG = "audit it where it is, or redact another export of the same calls"


def redacted_value(redactor: JsonRedactor, path: tuple[str, ...], value: Any) -> Any:
    """A decoded value with its leaves replaced; `path` are the keys that lead to it."""
    if isinstance(value, str):
        return redactor.text(path, value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int(redactor.number(path, str(value)))
    if isinstance(value, Mapping):
        name_key = name_key_of(value)
        return {
            redactor.key(k) if isinstance(k, str) else k: redactor.key(v)
            if k == name_key
            else redacted_value(redactor, path_of(path, value, name_key, str(k)), v)
            for k, v in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [redacted_value(redactor, path, item) for item in value]
    return value


def parquet(data: bytes, redactor: JsonRedactor) -> bytes:
    """A Parquet file: columns of text and of identifying numbers, and nested ones, replaced."""
    import polars as pl

    try:
        frame = pl.read_parquet(io.BytesIO(data))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"not readable as Parquet ({type(error).__name__})", "export it again") from None
    columns = []
    for column in frame.get_columns():
        name, dtype = column.name, column.dtype
        if column.dtype.is_nested() or column.dtype == pl.String or column.dtype.is_integer():
            new = {value: redacted_value(redactor, (name,), value) for value in _distinct(column)}
            column = pl.Series(
                name,
                [new[v] if v.__hash__ else redacted_value(redactor, (name,), v) for v in column.to_list()],
                dtype=_renamed(dtype, redactor),
            )
        columns.append(column.alias(redactor.key(name)))
    out = io.BytesIO()
    pl.DataFrame(columns).write_parquet(out)
    return out.getvalue()


def _renamed(dtype: Any, redactor: JsonRedactor) -> Any:
    """The type of a column, with the names of its fields redacted as keys are."""
    import polars as pl

    if isinstance(dtype, pl.Struct):
        return pl.Struct({redactor.key(f.name): _renamed(f.dtype, redactor) for f in dtype.fields})
    if isinstance(dtype, pl.List):
        return pl.List(_renamed(dtype.inner, redactor))
    if isinstance(dtype, pl.Array):
        return pl.Array(_renamed(dtype.inner, redactor), dtype.size)
    return dtype


def _distinct(column: Any) -> list[Any]:
    return [] if column.dtype.is_nested() else [*column.unique(maintain_order=True).to_list()]


def protobuf(data: bytes, redactor: JsonRedactor) -> bytes:
    """OTLP requests, in the framing of the input."""
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
        _message(redactor, (), decoded)
        out.append(decoded.SerializeToString())
    if len(requests) == 1 and len(requests[0]) == len(bare):
        packed = out[0]
    else:
        fixed = int.from_bytes(bare[:4], "big") == len(requests[0])  # lengths of four bytes
        packed = b"".join((len(o).to_bytes(4, "big") if fixed else _varint(len(o))) + o for o in out)
    return packed if bare is data else base64.encodebytes(packed)


def _message(redactor: JsonRedactor, path: tuple[str, ...], message: Any) -> None:
    """Replace the leaves of a message in place; the path of an attribute's value ends in its key."""
    value_path = (*path, message.key) if message.DESCRIPTOR.name == "KeyValue" else path
    for field, value in message.ListFields():
        inner = value_path if field.name in _WRAPPED else (*path, field.name)
        if message.DESCRIPTOR.name == "KeyValue" and field.name == "key":
            message.key = redactor.key(value)
            continue
        if message.DESCRIPTOR.name == "Span" and field.name == "name":
            inner = (*path, SPAN_NAME)
        repeated = not isinstance(value, (str, bytes, int, float)) and not hasattr(value, "DESCRIPTOR")
        for n, item in enumerate(value if repeated else (value,)):
            if hasattr(item, "DESCRIPTOR"):
                _message(redactor, inner, item)
                continue
            new = _scalar(redactor, inner, item)
            if new != item:
                if repeated:
                    value[n] = new
                else:
                    setattr(message, field.name, new)


def _scalar(redactor: JsonRedactor, path: tuple[str, ...], value: Any) -> Any:
    if isinstance(value, bytes):
        return bytes.fromhex(redactor.values.of(value.hex())) if any(value) else value
    return redacted_value(redactor, path, value)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*out, number))


def msgpack(data: bytes, redactor: JsonRedactor) -> bytes:
    """Datadog's traces, as arrays of spans."""
    import msgpack as library

    from auditor.readers.traces.datadog_msgpack import payloads

    out = []
    for payload in payloads(data):
        if payload.broken:
            raise InputError("a damaged msgpack cannot be redacted", _WRONG)
        out.append(library.packb(redacted_value(redactor, (), payload.traces)))
    return b"".join(out)
