"""Totals beside calls, and totals of several inputs: told apart, never added up."""

from __future__ import annotations

import json
from itertools import permutations

import pytest

from auditor.audit import Input, audit
from auditor.catalogue.samples import samples
from auditor.policy.model import Policy
from auditor.report.load import read_report
from auditor.report.schema import Report
from auditor.writers import names, writer

FILES = {one.name: one for one in samples()}
CALLS, BILL, GATEWAY = "litellm-spend-logs-gappy", "cost-explorer-gappy", "litellm-usage-export-gappy"


def read(*wanted: str) -> Report:
    """The report on some samples together."""
    return audit([Input(name=name, path=FILES[name].path) for name in wanted], Policy(profile="all"))


def test_totals_beside_calls_change_no_figure_of_the_calls() -> None:
    """They have their verdicts in their own input, and a note with their money."""
    alone, beside = read(CALLS), read(CALLS, BILL)
    team = next(one for one in beside.fields if one.field == "team_id")

    assert alone.totals == beside.totals
    assert alone.owners == beside.owners
    assert [(g.rule, g.calls, g.cost_usd) for g in alone.gaps] == [
        (g.rule, g.calls, g.cost_usd) for g in beside.gaps
    ]
    assert [(BILL, 4, 2)] == [
        (one.input, one.present, one.absent) for one in team.inputs if one.input == BILL
    ]
    assert any("6 totals, USD 100.00, USD 83.56 of it without an owner" in note for note in beside.notes)


def test_of_totals_alone_the_bill_counts_in_any_order() -> None:
    """Two sums may be of the same money."""
    reports = [read(*order) for order in permutations((BILL, GATEWAY))]

    assert {100.0} == {one.totals.cost_usd for one in reports}
    assert 1 == len({json.dumps([o.cost_usd for o in one.owners]) for one in reports})
    for one in reports:
        sums = {given.name: given.sums.cost_usd for given in one.inputs if given.sums}
        assert {BILL: 100.0, GATEWAY: pytest.approx(1256.8456)} == sums
        assert any(note.startswith(GATEWAY) and "not added up" in note for note in one.notes)


@pytest.mark.parametrize("sample", [one.name for one in samples() if one.format in (
    "cost-explorer", "openai-usage", "litellm-usage-export", "cloudwatch-metrics")])  # fmt: skip
def test_every_figure_of_calls_is_zero_and_verdicts_add_up(sample: str) -> None:
    """Of a report without calls no figure counts one; each field's verdicts add up to the totals."""
    report = read(sample)

    assert (0, 0) == (report.totals.calls, report.totals.distinct_calls)
    for one in report.fields:
        assert 0 == one.present + one.absent + one.mis_scoped + one.not_carried
        for own in one.inputs:
            verdicts = own.present + own.absent + own.mis_scoped + own.not_carried
            assert report.inputs[0].totals == verdicts
    assert {0} == {0, *(g.calls for g in report.gaps), *(o.calls for o in report.owners)}
    assert sum(o.cost_usd for o in report.owners) == pytest.approx(report.totals.cost_usd)
    assert report == read_report(writer("json").write(report), "report")


@pytest.mark.parametrize("name", names())
def test_every_writer_can_write_totals(name: str) -> None:
    """None divides by the number of calls."""
    assert writer(name).write(read(GATEWAY))


def test_totals_and_calls_of_one_paste_are_told_apart() -> None:
    """Sums between calls are found where they are, and have their verdicts beside those of the calls."""
    sums = (
        FILES["cost-explorer-good"]
        .path.read_text()
        .replace("iamPrincipal/team$support", "iamPrincipal/team$")
    )
    call = (
        '{"timestamp": "2026-09-14T10:00:01Z", "event": "llm.call", "request_id": "req-0001", '
        '"tenant_id": "acme", "model": "anthropic.claude-3-haiku-20240307-v1:0", "input_tokens": 120}'
    )
    text = f"Asked of Cost Explorer:\n\n```json\n{sums}\n```\n\n"
    alone = audit([Input(name="paste", data=text.encode())], Policy())
    both = audit([Input(name="paste", data=f"{text}Logged:\n\n```\n{call}\n```\n".encode())], Policy())
    tenant = next(one for one in both.fields if one.field == "tenant_id").inputs[0]
    line = alone.gaps[0].anchors[0].line or 0

    assert "iamPrincipal/team$" in "".join(text.splitlines()[line - 1 : line + 3])
    assert (1, 1, 3) == (both.totals.calls, both.inputs[0].calls, both.inputs[0].totals)
    assert (1, 3) == (tenant.present, tenant.not_carried)
