"""The inputs put in the order in which a call passes them: the hops of a chain.

It reads no record: what an input is follows from its layer, its format and the name that the user gave it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditor.model import LAYERS
from auditor.table import Table

# gateways that only pass a call on: they stand before the one that talks to the model's provider
PROXIES = frozenset({"nginx-json", "nginx-combined", "haproxy-http", "api-gateway-access-log"})


@dataclass(frozen=True)
class Hop:
    """One place that a call passes, and the inputs (by number) that were written there."""

    layer: str
    name: str
    inputs: tuple[int, ...]


def chain(tables: Sequence[Table]) -> list[Hop]:
    """The hops in the order of their layers; within a layer proxies first, then as the inputs were given.

    Inputs of one layer and format are one hop, unless the user gave them names of their own.
    """
    groups: dict[tuple[str, str, str | None], list[int]] = {}
    for number, table in enumerate(tables):
        groups.setdefault((table.layer, table.format, table.alias), []).append(number)
    order = sorted(groups.items(), key=lambda g: (LAYERS.index(g[0][0]), g[0][1] not in PROXIES, g[1][0]))
    return [Hop(key[0], _name(tables, numbers, key[2]), tuple(numbers)) for key, numbers in order]


def _name(tables: Sequence[Table], numbers: Sequence[int], alias: str | None) -> str:
    """What a hop is called: its user's name, its only input's, or the first one's and how many more."""
    first = tables[numbers[0]].input
    return alias or (first if len(numbers) == 1 else f"{first} and {len(numbers) - 1} more")
