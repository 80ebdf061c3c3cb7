"""Tables in text: CSV, TSV, markdown and pipe tables as rows of named cells.

Cells are read by the csv module; a cell is never split by hand.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise

from auditor.framing.json_repair import ELIDED
from auditor.framing.json_values import SkipFn

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


_PAGE = re.compile(r"(?is)^\s*(?:<!doctype html|<html|<table|<div|<body|<section|<meta)")
MAX_CELLS = 200_000


def is_html(text: str) -> bool:
    """Whether a text is a page with a table in it."""
    return bool(_PAGE.match(text)) and "<t" in text[:262_144].lower()


class _Tables(HTMLParser):
    """Collects (line, cells) of every table row."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[tuple[int, list[str]]] = []
        self._open = False
        self._count = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if self._count > MAX_CELLS:
            return
        if tag == "tr":
            self.rows.append((self.getpos()[0], []))
        elif tag in ("td", "th") and self.rows:
            self._count += 1
            self.rows[-1][1].append("")
            self._open = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "tr"):
            self._open = False

    def handle_data(self, data: str) -> None:
        if self._open and self.rows and self.rows[-1][1]:
            self.rows[-1][1][-1] += data


def html_rows(text: str) -> list[tuple[int, dict[str, str]]]:
    """(line, row) of the tables of a page; the first row is the header, others of its width are rows."""
    parser = _Tables()
    parser.feed(text)
    rows = [(line, [" ".join(c.split()) for c in cells]) for line, cells in parser.rows if cells]
    if not rows:
        return []
    (_, header), *body = rows
    return [
        (line, dict(zip(header, cells, strict=True))) for line, cells in body if len(cells) == len(header)
    ]


RECORD = re.compile(r"-\[ RECORD \d+ \]")
_PSQL_RULE = re.compile(r"-+(\+-+)+\s*")
ESCAPED_PIPE = "\x1f"  # a pipe within a cell of a table that was drawn with other lines


def borders_of(rule: str) -> list[int]:
    """The columns of the `+` signs of a psql rule and of its end, or nothing for another kind of table."""
    if not _PSQL_RULE.fullmatch(rule):
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
