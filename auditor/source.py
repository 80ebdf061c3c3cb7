"""The bytes of one input: unwrapped, within limits, whole or in blocks of lines with their offsets.

It never fetches anything, and never interprets what the bytes say.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from auditor.errors import InputError, TooLarge

HEAD = 256 * 1024
CHUNK = 4 * 1024 * 1024
MAX_RATIO = 100
MAX_INFLATED = 2 * 1024**3
MAX_WHOLE = 1024**3


@dataclass(frozen=True)
class Input:
    """One thing the user handed over: bytes or a path, with a name; layer and format where the user said so.

    `alias` is the name given with `NAME=`: it stands in fingerprints where else the format does.
    """

    name: str
    data: bytes | None = None
    path: Path | None = None
    layer: str | None = None
    format: str | None = None
    alias: str | None = None


class Source:
    """Reads an input as often as needed; gzip is unwrapped, UTF-16 and byte order marks are removed."""

    def __init__(self, given: Input) -> None:
        self.name = given.name
        self._path, self._data = given.path, given.data
        self._places = [(1, 0, 0)]  # line, where it begins, up to where was counted
        if self._path is not None and not self._path.is_file():
            raise InputError(f"{given.name}: no such file", "check the path, or pass `-` for standard input")
        self.size = self._size()
        with self._raw() as raw:
            start = raw.read(4)
        self.gzipped = start[:2] == b"\x1f\x8b"
        if start[:4] in (b"PAR1",):
            return
        with self.open() as stream:
            bom = stream.read(3)
        if bom[:2] in (b"\xff\xfe", b"\xfe\xff"):
            self._become(self.whole().decode("utf-16", "replace").encode())
        elif bom == b"\xef\xbb\xbf":
            self._become(self.whole()[3:])

    def _size(self) -> int:
        if self._data is not None:
            return len(self._data)
        assert self._path is not None
        return self._path.stat().st_size

    def _become(self, data: bytes) -> None:
        self._data, self._path, self.gzipped = data, None, False
        self.__dict__.pop("head", None)

    def _raw(self) -> BinaryIO:
        if self._data is not None:
            return io.BytesIO(self._data)
        assert self._path is not None
        return self._path.open("rb")

    def open(self) -> BinaryIO:
        """The content as a binary stream, inflated; TooLarge beyond the ratio or size limit."""
        raw = self._raw()
        return io.BufferedReader(_Inflater(raw, self.name)) if self.gzipped else raw

    @property
    def path(self) -> Path | None:
        """The path, where the content lies on disk uncompressed."""
        return None if self.gzipped else self._path

    @cached_property
    def head(self) -> bytes:
        """The first 256 KiB."""
        with self.open() as stream:
            return stream.read(HEAD)

    @property
    def is_short(self) -> bool:
        """Whether the head is everything."""
        return len(self.head) < HEAD

    def whole(self) -> bytes:
        """All of the content; TooLarge above 1 GiB, which no single document needs."""
        if self._data is not None and not self.gzipped:
            return self._data
        with self.open() as stream:
            data = stream.read(MAX_WHOLE + 1)
        if len(data) > MAX_WHOLE:
            raise TooLarge(
                f"{self.name}: one document of more than {MAX_WHOLE // 1024**2} MiB",
                "split it, or export JSON lines",
            )
        return data

    def lines(self, start: int = 0, end: int | None = None) -> Iterator[tuple[int, list[bytes]]]:
        """Blocks of lines, newlines kept, with the byte offset of the first.

        `start` and `end` cut on line borders: a line belongs to the range in which it begins.
        """
        with self.open() as stream:
            offset = start
            if start:
                stream.seek(start - 1)
                offset += len(stream.readline()) - 1
            while end is None or offset < end:
                size = CHUNK if end is None else min(CHUNK, end - offset)
                block = stream.readlines(size)
                if not block:
                    return
                yield offset, block
                offset += sum(map(len, block))

    def line_of(self, offset: int) -> tuple[int, int]:
        """The 1-based line that holds a byte offset, and the offset at which that line begins."""
        # counting goes on from the nearest place that was asked for before
        line, begin, seen = max((p for p in self._places if p[2] <= offset), key=lambda p: p[2])
        with self.open() as stream:
            if seen:
                stream.read(seen) if self.gzipped else stream.seek(seen)
            while seen < offset:
                block = stream.read(min(CHUNK, offset - seen))
                if not block:
                    break
                line += block.count(b"\n")
                last = block.rfind(b"\n")
                if last >= 0:
                    begin = seen + last + 1
                seen += len(block)
        if len(self._places) < 1_000:
            self._places.append((line, begin, seen))
        return line, begin


class _Inflater(io.RawIOBase):
    """Gunzips within limits: never more than 100 times the compressed size (above 10 MiB) nor 2 GiB."""

    def __init__(self, raw: BinaryIO, name: str) -> None:
        self._raw, self._name, self._out = raw, name, 0
        self._zip = gzip.GzipFile(fileobj=raw)

    def close(self) -> None:
        self._zip.close()
        self._raw.close()
        super().close()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._zip.read(len(buffer))
        except (OSError, EOFError) as error:
            raise InputError(f"{self._name}: broken gzip data ({error})", "fetch the file again") from None
        self._out += len(data)
        packed = max(self._raw.tell(), 1)
        if self._out > MAX_INFLATED or (self._out > 10 * 1024**2 and self._out > MAX_RATIO * packed):
            raise TooLarge(
                f"{self._name}: inflates beyond {MAX_RATIO} times its size or {MAX_INFLATED // 1024**3} GiB",
                "decompress it yourself and pass the result",
            )
        buffer[: len(data)] = data
        return len(data)
