"""The report for a terminal: field table, one block a gap, next steps, counts, score and gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.printing.page import Page
from auditor.printing.text import cells, count, money, pad, plural
from auditor.report.sentences import (
    counts,
    gate_text,
    input_counts,
    ownership,
    score_text,
    step_effects,
    volume,
)
from auditor.writers import Options, Writer
from auditor.writers.terminal.answers import answers
from auditor.writers.terminal.fields import field_table
from auditor.writers.terminal.gaps import gap_blocks, suppressed_line
from auditor.writers.terminal.hops import against_the_bill, hops, owners, principals, questions

if TYPE_CHECKING:
    from auditor.report.schema import InputReport, Report

MIN_NAME = 16


def write(report: Report, options: Options) -> bytes:
    """The report as lines; the last two alone in a quiet style."""
    page = Page(options.style)
    if not options.style.quiet:
        _inputs(page, report)
        if report.totals.calls:
            field_table(page, report)
        answers(page, report)
        hops(page, report)
        gap_blocks(page, report)
        _suppressed(page, report)
        against_the_bill(page, report)
        questions(page, report)
        owners(page, report)
        principals(page, report)
        _plan(page, report)
        _unread(page, report)
        _notes(page, report)
        page.add()
    _close(page, report)
    return page.bytes()


def _inputs(page: Page, report: Report) -> None:
    rows = [_input(page, given) for given in report.inputs]
    widths = [max(cells(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    # the name is cut first: it is the longest, and its end identifies the input
    spare = page.width - sum(widths[1:]) - 3 * (len(widths) - 1)
    for row in rows:
        if spare < MIN_NAME:
            page.add(page.ink(page.clip(row[0], page.width, tail=True), "bold"))
            page.sentence([(cell.strip(), "") for cell in row[1:] if cell], indent=2)
            continue
        name = pad(page.clip(row[0], spare, tail=True), min(widths[0], spare))
        rest = [
            pad(cell, width, right=i > 1)
            for i, (cell, width) in enumerate(zip(row[1:], widths[1:], strict=True))
        ]
        page.add("   ".join([page.ink(name, "bold"), *rest]))
    page.add()
    page.sentence([(volume(report), ""), (f"profile {report.profile}", "dim")])
    totals = report.totals
    lost = totals.unattributed_calls > 0 or totals.unattributed_cost_usd > 0 or not totals.calls
    page.prose(ownership(report), tones=("bold", "red") if lost else ("bold", "green"))


def _input(page: Page, given: InputReport) -> list[str]:
    return [
        page.safe(given.name),
        page.safe(given.format),
        page.safe(given.layer),
        input_counts(given),
        f"{count(given.context)} context" if given.context else "",
        ", ".join(_not_judged(given)),
    ]


def _not_judged(given: InputReport) -> list[str]:
    counts = ((given.skipped_total, "unreadable"), (given.not_counted, "like a call, not counted"))
    return [f"{count(number)} {what}" for number, what in counts if number]


def _suppressed(page: Page, report: Report) -> None:
    for by, heading in (("policy", "suppressed by the policy"), ("baseline", "in the baseline")):
        gaps = [gap for gap in report.gaps if gap.suppressed and gap.suppressed.by == by]
        if gaps:
            page.heading(heading)
        for gap in gaps:
            suppressed_line(page, gap)


def _plan(page: Page, report: Report) -> None:
    if not report.plan:
        return
    page.heading("next steps")
    for step in report.plan:
        spend = f", {money(step.cost_fixed)}" if step.cost_fixed else ""
        at = f" at {step.where}" if step.where else ""
        page.labelled(str(step.step), step.change, gutter=3, tone="bold")
        calls = plural(step.calls_fixed, "call") if report.totals.calls else "totals"
        gain = f"{calls}{spend}, closes {', '.join(step.rules)}"
        page.prose(f"{', '.join(step.fields)}{at}: {gain}", indent=5, tones=("dim",))
        then = step_effects(step, report)
        if then:
            page.prose("; ".join(then), indent=5, tones=("green",))


def _unread(page: Page, report: Report) -> None:
    if not any(given.skipped_total for given in report.inputs):
        return
    page.heading("could not be read")
    for given in report.inputs:
        for skip in given.skipped:
            at = f":{skip.line}" if skip.line is not None else ""
            page.prose(f"{given.name}{at}  {skip.reason}", indent=4, first="  ")
        more = given.skipped_total - len(given.skipped)
        if more > 0:
            page.prose(f"{given.name}: {count(more)} more", indent=4, first="  ", tones=("dim",))


def _notes(page: Page, report: Report) -> None:
    notes = [(given.name, note) for given in report.inputs for note in given.notes]
    lines = [f"{name}: {note}" for name, note in notes]
    lines += [f"{given.name}: could also be read as {given.also}" for given in report.inputs if given.also]
    lines += report.notes
    if report.score.uncheckable and report.totals.calls:
        lines.append(f"Not checkable here: {', '.join(report.score.uncheckable)}")
    if lines:
        page.heading("notes")
    for line in lines:
        page.prose(line, indent=4, first=page.safe("  - "))


def _close(page: Page, report: Report) -> None:
    page.sentence([(part, "") for part in counts(report)])
    passed = "green" if report.gate.passed else "error"
    page.sentence(
        [(score_text(report), "bold"), (gate_text(report), passed if report.totals.calls else "bold")]
    )


WRITER = Writer("terminal", ".txt", "text/plain; charset=utf-8", write)
