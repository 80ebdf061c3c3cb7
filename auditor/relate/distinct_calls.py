"""Each call once over all hops: the record that represents it, and hops that may show the same traffic.

Records that share an id are one call; every other record is a call of its own. Hops whose calls only look
alike are alternatives, of which one is counted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, product
from typing import TypeVar

import numpy as np
import polars as pl

from auditor.evidence.ancestry import nearest
from auditor.evidence.arrays import Ints, Rows
from auditor.evidence.table import Evidence, once_per_table
from auditor.relate.joins import Links, first_delivery, links
from auditor.relate.models import model_key

ALIKE = 0.5  # of the smaller hop's calls: from there on two hops without a shared id look like one traffic
WORTH = 0.1  # of the larger hop's calls: what is counted twice below that changes no figure much
WINDOW_NS = 60_000_000_000
Node = TypeVar("Node")


@dataclass(frozen=True)
class Distinct:
    """Arrays over the rows of the table; a row number is -1 where there is none.

    `counted` marks the records that represent one call each, and `counted_as` gives for each record the one
    that represents it: the last of several attempts below it. `uncounted_under` is the record above, for
    records of a hop that is not counted because another hop shows the same calls.
    """

    counted: Rows
    counted_as: Ints
    uncounted_under: Ints
    parent: Ints
    hop: Ints


@dataclass(frozen=True)
class LookAlike:
    """Two groups of hops, by number, that agree in model, tokens and minute on most calls and share no id."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    pairs: int  # calls that agree
    calls: int  # of the smaller of the two hops in which they agree


def distinct(evidence: Evidence, without: Collection[int] = ()) -> Distinct | None:
    """Each call once, leaving out some hops by number; None where fewer than two hops log single calls.

    A call that a later hop shows as several attempts is as many calls. Where two later hops show it, the one
    with more attempts is counted, else the last.
    """
    return _distinct_without(evidence, frozenset(without))


@once_per_table(of_joins=True)
def _distinct_without(evidence: Evidence, without: frozenset[int]) -> Distinct | None:
    joined = links(evidence)
    if joined is None:
        return None
    logs = [rows for number, rows in enumerate(joined.logs) if number not in without]
    return _distinct(joined.up, joined, logs)


def with_tokens(evidence: Evidence, has_tokens: Rows, without: Collection[int] = ()) -> Ints:
    """The last record with tokens of each call, leaving out some hops."""
    joined = links(evidence)
    if joined is None:
        return np.flatnonzero(has_tokens)
    logs = [rows[has_tokens[rows]] for number, rows in enumerate(joined.logs) if number not in without]
    return np.flatnonzero(_distinct(nearest(joined.up, has_tokens), joined, logs).counted)


def _distinct(up: Ints, joined: Links, logs: Sequence[Ints]) -> Distinct:
    hop, order = joined.hop, joined.order
    calls = np.ones(len(up), dtype=np.int32)  # that a record and those below it show
    aside = np.zeros(len(up), dtype=bool)
    below = np.full(len(up), -1, dtype=np.int32)  # the last record of the hop that is counted
    linked = np.concatenate([np.zeros(0, np.int64), *logs])
    linked = linked[up[linked] >= 0]
    for rows in reversed(logs):
        lower = linked[hop[up[linked]] == hop[rows[0]]] if len(rows) else rows
        if not len(lower):
            continue
        lower = lower[np.argsort(order[lower])]
        children = pl.DataFrame({"row": lower, "parent": up[lower], "hop": hop[lower], "calls": calls[lower]})
        grouped = children.group_by("parent", "hop", maintain_order=True)
        hops = grouped.agg(pl.col("calls").sum(), pl.col("row").last())
        most = hops.sort("calls", "hop").group_by("parent", maintain_order=True).last()
        parent = most["parent"].to_numpy()
        calls[parent], below[parent] = most["calls"].to_numpy(), most["row"].to_numpy()
        other = children.join(most.select("parent", "hop"), on=["parent", "hop"], how="anti")
        aside[other["row"].to_numpy()] = True
    uncounted_under, counted = np.full(len(up), -1, dtype=np.int32), np.zeros(len(up), dtype=bool)
    for rows in logs:
        above = up[rows]
        uncounted_under[rows] = np.where(aside[rows], above, np.where(above >= 0, uncounted_under[above], -1))
        counted[rows] = (below[rows] < 0) & (uncounted_under[rows] < 0)
    start = np.where(uncounted_under >= 0, uncounted_under, _rows_of(up))
    return Distinct(counted, _last(start, below), uncounted_under, up, hop)


def _rows_of(way: Ints) -> Ints:
    """The number of each row."""
    return np.arange(len(way), dtype=np.int32)


def _last(rows: Ints, way: Ints) -> Ints:
    """For each of some rows the last row that is reached by following `way`."""
    for _ in range(len(rows)):
        further = way[rows] >= 0
        if not further.any():
            break
        rows = np.where(further, way[rows], rows)
    return rows


@dataclass(frozen=True)
class CallPairs:
    """Which call each record shows, as pairs of rows of the table: a record, and one that represents a call.

    A record stands in as many pairs as it shows calls: one that a later hop shows as three attempts in three.
    """

    record: Ints
    call: Ints


def call_pairs(evidence: Evidence, without: Collection[int] = ()) -> CallPairs | None:
    """The calls of all records; None where each record is a call of its own.

    Records of a hop in `without` show the call that looks most like them, if any does.
    """
    first = first_delivery(evidence)
    again = np.flatnonzero(first != np.arange(len(first)))
    calls = distinct(evidence, without)
    if calls is None:
        if not len(again):
            return None
        logged = (evidence.frame["kind"] == "call").to_numpy()
        rows = np.flatnonzero(logged)
        return CallPairs(rows, first[rows])
    counted = np.flatnonzero(calls.counted)
    records, ones = [counted], [counted]
    above = calls.parent[counted]
    while (above >= 0).any():
        known = above >= 0
        records.append(above[known])
        ones.append(counted[known])
        above = np.where(known, calls.parent[np.maximum(above, 0)], -1)
    siblings = np.flatnonzero((calls.uncounted_under >= 0) & calls.counted[calls.counted_as])
    records.append(siblings)
    ones.append(calls.counted_as[siblings])
    joined = links(evidence)
    if without and joined is not None:
        rows = np.concatenate([joined.logs[number] for number in without])
        like = np.where(joined.weak[rows] >= 0, joined.weak[rows], joined.weak_down[rows])
        like = np.where(like >= 0, calls.counted_as[np.maximum(like, 0)], -1)
        known = (like >= 0) & calls.counted[np.maximum(like, 0)]
        records.append(rows[known])
        ones.append(like[known])
    pairs = pl.DataFrame({"record": np.concatenate(records), "call": np.concatenate(ones)},
                         schema={"record": pl.Int64, "call": pl.Int64})  # fmt: skip
    if len(again):
        twins = pl.DataFrame({"again": again, "record": first[again]})
        more = twins.join(pairs, on="record").select(pl.col("again").alias("record"), "call")
        pairs = pl.concat([pairs, more])
    pairs = pairs.unique().sort("record", "call")
    return CallPairs(pairs["record"].to_numpy(), pairs["call"].to_numpy())


def once(calls: Distinct, figure: Ints) -> Ints:
    """A figure by row of the table, moved to the counted records so that each call has it once.

    Where no counted record of a group has the figure, it is taken from the last hop before them that has.
    """
    out = np.where(calls.counted, figure, 0)
    top = _last(_rows_of(calls.parent), calls.parent)
    has_figure = np.zeros(len(figure), dtype=bool)
    has_figure[top[out != 0]] = True
    rows = np.flatnonzero((figure != 0) & ~has_figure[top] & calls.counted[calls.counted_as])
    if len(rows):
        spare = pl.DataFrame({"top": top[rows], "hop": calls.hop[rows], "row": calls.counted_as[rows],
                              "figure": figure[rows]})  # fmt: skip
        last = spare.filter(pl.col("hop") == pl.col("hop").max().over("top"))
        np.add.at(out, last["row"].to_numpy(), last["figure"].to_numpy())
    return out


def alternatives(evidence: Evidence) -> list[frozenset[int]]:
    """The hops to leave out so that no traffic is counted twice, one set for each way to do so.

    One empty set where every hop counts. The first set keeps the hops nearest to the provider.
    """
    pairs = look_alikes(evidence)
    if not pairs:
        return [frozenset()]
    groups = sorted({group for pair in pairs for group in (pair.before, pair.after)}, reverse=True)
    rivals = _components(groups, [(pair.before, pair.after) for pair in pairs])
    most = max(map(len, rivals))
    return [
        frozenset(
            hop for rival in rivals for n, group in enumerate(rival) if n != way % len(rival) for hop in group
        )
        for way in range(most)
    ]


@once_per_table(of_joins=True)
def look_alikes(evidence: Evidence) -> list[LookAlike]:
    """The groups of joined hops that may show the same traffic although no id says so."""
    joined = links(evidence)
    return _look_alikes(evidence, joined) if joined else []


def strangers(evidence: Evidence) -> list[tuple[int, int]]:
    """Pairs of neighbouring hops of which no call is in both by any id, and which do not look alike."""
    joined = links(evidence)
    if joined is None:
        return []
    top = _last(_rows_of(joined.up), joined.up)
    alike = {pair for known in look_alikes(evidence) for pair in product(known.before, known.after)}
    logging = [number for number, rows in enumerate(joined.logs) if len(rows)]
    return [
        (before, after)
        for before, after in pairwise(logging)
        if (before, after) not in alike and not _shared(top, joined.logs[before], joined.logs[after]).any()
    ]


def _shared(top: Ints, rows: Ints, others: Ints) -> Rows:
    """Which of some records are of a call that others show too; `top` is the first record of each call."""
    seen = np.zeros(len(top), dtype=bool)
    seen[top[others]] = True
    out: Rows = seen[top[rows]]
    return out


def _look_alikes(evidence: Evidence, joined: Links) -> list[LookAlike]:
    top = _last(_rows_of(joined.up), joined.up)
    logging = [number for number, rows in enumerate(joined.logs) if len(rows)]
    alike: dict[tuple[int, int], tuple[int, int]] = {}
    together = []
    for before, after in combinations(logging, 2):
        above, below = joined.logs[before], joined.logs[after]
        shared = _shared(top, below, above)
        pairs = _agreeing(evidence, above[~_shared(top, above, below)], below[~shared])
        least, most = sorted((len(above), len(below)))
        if pairs > int(shared.sum()) and pairs >= ALIKE * least and pairs >= WORTH * most:
            alike[before, after] = pairs, least
        elif shared.any():
            together.append((before, after))
    groups = {hop: group for group in map(tuple, _components(logging, together)) for hop in group}
    out: dict[tuple[tuple[int, ...], tuple[int, ...]], LookAlike] = {}
    for (before, after), (pairs, least) in alike.items():
        key = groups[before], groups[after]
        if key[0] != key[1] and (key not in out or out[key].pairs < pairs):
            out[key] = LookAlike(*key, pairs, least)
    return list(out.values())


def _agreeing(evidence: Evidence, above: Ints, below: Ints) -> int:
    """How many calls of two hops agree one to one in model, tokens and minute; 0 where one logs no tokens."""
    here, there = _marks(evidence, above), _marks(evidence, below)
    if here is None or there is None:
        return 0
    best = 0
    for shift in (0, WINDOW_NS // 2):  # a minute that ends between two records of one call hides them
        minute = ((pl.col("started_at") + shift) // WINDOW_NS).alias("minute")
        counts = [side.group_by("model", "input", "output", minute).len() for side in (here, there)]
        both = counts[0].join(counts[1], on=["model", "input", "output", "minute"], suffix="_below")
        best = max(best, int(both.select(pl.min_horizontal("len", "len_below").sum()).item() or 0))
    return best


def _marks(evidence: Evidence, rows: Ints) -> pl.DataFrame | None:
    """Time, model and tokens of the calls of a hop, to compare calls without ids; None where it logs none."""
    kinds = {"tokens_input": "input", "tokens_output": "output"}
    if not all(evidence.has(name) for name in (*kinds, "model")):
        return None
    calls = evidence.frame.select("started_at", *kinds, "model")[rows].rename(kinds)
    calls = calls.with_columns(model_key(calls["model"]).alias("model"))
    calls = calls.filter(pl.col("input") > 0, pl.col("output") > 0).drop_nulls()
    return calls if calls.height else None


def _components(nodes: Sequence[Node], edges: Iterable[tuple[Node, Node]]) -> list[list[Node]]:
    """Nodes that edges connect, directly or through others; each part and its nodes in their given order."""
    part = {node: n for n, node in enumerate(nodes)}
    for a, b in edges:
        old, new = part[a], part[b]
        part = {node: new if n == old else n for node, n in part.items()}
    return [[node for node in nodes if part[node] == n] for n in dict.fromkeys(part.values())]
