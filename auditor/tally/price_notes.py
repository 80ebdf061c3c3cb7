"""A note on recorded costs that are off the price list: how many calls, by the likely reason."""

from __future__ import annotations

import numpy as np
import polars as pl

from auditor.catalogue.prices import NANO_USD
from auditor.evidence.table import IS_CALL
from auditor.judge.verdicts import columns_of
from auditor.printing.text import money, plural
from auditor.relate.columns import need
from auditor.tally.ledger import Ledger

COLUMN = "price_reason"
MOST = 6  # reasons that the note names


def price_notes(ledger: Ledger) -> list[str]:
    """The calls that rules on price differences report, by reason, most calls first."""
    reads = {"cost_usd", "expected_cost_usd"}
    hits = [h.rows for h in ledger.judgement.hits if reads <= columns_of(h.rule.predicate(h.field))]
    if not hits:
        return []
    rows = np.any(hits, axis=0)
    reasons = need(ledger.evidence, COLUMN).select("kind", COLUMN).filter(IS_CALL)[COLUMN]
    parts = []
    for reason in reasons.filter(pl.Series(rows)).drop_nulls().unique().to_list():
        part = rows & (reasons == reason).fill_null(False).to_numpy()
        parts.append((ledger.weights.calls(part), ledger.weights.money(part) / NANO_USD, str(reason)))
    parts.sort(key=lambda part: (-part[0], part[2]))
    texts = [f"{plural(calls, 'call')} ({money(usd)}) {reason}" for calls, usd, reason in parts[:MOST]]
    rest = sum(calls for calls, _, _ in parts[MOST:])
    more = [f"{plural(rest, 'call')} for other reasons"] if rest else []
    return [f"Recorded cost is off the price list: {'; '.join([*texts, *more])}."] if texts else []
