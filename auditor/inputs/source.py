"""The bytes of one input: unpacked, as UTF-8, within limits; whole, or in blocks of lines with offsets."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from auditor.errors import InputError, TooLarge
from auditor.inputs.compression import MAX_INFLATED, Unpacked
from auditor.inputs.paste import clean_paste, column_in_paste

HEAD = 256 * 1024
CHUNK = 4 * 1024 * 1024
MAX_WHOLE = 1024**3
SMALL = 16 * 1024 * 1024  # bytes: content up to this size is unpacked once and kept in memory
TIDY = 4 * 1024 * 1024  # bytes: longer text is an export, no paste
_ODD = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)
WINDOWS = "cp1252"


@dataclass(frozen=True)
class Input:
    """One input of the user: bytes or a path, with a name; layer and format where the user set them.

    `alias` is the name given with `NAME=`: fingerprints use it instead of the format. `archive` is the name
    of the archive that a file is from; a large one is read from it with `opener`. `most` is how many bytes it
    may unpack to, `notes` are for the report.
    """

    name: str
    data: bytes | None = None
    path: Path | None = None
    layer: str | None = None
    format: str | None = None
    alias: str | None = None
    archive: str | None = None
    opener: Callable[[], BinaryIO] | None = None
    size: int = 0
    most: int = MAX_INFLATED
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Escape a name that is not UTF-8: no report could be encoded with it."""
        object.__setattr__(self, "name", self.name.encode("utf-8", "backslashreplace").decode())

    def open(self) -> BinaryIO:
        """The bytes as they are, packed or not; InputError when there is no such file."""
        if self.data is not None:
            return io.BytesIO(self.data)
        if self.opener is not None:
            return self.opener()
        assert self.path is not None
        if not self.path.is_file():
            raise InputError(f"{self.name}: no such file", "check the path, or pass `-` for standard input")
        return self.path.open("rb")


class Source:
    """Reads an input any number of times: unpacked, and as UTF-8 whatever the encoding of its text."""

    def __init__(self, given: Input) -> None:
        self.name = given.name
        self.notes: list[str] = []
        self._lines_known = [(1, 0, 0)]  # line, where it begins, up to where lines were counted
        self._data, self._path = given.data, given.path
        self._content = Unpacked(given.open, given.name, given.most)
        self._encoding: str | None = None
        self._cr_only = False
        self._pasted: list[bytes] | None = None  # the lines with what a paste added
        self.size = size_of(given)
        if self._content.wraps:
            self._keep_short()
        if not self._content.start.startswith(b"PAR1"):
            self._decode()
            self._tidy()
            self._convert_returns()

    def _tidy(self) -> None:
        """Remove what a paste added; an export is left as it is."""
        if self._data is None and (self.size > TIDY or self._path is None):
            return
        with self.open() as stream:
            data = stream.read(TIDY + 1)
        if len(data) > TIDY:
            return
        tidy, what = clean_paste(data)
        if what:
            self._data, self._path = tidy, None
            self._pasted = data.split(b"\n") if b"\n" in data else None
            self.notes.append(f"{self.name}: {what} were taken off before reading")

    def _convert_returns(self) -> None:
        """In text without LF a CR ends a line: each is read as LF, so that no offset changes."""
        with self.open() as stream:
            head = stream.read(HEAD)
        if b"\r" not in head or b"\n" in head:
            return
        self._cr_only, self._path = True, None
        if self._data is not None:
            self._data = self._data.replace(b"\r", b"\n")
        self.notes.append(f"{self.name}: line ends of an old Macintosh were taken off before reading")

    def _keep_short(self) -> None:
        """Keep short content in memory: to unpack it for each read would cost more."""
        self._path = self._data = None
        with self._content.open() as stream:
            data = stream.read(SMALL + 1)
        if len(data) <= SMALL:
            self._data = data

    def _decode(self) -> None:
        data = self._data
        if data is None:
            with self._content.open() as stream:
                data = stream.read(SMALL)
        self._encoding = encoding_of(data)
        if self._encoding == WINDOWS:
            self.notes.append(f"{self.name}: not UTF-8; read as Windows-1252, accents may be off")
        if self._encoding is None:
            return
        self._path = None
        if self._data is not None:
            self._data = b"".join(_recoded(iter([self._data]), self._encoding))

    @property
    def packed(self) -> bool:
        """Whether the stream can only be read from its beginning."""
        return self._data is None and bool(self._content.wraps or self._encoding)

    def open(self) -> BinaryIO:
        """The content as a binary stream; TooLarge beyond the ratio or size limit."""
        if self._data is not None:
            return io.BytesIO(self._data)
        stream = self._content.open()
        if self._encoding is not None:
            stream = io.BufferedReader(_RecodedStream(stream, self._encoding), HEAD)
        return io.BufferedReader(_CarriageReturns(stream), HEAD) if self._cr_only else stream

    @property
    def path(self) -> Path | None:
        """The path, where the file has the content as it is read."""
        return self._path

    @cached_property
    def head(self) -> bytes:
        """The first 256 KiB."""
        with self.open() as stream:
            return stream.read(HEAD)

    @property
    def is_short(self) -> bool:
        """Whether the head is the whole content."""
        return len(self.head) < HEAD

    def whole(self) -> bytes:
        """All of the content; TooLarge above 1 GiB, which no single document needs."""
        if self._data is not None:
            return self._data
        with self.open() as stream:
            data = stream.read(MAX_WHOLE + 1)
        if len(data) > MAX_WHOLE:
            raise TooLarge(
                f"{self.name}: one document of more than {MAX_WHOLE // 1024**2} MiB",
                "split it, or export JSON lines",
            )
        return data

    def text(self) -> str:
        """All of the content as text."""
        return self.whole().decode("utf-8", "replace")

    def lines(self, start: int = 0, end: int | None = None) -> Iterator[tuple[int, list[bytes]]]:
        """Blocks of lines, newlines kept, with the byte offset of the first.

        `start` and `end` are byte offsets; a line belongs to the range in which it begins.
        """
        with self.open() as stream:
            offset = start
            if start:
                stream.seek(start - 1)
                offset += len(stream.readline()) - 1
            while end is None or offset < end:
                size = CHUNK if end is None else min(CHUNK, end - offset)
                # readlines goes on while it has no more than its hint; a hint of 0 is none
                block = stream.readlines(size - 1) if size > 1 else [stream.readline()]
                if not block or not block[0]:
                    return
                yield offset, block
                offset += sum(map(len, block))

    def place_of(self, offset: int) -> tuple[int, int]:
        """The line of a byte offset and its column in characters, 1-based, in the text as it was given."""
        line, begin = self.line_of(offset)
        with self.open() as stream:
            if begin:
                stream.read(begin) if self.packed else stream.seek(begin)
            column = len(stream.read(offset - begin).decode("utf-8", "replace")) + 1
            rest = stream.readline() if self._pasted else b""
        if self._pasted and line <= len(self._pasted):
            pasted = self._pasted[line - 1].decode("utf-8", "replace")
            column = column_in_paste(pasted, len(rest.decode("utf-8", "replace").rstrip("\r\n")), column)
        return line, column

    def line_of(self, offset: int) -> tuple[int, int]:
        """The 1-based line of a byte offset, and the offset at which that line begins."""
        # counting continues from the nearest place that was looked up before
        line, begin, seen = max((p for p in self._lines_known if p[2] <= offset), key=lambda p: p[2])
        with self.open() as stream:
            if seen:
                stream.read(seen) if self.packed else stream.seek(seen)
            while seen < offset:
                block = stream.read(min(CHUNK, offset - seen))
                if not block:
                    break
                line += block.count(b"\n")
                last = block.rfind(b"\n")
                if last >= 0:
                    begin = seen + last + 1
                seen += len(block)
        if len(self._lines_known) < 1_000:
            self._lines_known.append((line, begin, seen))
        return line, begin


def size_of(given: Input) -> int:
    """The size of an input in bytes, before it is unpacked."""
    if given.data is not None:
        return len(given.data)
    return given.path.stat().st_size if given.path is not None else given.size


def encoding_of(data: bytes) -> str | None:
    """The encoding of text that is not UTF-8; None for UTF-8 and for binary data."""
    for mark, name in _BOMS:
        if data.startswith(mark):
            return name
    if b"\x00" in data[:HEAD]:
        return _without_mark(data[:4096])
    if data.isascii() or _ODD.search(data[:HEAD]):
        return None
    text = data.decode("utf-8", "replace")
    # the end of the head may split one character
    wrong = text[:-3].count("\ufffd")
    right = sum(1 for c in text if c > "\x7f") - wrong if wrong else 0
    return WINDOWS if wrong > right else None


def _without_mark(head: bytes) -> str | None:
    """UTF-16 without a byte order mark: text in which every second byte is NUL."""
    even, odd = head[::2], head[1::2]
    for name, high, low in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if len(high) > 1 and high.count(0) >= 0.9 * len(high) and low.count(0) <= 0.1 * len(low):
            return name
    return None


def _recoded(blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Blocks of text in another encoding as UTF-8; invalid bytes after a UTF-8 mark stay as they are."""
    errors = "surrogateescape" if encoding == "utf-8-sig" else "replace"
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    for block in blocks:
        yield decoder.decode(block).encode("utf-8", errors)
    yield decoder.decode(b"", final=True).encode("utf-8", errors)


class _RecodedStream(io.RawIOBase):
    """A stream of text in another encoding as UTF-8."""

    def __init__(self, raw: BinaryIO, encoding: str) -> None:
        self._raw, self._rest = raw, b""
        self._blocks = _recoded(iter(lambda: raw.read(HEAD), b""), encoding)

    def close(self) -> None:
        self._raw.close()
        super().close()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._rest = block
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count


class _CarriageReturns(io.RawIOBase):
    """A stream in which each CR is read as LF."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw

    def close(self) -> None:
        self._raw.close()
        super().close()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._raw.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._raw.seek(offset, whence)

    def readinto(self, buffer: Any) -> int:
        data = self._raw.read(len(buffer))
        buffer[: len(data)] = data.replace(b"\r", b"\n")
        return len(data)
