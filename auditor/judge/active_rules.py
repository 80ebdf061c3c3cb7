"""The rules that an audit runs: shipped and own ones, as the policy selects and tunes them."""

from __future__ import annotations

from pathlib import Path

from auditor.catalogue.rules import Rule, all_ids, load_rules
from auditor.errors import PolicyError
from auditor.judge.columns import check_columns
from auditor.policy.model import Policy, check_rules, check_until


def active_rules(policy: Policy, rules_dir: Path | None) -> tuple[Rule, ...]:
    """The rules with the policy's thresholds; PolicyError where the policy names one that does not exist."""
    check_rules(policy, all_ids(rules_dir))
    rules = tuple(r for r in load_rules(rules_dir) if policy.pedantic or r.status != "preview")
    check_until(policy, {rule.id: rule.level for rule in rules})
    check_columns([rule for rule in rules if rule.place[1]])
    bounds = policy.thresholds.rules
    try:
        return tuple(r.tuned(bounds[r.id]) if r.id in bounds else r for r in rules) if bounds else rules
    except ValueError as error:
        raise PolicyError(f"thresholds: {error}", "`auditor explain RULE` shows its thresholds") from None
