"""A diff in words: for the terminal, as Markdown, and the sentences that the page shows too."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.diff.compare import KINDS, Change, Diff, FieldChange, GapState, ReportFigures, count_by_kind
from auditor.printing.ink import Style, spoken
from auditor.printing.markdown_escape import table, words
from auditor.printing.page import Page
from auditor.printing.text import FEW, clip, count, money, plural, share, visible

_TONES = {"new": "red", "grown": "red", "moved": "yellow", "shrunk": "green", "gone": "green", "same": "dim"}
NAMES = 60  # characters of the inputs' names on one line


def headline(diff: Diff) -> str:
    """`2 new, 1 grown, 3 gone, 4 the same`, or that nothing changed."""
    number = count_by_kind(diff.gaps)
    if not diff.gaps:
        return "no gaps in either report"
    if set(number) == {"same"}:
        return f"no change: {plural(number['same'], 'gap')} the same"
    return ", ".join(
        f"{number[kind]} {'the same' if kind == 'same' else kind}" for kind in KINDS if number[kind]
    )


def figures(diff: Diff) -> list[tuple[str, str, str]]:
    """(what, before, after) of the totals: inputs, calls, spend, spend without an owner, score."""
    a, b = diff.before, diff.after
    rows = [("inputs", _inputs(a), _inputs(b))]
    rows.append(("calls", count(a.calls), count(b.calls)))
    rows.append(("spend", money(a.cost_usd), money(b.cost_usd)))
    rows.append(("without an owner", _unowned(diff, before=True), _unowned(diff, before=False)))
    rows.append(("score", f"{a.score}, {a.band}", f"{b.score}, {b.band}"))
    return rows


def _inputs(side: ReportFigures) -> str:
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
        return ", ".join(_reach(change.latest))
    return ", ".join(f"{was} → {now}" for was, now in zip(_reach(a), _reach(b), strict=True))


def _reach(gap: GapState) -> tuple[str, str, str]:
    return share(gap.share), f"{count(gap.calls)} of {plural(gap.of, 'call')}", money(gap.cost_usd)


def _spoken(verdict: str, part: float | None) -> str:
    """A field's verdict by its share, with the share."""
    partly = part and verdict in ("absent", "mis_scoped")
    return spoken("partly" if partly else verdict) + (f", {share(part)}" if part else "")


def move(change: Change) -> str:
    """Where the field was and where it is: `span: tenant.id → process: tenant.id`."""
    a, b = change.before, change.after
    if change.kind != "moved" or a is None or b is None or a.stands == b.stands:
        return ""
    return f"{', '.join(a.stands) or 'nowhere'} → {', '.join(b.stands) or 'nowhere'}"


def state(change: Change) -> str:
    """`suppressed` where the policy or a baseline covers a gap, or nothing."""
    return "suppressed" if change.latest.suppressed else ""


def presence(field: FieldChange) -> tuple[str, str]:
    """The verdict with the share present, before and after."""
    before, after = (
        "-" if verdict is None else _spoken(verdict, part)
        for verdict, part in zip((field.verdict_before, field.verdict_after), field.present, strict=True)
    )
    return before, after


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
    level = change.latest.level
    lead = f"  {word}{' ' * (7 - len(change.kind))}"
    page.prose(f"{level}[{change.rule}] {change.field}: {change.message}", indent=9, first=lead)
    page.prose(_details(change), indent=9, tones=("dim",))


def gated(diff: Diff) -> str:
    """`gate FAILED: IDN009 on tenant_id is new`, or `gate passed`."""
    return "gate passed" if diff.gate.passed else f"gate FAILED: {'; '.join(diff.gate.reasons)}"


def markdown_of(diff: Diff) -> bytes:
    """The diff as Markdown, for a comment on a pull request; nothing in it is markup of an input."""
    lines = [f"### Attribution gaps: {words(headline(diff))}", ""]
    lines += _table(("", "before", "after"), figures(diff))
    if fields := changed_fields(diff):
        lines += ["", *_table(("field", "before", "after"), [(f.field, *presence(f)) for f in fields])]
    if gaps := [change for change in diff.gaps if change.kind != "same"]:
        lines += ["", *_table(("", "gap", "field", "reach"), [_cells(change) for change in gaps])]
    lines += ["", *(f"- {words(note)}" for note in diff.notes), *([""] if diff.notes else [])]
    return "\n".join([*lines, f"**{words(gated(diff))}**", ""]).encode("utf-8", "backslashreplace")


def _cells(change: Change) -> tuple[str, str, str, str]:
    what = f"{change.latest.level} {change.rule}: {change.message}"
    return change.kind, what, change.field, _details(change)


def _details(change: Change) -> str:
    return " · ".join(text for text in (growth(change), move(change), state(change)) if text)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    return table(head, [[words(cell) for cell in row] for row in rows])
