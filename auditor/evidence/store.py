"""A long table's columns by name: packed while nobody looks at them, unpacked for whoever asks.

It knows no column by its name and changes none: what adds or drops gives another store that shares the rest.
"""

from __future__ import annotations

import io
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from auditor.evidence.arrays import Rows

LONG = 200_000  # rows from which columns are packed: shorter ones are quicker as they are


def is_long(height: int) -> bool:
    """Whether a table of so many rows is held packed, and asked of bit by bit."""
    return height > LONG


@dataclass(frozen=True)
class Empty:
    """A column without a value: it takes no room."""

    dtype: pl.DataType
    height: int

    @property
    def null_count(self) -> int:
        """Every row."""
        return self.height

    def values(self) -> pl.Series:
        """The column, made anew."""
        return pl.Series([None], dtype=self.dtype).new_from_index(0, self.height)


@dataclass(frozen=True)
class Packed:
    """A column as compressed Arrow, a block a table; a table that lacks it is the number of its rows."""

    blocks: tuple[bytes | int, ...]
    dtype: pl.DataType
    null_count: int

    def values(self) -> pl.Series:
        """The column as it was."""
        return pl.concat([self._block(block) for block in self.blocks], rechunk=False)

    def _block(self, block: bytes | int) -> pl.Series:
        if isinstance(block, int):
            return Empty(self.dtype, block).values()
        return pl.read_ipc_stream(io.BytesIO(block)).to_series().cast(self.dtype)


Cell = pl.Series | Empty | Packed


class Store(Mapping[str, pl.Series]):
    """Columns of one height; with `rows`, only the rows where it holds."""

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
        """Whether a column holds no value in any row of the table."""
        cell = self._cells[name]
        nulls = cell.null_count() if isinstance(cell, pl.Series) else cell.null_count
        return nulls == self._whole

    def select(self, *exprs: str | pl.Expr | pl.Series | Iterable[str | pl.Expr]) -> pl.DataFrame:
        """Some columns, or what expressions make of them."""
        given = [e for one in exprs for e in ([one] if isinstance(one, (str, pl.Expr, pl.Series)) else one)]
        if all(isinstance(one, str) for one in given):
            return pl.DataFrame([self[str(one)] for one in given])
        return self._frame(given).select(given)

    def made(self, exprs: Sequence[pl.Expr]) -> list[pl.Series]:
        """Columns of the table's height; one value stands for every row."""
        names = [expr.meta.output_name() for expr in exprs]
        made = self._frame(exprs).with_columns(exprs)
        return [made[name] for name in names]

    def _frame(self, exprs: Iterable[str | pl.Expr | pl.Series]) -> pl.DataFrame:
        """The columns that some expressions read."""
        roots: dict[str, None] = {}
        for one in exprs:
            if isinstance(one, str):
                roots[one] = None
            elif isinstance(one, pl.Expr):
                roots |= dict.fromkeys(one.meta.root_names())
        # what reads no column still has a height
        return pl.DataFrame([self[name] for name in roots] or [Empty(pl.Int8(), self.height).values()])

    def plus(self, columns: Iterable[pl.Series | tuple[str, pl.DataType]]) -> Store:
        """With more columns, or others in their place; a name and a type: a column without values."""
        assert self._rows is None
        cells = dict(self._cells)
        for one in columns:
            if isinstance(one, pl.Series):
                assert len(one) == self._whole
                cells[one.name] = one
            else:
                cells[one[0]] = Empty(one[1], self._whole)
        return Store(cells, self._whole)

    def packed(self, names: Iterable[str]) -> Store:
        """With some columns packed, where the table is long."""
        if not is_long(self._whole):
            return self
        cells = dict(self._cells)
        for name in names:
            cell = cells[name]
            if isinstance(cell, pl.Series):
                cells[name] = _packed([cell], [self._whole], cell.dtype)
        return Store(cells, self._whole)

    def without(self, names: Iterable[str]) -> Store:
        """Without some columns."""
        gone = frozenset(names)
        return Store({name: cell for name, cell in self._cells.items() if name not in gone}, self._whole)

    def where(self, rows: Rows) -> Store:
        """Some rows of it."""
        return Store(self._cells, self._whole, rows)


def stacked(frames: list[pl.DataFrame], plain: Container[str] = ()) -> Store:
    """Tables one below the other; where columns differ in type, the wider one holds.

    `frames` is emptied, so that a long table is held once, column by column. What every step needs, `plain`,
    is never packed.
    """
    heights = [frame.height for frame in frames]
    dtypes = pl.concat([frame.clear() for frame in frames], how="diagonal_relaxed").schema
    parts = [{column.name: column for column in frame} for frame in frames]
    frames.clear()
    cells: dict[str, Cell] = {}
    for name, dtype in dtypes.items():
        cell = _packed if is_long(sum(heights)) and name not in plain else _joined
        cells[name] = cell([part.pop(name, None) for part in parts], heights, dtype)
    return Store(cells, sum(heights))


def _joined(parts: Sequence[pl.Series | None], heights: Sequence[int], dtype: pl.DataType) -> pl.Series:
    held = [
        Empty(dtype, n).values() if part is None else part.cast(dtype)
        for part, n in zip(parts, heights, strict=True)
    ]
    return held[0] if len(held) == 1 else pl.concat(held, rechunk=True)


def _packed(parts: Sequence[pl.Series | None], heights: Sequence[int], dtype: pl.DataType) -> Packed:
    blocks: list[bytes | int] = []
    nulls = 0
    for part, height in zip(parts, heights, strict=True):
        if part is None or part.null_count() == height:
            blocks.append(height)
            nulls += height
        else:
            blocks.append(_bytes(part))
            nulls += part.null_count()
    return Packed(tuple(blocks), dtype, nulls)


def _bytes(column: pl.Series) -> bytes:
    out = io.BytesIO()
    pl.DataFrame([column.alias("")]).write_ipc_stream(out, compression="zstd")
    return out.getvalue()


def joined(batches: list[pl.DataFrame]) -> pl.DataFrame:
    """The batches of one table as one; `batches` is emptied, and no column but one is held twice."""
    frame = pl.concat(batches, how="diagonal_relaxed")
    batches.clear()
    columns = {column.name: column for column in frame}
    del frame
    return pl.DataFrame([columns.pop(name).rechunk() for name in list(columns)])
