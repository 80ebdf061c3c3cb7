"""The plan: each step is applied to the evidence table, and the rules judge the table again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np
import polars as pl

from auditor.catalogue.fields import USAGE, Profile
from auditor.catalogue.rules import Rule
from auditor.catalogue.words import Level
from auditor.evidence.arrays import Ints, Rows
from auditor.evidence.schema import Slot
from auditor.evidence.store import Store
from auditor.evidence.table import Evidence, values_dtype
from auditor.judge.requirements import required_on, requirements
from auditor.judge.verdicts import NOT_CARRIED, PRESENT, Judgement, judge
from auditor.policy.model import Policy
from auditor.relate.columns import NEAREST_PLACES, need
from auditor.relate.hops import can_carry
from auditor.relate.joins import Links, links
from auditor.report.mask import Masker
from auditor.report.schema import Projection, Step
from auditor.tally.gaps import Finding
from auditor.tally.next_step import MAX_STEPS, HopOf, Impact, next_step
from auditor.tally.owners import spend_by_owner
from auditor.tally.totals import Doubts, score_of, with_doubts
from auditor.tally.weights import Weights

OWNERS = frozenset({"tenant_id", "team_id", "workflow_id", "user_id"})
MOSTLY = 0.5
PartsOf = Callable[[Finding], list[Finding]]
EACH_STEP = 50_000  # calls up to which every step is judged where the whole plan comes out otherwise


@dataclass(frozen=True)
class Replay:
    """What judging again takes: the table as assembled, the rules, profile, policy, weights, inputs."""

    assembled: Evidence
    rules: Sequence[Rule]
    profile: Profile
    policy: Policy
    weights: Weights
    names: list[str]
    unjudged: int = 0  # records that could not be read
    accepted: frozenset[str] = frozenset()  # fingerprints of the gaps that the policy accepts
    lasting: int = 0  # gaps at level error that no step can close


def plan(
    findings: Sequence[Finding],
    judged: Evidence,
    judgement: Judgement,
    replay: Replay,
    hop_of: HopOf,
    parts_of: PartsOf,
) -> list[Step]:
    """The steps with the report's figures before and after each, cumulatively.

    `parts_of` gives a gap hop by hop: a step changes one hop. What a step also closes, because later hops
    forward its value, is no step of its own. The rules judge the table with all steps applied; where they
    disagree with the sum of the steps, they judge each step.
    """
    # the same records stay the same calls, whatever id they are given
    replay = replace(replay, assembled=replay.assembled.with_joins_of(judged))
    lasting = [f for f in findings if not f.gap.verdict and f.gap.level == Level.ERROR]
    replay = replace(replay, lasting=_count(lasting, replay, Level.ERROR))
    findings = [part for f in findings if f.gap.verdict for part in parts_of(f)]
    table, steps, left = _steps(findings, judged, judgement, replay, hop_of, each=False)
    if not steps:
        return []
    closed = {(rule, field) for step in steps for rule in step.rules for field in step.fields}
    after = _projection(table, _judge_again(table, replay, closed), replay, left)
    if after == steps[-1].after:
        return steps
    if len(replay.weights.records) <= EACH_STEP:
        return _steps(findings, judged, judgement, replay, hop_of, each=True)[1]
    ends_only = [msgspec.structs.replace(step, before=None, after=None) for step in steps]
    ends_only[0] = msgspec.structs.replace(ends_only[0], before=steps[0].before)
    ends_only[-1] = msgspec.structs.replace(ends_only[-1], after=after)
    return ends_only


def _steps(
    findings: Sequence[Finding],
    judged: Evidence,
    judgement: Judgement,
    replay: Replay,
    hop_of: HopOf,
    *,
    each: bool,
) -> tuple[Evidence, list[Step], Doubts]:
    """The steps, the table with all of them applied, and how many gaps at level error are left.

    `each` has the rules judge the table after every step.
    """
    required = set(_required_fields(replay))
    left = [f for f in findings if f.gap.field in required]
    impact = Impact(replay.weights, hop_of, _affected(judged))
    # the score of each step still knows the gaps that no step so far has closed
    open_ = list(findings)
    table = replay.assembled
    after = _projection(table, judgement, replay, _doubts(open_, replay)) if left else None
    steps: list[Step] = []
    closed: set[tuple[str, str]] = set()
    while left and len(steps) < MAX_STEPS and (planned := next_step(left, len(steps) + 1, impact)):
        for finding in planned.closes:
            table, changed = _with_fix(table, judged, finding)
            if not each:
                judgement = _present_on(judgement, table, finding.gap.field, changed)
        if each:
            closed |= {(finding.gap.rule, finding.gap.field) for finding in planned.closes}
            judgement = _judge_again(table, replay, closed)
        open_ = [
            f for f in open_ if f not in planned.closes and (f.rows & _open(judgement, f.gap.field)).any()
        ]
        before, after = after, _projection(table, judgement, replay, _doubts(open_, replay))
        steps.append(msgspec.structs.replace(planned.step, before=before, after=after))
        left = [f for f in left if f not in planned.closes]
        left = [f for f in left if (f.rows & _open(judgement, f.gap.field)).any()]
    return table, steps, _doubts(open_, replay)


def _doubts(findings: Sequence[Finding], replay: Replay) -> Doubts:
    """What still limits the score while some gaps are open."""
    errors = replay.lasting + _count(findings, replay, Level.ERROR)
    asked = set(_required_fields(replay))
    doubtful = [finding for finding in findings if finding.gap.field in asked]
    return Doubts(errors, _count(doubtful, replay, Level.WARNING), replay.unjudged)


def _count(findings: Sequence[Finding], replay: Replay, level: Level) -> int:
    """How many open gaps of the report some parts of gaps are, at one level."""
    return len({f.gap.fingerprint for f in findings if f.gap.level == level} - replay.accepted)


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


def _judge_again(table: Evidence, replay: Replay, closed: Collection[tuple[str, str]]) -> Judgement:
    """The table judged anew. A fixed gap of usage that the span above repeats is not judged."""
    fields = tuple(dict.fromkeys([*_required_fields(replay), "tenant_id", "team_id"]))
    rules = []
    for rule in _relevant(replay.rules, fields):
        open_ = tuple(f for f in rule.field if f not in USAGE or (rule.id, f) not in closed)
        rules.append(rule if len(open_) == len(rule.field) else rule.model_copy(update={"field": open_}))
    return judge(table.copy(), rules, fields)


def _relevant(rules: Sequence[Rule], fields: Sequence[str]) -> list[Rule]:
    """The rules that give these fields a verdict, and those that silence one of them."""
    by_id = {rule.id: rule for rule in rules}
    todo = [r.id for r in rules if r.verdict != "none" and set(r.field) & set(fields)]
    relevant: set[str] = set()
    while todo:
        rule_id = todo.pop()
        if rule_id in by_id and rule_id not in relevant:
            relevant.add(rule_id)
            todo += by_id[rule_id].needs
    return [rule for rule in rules if rule.id in relevant]


def _open(judgement: Judgement, field: str) -> Rows:
    verdict = judgement.verdicts[field]
    rows: Rows = (verdict != PRESENT) & (verdict != NOT_CARRIED)
    return rows


def _affected(judged: Evidence) -> Callable[[Finding], Rows]:
    """The calls that a gap's fix changes: its own, and those of later hops that the value is forwarded to."""
    calls = np.flatnonzero((judged.frame["kind"] == "call").to_numpy())
    known: dict[Finding, Rows] = {}

    def affected(finding: Finding) -> Rows:
        if finding not in known:
            whole = np.zeros(judged.frame.height, dtype=bool)
            whole[calls[finding.rows]] = True
            own = judged.frame[finding.gap.field]
            for below, _ in _forwarded(judged, own, finding.gap.field, calls[finding.rows]):
                whole[below] = True
            known[finding] = whole[calls]
        return known[finding]

    return affected


def _required_fields(replay: Replay) -> list[str]:
    needs = requirements(replay.profile, replay.policy.required, replay.assembled)
    return list(dict.fromkeys(name for need in needs for name in need.any_of))


def _projection(table: Evidence, judgement: Judgement, replay: Replay, doubts: Doubts) -> Projection:
    """Score, spend without an owner, and the present share of each required field."""
    weights = replay.weights
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


def _with_fix(table: Evidence, judged: Evidence, finding: Finding) -> tuple[Evidence, Rows]:
    """The table after a fix, and the rows it changed: the field is set on the call, and forwarded."""
    field, frame = finding.gap.field, table.frame
    rows = np.flatnonzero((frame["kind"] == "call").to_numpy())[finding.rows]
    slots = list(table.slots)
    scope = table.catalogue.fields[field].accepted(str(frame["layer"][int(rows[0])]))[0]
    slots.append(Slot(field, "own", scope, field, 0))
    dtype = values_dtype(table, field)
    own = _column(frame, field, dtype)
    value = own.clone().scatter(rows.tolist(), _value(judged, field, dtype, own).gather(rows))
    changed = np.zeros(frame.height, dtype=bool)
    changed[rows] = True
    for below, above in _forwarded(judged, own, field, rows):
        value = value.scatter(below.tolist(), value.gather(above))
        changed[below] = True
    here = pl.Series(changed)
    slot = _column(frame, f"{field}_slot", pl.Int32())
    new = [value.alias(field), slot.set(here, len(slots) - 1).alias(f"{field}_slot")]
    for mark, none in (
        (f"{field}_blank", None),
        (f"{field}_conflict", False),
        (f"{field}_several", False),
    ):
        if mark in frame:
            new.append(frame[mark].set(here, none))
    if "metadata_entries" in frame:
        entries = frame["metadata_entries"]
        new.append(entries.set(here & (entries.fill_null(0) == 0), 1))
    fixed = replace(table, slots=slots)
    fixed.put(*new)
    return fixed, changed


def _column(frame: Store, name: str, dtype: pl.DataType) -> pl.Series:
    if name in frame:
        return frame[name].cast(dtype).rechunk()
    return pl.Series(name, [None] * frame.height, dtype=dtype)


def _forwarded(judged: Evidence, own: pl.Series, field: str, rows: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Later records of the same calls that will get the new value, with the records they get it from.

    These repeat the old value, or have none at a hop that forwards the field of other calls.
    """
    joined = links(judged)
    if joined is None:
        return
    carries = can_carry(judged, field)
    forwards = _forwarding_borders(joined, judged.frame[field])
    above = rows
    for _ in judged.hops:
        below = joined.down[above]
        above, below = above[below >= 0], below[below >= 0]
        old, here = own.gather(above), own.gather(below)
        same = (old == here).fill_null(False).to_numpy()
        blank = here.is_null().to_numpy() & carries[below]
        borders = zip(joined.hop[above].tolist(), joined.hop[below].tolist(), strict=True)
        forwarding = np.array([border in forwards for border in borders], dtype=bool)
        take = same | (blank & forwarding)
        if not take.any():
            return
        yield below[take], above[take]
        above = below[take]


def _forwarding_borders(joined: Links, values: pl.Series) -> set[tuple[int, int]]:
    """Borders (hop before, hop after) where most calls that carried the field before carry it after."""
    below = np.flatnonzero(joined.up >= 0)
    above = joined.up[below]
    has = values.is_not_null().to_numpy()
    pairs = pl.DataFrame(
        {"a": joined.hop[above], "b": joined.hop[below], "before": has[above], "after": has[below]}
    ).filter("before")
    shares = pairs.group_by("a", "b").agg(pl.col("after").mean())
    return {(a, b) for a, b, share in shares.iter_rows() if share >= MOSTLY}


def _value(judged: Evidence, field: str, dtype: pl.DataType, own: pl.Series) -> pl.Series:
    """The value that a fix would set on each call: the nearest one of today, else a made one."""
    names = [f"{place}_{field}" for place in NEAREST_PLACES]
    judged = replace(judged)  # what is looked up here is not kept
    frame = need(judged, *(name for name in names if judged.has(f"{name}_slot")))
    near = [frame[name] for name in names if name in frame]
    known = [s.cast(dtype, strict=False).alias(str(i)) for i, s in enumerate(near)]
    if field == "request_id":
        number = need(judged, "logical_call")["logical_call"]  # all tries of a call have one id
    else:
        number = pl.int_range(frame.height, eager=True)
    if dtype == pl.String:
        # two words at least: a value that never changes would be a gap of its own
        words = (number if field.endswith("_id") and field not in OWNERS else number % 2).cast(pl.String)
        last = pl.select(pl.format("planned {}", words)).to_series()
    elif field in USAGE:
        last = own.fill_null(1).clip(1)
    else:
        last = pl.repeat(1, frame.height, dtype=dtype, eager=True)
    return pl.DataFrame([*known, last.alias("last")]).select(pl.coalesce(pl.all())).to_series()
