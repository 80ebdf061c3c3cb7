"""Whole inputs of text: tables by their header, documents, and prose between them.

A drawn table keeps its columns, a CSV table its quoting.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from itertools import groupby, pairwise
from typing import Literal

from auditor.framing.tables import DELIMITERS, header_of
from auditor.framing.tables import kind_of as kind_of_table
from auditor.redact.texts import JsonRedactor
from auditor.redact.words import kind_of

_FENCE = re.compile(r"(^[ \t]*```[^\n]*\n)", re.M)
_RULE = re.compile(r"[\s:|+=─┼┬┴┤┘┐├└┌-]*")
_RECORD = re.compile(r"^-\[ RECORD \d+ \]")


class InputRedactor(JsonRedactor):
    """Replaces the leaves of whole text inputs in any container."""

    def whole(self, text: str, *, table: bool) -> str:
        """A whole input; `table` says that it is a table from its first line to its last."""
        if table and kind_of_table(text) in ("sql", "vertical"):
            return self.document(text)
        if table and not _is_ruled(text):
            return self._separated(text)
        return "".join(self._segment(part, table=table) for part in _FENCE.split(text))

    def _segment(self, text: str, *, table: bool) -> str:
        """The text between two fences: a table, or text with tables among its lines."""
        lines = text.splitlines(keepends=True)
        if any(_RECORD.match(line.lstrip()) for line in lines):
            return "".join(self._expanded(line) for line in lines)
        if not table and is_separated(text):
            return self._separated(text)
        out: list[str] = []
        for ruled, block in groupby(_blocks(lines), key=lambda item: item[0]):
            content = [line for _, line in block]
            out.append(self._ruled(content) if ruled else self.document("".join(content)))
        return "".join(out)

    def _separated(self, text: str) -> str:
        """CSV, TSV and the like, with its quoting and line ends."""
        first = next((line for line in text.splitlines() if line.strip()), "")
        delimiter = max(DELIMITERS, key=first.count)
        lines = _Lines(text)
        quoted = first.lstrip("\ufeff").startswith('"')
        quoting: Literal[0, 1] = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
        out = io.StringIO(newline="")
        writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator="")
        header: list[str] = []
        try:
            for row in csv.reader(lines, delimiter=delimiter):
                if header and len(row) > 1:
                    row = [
                        self._cell(name, cell) for name, cell in zip(_padded(header, row), row, strict=True)
                    ]
                elif header or len(row) < 2 or not any(cell.strip() for cell in row):
                    row = [self.prose(cell) for cell in row]
                else:
                    header, row = row, [self.key(cell) for cell in row]
                writer.writerow(row)
                out.write(lines.end)
        except csv.Error:
            return self.document(text)
        return out.getvalue()

    def _cell(self, name: str, cell: str) -> str:
        bare = cell.strip()
        if not bare:
            return cell
        path = (name.strip().strip("`\ufeff").replace("\\", ""),)
        if bare.isdigit():
            return cell.replace(
                bare, self.number(path, bare) if kind_of(path) == "identity" else self.text(path, bare)
            )
        return self.text(path, cell)

    def _expanded(self, line: str) -> str:
        name, bar, value = line.partition("|")
        if not bar or _RECORD.match(line):
            return line
        bare = value.strip()
        return f"{self.key(name)}|{value.replace(bare, self._cell(name, bare)) if bare else value}"

    def _ruled(self, lines: list[str]) -> str:
        """Markdown, psql and boxes: each cell keeps its width, so that columns stay below their rule."""
        rule = next((line for line in lines[:40] if _is_rule(line)), "")
        psql = re.fullmatch(r"\s?-+(\+-+)+\s*", rule)
        borders = [i for i, c in enumerate(rule) if c == "+"] if psql else []
        header: list[str] = []
        out: list[str] = []
        for line in lines:
            cells = _cut(line, borders)
            if _is_rule(line) or len(cells) < 2:
                out.append(line if _is_rule(line) else self.prose(line))
            elif not header:
                header = cells
                out.append(_joined(line, cells, [_fit(self.key(cell), cell) for cell in cells]))
            else:
                names = _padded(header, cells)
                out.append(
                    _joined(
                        line, cells, [_fit(self._cell(n, c), c) for n, c in zip(names, cells, strict=True)]
                    )
                )
        return "".join(out)


def _cut(line: str, borders: list[int]) -> list[str]:
    """The cells of a line, spaces kept."""
    body = line.rstrip("\r\n")
    if borders and all(b < len(body) and body[b] == "|" for b in borders):
        edges = [-1, *borders, len(body)]
        return [body[a + 1 : b] for a, b in pairwise(edges)]
    return re.split(r"(?<!\\)[|│]", body)


def _joined(line: str, cells: list[str], changed: list[str]) -> str:
    out, at = [], 0
    for cell, new in zip(cells, changed, strict=True):
        begin = line.index(cell, at)
        out += [line[at:begin], new]
        at = begin + len(cell)
    return "".join((*out, line[at:]))


def _fit(new: str, cell: str) -> str:
    """A cell of the same width: padded, or without the spaces at its end."""
    if len(new) <= len(cell):
        return new.ljust(len(cell))
    return new.rstrip().ljust(len(cell))


def _padded(header: list[str], row: list[str]) -> list[str]:
    return [*header, *[""] * (len(row) - len(header))][: len(row)]


def _is_ruled(text: str) -> bool:
    """Whether a table is drawn with rules: markdown, psql, boxes."""
    lines = text.splitlines()[:60]
    return any(_RECORD.match(line.lstrip()) for line in lines) or any(ruled for ruled, _ in _blocks(lines))


def _is_rule(line: str) -> bool:
    """Whether a line is a rule: dashes, and nothing but what rules are drawn with."""
    return ("--" in line or "──" in line) and bool(_RULE.fullmatch(line))


def _blocks(lines: list[str]) -> list[tuple[int, str]]:
    """Each line with the number of the drawn table it is in, or 0."""
    out: list[tuple[int, str]] = []
    number = at = 0
    while at < len(lines):
        end, rule = at, -1
        while end < len(lines) and ("|" in lines[end] or "│" in lines[end] or _is_rule(lines[end])):
            rule = end if rule < 0 and _is_rule(lines[end]) else rule
            end += 1
        # a table has its rule among its first three lines
        begin = max(at, rule - 2) if rule >= 0 else end
        out += [(0, line) for line in lines[at:begin]]
        if end - begin > 1:
            number += 1
            out += [(number, line) for line in lines[begin:end]]
        else:
            out += [(0, line) for line in lines[begin:end]]
        if end < len(lines):
            out.append((0, lines[end]))
        at = end + 1
    return out


class _Lines:
    """The lines of a text, and the line end of the last one read."""

    def __init__(self, text: str) -> None:
        self._lines = iter(io.StringIO(text, newline=""))
        self.end = ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.end = line[len(line.rstrip("\r\n")) :]
        return line


def is_separated(text: str) -> bool:
    """Whether every line of a text has as many cells as its header."""
    lines = text.strip("\n").splitlines()
    if (
        len(lines) < 2
        or lines[0].lstrip()[:1] in "{["
        or not header_of(text.strip("\n")[:65536].encode("utf-8", "replace"))
    ):
        return False
    delimiter = max(DELIMITERS, key=lines[0].count)
    try:
        reader = csv.reader(io.StringIO(text.strip("\n"), newline=""), delimiter=delimiter)
        widths = [len(row) for row in reader if row]
    except csv.Error:
        return False
    return len(widths) > 1 and len(set(widths)) == 1 and widths[0] > 1
