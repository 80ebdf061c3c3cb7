"""Where the cells of a table's row are in its text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from auditor.framing.tables import (
    DELIMITERS,
    HEAD,
    frame_header,
    html_rows_with_places,
    kind_of,
    lines_of,
    psql_borders,
    unboxed,
)

Span = tuple[int, int]  # begin and end, in characters
_BAR = re.compile(r"(?<!\\)\|")
_CELLS = {d: re.compile(rf'(?:"(?:[^"]|"")*+"|)[^{re.escape(d)}\n]*+') for d in DELIMITERS}


class TableCells:
    """Finds the cells of the rows of one table, given its whole text."""

    def __init__(self, text: str) -> None:
        self._text = unboxed(text)
        self.kind = kind_of(self._text)
        head = self._text[:HEAD]
        self._ends = [end for _, end in frame_header(head)] if self.kind == "frame" else []
        self._borders = psql_borders(lines_of(head)) if self.kind == "pipe" else []
        self._places = [places for _, places in html_rows_with_places(text)] if self.kind == "html" else []

    def of(self, number: int, begin: int, names: Sequence[str]) -> tuple[int, dict[str, Span]]:
        """Where the row begins, and its cells by the names of their columns; `begin` is that of its line.

        No cells where there are more of them than names, for some names are there twice.
        """
        if self.kind == "html":
            return self._in_page(number, begin, names)
        end = self._text.find("\n", begin)
        line = self._text[begin : end if end >= 0 else len(self._text)]
        if self.kind == "sql":
            return begin, {}
        if self.kind in ("expanded", "vertical"):
            return begin, self._expanded(begin, names, "|" if self.kind == "expanded" else ":")
        if self.kind == "frame":
            spans: Iterable[Span] = pairwise([line.find(" "), *self._ends])
        elif self._borders:
            spans = ((a + 1, b) for a, b in pairwise([-1, *self._borders[:-1], len(line)]))
        elif self.kind == "pipe":
            bars = [m.start() for m in _BAR.finditer(line)]
            first = [] if line.lstrip().startswith("|") else [-1]
            last = [] if line.rstrip().endswith("|") else [len(line)]
            spans = ((a + 1, b) for a, b in pairwise([*first, *bars, *last]))
        else:
            return begin, self._delimited(begin, names)
        found = [(begin + a, begin + b) for a, b in spans]
        return begin, self._named(found, names)

    def _named(self, spans: Sequence[Span], names: Sequence[str]) -> dict[str, Span]:
        if len(spans) > len(names):
            return {}
        return {name: self._stripped(*span) for name, span in zip(names, spans, strict=False)}

    def _stripped(self, begin: int, end: int) -> Span:
        """A cell without the spaces around it; one that is blank begins where the column does."""
        cell = self._text[begin:end]
        left = len(cell) - len(cell.lstrip()) if cell.strip() else min(1, len(cell)) * cell.startswith(" ")
        return begin + left, begin + max(left, len(cell.rstrip()))

    def _delimited(self, begin: int, names: Sequence[str]) -> dict[str, Span]:
        """The cells of CSV: its delimiter is the one that gives as many cells as there are names."""
        for cell in (_CELLS[d] for d in DELIMITERS):
            spans, at = list[Span](), begin
            while at <= len(self._text) and (match := cell.match(self._text, at)):
                spans.append(match.span())
                at = match.end() + 1
                if self._text[match.end() : at] in ("", "\n"):
                    break
            while len(spans) > len(names) and spans[-1][0] == spans[-1][1]:
                spans.pop()  # spreadsheets fill rows up
            if len(spans) == len(names) > 1:
                return self._named(spans, names)
        return {}

    def _expanded(self, begin: int, names: Sequence[str], mark: str) -> dict[str, Span]:
        """The lines of a record that was printed a column a line."""
        out: dict[str, Span] = {}
        at = self._text.find("\n", begin) + 1
        while 0 < at < len(self._text) and len(out) < len(names):
            end = self._text.find("\n", at)
            end = len(self._text) if end < 0 else end
            name = self._text[at:end].partition(mark)[0].strip(" +.")
            if name in names:
                out.setdefault(name, (at, end))
            at = end + 1
        return out

    def _in_page(self, number: int, begin: int, names: Sequence[str]) -> tuple[int, dict[str, Span]]:
        """A row of a page, by the places of its tags; `begin` is that of the line of the row."""
        row, *cells = self._places[number]
        out: dict[str, Span] = {}
        line, at = row[0], begin
        for name, (number_of_line, column) in zip(names, cells, strict=False):
            while line < number_of_line:
                line, at = line + 1, self._text.find("\n", at) + 1
            out[name] = (at + column, at + column)
        return begin + row[1], out
