"""The figures of a report beside its gaps: totals, fields, hops, score, inputs, and what to know of them.

It counts what was judged and weighed, and judges nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl

from auditor.catalogue.fields import Profile
from auditor.evidence.arrays import Rows
from auditor.evidence.table import IS_CALL, Evidence
from auditor.inputs.source import Input
from auditor.judge.requirements import CallsByField, applicable_to, requirements
from auditor.judge.verdicts import NOT_CARRIED, PRESENT, Judgement
from auditor.printing.text import plural
from auditor.relate.distinct_calls import look_alikes, strangers
from auditor.report.schema import Cap, FieldReport, Gap, InputReport, Score, Totals
from auditor.tally.fields import Ledger, field_report
from auditor.tally.owners import Spend
from auditor.tally.weights import Weights


def owned_by_someone(judgement: Judgement) -> Rows:
    """The calls with a tenant or a team: what can be charged to somebody."""
    owned: Rows = (judgement.verdicts["tenant_id"] == PRESENT) | (judgement.verdicts["team_id"] == PRESENT)
    return owned


def totals(weights: Weights, owned: Rows, spent: Spend, *, together: bool) -> Totals:
    """Sums over all calls, and what of them nobody owns; of several hops each call once."""
    calls = int(weights.count.sum())
    lost = int(weights.count[~owned].sum())
    cost = int(weights.cost.sum()) if weights.basis != "none" else 0
    lost_cost = int(weights.cost[~owned].sum()) if weights.basis != "none" else 0
    share = lost / calls if calls else 0.0
    tokens = int(weights.tokens.sum())
    if together:
        cost, lost_cost, tokens = spent.cost, spent.lost_cost, spent.tokens
        share = spent.lost_calls / spent.calls if spent.calls else 0.0
    return Totals(
        calls=calls,
        tokens=tokens,
        cost_usd=cost / 1e9,
        cost_basis=weights.basis,
        weighted_by=weights.by,
        unattributed_calls=share,
        unattributed_cost=lost_cost / cost if cost else 0.0,
        unattributed_cost_usd=lost_cost / 1e9,
        distinct_calls=spent.calls if together else calls,
    )


def field_reports(
    ledger: Ledger, required: CallsByField, asked: CallsByField, gaps: list[Gap]
) -> list[FieldReport]:
    """The profile's fields first, then every other field that was seen.

    `asked` says of which calls a field is asked, also where another answers for it; `required`, where none.
    """
    by_field: dict[str, list[str]] = {}
    for gap in gaps:
        by_field.setdefault(gap.field, []).append(gap.rule)
    first, seen = [], []
    for name in ledger.evidence.catalogue.fields:
        rows = asked[name] if name in required and required[name].any() else None
        report = field_report(ledger, name, asked=rows, gaps=list(dict.fromkeys(by_field.get(name, []))))
        if report.required:
            first.append(report)
        elif report.present or report.mis_scoped or report.found:
            seen.append(report)
    return first + seen


def score_of(
    judgement: Judgement, weights: Weights, profile: Profile, evidence: Evidence, lost: float
) -> Score:
    """The score over the profile's requirements; what the policy adds of its own does not move it.

    `lost` is the share of spend that nobody owns.
    """
    shares, uncheckable = [], []
    needs = requirements(profile, (), evidence)
    for need in needs:
        rows = applicable_to(need, evidence, judgement)
        weight = max(evidence.catalogue.fields[name].weight for name in need.any_of)
        present = np.any([judgement.verdicts[n] == PRESENT for n in need.any_of], axis=0) & rows
        lacking = np.all([judgement.verdicts[n] == NOT_CARRIED for n in need.any_of], axis=0)
        checkable = rows & ~lacking
        shares.append((weight, weights.share(present & checkable), weights.share(checkable)))
        if rows.any() and not checkable.any():
            uncheckable.extend(need.any_of)
    return score(shares, lost, list(dict.fromkeys(uncheckable)))


def input_report(given: Input, evidence: Evidence, number: int) -> InputReport:
    """What one input was read as, and how many of its records are calls."""
    table = evidence.tables[number]
    mine = evidence.frame.select("input", "kind", "weight").filter(pl.col("input") == number)
    held = int(mine.filter(IS_CALL)["weight"].sum())
    records = int(mine["weight"].sum())
    return InputReport(
        name=given.name,
        format=table.format,
        layer=table.layer,
        bytes=table.bytes,
        records=records,
        calls=held,
        context=records - held,
        skipped=table.skips,
        skipped_total=table.skipped_total,
        also=table.also,
        notes=table.notes,
    )


def notes_on(evidence: Evidence, weights: Weights, spent: Spend) -> list[str]:
    """What to know before trusting the figures."""
    notes = _apart(evidence, spent)
    if weights.basis == "estimated":
        notes.append(
            "Cost is estimated from tokens and the public price list where no cost was recorded; "
            "discounts and batch prices are not in it."
        )
    if weights.by == "tokens":
        notes.append("Shares are weighted by tokens: too few calls carry or allow a cost.")
    elif weights.by == "calls" and len(weights.count):
        notes.append("Shares are weighted by calls: no call carries a cost or tokens.")
    if 0 < int(weights.count.sum()) < 30:
        notes.append("Under 30 calls: read the counts, not the percentages.")
    if any(t.layer == "app" and "trace_id" in t.frame.columns for t in evidence.tables):
        notes.append(
            "Coverage computed from traces is coverage of the sample: "
            "traces that were not sampled are invisible."
        )
    return notes


def _apart(evidence: Evidence, spent: Spend) -> list[str]:
    """Hops without a call in common, and whether the calls of both are counted."""

    def named(hops: Iterable[int]) -> str:
        return " and ".join(evidence.hops[n].name for n in hops)

    notes = [
        f"{named(pair.before)} and {named(pair.after)} agree in model, tokens and minute on {pair.pairs} of "
        f"{plural(pair.calls, 'call')} that no ID joins. They may be the same traffic, so their figures are "
        f"not added up: the totals leave out {named(sorted(spent.left_out & {*pair.before, *pair.after}))}. "
        "Log one request ID at both."
        for pair in look_alikes(evidence)
    ]
    return notes + [
        f"{named([before])} and {named([after])} share no ID: the calls of both are counted."
        for before, after in strangers(evidence)
    ]


FORMULA = "1"
BANDS = ((90, "ready"), (75, "minor gaps"), (50, "needs work"), (0, "not chargeable"))
CAPS = ((0.20, 49), (0.02, 74))  # share of spend without an owner above which the score is capped


def score(shares: list[tuple[int, float, float]], unattributed: float, uncheckable: list[str]) -> Score:
    """`shares`: for each requirement its weight, the share present and the share that is checkable (0 to 1).

    A requirement of which nothing is checkable is left out; with none left the score is 0.
    """
    total = sum(weight for weight, _, checkable in shares if checkable > 0)
    gained = sum(weight * present / checkable for weight, present, checkable in shares if checkable > 0)
    value = int(100 * gained / total + 0.5) if total else 0
    caps = []
    for bound, cap in CAPS:
        if unattributed > bound:
            lost, most = f"{100 * unattributed:.0f} %", f"{100 * bound:.0f} %"
            caps.append(Cap(at=cap, reason=f"{lost} of spend has no owner (more than {most})"))
            break
    for cap_ in caps:
        value = min(value, cap_.at)
    band = next(name for least, name in BANDS if value >= least)
    return Score(value=value, band=band, formula=FORMULA, caps=caps, uncheckable=uncheckable)
