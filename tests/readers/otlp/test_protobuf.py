"""OTLP protobuf: however requests are framed, they read like OTLP/JSON, and damage is counted."""

from __future__ import annotations

import base64
import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest
import zstandard

from auditor.audit import Input, audit
from auditor.errors import AuditError
from auditor.inputs.compression import FREE
from auditor.policy.model import Policy
from auditor.readers.otlp import wire as _otlp_wire
from auditor.report.schema import Report
from tests.readers import counts, field, keys, report
from tests.support.growth import is_linear
from tests.support.otlp import CALL, PARENT, RESOURCE, SPAN, TRACE, log, logs, metrics, protobuf, span, traces

DOCUMENT = traces(
    span({"tenant.id": "acme", "http.route": "/v1"}, spanId=PARENT, parentSpanId="", name="POST /v1"),
    span(CALL | {"user.id": "u-42", "metadata": '{"team_id": "growth"}', "gen_ai.request.stop": ["a"]}),
    resource={"deployment.environment.name": "prod"},
)  # fmt: skip
REQUEST = protobuf(DOCUMENT)
GZIP, MANY = gzip.compress(REQUEST), 3


def four(*requests: bytes) -> bytes:
    """Behind 4-byte lengths, as the Collector's file exporter writes."""
    return b"".join(len(r).to_bytes(4, "big") + r for r in requests)


def varint(number: int) -> bytes:
    """A length of variable size."""
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def variable(*requests: bytes) -> bytes:
    """Behind variable lengths, as protobuf libraries write streams."""
    return b"".join(varint(len(r)) + r for r in requests)


def part(number: int, data: bytes) -> bytes:
    """One field of bytes."""
    return bytes([number << 3 | 2]) + varint(len(data)) + data


def raw(*spans: bytes) -> bytes:
    """A request of spans that were written by hand."""
    return part(1, part(1, b"") + part(2, b"".join(part(2, s) for s in spans)))


BARE = part(1, bytes.fromhex(TRACE)) + part(2, bytes.fromhex(SPAN)) + part(5, b"chat")
BARE += b"\x39" + (1795225575401504000).to_bytes(8, "little")


def told(found: Report) -> dict[str, Any]:
    """What a report says of each field."""
    return {f.field: (counts(found, f.field), f.causes, keys(found, f.field)) for f in found.fields}


def read(data: bytes) -> Report | str:
    """The report, or the message with which the input was refused."""
    try:
        return report(data)
    except AuditError as error:
        return error.message


@pytest.mark.parametrize(
    ("data", "times"),
    [
        (REQUEST, 1),
        (GZIP, 1),
        (REQUEST * MANY, MANY),
        (four(REQUEST), 1),
        (four(*[REQUEST] * MANY), MANY),
        (four(*[zstandard.compress(REQUEST)] * MANY), MANY),
        (variable(*[REQUEST] * MANY), MANY),
        (base64.b64encode(REQUEST), 1),
        (base64.encodebytes(REQUEST), 1),
        (base64.urlsafe_b64encode(REQUEST).rstrip(b"="), 1),
        (base64.encodebytes(four(REQUEST, REQUEST)), 2),
        (b"\n" + base64.encodebytes(REQUEST).replace(b"\n", b"\r\n") + b"\r\n", 1),
    ],
    ids=["one request", "gzip", "concatenated", "collector file", "collector file of many", "with zstd",
         "delimited", "base64", "base64 in lines", "base64 of urls", "base64 of a file", "base64 pasted"],
)  # fmt: skip
def test_requests_are_read_in_every_frame(data: bytes, times: int) -> None:
    """One call and one parent a request, nothing skipped."""
    found = report(data)
    told = found.inputs[0]
    assert ("otlp-protobuf", times, times, 0) == (told.format, told.calls, told.context, told.skipped_total)


def test_protobuf_reads_like_json() -> None:
    """The same request says the same of every field, in whichever encoding."""
    assert told(report(json.dumps(DOCUMENT))) == told(report(REQUEST))


def test_a_record_of_protobuf_has_no_line_but_an_excerpt() -> None:
    """Line, column and pointer are null; the excerpt shows the masked record."""
    anchors = [a for g in report(REQUEST).gaps for a in g.anchors]
    assert {(None, None, None)} == {(a.line, a.column, a.pointer) for a in anchors}
    assert any("gen_ai.request.model" in (a.excerpt or "") for a in anchors)
    assert not any("u-42" in (a.excerpt or "") for a in anchors)


@pytest.mark.parametrize("frame", [lambda r: r, lambda r: four(r, r), base64.b64encode])
def test_a_cut_file_gives_what_is_whole_and_counts_the_rest(frame: Any) -> None:
    """Wherever it is cut, records before the cut are read, and the cut one is a skip or a refusal."""
    spans = [span(CALL | {"tenant.id": "acme"}, spanId=f"{i:016x}") for i in range(1, 9)]
    data = frame(protobuf(traces(*spans)))
    for cut in range(len(data) // 4, len(data) - 4, len(data) // 12):
        found = read(data[:cut])
        if isinstance(found, str):
            continue
        assert 1 == found.inputs[0].skipped_total
        assert (found.totals.distinct_calls, 0, 0, 0) == counts(found, "tenant_id")


def test_one_damaged_span_costs_one_span() -> None:
    """A name that is no UTF-8 makes one span unreadable, not its request."""
    found = report(raw(BARE, BARE.replace(b"chat", b"ch\xff\xff"), BARE))
    assert (2, 1) == (found.inputs[0].context, found.inputs[0].skipped_total)


def test_spans_under_an_instrumentation_library_are_read() -> None:
    """Before there were scopes, spans stood in field 1000."""
    library = part(2, part(2, BARE))
    old = b"\xc2\x3e" + library[1:]
    found = report(part(1, part(1, b"") + old))
    assert ("otlp-protobuf", 1, 0) == (
        found.inputs[0].format,
        found.inputs[0].records,
        found.inputs[0].skipped_total,
    )


def nested(levels: int) -> bytes:
    """A span with a list in a list in a list …"""
    value = part(1, b"x")
    for _ in range(levels):
        value = part(5, part(1, value))
    return BARE + part(9, part(1, b"key") + part(2, value))


@pytest.mark.parametrize("levels", [20, 200, 5_000])
def test_deep_nesting_never_raises(levels: int) -> None:
    """What the protobuf library refuses to decode is a skip; its neighbours are read."""
    found = report(raw(nested(levels), BARE))
    assert 2 == found.inputs[0].records + found.inputs[0].skipped_total
    assert found.inputs[0].records >= 1


def test_deep_nesting_takes_no_time() -> None:
    """The cost is that of the bytes, which grow with the square of the levels where lengths are written."""
    assert is_linear(lambda levels: raw(nested(levels), BARE), report, 500, noise=0.05)


@pytest.mark.parametrize(
    "data",
    [
        random.Random(1).randbytes(60_000),
        bytes(8_000),
        b"\x0a\x00" * 50_000,
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f" + b"\x01" * 5_000,
        b"\x89PNG\r\n\x1a\n" + random.Random(2).randbytes(5_000),
        base64.b64encode(random.Random(3).randbytes(5_000)),
        b"QUJD" * 2_000,
        b"\x00\x00\x00\x05hello" * 400,
        raw(b"\x0a\x10" + b"1" * 16),
    ],
    ids=["random", "zeros", "empty blocks", "endless length", "png", "base64 of random", "base64 of text",
         "frames of text", "a span without times"],
)  # fmt: skip
def test_other_bytes_are_not_claimed(data: bytes) -> None:
    """Bytes that hold no OTLP record are refused in words, never read as spans."""
    assert isinstance(read(data), str)


@pytest.mark.parametrize(
    ("zeros", "free"), [(2**18, 2**17), pytest.param(2**26, FREE, marks=pytest.mark.bomb)]
)
def test_a_packed_request_is_not_inflated_without_end(
    zeros: int, free: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zeros that inflate a thousandfold behind a true request are a skip, at a small and the real limit."""
    monkeypatch.setattr(_otlp_wire, "FREE", free)
    small = zstandard.ZstdCompressionParameters(window_log=16)
    bomb = zstandard.ZstdCompressor(compression_params=small).compress(REQUEST + bytes(zeros))
    found = report(four(zstandard.compress(REQUEST), bomb, REQUEST))
    assert 2 <= found.inputs[0].calls <= 3
    assert found.inputs[0].skipped_total >= 1


def test_damage_anywhere_never_raises() -> None:
    """Any flipped bytes give a report or a refusal."""
    rng = random.Random(7)
    for data in (REQUEST, four(REQUEST, REQUEST), protobuf(logs(log("gen_ai.choice"))), protobuf(metrics())):
        for _ in range(25):
            broken = bytearray(data)
            for _ in range(rng.randrange(1, 9)):
                broken[rng.randrange(len(broken))] = rng.randrange(256)
            read(bytes(broken))


def test_each_signal_is_told_from_the_others() -> None:
    """Traces, logs and metrics share their outer shape; the records tell them apart."""
    bodies = [REQUEST, protobuf(logs(log("gen_ai.choice"))), protobuf(metrics())]
    names = ["otlp-protobuf", "otlp-logs-protobuf", "otlp-metrics-protobuf"]
    assert names == [report(b).inputs[0].format for b in bodies]


def test_one_file_may_hold_all_signals() -> None:
    """A file exporter on three pipelines writes them one after another; each is read as what it is."""
    found = report(
        four(REQUEST, protobuf(logs(log("gen_ai.choice", {"tenant.id": "acme"}))), protobuf(metrics()))
    )
    assert ("otlp-protobuf", 2, 0) == (
        found.inputs[0].format,
        found.inputs[0].calls,
        found.inputs[0].skipped_total,
    )
    assert 1 + 3 == found.inputs[0].context


def test_a_file_that_is_named_is_read_from_disk(tmp_path: Path) -> None:
    """A path reads like bytes."""
    path = tmp_path / "traces.bin"
    path.write_bytes(four(REQUEST, REQUEST))
    found = audit([Input(name="traces", path=path)], Policy(profile="all"))
    assert ("otlp-protobuf", 2) == (found.inputs[0].format, found.inputs[0].calls)


def test_resources_are_processes() -> None:
    """A resource attribute stands at process scope, its service names the place."""
    found = report(protobuf(traces(span(CALL), resource=RESOURCE | {"tenant.id": "acme"})))
    assert {("resource.tenant.id", "process")} == keys(found, "tenant_id")
    assert {"wider_scope": 1} == field(found, "tenant_id").causes
