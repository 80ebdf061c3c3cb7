"""The comparison of logs and bill as the report shows it: each group's difference and its likely reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import polars as pl

from auditor.catalogue.prices import NANO_USD
from auditor.catalogue.rules import Rule
from auditor.evidence.table import Evidence
from auditor.printing.text import count, plural
from auditor.relate.bill import ALL, Comparison, compare
from auditor.relate.bill_groups import BATCH
from auditor.report import mask
from auditor.report.schema import LeftOut, ReconciledRow, Reconciliation

NEAR = 0.03  # how near a ratio of prices must be to a known one
ROUTED, HALF = 1.1, 0.5  # known ratios of prices
TOLERANCE = 0.01  # where no rule sets one
NOTES = (
    "The logs are priced by the public list; discounts and private prices are not in it.",
    "Tags of principals and tags of resources are two views of the same money: never add them.",
)


def reconciliation(evidence: Evidence, rules: Sequence[Rule], names: Sequence[str]) -> Reconciliation | None:
    """Logs against bill, with the tolerance of the rule that compares them; None where one is missing."""
    tolerance = next((r.thresholds["tolerance"] for r in rules if "tolerance" in r.thresholds), TOLERANCE)
    comparison = compare(evidence)
    if comparison is None:
        return None
    rows = [_row(row, tolerance, comparison) for row in comparison.rows.iter_rows(named=True)]
    each = comparison.rows.filter(pl.col("kind") != ALL)
    return Reconciliation(
        logs=[names[n] for n in comparison.logs],
        bills=[names[n] for n in comparison.bills],
        basis=comparison.basis,
        tolerance=tolerance,
        log_usd=_usd(int(each["log_nano"].sum())),
        bill_usd=_usd(int(each["bill_nano"].sum())),
        within=sum(row.within for row in rows),
        rows=rows,
        left_out=[*_outside(comparison), *_no_usage(evidence)],
        notes=[*NOTES, *_unpriced(comparison)],
    )


def _usd(nano: int) -> str:
    """Nano-dollars as a decimal string: nine places, none lost."""
    sign, whole = "-" if nano < 0 else "", abs(nano)
    return f"{sign}{whole // NANO_USD}.{whole % NANO_USD:09d}"


def _row(row: dict[str, object], tolerance: float, comparison: Comparison) -> ReconciledRow:
    log, bill = int(str(row["log_nano"])), int(str(row["bill_nano"]))
    within = abs(log - bill) <= tolerance * abs(bill)
    model = row["bill_model"] or row["log_model"] or ""
    lanes = comparison.rows.filter(pl.col("model_key").eq_missing(pl.lit(row["model_key"], pl.String)))[
        "lane"
    ]
    lane = str(row["lane"]).replace("_", " ") if row["lane"] and lanes.n_unique() > 1 else ""
    places = [place for place in (mask.name(str(row["region"])) if row["region"] else "", lane) if place]
    place = f" ({', '.join(places)})" if places else ""
    return ReconciledRow(
        day=None if row["day"] is None else str(row["day"]),
        model=mask.name(str(model)) + place,
        usage="all, by the gateway's own figure" if row["kind"] == ALL else mask.name(str(row["kind"])),
        log_tokens=int(str(row["log_tokens"])),
        bill_tokens=int(str(row["bill_tokens"])),
        log_usd=_usd(log),
        bill_usd=_usd(bill),
        delta_usd=_usd(log - bill),
        within=within,
        reason="" if within else _reason(row, log, bill, tolerance, comparison),
    )


def _reason(row: dict[str, object], log: int, bill: int, tolerance: float, comparison: Comparison) -> str:
    """Where to look first, by the figures of the two sides."""
    if row["kind"] == ALL:
        return _of_gateway(row, log, bill, tolerance, comparison)
    tokens, billed = int(str(row["log_tokens"])), int(str(row["bill_tokens"]))
    hidden, other = _unmatched_names(comparison)
    if not bill:
        return _not_billed(row, comparison)
    if row["lane"] == BATCH:
        return "batch jobs write no invocation log"
    if tokens < billed and hidden:
        calls = plural(hidden, "call")
        return f"{calls} of the logs go through an application profile, which hides their model"
    if not tokens:
        return _not_logged(row, comparison, other)
    if abs(tokens - billed) <= tolerance * billed:
        return _of_price(log / bill, str(row["tier"] or ""))
    return (
        "calls missing from the logs" if tokens < billed else "calls counted twice, or failed calls counted"
    )


def _not_billed(row: dict[str, object], comparison: Comparison) -> str:
    """Why the bill has nothing of what the logs count."""
    if comparison.unmatched.filter(pl.col("model").eq_missing(pl.lit(row["log_model"])), "hidden").height:
        return "an application profile hides the model: a bill with resource IDs names it"
    return "in the logs and not billed: another account, another month, or free"


def _not_logged(row: dict[str, object], comparison: Comparison, other: str) -> str:
    """Why the logs count nothing of what was billed; `other` are their names that the bill does not have."""
    if row["region"] and not comparison.rows.filter(region=row["region"])["log_nano"].sum():
        return "no log of this region"
    if "cache" in str(row["kind"]):
        return "the logs count no cached tokens"
    if other:
        return f"the logs name {other}, which is not on the bill: perhaps an alias of this model"
    return "in no log"


def _unmatched_names(comparison: Comparison) -> tuple[int, str]:
    """How many calls of the logs hide their model, and the first other names that the bill does not have."""
    rows = comparison.unmatched
    hidden = int(rows.filter(pl.col("hidden"))["calls"].sum())
    names = rows.filter(~pl.col("hidden"), pl.col("model").is_in(list(comparison.unpriced)))["model"]
    return hidden, ", ".join(mask.name(name) for name in names.to_list()[:3])


def _of_price(ratio: float, tier: str) -> str:
    if abs(ratio * HALF - 1) <= NEAR:
        return "billed at half the list price: batch"
    for factor in (ROUTED, 1 / ROUTED):
        if abs(ratio * factor - 1) <= NEAR:
            return "priced for another routing: a geo or global profile"
    if tier and tier != "standard":
        return f"billed at another tier: {tier.replace('_', ' ')}"
    return "the price is not the list's: a discount, or a model of another name"


def _of_gateway(row: dict[str, object], log: int, bill: int, tolerance: float, comparison: Comparison) -> str:
    """Why a gateway's own figure differs: its rows, where the list's price of all calls is the bill's."""
    same = comparison.rows.filter(
        *(pl.col(c).eq_missing(pl.lit(row[c], pl.String)) for c in ("day", "model_key", "lane")),
        pl.col("region").eq_missing(pl.lit(row["region"], pl.String)) | pl.lit(row["region"] is None),
        pl.col("kind") != ALL,
    )
    own = int(same["log_nano"].sum())
    tokens, logged, billed = (
        int(str(row["log_tokens"])), int(same["log_tokens"].sum()), int(str(row["bill_tokens"]))
    )  # fmt: skip
    if tokens < (1 - tolerance) * min(logged, billed):
        return f"the gateway has no record of calls with {count(min(logged, billed) - tokens)} tokens"
    if own and abs(own - bill) <= tolerance * bill:
        return "the gateway misses calls or cached tokens, or has another price" if log < bill else (
            "the gateway counts calls twice, or has another price"
        )  # fmt: skip
    return _of_price(log / bill, "") if bill else ""


def _outside(comparison: Comparison) -> list[LeftOut]:
    rows = comparison.outside
    if not rows.height:
        return []
    what = "days of the bill on which the logs have no call"
    return [LeftOut(what=what, lines=rows.height, cost_usd=_usd(int(rows["nano"].sum())))]


def _no_usage(evidence: Evidence) -> list[LeftOut]:
    """Lines of the bill that are no usage of a model, by their type."""
    frame = evidence.frame
    names = [n for n in ("layer", "kind", "weight", "line_item_type", "cost_usd", "capacity") if n in frame]
    lines = frame.select(names).filter((pl.col("layer") == "billing") & (pl.col("kind") != "call"))
    if not lines.height or "line_item_type" not in lines.columns:
        return []
    if "capacity" in names:
        lines = lines.with_columns(pl.coalesce("capacity", "line_item_type").alias("line_item_type"))
    cost = pl.col("cost_usd").sum() if "cost_usd" in lines.columns else pl.lit(0, pl.Int64)
    groups = (
        lines.group_by("line_item_type")
        .agg(pl.col("weight").sum(), cost.alias("nano"))
        .sort("line_item_type")
    )
    return [
        LeftOut(what=mask.name(str(kind or "unnamed")), lines=int(n), cost_usd=_usd(int(nano)))
        for kind, n, nano in groups.iter_rows()
    ]


def _unpriced(comparison: Comparison) -> list[str]:
    counts: Counter[str] = Counter()
    for model, n in comparison.unpriced.items():
        counts[mask.name(model or "") or "a model without a name"] += n
    return [
        f"The list has no price for {name}: {plural(n, 'count')} of tokens compared at the bill's own price."
        for name, n in counts.items()
    ]
