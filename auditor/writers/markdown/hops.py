"""The Markdown sections about hops, the bill, questions, owners and the plan; each may be empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.printing.markdown_escape import code, table, words
from auditor.printing.text import count, money, plural
from auditor.report.sentences import (
    border_text,
    causes_text,
    difference_text,
    fields_over_hops,
    hop_coverage,
    join_text,
    largest_differences,
    money_share,
    reconciliation_text,
    step_effects,
    usd,
    worst_border,
)

if TYPE_CHECKING:
    from auditor.report.schema import FieldHops, Hop, ReconciledRow, Report

MAX_ROWS = 10
MAX_OWNERS = 10


def chain(report: Report) -> list[str]:
    """Which input carries which field, and between which inputs it is lost."""
    lines = fields_over_hops(report)
    if not lines:
        return []
    head = ["field", *(code(hop.input) for hop in lines[0].hops), "lost"]
    rows = [[code(line.field), *(_hop(line, hop) for hop in line.hops), _lost(line)] for line in lines]
    joins = [line for join in report.joins for line in ("", f"{words(join_text(join))}.")]
    return ["### From hop to hop", "", *table(head, rows), *joins]


def _hop(line: FieldHops, hop: Hop) -> str:
    coverage = hop_coverage(hop)
    return f"**{coverage}**" if hop.input == line.dies_at else coverage


def _lost(line: FieldHops) -> str:
    border = worst_border(line)
    return f"{words(border_text(border))} at {code(border.after)}" if border else ""


def bill_differences(report: Report) -> list[str]:
    """The largest differences between the logs and the bill."""
    reconciliation = report.reconciliation
    if reconciliation is None:
        return []
    rows = [_difference(row) for row in largest_differences(reconciliation)[:MAX_ROWS]]
    lines = ["### Logs against the bill", "", f"{words(reconciliation_text(reconciliation))}."]
    difference = difference_text(reconciliation)
    if difference:
        lines += ["", f"{words(difference)}."]
    if rows:
        head = ["day", "model", "usage", "logs", "bill", "logs - bill", "why"]
        lines += ["", *table(head, rows, right=(3, 4, 5))]
    for excluded in reconciliation.left_out:
        size = f"{plural(excluded.lines, 'line')}, {usd(excluded.cost_usd)}"
        lines += ["", f"Not compared: {words(excluded.what)}, {size}."]
    return [*lines, *(line for note in reconciliation.notes for line in ("", words(note)))]


def _difference(row: ReconciledRow) -> list[str]:
    sums = [usd(amount) for amount in (row.log_usd, row.bill_usd, row.delta_usd)]
    several = causes_text(row.causes) if len(row.causes) > 1 else ""
    why = "; ".join(part for part in (row.reason, several) if part)
    return [row.day or "", code(row.model), words(row.usage), *sums, words(why)]


def questions(report: Report) -> list[str]:
    """What these inputs can answer."""
    rows = [
        [
            words(question.question),
            f"**{question.answer}**",
            money_share(report, question.share),
            words(question.mechanism),
            words(question.limits),
        ]
        for question in report.questions
    ]
    head = ["question", "answer", "of the money", "by", "limits"]
    return ["### What can be answered", "", *table(head, rows, right=(2,))] if rows else []


def owners(report: Report) -> list[str]:
    """The largest owners, and always the spend without an owner."""
    if not report.owners:
        return []
    shown = [owner for n, owner in enumerate(report.owners) if n < MAX_OWNERS or owner.owner is None]
    rows = [
        [
            "**no owner**" if owner.owner is None else code(owner.owner),
            code(owner.field or ""),
            count(owner.calls),
            count(owner.tokens),
            money(owner.cost_usd),
            money_share(report, owner.share),
        ]
        for owner in shown
    ]
    head = ["owner", "field", "calls", "tokens", "cost", "share"]
    lines = ["### Spend by owner", "", *table(head, rows, right=(2, 3, 4, 5))]
    more = len(report.owners) - len(shown)
    return [*lines, "", f"and {plural(more, 'more owner')}"] if more else lines


def plan(report: Report) -> list[str]:
    """The steps, each with the score after it."""
    if not report.plan:
        return []
    rows = [
        [
            str(step.step),
            words(step.change),
            words(step.where),
            ", ".join(map(code, step.fields)),
            plural(step.calls_fixed, "call") if report.totals.calls else "totals",
            money(step.cost_fixed) if step.cost_fixed else "",
            words("; ".join(step_effects(step, report))),
        ]
        for step in report.plan
    ]
    head = ["step", "change", "where", "fields", "attributes", "worth", "then"]
    return ["### What to change, in this order", "", *table(head, rows)]
