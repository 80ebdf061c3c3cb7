"""Types of the NumPy arrays with one entry a record or a call, and their use as row numbers and codes."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

Rows: TypeAlias = npt.NDArray[np.bool_]  # which rows
Codes: TypeAlias = npt.NDArray[np.int8]  # a verdict or a cause a call
Ints: TypeAlias = npt.NDArray[np.signedinteger[Any]]  # counts, nano-dollars, or numbers of rows and names

SMALL = 2_000  # rows up to which plain lists are faster than queries


def index_of(rows: Ints) -> pl.Series:
    """Row numbers as a column: null where there is none."""
    if len(rows) <= SMALL:
        return pl.Series([row if row >= 0 else None for row in rows.tolist()], dtype=pl.UInt32)
    return pl.Series(rows).set(pl.Series(rows < 0), None).cast(pl.UInt32)


def gather(values: pl.Series, rows: Ints) -> pl.Series:
    """The values at some rows, null where the row is -1."""
    return values[index_of(rows)]


def encode(values: pl.Series) -> tuple[list[str], Ints]:
    """The distinct names of a column, sorted, and for each row the number of its name, -1 for none."""
    if len(values) <= SMALL:
        items = values.to_list()
        names = sorted({v for v in items if v is not None})
        numbers = {name: n for n, name in enumerate(names)}
        codes = pl.Series([-1 if v is None else numbers[v] for v in items], dtype=pl.Int64).to_numpy()
        return [str(name) for name in names], codes
    names = [str(v) for v in values.drop_nulls().unique().sort().to_list()]
    return names, values.rank("dense").fill_null(0).cast(pl.Int64).to_numpy() - 1
