"""What changed between two reports: gaps new, gone, grown, shrunk or moved, fields, money, score.

Gaps of one fingerprint are the same gap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from auditor.gate.baseline import grew
from auditor.gate.gate import growth, score_drop
from auditor.policy.model import FailOn
from auditor.report.schema import ByVerdict, Gap, Gate, Report, Struct, Tool
from auditor.report.sentences import asked_fields, distinct_calls

Kind = Literal["new", "grown", "moved", "shrunk", "gone", "same"]
KINDS: tuple[Kind, ...] = ("new", "grown", "moved", "shrunk", "gone", "same")
LEVELS = ("error", "warning", "note")
MAX_PLACES = 3  # of a field on each side of a change


class ReportFigures(Struct, frozen=True):
    """One report in figures. Money is in USD; the `unattributed_*` shares run from 0 to 1."""

    inputs: list[str]
    profile: str
    calls: int
    tokens: int
    cost_usd: float
    weighted_by: str
    unattributed_calls: float
    unattributed_cost: float
    unattributed_cost_usd: float
    open_gaps: int
    score: int
    band: str
    gate_passed: bool


class GapState(Struct, frozen=True):
    """A gap in one of the reports: its share of the weight (0 to 1), calls, USD, where its field was."""

    fingerprint: str
    level: str
    share: float
    calls: int
    of: int
    cost_usd: float
    suppressed: bool
    stands: list[str]  # `scope: key` of the field, widest evidence first


class Change(Struct, frozen=True):
    """What became of one gap. `moved`: the same rule and field, found under another scope or key."""

    kind: Kind
    rule: str
    name: str
    field: str
    message: str
    worse: bool  # new, or a larger share than the tolerance allows
    before: GapState | None
    after: GapState | None

    @property
    def latest(self) -> GapState:
        """The gap in the later report that has it."""
        state = self.after or self.before
        assert state is not None
        return state


class FieldChange(Struct, frozen=True):
    """One field in both reports, null where one does not list it. Shares run from 0 to 1, cost is USD."""

    field: str
    required: bool
    verdict_before: str | None
    verdict_after: str | None
    before: ByVerdict | None
    after: ByVerdict | None
    cost_before: ByVerdict | None
    cost_after: ByVerdict | None

    @property
    def present(self) -> tuple[float | None, float | None]:
        """The share of what can carry the field that does, before and after; null where nothing can."""
        return _present(self.before), _present(self.after)

    @property
    def changed(self) -> bool:
        """Whether anything about it differs."""
        return (self.verdict_before, self.before) != (self.verdict_after, self.after)


class Diff(Struct, frozen=True, kw_only=True):
    """What changed between two reports, `"schema": "1"`."""

    schema: Literal["1"] = "1"
    tool: Tool
    tolerance: float
    before: ReportFigures
    after: ReportFigures
    gaps: list[Change]
    fields: list[FieldChange]
    gate: Gate
    notes: list[str]


def diff(
    before: Report,
    after: Report,
    *,
    tolerance: float = 0.1,
    fail_on: FailOn = "error",
    max_drop: int | None = None,
) -> Diff:
    """Compare two reports. `tolerance`: by what part of itself a share may grow or shrink and be the same."""
    gaps = _gaps(before, after, tolerance)
    return Diff(
        tool=after.tool,
        tolerance=tolerance,
        before=_figures(before),
        after=_figures(after),
        gaps=gaps,
        fields=_fields(before, after),
        gate=_gate(gaps, fail_on, score_drop(before.score.value, after.score.value, max_drop)),
        notes=_notes(before, after),
    )


def count_by_kind(changes: Iterable[Change]) -> Counter[str]:
    """How many changes there are of each kind."""
    return Counter(change.kind for change in changes)


def _figures(report: Report) -> ReportFigures:
    totals = report.totals
    return ReportFigures(
        inputs=[given.name for given in report.inputs],
        profile=report.profile,
        calls=distinct_calls(report),
        tokens=totals.tokens,
        cost_usd=totals.cost_usd,
        weighted_by=totals.weighted_by,
        unattributed_calls=totals.unattributed_calls,
        unattributed_cost=totals.unattributed_cost,
        unattributed_cost_usd=totals.unattributed_cost_usd,
        open_gaps=sum(gap.suppressed is None for gap in report.gaps),
        score=report.score.value,
        band=report.score.band,
        gate_passed=report.gate.passed,
    )


def _gaps(before: Report, after: Report, tolerance: float) -> list[Change]:
    """Every gap of either report once, the worst first."""
    old = {gap.fingerprint: gap for gap in before.gaps}
    new = {gap.fingerprint: gap for gap in after.gaps}
    pairs: list[tuple[Gap | None, Gap | None]] = [(old[f], new[f]) for f in old if f in new]
    gone: dict[tuple[str, str], list[Gap]] = {}
    for gap in (old[f] for f in reversed(old) if f not in new):
        gone.setdefault((gap.rule, gap.field), []).append(gap)
    for gap in (new[f] for f in new if f not in old):
        left = gone.get((gap.rule, gap.field))
        pairs.append((left.pop() if left else None, gap))
    pairs += [(gap, None) for gaps in gone.values() for gap in gaps]
    places = _places(before), _places(after)
    return sorted((_change(a, b, places, tolerance) for a, b in pairs), key=_order)


def _change(
    before: Gap | None,
    after: Gap | None,
    places: tuple[dict[str, list[str]], dict[str, list[str]]],
    tolerance: float,
) -> Change:
    gap = after or before
    assert gap is not None
    return Change(
        kind=_kind(before, after, tolerance),
        rule=gap.rule,
        name=gap.name,
        field=gap.field,
        message=gap.message,
        worse=after is not None and (before is None or grew(before.share, after.share, tolerance)),
        before=_state(before, places[0]) if before else None,
        after=_state(after, places[1]) if after else None,
    )


def _kind(before: Gap | None, after: Gap | None, tolerance: float) -> Kind:
    if before is None:
        return "new"
    if after is None:
        return "gone"
    if before.fingerprint != after.fingerprint:
        return "moved"
    if grew(before.share, after.share, tolerance):
        return "grown"
    return "shrunk" if grew(after.share, before.share, tolerance) else "same"


def _state(gap: Gap, places: dict[str, list[str]]) -> GapState:
    return GapState(
        fingerprint=gap.fingerprint,
        level=gap.level,
        share=gap.share,
        calls=gap.calls,
        of=gap.of,
        cost_usd=gap.cost_usd,
        suppressed=gap.suppressed is not None,
        stands=places.get(gap.field, []),
    )


def _places(report: Report) -> dict[str, list[str]]:
    """By field, the scopes and keys of its values."""
    return {field.field: [f"{f.scope}: {f.key}" for f in field.found[:MAX_PLACES]] for field in report.fields}


def _rank(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)


def _order(change: Change) -> tuple[object, ...]:
    gap, kind = change.latest, KINDS.index(change.kind)
    return (kind, _rank(gap.level), -gap.cost_usd, -gap.share, change.rule, change.field, gap.fingerprint)


def _fields(before: Report, after: Report) -> list[FieldChange]:
    """Every field that either report lists, in the order of the later one."""
    old, new = ({field.field: field for field in asked_fields(report)} for report in (before, after))
    out = []
    for name in dict.fromkeys((*new, *old)):
        a, b = old.get(name), new.get(name)
        out.append(
            FieldChange(
                field=name,
                required=(b or old[name]).required,
                verdict_before=a.verdict if a else None,
                verdict_after=b.verdict if b else None,
                before=a.weight if a else None,
                after=b.weight if b else None,
                cost_before=a.cost if a else None,
                cost_after=b.cost if b else None,
            )
        )
    return out


def _present(weight: ByVerdict | None) -> float | None:
    carried = weight.present + weight.absent + weight.mis_scoped if weight else 0
    return weight.present / carried if weight and carried > 0 else None


def _gate(changes: list[Change], fail_on: FailOn, score_reasons: list[str]) -> Gate:
    """Fails on open gaps that are new or grew, at this level or a higher one, and on the score."""
    reasons = []
    for change in changes if fail_on != "none" else []:
        gap = change.after
        if change.worse and gap and not gap.suppressed and _rank(gap.level) <= _rank(fail_on):
            before = change.before.share if change.before else None
            reasons.append(growth(change.rule, change.field, before, gap.share))
    return Gate(passed=not reasons and not score_reasons, reasons=reasons + score_reasons)


def _notes(before: Report, after: Report) -> list[str]:
    """What makes the two hard to compare."""
    notes = []
    if before.profile != after.profile:
        notes.append(f"The profiles differ: {before.profile}, then {after.profile}.")
    if before.ruleset.digest != after.ruleset.digest:
        notes.append(
            "The rules differ: the reports come from different versions or rule folders,"
            " and a gap can be new because its rule is."
        )
    if before.totals.weighted_by != after.totals.weighted_by:
        notes.append(
            f"Shares are weighted by {before.totals.weighted_by} before, by {after.totals.weighted_by} after."
        )
    return notes
