"""Tables in text as rows of named cells: CSV and TSV, Markdown, psql and boxes, printed data frames, HTML.

Each function that returns rows gives (1-based line, cells by column name).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from itertools import pairwise

from auditor.framing.json_repair import ELIDED
from auditor.framing.json_values import SkipFn
from auditor.framing.sql_statements import dump_columns, dump_rows, is_dump

Row = tuple[int, dict[str, str]]  # 1-based line, cells by column name

csv.field_size_limit(4 * 1024 * 1024)
DELIMITERS = ",\t;|"
HEAD = 65536  # characters in which the kind of a table shows
MAX_CELLS = 200_000  # of an HTML page
_LAMBDA = re.compile(r"(?:INIT_START|(?:START|END|REPORT) RequestId:|XRAY TraceId:) ")  # its fields have tabs


def _ignore(line: int | None, reason: str) -> None:
    """Skips are reported when a table is read for its records, not when it is read again."""


# -- any table -----------------------------------------------------------------------------------------------


def is_table(head: bytes) -> bool:
    """Whether the text begins as a table, and not as JSON."""
    return not head.lstrip().startswith((b"{", b"[")) and bool(header_of(head))


def header_of(head: bytes) -> list[str]:
    """The column names of a table at the start of the text; empty when it is no table."""
    text = unboxed(head.decode("utf-8", "replace"))
    if is_html(text):
        return next((list(row) for _, row in html_rows(text)), [])
    if _RECORD.match(text.lstrip()):
        records = expanded_rows(text)
        return list(records[0][1]) if records else []
    if _VERTICAL.search(text):
        records = vertical_rows(text)
        return list(records[0][1]) if records else []
    if is_dump(text):
        return dump_columns(text)
    if is_pipe_table(text):
        rows = pipe_rows(text)
        return rows[0][1] if rows else []
    frame = frame_header(text)
    return [name for name, _ in frame] if frame else _csv_header(text)


def rows_of(text: str, limit: int | None = None, skip: SkipFn = _ignore) -> list[Row]:
    """The rows of a whole table; a line that is no row of it is passed to `skip`.

    A CSV table is read up to `limit` + 1 rows.
    """
    text = unboxed(text)
    kind = kind_of(text)
    if kind == "html":
        return html_rows(text)
    if kind == "expanded":
        return expanded_rows(text)
    if kind == "vertical":
        return vertical_rows(text)
    if kind == "sql":
        return dump_rows(text)
    if kind == "frame":
        return frame_rows(text)
    if kind == "pipe":
        table = pipe_rows(text, skip)
        if not table:
            return []
        (_, header), *body = table
        return [(line, dict(zip(header, cells, strict=False))) for line, cells in body]
    return _csv_rows(text, limit, skip)


def kind_of(text: str) -> str:
    """How a table is written: html, expanded (psql), vertical (ClickHouse, MySQL), sql (a dump), frame
    (pandas), pipe or csv.
    """
    if is_html(text):
        return "html"
    if _RECORD.match(text.lstrip()):
        return "expanded"
    if _VERTICAL.search(text[:HEAD]):
        return "vertical"
    if is_dump(text):
        return "sql"
    if frame_header(text[:HEAD]):
        return "frame"
    return "pipe" if is_pipe_table(text[:HEAD]) else "csv"


# -- CSV, TSV and the like -----------------------------------------------------------------------------------


def delimiter_of(line: str) -> str | None:
    """The delimiter of a header line."""
    counts = {d: line.count(d) for d in DELIMITERS}
    best = max(counts, key=lambda d: counts[d])
    return best if counts[best] else None


# the name of a column: words, or any text that ends in a unit, or a day that heads a column of sums
_NAME = re.compile(r"[A-Za-z@_][\w .:/@\-()\[\]']{0,120}|[^()]{1,120}\([^()\s]{1,12}\)|\d{4}-\d\d-\d\d")


def _csv_header(text: str) -> list[str]:
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = delimiter_of(first)
    if delimiter is None or _LAMBDA.match(first):
        return []
    try:
        names = next(csv.reader([first], delimiter=delimiter), [])
    except csv.Error:
        return []
    names = [n.strip().strip("\ufeff") for n in names]
    wordy = sum(bool(_NAME.fullmatch(n)) for n in names)
    if len(names) < 2 or wordy < 0.8 * len(names):
        return []
    return names if _has_even_rows(text, delimiter, len(names)) else []


def _has_even_rows(text: str, delimiter: str, width: int) -> bool:
    """Whether the rows below a header are as wide as it is: prose with commas is no table."""
    widths: list[int] = []
    try:
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if any(c.strip() for c in cells):
                widths.append(len(cells))
            if len(widths) > 6:
                break
    except csv.Error:
        return width > 3
    # the last of several rows may be truncated
    rows = widths[1:-1] if len(widths) > 2 else widths[1:]
    return sum(w == width for w in rows) >= 0.5 * len(rows)


def csv_records(text: str, delimiter: str, above: int = 0) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of every record of CSV, without cells where it is blank; csv.Error where it is broken.

    `above` is the number of lines before the text.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    line = 1 + above
    for cells in reader:
        yield line, cells
        line = reader.line_num + 1 + above


def _csv_rows(text: str, limit: int | None, skip: SkipFn) -> list[Row]:
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = delimiter_of(first) or ","
    # a comma in a cell is a decimal point only where `;` separates the cells
    convert = _decimal_point if delimiter == ";" else str
    out: list[Row] = []
    names: list[str] = []
    line = 1
    try:
        for line, cells in csv_records(text, delimiter):
            if not names:
                names = [c.strip().strip("\ufeff") for c in cells] if any(c.strip() for c in cells) else []
            elif any(c.strip() for c in cells):
                out.append((line, dict(zip(names, map(convert, cells), strict=False))))
                if limit is not None and len(out) > limit:
                    break
    except csv.Error as error:
        skip(line, f"not CSV: {str(error)[:60]}")
    return out


def _decimal_point(cell: str) -> str:
    return cell.replace(",", ".") if re.fullmatch(r"\s*-?\d+,\d+(?:E[+-]?\d+)?\s*", cell) else cell


# -- Markdown, boxes and psql --------------------------------------------------------------------------------

_RULE = re.compile(r"^(?=.*--)[\s:|+=-]+$")  # linear: psql rules are thousands of dashes wide
_PSQL_RULE = re.compile(r"-+(\+-+)+\s*")
_RECORD = re.compile(r"-\[ RECORD \d+ \]")
_VERTICAL = re.compile(r"(?m)^(?:Row 1:\r?\n─{3,}|\*{10,} 1\. row \*{10,})\s*$")
_VERTICAL_HEAD = re.compile(r"Row \d+:|\*{10,} \d+\. row \*{10,}")
_VERTICAL_CELL = re.compile(r"\s*([\w.@$\[\]()'\"-]+):(?: (.*)|)$")
_VERTICAL_END = re.compile(r"\d+ rows? in set")
_NO_VALUE = "ᴺᵁᴸᴸ"  # as ClickHouse prints NULL
_ESCAPED = re.compile(r"\\([_|$*\[\]~#-])")
_TYPE = re.compile(
    r"(?i)(?:u?(?:tiny|small|big|huge)?int(?:eger)?\d*|varchar|text|string|double|float\d*|real|boolean|bool|date"
    r"|time|timestamp.*|decimal\(.*\)|numeric.*|json|uuid|map\(.*\)|struct\(.*\)|.*\[\])"
)
_BOXES = str.maketrans("│┃║─━═┌┐└┘├┤┬┴┼┏┓┗┛┡┩╇┠┨╭╮╰╯", "|||---++++++++++++++++++++++")
_ESCAPED_PIPE = "\x1f"  # a pipe within a cell of a table that was drawn with box characters
_CONTINUATIONS = {"": "", "+": "\n", ".": ""}  # mark at the end of a psql cell: what joins it to the next


def lines_of(text: str) -> list[str]:
    """The lines of a text, as positions count them: a cell may hold what Python takes for a line end."""
    return text.replace("\r\n", "\n").split("\n")


def unboxed(text: str) -> str:
    """Box-drawing characters as the ASCII that other tables use."""
    if "│" not in text[:HEAD] and "┃" not in text[:HEAD]:
        return text
    return text.replace("|", _ESCAPED_PIPE).translate(_BOXES)


def is_rule(line: str) -> bool:
    """Whether a line is the rule below a table's header."""
    return bool(_RULE.match(line))


def is_pipe_table(text: str) -> bool:
    """A Markdown, psql or box table: pipes in the header and a rule below it."""
    lines = [line for line in text.splitlines()[:40] if line.strip()]
    return any("|" in a and _RULE.match(b) and ("|" in b or "+" in b) for a, b in pairwise(lines))


def pipe_rows(text: str, skip: SkipFn = _ignore) -> list[tuple[int, list[str]]]:
    """(line, cells) of a pipe table: rules left out, escapes undone, the first is the header.

    Where a rule without outer pipes gives the columns (psql), rows are cut there: cells may contain pipes.
    """
    out: list[tuple[int, list[str]]] = []
    lines = lines_of(text)
    borders = psql_borders(lines)
    numbered = ((n, line) for n, line in enumerate(lines, 1) if "|" in line and not _RULE.match(line))
    bare = _without_outer_pipes(lines)
    rows = (
        _psql_rows(numbered, borders) if borders else ((n, _pipe_cells(line, bare)) for n, line in numbered)
    )
    for number, cells in rows:
        if cells is not None and (not out or len(cells) == len(out[0][1])):
            out.append((number, cells))
        else:
            skip(number, "a table row with another number of cells than its header")
    # DuckDB and ClickHouse print a row of types below the names
    if len(out) > 1 and all(_TYPE.fullmatch(cell) for cell in out[1][1]):
        del out[1]
    return out


def _without_outer_pipes(lines: list[str]) -> bool:
    """Whether a blank cell may begin a row: the rule has no outer pipes, and a cell more than the header."""
    heads = ((head, rule.strip()) for head, rule in pairwise(lines[:40]) if "|" in head and _RULE.match(rule))
    head, rule = next(heads, ("", "|"))
    return rule[0] not in "|+" and head.lstrip()[:1] == "|" and rule.count("|") == head.count("|")


def _pipe_cells(line: str, bare: bool) -> list[str]:
    inner = line.strip() if bare else line.strip().removeprefix("|")
    inner = inner[:-1] if inner.endswith("|") and not inner.endswith("\\|") else inner
    cells = [c.strip() for c in re.split(r"(?<!\\)\|", inner)]
    return [_ESCAPED.sub(r"\1", c).strip("`").replace(_ESCAPED_PIPE, "|") for c in cells]


def psql_borders(lines: list[str]) -> list[int]:
    """The columns of the `+` signs of a psql rule and of its end; empty for another kind of table."""
    rule = next((line for line in lines[:40] if _RULE.match(line)), "")
    if not _PSQL_RULE.fullmatch(rule):
        return []
    return [*(i for i, c in enumerate(rule) if c == "+"), len(rule.rstrip())]


def _psql_rows(
    lines: Iterable[tuple[int, str]], borders: list[int]
) -> Iterator[tuple[int, list[str] | None]]:
    """(line, cells) of the rows, the header first; None for a line that is no row."""
    row: list[str] = []
    marks: list[str] = []
    first = 0
    for number, line in lines:
        cells = _psql_cells(line, borders)
        if cells is None:
            yield number, None
            continue
        if any(marks):
            texts = zip(row, marks, cells, strict=True)
            row = [f"{text}{_CONTINUATIONS[mark]}{cell[1:-1].strip()}" for text, mark, cell in texts]
        else:
            if row:
                yield first, [text.replace(_ESCAPED_PIPE, "|").strip() for text in row]
            first = number
            row = [cell.strip() if _mark(cell) == "" else cell[1:-1].strip() for cell in cells]
        marks = [_mark(cell) for cell in cells]
    if row:
        yield first, [text.replace(_ESCAPED_PIPE, "|").strip() for text in row]


def _mark(cell: str) -> str:
    """`+` or `.` at the end of a cell that continues on the next line."""
    return cell[-1:] if cell[-1:] in ("+", ".") else ""


def _psql_cells(line: str, borders: list[int]) -> list[str] | None:
    *inner, end = borders
    if any(b >= len(line) or line[b] != "|" for b in inner):
        return None
    # after the end of the rule there is no margin, but a cell that is wider than its columns
    padded = line.ljust(end) if len(line) <= end else f"{line} "
    return [padded[a + 1 : b] for a, b in pairwise([-1, *inner, len(padded)])]


def expanded_rows(text: str) -> list[Row]:
    """The rows of psql's expanded output: `-[ RECORD 1 ]---`, then `column | value` lines."""
    out: list[Row] = []
    last = ""
    for number, line in enumerate(lines_of(text), 1):
        if _RECORD.match(line):
            out.append((number, {}))
            last = ""
        elif out and "|" in line:
            name, _, value = line.partition("|")
            row, name = out[-1][1], name.strip(" +.")
            if name or not last:
                row[name] = value.strip()
            else:
                link = "" if value[:1] == "." else "\n"
                before = row[last].removesuffix("+" if link else ".").rstrip()
                row[last] = f"{before}{link}{value[1:].strip()}"
            last = name or last
    return [(number, {k: v.replace(_ESCAPED_PIPE, "|") for k, v in row.items()}) for number, row in out]


def vertical_rows(text: str) -> list[Row]:
    """The rows that clients print a column a line: `Row 1:` (ClickHouse), `*** 1. row ***` (MySQL)."""
    out: list[Row] = []
    last = ""
    open_row = False
    for number, line in enumerate(lines_of(text), 1):
        if _VERTICAL_HEAD.fullmatch(line.strip()):
            out.append((number, {}))
            last, open_row = "", True
        elif open_row and (cell := _VERTICAL_CELL.match(line.rstrip())):
            last = cell[1]
            value = (cell[2] or "").strip()
            out[-1][1][last] = "" if value == _NO_VALUE else value
        elif not line.strip() or _VERTICAL_END.match(line):
            open_row = False
        elif open_row and last and line.strip("─ "):
            out[-1][1][last] += "\n" + line
    return out


# -- data frames as pandas prints them -----------------------------------------------------------------------

_FRAME_HEADER = re.compile(r"^ {2,}\S+(?: {2,}\S+)+ *$|^ +\S+(?: +\S+){2,} *$")
_FRAME_INDEX = re.compile(r"^\d+ +\S")
_FRAME_SHAPE = re.compile(r"^\[\d+ rows x \d+ columns\]")


def frame_header(text: str) -> list[tuple[str, int]]:
    """(name, where its column ends) of a printed frame; empty when the text is none."""
    lines = [line.rstrip() for line in text.split("\n")[:40] if line.strip()]
    if len(lines) < 2 or not _FRAME_HEADER.match(lines[0]):
        return []
    ends = [(m[0], m.end()) for m in re.finditer(r"\S+", lines[0])]
    rows = [line for line in lines[1:] if not _FRAME_SHAPE.match(line)]
    whole = sum(bool(_FRAME_INDEX.match(line)) and _fits(line, ends) for line in rows)
    return ends if rows and whole >= 0.8 * len(rows) else []


def _fits(line: str, ends: list[tuple[str, int]]) -> bool:
    """Whether every cell of a row ends where its column's name does."""
    return all(
        end <= len(line) and line[end - 1] != " " and (end == len(line) or line[end] == " ")
        for _, end in ends
    )


def frame_rows(text: str) -> list[Row]:
    """The rows of a printed frame."""
    ends = frame_header(text)
    out: list[Row] = []
    for number, line in enumerate(text.split("\n"), 1):
        line = line.rstrip()
        if not _FRAME_INDEX.match(line) or not _fits(line, ends):
            continue
        row, last = {}, line.index(" ")
        for name, end in ends:
            row[ELIDED if name == "..." else name] = line[last:end].strip()
            last = end
        out.append((number, row))
    return out


# -- HTML ----------------------------------------------------------------------------------------------------

_HTML = re.compile(r"(?is)^\s*(?:<!doctype html|<html|<table|<div|<body|<section|<meta)")


def is_html(text: str) -> bool:
    """Whether a text is a page with a table in it."""
    return bool(_HTML.match(text)) and "<t" in text[:262_144].lower()


class _TableParser(HTMLParser):
    """Collects (line, cells) of every table row."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[tuple[int, list[str]]] = []
        self.places: list[list[tuple[int, int]]] = []  # line and column of each row and of its cells
        self._in_cell = False
        self._count = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if self._count > MAX_CELLS:
            return
        if tag == "tr":
            self.rows.append((self.getpos()[0], []))
            self.places.append([self.getpos()])
        elif tag in ("td", "th") and self.rows:
            self._count += 1
            self.rows[-1][1].append("")
            self.places[-1].append(self.getpos())
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "tr"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell and self.rows and self.rows[-1][1]:
            self.rows[-1][1][-1] += data


def html_rows(text: str) -> list[Row]:
    """The rows of the tables of a page; the first one is the header, others of another width are left out."""
    return [row for row, _ in html_rows_with_places(text)]


def html_rows_with_places(text: str) -> list[tuple[Row, list[tuple[int, int]]]]:
    """The rows of a page, each with the line and the column (from 0) of itself and of its cells."""
    parser = _TableParser()
    parser.feed(text)
    pairs = zip(parser.rows, parser.places, strict=True)
    rows = [(line, [" ".join(c.split()) for c in cells], at) for (line, cells), at in pairs if cells]
    if not rows:
        return []
    (_, header, _), *body = rows
    return [
        ((line, dict(zip(header, cells, strict=True))), at)
        for line, cells, at in body
        if len(cells) == len(header)
    ]
