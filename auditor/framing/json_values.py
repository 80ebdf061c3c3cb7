"""The pieces of an input: JSON values in any framing, YAML documents, and the lines of text between them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from auditor.framing.json_in_logs import TruncatedError, after_prefix
from auditor.framing.json_repair import close_truncated, repair
from auditor.framing.log_lines import complete_lines
from auditor.framing.yaml_documents import AliasExpansionError, documents, is_configuration, is_yaml
from auditor.inputs.source import Source
from auditor.printing.surrogates import spelled, spelled_escapes

MAX_DEPTH = 100
_decoder = msgspec.json.Decoder()
SkipFn = Callable[[int | None, str], None]
NoteFn = Callable[[str], None]


class Piece(NamedTuple):
    """One JSON value or one line of text: the byte offset and line where its document begins, its pointer."""

    value: Any
    offset: int
    pointer: str
    line: int = 0
    raw: bytes = b""  # the bytes that were decoded, where they hold nothing but the value


class Diagnostics(NamedTuple):
    """Receives what a framer could not read (`skip`) and what it repaired (`note`)."""

    skip: SkipFn
    note: NoteFn


def _ignore_note(_: str) -> None:
    """For callers that report no notes."""


def decode(data: bytes | str) -> Any:
    """Decode one JSON value; ValueError with a short reason without any of the data."""
    try:
        return _decoder.decode(data)
    except msgspec.DecodeError as error:
        raw = data if isinstance(data, bytes) else data.encode("utf-8", "backslashreplace")
        if (escaped := spelled_escapes(raw)) != raw:
            return decode(escaped)
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
    source: Source, skip: SkipFn, start: int = 0, end: int | None = None, note: NoteFn = _ignore_note
) -> Iterator[Piece]:
    """Every piece of the input in order: JSON values, and as text each line without one.

    One document, the elements of an array, JSON lines, concatenated values, or JSON inside log lines.
    Invalid JSON is repaired with a note; what cannot be repaired becomes a skip with its line.
    `start` and `end` are byte offsets that limit the lines.
    """
    diagnostics = Diagnostics(skip, note)
    container = container_of(source.head, source.is_short)
    if container == "text" and is_yaml(source.head):
        try:
            yaml_documents = documents(source.whole().decode("utf-8", "replace"))
        except AliasExpansionError as error:
            skip(error.line, str(error))
            return
        if yaml_documents is not None:
            yield from _yaml_pieces(yaml_documents, source.whole(), diagnostics)
            return
    if container in ("json-lines", "text"):
        for number, at, content in complete_lines(source.lines(start, end)):
            yield from line_pieces(content, at, number, diagnostics)
        return
    data = source.whole()
    if container == "json":
        try:
            yield from _top_level(decode(data), 0, diagnostics, 1, data)
            return
        except ValueError as error:
            if str(error).startswith("nested"):
                skip(1, str(error))
                return
    yield from _stream_pieces(data, diagnostics)


def _yaml_pieces(
    yaml_documents: list[tuple[int, Any]], data: bytes, diagnostics: Diagnostics
) -> Iterator[Piece]:
    begins = [0, *(match.end() for match in re.finditer(b"\n", data))]
    for line, value in yaml_documents:
        if is_configuration(value):
            diagnostics.skip(line, "a configuration, not a record of calls")
        else:
            yield from _top_level(value, begins[line - 1], diagnostics, line)


def json_pieces(
    source: Source, skip: SkipFn, start: int = 0, end: int | None = None, note: NoteFn = _ignore_note
) -> Iterator[Piece]:
    """The JSON values alone; lines of text are skipped as such."""
    for piece in pieces(source, skip, start, end, note):
        if isinstance(piece.value, str):
            skip(piece.line, "no JSON in this line")
        else:
            yield piece


def container_of(head: bytes, complete: bool) -> str:
    """The container by the head of an input: `json` (one value), `json-lines`, `json-stream` (values among
    text) or `text`; `complete` says that the head is the whole input.
    """
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
    # a brace alone on its line opens a value of several lines
    return "json-stream" if re.search(rb"(?m)^[ \t]*[{\[][ \t]*\r?$", head) else "text"


def _opens(text: bytes) -> bool:
    """Whether JSON may begin here; a bracket may also open the level or time of a log line."""
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


def line_pieces(line: bytes, at: int, number: int, diagnostics: Diagnostics) -> Iterator[Piece]:
    """The JSON values of one line, also after a log prefix; the line as text where it holds none.

    `at` is its byte offset, `number` its 1-based line.
    """
    if line[:3] == b"```":
        return  # a Markdown fence
    try:
        value = decode(line)
    except ValueError as error:
        if b"{" not in line and not _opens(line):
            yield Piece(line.decode("utf-8", "replace"), at, "", number)
            return
        text = line.decode("utf-8", "replace")
        try:
            value = after_prefix(text)
        except TruncatedError:
            diagnostics.skip(number, "cut off: the record behind the prefix is incomplete")
            return
        if value is None and _opens(line):
            value = _repaired(text, diagnostics)
            if value is None:
                truncated = not line.rstrip().endswith((b"}", b"]"))
                diagnostics.skip(number, f"cut off ({error})" if truncated else str(error))
                return
        if value is None:
            yield Piece(text, at, "", number)
            return
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        value = _unquoted(value)
    if not isinstance(value, (dict, list)):
        diagnostics.skip(number, "a bare value, not a record")
        return
    yield from _top_level(value, at, diagnostics, number, line)


def _unquoted(text: str) -> Any:
    """A paste that was quoted as a whole is decoded a second time."""
    try:
        return decode(text)
    except ValueError:
        return text


def _repaired(text: str, diagnostics: Diagnostics) -> Any:
    result = repair(text)
    if result is None:
        return None
    value, defect = result
    diagnostics.note(f"Almost-JSON was mended before reading: {defect}.")
    return value


_scanner = json.JSONDecoder()
FIRST_LOOK = 4096  # characters
LONGEST_WORD = 64  # characters: a literal, a number or an escape that a cut leaves is shorter
_MARGIN = re.compile(r"^(?=[^\s\"'}\],])", re.M)  # the start of a line that cannot continue the value above


def _stream_pieces(data: bytes, diagnostics: Diagnostics) -> Iterator[Piece]:
    """Concatenated values, pretty-printed or not, with lines of text between them."""
    text = data.decode("utf-8", "replace")
    ascii_only = len(text) == len(data)
    position, number, size = 0, 1, len(text)
    counted, counted_bytes = 0, 0
    budget = _Budget(size)
    while position < size:
        stop = text.find("\n", position)
        stop = size if stop < 0 else stop
        row = text[position:stop]
        bare = row.strip(" \t\r,;")
        if not bare or bare in _PUNCTUATION:
            position, number = stop + 1, number + 1
            continue
        at = _opening_behind(text, row, position) or position + len(row) - len(row.lstrip(" \t,"))
        counted_bytes += at - counted if ascii_only else len(text[counted:at].encode())
        counted = at
        offset = counted_bytes
        if not _opens(text[at : at + 40].encode()):
            yield from line_pieces(row.strip().encode(), offset, number, diagnostics)
            position, number = stop + 1, number + 1
            continue
        value, after = _value_at(text, at, number, diagnostics, budget)
        if value is not None:
            yield from _top_level(value, offset, diagnostics, number, text[at:after].encode())
        number += text.count("\n", position, after)
        position = after


_PUNCTUATION = frozenset({"[", "]", "}", "],", "},", "```"})  # lines without content


def _opening_behind(text: str, row: str, position: int) -> int:
    """Where a printed object opens at the end of a line of text (`body: {`); 0 where none does."""
    line = row.rstrip()
    if line[-1:] != "{" or line.lstrip()[:1] in _NO_TEXT:
        return 0
    opening = position + len(line) - 1
    return opening if _PRINTED.match(text, opening) else 0


_NO_TEXT = frozenset("\"'{[")
_PRINTED = re.compile(r"\{[ \t\r]*+\n\s*+\"[^\"\n]{1,128}\"[ \t]*+:")


class _Budget:
    """How many characters failed attempts to decode may still read: a few times the size of the text."""

    def __init__(self, size: int) -> None:
        self.left = 64 * FIRST_LOOK + 4 * size


def _value_at(text: str, at: int, number: int, diagnostics: Diagnostics, budget: _Budget) -> tuple[Any, int]:
    """The value that begins here and where it ends; None, with a skip, when it is broken."""
    try:
        value, after = _decode_at(text, at, budget)
        return (spelled(value, text[at:after]) if isinstance(value, (dict, list)) else None), after
    except RecursionError:
        diagnostics.skip(number, f"nested deeper than {MAX_DEPTH} levels")
        return None, _next_at_margin(text, at)
    except ValueError as error:
        reason = f"not JSON: {str(error).split(':')[0][:60]}"
    after = _next_at_margin(text, at)
    block = text[at:after]
    value = _repaired(block.rstrip().rstrip(","), diagnostics)
    if value is None:
        complete = close_truncated(block.encode())
        if complete is not None:
            diagnostics.skip(number + block.rstrip().count("\n"), "cut off: the last record is incomplete")
            return complete[0], after
        diagnostics.skip(number, reason)
    return value, after


def _next_at_margin(text: str, at: int) -> int:
    """Where a broken value ends: at the next line that cannot continue it."""
    stop = text.find("\n", at)
    following = _MARGIN.search(text, stop) if stop >= 0 else None
    return following.start() if following else len(text)


def _decode_at(text: str, at: int, budget: _Budget) -> tuple[Any, int]:
    """The value that begins here and where it ends.

    The decoder gets only a part of the text, because its errors count the lines of all that it gets. When
    the budget is used up, only the first line is decoded.
    """
    size, end = FIRST_LOOK, len(text)
    if budget.left <= 0 and (stop := text.find("\n", at)) >= 0:
        size, end = stop - at, stop
    while True:
        part = text[at : at + size]
        try:
            value, after = _scanner.raw_decode(part)
            return value, at + after
        except json.JSONDecodeError as error:
            budget.left -= error.pos
            inside = error.pos < len(part) - LONGEST_WORD and not error.msg.startswith("Unterminated")
            if inside or at + size >= end:
                raise
        except RecursionError:
            budget.left -= len(part)
            raise
        size *= 8


def _top_level(
    value: Any, offset: int, diagnostics: Diagnostics, line: int, raw: bytes = b""
) -> Iterator[Piece]:
    """The value itself, or the elements of a top-level array."""
    shallow = raw and raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH
    items = [(f"/{i}", item) for i, item in enumerate(value)] if isinstance(value, list) else [("", value)]
    for pointer, item in items:
        if not isinstance(item, (dict, list)):
            diagnostics.skip(line, "a bare value, not a record")
            continue
        if not shallow and depth_of(item) > MAX_DEPTH:
            diagnostics.skip(line, f"nested deeper than {MAX_DEPTH} levels")
            continue
        yield Piece(item, offset, pointer, line, b"" if pointer else raw)
