"""The columns of a table by name, those of a long table compressed in memory until they are read.

A store is immutable: adding or dropping columns gives another store that shares the rest.
"""

from __future__ import annotations

import io
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from auditor.evidence.arrays import Rows

LONG = 200_000  # rows from which columns are packed: shorter ones are faster unpacked


def is_long(height: int) -> bool:
    """Whether a table of so many rows is packed, and read column by column."""
    return height > LONG


@dataclass(frozen=True)
class EmptyColumn:
    """A column without a value: it takes no memory."""

    dtype: pl.DataType
    height: int

    @property
    def null_count(self) -> int:
        """All rows."""
        return self.height

    def values(self) -> pl.Series:
        """The column."""
        return pl.Series([None], dtype=self.dtype).new_from_index(0, self.height)


@dataclass(frozen=True)
class PackedColumn:
    """A column as compressed Arrow, one block a table; a table without it is the number of its rows."""

    blocks: tuple[bytes | int, ...]
    dtype: pl.DataType
    null_count: int

    def values(self) -> pl.Series:
        """The column, unpacked."""
        return pl.concat([self._block(block) for block in self.blocks], rechunk=False)

    def _block(self, block: bytes | int) -> pl.Series:
        if isinstance(block, int):
            return EmptyColumn(self.dtype, block).values()
        return pl.read_ipc_stream(io.BytesIO(block)).to_series().cast(self.dtype)


Cell = pl.Series | EmptyColumn | PackedColumn


class Store(Mapping[str, pl.Series]):
    """Columns of one height; with `rows`, only the rows where that is true."""

    def __init__(self, cells: Mapping[str, Cell], height: int, rows: Rows | None = None) -> None:
        self._cells, self._whole = cells, height
        self._rows = None if rows is None or rows.all() else pl.Series(rows)
        self.height = height if self._rows is None else int(self._rows.sum())

    def __getitem__(self, name: str) -> pl.Series:
        cell = self._cells[name]
        values = cell if isinstance(cell, pl.Series) else cell.values()
        return (values if self._rows is None else values.filter(self._rows)).alias(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)

    def __contains__(self, name: object) -> bool:
        return name in self._cells

    @property
    def columns(self) -> list[str]:
        """The names."""
        return list(self._cells)

    def dtype(self, name: str) -> pl.DataType:
        """The type of a column."""
        return self._cells[name].dtype

    def is_empty(self, name: str) -> bool:
        """Whether a column has no value in any row of the table."""
        cell = self._cells[name]
        nulls = cell.null_count() if isinstance(cell, pl.Series) else cell.null_count
        return nulls == self._whole

    def select(self, *exprs: str | pl.Expr | pl.Series | Iterable[str | pl.Expr]) -> pl.DataFrame:
        """Some columns, or expressions over them."""
        flat = [
            e for expr in exprs for e in ([expr] if isinstance(expr, (str, pl.Expr, pl.Series)) else expr)
        ]
        if all(isinstance(expr, str) for expr in flat):
            return pl.DataFrame([self[str(name)] for name in flat])
        return self._frame(flat).select(flat)

    def evaluate(self, exprs: Sequence[pl.Expr]) -> list[pl.Series]:
        """Expressions over the table as columns of its height; a single value is repeated for every row."""
        names = [expr.meta.output_name() for expr in exprs]
        frame = self._frame(exprs).with_columns(exprs)
        return [frame[name] for name in names]

    def _frame(self, exprs: Iterable[str | pl.Expr | pl.Series]) -> pl.DataFrame:
        """The columns that some expressions read."""
        roots: dict[str, None] = {}
        for expr in exprs:
            if isinstance(expr, str):
                roots[expr] = None
            elif isinstance(expr, pl.Expr):
                roots |= dict.fromkeys(expr.meta.root_names())
        # an expression that reads no column still has a height
        return pl.DataFrame([self[name] for name in roots] or [EmptyColumn(pl.Int8(), self.height).values()])

    def with_columns(self, columns: Iterable[pl.Series | tuple[str, pl.DataType]]) -> Store:
        """With columns added or replaced; a name and a type make a column without values."""
        assert self._rows is None
        cells = dict(self._cells)
        for column in columns:
            if isinstance(column, pl.Series):
                assert len(column) == self._whole
                cells[column.name] = column
            else:
                cells[column[0]] = EmptyColumn(column[1], self._whole)
        return Store(cells, self._whole)

    def pack(self, names: Iterable[str]) -> Store:
        """With some columns packed, where the table is long."""
        if not is_long(self._whole):
            return self
        cells = dict(self._cells)
        for name in names:
            cell = cells[name]
            if isinstance(cell, pl.Series):
                cells[name] = _packed([cell], [self._whole], cell.dtype)
        return Store(cells, self._whole)

    def drop(self, names: Iterable[str]) -> Store:
        """Without some columns."""
        dropped = frozenset(names)
        return Store({name: cell for name, cell in self._cells.items() if name not in dropped}, self._whole)

    def filter(self, rows: Rows) -> Store:
        """Some of its rows: those where `rows` is true."""
        return Store(self._cells, self._whole, rows)


def stack(frames: list[pl.DataFrame], plain: Container[str] = ()) -> Store:
    """Tables one below the other; where columns differ in type, the wider type is used.

    `frames` is emptied, so that a long table is in memory once, column by column. The columns `plain`, which
    every step needs, are never packed.
    """
    heights = [frame.height for frame in frames]
    dtypes = pl.concat([frame.clear() for frame in frames], how="diagonal_relaxed").schema
    parts = [{column.name: column for column in frame} for frame in frames]
    frames.clear()
    cells: dict[str, Cell] = {}
    for name, dtype in dtypes.items():
        combine = _packed if is_long(sum(heights)) and name not in plain else _concat
        cells[name] = combine([part.pop(name, None) for part in parts], heights, dtype)
    return Store(cells, sum(heights))


def _concat(parts: Sequence[pl.Series | None], heights: Sequence[int], dtype: pl.DataType) -> pl.Series:
    series = [
        EmptyColumn(dtype, n).values() if part is None else part.cast(dtype)
        for part, n in zip(parts, heights, strict=True)
    ]
    return series[0] if len(series) == 1 else pl.concat(series, rechunk=True)


def _packed(parts: Sequence[pl.Series | None], heights: Sequence[int], dtype: pl.DataType) -> PackedColumn:
    blocks: list[bytes | int] = []
    nulls = 0
    for part, height in zip(parts, heights, strict=True):
        if part is None or part.null_count() == height:
            blocks.append(height)
            nulls += height
        else:
            blocks.append(_bytes(part))
            nulls += part.null_count()
    return PackedColumn(tuple(blocks), dtype, nulls)


def _bytes(column: pl.Series) -> bytes:
    out = io.BytesIO()
    pl.DataFrame([column.alias("")]).write_ipc_stream(out, compression="zstd")
    return out.getvalue()


def concat(batches: list[pl.DataFrame]) -> pl.DataFrame:
    """The batches of one table as one; `batches` is emptied, and at most one column is in memory twice."""
    frame = pl.concat(batches, how="diagonal_relaxed")
    batches.clear()
    columns = {column.name: column for column in frame}
    del frame
    return pl.DataFrame([columns.pop(name).rechunk() for name in list(columns)])
