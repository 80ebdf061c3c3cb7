"""The totals of each input, judged by themselves: verdicts by field, money, and money without an owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from auditor.catalogue.prices import NANO_USD
from auditor.catalogue.rules import Rule
from auditor.evidence.arrays import Codes
from auditor.evidence.table import Evidence
from auditor.evidence.totals import inputs_with_totals, of_totals
from auditor.judge.verdicts import Judgement, judge
from auditor.printing.text import money, plural
from auditor.report.mask import Masker
from auditor.report.schema import Sums
from auditor.tally.owners import spend_by_owner
from auditor.tally.weights import weigh


@dataclass(frozen=True)
class InputTotals:
    """The totals of one input: how many, their verdicts by field, and what they add up to."""

    count: int
    verdicts: Mapping[str, Codes]
    sums: Sums


def totals_by_input(
    evidence: Evidence, judgement: Judgement, rules: Sequence[Rule], names: Sequence[str]
) -> dict[int, InputTotals]:
    """The totals of each input that has some; `judgement` is that of the table."""
    out = {}
    for number in inputs_with_totals(evidence):
        if number == evidence.totals_of:
            out[number] = _totals(evidence, judgement, names)
        else:
            table = of_totals(evidence, number)
            out[number] = _totals(table, judge(table, rules, tuple(judgement.verdicts)), names)
    return out


def totals_notes(totals: Mapping[int, InputTotals], evidence: Evidence, names: Sequence[str]) -> list[str]:
    """What the totals of inputs add up to that the figures of the report leave out."""
    notes = []
    for number, one in totals.items():
        if number == evidence.totals_of:
            continue
        others = "the calls" if evidence.totals_of is None else names[evidence.totals_of]
        lost = one.sums.unattributed_cost_usd
        notes.append(
            f"{names[number]}: {plural(one.count, 'total')}, {money(one.sums.cost_usd)}, {money(lost)} of it "
            f"without an owner. They may be the same money as {others}, so they are not added up."
        )
    return notes


def _totals(evidence: Evidence, judgement: Judgement, names: Sequence[str]) -> InputTotals:
    rows, weights = judgement.calls, weigh(evidence, judgement.calls)
    spend = spend_by_owner(evidence, judgement, weights, Masker(), names)
    periods = _text(rows, "period")
    requests = rows["requests"].sum() if "requests" in rows else 0
    sums = Sums(
        period=periods[0] or None if len(periods) == 1 else None,
        requests=int(requests or 0),
        tokens=spend.tokens,
        cost_usd=spend.cost / NANO_USD if weights.basis != "none" else 0.0,
        cost_basis=weights.basis,
        unattributed_cost_usd=spend.lost_cost / NANO_USD if weights.basis != "none" else 0.0,
    )
    return InputTotals(rows.height, judgement.verdicts, sums)


def _text(rows: Mapping[str, pl.Series], name: str) -> list[str]:
    return rows[name].unique().to_list() if name in rows else []
