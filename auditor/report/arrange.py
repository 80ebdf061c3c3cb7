"""A report in the order in which a page shows it: fields by weight, their gaps, headlines, figures."""

from __future__ import annotations

from dataclasses import dataclass

from auditor.printing.ink import spoken
from auditor.printing.text import FEW, count, logged, money, plural, share
from auditor.report.handbook import Handbook, Recipe
from auditor.report.schema import Anchor, FieldReport, Gap, Report
from auditor.report.sentences import (
    asked_fields,
    carriers_hint,
    coverage_base,
    distinct_calls,
    ownership,
    shown_verdict,
    unasked,
    uncarried,
)


@dataclass(frozen=True)
class FieldRow:
    """One field of the report with its gaps and figures."""

    field: FieldReport
    title: str
    definition: str
    gaps: list[Gap]
    figure: str
    why: str  # why no call can carry it; empty where some can
    unasked: str  # of how many calls the profile does not require it

    @property
    def verdict(self) -> str:
        """The verdict by its share: `partly` where some calls have the field."""
        return shown_verdict(self.field)

    @property
    def word(self) -> str:
        """The verdict as people read it."""
        return spoken(self.verdict)


@dataclass(frozen=True)
class Excerpt:
    """A masked excerpt cut at its caret, every hidden character spelled out."""

    before: str
    under: str
    after: str


@dataclass(frozen=True)
class View:
    """A report in reading order."""

    report: Report
    headline: str
    owner_line: str
    open_rows: list[FieldRow]
    other_gaps: list[Gap]  # about no field of the report
    other_rows: list[FieldRow]
    uncarried_rows: list[FieldRow]
    few: bool

    @property
    def calls(self) -> int:
        """The denominator of everything."""
        return distinct_calls(self.report)


def arrange(report: Report, handbook: Handbook) -> View:
    """The report in the order in which it is read: what is wrong by weight, what is right, what cannot be."""
    few = distinct_calls(report) < FEW
    rows = [_row(report, field, few, handbook) for field in asked_fields(report)]
    if not distinct_calls(report):
        rows = []  # an answer about sums says how the input carries each field
    worst_first = sorted(rows, key=_loss)
    open_rows = [r for r in worst_first if _needs_work(r)]
    rest = [r for r in rows if r not in open_rows]
    fields = {row.field.field for row in rows}
    return View(
        report=report,
        headline=_headline(report),
        owner_line=_owner_line(report, few),
        open_rows=open_rows,
        other_gaps=[gap for gap in report.gaps if gap.field not in fields],
        other_rows=[r for r in rest if r.field.verdict != "not_carried"],
        uncarried_rows=[r for r in rest if r.field.verdict == "not_carried"],
        few=few,
    )


def excerpt(anchor: Anchor) -> Excerpt | None:
    """The anchor's excerpt in three parts; the middle one is empty where there is no caret."""
    if anchor.excerpt is None:
        return None
    start, length = anchor.caret or (0, 0)
    text = anchor.excerpt
    return Excerpt(logged(text[:start]), logged(text[start : start + length]), logged(text[start + length :]))


def place(anchor: Anchor) -> str:
    """Where an example record is: `spans.json, record 77, line 2041, column 12`."""
    parts = [logged(anchor.input), f"record {count(anchor.record)}"]
    if anchor.line is not None:
        parts.append(f"line {count(anchor.line)}")
    if anchor.column is not None:
        parts.append(f"column {count(anchor.column)}")
    return ", ".join(parts)


def recipes(gap: Gap, handbook: Handbook) -> list[Recipe]:
    """The fixes of a gap, with the snippet of the recipe that the report quotes."""
    return [handbook.recipe(stack, text, gap.field) for stack, text in gap.fixes.items()]


def segments(field: FieldReport) -> list[tuple[str, float, float]]:
    """The bar of a field: verdict, start and width in per cent, by the report's weight."""
    found, at = [], 0.0
    for verdict in ("present", "mis_scoped", "absent", "not_carried"):
        width = round(100 * getattr(field.weight, verdict), 2)
        if width > 0:
            found.append((verdict, round(at, 2), width))
        at += width
    return found


def _row(report: Report, field: FieldReport, few: bool, handbook: Handbook) -> FieldRow:
    known = handbook.field(field.field)
    base = coverage_base(field)
    if field.verdict == "not_carried":
        figure = "; ".join(uncarried(report, field, "")) or (
            "none of these formats carries it" if len(report.inputs) > 1 else "this format cannot carry it"
        )
    elif few:
        figure = f"{count(field.present)} of {plural(base, 'call')}"
    else:
        weight = field.weight.present + field.weight.absent + field.weight.mis_scoped
        part = field.weight.present / weight if weight > 0 else 0.0
        figure = f"{share(part)} of {report.totals.weighted_by}"
    return FieldRow(
        field=field,
        title=known.title,
        definition=known.definition,
        gaps=[gap for gap in report.gaps if gap.field == field.field],
        figure=figure,
        why="; ".join(uncarried(report, field, carriers_hint(field))) if not base else "",
        unasked=unasked(report, field),
    )


def _needs_work(row: FieldRow) -> bool:
    """What is asked for and not there, or has a gap; a present field with only a note does not."""
    if any(gap.level != "note" for gap in row.gaps):
        return True
    return row.field.verdict in ("absent", "mis_scoped") and (row.field.required or bool(row.gaps))


def _loss(row: FieldRow) -> tuple[bool, float]:
    return (not row.field.required, -(row.field.weight.absent + row.field.weight.mis_scoped))


def _headline(report: Report) -> str:
    if not report.totals.calls:
        return "No calls, sums only" if any(given.totals for given in report.inputs) else "Nothing to audit"
    return report.score.band[:1].upper() + report.score.band[1:]


def _owner_line(report: Report, few: bool) -> str:
    two = report.totals.two_owners_cost_usd
    return _unowned(report, few) + (f" {money(two)} has two owners, who differ by hop." if two else "")


def _unowned(report: Report, few: bool) -> str:
    totals = report.totals
    if not totals.calls:
        return f"{ownership(report)}."
    whole = distinct_calls(report)
    missing = round(totals.unattributed_calls * whole)
    if not missing and not totals.unattributed_cost_usd:
        return f"Every one of {plural(whole, 'call')} has an owner."
    calls = f"{count(missing)} of {plural(whole, 'call')}"
    if totals.cost_basis == "none":
        return f"{calls} {'has' if missing == 1 else 'have'} no owner."
    part = "" if few else f" ({share(totals.unattributed_cost)})"
    about = "About " if totals.cost_basis == "estimated" else ""
    lost, spent = money(totals.unattributed_cost_usd), money(totals.cost_usd)
    return f"{about}{lost} of {spent}{part} has no owner: {calls}."
