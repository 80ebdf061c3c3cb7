"""The one table that rules see: all records of all inputs, where each value came from, and the hops."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, wraps
from typing import Concatenate, NamedTuple, ParamSpec, TypeVar, cast

import numpy as np
import polars as pl

from auditor.catalogue.fields import Catalogue
from auditor.evidence.arrays import Ints
from auditor.evidence.hops import HopInputs
from auditor.evidence.schema import Slot, Table
from auditor.evidence.store import Store

Series = dict[str, pl.Series]
Columns = Mapping[str, pl.Series | pl.Expr]
IS_CALL = pl.col("kind") == "call"
IS_TOTAL = pl.col("kind") == "total"
P = ParamSpec("P")
T = TypeVar("T")


class ResultKey(NamedTuple):
    """A function that was called with a table, its other arguments, and whether its result is about joins."""

    function: Callable[..., object]
    arguments: tuple[Hashable, ...]
    of_joins: bool


@dataclass
class Evidence:
    """The columns of all records, with the slots that its `*_slot` columns point to."""

    frame: Store
    slots: list[Slot]
    tables: list[Table]
    catalogue: Catalogue
    parent: Ints | None = None  # row of the parent record in the same hop, or -1
    caller: Ints | None = None  # row of the parent record in another hop, or -1
    hops: list[HopInputs] = field(default_factory=list)
    results: dict[ResultKey, object] = field(default_factory=dict)  # of functions under `once_per_table`
    record_at: Callable[[int], object] | None = None  # the record of a row, as its input has it
    vocabularies: Mapping[str, Sequence[str]] = field(default_factory=dict)  # the policy's, by field
    patterns: Mapping[str, str] = field(default_factory=dict)  # for whole values
    totals_of: int | None = None  # the input whose totals are judged in place of calls, where there are none

    @cached_property
    def layers(self) -> frozenset[str]:
        """The layers at which anything in the table was recorded."""
        return frozenset(t.layer for t in self.tables) | set(self.frame["layer"].unique().to_list())

    def has(self, column: str) -> bool:
        """Whether the table has a column."""
        return column in self.frame

    def put(self, *columns: pl.Series | pl.Expr | tuple[str, pl.DataType]) -> None:
        """Add columns to the table, or replace existing ones; a name and a type make a column of nulls."""
        exprs = [column for column in columns if isinstance(column, pl.Expr)]
        given = [column for column in columns if not isinstance(column, pl.Expr)]
        self.frame = self.frame.with_columns([*given, *(self.frame.evaluate(exprs) if exprs else ())])

    def fill(self, name: str, values: pl.Expr, slot: Slot | pl.Expr) -> None:
        """Give a field a derived value where it has none of its own; `slot` says what it was derived from.

        It is one slot for all, or the numbers of slots that the table has already.
        """
        frame = self.frame
        if isinstance(slot, Slot):
            self.slots.append(slot)
            slot = pl.lit(len(self.slots) - 1, pl.Int32)
        own = pl.col(name) if name in frame else pl.lit(None, values_dtype(self, name))
        slots = pl.col(f"{name}_slot") if name in frame else pl.lit(None, pl.Int32)
        derived = own.is_null() & values.is_not_null()
        self.put(
            pl.when(derived).then(slot).otherwise(slots).alias(f"{name}_slot"),
            own.fill_null(values).alias(name),
        )
        if f"{name}_blank" in frame:
            blank = pl.when(pl.col(name).is_null()).then(pl.col(f"{name}_blank"))
            self.put(blank.alias(f"{name}_blank"))

    def copy(self) -> Evidence:
        """The same table, to which columns, slots and results can be added apart from this one."""
        return replace(self, slots=list(self.slots), results=dict(self.results))

    def with_joins_of(self, other: Evidence) -> Evidence:
        """This table with what is known of another one's joins, for the same records with other values."""
        return replace(self, results={key: value for key, value in other.results.items() if key.of_joins})


def once_per_table(
    *, of_joins: bool = False
) -> Callable[[Callable[Concatenate[Evidence, P], T]], Callable[Concatenate[Evidence, P], T]]:
    """Compute a function of a table once for each of its (hashable) arguments; the table keeps the results.

    `of_joins` marks results about which records are one call: other values on the same records do not change
    them.
    """

    def decorate(
        compute: Callable[Concatenate[Evidence, P], T],
    ) -> Callable[Concatenate[Evidence, P], T]:
        @wraps(compute)
        def computed(evidence: Evidence, /, *args: P.args, **kwargs: P.kwargs) -> T:
            key = ResultKey(compute, (*args, *sorted(kwargs.items())), of_joins)
            if key not in evidence.results:
                evidence.results[key] = compute(evidence, *args, **kwargs)
            return cast(T, evidence.results[key])

        return computed

    return decorate


def hop_of(evidence: Evidence) -> Ints:
    """For each row the number of its hop."""
    numbers = np.zeros(len(evidence.tables), dtype=np.int32)
    for n, hop in enumerate(evidence.hops):
        numbers[list(hop.inputs)] = n
    out: Ints = numbers[evidence.frame["input"].to_numpy()]
    return out


def values_dtype(evidence: Evidence, name: str) -> pl.DataType:
    """The Polars type of a field's column."""
    kind = evidence.catalogue.fields[name].type
    return {"int": pl.Int64(), "money": pl.Int64(), "duration": pl.Float64()}.get(kind, pl.String())
