"""CSV that Polars refuses: rows of unequal length and quotes that never close, read cell by cell.

A map without quotes falls into several cells and is joined again; a row that still has more cells than the
header is a skip, for its values would be put into the wrong columns.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence

from auditor.framing.json_values import SkipFn
from auditor.framing.tables import Row, csv_records


def rows(text: str, delimiter: str, skip: SkipFn, above: int = 0) -> list[tuple[int, dict[str, str]]]:
    """(number among the rows, row) of each row; `above` is the number of lines before the text."""
    out: list[tuple[int, dict[str, str]]] = []
    names: list[str] = []
    line, number = 1 + above, -1
    try:
        for line, cells in csv_records(text, delimiter, above):
            number += bool(names)
            if any(c.strip() for c in cells):
                if not names:
                    names = [c.strip() for c in cells]
                elif (fitted := _fitted(cells, len(names), delimiter)) is None:
                    skip(line, "a table row with more cells than its header")
                else:
                    out.append((number, dict(zip(names, fitted, strict=False))))
    except csv.Error as error:
        skip(line, f"not CSV: {str(error)[:60]}")
    return out


def records(text: str, delimiter: str, above: int = 0, names: Sequence[str] = ()) -> Iterator[Row]:
    """(line, cells) of every row, blank ones too, so that a row is found by its number.

    `above` lines are no part of the table; without `names`, the first row after them has the names.
    """
    below = text.split("\n", above)[above]
    try:
        for line, cells in csv_records(below, delimiter, above):
            if names:
                yield line, dict(zip(names, _fitted(cells, len(names), delimiter) or cells, strict=False))
            elif any(c.strip() for c in cells):
                names = [c.strip() for c in cells]
    except csv.Error:
        return


def _fitted(cells: list[str], width: int, delimiter: str) -> list[str] | None:
    """The cells of a row, at most `width`; None where there are more."""
    if len(cells) <= width:
        return cells
    out: list[str] = []
    depth = 0
    for cell in cells:
        if depth > 0:
            out[-1] += delimiter + cell
        else:
            out.append(cell)
        depth = max(0, depth + cell.count("{") - cell.count("}"))
    while len(out) > width and not out[-1].strip():
        out.pop()
    return out if len(out) <= width else None
