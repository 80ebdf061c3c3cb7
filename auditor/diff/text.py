"""A diff in words: for the terminal, as Markdown, and the sentences that the page says as well.

It compares nothing: every figure stands in the diff.
"""

from __future__ import annotations

import re

from auditor.diff.compare import KINDS, Change, Diff, FieldChange, Part, Stand, count_of
from auditor.printing.ink import Style, spoken
from auditor.printing.page import Page
from auditor.printing.text import FEW, clip, count, money, plural, share, visible

_TONES = {"new": "red", "grown": "red", "moved": "yellow", "shrunk": "green", "gone": "green", "same": "dim"}
NAMES = 60  # characters of the inputs' names on one line


def headline(diff: Diff) -> str:
    """`2 new, 1 grown, 3 gone, 4 the same`, or that nothing changed."""
    held = count_of(diff.gaps)
    if not diff.gaps:
        return "no gaps in either report"
    if set(held) == {"same"}:
        return f"no change: {plural(held['same'], 'gap')} the same"
    told = [f"{held[kind]} {'the same' if kind == 'same' else kind}" for kind in KINDS if held[kind]]
    return ", ".join(told)


def figures(diff: Diff) -> list[tuple[str, str, str]]:
    """(what, before, after) of the totals: inputs, calls, spend, spend without an owner, score."""
    a, b = diff.before, diff.after
    rows = [("inputs", _inputs(a), _inputs(b))]
    rows.append(("calls", count(a.calls), count(b.calls)))
    rows.append(("spend", money(a.cost_usd), money(b.cost_usd)))
    rows.append(("without an owner", _unowned(diff, before=True), _unowned(diff, before=False)))
    rows.append(("score", f"{a.score}, {a.band}", f"{b.score}, {b.band}"))
    return rows


def _inputs(side: Stand) -> str:
    return clip(", ".join(map(visible, side.inputs)), NAMES)


def _unowned(diff: Diff, *, before: bool) -> str:
    side = diff.before if before else diff.after
    lost = round(side.unattributed_calls * side.calls)
    calls = f"{count(lost)} of {plural(side.calls, 'call')}"
    if side.cost_usd <= 0:
        return calls
    part = "" if side.calls < FEW else f" ({share(side.unattributed_cost)})"
    return f"{money(side.unattributed_cost_usd)}{part}: {calls}"


def growth(change: Change) -> str:
    """How far a gap reaches: `3 % → 40 %, 12 of 400 calls → 160 of 400 calls, USD 1.20 → USD 16.00`."""
    a, b = change.before, change.after
    if a is None or b is None:
        return ", ".join(_reach(change.told))
    return ", ".join(f"{was} → {now}" for was, now in zip(_reach(a), _reach(b), strict=True))


def _reach(part: Part) -> tuple[str, str, str]:
    return share(part.share), f"{count(part.calls)} of {plural(part.of, 'call')}", money(part.cost_usd)


def move(change: Change) -> str:
    """Where the field stood and where it stands: `span: tenant.id → process: tenant.id`."""
    a, b = change.before, change.after
    if change.kind != "moved" or a is None or b is None or a.stands == b.stands:
        return ""
    return f"{', '.join(a.stands) or 'nowhere'} → {', '.join(b.stands) or 'nowhere'}"


def state(change: Change) -> str:
    """What the policy or a baseline says of a gap, or nothing."""
    return "suppressed" if change.told.suppressed else ""


def presence(field: FieldChange) -> tuple[str, str]:
    """The verdict with the share present, before and after."""
    told = []
    for verdict, part in zip((field.verdict_before, field.verdict_after), field.present, strict=True):
        told.append("-" if verdict is None else spoken(verdict) + (f", {share(part)}" if part else ""))
    return told[0], told[1]


def changed_fields(diff: Diff) -> list[FieldChange]:
    """The fields of which anything differs, in the order of the report."""
    return [field for field in diff.fields if field.changed]


def text_of(diff: Diff, style: Style) -> bytes:
    """The diff for a terminal."""
    page = Page(style)
    page.prose(headline(diff), tones=("bold",))
    page.add()
    page.table(("", "before", "after"), figures(diff), indent=0)
    if fields := changed_fields(diff):
        page.heading("fields")
        page.table(("field", "before", "after"), [(f.field, *presence(f)) for f in fields], indent=2)
    if gaps := [change for change in diff.gaps if change.kind != "same"]:
        page.heading("gaps")
        for change in gaps:
            _gap(page, change)
    if diff.notes:
        page.heading("notes")
        for note in diff.notes:
            page.prose(note, indent=4, first="  - ")
    page.add()
    passed = diff.gate.passed
    page.prose(gated(diff), tones=("bold", "green" if passed else "red"))
    return page.bytes()


def _gap(page: Page, change: Change) -> None:
    word = page.ink(change.kind, _TONES[change.kind], "bold")
    level = change.told.level
    lead = f"  {word}{' ' * (7 - len(change.kind))}"
    page.prose(f"{level}[{change.rule}] {change.field}: {change.message}", indent=9, first=lead)
    more = [growth(change), move(change), state(change)]
    page.prose(" · ".join(text for text in more if text), indent=9, tones=("dim",))


def gated(diff: Diff) -> str:
    """`gate FAILED: IDN009 on tenant_id is new`, or `gate passed`."""
    return "gate passed" if diff.gate.passed else f"gate FAILED: {'; '.join(diff.gate.reasons)}"


def markdown_of(diff: Diff) -> bytes:
    """The diff as Markdown, for a comment on a pull request; nothing in it is markup of an input."""
    lines = [
        f"### Attribution gaps: {_md(headline(diff))}",
        "",
        "| | before | after |",
        "| --- | --- | --- |",
    ]
    lines += [_row(row) for row in figures(diff)]
    if fields := changed_fields(diff):
        lines += ["", "| field | before | after |", "| --- | --- | --- |"]
        lines += [_row((field.field, *presence(field))) for field in fields]
    if gaps := [change for change in diff.gaps if change.kind != "same"]:
        lines += ["", "| | gap | field | reach |", "| --- | --- | --- | --- |"]
        for change in gaps:
            reach = " · ".join(t for t in (growth(change), move(change), state(change)) if t)
            what = f"{change.told.level} {change.rule}: {change.message}"
            lines.append(_row((change.kind, what, change.field, reach)))
    lines += [""] + [f"- {_md(note)}" for note in diff.notes] + ([""] if diff.notes else [])
    return "\n".join([*lines, f"**{_md(gated(diff))}**", ""]).encode("utf-8", "backslashreplace")


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(map(_md, cells))} |"


def _md(text: str) -> str:
    """Text that no Markdown viewer takes for markup, a mention, an issue or a link."""
    shown = "".join(f"&#{ord(c)};" if c in _MARKUP else c for c in visible(text))
    return _ADDRESS.sub(r"\1&#46;", shown)


_ADDRESS = re.compile(r"(www)\.", re.I)  # some viewers make a link of it without being asked
_MARKUP = frozenset("\\`*_{}[]<>()#+!|~&@:$^=\"'")
