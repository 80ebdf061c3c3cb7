"""What each call weighs: observed or estimated cost, tokens, or one; and which of them a report uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from auditor.catalogue import prices
from auditor.evidence.arrays import Ints, Rows
from auditor.evidence.store import Store
from auditor.evidence.table import Evidence
from auditor.relate.columns import need
from auditor.relate.joins import Links, links

ENOUGH = 0.95  # of the calls with tokens must have a cost, for shares to be weighted by cost


@dataclass(frozen=True)
class Weights:
    """Arrays over the calls: nano-dollars, tokens, calls that a record counts, and the chosen weight."""

    cost: Ints
    tokens: Ints
    count: Ints
    weight: Ints
    basis: Literal["observed", "estimated", "none"]
    by: Literal["cost", "tokens", "calls"]

    def share(self, rows: Rows) -> float:
        """The part of all weight on some rows, 0 to 1."""
        total = int(self.weight.sum())
        return float(int(self.weight[rows].sum()) / total) if total else 0.0


def _ints(calls: Store, name: str) -> Ints:
    return _whole(calls[name]) if name in calls else np.zeros(calls.height, dtype=np.int64)


def _whole(values: pl.Series) -> Ints:
    out: Ints = values.cast(pl.Int64, strict=False).fill_null(0).to_numpy()
    return out


def weigh(evidence: Evidence, calls: Store) -> Weights:
    """Weights of the calls; the price list is used only when too few calls carry their cost."""
    count = _ints(calls, "weight")
    # what was read from a cache is counted once, also where the emitter counts it among the input
    net = calls.evaluate([prices.uncached_input(calls)])[0] if _cached(calls) else None
    summed = np.zeros(calls.height, dtype=np.int64)
    for kind in prices.KINDS:
        read = _whole(net) if net is not None and kind == prices.KINDS[0] else _ints(calls, kind)
        summed += np.maximum(read, 0)
    total = np.maximum(_ints(calls, "tokens_total"), 0)
    tokens = np.where(summed > 0, summed, total)
    observed = np.maximum(_ints(calls, "cost_usd"), 0)
    if (joined := links(evidence)) is not None:
        tokens, observed = _shared(evidence, joined, tokens, observed)
    billed = (calls["layer"] == "billing").to_numpy()
    with_tokens = tokens > 0
    priced = (observed > 0) | billed
    basis: Literal["observed", "estimated", "none"] = "observed" if priced.any() else "none"
    cost = observed
    few = with_tokens.any() and _part(priced, with_tokens, count) < ENOUGH
    # between hops an estimate is needed for each call without a cost, however few they are
    if few or joined is not None:
        estimate = np.maximum(_estimate(evidence, calls), 0)
        filled = np.where(priced, observed, estimate)
        if (filled[~priced] > 0).any():
            cost, basis = filled, "estimated" if few else basis
            priced = priced | (estimate > 0)
    by: Literal["cost", "tokens", "calls"]
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
    return Weights(cost, tokens, count, weight, basis, by)


def _shared(evidence: Evidence, joined: Links, *figures: Ints) -> list[Ints]:
    """Each figure on every record of its call, so that a hop that counts no tokens still weighs its losses.

    Only a record that is its partner's only one takes the partner's figure.
    """
    calls = np.flatnonzero((evidence.frame["kind"] == "call").to_numpy())
    out = []
    for figure in figures:
        whole = np.zeros(evidence.frame.height, dtype=np.int64)
        whole[calls] = figure
        for _ in evidence.hops:
            for way, back in ((joined.down, joined.up), (joined.up, joined.down)):
                at = calls[(whole[calls] == 0) & (way[calls] >= 0)]
                at = at[back[way[at]] == at]
                whole[at] = whole[way[at]]
        out.append(whole[calls])
    return out


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
