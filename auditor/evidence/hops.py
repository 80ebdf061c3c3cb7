"""The inputs put in the order in which a call passes them: the hops of a chain, whatever their order was.

What an input is follows from its layer, its format and the name that the user gave it; which of two hops of
one layer comes first follows from the times of the calls that both log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cmp_to_key

import polars as pl

from auditor.catalogue.words import LAYERS
from auditor.evidence.schema import Table


@dataclass(frozen=True)
class Hop:
    """One place that a call passes, and the inputs (by number) that were written there."""

    layer: str
    name: str
    inputs: tuple[int, ...]


IDS = ("attempt_id", "response_id", "request_id", "trace_id")
_Group = tuple[tuple[str, str, str | None], list[int]]  # layer, format and alias; the inputs


def chain(tables: Sequence[Table]) -> list[Hop]:
    """The hops in the order of their layers; within a layer proxies first, then by when their calls begin.

    Inputs of one layer and format are one hop, unless the user gave them names of their own.
    """
    groups: dict[tuple[str, str, str | None], list[int]] = {}
    for number, table in enumerate(tables):
        groups.setdefault((table.layer, table.format, table.alias), []).append(number)

    def compared(a: _Group, b: _Group) -> int:
        return _compared(tables, a, b)

    order = sorted(groups.items(), key=cmp_to_key(compared))
    return [Hop(key[0], _name(tables, numbers, key[2]), tuple(numbers)) for key, numbers in order]


def _is_proxy(table: Table) -> bool:
    """Whether an input is the log of a proxy, which passes a call on to a gateway or a provider."""
    known = table.formats.get(table.format)
    return known is not None and known.proxy


def _compared(tables: Sequence[Table], a: _Group, b: _Group) -> int:
    """Negative where calls pass one group before the other, positive where behind it."""
    places = [(LAYERS.index(key[0]), not _is_proxy(tables[numbers[0]])) for key, numbers in (a, b)]
    if places[0] != places[1]:
        return -1 if places[0] < places[1] else 1
    begun = _begins_first(tables, a[1], b[1]) if a[0][0] != "billing" else 0
    names = [(key[1], key[2] or "", sorted(tables[n].input for n in numbers)) for key, numbers in (a, b)]
    return begun or (names[0] > names[1]) - (names[0] < names[1])


def _begins_first(tables: Sequence[Table], a: Sequence[int], b: Sequence[int]) -> int:
    """-1 where most calls that share an id begin earlier in the inputs `a`, 1 where later, else 0."""
    pairs = _starts(tables, a).join(_starts(tables, b), on=["name", "id"], suffix="_b")
    signs = (pairs["at"] - pairs["at_b"]).sign().sum()
    return int(signs > 0) - int(signs < 0)


def _starts(tables: Sequence[Table], numbers: Sequence[int]) -> pl.DataFrame:
    """When each id is first seen: `name` of the field, `id`, `at` in ns."""
    parts = [pl.DataFrame(schema={"name": pl.String, "id": pl.String, "at": pl.Int64})]
    for frame in (tables[number].frame for number in numbers):
        for name in IDS if "started_at" in frame.columns else ():
            if name in frame.columns:
                ids = frame.filter(pl.col(name).is_not_null(), pl.col("started_at").is_not_null())
                parts.append(
                    ids.select(
                        pl.lit(name).alias("name"),
                        pl.col(name).cast(pl.String).alias("id"),
                        pl.col("started_at").cast(pl.Int64).alias("at"),
                    )
                )
    return pl.concat(parts).group_by("name", "id").agg(pl.col("at").min())


def _name(tables: Sequence[Table], numbers: Sequence[int], alias: str | None) -> str:
    """What a hop is called: its user's name, its only input's, or the first one's and how many more."""
    first = min(tables[number].input for number in numbers)
    return alias or (first if len(numbers) == 1 else f"{first} and {len(numbers) - 1} more")
