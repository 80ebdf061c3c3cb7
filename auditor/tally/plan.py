"""The plan checked: each step is applied to the evidence table, and the table is judged again.

It promises nothing that the rules do not confirm: a step that leaves a field open shows so in its figures.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np
import polars as pl

from auditor.catalogue.fields import USAGE, Profile
from auditor.catalogue.rules import Rule
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
from auditor.tally.fields import Told
from auditor.tally.next_step import MAX_STEPS, Ground, next_step
from auditor.tally.owners import spend
from auditor.tally.totals import owned_by_someone, score_of
from auditor.tally.weights import Weights

OWNERS = frozenset({"tenant_id", "team_id", "workflow_id", "user_id"})
Place = Callable[[Told], tuple[int, str]]  # the number and name of the hop at which a gap sits
MOSTLY = 0.5
EACH_STEP = 50_000  # calls up to which every step is judged where the whole plan comes out otherwise


@dataclass(frozen=True)
class Court:
    """What judging again takes: the table as assembled, the rules, profile, policy, weights, inputs."""

    bare: Evidence
    rules: Sequence[Rule]
    profile: Profile
    policy: Policy
    weights: Weights
    names: list[str]


def checked(
    told: Sequence[Told], judged: Evidence, judgement: Judgement, court: Court, place: Place
) -> list[Step]:
    """The steps with where the report stands before and after each, cumulatively.

    What a step closes besides, for later hops hand its value on, is no step of its own. The rules judge the
    table with all steps applied; where they see it otherwise than the steps add up to, they judge each.
    """
    # the same records stay the same calls, whatever id they are given
    court = replace(court, bare=court.bare.with_joins_of(judged))
    table, steps = _steps(told, judged, judgement, court, place, each=False)
    if not steps:
        return []
    closed = {(rule, field) for step in steps for rule in step.rules for field in step.fields}
    after = _standing(table, _again(table, court, closed), court)
    if after == steps[-1].after:
        return steps
    if len(court.weights.count) <= EACH_STEP:
        return _steps(told, judged, judgement, court, place, each=True)[1]
    silent = [msgspec.structs.replace(step, before=None, after=None) for step in steps]
    silent[0] = msgspec.structs.replace(silent[0], before=steps[0].before)
    silent[-1] = msgspec.structs.replace(silent[-1], after=after)
    return silent


def _steps(
    told: Sequence[Told], judged: Evidence, judgement: Judgement, court: Court, place: Place, *, each: bool
) -> tuple[Evidence, list[Step]]:
    """The steps and the table with all of them applied; `each` has the rules judge it after every one."""
    asked = set(_asked(court))
    left = [t for t in told if t.gap.verdict and t.gap.field in asked]
    ground = Ground(court.weights, place, _reach(judged))
    table, standing = court.bare, _standing(court.bare, judgement, court) if left else None
    steps: list[Step] = []
    closed: set[tuple[str, str]] = set()
    while left and len(steps) < MAX_STEPS and (planned := next_step(left, len(steps) + 1, ground)):
        for one in planned.closes:
            table, reached = _stamped(table, judged, one)
            if not each:
                judgement = _present_on(judgement, table, one.gap.field, reached)
        if each:
            closed |= {(one.gap.rule, one.gap.field) for one in planned.closes}
            judgement = _again(table, court, closed)
        before, standing = standing, _standing(table, judgement, court)
        steps.append(msgspec.structs.replace(planned.step, before=before, after=standing))
        left = [t for t in left if t not in planned.closes]
        left = [t for t in left if (t.rows & _open(judgement, t.gap.field)).any()]
    return table, steps


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


def _again(table: Evidence, court: Court, closed: Collection[tuple[str, str]]) -> Judgement:
    """The table judged anew. What a span above repeats of a call's usage is gone with the fix of its gap."""
    fields = tuple(dict.fromkeys([*_asked(court), "tenant_id", "team_id"]))
    rules = []
    for rule in _that_matter(court.rules, fields):
        open_ = tuple(f for f in rule.field if f not in USAGE or (rule.id, f) not in closed)
        rules.append(rule if len(open_) == len(rule.field) else rule.model_copy(update={"field": open_}))
    return judge(table.copy(), rules, fields)


def _that_matter(rules: Sequence[Rule], fields: Sequence[str]) -> list[Rule]:
    """The rules that give these fields a verdict, and those that silence one of them."""
    by_id = {rule.id: rule for rule in rules}
    todo = [r.id for r in rules if r.verdict != "none" and set(r.field) & set(fields)]
    held: dict[str, None] = {}
    while todo:
        one = todo.pop()
        if one in by_id and one not in held:
            held[one] = None
            todo += by_id[one].needs
    return [rule for rule in rules if rule.id in held]


def _open(judgement: Judgement, field: str) -> Rows:
    verdict = judgement.verdicts[field]
    rows: Rows = (verdict != PRESENT) & (verdict != NOT_CARRIED)
    return rows


def _reach(judged: Evidence) -> Callable[[Told], Rows]:
    """The calls that a gap's fix gets to: its own, and those of later hops that hand the value on."""
    calls = np.flatnonzero((judged.frame["kind"] == "call").to_numpy())
    known: dict[tuple[str, str], Rows] = {}

    def reach(told: Told) -> Rows:
        memo = (told.gap.rule, told.gap.field)
        if memo not in known:
            whole = np.zeros(judged.frame.height, dtype=bool)
            whole[calls[told.rows]] = True
            own = judged.frame[told.gap.field]
            for below, _ in _handed_on(judged, own, told.gap.field, calls[told.rows]):
                whole[below] = True
            known[memo] = whole[calls]
        return known[memo]

    return reach


def _asked(court: Court) -> list[str]:
    needs = requirements(court.profile, court.policy.required, court.bare)
    return list(dict.fromkeys(name for need in needs for name in need.any_of))


def _standing(table: Evidence, judgement: Judgement, court: Court) -> Projection:
    """Score, spend without an owner, and the present share of each required field."""
    weights = court.weights
    evidence = table.copy()
    if len(evidence.hops) > 1:
        spent = spend(evidence, judgement, weights, Masker(), court.names)
        lost, calls = spent.share_lost, spent.lost_calls / spent.calls if spent.calls else 0.0
    else:
        rows = ~owned_by_someone(judgement)
        lost = weights.share(rows)
        total = int(weights.count.sum())
        calls = int(weights.count[rows].sum()) / total if total else 0.0
    score = score_of(judgement, weights, court.profile, evidence, lost)
    asked = required_on(court.profile, court.policy, evidence, judgement)
    fields = {}
    for name, rows in asked.items():
        verdict = judgement.verdicts[name]
        able = (verdict != NOT_CARRIED) & (rows | (verdict == PRESENT))
        whole = weights.share(able)
        if whole:
            fields[name] = round(weights.share(able & (verdict == PRESENT)) / whole, 6)
    return Projection(
        score=score.value,
        unattributed_calls=round(calls, 6),
        unattributed_cost=round(lost, 6),
        fields=fields,
    )


def _stamped(table: Evidence, judged: Evidence, told: Told) -> tuple[Evidence, Rows]:
    """The table after a fix, and the rows it got to: the field stands on the call, and is handed on."""
    field, frame = told.gap.field, table.frame
    rows = np.flatnonzero((frame["kind"] == "call").to_numpy())[told.rows]
    slots = list(table.slots)
    scope = table.catalogue.fields[field].accepted(str(frame["layer"][int(rows[0])]))[0]
    slots.append(Slot(field, "own", scope, field, 0))
    dtype = values_dtype(table, field)
    own = _column(frame, field, dtype)
    value = own.clone().scatter(rows.tolist(), _value(judged, field, dtype, own).gather(rows))
    reached = np.zeros(frame.height, dtype=bool)
    reached[rows] = True
    for below, above in _handed_on(judged, own, field, rows):
        value = value.scatter(below.tolist(), value.gather(above))
        reached[below] = True
    here = pl.Series(reached)
    slot = _column(frame, f"{field}_slot", pl.Int32())
    new = [value.alias(field), slot.set(here, len(slots) - 1).alias(f"{field}_slot")]
    for mark, none in ((f"{field}_blank", None), (f"{field}_conflict", False)):
        if mark in frame:
            new.append(frame[mark].set(here, none))
    if "metadata_entries" in frame:
        entries = frame["metadata_entries"]
        new.append(entries.set(here & (entries.fill_null(0) == 0), 1))
    stamped = replace(table, slots=slots)
    stamped.put(*new)
    return stamped, reached


def _column(frame: Store, name: str, dtype: pl.DataType) -> pl.Series:
    if name in frame:
        return frame[name].cast(dtype).rechunk()
    return pl.Series(name, [None] * frame.height, dtype=dtype)


def _handed_on(judged: Evidence, own: pl.Series, field: str, rows: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Later records of the same calls that will hold the new value, with the records they have it from.

    Such as repeat the old value, and such as have none where that hop hands the field on of other calls.
    """
    found = links(judged)
    if found is None:
        return
    carries = can_carry(judged, field)
    hands_on = _borders_that_hand_on(found, judged.frame[field])
    above = rows
    for _ in judged.hops:
        below = found.down[above]
        above, below = above[below >= 0], below[below >= 0]
        old, here = own.gather(above), own.gather(below)
        same = (old == here).fill_null(False).to_numpy()
        blank = here.is_null().to_numpy() & carries[below]
        borders = zip(found.hop[above].tolist(), found.hop[below].tolist(), strict=True)
        through = np.array([border in hands_on for border in borders], dtype=bool)
        take = same | (blank & through)
        if not take.any():
            return
        yield below[take], above[take]
        above = below[take]


def _borders_that_hand_on(found: Links, values: pl.Series) -> set[tuple[int, int]]:
    """Borders at which most calls that carried the field before carry it behind."""
    below = np.flatnonzero(found.up >= 0)
    above = found.up[below]
    has = values.is_not_null().to_numpy()
    pairs = pl.DataFrame(
        {"a": found.hop[above], "b": found.hop[below], "before": has[above], "after": has[below]}
    ).filter("before")
    shares = pairs.group_by("a", "b").agg(pl.col("after").mean())
    return {(a, b) for a, b, share in shares.iter_rows() if share >= MOSTLY}


def _value(judged: Evidence, field: str, dtype: pl.DataType, own: pl.Series) -> pl.Series:
    """What would stand on each call: what stands near it today, else a word of its own."""
    names = [f"{place}_{field}" for place in NEAREST_PLACES]
    judged = replace(judged)  # what is looked up here is not kept
    frame = need(judged, *(name for name in names if judged.has(f"{name}_slot")))
    near = [frame[name] for name in names if name in frame]
    known = [s.cast(dtype, strict=False).alias(str(i)) for i, s in enumerate(near)]
    if field == "request_id":
        number = need(judged, "logical_call")["logical_call"]  # all tries of a call bear one id
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
