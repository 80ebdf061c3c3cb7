"""A report as Markdown sections, the most important first; those over the limit are left out and named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from auditor.printing.ink import spoken
from auditor.printing.markdown_escape import block, code, table, words
from auditor.printing.text import count, money, plural
from auditor.report.locations import (
    anchor_address,
    first_anchor,
    gap_calls,
    gap_size,
    sentence,
    suppression_text,
)
from auditor.report.sentences import (
    asked_fields,
    carried_fields,
    counts,
    coverage,
    distinct_calls,
    gate_text,
    input_counts,
    open_gaps,
    ownership,
    score_text,
    shown_verdict,
    volume,
)
from auditor.writers.markdown.hops import bill_differences, chain, owners, plan, questions

if TYPE_CHECKING:
    from auditor.report.schema import FieldReport, Gap, Report

MAX_PLACES = 3
RESERVE = 1000  # bytes kept for the closing lines


def page(report: Report, *, limit: int, gaps: int, marker: str = "") -> bytes:
    """The report in at most `limit` bytes, with at most `gaps` gaps in its table."""
    sections, left_out = [marker] if marker else [], []
    used = len(marker)
    for name, lines in _sections(report, gaps):
        text = "\n".join(lines)
        if used + len(text.encode()) + 2 > limit - RESERVE:
            left_out.append(name)
            continue
        sections.append(text)
        used += len(text.encode()) + 2
    if left_out:
        sections.append(f"Left out for length: {', '.join(left_out)}. `auditor audit` shows all of it.")
    sections.append(f"<sub>{words('; '.join(counts(report)))}. {words(_made_by(report))}</sub>")
    return ("\n\n".join(sections) + "\n").encode()


def _made_by(report: Report) -> str:
    ruleset = report.ruleset
    return f"Profile {report.profile}, rules {ruleset.version} ({ruleset.digest[:12]})"


def _sections(report: Report, gaps: int) -> Iterator[tuple[str, list[str]]]:
    """The sections by name, the most important first."""
    yield "answer", _answer(report)
    sections = {
        "fields": _fields(report),
        "answers": _answers(report),
        "gaps": _gaps(report, gaps),
        "hops": chain(report),
        "money": bill_differences(report),
        "plan": plan(report),
        "questions": questions(report),
        "owners": owners(report),
        "unreadable": _unread(report),
        "suppressed": _suppressed(report),
        "details": _details(report, gaps),
        "notes": _notes(report),
    }
    for name, lines in sections.items():
        if lines:
            yield name, lines


def _answer(report: Report) -> list[str]:
    inputs = ", ".join(
        f"{code(given.name)} ({given.format}, {input_counts(given)})" for given in report.inputs
    )
    return [
        "## Attribution gaps",
        "",
        f"**{words(ownership(report))}.**",
        "",
        f"{words(gate_text(report))[0].upper()}{words(gate_text(report))[1:]}; {words(score_text(report))}.",
        "",
        f"{words(volume(report))} in {inputs}.",
    ]


def _fields(report: Report) -> list[str]:
    shown = [f for f in asked_fields(report) if f.required or (f.gaps and f.verdict != "present")]
    if not shown or not report.totals.calls:
        return []
    head = ["field", "verdict", "has it", "calls without", "cost without"]
    priced = report.totals.cost_basis != "none"
    rows = [_field(field, report)[: 5 if priced else 4] for field in shown]
    return table(head[: 5 if priced else 4], rows, right=(2, 3, 4) if priced else (2, 3))


def _field(field: FieldReport, report: Report) -> list[str]:
    lost, cost = field.absent + field.mis_scoped, field.cost.absent + field.cost.mis_scoped
    verdict = spoken(shown_verdict(field))
    return [
        code(field.field),
        f"**{verdict}**" if field.verdict in ("absent", "mis_scoped") else verdict,
        coverage(field, distinct_calls(report)),
        count(lost) if lost else "",
        money(cost) if cost else "",
    ]


def _answers(report: Report) -> list[str]:
    """What inputs without calls carry, what they can and cannot say, and what to collect."""
    lines: list[str] = []
    for given in report.inputs:
        if given.answer is None:
            continue
        carried = carried_fields(report, given)
        rows = [[state, ", ".join(map(code, fields))] for state, fields in carried.items()]
        lines += [f"### What {code(given.name)} carries", "", *table(["carried", "fields"], rows), ""]
        lines += [f"- Answers: {words(text)}" for text in given.answer.can]
        lines += [f"- Cannot tell: {words(text)}" for text in given.answer.cannot]
        lines += [f"- Collect next: {words(text)}" for text in given.answer.collect]
        lines.append("")
    return lines[:-1]


def _gaps(report: Report, most: int) -> list[str]:
    gaps = open_gaps(report)
    if not gaps:
        return []
    rows = [
        [gap.level, gap.rule, code(gap.field), words(gap.message), gap_size(gap), _where(gap)]
        for gap in gaps[:most]
    ]
    lines = ["### Gaps", "", *table(["level", "rule", "field", "gap", "how much", "for example"], rows)]
    more = len(gaps) - most
    return [*lines, "", f"and {plural(more, 'more gap')}"] if more > 0 else lines


def _where(gap: Gap) -> str:
    anchor = first_anchor(gap)
    return code(anchor_address(anchor)) if anchor else ""


def _suppressed(report: Report) -> list[str]:
    rows = [
        [
            gap.rule,
            code(gap.field),
            plural(gap.calls, "call") if gap.of else gap_calls(gap),
            words(suppression_text(gap.suppressed)),
        ]
        for gap in report.gaps
        if gap.suppressed
    ]
    return ["### Suppressed", "", *table(["rule", "field", "calls", "why"], rows)] if rows else []


def _unread(report: Report) -> list[str]:
    rows = [
        [code(given.name), str(skip.line or ""), words(skip.reason)]
        for given in report.inputs
        for skip in given.skipped
    ]
    total = sum(given.skipped_total for given in report.inputs)
    if not total:
        return []
    return [f"### {plural(total, 'record')} could not be read", "", *table(["input", "line", "reason"], rows)]


def _details(report: Report, most: int) -> list[str]:
    lines = [line for gap in open_gaps(report)[:most] if gap.level != "note" for line in _detail(gap)]
    return (
        ["<details><summary>Where, why and how to fix</summary>", "", *lines, "</details>"] if lines else []
    )


def _detail(gap: Gap) -> list[str]:
    anchor = first_anchor(gap)
    lines = [f"#### {gap.rule} {words(gap.message)}", "", words(sentence(gap.why)), ""]
    if anchor and anchor.excerpt:
        pointer = f" at {code(anchor.pointer)}" if anchor.pointer else ""
        lines += [f"{code(anchor_address(anchor))}{pointer}:", "", *block(anchor.excerpt), ""]
    places = [f"{code(place.name)} ({place.dimension})" for place in gap.where][: MAX_PLACES * 2]
    if places:
        lines += [f"Sits in {', '.join(places)}.", ""]
    lines += [f"- **{words(stack)}**: {words(text)}" for stack, text in gap.fixes.items()]
    return [*lines, ""] if gap.fixes else lines


def _notes(report: Report) -> list[str]:
    notes = [f"{given.name}: {note}" for given in report.inputs for note in given.notes] + report.notes
    if not notes:
        return []
    lines = [f"- {words(note)}" for note in notes]
    return ["<details><summary>Notes</summary>", "", *lines, "", "</details>"]
