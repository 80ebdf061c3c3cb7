"""What each owner costs by the best evidence at hand, each call and each dollar once; and what nobody owns.

It never adds two hops' figures of one call, nor a bill to the logs that explain it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from auditor.arrays import Ints, Rows
from auditor.assemble import Evidence
from auditor.bills import compare, counted_once
from auditor.gathering import gathered
from auditor.judge import PRESENT, Judgement
from auditor.links import links
from auditor.mask import Masker
from auditor.model import Owner
from auditor.money import Weights
from auditor.store import Store

FIELDS = ("tenant_id", "team_id")
MOST = 20
USD = 1e9


@dataclass(frozen=True)
class Spend:
    """Calls and money counted once, by owner; `calls` and `cost` (nano-dollars) are the sums."""

    owners: list[Owner]
    calls: int
    cost: int
    lost_calls: int
    lost_cost: int

    @property
    def share_lost(self) -> float:
        """The part of all money, or of all calls where there is none, that nobody owns; 0 to 1."""
        if self.cost:
            return self.lost_cost / self.cost
        return self.lost_calls / self.calls if self.calls else 0.0


def spend(
    evidence: Evidence, judgement: Judgement, weights: Weights, masker: Masker, names: list[str]
) -> Spend:
    """Every call once: its owner by any hop that names one, its money by the bill where there is one."""
    rows = _rows(evidence, judgement, weights)
    logs = rows.filter(pl.col("once"))
    billed = rows.filter(pl.col("layer") == "billing")
    lines = _against_bill(evidence, logs, billed) if logs.height and billed.height else None
    if lines is None:
        lines = logs if logs.height else billed
    grouped = lines.group_by("field", "owner").agg(
        pl.col("calls").sum(), pl.col("tokens").sum(), pl.col("cost").sum(),
        pl.col("found").drop_nulls().unique().sort(),
    )  # fmt: skip
    some = pl.any_horizontal(pl.col("calls", "tokens", "cost") != 0)
    order = grouped.filter(some).sort(
        ["cost", "tokens", "calls", "owner"], descending=[True, True, True, False]
    )
    total = {name: int(order[name].sum()) for name in ("calls", "tokens", "cost")}
    basis = next((n for n in ("cost", "tokens", "calls") if total[n]), "calls")
    out = [
        _owner(row, row[basis] / (total[basis] or 1), masker, names) for row in order.iter_rows(named=True)
    ]
    lost = order.filter(pl.col("owner").is_null())
    return Spend(
        owners=_shortened(out),
        calls=total["calls"],
        cost=total["cost"],
        lost_calls=int(lost["calls"].sum()),
        lost_cost=int(lost["cost"].sum()),
    )


def _owner(row: dict[str, object], share: float, masker: Masker, names: list[str]) -> Owner:
    owner, field = row["owner"], row["field"]
    found = row["found"]
    return Owner(
        owner=None if owner is None else masker.value(str(field), owner).strip('"'),
        field=None if owner is None else str(field),
        calls=int(str(row["calls"])),
        tokens=int(str(row["tokens"])),
        cost_usd=int(str(row["cost"])) / USD,
        share=round(share, 6),
        inputs=[names[n] for n in found] if isinstance(found, list) else [],
    )


def _shortened(owners: list[Owner]) -> list[Owner]:
    """The largest, and the one row that must not be cut: what nobody owns."""
    kept = owners[:MOST]
    return kept + [o for o in owners[MOST:] if o.owner is None]


def _rows(evidence: Evidence, judgement: Judgement, weights: Weights) -> pl.DataFrame:
    """The calls with their own owner, or that of the same call in another hop, and whether they count."""
    frame = evidence.frame
    row = np.flatnonzero((frame["kind"] == "call").to_numpy())
    calls = judgement.calls
    own = {f: (judgement.verdicts[f] == PRESENT) for f in FIELDS}
    values = [pl.when(pl.Series(own[f])).then(_text(calls, f)) for f in FIELDS]
    names = [pl.when(pl.Series(own[f])).then(pl.lit(f)) for f in FIELDS]
    held = calls.select(
        "input", "layer", pl.coalesce(values).alias("owner"), pl.coalesce(names).alias("field")
    )
    held = held.with_columns(
        pl.when(pl.col("owner").is_not_null()).then(pl.col("input")).alias("found"),
        pl.Series("calls", weights.count),
        pl.Series("tokens", weights.tokens),
        pl.Series("cost", weights.cost),
        pl.Series("row", row),
    )
    once: Rows = (calls["layer"] != "billing").to_numpy()
    found = links(evidence)
    if found is not None:
        counted = np.zeros(frame.height, dtype=bool)
        counted[_once(evidence)] = True
        once = once & counted[row]
        held = _borrowed(held, row, found.up, found.down, frame.height)
    return held.with_columns(pl.Series("once", once))


def _once(evidence: Evidence) -> Ints:
    """Each call's last record with tokens; where no record has any, its last record."""
    counted = counted_once(evidence)
    if len(counted):
        return counted
    found = links(evidence)
    assert found is not None
    return np.flatnonzero((evidence.frame["kind"] == "call").to_numpy() & (found.down < 0))


def _text(calls: Store, field: str) -> pl.Expr:
    return pl.col(field).cast(pl.String) if field in calls else pl.lit(None, pl.String)


def _borrowed(held: pl.DataFrame, row: Ints, up: Ints, down: Ints, height: int) -> pl.DataFrame:
    """Owners of other hops for calls that name none: the nearest earlier hop first, then the later ones."""
    at = np.full(height, -1, dtype=np.int64)
    at[row] = np.arange(len(row))
    owned = held["owner"].is_not_null().to_numpy()
    best = np.where(owned, np.arange(len(row)), -1)
    for way in (up, down):
        step = way[row]
        for _ in range(8):
            here = np.where(step >= 0, at[np.maximum(step, 0)], -1)
            take = (best < 0) & (here >= 0) & owned[np.maximum(here, 0)]
            best[take] = here[take]
            step = np.where(step >= 0, way[np.maximum(step, 0)], -1)
    return held.with_columns(gathered(held[c], best).alias(c) for c in ("owner", "field", "found"))


def _against_bill(evidence: Evidence, logs: pl.DataFrame, billed: pl.DataFrame) -> pl.DataFrame | None:
    """The bill's money, by the owners of the logs as far as these reach, the rest by the bill's own tags."""
    found = compare(evidence)
    if found is None:
        return None
    bill, log = (f.join(found.sides, on="row", how="left") for f in (billed, logs))
    sums = [
        f.group_by("shared").agg(pl.col("cost").sum().alias(name), pl.col("dated").first())
        for f, name in ((bill, "of_bill"), (log, "of_log"))
    ]
    both = sums[0].join(sums[1].drop("dated"), on="shared", how="left", nulls_equal=True)
    known = pl.col("dated") & (pl.col("of_log") > 0)
    covered = pl.when(known).then(pl.min_horizontal("of_bill", "of_log")).otherwise(0)
    both = both.with_columns(covered.alias("covered"))
    scaled = (pl.col("cost") * pl.col("covered") / pl.col("of_log")).round().fill_nan(0).fill_null(0)
    rest = (pl.col("cost") * (1 - pl.col("covered") / pl.col("of_bill"))).round().fill_nan(0).fill_null(0)
    both = both.drop("dated")
    mine = log.join(both, on="shared", how="left", nulls_equal=True).with_columns(
        scaled.cast(pl.Int64).alias("cost")
    )
    theirs = bill.join(both, on="shared", how="left", nulls_equal=True).with_columns(
        rest.cast(pl.Int64).alias("cost"),
        pl.lit(0, pl.Int64).alias("tokens"),
        pl.lit(0, pl.Int64).alias("calls"),
    )
    columns = ("field", "owner", "found", "calls", "tokens", "cost")
    lines = pl.concat([mine.select(columns), theirs.select(columns)])
    # what rounding left over goes to the largest line: the sum is the bill's
    left = int(billed["cost"].sum()) - int(lines["cost"].sum())
    largest = pl.int_range(pl.len()) == (lines["cost"].arg_max() or 0)
    return lines.with_columns(pl.when(largest).then(pl.col("cost") + left).otherwise(pl.col("cost")))
