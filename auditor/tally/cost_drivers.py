"""A note on what the spend without an owner consists of: a model, routing, retries, bought capacity."""

from __future__ import annotations

import numpy as np
import polars as pl

from auditor.catalogue.prices import NANO_USD
from auditor.evidence.arrays import Rows
from auditor.evidence.table import IS_CALL
from auditor.printing.text import FEW, money, share
from auditor.relate.columns import need
from auditor.tally.ledger import Ledger
from auditor.tally.owners import Spend

MOST = 0.5  # of the spend, from which its largest model is named
LEAST = 0.01  # of the spend, below which a part is not


def cost_drivers(ledger: Ledger, spend: Spend) -> list[str]:
    """Parts of the spend without an owner, which overlap; none where too few calls have one."""
    weights, unowned = ledger.weights, spend.unowned
    if spend.lost_cost <= 0 or unowned is None or int(weights.count.sum()) < FEW:
        return []

    def lost(rows: Rows) -> int:
        return int(weights.cost[weights.shown(rows) & unowned].sum())

    rows = _routed(ledger), _repeats(ledger)
    texts = ("goes through cross-region profiles", "repeats calls that failed")
    parts = [(lost(part), text) for part, text in zip(rows, texts, strict=True)]
    if weights.members is not None and len(weights.members.capacity):
        bought = np.arange(len(unowned)) >= len(unowned) - len(weights.members.capacity)
        parts.append((int(weights.cost[bought & unowned].sum()), "is capacity that was bought by the hour"))
    for dimension, names, codes in ledger.places:
        if dimension == "model" and len(names) > 1:
            known = codes >= 0
            largest = int(np.bincount(codes[known], weights=weights.by_record[known]).argmax())
            cost = lost(codes == largest)
            if cost >= MOST * spend.lost_cost:
                parts.insert(0, (cost, f"is {ledger.shown.name(dimension, names[largest])}"))
    told = [
        f"{money(cost / NANO_USD)} ({share(cost / spend.lost_cost)}) {text}"
        for cost, text in parts
        if cost >= LEAST * spend.lost_cost
    ]
    return (
        [f"Of the {money(spend.lost_cost / NANO_USD)} without an owner, {', '.join(told)}."] if told else []
    )


def _routed(ledger: Ledger) -> Rows:
    """The records whose model is called by a geographic or global profile."""
    frame = need(ledger.evidence, "model_routing", "routing").select("kind", "model_routing", "routing")
    way = frame.filter(IS_CALL).select(pl.coalesce("routing", "model_routing")).to_series()
    out: Rows = way.is_in(["geo", "global"]).fill_null(False).to_numpy()
    return out


def _repeats(ledger: Ledger) -> Rows:
    """The records of a second or later attempt, and of calls that may be one."""
    names = ("kind", "layer", "attempt", "possible_retry")
    frame = need(ledger.evidence, *names).select(names).filter(IS_CALL)
    again = (pl.col("attempt") > 1).fill_null(False) | pl.col("possible_retry").fill_null(False)
    out: Rows = frame.select(again & (pl.col("layer") != "billing")).to_series().to_numpy()
    return out
