"""The comparison of logs and bill as the report shows it: each group's difference with its causes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import polars as pl

from auditor.catalogue.prices import NANO_USD
from auditor.catalogue.rules import Rule
from auditor.evidence.table import Evidence
from auditor.printing.text import count, plural
from auditor.relate.bill import Comparison, compare
from auditor.relate.bill_groups import ALL, BATCH, CALLER, PLACE
from auditor.report import mask
from auditor.report.schema import DifferenceCause, LeftOut, ReconciledRow, Reconciliation
from auditor.tally.difference_causes import (
    HALF,
    NEAR,
    ROUTED,
    Amounts,
    BillCause,
    Causes,
    Group,
    Unnamed,
    of_price,
    split,
)
from auditor.tally.weights import capacity_rows

FIGURES = ("log_tokens", "bill_tokens", "log_nano", "bill_nano")
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
    causes = _causes(comparison)
    rows = [
        _row(row, tolerance, comparison, causes[int(str(row["group"]))])
        for row in comparison.rows.iter_rows(named=True)
    ]
    each = comparison.rows.filter(pl.col("kind") != ALL)
    whole = _beside(evidence, comparison)
    billed = sum(whole.nano.values()) + int(each["bill_nano"].sum())
    for group in each["group"]:
        whole.add_all(causes[group])
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
        billed_usd=_usd(billed),
        difference_usd=_usd(billed - int(each["log_nano"].sum())),
        causes=_shown(whole),
    )


def _causes(comparison: Comparison) -> dict[int, Causes]:
    """The causes of each group's difference, by its number."""
    groups = _groups(comparison)
    places: dict[tuple[object, ...], dict[str, tuple[int, Amounts]]] = {}
    named = comparison.callers.join(comparison.rows.select("group", *PLACE, "kind"), on="group")
    for row in named.iter_rows(named=True):
        place = tuple(row[name] for name in (*PLACE, *CALLER))
        amounts = Amounts(*(int(row[name]) for name in (*FIGURES, "late_tokens", "late_nano")))
        places.setdefault(place, {})[row["kind"]] = int(row["group"]), amounts
    out = {number: Causes() for number in groups}
    unnamed = _unnamed(comparison, groups)
    by_name = sorted(places.items(), key=lambda at: any(groups[n].unnamed for n, _ in at[1].values()))
    for place, kinds in by_name:
        amounts_by_kind = {kind: amounts for kind, (_, amounts) in kinds.items()}
        known = {kind: groups[number] for kind, (number, _) in kinds.items()}
        for kind, causes in split(amounts_by_kind, known, unnamed[place[0], place[1]]).items():
            out[kinds[kind][0]].add_all(causes)
    for row in comparison.rows.filter(kind=ALL).iter_rows(named=True):
        out[int(row["group"])] = _of_gateway_figure(row, comparison)
    return out


def _of_gateway_figure(row: dict[str, Any], comparison: Comparison) -> Causes:
    """The causes of a gateway's own figure: tokens by kind at the bill's prices, then the gateway's price."""
    assert comparison.gateway is not None
    same = (pl.col(name).eq_missing(pl.lit(row[name], pl.String)) for name in PLACE)
    lane, out, valued = row["lane"] or "", Causes(), 0
    amounts = {
        one["kind"]: Amounts(*(int(one[name]) for name in FIGURES))
        for one in comparison.gateway.filter(*same).iter_rows(named=True)
    }
    known = {kind: Group(kind, lane, "") for kind in amounts}
    for kind, causes in split(amounts, known, Unnamed({})).items():
        out.add_all(causes)
        valued += amounts[kind].log_nano
    own = int(row["log_nano"])
    if own != valued:
        out.add(of_price(own, valued, int(row["log_tokens"]), Group(ALL, lane, "")), valued - own)
    return out


def _groups(comparison: Comparison) -> dict[int, Group]:
    """What the causes of each group depend on beside its amounts."""
    rows = comparison.rows
    billed = set(rows.filter(pl.col("bill_tokens") > 0)["day"].to_list())
    unmatched = comparison.unmatched
    priceless = pl.col("hidden") | pl.col("model").is_in(list(comparison.unpriced))
    names = set(unmatched.filter(priceless)["model"].to_list())
    return {
        int(row["group"]): Group(
            kind=row["kind"],
            lane=row["lane"] or "",
            tier=row["tier"] or "",
            unbilled_day=row["day"] not in billed,
            unnamed=row["bill_model"] is None and row["log_model"] in names,
        )
        for row in rows.iter_rows(named=True)
    }


def _unnamed(comparison: Comparison, groups: dict[int, Group]) -> dict[tuple[object, object], Unnamed]:
    """The tokens of models that the bill does not name, by day and region."""
    tokens: dict[tuple[object, object], Counter[str]] = {}
    for row in comparison.rows.iter_rows(named=True):
        of_place = tokens.setdefault((row["day"], row["region"]), Counter())
        of_place[row["kind"]] += int(row["log_tokens"]) if groups[int(row["group"])].unnamed else 0
    return {place: Unnamed(counts) for place, counts in tokens.items()}


def _beside(evidence: Evidence, comparison: Comparison) -> Causes:
    """Spend on models that is on the bill and in no group: other days, and spend without calls."""
    out = Causes()
    outside = comparison.outside
    out.add(BillCause.OTHER_PERIOD, int(outside["nano"].sum()), int(outside["tokens"].sum()))
    spent = (
        evidence.frame["cost_usd"].gather(capacity_rows(evidence))
        if evidence.has("cost_usd")
        else pl.Series([0])
    )
    out.add(BillCause.SPEND_WITHOUT_CALLS, int(spent.sum()))
    return out


def _shown(causes: Causes) -> list[DifferenceCause]:
    return [
        DifferenceCause(cause=cause.value, cost_usd=_usd(nano), tokens=tokens)
        for cause, nano, tokens in causes.items()
    ]


def _usd(nano: int) -> str:
    """Nano-dollars as a decimal string: nine places, none lost."""
    sign, whole = "-" if nano < 0 else "", abs(nano)
    return f"{sign}{whole // NANO_USD}.{whole % NANO_USD:09d}"


def _row(row: dict[str, object], tolerance: float, comparison: Comparison, causes: Causes) -> ReconciledRow:
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
        reason="" if within else _reason(row, log, bill, tolerance, comparison, causes),
        causes=_shown(causes),
    )


def _reason(
    row: dict[str, object], log: int, bill: int, tolerance: float, comparison: Comparison, causes: Causes
) -> str:
    """Where to look first, by the figures of the two sides."""
    if 2 * abs(causes.nano.get(BillCause.OTHER_PERIOD, 0)) > abs(bill - log):
        return "at hours or on days that the other side does not cover"
    if row["kind"] == ALL:
        return _of_gateway(log, bill, causes)
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


def _of_gateway(log: int, bill: int, causes: Causes) -> str:
    """Why a gateway's own figure differs: its largest cause."""
    cause, nano, tokens = max(causes.items(), key=lambda one: abs(one[1]))
    if cause == BillCause.CALLS_NOT_LOGGED:
        return f"the gateway has no record of calls with {count(tokens)} tokens"
    if cause == BillCause.CACHE_TOKENS:
        how = "does not count" if nano > 0 else "counts twice"
        return f"the gateway {how} {count(abs(tokens))} cached tokens"
    if cause == BillCause.CALLS_NOT_BILLED:
        return f"the gateway counts {count(-tokens)} tokens that are not billed: calls twice, or failed ones"
    if cause == BillCause.PRICE:
        return "the gateway has another price than the bill"
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
