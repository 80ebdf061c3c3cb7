"""A bill as a lazy table of its own columns: from CSV, Parquet, JSON, Athena's answer or a printed table."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import msgspec
import polars as pl

from auditor.errors import InputError
from auditor.framing.json_values import Piece, SkipFn, json_pieces
from auditor.framing.tables import Row, delimiter_of, header_of, is_table, rows_of
from auditor.framing.wrappers import unwrapped
from auditor.inputs.source import Source
from auditor.readers.billing.headless_tables import names_of
from auditor.readers.billing.ragged_csv import records, rows
from auditor.readers.contract import InputSample

AT_ONCE = 64 * 1024 * 1024  # bytes up to which CSV is read before anything else, to find what is broken
LONGEST = 256 * 1024 * 1024  # bytes up to which a broken CSV is read again cell by cell
# the cells of a row of types below a printed header
_TYPE = re.compile(
    r"(?i)(?:u?(?:tiny|small|big|huge)?int(?:eger)?|varchar|str(?:ing)?|double|float|[iuf]\d\d|bool(?:ean)?|date|uuid|"
    r"---|…|(?:timestamp|datetime|decimal|map|struct|list)\b.*)"
)
ROW = "bill row"  # the column that numbers the rows, where some were left out
# what Polars raises on bytes that are no table; damaged Parquet makes it panic
BROKEN = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)
_PREAMBLE = re.compile(r"\s*|sep=.|# .*")
RecordPlace = tuple[int | None, str | None]  # the offset and the pointer of a row that is JSON


class BillTable(NamedTuple):
    """The rows, the columns as the bill writes them, and whether its numbers have a decimal comma.

    `first` is the number of the first row among the table's rows; `places` are those of rows in JSON.
    """

    lazy: pl.LazyFrame
    names: list[str]
    comma: bool = False
    headless: bool = False
    first: int = 0
    places: list[RecordPlace] | None = None


def columns_in(sample: InputSample) -> list[list[str]]:
    """The header of a sample: its own, that of uneven rows, or names by what its cells look like."""
    if sample.container in ("table", "parquet"):
        return [[clear(c) for c in sample.columns]]
    if sample.container == "binary":
        return []
    text = sample.head.decode("utf-8", "replace")
    return [names_of(text) or _first_line(text)]


def columns_of(value: Any) -> list[str]:
    """The columns of one record, or of Athena's answer."""
    rows_ = _answer(value)
    return list(rows_[0][1]) if rows_ else list(value) if isinstance(value, dict) else []


def parquet_columns(source: Source) -> list[str]:
    """The columns of a Parquet file; none where its footer cannot be read."""
    try:
        return pl.scan_parquet(source.path or io.BytesIO(source.whole())).collect_schema().names()
    except BROKEN:
        return []


def _first_line(text: str) -> list[str]:
    """The cells of the first line that is no preamble: the header of a table whose rows are uneven."""
    line = next((row for row in text.splitlines() if not _PREAMBLE.fullmatch(row)), "")
    if len(line) > 100_000 or "{" in line or "[" in line:
        return []
    return [clear(c) for c in line.split(delimiter_of(line) or ",")]


def clear(name: str) -> str:
    """A header without what pasting adds: spaces, quotes, a web page's escapes."""
    return re.sub(r"\\(?=[_|*])", "", name.strip().strip('"`\ufeff').strip())


def opened(source: Source, skip: SkipFn, is_row: Callable[[list[str]], bool]) -> BillTable:
    """The bill in a source; `is_row` is whether keys are those of a record of a bill, and not of a wrapper.

    InputError when the bytes are no table.
    """
    try:
        bill = _opened(source, skip, is_row)
        return bill._replace(lazy=_renamed(bill))
    except BROKEN as error:
        raise unreadable(source, error) from None


def unreadable(source: Source, error: BaseException) -> InputError:
    """The error for a table that cannot be read to its end."""
    return InputError(f"{source.name}: not readable as a table ({type(error).__name__})", "export it again")


def _renamed(bill: BillTable) -> pl.LazyFrame:
    cleared = {n: clear(n) for n in bill.names}
    once = {n: c for n, c in cleared.items() if list(cleared.values()).count(c) == 1 and c}
    bill.names[:] = [once.get(n, n) for n in bill.names]
    return bill.lazy.rename({n: c for n, c in once.items() if n != c}, strict=False)


def _opened(source: Source, skip: SkipFn, is_row: Callable[[list[str]], bool]) -> BillTable:
    if source.head[:4] == b"PAR1":
        lazy = pl.scan_parquet(source.path or io.BytesIO(source.whole()))
        return BillTable(lazy, lazy.collect_schema().names())
    head = source.head.decode("utf-8", "replace")
    if head.lstrip()[:1] in ("{", "["):
        records, places = _from_json(source, skip, is_row)
        return _of_rows(records)._replace(places=places)
    names = names_of(head)
    if names:
        return BillTable(_scanned(source, head, 0, names), names, headless=True)
    first, delimiter, is_flat = _header_line(head)
    if is_flat:
        try:
            lazy = _scanned(source, head, first)
            return BillTable(lazy, lazy.collect_schema().names(), comma=delimiter == ";")
        except BROKEN:
            if source.size <= LONGEST:
                text = source.text().split("\n", first)[first]
                numbered = rows(text, delimiter, skip, first)
                bill = _of_rows([row for _, row in numbered], [number for number, _ in numbered])
                return bill._replace(comma=delimiter == ";")
    return _from_text(source, skip)._replace(comma=delimiter == ";")


def rows_in(source: Source) -> Iterator[Row]:
    """The rows of a bill in text, in the order of their numbers; none of JSON and Parquet."""
    head = source.head.decode("utf-8", "replace")
    if source.head[:4] == b"PAR1" or head.lstrip()[:1] in ("{", "["):
        return
    names = names_of(head)
    first, delimiter, is_flat = _header_line(head)
    if names or is_flat:
        found: Iterable[Row] = records(source.text(), delimiter, first, names)
    else:
        found = rows_of(source.text())
    for line, row in found:
        yield line, {clear(name): cell for name, cell in row.items()}


def _header_line(head: str) -> tuple[int, str, bool]:
    """How many lines are above the header, its delimiter, and whether this is CSV, not a drawn table."""
    lines = head.split("\n")
    first = next((i for i, line in enumerate(lines) if not _PREAMBLE.fullmatch(line)), 0)
    delimiter = delimiter_of(lines[first]) or ""
    is_flat = header_of(lines[first].encode()) != [] and "|" not in lines[first][:2]
    return first, delimiter, is_flat and delimiter in (",", ";", "\t")


def _scanned(source: Source, head: str, first: int, names: list[str] | None = None) -> pl.LazyFrame:
    """CSV by Polars, every cell as text; a short file is read at once, so that a broken one fails here."""
    line = head.split("\n")[first]
    given: Any = source.path or io.BytesIO(source.whole())
    lazy = pl.scan_csv(
        given,
        separator=delimiter_of(line) or ",",
        infer_schema=False,
        truncate_ragged_lines=source.size > AT_ONCE,
        encoding="utf8-lossy",
        skip_lines=first,
        has_header=names is None,
        new_columns=names,
    )
    return lazy if source.size > AT_ONCE else lazy.collect().lazy()


def _from_text(source: Source, skip: SkipFn) -> BillTable:
    """Printed tables, and CSV that is broken somewhere: cell by cell, with the lines that were no rows."""
    if source.size > LONGEST or not is_table(source.head):
        raise InputError(f"{source.name}: not readable as a table", "export it again")
    printed = [row for _, row in rows_of(source.whole().decode("utf-8", "replace"), skip=skip)]
    typed = int(bool(printed) and all(_TYPE.fullmatch(str(cell)) for cell in printed[0].values()))
    return _of_rows(printed[typed:])._replace(first=typed)


def _of_rows(rows: list[dict[str, Any]], numbers: list[int] | None = None) -> BillTable:
    names = list(dict.fromkeys(k for r in rows for k in r))
    frame = pl.DataFrame(
        {n: [_text(r.get(n)) for r in rows] for n in names}, schema=dict.fromkeys(names, pl.String)
    )
    if numbers is not None:
        frame = frame.with_columns(pl.Series(ROW, numbers, dtype=pl.UInt32))
    return BillTable(frame.lazy(), names)


def of_records(rows: list[dict[str, Any]], places: list[RecordPlace]) -> BillTable:
    """The table of a bill whose records were among others."""
    bill = _of_rows(rows)
    return bill._replace(lazy=_renamed(bill), places=places)


def _from_json(
    source: Source, skip: SkipFn, is_row: Callable[[list[str]], bool]
) -> tuple[list[dict[str, Any]], list[RecordPlace]]:
    """The rows in JSON, and where each of them is."""
    out: list[Piece] = []
    for piece in json_pieces(source, skip):
        rows = _answer(piece.value)
        out += [Piece(row, piece.offset, f"{piece.pointer}{pointer}") for pointer, row in rows]
        if not rows:
            out += [p for p in unwrapped(piece, lambda v: is_row(list(v))) if isinstance(p.value, dict)]
    return [piece.value for piece in out], [(piece.offset, piece.pointer) for piece in out]


def _answer(value: Any) -> list[tuple[str, dict[str, Any]]]:
    """(pointer, row) of Athena's answer: `ResultSet.Rows[].Data[].VarCharValue`, the first is the header."""
    inside = isinstance(value, dict) and "ResultSet" in value
    result = value.get("ResultSet", value) if isinstance(value, dict) else None
    listed = result.get("Rows") if isinstance(result, dict) else None
    if not isinstance(listed, list):
        return []
    cells = [
        (i, [d.get("VarCharValue") if isinstance(d, dict) else None for d in row["Data"]])
        for i, row in enumerate(listed)
        if isinstance(row, dict) and isinstance(row.get("Data"), list)
    ]
    header = [n for n in cells[0][1] if isinstance(n, str)] if cells else []
    if len(cells) < 2 or len(header) != len(cells[0][1]):
        return []
    at = "/ResultSet/Rows" if inside else "/Rows"
    return [(f"{at}/{i}", dict(zip(header, row, strict=False))) for i, row in cells[1:]]


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()
