"""A text cut into artefacts: where a table, an HTTP request or a fenced block begins and ends."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from typing import NamedTuple

from auditor.catalogue.fields import catalogue
from auditor.framing.http_messages import starts_request
from auditor.framing.tables import delimiter_of, header_of, is_rule


class Segment(NamedTuple):
    """A part of a text: what its border says it is, where it begins (bytes, lines before it), its bytes."""

    kind: str  # lines | fence | table | http | document
    offset: int
    line: int
    data: bytes


_scanner = json.JSONDecoder()
_FENCE = re.compile(r"^\s{0,3}(?:```|~~~)")
# what is read as a whole, so that the lines around it would be lost
_DOCUMENT = re.compile(r'\{\s*"resource_?(?:[sS]pans|[lL]ogs|[mM]etrics)"\s*:')
_EXPANDED = re.compile(r"^-\[ RECORD \d+ \]")
_NAMES = re.compile(r"""[\w@"'][\w .:/@\-()\[\]'"]*(?:[,;|\t][\w .:/@\-()\[\]'"]*){3,}$""")
_FOOTER = re.compile(r"^\(\d+ rows?\)")


def segments(data: bytes) -> list[Segment]:
    """The parts of a text in their order; blank ones are left out."""
    lines = data.decode("utf-8", "replace").split("\n")
    borders: list[tuple[int, str]] = []
    at, kind = 0, ""
    while at < len(lines):
        found, after = _part(lines, at)
        if kind == "document" and not lines[at].strip():
            found = kind
        if found != kind or found not in ("lines", "document"):
            borders.append((at, found))
        kind, at = found, after
    return [s for s in _cut(lines, borders) if s.data.strip()]


def _cut(lines: list[str], borders: list[tuple[int, str]]) -> list[Segment]:
    out, offset, line = [], 0, 0
    ends = [at for at, _ in borders[1:]] + [len(lines)]
    for (start, kind), end in zip(borders, ends, strict=True):
        text = "\n".join(lines[start:end]) + ("\n" if end < len(lines) else "")
        size = len(text.encode())
        body = text
        before, skipped = 0, 0
        if kind == "fence":
            first, _, body = text.partition("\n")
            before, skipped = len(first.encode()) + 1, 1
            body = re.sub(r"\n\s{0,3}(?:```|~~~)\s*$", "\n", body)
        out.append(Segment(kind, offset + before, line + skipped, body.encode()))
        offset, line = offset + size, end
    return out


def _part(lines: list[str], at: int) -> tuple[str, int]:
    """What begins at a line, and the line after it."""
    line = lines[at].rstrip("\r")
    if _FENCE.match(line):
        end = next((i for i in range(at + 1, len(lines)) if _FENCE.match(lines[i])), None)
        if end is not None:
            return "fence", end + 1
    if line[:1] == "{" and _DOCUMENT.match(line if len(line) > 2 else "".join(lines[at : at + 3])):
        return "document", _document_end(lines, at)
    if starts_request(line):
        return "http", _until(lines, at + 1, _ends_http)
    if _EXPANDED.match(line):
        return "table", _until(lines, at + 1, lambda row: "|" not in row and not _EXPANDED.match(row))
    if at + 1 < len(lines) and ("|" in line or "+" in line) and _is_pipe_head(lines, at):
        return "table", _until(
            lines, at + 1, lambda row: "|" not in row and not is_rule(row) and not _FOOTER.match(row)
        )
    if _is_csv_head(line, lines[at + 1].rstrip("\r") if at + 1 < len(lines) else ""):
        return "table", _csv_end(lines, at, delimiter_of(line) or ",")
    return "lines", at + 1


def _document_end(lines: list[str], at: int) -> int:
    """The line after a document of one line, or of several; broken ones end where something else begins."""
    if lines[at].rstrip().endswith("}"):
        return at + 1
    text = "\n".join(lines[at:])
    try:
        _, end = _scanner.raw_decode(text)
    except (ValueError, RecursionError):
        return _until(lines, at + 1, lambda row: row[:1] not in ("", " ", "\t", '"', "}", "]", ","))
    return at + text.count("\n", 0, end) + 1


def _csv_end(lines: list[str], at: int, mark: str) -> int:
    """The line after the last row that is as wide as the header; a quoted cell may hold line ends."""
    rows = csv.reader((f"{line}\n" for line in lines[at:]), delimiter=mark)
    width, end = 0, at + 1
    try:
        for cells in rows:
            width = width or len(cells)
            if cells and (len(cells) != width or cells[0].lstrip()[:1] in ("{", "[")):
                break
            if cells:
                end = at + rows.line_num
    except csv.Error:
        pass
    return end


def _until(lines: list[str], at: int, ends: Callable[[str], bool]) -> int:
    while at < len(lines) and not ends(lines[at].rstrip("\r")):
        at += 1
    return at


def _ends_http(row: str) -> bool:
    return bool(_FENCE.match(row) or row.startswith("#") or (row.startswith("|") and row.count("|") > 2))


def _is_pipe_head(lines: list[str], at: int) -> bool:
    """A row with a rule beneath it, or a box that opens with one."""
    line, below = lines[at].rstrip("\r"), lines[at + 1].rstrip("\r")
    if is_rule(line):
        return line.startswith("+") and "|" in below
    return "|" in line and is_rule(below) and ("|" in below or "+" in below)


def _is_csv_head(line: str, below: str) -> bool:
    """A header of which several columns are known, above a row of the same width."""
    if not _NAMES.match(line):
        return False
    mark = delimiter_of(line)
    if mark is None or line.count(mark) < 3 or below.count(mark) < line.count(mark):
        return False
    names = header_of(f"{line}\n{below}\n".encode())
    return len(names) > 3 and sum(catalogue().lookup(name) is not None for name in names) >= 2
