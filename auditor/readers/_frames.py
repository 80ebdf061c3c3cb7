"""Data frames as pandas prints them: right-aligned columns beneath their names, an index at the margin.

A column that the print leaves out (`...`) stays visible as left out; nothing is guessed for it.
"""

from __future__ import annotations

import re

from auditor.repair import ELIDED

_HEADER = re.compile(r"^ {2,}\S+(?: {2,}\S+)+ *$|^ +\S+(?: +\S+){2,} *$")
_INDEX = re.compile(r"^\d+ +\S")
_SHAPE = re.compile(r"^\[\d+ rows x \d+ columns\]")


def frame_header(text: str) -> list[tuple[str, int]]:
    """(name, where its column ends) of a printed frame, or nothing when the text is none."""
    lines = [line.rstrip() for line in text.split("\n")[:40] if line.strip()]
    if len(lines) < 2 or not _HEADER.match(lines[0]):
        return []
    ends = [(m[0], m.end()) for m in re.finditer(r"\S+", lines[0])]
    rows = [line for line in lines[1:] if not _SHAPE.match(line)]
    whole = sum(bool(_INDEX.match(line)) and _fits(line, ends) for line in rows)
    return ends if rows and whole >= 0.8 * len(rows) else []


def _fits(line: str, ends: list[tuple[str, int]]) -> bool:
    """Whether every cell of a row ends where its column's name does."""
    return all(
        end <= len(line) and line[end - 1] != " " and (end == len(line) or line[end] == " ")
        for _, end in ends
    )


def frame_rows(text: str) -> list[tuple[int, dict[str, str]]]:
    """(line, row) of a printed frame."""
    ends = frame_header(text)
    out: list[tuple[int, dict[str, str]]] = []
    for number, line in enumerate(text.split("\n"), 1):
        line = line.rstrip()
        if not _INDEX.match(line) or not _fits(line, ends):
            continue
        row, last = {}, line.index(" ")
        for name, end in ends:
            row[ELIDED if name == "..." else name] = line[last:end].strip()
            last = end
        out.append((number, row))
    return out
