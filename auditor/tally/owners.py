"""Spend by owner, each call and each dollar counted once, and the spend without an owner.

Two hops' figures of one call are never added, nor a bill to the logs of the same calls.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from auditor.catalogue.prices import NANO_USD
from auditor.evidence.arrays import Ints, Rows, gather
from auditor.evidence.store import Store
from auditor.evidence.table import Evidence
from auditor.judge.verdicts import PRESENT, Judgement
from auditor.relate.bill import compare
from auditor.relate.distinct_calls import Distinct, alternatives, distinct, once
from auditor.report.mask import Masker
from auditor.report.schema import Owner
from auditor.tally.weights import Weights

FIELDS = ("tenant_id", "team_id")
MAX_OWNERS = 20


@dataclass(frozen=True)
class Spend:
    """Calls, tokens and money (nano-dollars) counted once, by owner; `lost_*` has no owner.

    `unknown_calls` are calls without an owner, cost or tokens: no share of the spend counts them. `left_out`
    are hops whose calls other hops show too.
    """

    owners: list[Owner]
    calls: int
    tokens: int
    cost: int
    lost_calls: int
    lost_tokens: int
    lost_cost: int
    by: str
    unknown_calls: int = 0
    left_out: frozenset[int] = frozenset()

    @property
    def share_lost(self) -> float:
        """The part of all spend without an owner, 0 to 1: of cost, else tokens, else calls."""
        parts = {"cost": (self.lost_cost, self.cost), "tokens": (self.lost_tokens, self.tokens)}
        lost, whole = parts.get(self.by, (self.lost_calls, self.calls))
        return lost / whole if whole else 0.0

    @property
    def share_unknown(self) -> float:
        """The part of all calls that has no owner and is not in the spend, 0 to 1."""
        return self.unknown_calls / self.calls if self.calls else 0.0


def spend_by_owner(
    evidence: Evidence, judgement: Judgement, weights: Weights, masker: Masker, names: list[str]
) -> Spend:
    """Every call once: its owner by the earliest hop that names one, its money by the bill if there is one.

    Of hops that may show the same traffic one counts: that of which most has no owner.
    """
    sums = [_sums(evidence, judgement, weights, without) for without in alternatives(evidence)]
    worst = max(sums, key=lambda s: (s.total.share_lost, s.total.share_unknown, s.total.calls, s.total.cost))
    total = worst.total
    whole = {"cost": total.cost, "tokens": total.tokens, "calls": total.calls}
    basis = next((name for name in whole if whole[name]), "calls")
    owners = [
        _owner(row, row[basis] / (whole[basis] or 1), masker, names)
        for row in worst.by_owner.iter_rows(named=True)
    ]
    return replace(total, owners=_shortened(owners))


@dataclass(frozen=True)
class _Sums:
    """The spend by owner, largest first, and in total."""

    by_owner: pl.DataFrame
    total: Spend


def _sums(evidence: Evidence, judgement: Judgement, weights: Weights, without: frozenset[int]) -> _Sums:
    rows = _rows(evidence, judgement, weights, without)
    logs = rows.filter(pl.col("once"))
    billed = rows.filter(pl.col("layer") == "billing")
    lines, by = rows.filter(pl.col("once") | (pl.col("layer") == "billing")), str(weights.by)
    if logs.height and billed.height and len(evidence.hops) > 1:
        lines, by = _against_bill(evidence, logs, billed, without), "cost"
    grouped = lines.group_by("field", "owner").agg(
        pl.col("calls").sum(), pl.col("tokens").sum(), pl.col("cost").sum(),
        pl.col("owner_input").drop_nulls().unique().sort(),
    )  # fmt: skip
    some = pl.any_horizontal(pl.col("calls", "tokens", "cost") != 0)
    order = grouped.filter(some).sort(
        ["cost", "tokens", "calls", "owner"], descending=[True, True, True, False]
    )
    lost = order.filter(pl.col("owner").is_null())
    names = ("calls", "tokens", "cost")
    whole, lacking = ({name: int(frame[name].sum()) for name in names} for frame in (order, lost))
    if not whole.get(by):
        by = next((name for name in ("cost", "tokens") if whole[name]), "calls")
    unknown = pl.col("owner").is_null() & ~pl.col("failed")
    if by != "calls":
        unknown &= pl.all_horizontal(pl.col("cost", "tokens") == 0)
    else:
        unknown &= pl.lit(False)
    return _Sums(
        order,
        Spend(
            [], **whole, **{f"lost_{name}": n for name, n in lacking.items()}, by=by,
            unknown_calls=int(logs.filter(unknown)["calls"].sum()), left_out=without,
        ),
    )  # fmt: skip


def _owner(row: dict[str, object], share: float, masker: Masker, names: list[str]) -> Owner:
    owner, field, inputs = row["owner"], row["field"], row["owner_input"]
    return Owner(
        owner=None if owner is None else masker.value(str(field), owner).strip('"'),
        field=None if owner is None else str(field),
        calls=int(str(row["calls"])),
        tokens=int(str(row["tokens"])),
        cost_usd=int(str(row["cost"])) / NANO_USD,
        share=round(share, 6),
        inputs=[names[n] for n in inputs] if isinstance(inputs, list) else [],
    )


def _shortened(owners: list[Owner]) -> list[Owner]:
    """The largest owners, and always the row of the spend without an owner."""
    return owners[:MAX_OWNERS] + [o for o in owners[MAX_OWNERS:] if o.owner is None]


def _rows(
    evidence: Evidence, judgement: Judgement, weights: Weights, without: frozenset[int]
) -> pl.DataFrame:
    """The calls with their owner from any hop, and whether they are counted."""
    frame = evidence.frame
    row = np.flatnonzero((frame["kind"] == "call").to_numpy())
    calls = judgement.calls
    own = {f: (judgement.verdicts[f] == PRESENT) for f in FIELDS}
    values = [pl.when(pl.Series(own[f])).then(_text(calls, f)) for f in FIELDS]
    names = [pl.when(pl.Series(own[f])).then(pl.lit(f)) for f in FIELDS]
    lines = calls.select(
        "input", "layer", "failed", pl.coalesce(values).alias("owner"), pl.coalesce(names).alias("field")
    )
    lines = lines.with_columns(
        pl.when(pl.col("owner").is_not_null()).then(pl.col("input")).alias("owner_input"),
        pl.Series("calls", weights.count),
        pl.Series("row", row),
    )
    figures = {"tokens": weights.tokens, "cost": weights.cost}
    counted: Rows = (calls["layer"] != "billing").to_numpy()
    if (calls_once := distinct(evidence, without)) is not None:
        owner = _owner_of(calls_once, _scattered(lines["owner"].is_not_null().to_numpy(), row, frame.height))
        place = _scattered(np.arange(len(row), dtype=np.int32), row, frame.height)
        source = np.where(owner[row] >= 0, place[owner[row]], -1)
        lines = lines.with_columns(
            gather(lines[c], source).alias(c) for c in ("owner", "field", "owner_input")
        )
        for name, figure in figures.items():
            whole = once(calls_once, _scattered(np.where(counted, figure, 0), row, frame.height))
            figures[name] = np.where(counted, whole[row], figure)
        counted = counted & calls_once.counted[row]
    return lines.with_columns(
        *(pl.Series(name, figure) for name, figure in figures.items()), pl.Series("once", counted)
    )


def _scattered(values: Any, rows: Ints, height: int) -> Any:
    """Values of some rows as an array over all of them."""
    out = np.zeros(height, dtype=values.dtype)
    out[rows] = values
    return out


def _owner_of(calls: Distinct, owned: Rows) -> Ints:
    """For each record the earliest one of its call with an owner, or -1: above it, itself, or a sibling."""
    rows = np.arange(len(owned), dtype=np.int32)
    first = np.where(owned, rows, np.int32(-1))
    by_hop = [np.flatnonzero(calls.hop == n) for n in np.unique(calls.hop)]
    for at_hop in by_hop:
        above = calls.parent[at_hop]
        inherited = np.where(above >= 0, first[above], -1)
        first[at_hop] = np.where(inherited >= 0, inherited, first[at_hop])
    aside = np.full(len(owned), -1, dtype=np.int32)
    for at_hop in reversed(by_hop):  # of several siblings' hops the earliest wins
        siblings = at_hop[(calls.uncounted_under[at_hop] >= 0) & (first[at_hop] >= 0)]
        aside[calls.uncounted_under[siblings]] = first[siblings]
    for at_hop in by_hop:
        above = calls.parent[at_hop]
        aside[at_hop] = np.where((aside[at_hop] < 0) & (above >= 0), aside[above], aside[at_hop])
    earlier = (aside >= 0) & ((first < 0) | (calls.hop[aside] < calls.hop[first]))
    return np.where(earlier, aside, first)


def _text(calls: Store, field: str) -> pl.Expr:
    return pl.col(field).cast(pl.String) if field in calls else pl.lit(None, pl.String)


def _against_bill(
    evidence: Evidence, logs: pl.DataFrame, billed: pl.DataFrame, without: frozenset[int]
) -> pl.DataFrame:
    """The bill's money by the owners in the logs as far as the logs cover it, the rest by the bill's tags."""
    columns = ("field", "owner", "owner_input", "calls", "tokens", "cost")
    comparison = compare(evidence, without)
    if comparison is None:  # no log counts what its calls used: none of the bill's money is theirs
        billed_lines = billed.with_columns(
            pl.lit(0, pl.Int64).alias("tokens"), pl.lit(0, pl.Int64).alias("calls")
        )
        return pl.concat(
            [
                logs.with_columns(pl.lit(0, pl.Int64).alias("cost")).select(columns),
                billed_lines.select(columns),
            ]
        )
    sides = comparison.sides
    if (calls_once := distinct(evidence, without)) is not None:
        # a call's tokens may be on another record than the one that represents it
        counted_as = pl.Series("row", calls_once.counted_as).gather(sides["row"]).cast(sides["row"].dtype)
        sides = sides.with_columns(counted_as).unique("row", keep="last", maintain_order=True)
    bill, log = (f.join(sides, on="row", how="left") for f in (billed, logs))
    sums = [
        f.group_by("shared").agg(pl.col("cost").sum().alias(name), pl.col("dated").first())
        for f, name in ((bill, "of_bill"), (log, "of_log"))
    ]
    both = sums[0].join(sums[1].drop("dated"), on="shared", how="left", nulls_equal=True)
    logged = pl.col("dated") & (pl.col("of_log") > 0)
    covered = pl.when(logged).then(pl.min_horizontal("of_bill", "of_log")).otherwise(0)
    both = both.with_columns(covered.alias("covered"))
    scaled = (pl.col("cost") * pl.col("covered") / pl.col("of_log")).round().fill_nan(0).fill_null(0)
    rest = (pl.col("cost") * (1 - pl.col("covered") / pl.col("of_bill"))).round().fill_nan(0).fill_null(0)
    both = both.drop("dated")
    logged_lines = log.join(both, on="shared", how="left", nulls_equal=True).with_columns(
        scaled.cast(pl.Int64).alias("cost")
    )
    billed_lines = bill.join(both, on="shared", how="left", nulls_equal=True).with_columns(
        rest.cast(pl.Int64).alias("cost"),
        pl.lit(0, pl.Int64).alias("tokens"),
        pl.lit(0, pl.Int64).alias("calls"),
    )
    lines = pl.concat([logged_lines.select(columns), billed_lines.select(columns)])
    # what rounding left over goes to the largest line: the sum is the bill's
    left = int(billed["cost"].sum()) - int(lines["cost"].sum())
    largest = pl.int_range(pl.len()) == (lines["cost"].arg_max() or 0)
    return lines.with_columns(pl.when(largest).then(pl.col("cost") + left).otherwise(pl.col("cost")))
