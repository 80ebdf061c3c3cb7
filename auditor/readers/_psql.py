"""psql's aligned and expanded tables, whose cells may go on in the next line.

A `+` in the margin behind a cell stands for a line end, a `.` for a break that psql made to fit the screen.
It never tells columns by anything but the rule beneath their names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

RECORD = re.compile(r"-\[ RECORD \d+ \]")
_RULE = re.compile(r"-+(\+-+)+\s*")
ESCAPED_PIPE = "\x1f"  # a pipe within a cell of a table that was drawn with other lines


def borders_of(rule: str) -> list[int]:
    """The columns of the `+` signs of a psql rule and of its end, or nothing for another kind of table."""
    if not _RULE.fullmatch(rule):
        return []
    return [*(i for i, c in enumerate(rule) if c == "+"), len(rule.rstrip())]


def aligned_rows(
    lines: Iterator[tuple[int, str]], borders: list[int]
) -> Iterator[tuple[int, list[str] | None]]:
    """(line, cells) of the rows, the header first; None for a line that is no row."""
    row: list[str] = []
    marks: list[str] = []
    first = 0
    for number, line in lines:
        cells = _cells(line, borders)
        if cells is None:
            yield number, None
            continue
        if any(marks):
            texts = zip(row, marks, cells, strict=True)
            row = [f"{held}{_LINK[mark]}{cell[1:-1].strip()}" for held, mark, cell in texts]
        else:
            if row:
                yield first, [text.replace(ESCAPED_PIPE, "|").strip() for text in row]
            first = number
            row = [cell.strip() if _mark(cell) == "" else cell[1:-1].strip() for cell in cells]
        marks = [_mark(cell) for cell in cells]
    if row:
        yield first, [text.replace(ESCAPED_PIPE, "|").strip() for text in row]


_LINK = {"": "", "+": "\n", ".": ""}


def _mark(cell: str) -> str:
    return cell[-1:] if cell[-1:] in ("+", ".") else ""


def _cells(line: str, borders: list[int]) -> list[str] | None:
    *inner, end = borders
    if any(b >= len(line) or line[b] != "|" for b in inner):
        return None
    # behind the end of the rule there is no margin, but a cell that is wider than its columns
    padded = line.ljust(end) if len(line) <= end else f"{line} "
    return [padded[a + 1 : b] for a, b in pairwise([-1, *inner, len(padded)])]


def expanded_rows(text: str) -> list[tuple[int, dict[str, str]]]:
    """(line, row) of expanded output: `-[ RECORD 1 ]---`, then `column | value` lines."""
    out: list[tuple[int, dict[str, str]]] = []
    last = ""
    for number, line in enumerate(text.splitlines(), 1):
        if RECORD.match(line):
            out.append((number, {}))
            last = ""
        elif out and "|" in line:
            name, _, value = line.partition("|")
            row, name = out[-1][1], name.strip(" +.")
            if name or not last:
                row[name] = value.strip()
            else:
                link = "" if value[:1] == "." else "\n"
                row[last] = (
                    f"{row[last].removesuffix('+' if link else '.').rstrip()}{link}{value[1:].strip()}"
                )
            last = name or last
    return [(number, {k: v.replace(ESCAPED_PIPE, "|") for k, v in row.items()}) for number, row in out]
