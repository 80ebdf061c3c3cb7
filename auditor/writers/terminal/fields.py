"""The field table of the terminal report: what is there, what is not, and what that costs.

Required fields and fields with gaps have a row each; all others share one line a verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.catalogue.words import NOT_CARRIED_CAUSES, Cause, Verdict
from auditor.printing.ink import glyph, spoken, tone
from auditor.printing.page import Page
from auditor.printing.text import FEW, cells, count, money, pad, plural
from auditor.report.sentences import (
    asked_fields,
    carriers_hint,
    coverage,
    distinct_calls,
    shown_verdict,
    unasked,
    uncarried,
)

if TYPE_CHECKING:
    from auditor.report.schema import FieldReport, Report

GAP = "  "
MAX_FOUND = 2
LOST = 3  # the column that a narrow page leaves out
RIGHT = (2, 4)
ON_THE_CALL = ("request", "request_metadata", "gateway_record", "span")
# causes that mean "right value, wrong place"
ELSEWHERE = {Cause.WIDER_SCOPE, Cause.WIRE_ONLY, Cause.WRONG_RECORD, Cause.ATTEMPT_ONLY, Cause.WEAK_ALIAS}
_REST = {
    "present": "also present",
    "absent": "also absent, not required",
    "mis_scoped": "also mis-scoped, not required",
    "not_carried": "not carried, not required",
}


def field_table(page: Page, report: Report) -> None:
    """One row a field that matters, with where it was found and wanted; one line for the others."""
    fields = asked_fields(report)
    shown = [f for f in fields if f.required or (f.gaps and f.verdict != "present")]
    rows = [_row(field, report) for field in shown]
    if rows:
        head = _head(report)
        widths = [max(cells(row[i]) for row in [head, *rows]) for i in range(len(head))]
        narrow = 2 + sum(widths) + len(GAP) * (len(widths) - 1) > page.width
        if narrow:  # the counts move to the line below
            widths[LOST] = 0
        page.add()
        page.add("  " + page.ink(_line(head, widths), "dim"))
        for n, (field, row) in enumerate(zip(shown, rows, strict=True)):
            if not field.required and n and shown[n - 1].required:
                page.add("  " + page.ink("not required, with gaps", "dim"))
            _print(page, report, field, row, widths)
    _others(page, [f for f in fields if f not in shown])


def _head(report: Report) -> list[str]:
    few = distinct_calls(report) < FEW
    head = ["field", "verdict", "has it" if few else f"by {report.totals.weighted_by}", "calls without"]
    return head if report.totals.cost_basis == "none" else [*head, "cost without"]


def _row(field: FieldReport, report: Report) -> list[str]:
    row = [field.field, spoken(shown_verdict(field)), coverage(field, distinct_calls(report)), _lost(field)]
    if report.totals.cost_basis != "none":
        lost = field.cost.absent + field.cost.mis_scoped
        row.append(money(lost) if lost else "")
    return row


def _lost(field: FieldReport) -> str:
    parts = ((field.mis_scoped, "mis-scoped"), (field.absent, "absent"))
    return ", ".join(f"{count(number)} {word}" for number, word in parts if number)


def _line(row: list[str], widths: list[int]) -> str:
    cut = [
        pad(cell, width, right=i in RIGHT)
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        if width
    ]
    return GAP.join(cut)


def _print(page: Page, report: Report, field: FieldReport, row: list[str], widths: list[int]) -> None:
    shown = shown_verdict(field)
    ink, color = page.ink, tone(shown)
    start = widths[0] + len(GAP) + widths[1]
    line = _line(row, widths)
    name, verdict, figures = line[: widths[0]], line[widths[0] : start], line[start:]
    bold = "bold" if field.verdict in ("absent", "mis_scoped") else ""
    page.add(f"{ink(page.safe(glyph(shown)), color)} {ink(name, bold)}{ink(verdict, color)}{figures}")
    parts = [_lost(field)] if not widths[LOST] else []
    detail = "; ".join(part for part in [*parts, *_detail(report, field)] if part)
    if detail:
        page.prose(detail, indent=4 + widths[0], tones=("dim",))


def _detail(report: Report, field: FieldReport) -> list[str]:
    """Where the value is and where it is wanted, what is wrong with it, or who can carry it at all."""
    if field.verdict == "not_carried":
        return [*uncarried(report, field, carriers_hint(field)), unasked(report, field)]
    parts = [
        f"{spoken(cause)}: {plural(calls, 'call')}"
        for cause, calls in field.causes.items()
        if cause not in NOT_CARRIED_CAUSES | ELSEWHERE | {Cause.MISSING}
    ]
    wide = _found_elsewhere(field)
    if wide and not (parts and not ELSEWHERE & set(field.causes)):
        more = f" and {len(wide) - MAX_FOUND} more" if len(wide) > MAX_FOUND else ""
        parts = [f"found at {', '.join(wide[:MAX_FOUND])}{more}", f"wanted on {_wanted(field)}", *parts]
    if field.not_carried:
        parts.append(f"not carried: {plural(field.not_carried, 'call')}")
    return [*parts, unasked(report, field)]


def _found_elsewhere(field: FieldReport) -> list[str]:
    """Each key that is no evidence, once, at the narrowest scope it was seen at."""
    seen: dict[str, str] = {}
    for found in field.found:
        if not found.accepted and field.verdict != "present":
            seen.setdefault(found.key, f"{found.key} ({spoken(found.scope)}, {count(found.calls)})")
    return list(seen.values())


def _wanted(field: FieldReport) -> str:
    """The scopes that are evidence; those that every field accepts are the call itself."""
    own = [scope for scope in field.wanted if scope in ON_THE_CALL]
    names = ["the call itself"] if len(own) == len(ON_THE_CALL) else [spoken(scope) for scope in own]
    return _listed([*names, *(spoken(scope) for scope in field.wanted if scope not in ON_THE_CALL)], "or")


def _listed(names: list[str], joint: str) -> str:
    return f" {joint} ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def _others(page: Page, fields: list[FieldReport]) -> None:
    for verdict in Verdict:
        names = [field.field for field in fields if field.verdict == verdict]
        if names:
            label = _REST[verdict]
            page.labelled(f"{label}:", ", ".join(names), gutter=cells(label) + 2, indent=2)
