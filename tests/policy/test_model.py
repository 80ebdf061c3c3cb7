"""What a policy says is obeyed: vocabularies, patterns, levels, thresholds."""

from __future__ import annotations

import pytest

from auditor.catalogue.fields import catalogue
from auditor.catalogue.rules import load_rules
from auditor.errors import PolicyError
from auditor.policy.model import parse_policy
from auditor.report.schema import Report
from tests.conftest import GAPPY, Cli, Put
from tests.support.policies import audited


def gaps(report: Report) -> dict[tuple[str, str], int]:
    """How many calls each rule of a vocabulary spoke of, by field."""
    return {(g.rule, g.field): g.calls for g in report.gaps if g.rule in ("TAG009", "TAG010", "TAG011")}


def test_a_value_outside_its_vocabulary_is_mis_scoped() -> None:
    """One that is nearly listed is told apart; a listed one is present; without a list none is wrong."""
    calls = [{"team": team} for team in ("growth", "Growth", "billing-bot")]
    report = audited({"required": ["team_id"], "vocabularies": {"team_id": ["growth", "search"]}}, *calls)
    team = next(field for field in report.fields if field.field == "team_id")

    assert {("TAG009", "team_id"): 1, ("TAG010", "team_id"): 1} == gaps(report)
    assert (1, 2, {"malformed": 2}) == (team.present, team.mis_scoped, team.causes)
    assert {} == gaps(audited({"required": ["team_id"]}, *calls))


def test_nearness_has_an_end() -> None:
    """Thousands of values against hundreds of words: all are told, near ones by their letters."""
    words = [f"team-{n:04d}" for n in range(700)]
    calls = [{"team": team} for team in ("TEAM_0001", *(f"zz{n:05d}" for n in range(2_000)))]
    found = gaps(audited({"required": ["team_id"], "vocabularies": {"team_id": words}}, *calls))

    assert {("TAG009", "team_id"): 2_000, ("TAG010", "team_id"): 1} == found


def test_a_pattern_is_for_the_whole_value() -> None:
    """Neither a head nor a tail is left over, whatever the pattern's alternatives are."""
    policy = {"profile": "all", "patterns": {"cost_center": "CC-[0-9]+|none-yet"}}
    values = ("CC-12", "none-yet", "xCC-12", "CC-12x", "none-yet-2")

    assert {("TAG011", "cost_center"): 3} == gaps(audited(policy, *({"cost_center": v} for v in values)))


@pytest.mark.parametrize("name", [f.name for f in catalogue().fields.values() if f.type in ("string", "arn")])
def test_every_field_of_text_can_have_a_vocabulary_and_a_pattern(name: str) -> None:
    """What the policy takes, the rules speak of."""
    held = {r.id: r.field for r in load_rules()}
    policy = parse_policy({"vocabularies": {name: ["x"]}, "patterns": {name: "x"}})

    assert {"x"} == {*policy.vocabularies[name], policy.patterns[name]}
    assert all(name in held[rule] for rule in ("TAG009", "TAG010", "TAG011"))


def test_no_listed_value_and_no_value_of_the_input_is_in_the_report() -> None:
    """The gap says that a value is none of the list, and not which."""
    policy = {"required": ["team_id"], "vocabularies": {"team_id": ["listed-secret"]}}
    report = audited(policy, {"team": "found-secret"})

    assert "secret" not in str(report)


def test_levels_of_the_policy_are_told() -> None:
    """The gap has the level, and a note says that it was changed."""
    report = audited({"levels": {"IDN007": "warning", "IDN002": "warning"}}, {"tenant_id": None})
    levels = {gap.rule: gap.level for gap in report.gaps}

    assert {"IDN002": "warning", "IDN007": "warning"} == levels
    assert report.gate.passed
    assert "The policy makes IDN007 a warning; its own level is error." in report.notes


def test_the_gate_has_bounds_of_its_own() -> None:
    """The score and the share without an owner; each reason is told."""
    bounds = {"min_score": 101 - 1, "max_unattributed": "2%"}
    report = audited({"fail_on": "none", "thresholds": bounds}, {"tenant_id": None}, {})

    assert not report.gate.passed
    assert [f"score {report.score.value} is under 100 (min_score)"] == report.gate.reasons[:1]
    assert "50 % of spend has no owner, more than 0.02 (max_unattributed)" == report.gate.reasons[1]
    assert audited(
        {"fail_on": "none", "thresholds": {"max_unattributed": 0.5}}, {"tenant_id": None}, {}
    ).gate.passed


def test_flags_of_the_gate_win_over_the_policy(cli: Cli, put: Put) -> None:
    """A flag, then the environment, then the file."""
    put("auditor.toml", 'fail_on = "none"\n[thresholds]\nmin_score = 99\n')
    put("gappy.jsonl", GAPPY.decode())

    assert 1 == cli("audit", "gappy.jsonl").code
    assert 0 == cli("audit", "gappy.jsonl", "--min-score", "0").code
    assert 0 == cli("audit", "gappy.jsonl", AUDITOR_MIN_SCORE="0").code
    assert 1 == cli("audit", "gappy.jsonl", "--min-score", "0", "--max-unattributed", "2%").code
    assert 2 == cli("audit", "gappy.jsonl", "--max-unattributed", "many").code


def test_a_threshold_of_a_rule_can_be_set() -> None:
    """The number takes the place of the rule's own, and a note says so."""
    calls = [{"tenant_id": f"t-{n}", "request_id": f"r-{n}"} for n in range(8)]
    tuned = audited({"thresholds": {"rules": {"IDN030": {"tenants": 5}}}}, *calls)

    assert "IDN030" not in {gap.rule for gap in audited({}, *calls).gaps}
    assert "IDN030" in {gap.rule for gap in tuned.gaps}
    assert "The policy sets tenants of IDN030 to 5." in tuned.notes


def test_a_threshold_that_a_rule_does_not_have_is_refused() -> None:
    """The message lists those that it has."""
    with pytest.raises(PolicyError, match=r"IDN030 has no threshold 'tenant' \(it has: tenants\)"):
        audited({"thresholds": {"rules": {"IDN030": {"tenant": 5}}}}, {})
