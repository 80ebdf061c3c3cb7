"""Totals, the score, and the counts of each input."""

from __future__ import annotations

import numpy as np
import polars as pl

from auditor.catalogue.fields import Profile
from auditor.catalogue.prices import NANO_USD
from auditor.evidence.arrays import Rows
from auditor.evidence.table import IS_CALL, Evidence
from auditor.inputs.source import Input
from auditor.judge.requirements import applicable_to, requirements
from auditor.judge.verdicts import NOT_CARRIED, PRESENT, Judgement
from auditor.report.schema import Cap, InputReport, Score, Totals
from auditor.tally.owners import Spend
from auditor.tally.weights import Weights

FORMULA = "1"
BANDS = ((90, "ready"), (75, "minor gaps"), (50, "needs work"), (0, "not chargeable"))
CAPS = ((0.20, 49), (0.02, 74))  # share of spend without an owner above which the score is capped


def owned(judgement: Judgement) -> Rows:
    """The calls with a tenant or a team, which is who can be charged."""
    rows: Rows = (judgement.verdicts["tenant_id"] == PRESENT) | (judgement.verdicts["team_id"] == PRESENT)
    return rows


def totals(weights: Weights, unowned: Rows, spend: Spend, *, several_hops: bool) -> Totals:
    """Sums over all calls, and over those without an owner; of several hops each call once."""
    calls = int(weights.count.sum())
    lost = int(weights.count[unowned].sum())
    cost = int(weights.cost.sum()) if weights.basis != "none" else 0
    lost_cost = int(weights.cost[unowned].sum()) if weights.basis != "none" else 0
    share = lost / calls if calls else 0.0
    tokens = int(weights.tokens.sum())
    if several_hops:
        cost, lost_cost, tokens = spend.cost, spend.lost_cost, spend.tokens
        share = spend.lost_calls / spend.calls if spend.calls else 0.0
    return Totals(
        calls=calls,
        tokens=tokens,
        cost_usd=cost / NANO_USD,
        cost_basis=weights.basis,
        weighted_by=weights.by,
        unattributed_calls=share,
        unattributed_cost=lost_cost / cost if cost else 0.0,
        unattributed_cost_usd=lost_cost / NANO_USD,
        distinct_calls=spend.calls if several_hops else calls,
    )


def score_of(
    judgement: Judgement, weights: Weights, profile: Profile, evidence: Evidence, lost: float
) -> Score:
    """The score over the profile's requirements; what the policy adds of its own does not move it.

    `lost` is the share of spend without an owner, 0 to 1.
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
    rows = evidence.frame.select("input", "kind", "weight").filter(pl.col("input") == number)
    calls = int(rows.filter(IS_CALL)["weight"].sum())
    records = int(rows["weight"].sum())
    return InputReport(
        name=given.name,
        format=table.format,
        layer=table.layer,
        bytes=table.bytes,
        records=records,
        calls=calls,
        context=records - calls,
        skipped=table.skips,
        skipped_total=table.skipped_total,
        also=table.also,
        notes=table.notes,
    )


def score(shares: list[tuple[int, float, float]], unattributed: float, uncheckable: list[str]) -> Score:
    """`shares`: for each requirement its weight, the share present and the share that is checkable (0 to 1).

    A requirement of which nothing is checkable is left out; with none left the score is 0.
    """
    total = sum(weight for weight, _, checkable in shares if checkable > 0)
    gained = sum(weight * present / checkable for weight, present, checkable in shares if checkable > 0)
    value = int(100 * gained / total + 0.5) if total else 0
    caps = []
    for bound, at in CAPS:
        if unattributed > bound:
            lost, most = f"{100 * unattributed:.0f} %", f"{100 * bound:.0f} %"
            caps.append(Cap(at=at, reason=f"{lost} of spend has no owner (more than {most})"))
            break
    value = min([value, *(cap.at for cap in caps)])
    band = next(name for least, name in BANDS if value >= least)
    return Score(value=value, band=band, formula=FORMULA, caps=caps, uncheckable=uncheckable)
