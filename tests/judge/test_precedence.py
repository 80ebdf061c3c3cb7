"""Rules that report one field of one call do not contradict each other, and its verdict is that of a gap."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from auditor.audit import Input
from auditor.catalogue.fields import catalogue, catalogue_with
from auditor.catalogue.rules import load_rules
from auditor.catalogue.samples import samples, scenario
from auditor.catalogue.words import Cause
from auditor.cli.checks import inputs_of, policy_of
from auditor.evidence.assemble import assemble
from auditor.inputs.source import Source
from auditor.judge.verdicts import ABSENT, CAUSES, MIS_SCOPED, Hit, Judgement, judge
from auditor.policy.model import Policy
from auditor.readers.ingest import ingest

RULES = {rule.id: rule for rule in load_rules()}
CODES = {"absent": ABSENT, "mis_scoped": MIS_SCOPED}
ALL = Policy(profile="all")


def cases() -> list[Any]:
    """All samples, the scenario, and the inputs of all examples with a gap, each input once."""
    found = [pytest.param([Input(name=s.file, path=s.path)], ALL, id=f"sample-{s.name}") for s in samples()]
    hops = [Input(name=hop, path=scenario().path(hop)) for hop in scenario().hops]
    found.append(pytest.param(hops, ALL, id="scenario"))
    examples = {
        (e.format, e.input, e.beside, str(e.policy)): (f"{rule.id}-{e.name.replace(' ', '-')}", e)
        for rule in RULES.values()
        for e in rule.examples
        if any(e.expect.values())
    }
    return [*found, *(pytest.param(inputs_of(e), policy_of(e), id=name) for name, e in examples.values())]


def judged(inputs: list[Input], policy: Policy) -> Judgement:
    """Every field of every call, by all rules."""
    fields = catalogue_with(policy.aliases)
    tables = [ingest(Source(given), given, fields) for given in inputs]
    evidence = assemble(tables, fields, policy.dedicated, policy.vocabularies, policy.whole_patterns)
    return judge(
        replace(evidence, slots=list(evidence.slots)), list(RULES.values()), tuple(catalogue().fields)
    )


def contradictions(hits: list[Hit]) -> list[tuple[str, str]]:
    """The pairs of rules of which one reports a value as missing and the other gives another cause."""
    return [
        (one.rule.id, other.rule.id)
        for one in hits
        for other in hits
        if one.rule.cause == Cause.MISSING != other.rule.cause and (one.rows & other.rows).any()
    ]


@pytest.mark.parametrize(("inputs", "policy"), cases())
def test_no_field_of_a_call_is_both_missing_and_found(inputs: list[Input], policy: Policy) -> None:
    """No gap names a place for a missing value, and the verdict is that of one of the gaps."""
    judgement = judged(inputs, policy)
    for field, verdicts in judgement.verdicts.items():
        hits = [hit for hit in judgement.hits if hit.field == field and hit.rule.verdict != "none"]
        agreed = np.zeros_like(verdicts, dtype=bool)
        reported = agreed.copy()
        for hit in hits:
            assert hit.rule.cause is not None
            cause = CAUSES.index(hit.rule.cause)
            reported |= hit.rows
            agreed |= hit.rows & (verdicts == CODES[hit.rule.verdict]) & (judgement.causes[field] == cause)
        unsaid = (verdicts == ABSENT) & ~reported if field in always_missing() else agreed & False

        assert [] == contradictions(hits), field
        assert not (reported & ~agreed).any(), field
        assert not unsaid.any(), field


def always_missing() -> set[str]:
    """The fields that one rule reports as missing in any record."""
    return {
        field
        for rule in RULES.values()
        for field in rule.field
        if rule.cause == Cause.MISSING and rule.predicate(field) == f"{field} IS NULL"
        if not (rule.needs or rule.applies_to.layers or rule.applies_to.formats)
    }


def test_the_more_specific_cause_is_reported() -> None:
    """The order of causes decides, then which rule names layers or formats; equals stay side by side."""
    yields = {
        ("IDN001", "IDN033"),
        ("IDN001", "IDN005"),
        ("IDN001", "HOP001"),
        ("IDN001", "BIL010"),
        ("IDN009", "IDN016"),
        ("IDN018", "IDN014"),
        ("IDN021", "IDN014"),
    }
    beside = {("IDN021", "BIL023"), ("IDN005", "IDN016"), ("BIL010", "BIL011"), ("IDN001", "IDN028")}

    for one, other in yields:
        assert RULES[one].yields_to(RULES[other]), (one, other)
        assert not RULES[other].yields_to(RULES[one]), (other, one)
    for one, other in beside:
        assert not RULES[one].yields_to(RULES[other]), (one, other)
        assert not RULES[other].yields_to(RULES[one]), (other, one)


def test_a_rule_that_names_another_under_needs_is_the_one_that_yields() -> None:
    """What a rule says itself goes before the order of causes."""
    narrow, wide = RULES["BIL010"], RULES["IDN001"].model_copy(update={"id": "OWN001"})

    assert wide.yields_to(narrow)
    assert not wide.yields_to(narrow.model_copy(update={"needs": ("OWN001",)}))


def test_a_rule_that_compares_hops_says_so() -> None:
    """Those of the family between inputs, and no other."""
    assert {rule.id for rule in RULES.values() if rule.between} == {r for r in RULES if r.startswith("HOP")}
