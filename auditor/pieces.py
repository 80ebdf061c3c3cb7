"""The JSON values in the bytes of an input, however they are packed, each with its offset and pointer.

It never executes or follows anything found in the data, and never drops a piece without a skip.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from auditor.source import Source

MAX_DEPTH = 100
_ANSI = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]")
_decoder = msgspec.json.Decoder()
SkipFn = Callable[[int | None, str], None]


class Piece(NamedTuple):
    """One JSON value, where it begins (byte offset of its document) and its pointer within that document."""

    value: Any
    offset: int
    pointer: str


def decode(data: bytes | str) -> Any:
    """Decode one JSON value; ValueError with a short reason, which never quotes the data."""
    try:
        return _decoder.decode(data)
    except msgspec.DecodeError as error:
        reason = str(error)
        raise ValueError(f"not JSON: {reason.split(':', maxsplit=1)[0][:80]}") from None
    except UnicodeDecodeError:
        raise ValueError("not UTF-8 text") from None
    except RecursionError:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels") from None


def depth_of(value: Any, limit: int = MAX_DEPTH) -> int:
    """How deep containers nest, counted no further than `limit` + 1."""
    depth, level = 0, [value]
    while level and depth <= limit:
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner.extend(v for v in item.values() if isinstance(v, (dict, list)))
            elif isinstance(item, list):
                inner.extend(v for v in item if isinstance(v, (dict, list)))
        if not any(isinstance(item, (dict, list)) for item in level):
            break
        depth, level = depth + 1, inner
    return depth


def json_pieces(source: Source, skip: SkipFn, start: int = 0, end: int | None = None) -> Iterator[Piece]:
    """Every JSON value of the input: one document, an array, JSON lines, concatenated, or inside log lines.

    Top-level arrays are opened. Broken pieces become skips with their line. Text lines without JSON are
    context of the log, and skipped as such.
    """
    container = container_of(source.head, source.is_short)
    if container == "json-lines":
        yield from _line_pieces(source, skip, start, end)
        return
    data = source.whole()
    if container == "json":
        try:
            value = decode(data)
        except ValueError as error:
            pieces = list(_stream_pieces(data, skip))
            if not pieces and not str(error).startswith("nested"):
                return
            yield from pieces
            return
        yield from _opened(value, 0, skip, 1)
        return
    yield from _stream_pieces(data, skip)


def container_of(head: bytes, complete: bool) -> str:
    """`json` (one value), `json-lines`, `json-stream` (values among text) or `text`, told by the head."""
    text = head.lstrip()
    lines = [line for line in head.split(b"\n")[: 200 if complete else -1] if line.strip()]
    whole = sum(1 for line in lines if _is_json_line(line))
    if whole and (len(lines) == 1 or whole >= 2 or not _opens(text)) and whole >= 0.5 * len(lines):
        if len(lines) == 1 and text[:1] == b"[":
            return "json"
        return "json-lines"
    if text[:1] in b"{[" and text[:1] and not (whole and len(lines) > 1 and whole >= 0.5 * len(lines)):
        return "json"
    if whole:
        return "json-lines" if whole >= 0.2 * len(lines) else "json-stream"
    return "json-stream" if b"{" in head else "text"


def _opens(text: bytes) -> bool:
    return text[:1] in (b"{", b"[")


def _is_json_line(line: bytes) -> bool:
    brace = line.find(b"{")
    if brace < 0 or brace > 400:
        return False
    tail = line[brace:].rstrip()
    if not tail.endswith(b"}") or len(tail) < 8:
        return False
    try:
        return isinstance(decode(tail), dict)
    except ValueError:
        return False


def _line_pieces(source: Source, skip: SkipFn, start: int, end: int | None) -> Iterator[Piece]:
    number = 0
    for offset, lines in source.lines(start, end):
        at = offset
        for line in lines:
            number += 1
            stripped = line.strip()
            if stripped:
                yield from one_line(stripped, at, number, skip)
            at += len(line)


def one_line(line: bytes, at: int, number: int, skip: SkipFn) -> Iterator[Piece]:
    """The JSON values of one line, behind a log prefix if need be; else a skip with its line."""
    try:
        value = decode(line)
    except ValueError as error:
        inner = _after_prefix(line)
        if inner is None:
            skip(number, "no JSON in this line" if b"{" not in line else str(error))
            return
        value = inner
    if not isinstance(value, (dict, list)):
        skip(number, "a bare value, not a record")
        return
    yield from _opened(value, at, skip, number)


def _after_prefix(line: bytes) -> Any:
    """The JSON value behind a log prefix (`2026-09-14T10:00:03Z stdout F {…}`), or None."""
    line = _ANSI.sub(b"", line)
    text = line.decode("utf-8", "replace")
    for begin in _candidates(text):
        try:
            value, _ = _scanner.raw_decode(text, begin)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and value:
            return value
    return None


def _candidates(text: str) -> list[int]:
    first = text.find("{")
    out: list[int] = []
    while first >= 0 and len(out) < 4:
        out.append(first)
        first = text.find("{", first + 1)
    return out


_scanner = json.JSONDecoder()
_START = re.compile(r"^[ \t]*(?=[{\[])", re.M)


def _stream_pieces(data: bytes, skip: SkipFn) -> Iterator[Piece]:
    """Concatenated and pretty-printed values, text between them allowed."""
    text = data.decode("utf-8", "replace")
    ascii_only = len(text) == len(data)
    position, line, counted = 0, 1, 0
    while True:
        begin = _START.search(text, position)
        if begin is None:
            break
        at = begin.end()
        line += text.count("\n", counted, at)
        counted = at
        offset = at if ascii_only else len(text[:at].encode())
        try:
            value, position = _scanner.raw_decode(text, at)
        except RecursionError:
            skip(line, f"nested deeper than {MAX_DEPTH} levels")
            return
        except ValueError as error:
            skip(line, f"not JSON: {str(error).split(':')[0][:60]}")
            after = text.find("\n", at)
            if after < 0:
                break
            # a broken value ends where the next begins at the margin
            following = re.compile(r"^(?=[{\[])", re.M).search(text, after)
            position = following.start() if following else len(text)
            continue
        if isinstance(value, (dict, list)):
            yield from _opened(value, offset, skip, line)
    leftover = [n for n, row in enumerate(text.split("\n"), 1) if row.strip()] if position == 0 else []
    if leftover:
        skip(leftover[0], "no JSON in these lines")


def _opened(value: Any, offset: int, skip: SkipFn, line: int) -> Iterator[Piece]:
    """The value itself, or the elements of a top-level array."""
    items = [(f"/{i}", item) for i, item in enumerate(value)] if isinstance(value, list) else [("", value)]
    for pointer, item in items:
        if not isinstance(item, (dict, list)):
            skip(line, "a bare value, not a record")
            continue
        if depth_of(item) > MAX_DEPTH:
            skip(line, f"nested deeper than {MAX_DEPTH} levels")
            continue
        yield Piece(item, offset, pointer)
