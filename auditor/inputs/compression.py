"""Compressed bytes as a stream of plain ones, within limits: gzip, zstd, bzip2, xz, and base64 of gzip.

Magic bytes decide, not the name.
"""

from __future__ import annotations

import base64
import binascii
import bz2
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, BinaryIO

import zstandard

from auditor.errors import InputError, TooLarge, UnsupportedInput

MAX_RATIO = 100
FREE = 10 * 1024**2  # bytes that anything may inflate to, whatever the ratio
MAX_INFLATED = 2 * 1024**3
MAX_WRAPS = 4
MAX_BASE64 = 64 * 1024**2
MAX_DICTIONARY = 256 * 1024**2  # bytes of memory that a decompressor may use
BLOCK = 256 * 1024
_BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError, binascii.Error)
_BASE64 = re.compile(rb'\s*"?H4sI[A-Za-z0-9+/]')
_ENVELOPE = re.compile(rb'\s*\{\s*"awslogs"\s*:\s*\{\s*"data"\s*:\s*"(?=H4sI)')
_MAGIC = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
)
_UNPACK = "unpack it and pass what is in it"
_EXPORT = "export what is in it as CSV or JSON lines"
REFUSED = (
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"\x04\x22\x4d\x18", "LZ4 data", _UNPACK),
    (b"\xff\x06\x00\x00sNaPpY", "Snappy data", _UNPACK),
    (b"\x1f\x9d", "data of the old `compress`", _UNPACK),
    (b"SQLite format 3\x00", "an SQLite database", _EXPORT),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old office document", _EXPORT),
    (b"%PDF-", "a PDF document", _EXPORT),
    (b"Obj\x01", "an Avro file", _EXPORT),
    (b"ORC", "an ORC file", _EXPORT),
)


def kind_of(head: bytes) -> str | None:
    """The compression of bytes by the first of them; None when they are not compressed."""
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind if kind != "bzip2" or head[3:4].isdigit() else None
    return "base64" if _BASE64.match(head) or _ENVELOPE.match(head) else None


class Unpacked:
    """The unpacked content of an input, to be opened any number of times; `wraps` are its compressions.

    TooLarge for more than MAX_WRAPS of them, UnsupportedInput for a known format that is not read here.
    """

    def __init__(self, open_raw: Callable[[], BinaryIO], name: str, most: int = MAX_INFLATED) -> None:
        self._open_raw, self.name, self._most = open_raw, name, most
        self.wraps: list[str] = []
        self.start = self._first_bytes()
        while kind := kind_of(self.start):
            if len(self.wraps) == MAX_WRAPS:
                raise TooLarge(f"{name}: packed more than {MAX_WRAPS} times over", _UNPACK)
            self.wraps.append(kind)
            self.start = self._first_bytes()
        for magic, what, hint in REFUSED:
            if self.start.startswith(magic):
                raise UnsupportedInput(f"{name}: this is {what}, which is not opened here", hint)

    def _first_bytes(self) -> bytes:
        with self.open() as stream:
            return stream.read(512)

    def open(self) -> BinaryIO:
        """The content as a binary stream; reading it raises InputError where it is broken or too large."""
        raw = self._open_raw()
        stream = raw
        for kind in self.wraps:
            stream = io.BufferedReader(_Limited(stream, raw, self.name, kind, self._most), BLOCK)
        return stream


class _Limited(io.RawIOBase):
    """A packed stream unpacked; TooLarge beyond 100 times what was read of `raw`, the bytes of the input."""

    def __init__(self, packed: BinaryIO, raw: BinaryIO, name: str, kind: str, most: int) -> None:
        self._packed, self._raw, self._name, self._kind, self._most = packed, raw, name, kind, most
        self._blocks = _OPENERS[kind](packed)
        self._rest, self._out = memoryview(b""), 0

    def close(self) -> None:
        self._packed.close()
        super().close()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            block = self._next()
            if block is None:
                return 0
            self._rest = memoryview(block)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def _next(self) -> bytes | None:
        try:
            block = next(self._blocks, None)
        except EOFError:
            raise InputError(f"{self._name}: the {self._kind} data is cut off", _AGAIN) from None
        except _BROKEN:
            raise InputError(f"{self._name}: broken {self._kind} data", _AGAIN) from None
        self._out += len(block or b"")
        if self._out > min(self._most, max(FREE, MAX_RATIO * self._raw.tell())):
            most = (
                f"{self._most // 1024**2:,} MiB" if self._out > self._most else f"{MAX_RATIO} times its size"
            )
            raise TooLarge(f"{self._name}: inflates beyond {most}", "unpack it yourself and pass the result")
        return block


_AGAIN = "fetch the file again, or unpack what is left of it and pass that"


def _gzip(raw: BinaryIO) -> Iterator[bytes]:
    return iter(partial(gzip.GzipFile(fileobj=raw).read1, BLOCK), b"")


def _bzip2(raw: BinaryIO) -> Iterator[bytes]:
    return iter(partial(bz2.BZ2File(raw).read1, BLOCK), b"")


def _zstd(raw: BinaryIO) -> Iterator[bytes]:
    """Frame after frame, in small blocks: one of them can inflate to 32 MiB at most."""
    frame: Any = None
    rest = b""
    while block := rest or raw.read(1024):
        if frame is None:
            frame = zstandard.ZstdDecompressor(max_window_size=MAX_DICTIONARY // 2).decompressobj()
        rest = b""
        yield frame.decompress(block)
        if frame.eof:
            frame, rest = None, frame.unused_data
    if frame is not None:
        raise EOFError


def _xz(raw: BinaryIO) -> Iterator[bytes]:
    """Stream after stream, without the padding between them."""
    stream, rest = None, b""
    while block := rest or raw.read(BLOCK):
        if stream is None:
            stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_DICTIONARY)
        yield stream.decompress(block, BLOCK)
        while not stream.eof and not stream.needs_input:
            yield stream.decompress(b"", BLOCK)
        rest = stream.unused_data.lstrip(b"\x00") if stream.eof else b""
        stream = None if stream.eof else stream
    if stream is not None:
        raise EOFError


def _base64(raw: BinaryIO) -> Iterator[bytes]:
    """The data of CloudWatch Logs subscriptions: one base64 text, in lines or not, or one text per line."""
    text = raw.read(MAX_BASE64 + 1)
    if len(text) > MAX_BASE64:
        raise TooLarge(f"more than {MAX_BASE64 // 1024**2} MiB of base64 text", "decode it yourself")
    envelope = _ENVELOPE.match(text)
    words = (text[envelope.end() :].split(b'"')[0] if envelope else text).replace(b'"', b" ").split()
    each = words if all(word.startswith(b"H4sI") for word in words) else [b"".join(words)]
    for word in each:
        yield base64.b64decode(word, validate=True)


_OPENERS: dict[str, Callable[[BinaryIO], Iterator[bytes]]] = {
    "gzip": _gzip,
    "bzip2": _bzip2,
    "zstd": _zstd,
    "xz": _xz,
    "base64": _base64,
}
