"""Breaking a predicate is noticed by the rule's own examples; `make mutate` tries all rules.

It tries a few, one of each family, and the tool itself.
"""

from __future__ import annotations

import pytest

from auditor.catalogue.rules import load_rules
from tools import mutate

KNOWN = {rule.id: rule for rule in load_rules()}


@pytest.mark.parametrize("name", ["IDN018", "CNT015", "USE010", "BIL006", "TAG001"])
def test_every_broken_predicate_is_noticed(name: str) -> None:
    """Negated, or without any one of its parts, the rule fails one of its examples."""
    tried, survived = mutate.survivors(KNOWN[name], KNOWN)

    assert tried > 1
    assert [] == survived


def test_a_predicate_is_negated_and_loses_each_part_once() -> None:
    """The parts of nested junctions are left out one at a time, and the rest stays as it was."""
    made = dict(mutate.mutants("{field} IS NULL AND (a > 1 OR b = 'x')"))

    assert {
        "negated": "NOT COALESCE(({field} IS NULL AND (a > 1 OR b = 'x')), FALSE)",
        "without {field} IS NULL": "(a > 1 OR b = 'x')",
        "without a > 1": "{field} IS NULL AND (b = 'x')",
        "without b = 'x'": "{field} IS NULL AND (a > 1)",
    } == made


def test_a_part_that_no_example_needs_is_a_survivor() -> None:
    """A rule with a part that does nothing is found out."""
    rule = KNOWN["IDN001"].model_copy(update={"when": "tenant_id IS NULL AND weight >= 0"})
    tried, survived = mutate.survivors(rule, KNOWN)

    assert 3 == tried
    assert ["without weight >= 0"] == [one.broken for one in survived]


def test_the_tool_says_how_many_were_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    """The last line counts; the exit code is that of the survivors."""
    assert 0 == mutate.main(["IDN001"])
    assert "1 mutants of 1 rules: 1 noticed, 0 survived\n" == capsys.readouterr().out
