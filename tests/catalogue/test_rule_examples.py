"""Every example of every rule comes out as its file promises."""

from __future__ import annotations

import pytest

from auditor.catalogue.rules import Example, Rule, load_rules
from auditor.cli.checks import Result, run_example, summary
from auditor.printing.ink import Ink

CASES = [(rule, example) for rule in load_rules() for example in rule.examples]


@pytest.mark.parametrize(
    ("rule", "example"), CASES, ids=[f"{r.id}-{e.name.replace(' ', '-')}" for r, e in CASES]
)
def test_an_example_comes_out_as_its_rule_says(rule: Rule, example: Example) -> None:
    """The calls that the rule speaks of are those that the example expects; a clean example stays silent."""
    result = run_example(rule, example)

    assert result.expected == result.got


@pytest.mark.parametrize("rule", load_rules(), ids=lambda rule: rule.id)
def test_a_rule_has_a_clean_and_a_gap_example(rule: Rule) -> None:
    """A rule shows where it speaks and where it must not."""
    assert {True, False} == {any(example.expect.values()) for example in rule.examples}


def test_a_failed_check_says_what_differed() -> None:
    """The line of a failed check names what was expected and what came out."""
    line = Result("IDN001 root only", "absent 2", "silent").line(Ink())

    assert b"FAIL  IDN001 root only: expected absent 2; got silent\n" == line


def test_the_summary_counts_the_failures() -> None:
    """One line tells how many checks ran and how many failed."""
    results = [Result("a", "x", "x"), Result("b", "x", "y")]

    assert summary(results, Ink()).decode().endswith(": 1 failed\n")
