"""OTLP protobuf: how requests are framed in a file, which signal they carry, and the blocks in them.

Messages are decoded by the protobuf library; only the lengths around them are read here. Of a cut or damaged
block the whole pieces are read and the others counted.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import zstandard
from google.protobuf.message import DecodeError
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord as ProtoLog
from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs as ProtoLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric as ProtoMetric
from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics as ProtoMetrics
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans as ProtoSpans
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan

from auditor.inputs.compression import FREE, MAX_RATIO

ZSTD = b"\x28\xb5\x2f\xfd"
BLOCK, RESOURCE, GROUP, ITEM = 1, 1, 2, 2  # field numbers, the same for the three signals
OLD_GROUP = 1000  # spans by instrumentation library, before there were scopes
LOOKED_AT = 64  # records that are tried to find the signal of a request
FRAMES = 8
_BASE64 = re.compile(rb"[A-Za-z0-9+/_\-\s]++=*+\s*+")
_METRIC_NAME = re.compile(r"[A-Za-z][\w./\-]{0,254}")


class WireField(NamedTuple):
    """One field of a message: its number, bytes and end; `cut` where the message ends before it does."""

    number: int
    data: memoryview
    end: int
    cut: bool


class Broken(ValueError):
    """The bytes are not protobuf."""


def varint(data: memoryview, at: int) -> tuple[int, int]:
    """A number of variable length and where it ends."""
    value = 0
    for i, byte in enumerate(data[at : at + 10]):
        value |= (byte & 0x7F) << 7 * i
        if byte < 0x80:
            return value, at + i + 1
    raise Broken("a number does not end")


def fields(data: memoryview) -> Iterator[WireField]:
    """The fields of a message, undecoded; raises Broken where the bytes are no message."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            size = varint(data, at)[1] - at
        elif kind == 2:
            size, at = varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise Broken(f"wire type {kind}")
        yield WireField(key >> 3, data[at : at + size], at + size, at + size > len(data))
        at += size


def framed(data: bytes) -> Iterator[memoryview]:
    """The requests in a file: one, several after 4-byte or variable lengths, or base64 text of these."""
    if _BASE64.fullmatch(data[:4096]):
        data = unbase64(data)
    view = memoryview(data)
    for split in (_bare, _four, _variable):
        if any(signal_of(request) for request in islice(split(view), FRAMES)):
            yield from split(view)
            return


def unbase64(data: bytes) -> bytes:
    """The bytes of base64 text, of cut text as far as it goes; empty where it is no base64."""
    text = b"".join(data.split()).replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=")
    text = text[:-1] if len(text) % 4 == 1 else text
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _bare(view: memoryview) -> Iterator[memoryview]:
    yield view


def _four(view: memoryview) -> Iterator[memoryview]:
    at = 0
    while at + 4 < len(view):
        size = int.from_bytes(view[at : at + 4], "big")
        request = view[at + 4 : at + 4 + size]
        yield _inflated(request) if request[:4] == ZSTD else request
        at += 4 + size


def _inflated(request: memoryview) -> memoryview:
    """A request that the Collector compressed, inflated up to the limit; the rest is cut off."""
    most = max(FREE, MAX_RATIO * len(request))
    try:
        with zstandard.ZstdDecompressor(max_window_size=most).stream_reader(io.BytesIO(request)) as stream:
            return memoryview(stream.read(most))
    except (zstandard.ZstdError, OSError, EOFError):
        return memoryview(b"")


def _variable(view: memoryview) -> Iterator[memoryview]:
    at = 0
    while at < len(view):
        try:
            size, at = varint(view, at)
        except Broken:
            return
        yield view[at : at + size]
        at += size


def signal_of(request: memoryview) -> str | None:
    """Which signal a request carries, by the fields of its first records; None without such fields."""
    for item in _first_items(request):
        for signal, proto, holds in _SIGNALS:
            try:
                if holds(proto.FromString(item)):
                    return signal
            except DecodeError:
                continue
    return None


def _first_items(request: memoryview) -> Iterator[bytes]:
    count = 0
    try:
        for block in _only(fields(request), BLOCK):
            for group in _only(fields(block.data), GROUP, OLD_GROUP):
                for item in _only(fields(group.data), ITEM):
                    count += 1
                    if count > LOOKED_AT:
                        return
                    yield bytes(_whole_part(item.data) if item.cut else item.data)
    except Broken:
        return


def _whole_part(data: memoryview) -> memoryview:
    """A record that was cut, up to its last whole field."""
    end = 0
    for field in fields(data):
        if field.cut:
            break
        end = field.end
    return data[:end]


def _only(every: Iterator[WireField], *numbers: int) -> Iterator[WireField]:
    return (f for f in every if f.number in numbers)


def _is_span(span: Any) -> bool:
    return len(span.trace_id) == 16 and len(span.span_id) == 8 and span.start_time_unix_nano > 0


def _is_log(log: Any) -> bool:
    ids = (len(log.trace_id), len(log.span_id)) in ((16, 8), (16, 0), (0, 0))
    return ids and (log.time_unix_nano > 0 or log.observed_time_unix_nano > 0)


def _is_metric(metric: Any) -> bool:
    return _METRIC_NAME.fullmatch(metric.name) is not None and metric.WhichOneof("data") is not None


_SIGNALS = (
    ("traces", ProtoSpan, _is_span),
    ("logs", ProtoLog, _is_log),
    ("metrics", ProtoMetric, _is_metric),
)
_BLOCKS: dict[str, tuple[Any, str, str]] = {
    "traces": (ProtoSpans, "scope_spans", "spans"),
    "logs": (ProtoLogs, "scope_logs", "log_records"),
    "metrics": (ProtoMetrics, "scope_metrics", "metrics"),
}


def blocks(request: memoryview, signal: str) -> Iterator[tuple[Any, int]]:
    """The blocks of a request as protobuf messages, each with how many of its pieces could not be read."""
    try:
        for field in _only(fields(request), BLOCK):
            yield _block(field, signal)
    except Broken:
        yield _BLOCKS[signal][0](), 1


def _block(field: WireField, signal: str) -> tuple[Any, int]:
    if field.cut:
        block, lost = salvaged(field.data, signal)
        return block, max(lost, 1)
    proto, groups, _ = _BLOCKS[signal]
    try:
        block = proto.FromString(bytes(field.data))
    except DecodeError:
        return salvaged(field.data, signal)
    old = not getattr(block, groups) and any(_only(fields(field.data), OLD_GROUP))
    return salvaged(field.data, signal) if old else (block, 0)


def salvaged(data: memoryview, signal: str) -> tuple[Any, int]:
    """The whole records of a cut or damaged block, and how many pieces could not be read."""
    proto, groups, items = _BLOCKS[signal]
    block, lost = proto(), 0
    try:
        for outer in fields(data):
            if outer.number == RESOURCE:
                lost += not _merged(block.resource, outer)
            elif outer.number in (GROUP, OLD_GROUP):
                records = getattr(getattr(block, groups).add(), items)
                for inner in _only(fields(outer.data), ITEM):
                    if not _merged(records.add(), inner):
                        del records[-1]
                        lost += 1
    except Broken:
        lost += 1
    return block, lost


def _merged(message: Any, field: WireField) -> bool:
    if field.cut:
        return False
    try:
        message.MergeFromString(bytes(field.data))
    except DecodeError:
        return False
    return True


def items_of(block: Any, signal: str) -> Iterator[Any]:
    """The records of a block in the order in which they are read; a metric once for each of its points."""
    _, groups, items = _BLOCKS[signal]
    for group in getattr(block, groups):
        for item in getattr(group, items):
            if signal != "metrics":
                yield item
                continue
            kind = item.WhichOneof("data")
            for _ in getattr(item, kind).data_points if kind else ():
                yield item


def alone(block: Any, signal: str) -> Iterator[Any]:
    """Each record of a block as a block of its own, in the order in which they are read."""
    proto, groups, items = _BLOCKS[signal]
    for group in getattr(block, groups):
        for item in getattr(group, items):
            single = proto()
            single.resource.CopyFrom(block.resource)
            getattr(getattr(single, groups).add(), items).add().CopyFrom(item)
            yield single
