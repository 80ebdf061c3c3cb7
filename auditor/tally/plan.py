"""The plan: each step is applied to the evidence table, and the rules judge the table again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from auditor.catalogue.fields import USAGE, Profile
from auditor.catalogue.rules import Rule
from auditor.catalogue.words import Level
from auditor.evidence.arrays import Rows
from auditor.evidence.table import Evidence
from auditor.inputs.source import Input
from auditor.judge.requirements import required_on, requirements
from auditor.judge.verdicts import NOT_CARRIED, PRESENT, Hit, Judgement, judge
from auditor.policy.model import Policy
from auditor.report.mask import Masker
from auditor.report.schema import Projection, Step
from auditor.tally.applied_fix import affected_by, with_fix
from auditor.tally.gaps import Finding, findings, level_and_rows
from auditor.tally.hops import HopCalls, hop_calls
from auditor.tally.ledger import Ledger
from auditor.tally.next_step import MAX_STEPS, Impact, next_step
from auditor.tally.owners import spend_by_owner, worst
from auditor.tally.totals import Doubts, score_of, with_doubts
from auditor.tally.weights import Weights

EACH_STEP = 50_000  # calls up to which every step is judged where the whole plan comes out otherwise
Closed = frozenset[tuple[str, str]]  # (rule, field) of the gaps that steps close


@dataclass(frozen=True)
class Replay:
    """What judging again takes: the table as assembled, the rules, profile, policy and inputs.

    `ways` are the weights of each way to leave out hops that show the same traffic, `accepted` fingerprints
    of the gaps that the policy accepts.
    """

    assembled: Evidence
    rules: Sequence[Rule]
    profile: Profile
    policy: Policy
    ways: Sequence[Weights]
    inputs: Sequence[Input]
    unread: int = 0  # records that could not be read
    not_counted: int = 0  # records that look like calls
    accepted: frozenset[str] = frozenset()

    @property
    def names(self) -> list[str]:
        """The inputs' names, by number."""
        return [given.name for given in self.inputs]


@dataclass(frozen=True)
class Standing:
    """Where a report stands: `table` as assembled with the fixes so far, `judged` with what rules look up.

    `open` are the gaps with a verdict, hop by hop, `lasting` counts those at level error without one.
    """

    table: Evidence
    judged: Evidence
    judgement: Judgement
    calls: HopCalls
    open: list[Finding]
    lasting: int
    figures: Projection


def plan(hits: Sequence[Finding], calls: HopCalls, replay: Replay) -> list[Step]:
    """The steps with the report's figures before and after each, cumulatively.

    A step changes one hop. What it also closes, because later hops forward its value or because a call needs
    one of two fields, is no step of its own. The rules judge the table with all steps applied; where they
    disagree with the sum of the steps, they judge each step.
    """
    # the same records stay the same calls, whatever id they are given
    table = replay.assembled.with_joins_of(calls.evidence)
    start = _standing(table, calls.evidence, calls, hits, replay)
    steps, end, closed = _steps(start, replay, _predicted)
    if not steps:
        return []
    real = _judged_again(end, [], closed, replay)
    if len(replay.ways) == 1 and real.figures == end.figures and _names(real.open) <= _names(end.open):
        return steps
    if len(calls.weights.records) <= EACH_STEP:
        return _steps(start, replay, _judged_again)[0]
    ends_only = [msgspec.structs.replace(step, before=None, after=None) for step in steps]
    ends_only[0] = msgspec.structs.replace(ends_only[0], before=steps[0].before)
    ends_only[-1] = msgspec.structs.replace(ends_only[-1], after=real.figures)
    return ends_only


Advance = Callable[[Standing, Sequence[Finding], Closed, Replay], Standing]


def _steps(at: Standing, replay: Replay, advance: Advance) -> tuple[list[Step], Standing, Closed]:
    """The steps, the standing after the last of them, and what they close; `advance` makes one."""
    steps: list[Step] = []
    closed: Closed = frozenset()
    asked = set(_required_fields(replay))
    done: dict[tuple[str, str], Rows] = {}  # records that a step has changed already, by rule and field
    while len(steps) < MAX_STEPS:
        left = [f for f in at.open if f.gap.field in asked and not _is_done(f, done)]
        impact = Impact(at.calls.weights, at.calls.hop_at, affected_by(at.judged))
        planned = next_step(left, len(steps) + 1, impact)
        if planned is None:
            break
        closed |= _names(planned.closes)
        after = advance(at, planned.closes, closed, replay)
        for f in planned.closes:
            name = (f.gap.rule, f.gap.field)
            done[name] = f.rows | done.get(name, np.zeros_like(f.rows))
        steps.append(msgspec.structs.replace(planned.step, before=at.figures, after=after.figures))
        at = after
    return steps, at, closed


def _is_done(finding: Finding, done: dict[tuple[str, str], Rows]) -> bool:
    rows = done.get((finding.gap.rule, finding.gap.field))
    return rows is not None and not (finding.rows & ~rows).any()


def _predicted(at: Standing, closes: Sequence[Finding], _: Closed, replay: Replay) -> Standing:
    """The standing after a step, as it should be: the fields are present, and no other gap opens."""
    table, judgement = at.table, at.judgement
    for finding in closes:
        table, changed = with_fix(table, at.judged, finding)
        judgement = _present_on(judgement, table, finding.gap.field, changed)
    open_ = _still_open([f for f in at.open if f not in closes], table, judgement, replay)
    figures = _figures(table, judgement, at.calls.weights, _doubts(open_, at.lasting, replay), replay)
    return replace(at, table=table, judgement=judgement, open=open_, figures=figures)


def _present_on(judgement: Judgement, table: Evidence, field: str, rows: Rows) -> Judgement:
    """The judgement as a fix should leave it: the field present on some rows of the table."""
    calls = (table.frame["kind"] == "call").to_numpy()
    verdict = judgement.verdicts[field].copy()
    verdict[rows[calls] & (verdict != NOT_CARRIED)] = PRESENT
    return replace(
        judgement,
        calls=table.frame.filter(calls),
        verdicts={**judgement.verdicts, field: verdict},
    )


def _still_open(
    parts: Sequence[Finding], table: Evidence, judgement: Judgement, replay: Replay
) -> list[Finding]:
    """The gaps as a report of the table has them: on the calls that still need the field, at their level.

    A call that has one of two fields that can answer needs the other no more.
    """
    required = required_on(replay.profile, replay.policy, table.copy(), judgement)
    gaps: dict[str, list[Finding]] = {}
    for part in parts:
        gaps.setdefault(part.gap.fingerprint, []).append(part)
    out = []
    for of_gap in gaps.values():
        rule, field = of_gap[0].rule, of_gap[0].gap.field
        rows: Rows = np.any([part.rows for part in of_gap], axis=0) & _lacking(judgement, field)
        level, needed = level_and_rows(
            Hit(rule, field, rows), required.get(field), replay.policy, replay.profile
        )
        for part in of_gap if level != Level.NOTE else ():
            if (part.rows & needed).any():
                gap = msgspec.structs.replace(part.gap, level=level.value)
                out.append(replace(part, gap=gap, rows=part.rows & needed))
    return out


def _lacking(judgement: Judgement, field: str) -> Rows:
    verdict = judgement.verdicts[field]
    rows: Rows = (verdict != PRESENT) & (verdict != NOT_CARRIED)
    return rows


def _judged_again(at: Standing, closes: Sequence[Finding], closed: Closed, replay: Replay) -> Standing:
    """The standing after a step, as the rules judge it.

    A gap of usage that a step has closed is not judged: the span above repeats it still.
    """
    table = at.table
    for finding in closes:
        table, _ = with_fix(table, at.judged, finding)
    fields = tuple(dict.fromkeys([*_required_fields(replay), "tenant_id", "team_id"]))
    rules = []
    for rule in _relevant(replay, fields):
        open_ = tuple(f for f in rule.field if f not in USAGE or (rule.id, f) not in closed)
        rules.append(rule if len(open_) == len(rule.field) else rule.model_copy(update={"field": open_}))
    judged = table.copy()
    judgement = judge(judged, rules, fields)
    weights = worst(replay.ways, judged, judgement, replay.names)
    ledger = Ledger(judged, judgement, weights, replay.names)
    required = required_on(replay.profile, replay.policy, judged, judgement)
    hits = findings(ledger, required, replay.policy, replay.profile, replay.inputs)
    return _standing(table, judged, hop_calls(ledger), hits, replay)


def _relevant(replay: Replay, fields: Sequence[str]) -> list[Rule]:
    """The rules that give these fields a verdict or limit the score by them, and those that silence one."""
    by_id = {rule.id: rule for rule in replay.rules}
    todo = [
        r.id
        for r in replay.rules
        if set(r.field) & set(fields)
        and (r.verdict != "none" or replay.policy.levels.get(r.id, r.level) == Level.ERROR)
    ]
    relevant: set[str] = set()
    while todo:
        rule_id = todo.pop()
        if rule_id in by_id and rule_id not in relevant:
            relevant.add(rule_id)
            todo += by_id[rule_id].needs
    return [rule for rule in replay.rules if rule.id in relevant]


def _standing(
    table: Evidence, judged: Evidence, calls: HopCalls, hits: Sequence[Finding], replay: Replay
) -> Standing:
    """Where a report of a table stands; `hits` are all of its gaps."""
    loud = [f for f in hits if f.gap.level != Level.NOTE]
    open_ = [part for f in loud if f.gap.verdict for part in calls.parts(f)]
    lasting = _count([f for f in loud if not f.gap.verdict], replay, Level.ERROR)
    judgement = calls.judgement
    figures = _figures(table, judgement, calls.weights, _doubts(open_, lasting, replay), replay)
    return Standing(table, judged, judgement, calls, open_, lasting, figures)


def _doubts(parts: Sequence[Finding], lasting: int, replay: Replay) -> Doubts:
    """What limits the score while some gaps are open."""
    asked = set(_required_fields(replay))
    doubtful = [part for part in parts if part.gap.field in asked]
    errors = lasting + _count(parts, replay, Level.ERROR)
    return Doubts(errors, _count(doubtful, replay, Level.WARNING), replay.unread, replay.not_counted)


def _count(parts: Sequence[Finding], replay: Replay, level: Level) -> int:
    """How many open gaps of the report some parts of gaps are, at one level."""
    return len({f.gap.fingerprint for f in parts if f.gap.level == level} - replay.accepted)


def _names(parts: Collection[Finding]) -> Closed:
    return frozenset((part.gap.rule, part.gap.field) for part in parts)


def _required_fields(replay: Replay) -> list[str]:
    needs = requirements(replay.profile, replay.policy.required, replay.assembled)
    return list(dict.fromkeys(name for need in needs for name in need.any_of))


def _figures(
    table: Evidence, judgement: Judgement, weights: Weights, doubts: Doubts, replay: Replay
) -> Projection:
    """Score, spend without an owner, and the present share of each required field."""
    evidence = table.copy()
    spend = spend_by_owner(evidence, judgement, weights, Masker(), replay.names)
    lost, calls = spend.share_lost, spend.lost_calls / spend.calls if spend.calls else 0.0
    score = score_of(judgement, weights, replay.profile, evidence, lost)
    score = with_doubts(score, doubts)
    required = required_on(replay.profile, replay.policy, evidence, judgement)
    fields = {}
    for name, rows in required.items():
        verdict = judgement.verdicts[name]
        best = weights.best(verdict)
        able = (best != NOT_CARRIED) & (weights.units(rows) | (best == PRESENT))
        whole = weights.share_of_units(able)
        if whole:
            fields[name] = round(weights.share_of_units(able & (best == PRESENT)) / whole, 6)
    return Projection(
        score=score.value,
        unattributed_calls=round(calls, 6),
        unattributed_cost=round(lost, 6),
        fields=fields,
    )
