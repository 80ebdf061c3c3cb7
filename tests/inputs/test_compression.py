"""Packed, encoded and cut-off data: unpacked by its bytes, within its limits, or refused with advice."""

from __future__ import annotations

import base64
import bz2
import gzip
import lzma
import random
from contextlib import suppress
from pathlib import Path

import pytest
import zstandard

from auditor.audit import Input
from auditor.errors import AuditError, InputError, TooLarge, UnsupportedInput
from auditor.inputs.source import SMALL, Source
from tests.support.packing import CALL, NOISE, PROSE, encoded, run, zipped

PACKED = {
    "gzip": (gzip.compress(CALL), 1),
    "gzip of two members": (gzip.compress(CALL) + gzip.compress(CALL), 2),
    "gzip padded with zeros": (gzip.compress(CALL) + bytes(512), 1),
    "zstd": (zstandard.compress(CALL), 1),
    "zstd of two frames": (zstandard.compress(CALL) + zstandard.compress(CALL), 2),
    "bzip2": (bz2.compress(CALL), 1),
    "bzip2 of two streams": (bz2.compress(CALL) + bz2.compress(CALL), 2),
    "xz": (lzma.compress(CALL), 1),
    "xz of two streams, padded": (lzma.compress(CALL) + bytes(8) + lzma.compress(CALL), 2),
    "gzip of gzip": (gzip.compress(gzip.compress(CALL)), 1),
    "gzip of zstd": (gzip.compress(zstandard.compress(CALL)), 1),
    "base64 of gzip": (encoded(CALL), 1),
    "base64 of gzip, wrapped": (base64.encodebytes(gzip.compress(CALL + PROSE)), 1),
    "base64 of gzip, one a line": (encoded(CALL) + b"\n" + encoded(CALL), 2),
    "base64 of gzip in quotes": (b'"' + encoded(CALL) + b'"\n', 1),
    "the event of a log subscription": (b'{"awslogs": {"data": "' + encoded(CALL) + b'"}}', 1),
}  # fmt: skip


@pytest.mark.parametrize(("data", "calls"), PACKED.values(), ids=PACKED)
def test_what_is_packed_is_unpacked_by_its_bytes(data: bytes, calls: int) -> None:
    """No name is needed; the report gives the size as it was handed over."""
    found = run(data, "spans.json").inputs[0]

    assert (calls, len(data)) == (found.calls, found.bytes)


@pytest.mark.parametrize(
    "pack", [gzip.compress, zstandard.compress, bz2.compress, lzma.compress], ids=lambda f: f.__module__
)
@pytest.mark.parametrize("kept", [0.3, 0.9, 0.999])
def test_what_is_cut_off_is_refused_with_advice(pack: object, kept: float) -> None:
    """A packed file that ends too early says so, whatever it was packed with."""
    data = pack(CALL * 50 + NOISE[:20_000].hex().encode())  # type: ignore[operator]

    with pytest.raises(InputError, match="cut off") as caught:
        run(data[: int(len(data) * kept)])

    assert caught.value.hint


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstandard.compress, encoded])
@pytest.mark.parametrize("seed", range(20))
def test_flipped_bits_in_packed_data_never_raise(pack: object, seed: int) -> None:
    """Damage is an answer with a message, never a traceback."""
    data = bytearray(pack(CALL * 30))  # type: ignore[operator]
    rng = random.Random(seed)
    for _ in range(3):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)

    with suppress(AuditError):
        run(bytes(data))


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress, bz2.compress, lzma.compress, encoded])
def test_a_bomb_is_refused_and_the_limit_named(pack: object) -> None:
    """More than a hundred times the packed size is too much for any packer."""
    with pytest.raises(TooLarge, match="100 times") as caught:
        run(pack(CALL + b" " * 40_000_000))  # type: ignore[operator]

    assert "unpack" in caught.value.hint


def test_the_size_that_something_may_inflate_to_can_be_set() -> None:
    """The page allows less than the command line."""
    with pytest.raises(TooLarge, match="beyond 1 MiB"):
        run(gzip.compress(CALL * 20_000), most=1024**2)


def test_what_is_packed_over_and_over_is_refused() -> None:
    """A file that contains itself would be unpacked for ever."""
    data = CALL
    for _ in range(5):
        data = gzip.compress(data)

    with pytest.raises(TooLarge, match="more than 4 times"):
        run(data)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"7z\xbc\xaf\x27\x1c" + bytes(20), "7-Zip"),
        (b"Rar!\x1a\x07\x01\x00", "RAR"),
        (b"%PDF-1.7\n", "PDF"),
        (b"SQLite format 3\x00", "SQLite"),
        (zipped({"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<x/>"}), "Excel"),
    ],
)
def test_what_is_not_opened_is_named(data: bytes, what: str) -> None:
    """The message says what it is, the hint what to bring."""
    with pytest.raises(UnsupportedInput, match=what) as caught:
        run(data)

    assert caught.value.hint


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
@pytest.mark.parametrize("size", [1, 400], ids=["held", "streamed"])
def test_text_in_another_encoding_is_read(encoding: str, size: int, tmp_path: Path) -> None:
    """With a mark or without one, from memory or as a stream, values come out as they were meant."""
    text = CALL.decode().replace("acme", "Zürich – Süd" * size) * 3
    path = tmp_path / "spans.jsonl"
    path.write_bytes(text.encode(encoding))
    source = Source(Input("spans.jsonl", path=path))

    assert text.encode() == source.whole()
    assert None is source.path
    assert (3, len(text.encode()) // 3 * 2) == source.line_of(len(text.encode()) - 5)
    assert ("cp1252" == encoding) == bool(source.notes)


def test_one_damaged_byte_does_not_make_utf_8_something_else() -> None:
    """Where most of the text is UTF-8, the rest is damage."""
    text = CALL.replace(b"acme", "Zürich".encode()) * 3 + b"\xff\n"

    assert [] == Source(Input("x", data=text)).notes


def test_plain_files_keep_their_path(tmp_path: Path) -> None:
    """What lies on disk as it is read can be read by ranges."""
    path = tmp_path / "spans.jsonl"
    path.write_bytes(CALL)

    assert path == Source(Input("spans", path=path)).path


def test_a_long_packed_file_is_streamed_and_still_located(tmp_path: Path) -> None:
    """Above the size that is held, each look unpacks again, and offsets are those of the content."""
    line = CALL[:-2] + b', "noise": "' + b"%d" + b'"}\n'
    data = b"".join(line % (n * 7919) for n in range(180_000))
    path = tmp_path / "spans.jsonl.gz"
    path.write_bytes(gzip.compress(data, 1))
    source = Source(Input("spans", path=path))

    assert len(data) > SMALL
    assert source.packed
    assert data == b"".join(piece for _, block in source.lines() for piece in block)
    assert (data.count(b"\n", 0, 9_000_000) + 1) == source.line_of(9_000_000)[0]
