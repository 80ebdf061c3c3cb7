"""The audit of all five inputs together names every planted defect, at its border, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from auditor.printing.text import money
from auditor.report.schema import Gap, Projection, Report
from tests.support.scenario import audited
from tools.scenario import ALL, FILES, Defect, Planted, World, truth

Reported = tuple[str, str, int, str]  # rule, field, records, file
# an audit takes a second or two, so a failing set of defects is told as it was drawn, not shrunk
SLOW = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
SUBSETS = st.frozensets(st.sampled_from(sorted(Defect)))
# what becomes of a field at the border, as the hop matrix counts it
FATES = {
    Defect.WORKFLOW_DROPPED: "dropped",
    Defect.TENANT_DROPPED: "dropped",
    Defect.TEAM_RENAMED: "renamed",
    Defect.TENANT_CHANGED: "changed",
    Defect.METADATA_KEPT_BACK: "dropped",
    Defect.ID_REGENERATED: "changed",
}
# what the default profile asks for, so that the plan mends it
MENDED = frozenset(
    {
        Defect.TENANT_DROPPED,
        Defect.TENANT_CHANGED,
        Defect.METADATA_KEPT_BACK,
        Defect.PROFILE_UNTAGGED,
        Defect.ID_REGENERATED,
    }
)


def matters(gap: Gap) -> bool:
    """Whether a gap is more than a remark."""
    return gap.level != "note"


def crossing(report: Report) -> set[Reported]:
    """What the rules of borders told, each on the one file where its examples stand."""
    told = [gap for gap in report.gaps if gap.rule.startswith("HOP") and matters(gap)]
    return {(g.rule, g.field, g.records, " and ".join(sorted({a.input for a in g.anchors}))) for g in told}


def expected(planted: tuple[Planted, ...]) -> set[Reported]:
    """What the truth says that they must tell."""
    return {(one.rule, field, calls, FILES[one.after]) for one in planted for field, calls in one.fields}


def beside(report: Report) -> set[tuple[str, str]]:
    """What the rules of single inputs told, as (file, rule)."""
    told = {(a.input, g.rule) for g in report.gaps if matters(g) for a in g.anchors}
    return {(name, rule) for name, rule in told if not rule.startswith("HOP")}


def speaks(one: Planted) -> set[str]:
    """The rules that tell a defect, across hops or beside."""
    return {one.rule} | {rule for _, rule in one.beside}


@settings(parent=SLOW)
@given(SUBSETS)
@example(ALL)
@example(frozenset())
def test_any_defects_are_told_exactly(planted: frozenset[Defect]) -> None:
    """Whatever is planted is told by its rule, on its hop, with its count of records; nothing else is."""
    world = World(defects=planted)
    report, told = audited(world), truth(world)

    assert crossing(report) == expected(told)
    assert beside(report) <= {(FILES[hop], rule) for one in told for hop, rule in one.beside}


@settings(parent=SLOW, max_examples=5)
@given(st.integers(0, 10_000), st.integers(26, 90), SUBSETS)
def test_other_worlds_are_told_as_exactly(seed: int, calls: int, planted: frozenset[Defect]) -> None:
    """Seed and size of the world make no difference to what is told."""
    world = World(seed, calls, planted)

    assert crossing(audited(world)) == expected(truth(world))


@pytest.mark.parametrize("defect", FATES)
def test_the_border_is_where_the_field_dies(defect: Defect) -> None:
    """The hop matrix counts the defect between its two hops, and no loss of that field elsewhere.

    The bill names no workflow and no user in any world: there, these die once more.
    """
    world = World(defects=frozenset({defect}))
    (one,) = truth(world)
    found = {field.field: field for field in audited(world).hops}
    for field, calls in one.fields:
        fates = {
            (border.before, border.after): (border.dropped, border.renamed, border.changed)
            for border in found[field].borders
            if border.after != "bill" or field not in ("workflow_id", "user_id")
        }
        counts = tuple(calls if fate == FATES[defect] else 0 for fate in ("dropped", "renamed", "changed"))
        assert fates.pop((one.before, one.after)) == counts
        assert set(fates.values()) <= {(0, 0, 0)}
        if field not in ("workflow_id", "user_id"):
            assert found[field].dies_at == (None if FATES[defect] == "renamed" else one.after)


@pytest.mark.parametrize("hop", FILES)
def test_one_input_alone_shows_what_the_truth_says_beside(hop: str) -> None:
    """Without its neighbours an input tells the consequences that stand in it, and no border."""
    report = audited(World(), hop)
    wanted = {(FILES[at], rule) for one in truth(World()) for at, rule in one.beside if at == hop}

    assert crossing(report) == set()
    assert beside(report) == wanted


def test_repairing_some_silences_them_alone() -> None:
    """With half of the defects repaired the other half is told as before."""
    half = frozenset(sorted(Defect)[::2])
    left = World().fixed(half)

    assert crossing(audited(left)) == expected(truth(World(defects=ALL - half)))


def test_the_plan_reaches_what_it_projects() -> None:
    """After each step, repairing what it repairs and auditing again gives the projected coverage."""
    world = World(defects=MENDED)
    mended: set[Defect] = set()
    for step in audited(world, planned=True).plan:
        mended |= {one.defect for one in truth(world) if speaks(one) & set(step.rules)}
        plan = audited(world.fixed(mended), planned=True).plan

        assert step.after is not None
        whole = Projection(100, 0.0, 0.0, dict.fromkeys(step.after.fields, 1.0))
        assert step.after == (plan[0].before if plan else whole)
    assert mended == MENDED


def test_a_note_says_what_the_gateway_has_no_record_of_by_cause_and_in_dollars() -> None:
    """The calls and the money are those of the gap; a stream that broke off is named as one."""
    report = audited(World(defects=ALL))
    (note,) = (one for one in report.notes if "no record of" in one)
    (gap,) = (gap for gap in report.gaps if gap.rule == "HOP007")

    assert (
        f"{gap.calls} calls ({money(gap.cost_usd)}) it did not log, {gap.calls} of them in streams." in note
    )
