"""Tables in text: CSV, TSV, markdown and pipe tables as rows of named cells.

Cells are read by the csv module; a cell is never split by hand.
"""

from __future__ import annotations

import csv
import io
import re
from itertools import pairwise

from auditor.pieces import SkipFn
from auditor.readers._frames import frame_header, frame_rows
from auditor.readers._html import html_rows, is_html
from auditor.readers._psql import ESCAPED_PIPE, RECORD, aligned_rows, borders_of, expanded_rows

csv.field_size_limit(4 * 1024 * 1024)
_RULE = re.compile(r"^(?=.*--)[\s:|+=-]+$")  # linear: psql rules are thousands of dashes wide
_ESCAPED = re.compile(r"\\([_|$*\[\]~#-])")
_LAMBDA = re.compile(r"(?:INIT_START|(?:START|END|REPORT) RequestId:|XRAY TraceId:) ")  # its fields have tabs
_TYPE = re.compile(
    r"(?i)(?:u?(?:tiny|small|big|huge)?int(?:eger)?\d*|varchar|text|string|double|float\d*|real|boolean|bool|date"
    r"|time|timestamp.*|decimal\(.*\)|numeric.*|json|uuid|map\(.*\)|struct\(.*\)|.*\[\])"
)
_BOXES = str.maketrans("│┃║─━═┌┐└┘├┤┬┴┼┏┓┗┛┡┩╇┠┨╭╮╰╯", "|||---++++++++++++++++++++++")
DELIMITERS = ",\t;|"


def _ignore(line: int | None, reason: str) -> None:
    """A second look at a table tells no skips: the first did."""


def header_of(head: bytes) -> list[str]:
    """The column names of a table at the start of the text, or nothing when it is none."""
    text = unboxed(head.decode("utf-8", "replace"))
    if is_html(text):
        return next((list(row) for _, row in html_rows(text)), [])
    if RECORD.match(text.lstrip()):
        rows_ = expanded_rows(text)
        return list(rows_[0][1]) if rows_ else []
    if is_pipe_table(text):
        rows = pipe_rows(text)
        return rows[0][1] if rows else []
    frame = frame_header(text)
    if frame:
        return [name for name, _ in frame]
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = delimiter_of(first)
    if delimiter is None or _LAMBDA.match(first):
        return []
    try:
        names = next(csv.reader([first], delimiter=delimiter), [])
    except csv.Error:
        return []
    names = [n.strip().strip("\ufeff") for n in names]
    wordy = sum(bool(re.fullmatch(r"[A-Za-z@_][\w .:/@\-()\[\]']{0,120}", n)) for n in names)
    if len(names) < 2 or wordy < 0.8 * len(names):
        return []
    return names if _even(text, delimiter, len(names)) else []


def _even(text: str, delimiter: str, width: int) -> bool:
    """Whether the rows beneath a header are as wide as it is: prose with commas is no table."""
    widths: list[int] = []
    try:
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if any(c.strip() for c in cells):
                widths.append(len(cells))
            if len(widths) > 6:
                break
    except csv.Error:
        return width > 3
    # the last of several rows may have been cut
    rows = widths[1:-1] if len(widths) > 2 else widths[1:]
    return sum(w == width for w in rows) >= 0.5 * len(rows)


def unboxed(text: str) -> str:
    """Box-drawing characters as the ASCII that other tables use."""
    if "│" not in text[:65536] and "┃" not in text[:65536]:
        return text
    return text.replace("|", ESCAPED_PIPE).translate(_BOXES)


def is_table(head: bytes) -> bool:
    """Whether the text begins as a table, and not as JSON."""
    return not head.lstrip().startswith((b"{", b"[")) and bool(header_of(head))


def delimiter_of(line: str) -> str | None:
    """The delimiter of a header line."""
    counts = {d: line.count(d) for d in DELIMITERS}
    best = max(counts, key=lambda d: counts[d])
    return best if counts[best] else None


def is_rule(line: str) -> bool:
    """Whether a line is the rule beneath a table's header."""
    return bool(_RULE.match(line))


def is_pipe_table(text: str) -> bool:
    """A markdown, psql or box table: pipes in the header and a rule beneath it."""
    lines = [line for line in text.splitlines()[:40] if line.strip()]
    return any("|" in a and _RULE.match(b) and ("|" in b or "+" in b) for a, b in pairwise(lines))


def pipe_rows(text: str, skip: SkipFn = _ignore) -> list[tuple[int, list[str]]]:
    """(line, cells) of a pipe table: rules left out, escapes undone, the first is the header.

    Where a rule without outer pipes tells the columns (psql), rows are cut there: cells may hold pipes.
    """
    out: list[tuple[int, list[str]]] = []
    lines = text.splitlines()
    borders = borders_of(next((line for line in lines[:40] if _RULE.match(line)), ""))
    numbered = ((n, line) for n, line in enumerate(lines, 1) if "|" in line and not _RULE.match(line))
    rows = aligned_rows(numbered, borders) if borders else ((n, _split(line)) for n, line in numbered)
    for number, cells in rows:
        if cells is not None and (not out or len(cells) == len(out[0][1])):
            out.append((number, cells))
        else:
            skip(number, "a table row with another number of cells than its header")
    # DuckDB and ClickHouse print a row of types beneath the names
    if len(out) > 1 and all(_TYPE.fullmatch(cell) for cell in out[1][1]):
        del out[1]
    return out


def _split(line: str) -> list[str]:
    inner = line.strip().removeprefix("|")
    inner = inner[:-1] if inner.endswith("|") and not inner.endswith("\\|") else inner
    cells = [c.strip() for c in re.split(r"(?<!\\)\|", inner)]
    return [_ESCAPED.sub(r"\1", c).strip("`").replace(ESCAPED_PIPE, "|") for c in cells]


def rows_of(text: str, limit: int | None = None, skip: SkipFn = _ignore) -> list[tuple[int, dict[str, str]]]:
    """(line, row) of a whole table, 1-based lines; what is no row of it is skipped with its line."""
    text = unboxed(text)
    if is_html(text):
        return html_rows(text)
    if RECORD.match(text.lstrip()):
        return expanded_rows(text)
    if frame_header(text[:65536]):
        return frame_rows(text)
    if is_pipe_table(text[:65536]):
        table = pipe_rows(text, skip)
        if not table:
            return []
        (_, header), *body = table
        return [(line, dict(zip(header, cells, strict=False))) for line, cells in body]
    return _csv_rows(text, limit, skip)


def _csv_rows(text: str, limit: int | None, skip: SkipFn) -> list[tuple[int, dict[str, str]]]:
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = delimiter_of(first) or ","
    # only where `;` parts the cells is a comma within one a decimal point
    point = _decimal if delimiter == ";" else str
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    out: list[tuple[int, dict[str, str]]] = []
    names: list[str] = []
    line = 1
    try:
        for cells in reader:
            if not names:
                names = [c.strip().strip("\ufeff") for c in cells] if any(c.strip() for c in cells) else []
            elif any(c.strip() for c in cells):
                out.append((line, dict(zip(names, map(point, cells), strict=False))))
                if limit is not None and len(out) > limit:
                    break
            line = reader.line_num + 1
    except csv.Error as error:
        skip(line, f"not CSV: {str(error)[:60]}")
    return out


def _decimal(cell: str) -> str:
    return cell.replace(",", ".") if re.fullmatch(r"\s*-?\d+,\d+(?:E[+-]?\d+)?\s*", cell) else cell
