"""Totals, the score, and the counts of each input."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np
import polars as pl

from auditor.catalogue.fields import Profile
from auditor.catalogue.prices import NANO_USD
from auditor.evidence.table import IS_CALL, Evidence
from auditor.inputs.source import Input
from auditor.judge.requirements import applicable_to, requirements
from auditor.judge.verdicts import NOT_CARRIED, PRESENT, Judgement
from auditor.printing.text import plural
from auditor.report.schema import Cap, InputReport, Score, Totals
from auditor.tally.answers import answer
from auditor.tally.input_totals import InputTotals
from auditor.tally.owners import Spend
from auditor.tally.weights import Weights

FORMULA = "2"
BANDS = ((90, "ready"), (75, "minor gaps"), (50, "needs work"), (0, "not chargeable"))
CAPS = ((0.20, 49), (0.02, 74))  # share of spend without an owner above which the score is capped
DOUBT_CAP = 99  # at most, while a gap at level warning that changes a verdict is open
OPEN_CAP = 89  # at most, while a gap at level error is open or records were not judged


def totals(weights: Weights, spend: Spend) -> Totals:
    """Sums over all calls, each once, and over those without an owner; `calls` counts the judged records."""
    cost = int(weights.cost.sum()) if weights.basis != "none" else 0
    lost = spend.lost_cost if weights.basis != "none" else 0
    return Totals(
        calls=0 if weights.totals else int(weights.records.sum()),
        tokens=int(weights.tokens.sum()),
        cost_usd=cost / NANO_USD,
        cost_basis=weights.basis,
        weighted_by=weights.by,
        unattributed_calls=spend.lost_calls / spend.calls if spend.calls else 0.0,
        unattributed_cost=lost / cost if cost else 0.0,
        unattributed_cost_usd=lost / NANO_USD,
        distinct_calls=spend.calls,
        two_owners_cost_usd=spend.two_cost / NANO_USD,
    )


def score_of(
    judgement: Judgement, weights: Weights, profile: Profile, evidence: Evidence, lost: float
) -> Score:
    """The score over the profile's requirements; what the policy adds of its own does not move it.

    `lost` is the share of spend without an owner, 0 to 1. Totals have no score: it is one of calls.
    """
    if weights.totals:
        return score([], 0.0, [])
    shares, uncheckable = [], []
    needs = requirements(profile, (), evidence)
    for need in needs:
        rows = applicable_to(need, evidence, judgement)
        weight = max(evidence.catalogue.fields[name].weight for name in need.any_of)
        units = weights.units(rows)
        verdicts = [weights.best(judgement.verdicts[name]) for name in need.any_of]
        present = np.any([codes == PRESENT for codes in verdicts], axis=0)
        lacking = np.all([codes == NOT_CARRIED for codes in verdicts], axis=0)
        checkable = units & ~lacking
        present &= checkable
        shares.append((weight, weights.share_of_units(present), weights.share_of_units(checkable)))
        if rows.any() and not checkable.any():
            uncheckable.extend(need.any_of)
    return score(shares, lost, list(dict.fromkeys(uncheckable)))


def input_report(
    given: Input, evidence: Evidence, number: int, totals: InputTotals | None = None
) -> InputReport:
    """What one input was read as, and how many of its records are calls or totals."""
    table = evidence.tables[number]
    rows = evidence.frame.select("input", "kind", "weight").filter(pl.col("input") == number)
    calls = 0 if evidence.totals_of is not None else int(rows.filter(IS_CALL)["weight"].sum())
    records, summed = int(rows["weight"].sum()), totals.count if totals else 0
    return InputReport(
        name=given.name,
        format=table.format,
        layer=table.layer,
        bytes=table.bytes,
        records=records,
        calls=calls,
        context=records - calls - summed,
        skipped=table.skips,
        skipped_total=table.skipped_total,
        also=table.also,
        notes=table.notes,
        totals=summed,
        sums=totals.sums if totals else None,
        answer=None if calls else answer(evidence, number),
        not_counted=table.look_like_calls,
    )


def score(shares: list[tuple[int, float, float]], unattributed: float, uncheckable: list[str]) -> Score:
    """`shares`: for each requirement its weight, the share present and the share that is checkable (0 to 1).

    A requirement of which nothing is checkable is left out; with none left the score is 0.
    """
    total = sum(weight for weight, _, checkable in shares if checkable > 0)
    gained = sum(weight * present / checkable for weight, present, checkable in shares if checkable > 0)
    value = int(100 * gained / total + 1e-9) if total else 0
    caps = []
    for bound, at in CAPS:
        if unattributed > bound:
            lost, most = f"{100 * unattributed:.0f} %", f"{100 * bound:.0f} %"
            caps.append(Cap(at=at, reason=f"{lost} of spend has no owner (more than {most})"))
            break
    return _capped(Score(value=value, band="", formula=FORMULA, caps=caps, uncheckable=uncheckable))


class Doubts(NamedTuple):
    """What limits a score: open gaps at level error, at level warning with a verdict, unread records, and
    records that look like calls and were not counted.
    """

    errors: int
    warnings: int
    unread: int
    not_counted: int


def with_doubts(score: Score, doubts: Doubts) -> Score:
    """The score, limited while gaps are open, or records were not judged."""
    caps = []
    if doubts.errors:
        caps.append(Cap(at=OPEN_CAP, reason=f"{_open(doubts.errors, 'error')}"))
    if doubts.unread:
        caps.append(Cap(at=OPEN_CAP, reason=f"{plural(doubts.unread, 'record')} could not be read"))
    if doubts.not_counted:
        verb = "looks like a call and was" if doubts.not_counted == 1 else "look like calls and were"
        caps.append(Cap(at=OPEN_CAP, reason=f"{plural(doubts.not_counted, 'record')} {verb} not counted"))
    if doubts.warnings:
        caps.append(Cap(at=DOUBT_CAP, reason=f"{_open(doubts.warnings, 'warning')}"))
    lower = [cap for cap in caps if score.value > cap.at]
    return _capped(msgspec.structs.replace(score, caps=[*score.caps, *lower]))


def _open(gaps: int, level: str) -> str:
    return f"{plural(gaps, 'gap')} at level {level} {'is' if gaps == 1 else 'are'} open"


def _capped(score: Score) -> Score:
    value = min([score.value, *(cap.at for cap in score.caps)])
    band = next(name for least, name in BANDS if value >= least)
    return msgspec.structs.replace(score, value=value, band=band)
