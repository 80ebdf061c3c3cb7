"""The terminal sections beyond one input: the chain of each field, money against the bill, questions, owners.

Each prints nothing where the report has nothing of the kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.printing.text import cells, money, pad, plural
from auditor.report.sentences import (
    border_text,
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
    """One chain a field, the border at which it dies marked below it; then what was joined by what."""
    every = fields_over_hops(report)
    if not every:
        return
    page.heading("over the hops")
    lines = [line for line in every if not is_intact(line)]
    _chains(page, lines)
    whole = [line.field for line in every if is_intact(line)]
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
            told = arrow.join(pad(page.safe(hop), width) for hop, width in zip(chain, widths, strict=True))
            page.add(f"  {pad(line.field, name)}{told}")
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
    held = report.reconciliation
    if held is None:
        return
    page.heading("logs against the bill")
    page.prose(reconciliation_text(held), indent=4, first="  ")
    off = largest_differences(held)
    width = max((cells(usd(row.delta_usd)) for row in off[:MAX_DELTAS]), default=0)
    for row in off[:MAX_DELTAS]:
        what = ", ".join(part for part in (row.model, row.usage.replace("_", " "), row.day) if part)
        sums = f"logs {usd(row.log_usd)}, bill {usd(row.bill_usd)}"
        delta = pad(usd(row.delta_usd), width, right=True)
        page.labelled(delta, f"{what}: {sums}; {row.reason}", gutter=width + 2, tone="yellow")
    if len(off) > MAX_DELTAS:
        page.prose(f"and {plural(len(off) - MAX_DELTAS, 'more row')} outside", indent=2, tones=("dim",))
    for one in held.left_out:
        told = f"not compared: {one.what}, {plural(one.lines, 'line')}, {usd(one.cost_usd)}"
        page.prose(told, indent=4, first="  ", tones=("dim",))
    for note in held.notes:
        page.prose(note, indent=4, first="  ", tones=("dim",))


def questions(page: Page, report: Report) -> None:
    """Each question with its answer and for how much of the money; what it needs where there is none."""
    if not report.questions:
        return
    page.heading("what these inputs can answer")
    for one in report.questions:
        mark, tone = _ANSWERS[one.answer]
        facts = [money_share(report, one.share), one.grain if one.grain != "none" else ""]
        told = ", ".join(fact for fact in facts if fact)
        if one.answer == "no":  # what it would take
            told = f"needs {one.mechanism}"
        text = f"{one.question} {told}".rstrip()
        page.labelled(f"{page.safe(mark)} {one.answer}", text, gutter=10, tone=tone)


def owners(page: Page, report: Report) -> None:
    """The largest owners, and always what nobody owns."""
    if not report.owners:
        return
    shown = [one for n, one in enumerate(report.owners) if n < MAX_OWNERS or one.owner is None]
    names = [page.clip(page.safe(one.owner or "no owner"), page.width // 3) for one in shown]
    rows = [_owner(one, report) for one in shown]
    width = max(map(cells, names))
    widths = [max(cells(row[i]) for row in rows) for i in range(len(rows[0]))]
    page.heading("spend by owner")
    for one, name, row in zip(shown, names, rows, strict=True):
        figures = "  ".join(
            pad(cell, wide, right=True) for cell, wide in zip(row, widths, strict=True) if wide
        )
        found = f"  {one.field}" if one.field else ""
        found = found if 4 + width + cells(figures) + cells(found) <= page.width else ""
        ink = ("bold", "red") if one.owner is None else ()
        page.add(f"  {page.ink(pad(name, width), *ink)}  {figures}{page.ink(found, 'dim')}")
    more = len(report.owners) - len(shown)
    if more:
        page.prose(f"and {plural(more, 'more owner')}", indent=2, tones=("dim",))


def _owner(one: Owner, report: Report) -> list[str]:
    return [money(one.cost_usd), money_share(report, one.share), plural(one.calls, "call")]
