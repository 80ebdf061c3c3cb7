"""One set of figures: parts add up, none exceeds the whole, and the order of the inputs changes nothing."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.audit import Input, audit
from auditor.catalogue.samples import Sample, samples, scenario
from auditor.policy.model import Policy
from auditor.report.schema import Report
from tests.support.draws import draws
from tests.support.hop_cases import NAMES, audited
from tests.support.hop_cases import report as case_report

ALL = Policy(profile="all")
CENT = 1e-5  # USD: figures of a report are rounded to nano-dollars
MAX_OWNERS = 20  # a report lists no more, and the spend of nobody


def check_sums(report: Report) -> None:
    """Every figure of a report against its totals."""
    calls, usd = report.totals.distinct_calls, report.totals.cost_usd
    for field in report.fields:
        assert calls == field.present + field.absent + field.mis_scoped + field.not_carried, field.field
        cost = field.cost.present + field.cost.absent + field.cost.mis_scoped + field.cost.not_carried
        assert abs(cost - usd) < CENT, field.field
        for given_, one in zip(report.inputs, field.inputs, strict=len(report.inputs) > 1):
            judged = given_.calls + given_.totals
            assert judged == one.present + one.absent + one.mis_scoped + one.not_carried
    for gap in report.gaps:
        assert gap.of == calls
        assert gap.calls <= calls, gap.rule
        assert gap.cost_usd <= usd + CENT, gap.rule
        assert all(w.calls <= gap.calls and w.cost_usd <= gap.cost_usd + CENT for w in gap.where), gap.rule
    for step in report.plan:
        assert step.calls_fixed <= calls
        assert step.cost_fixed <= usd + CENT
    assert all(0 <= question.share <= 1 for question in report.questions)
    check_owners(report)
    if report.plan and report.plan[0].before:
        assert report.score.value == report.plan[0].before.score


def check_owners(report: Report) -> None:
    """The owners' dollars and calls are all dollars and calls."""
    totals = report.totals
    if len(report.owners) < MAX_OWNERS:
        assert totals.distinct_calls == sum(owner.calls for owner in report.owners)
        assert abs(totals.cost_usd - sum(owner.cost_usd for owner in report.owners)) < CENT
        two = sum(owner.cost_usd for owner in report.owners if owner.two_owners)
        assert abs(totals.two_owners_cost_usd - two) < CENT
    nobody = sum(owner.cost_usd for owner in report.owners if owner.owner is None)
    assert abs(totals.unattributed_cost_usd - nobody) < CENT


def figures(report: Report) -> dict[str, Any]:
    """What must not depend on the order of the inputs."""
    return {
        "totals": report.totals,
        "score": report.score.value,
        "gate": report.gate.passed,
        "fields": {f.field: (f.present, f.absent, f.mis_scoped, f.not_carried) for f in report.fields},
        "gaps": Counter((g.rule, g.field, g.calls, g.cost_usd, g.fingerprint) for g in report.gaps),
        "owners": Counter((o.calls, o.tokens, o.cost_usd) for o in report.owners),
        "questions": {q.question: (q.share, q.grain) for q in report.questions},
        "plan": [(s.change, s.where, s.calls_fixed, s.cost_fixed) for s in report.plan],
    }


def together(chosen: list[Sample], *, planned: bool = True) -> Report:
    """Some samples audited together."""
    return audit([Input(name=s.name, path=s.path) for s in chosen], ALL, planned=planned)


@pytest.mark.parametrize("name", NAMES)
def test_a_world_of_several_inputs_adds_up_in_any_order(name: str) -> None:
    """The cases of the hops."""
    check_sums(case_report(name))

    assert figures(case_report(name)) == figures(audited(name, backwards=True))


def test_the_scenario_adds_up_in_any_order() -> None:
    """Five hops with twelve defects, by two profiles."""
    inputs = [Input(name=hop, path=scenario().path(hop), alias=hop) for hop in scenario().hops]
    for policy in (Policy(), ALL):
        report = audit(inputs, policy)
        check_sums(report)

        assert figures(report) == figures(audit(inputs[::-1], policy))


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)
def test_a_sample_adds_up(sample: Sample) -> None:
    """A single input is the case of one hop."""
    check_sums(together([sample], planned=False))


@draws(8)
@given(numbers=st.lists(st.integers(0, len(samples()) - 1), min_size=2, max_size=4, unique=True))
def test_samples_add_up_beside_each_other(numbers: list[int]) -> None:
    """Two to four inputs of whatever kind: sums hold, and none takes calls away from another."""
    # two samples of one format share ids by chance: they are no two files of one log
    chosen = list({samples()[number].format: samples()[number] for number in numbers}.values())
    report = together(chosen, planned=False)
    check_sums(report)

    assert figures(report) == figures(together(chosen[::-1], planned=False))
    doubtful = any("may be the same traffic" in note for note in report.notes)
    if not doubtful and not any(one.layer == "billing" for one in report.inputs):
        alone = [together([sample], planned=False).totals.distinct_calls for sample in chosen]
        assert max(alone) <= report.totals.distinct_calls <= sum(alone)


LINED = [s for s in samples() if s.path.suffix == ".jsonl" and s.kind == "gappy" and s.path.stat().st_size]


@pytest.mark.parametrize("sample", LINED, ids=lambda sample: sample.name)
def test_a_log_in_two_files_is_one_log(sample: Sample) -> None:
    """Split anywhere, the parts have the calls, the money and the owners of the whole."""
    lines = sample.path.read_bytes().splitlines(keepends=True)
    whole = audit([Input(name="log", data=b"".join(lines), format=sample.format)], ALL, planned=False)
    parts = [b"".join(lines[: len(lines) // 2]), b"".join(lines[len(lines) // 2 :])]
    inputs = [Input(name=f"log-{n}", data=part, format=sample.format) for n, part in enumerate(parts)]
    split = audit(inputs, ALL, planned=False)

    assert whole.totals.distinct_calls == split.totals.distinct_calls
    assert whole.totals.tokens == split.totals.tokens
    assert abs(whole.totals.cost_usd - split.totals.cost_usd) < CENT
    assert abs(whole.totals.unattributed_cost_usd - split.totals.unattributed_cost_usd) < CENT
