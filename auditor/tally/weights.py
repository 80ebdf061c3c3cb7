"""What every figure of a report counts: each call once over all hops, each dollar once.

A unit is a call that was told apart, whatever number of records show it. Beside logs, a line of a bill is a
unit that counts no call: it has the money of the line that no call explains.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import polars as pl

from auditor.catalogue import prices
from auditor.evidence.arrays import Codes, Ints, Rows
from auditor.evidence.store import Store
from auditor.evidence.table import Evidence, hop_of
from auditor.relate.allocation import Allocation, allocation
from auditor.relate.columns import need
from auditor.relate.distinct_calls import CallPairs, call_pairs, distinct, once

MOST_NAMES = 1_000  # services, models or keys of which each is counted
ENOUGH = 0.95  # of the calls with tokens must have a cost, for shares to be weighted by cost
# best first: a call has a field if one of its hops has it
_RANK = np.array([0, 2, 1, 3], dtype=np.int8)  # of PRESENT, ABSENT, MIS_SCOPED, NOT_CARRIED
_CODE = np.argsort(_RANK).astype(np.int8)
_WORST = 3
Basis = Literal["observed", "estimated", "none"]
By = Literal["cost", "tokens", "calls"]


@dataclass(frozen=True)
class Billed:
    """The bill's side: for each line (a judged record) its own unit, its group and its explained money.

    `group` gives the group of each unit, -1 for none; `total` the explained money of each group.
    """

    record: Ints
    unit: Ints
    line_group: Ints
    explained: Ints
    group: Ints
    total: Ints


@dataclass(frozen=True)
class Members:
    """Which units each judged record shows, as pairs that are sorted by unit, then by hop."""

    record: Ints
    unit: Ints
    size: int  # of all units
    capacity: Ints  # rows of the table, of a bill's lines that sell a model without calls: the last units
    billed: Billed | None = None


@dataclass(frozen=True)
class Weights:
    """Arrays by unit: nano-dollars, tokens, calls, and the chosen weight; `records` are calls by record.

    Without `members` each judged record is its own unit. Where `totals` are judged, `count` is 0: none of
    them is a call, and `records` counts them.
    """

    cost: Ints
    tokens: Ints
    count: Ints
    weight: Ints
    basis: Basis
    by: By
    records: Ints
    members: Members | None = None
    totals: bool = False

    @property
    def judged(self) -> Ints:
        """What is judged, by unit: calls, or totals where there are no calls."""
        return self.records if self.totals else self.count

    def units(self, rows: Rows) -> Rows:
        """The units that some judged records show, and the calls that explain lines of a bill among them."""
        if self.members is None:
            return rows
        out = self.shown(rows)
        billed = self.members.billed
        if billed is not None:
            groups = billed.line_group[rows[billed.record]]
            hit = np.zeros(len(billed.total) + 1, dtype=bool)
            hit[groups] = True
            hit[-1] = False
            out |= hit[billed.group]
        return out

    def shown(self, rows: Rows) -> Rows:
        """The units that some judged records show."""
        members = self.members
        if members is None:
            return rows
        out = np.zeros(members.size, dtype=bool)
        out[members.unit[rows[members.record]]] = True
        return out

    def joined(self, rows: Rows) -> Rows:
        """All judged records of the calls that some records show."""
        if self.members is None:
            return rows
        units = self.shown(rows)  # the calls beside a line of a bill are of other principals, too
        out = rows.copy()
        out[self.members.record[units[self.members.unit]]] = True
        return out

    def calls(self, rows: Rows) -> int:
        """How many calls some records are about."""
        return int(self.count[self.units(rows)].sum())

    def money(self, rows: Rows) -> int:
        """Nano-dollars of the calls and lines that some records show, each once."""
        if self.members is None:
            return int(self.cost[rows].sum())
        shown = self.shown(rows)
        out = int(self.cost[shown].sum())
        billed = self.members.billed
        if billed is None:
            return out
        known = np.zeros(len(billed.total) + 1, dtype=np.int64)
        at = shown & (billed.group >= 0)
        np.add.at(known, billed.group[at], self.cost[at])
        whole = np.maximum(np.append(billed.total, 0), 1)
        lines = rows[billed.record] & (billed.line_group >= 0)
        groups = billed.line_group[lines]
        # of a line's explained money that part is new which no shown call has
        return out + int(np.round(billed.explained[lines] * (1 - known[groups] / whole[groups])).sum())

    def weighed(self, rows: Rows) -> int:
        """The chosen weight of some records."""
        return self.money(rows) if self.by == "cost" else int(self.weight[self.units(rows)].sum())

    def share(self, rows: Rows) -> float:
        """The part of all weight on some judged records, 0 to 1."""
        total = int(self.weight.sum())
        return min(1.0, self.weighed(rows) / total) if total else 0.0

    def share_of_units(self, units: Rows) -> float:
        """The part of all weight on some units, 0 to 1."""
        total = int(self.weight.sum())
        return float(int(self.weight[units].sum()) / total) if total else 0.0

    def best(self, verdicts: Codes) -> Codes:
        """The verdict of each unit: the best of its records, and of the lines of its group the worst."""
        if self.members is None:
            return verdicts
        out = self._rank(verdicts)
        codes: Codes = _CODE[out]
        return codes

    def _rank(self, verdicts: Codes) -> Codes:
        members = self.members
        assert members is not None
        out = np.full(members.size, _WORST, dtype=np.int8)
        np.minimum.at(out, members.unit, _RANK[verdicts[members.record]])
        billed = members.billed
        if billed is not None and len(billed.record):
            # of the lines of a group the worst counts: each carries tokens of one kind only
            rank = _RANK[verdicts[billed.record]]
            able = (rank < _WORST) & (billed.line_group >= 0)
            worst = np.full(len(billed.total) + 1, -1, dtype=np.int8)
            np.maximum.at(worst, billed.line_group[able], rank[able])
            worst[worst < 0] = _WORST
            worst[-1] = _WORST
            out = np.minimum(out, worst[billed.group])
        return out

    def cause(self, verdicts: Codes, causes: Codes) -> Codes:
        """The cause of each unit's verdict: that of the earliest record that has it, -1 for none."""
        if self.members is None:
            return causes
        members, best = self.members, self.best(verdicts)
        out = np.full(members.size, -1, dtype=causes.dtype)
        same = verdicts[members.record] == best[members.unit]
        out[members.unit[same][::-1]] = causes[members.record[same]][::-1]  # the earliest is written last
        return out

    def by_name(self, rows: Rows, codes: Ints) -> dict[int, tuple[int, int]]:
        """Calls and nano-dollars of some records by the number of a name of each, -1 for none."""
        if self.members is None:
            known = codes[rows]
            at, known = np.flatnonzero(rows)[known >= 0], known[known >= 0]
            sums = [np.bincount(known, weights=figure[at]) for figure in (self.count, self.cost)]
            return {int(c): (int(sums[0][c]), int(sums[1][c])) for c in np.unique(known)}
        named = np.unique(codes[rows])
        return {
            int(c): (self.calls(part), self.money(part))
            for c in named[named >= 0][:MOST_NAMES]
            if (part := rows & (codes == c)).any()
        }

    @cached_property
    def by_record(self) -> Ints:
        """The chosen weight of each judged record; a line of a bill has its whole money."""
        return self.weight if self.members is None else self._on_records(self.weight)

    @cached_property
    def money_by_record(self) -> Ints:
        """Nano-dollars of each judged record's call; a line of a bill has its whole money."""
        return self.cost if self.members is None else self._on_records(self.cost)

    def _on_records(self, figure: Ints) -> Ints:
        members = self.members
        assert members is not None
        out = np.zeros(len(self.records), dtype=np.int64)
        np.add.at(out, members.record, figure[members.unit])
        if members.billed is not None and self.by == "cost":
            out[members.billed.record] += members.billed.explained
        return out


def _ints(calls: Store, name: str) -> Ints:
    return _whole(calls[name]) if name in calls else np.zeros(calls.height, dtype=np.int64)


def _whole(values: pl.Series) -> Ints:
    out: Ints = values.cast(pl.Int64, strict=False).fill_null(0).to_numpy()
    return out


def weigh(evidence: Evidence, calls: Store, without: frozenset[int] = frozenset()) -> Weights:
    """Weights of the calls, leaving out some hops by number.

    Money is the bill's where there is one beside logs. Else it is what the records say; the price list is
    used where too few calls carry their cost, and between hops for each call that has none.
    """
    records = _ints(calls, "weight")
    tokens = _tokens(calls)
    observed = np.maximum(_ints(calls, "cost_usd"), 0)
    if evidence.totals_of is not None:
        return _of_totals(evidence, calls, records)
    ones = call_pairs(evidence, without)
    shares = allocation(evidence, without)
    if ones is None and shares is None and not len(capacity_rows(evidence)):
        cost, basis = observed, _no_basis(observed, calls)
        billed = (calls["layer"] == "billing").to_numpy()
        priced = (observed > 0) | billed
        if (tokens > 0).any() and _part(priced, tokens > 0, records) < ENOUGH:
            estimate = np.maximum(_estimate(evidence, calls), 0)
            if (estimate[~priced] > 0).any():
                cost, basis = np.where(priced, observed, estimate), "estimated"
                priced = priced | (estimate > 0)
        return _chosen(cost, tokens, records, priced, basis, records, None)
    return _between(evidence, calls, without, ones, shares)


def _of_totals(evidence: Evidence, calls: Store, records: Ints) -> Weights:
    """Weights of totals, refunds included. What some of them cost is never added to an estimate of others."""
    cost, tokens = _ints(calls, "cost_usd"), _tokens(calls)
    basis: Basis = "observed"
    if not cost.any():
        cost = np.maximum(_estimate(evidence, calls), 0)
        basis = "estimated" if cost.any() else "none"
    chosen = _chosen(cost, tokens, records, np.ones(len(cost), dtype=bool), basis, records, None)
    return replace(chosen, count=np.zeros_like(records), totals=True)


def capacity_rows(evidence: Evidence) -> Ints:
    """The rows that are spend on a model without calls: provisioned throughput, guardrails."""
    if not evidence.has("capacity") or not evidence.has("cost_usd"):
        return np.zeros(0, dtype=np.int64)
    frame = evidence.frame
    spent = (
        frame["capacity"].is_not_null() & (frame["kind"] != "call") & (frame["cost_usd"].fill_null(0) != 0)
    )
    return np.flatnonzero(spent.to_numpy())


def _no_basis(observed: Ints, calls: Store) -> Basis:
    return "observed" if observed.any() or (calls["layer"] == "billing").any() else "none"


def _tokens(calls: Store) -> Ints:
    """Tokens of each record; what was read from a cache counts once, also where the input includes it."""
    net = calls.evaluate([prices.uncached_input(calls)])[0] if _cached(calls) else None
    summed = np.zeros(calls.height, dtype=np.int64)
    for kind in prices.KINDS:
        read = _whole(net) if net is not None and kind == prices.KINDS[0] else _ints(calls, kind)
        summed += np.maximum(read, 0)
    total = np.maximum(_ints(calls, "tokens_total"), 0)
    return np.where(summed > 0, summed, total)


def _between(
    evidence: Evidence,
    calls: Store,
    without: frozenset[int],
    ones: CallPairs | None,
    shares: Allocation | None,
) -> Weights:
    """Weights where records show calls of other records, or a bill has their money."""
    units = _Units(evidence, calls, without, ones, beside_logs=shares is not None)
    failed = (
        calls["failed"].fill_null(False).to_numpy()
        if "failed" in calls
        else np.zeros(calls.height, dtype=bool)
    )
    observed, records = np.maximum(_ints(calls, "cost_usd"), 0), _ints(calls, "weight")
    # a line is no call beside logs, and its tokens are those of calls
    none = np.zeros(units.members.size - len(units.one), dtype=np.int64)
    tokens = np.concatenate([units.once(np.where(failed, 0, _tokens(calls))), none])
    count = np.concatenate([units.once(records) if units.single else np.ones(len(units.one), np.int64), none])
    capacity = units.capacity_cost(evidence)
    if shares is not None:
        left = observed[units.lines] - shares.explained[units.row[units.lines]]
        cost = np.concatenate([units.summed(shares.of_call), left, capacity])
        members = replace(units.members, billed=units.billed(shares))
        priced = np.ones(len(cost), dtype=bool)
        return _chosen(cost, tokens, count, priced, "observed", records, members)
    cost = np.concatenate([units.once(observed), capacity])
    billed = np.concatenate([units.once((calls["layer"] == "billing").to_numpy()), none])
    basis, priced = _no_basis(cost, calls), (cost > 0) | (billed > 0)
    few = bool((tokens > 0).any()) and _part(priced, tokens > 0, count) < ENOUGH
    estimate = units.once(np.where(failed, 0, np.maximum(_estimate(evidence, calls), 0)))
    estimate = np.concatenate([estimate, none])
    if (estimate[~priced] > 0).any():
        cost, basis = np.where(priced, cost, estimate), "estimated" if few or basis == "none" else basis
        priced = priced | (estimate > 0)
    return _chosen(cost, tokens, count, priced, basis, records, units.members)


class _Units:
    """The units of several inputs: first the calls, by the row of the table that represents each, then lines.

    `row` is the row of each judged record, `lines` are the records that are lines of a bill.
    """

    def __init__(
        self,
        evidence: Evidence,
        calls: Store,
        without: frozenset[int],
        ones: CallPairs | None,
        *,
        beside_logs: bool,
    ) -> None:
        self._height = evidence.frame.height
        self._calls = distinct(evidence, without)
        self.row = np.flatnonzero((evidence.frame["kind"] == "call").to_numpy())
        place = np.full(self._height, -1, dtype=np.int64)
        place[self.row] = np.arange(len(self.row))
        billing = (calls["layer"] == "billing").to_numpy() & beside_logs
        self.single = ones is None and not beside_logs
        if ones is None:
            ones = CallPairs(self.row[~billing], self.row[~billing])
        logged = ~billing[place[ones.record]]
        self._pairs = CallPairs(ones.record[logged], ones.call[logged])
        self.one, self._unit = np.unique(self._pairs.call, return_inverse=True)
        self.lines = np.flatnonzero(billing)
        self._line_unit = np.arange(len(self.one), len(self.one) + len(self.lines))
        record = place[self._pairs.record]
        hop = hop_of(evidence)[self._pairs.record]
        order = np.lexsort((record, hop, self._unit))
        capacity = capacity_rows(evidence)
        self.members = Members(
            np.concatenate([record[order], self.lines]),
            np.concatenate([self._unit[order], self._line_unit]),
            len(self.one) + len(self.lines) + len(capacity),
            capacity,
        )

    def capacity_cost(self, evidence: Evidence) -> Ints:
        """Nano-dollars of the lines without calls."""
        if not len(self.members.capacity):
            return np.zeros(0, dtype=np.int64)
        return _whole(evidence.frame["cost_usd"].gather(self.members.capacity))

    def once(self, figure: Ints) -> Ints:
        """A figure of the judged records, once for each call: that of the last hop that has one."""
        by_row = np.zeros(self._height, dtype=np.int64)
        by_row[self.row] = figure
        return (once(self._calls, by_row) if self._calls is not None else by_row)[self.one]

    def summed(self, figure: Ints) -> Ints:
        """A figure of rows of the table, of which each call has it on one record, by call."""
        out = np.zeros(len(self.one), dtype=np.int64)
        # a record that shows several calls gives its figure to the last of them
        pairs = pl.DataFrame({"record": self._pairs.record, "unit": self._unit})
        last = pairs.unique("record", keep="last")
        np.add.at(out, last["unit"].to_numpy(), figure[last["record"].to_numpy()])
        return out

    def billed(self, shares: Allocation) -> Billed:
        """The bill's side of the units."""
        group = np.full(self.members.size, -1, dtype=np.int64)
        known = shares.group[self._pairs.record] >= 0
        group[self._unit[known]] = shares.group[self._pairs.record[known]]
        lines = self.row[self.lines]
        line_group, explained = shares.group[lines], shares.explained[lines]
        total = np.zeros(int(shares.group.max(initial=-1)) + 1, dtype=np.int64)
        np.add.at(total, line_group[line_group >= 0], explained[line_group >= 0])
        return Billed(self.lines, self._line_unit, line_group, explained, group, total)


def _chosen(
    cost: Ints, tokens: Ints, count: Ints, priced: Rows, basis: Basis, records: Ints, members: Members | None
) -> Weights:
    """The weights with what shares are weighted by: cost if enough calls with tokens have it, else tokens."""
    by: By
    with_tokens = tokens > 0
    if (
        basis != "none"
        and cost.sum() > 0
        and (not with_tokens.any() or _part(priced, with_tokens, count) >= ENOUGH)
    ):
        by, weight = "cost", cost
    elif with_tokens.any():
        by, weight = "tokens", tokens
    else:
        by, weight = "calls", count
    return Weights(cost, tokens, count, weight, basis, by, records, members)


def _cached(calls: Store) -> bool:
    return all(k in calls for k in (prices.KINDS[0], *prices.KINDS[2:]))


def _part(some: Rows, of: Rows, count: Ints) -> float:
    whole = int(count[of].sum())
    return float(int(count[some & of].sum()) / whole) if whole else 1.0


def _estimate(evidence: Evidence, calls: Store) -> Ints:
    if "expected_cost_usd" in calls:
        return _ints(calls, "expected_cost_usd")
    names = ("model", "provider", *prices.KINDS)
    need(evidence, *names)
    needed = ("started_at", "layer", *names, *(["tokens_total"] if evidence.has("tokens_total") else []))
    frame = evidence.frame.select("kind", *needed).filter(pl.col("kind") == "call")
    out: Ints = prices.expected(frame).fill_null(0).to_numpy()
    return out
