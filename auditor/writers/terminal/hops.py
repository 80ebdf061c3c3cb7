"""The terminal sections about hops, the bill, questions and owners; each may be empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.printing.text import cells, money, pad, plural
from auditor.report.sentences import (
    border_text,
    difference_text,
    fields_over_hops,
    hop_coverage,
    is_intact,
    join_text,
    largest_differences,
    money_share,
    reconciliation_text,
    usd,
    worst_border,
)

if TYPE_CHECKING:
    from auditor.printing.page import Page
    from auditor.report.schema import FieldHops, Owner, Report

MAX_DELTAS = 5
MAX_OWNERS = 5
_ANSWERS = {"yes": ("●", "green"), "partly": ("◐", "yellow"), "no": ("○", "red")}


def hops(page: Page, report: Report) -> None:
    """One chain a field, with the border that loses it below; then how the inputs were joined."""
    followed = fields_over_hops(report)
    if not followed:
        return
    page.heading("over the hops")
    lines = [line for line in followed if not is_intact(line)]
    _chains(page, lines)
    whole = [line.field for line in followed if is_intact(line)]
    if whole:
        label = "carried all the way:" if lines else "every field is carried all the way:"
        page.labelled(label, ", ".join(whole), gutter=cells(label) + 1)
    for join in report.joins:
        page.prose(join_text(join), indent=4, first="  ", tones=("dim",))


def _chains(page: Page, lines: list[FieldHops]) -> None:
    """The fields that are lost or carried in part: all in columns where they fit, else each wrapped."""
    if not lines:
        return
    chains = [_chain(line) for line in lines]
    widths = [max(cells(chain[i]) for chain in chains) for i in range(len(chains[0]))]
    name = max(cells(line.field) for line in lines) + 2
    arrow = page.safe(" → ")
    fits = 2 + name + sum(widths) + len(arrow) * (len(widths) - 1) <= page.width
    for line, chain in zip(lines, chains, strict=True):
        if fits:
            joined = arrow.join(pad(page.safe(hop), width) for hop, width in zip(chain, widths, strict=True))
            page.add(f"  {pad(line.field, name)}{joined}")
        else:
            page.labelled(line.field, " → ".join(chain), gutter=name, tone="")
        border = worst_border(line)
        if border:
            lost = f"✗ lost between {border.before} and {border.after}: {border_text(border)}"
            page.prose(lost, indent=2 + name, tones=("red",))


def _chain(line: FieldHops) -> list[str]:
    layers = [hop.layer for hop in line.hops]
    names = layers if len(set(layers)) == len(layers) else [hop.input for hop in line.hops]
    return [
        f"{name} {hop_coverage(hop) if hop.of else '-'}" for name, hop in zip(names, line.hops, strict=True)
    ]


def against_the_bill(page: Page, report: Report) -> None:
    """How many rows agree, and the largest differences."""
    reconciliation = report.reconciliation
    if reconciliation is None:
        return
    page.heading("logs against the bill")
    page.prose(reconciliation_text(reconciliation), indent=4, first="  ")
    difference = difference_text(reconciliation)
    if difference:
        page.prose(difference, indent=4, first="  ")
    off = largest_differences(reconciliation)
    width = max((cells(usd(row.delta_usd)) for row in off[:MAX_DELTAS]), default=0)
    for row in off[:MAX_DELTAS]:
        what = ", ".join(part for part in (row.model, row.usage.replace("_", " "), row.day) if part)
        sums = f"logs {usd(row.log_usd)}, bill {usd(row.bill_usd)}"
        delta = pad(usd(row.delta_usd), width, right=True)
        page.labelled(delta, f"{what}: {sums}; {row.reason}", gutter=width + 2, tone="yellow")
    if len(off) > MAX_DELTAS:
        page.prose(f"and {plural(len(off) - MAX_DELTAS, 'more row')} outside", indent=2, tones=("dim",))
    for excluded in reconciliation.left_out:
        text = f"not compared: {excluded.what}, {plural(excluded.lines, 'line')}, {usd(excluded.cost_usd)}"
        page.prose(text, indent=4, first="  ", tones=("dim",))
    for note in reconciliation.notes:
        page.prose(note, indent=4, first="  ", tones=("dim",))


def questions(page: Page, report: Report) -> None:
    """Each question with its answer and its share of the money; for a no, what it needs."""
    if not report.questions:
        return
    page.heading("what these inputs can answer")
    for question in report.questions:
        mark, tone = _ANSWERS[question.answer]
        facts = [money_share(report, question.share), question.grain if question.grain != "none" else ""]
        detail = ", ".join(fact for fact in facts if fact)
        if question.answer == "no":  # what it would take
            detail = f"needs {question.mechanism}"
        text = f"{question.question} {detail}".rstrip()
        page.labelled(f"{page.safe(mark)} {question.answer}", text, gutter=10, tone=tone)


def owners(page: Page, report: Report) -> None:
    """The largest owners, and always the spend without an owner."""
    if not report.owners:
        return
    shown = [owner for n, owner in enumerate(report.owners) if n < MAX_OWNERS or owner.owner is None]
    names = [page.clip(page.safe(owner.owner or "no owner"), page.width // 3) for owner in shown]
    rows = [_owner(owner, report) for owner in shown]
    width = max(map(cells, names))
    widths = [max(cells(row[i]) for row in rows) for i in range(len(rows[0]))]
    page.heading("spend by owner")
    for owner, name, row in zip(shown, names, rows, strict=True):
        figures = "  ".join(
            pad(cell, wide, right=True) for cell, wide in zip(row, widths, strict=True) if wide
        )
        field = f"  {owner.field}" if owner.field else ""
        field = field if 4 + width + cells(figures) + cells(field) <= page.width else ""
        ink = ("bold", "red") if owner.owner is None else ()
        page.add(f"  {page.ink(pad(name, width), *ink)}  {figures}{page.ink(field, 'dim')}")
    more = len(report.owners) - len(shown)
    if more:
        page.prose(f"and {plural(more, 'more owner')}", indent=2, tones=("dim",))


def principals(page: Page, report: Report) -> None:
    """Each IAM principal with its spend, and what tells that several applications share it."""
    if not report.principals:
        return
    page.heading("spend by IAM principal")
    for one in report.principals[:MAX_OWNERS]:
        facts = [money(one.cost_usd), plural(one.calls, "call"), plural(one.sessions, "session")]
        if one.owners:
            facts.append(plural(one.owners, "owner"))
        facts.append(f"shared by {one.shared_by}" if one.shared_by else "")
        page.labelled(f"{page.safe(one.name)} ({one.shape})", ", ".join(filter(None, facts)), gutter=4)


def _owner(owner: Owner, report: Report) -> list[str]:
    calls = plural(owner.calls, "call") if report.totals.calls else ""
    return [money(owner.cost_usd), money_share(report, owner.share), calls]
