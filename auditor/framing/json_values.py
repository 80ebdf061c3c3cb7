"""The values in the bytes of an input, however they are packed: JSON, and lines of text between it.

It never executes or follows anything found in the data, and never drops a piece without a skip.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from auditor.framing.json_in_logs import CutError, after_prefix
from auditor.framing.json_repair import closed, repaired
from auditor.framing.log_lines import joined
from auditor.framing.yaml_documents import SwollenError, documents, is_configuration, is_yaml
from auditor.inputs.source import Source
from auditor.printing.surrogates import spelled, spelled_escapes

MAX_DEPTH = 100
_decoder = msgspec.json.Decoder()
SkipFn = Callable[[int | None, str], None]
NoteFn = Callable[[str], None]


class Piece(NamedTuple):
    """One JSON value or one line of text, where it begins (byte offset, line), and its pointer within."""

    value: Any
    offset: int
    pointer: str
    line: int = 0
    raw: bytes = b""  # what the value was decoded from, where it is all of that


class Tell(NamedTuple):
    """Where a framer says what it could not read, and what it had to mend."""

    skip: SkipFn
    note: NoteFn


def unheard(_: str) -> None:
    """A note that nobody asked for."""


def decode(data: bytes | str) -> Any:
    """Decode one JSON value; ValueError with a short reason, which never quotes the data."""
    try:
        return _decoder.decode(data)
    except msgspec.DecodeError as error:
        raw = data if isinstance(data, bytes) else data.encode("utf-8", "backslashreplace")
        if (whole := spelled_escapes(raw)) != raw:
            return decode(whole)
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


def pieces(
    source: Source, skip: SkipFn, start: int = 0, end: int | None = None, note: NoteFn = unheard
) -> Iterator[Piece]:
    """Every piece of the input in its order: a JSON value each, and as text each line that holds none.

    One document, an array (opened), JSON lines, values one behind another, or JSON inside log lines.
    Almost-JSON is mended and noted; what is broken becomes a skip with its line.
    """
    tell = Tell(skip, note)
    container = container_of(source.head, source.is_short)
    if container == "text" and is_yaml(source.head):
        try:
            found = documents(source.whole().decode("utf-8", "replace"))
        except SwollenError as error:
            skip(error.line, str(error))
            return
        if found is not None:
            for line, value in found:
                if is_configuration(value):
                    skip(line, "a configuration, not a record of calls")
                else:
                    yield from _opened(value, 0, tell, line)
            return
    if container in ("json-lines", "text"):
        yield from _line_pieces(source, tell, start, end)
        return
    data = source.whole()
    if container == "json":
        try:
            yield from _opened(decode(data), 0, tell, 1, data)
            return
        except ValueError as error:
            if str(error).startswith("nested"):
                skip(1, str(error))
                return
    yield from _stream_pieces(data, tell)


def json_pieces(
    source: Source, skip: SkipFn, start: int = 0, end: int | None = None, note: NoteFn = unheard
) -> Iterator[Piece]:
    """The JSON values alone; lines of text are skipped as such."""
    for piece in pieces(source, skip, start, end, note):
        if isinstance(piece.value, str):
            skip(piece.line, "no JSON in this line")
        else:
            yield piece


def container_of(head: bytes, complete: bool) -> str:
    """`json` (one value), `json-lines`, `json-stream` (values among text) or `text`, told by the head."""
    text = head.lstrip()
    lines = [line for line in head.split(b"\n")[: 200 if complete else -1] if line.strip()]
    whole = sum(1 for line in lines if _is_json_line(line))
    if whole and (len(lines) == 1 or whole >= 2 or not _opens(text)) and whole >= 0.5 * len(lines):
        if len(lines) == 1 and text[:1] == b"[":
            return "json"
        return "json-lines"
    if _opens(text) and not (whole and len(lines) > 1 and whole >= 0.5 * len(lines)):
        return "json"
    if whole and whole >= 0.2 * len(lines):
        return "json-lines"
    # a brace alone at the margin opens a value of several lines
    return "json-stream" if re.search(rb"(?m)^[ \t]*[{\[][ \t]*\r?$", head) else "text"


def _opens(text: bytes) -> bool:
    """Whether JSON may begin here; a bracket may as well begin a log's level or time."""
    return text[:1] == b"{" or bool(re.match(rb"\[\s*(?:[\[{\"'\]]|-?\d+\s*[,\]]|$)", text))


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


def _line_pieces(source: Source, tell: Tell, start: int, end: int | None) -> Iterator[Piece]:
    number = 0
    for number, at, line in joined(source.lines(start, end)):
        yield from one_line(line, at, number, tell)


def one_line(line: bytes, at: int, number: int, tell: Tell) -> Iterator[Piece]:
    """The JSON values of one line, behind a log prefix if need be; the line as text where it holds none."""
    if line[:3] == b"```":
        return  # a fence of a chat or a document, no piece of the input
    try:
        value = decode(line)
    except ValueError as error:
        if b"{" not in line and not _opens(line):
            yield Piece(line.decode("utf-8", "replace"), at, "", number)
            return
        text = line.decode("utf-8", "replace")
        try:
            value = after_prefix(text)
        except CutError:
            tell.skip(number, "cut off: the record behind the prefix is incomplete")
            return
        if value is None and _opens(line):
            value = _mended(text, tell)
            if value is None:
                cut = not line.rstrip().endswith((b"}", b"]"))
                tell.skip(number, f"cut off ({error})" if cut else str(error))
                return
        if value is None:
            yield Piece(text, at, "", number)
            return
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        value = _unquoted(value)
    if not isinstance(value, (dict, list)):
        tell.skip(number, "a bare value, not a record")
        return
    yield from _opened(value, at, tell, number, line)


def _unquoted(text: str) -> Any:
    """A paste that was quoted as a whole is decoded once."""
    try:
        return decode(text)
    except ValueError:
        return text


def _mended(text: str, tell: Tell) -> Any:
    found = repaired(text)
    if found is None:
        return None
    tell.note(f"Almost-JSON was mended before reading: {found[1]}.")
    return found[0]


_scanner = json.JSONDecoder()
FIRST_LOOK = 4096  # characters
LONGEST_WORD = 64  # characters: what a cut can make of a literal, a number or an escape is shorter
_MARGIN = re.compile(r"^(?=[^\s\"'}\],])", re.M)  # where a line begins that can be no part of the value above


def _stream_pieces(data: bytes, tell: Tell) -> Iterator[Piece]:
    """Values one behind another, pretty-printed or not, with lines of text between them."""
    text = data.decode("utf-8", "replace")
    ascii_only = len(text) == len(data)
    position, number, size = 0, 1, len(text)
    counted, counted_bytes = 0, 0
    effort = _Effort(size)
    while position < size:
        stop = text.find("\n", position)
        stop = size if stop < 0 else stop
        row = text[position:stop]
        bare = row.strip(" \t\r,;")
        if not bare or bare in _ALONE:
            position, number = stop + 1, number + 1
            continue
        at = position + len(row) - len(row.lstrip(" \t,"))
        counted_bytes += at - counted if ascii_only else len(text[counted:at].encode())
        counted = at
        offset = counted_bytes
        if not _opens(text[at : at + 40].encode()):
            yield from one_line(row.strip().encode(), offset, number, tell)
            position, number = stop + 1, number + 1
            continue
        value, after = _block(text, at, number, tell, effort)
        if value is not None:
            yield from _opened(value, offset, tell, number, text[at:after].encode())
        number += text.count("\n", position, after)
        position = after


_ALONE = frozenset({"[", "]", "}", "],", "},", "```"})


class _Effort:
    """How many characters may still be looked at in vain: as many for a text as it has, a few times over."""

    def __init__(self, size: int) -> None:
        self.left = 64 * FIRST_LOOK + 4 * size


def _block(text: str, at: int, number: int, tell: Tell, effort: _Effort) -> tuple[Any, int]:
    """The value that begins here and where it ends; None when it is broken, which is told."""
    try:
        value, after = _decoded(text, at, effort)
        return (spelled(value, text[at:after]) if isinstance(value, (dict, list)) else None), after
    except RecursionError:
        tell.skip(number, f"nested deeper than {MAX_DEPTH} levels")
        return None, _margin(text, at)
    except ValueError as error:
        reason = f"not JSON: {str(error).split(':')[0][:60]}"
    after = _margin(text, at)
    block = text[at:after]
    value = _mended(block.rstrip().rstrip(","), tell)
    if value is None:
        whole = closed(block.encode())
        if whole is not None:
            tell.skip(number + block.rstrip().count("\n"), "cut off: the last record is incomplete")
            return whole[0], after
        tell.skip(number, reason)
    return value, after


def _margin(text: str, at: int) -> int:
    """Where a broken value ends: where something else begins at the margin."""
    stop = text.find("\n", at)
    following = _MARGIN.search(text, stop) if stop >= 0 else None
    return following.start() if following else len(text)


def _decoded(text: str, at: int, effort: _Effort) -> tuple[Any, int]:
    """The value that begins here and where it ends.

    Only a part of the text is given to the decoder: its errors count the lines of all that they are given.
    Where too much was looked at in vain, a value is looked for in its first line alone.
    """
    size, end = FIRST_LOOK, len(text)
    if effort.left <= 0 and (stop := text.find("\n", at)) >= 0:
        size, end = stop - at, stop
    while True:
        part = text[at : at + size]
        try:
            value, after = _scanner.raw_decode(part)
            return value, at + after
        except json.JSONDecodeError as error:
            effort.left -= error.pos
            inside = error.pos < len(part) - LONGEST_WORD and not error.msg.startswith("Unterminated")
            if inside or at + size >= end:
                raise
        except RecursionError:
            effort.left -= len(part)
            raise
        size *= 8


def _opened(value: Any, offset: int, tell: Tell, line: int, raw: bytes = b"") -> Iterator[Piece]:
    """The value itself, or the elements of a top-level array."""
    shallow = raw and raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH
    items = [(f"/{i}", item) for i, item in enumerate(value)] if isinstance(value, list) else [("", value)]
    for pointer, item in items:
        if not isinstance(item, (dict, list)):
            tell.skip(line, "a bare value, not a record")
            continue
        if not shallow and depth_of(item) > MAX_DEPTH:
            tell.skip(line, f"nested deeper than {MAX_DEPTH} levels")
            continue
        yield Piece(item, offset, pointer, line, b"" if pointer else raw)
