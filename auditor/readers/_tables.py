"""Tables in text: CSV, TSV, markdown and pipe tables as rows of named cells.

Cells are read by the csv module; a cell is never split by hand.
"""

from __future__ import annotations

import csv
import io
import re
from itertools import pairwise

csv.field_size_limit(4 * 1024 * 1024)
_RULE = re.compile(r"^\s*[|+]?[\s:|+=-]*-{2,}[\s:|+=-]*$")
_ESCAPED = re.compile(r"\\([_|$*\[\]~#-])")
DELIMITERS = ",\t;|"


def header_of(head: bytes) -> list[str]:
    """The column names of a table at the start of the text, or nothing when it is none."""
    text = head.decode("utf-8", "replace")
    if is_pipe_table(text):
        rows = pipe_rows(text)
        return rows[0][1] if rows else []
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = delimiter_of(first)
    if delimiter is None:
        return []
    try:
        names = next(csv.reader([first], delimiter=delimiter), [])
    except csv.Error:
        return []
    names = [n.strip().strip("\ufeff") for n in names]
    wordy = sum(bool(re.fullmatch(r"[A-Za-z@_][\w .:/@\-()\[\]']{0,120}", n)) for n in names)
    return names if len(names) >= 2 and wordy >= 0.8 * len(names) else []


def delimiter_of(line: str) -> str | None:
    """The delimiter of a header line."""
    counts = {d: line.count(d) for d in DELIMITERS}
    best = max(counts, key=lambda d: counts[d])
    return best if counts[best] else None


def is_pipe_table(text: str) -> bool:
    """A markdown, psql or box table: pipes in the header and a rule beneath it."""
    lines = [line for line in text.splitlines()[:40] if line.strip()]
    return any("|" in a and _RULE.match(b) and ("|" in b or "+" in b) for a, b in pairwise(lines))


def pipe_rows(text: str) -> list[tuple[int, list[str]]]:
    """(line, cells) of a pipe table: rules left out, escapes undone, the first is the header."""
    out: list[tuple[int, list[str]]] = []
    width = 0
    for number, line in enumerate(text.splitlines(), 1):
        if "|" not in line or _RULE.match(line):
            continue
        inner = line.strip().removeprefix("|")
        inner = inner[:-1] if inner.endswith("|") and not inner.endswith("\\|") else inner
        cells = [c.strip() for c in re.split(r"(?<!\\)\|", inner)]
        cells = [_ESCAPED.sub(r"\1", c).strip("`") for c in cells]
        if not width:
            width = len(cells)
        if len(cells) == width:
            out.append((number, cells))
    return out


def rows_of(text: str, limit: int | None = None) -> list[tuple[int, dict[str, str]]]:
    """(line, row) of a whole table, 1-based lines; a row of another width keeps what it has."""
    if is_pipe_table(text[:65536]):
        table = pipe_rows(text)
        if not table:
            return []
        (_, header), *body = table
        return [(line, dict(zip(header, cells, strict=False))) for line, cells in body]
    first = next((line for line in text.splitlines() if line.strip()), "")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(first) or ",")
    out: list[tuple[int, dict[str, str]]] = []
    names: list[str] = []
    line = 1
    try:
        for cells in reader:
            if not names:
                names = [c.strip().strip("\ufeff") for c in cells] if any(c.strip() for c in cells) else []
            elif any(c.strip() for c in cells):
                out.append((line, dict(zip(names, cells, strict=False))))
                if limit is not None and len(out) > limit:
                    break
            line = reader.line_num + 1
    except csv.Error:
        pass
    return out
