"""How the modules of this package declare their columns; `columns` collects the declarations."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from auditor.evidence.table import Columns, Evidence


def always(_: Evidence, *_groups: str) -> bool:
    """No condition."""
    return True


def several_hops(evidence: Evidence, *_groups: str) -> bool:
    """Whether the inputs are of more than one hop."""
    return len(evidence.hops) > 1


def has_parents(evidence: Evidence, *_groups: str) -> bool:
    """Whether any record names its parent."""
    return evidence.parent is not None


@dataclass(frozen=True)
class RelatedColumn:
    """Columns that one function computes, by a pattern of their names.

    The first group of the pattern is the field; `{}` in a column's name stands for it. `make` gets the
    evidence and the groups, and returns columns by name: none where all are null.
    A column has values where each of its `sources` has some and `exists_when` is true.
    """

    pattern: str
    make: Callable[..., Columns]
    needs: tuple[str, ...] = ()  # columns that `make` reads; those that the table lacks are added as nulls
    sources: tuple[str, ...] = ()
    exists_when: Callable[..., bool] = always
    dtype: type[pl.DataType] | None = None  # None: that of the field
    rests_on: str | None = None  # the column whose slot says where the value is from; None: its own slot
    place: str | None = None  # the prefix of a column with the value that a field has at another record

    def groups(self, name: str) -> tuple[str, ...] | None:
        """The groups of the pattern in a column's name; None where it does not match."""
        match = re.fullmatch(self.pattern, name)
        return match.groups() if match else None


def value_at(
    place: str,
    make: Callable[..., Columns],
    sources: tuple[str, ...] = ("{}",),
    exists_when: Callable[..., bool] = always,
) -> RelatedColumn:
    """The value that a field has at another record, and its slot: `parent_model`, `parent_model_slot`."""
    pattern = rf"{place}_(?!id(?:_|$))(.+?)(?:_slot)?"  # `trace_id` is a field
    return RelatedColumn(pattern, make, ("{}", "{}_slot"), sources, exists_when, place=place)
