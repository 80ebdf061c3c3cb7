"""The rules that an audit runs, and the columns of the evidence table that they may name."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from pathlib import Path

from auditor.catalogue.fields import catalogue
from auditor.catalogue.key_lines import line_of
from auditor.catalogue.predicates import check_predicate
from auditor.catalogue.rules import Rule, all_ids, load_rules
from auditor.catalogue.words import SCOPES
from auditor.errors import PolicyError, RuleError
from auditor.evidence.schema import ALWAYS, FACTS, IDENTITY
from auditor.policy.model import Policy, check_rules, check_until
from auditor.printing.text import nearest
from auditor.relate.columns import NEAREST_PLACES, related

COLUMNS = "a column is a field, its `_scope` or `_key`, or one of a relation: see the shipped rules"
_TEXTS = """endpoint operation rpc_method line_item_type usage_type token_kind pricing_unit tier
    routing request_id_also access_key_id session_began_by""".split()  # further texts of readers
_STORED = frozenset({*IDENTITY, *FACTS, *ALWAYS, *_TEXTS, "input", "layer", "error", "failed"})
_PLACES = frozenset({*SCOPES, *NEAREST_PLACES})


def is_column(name: str, fields: Container[str]) -> bool:
    """Whether the evidence table may have a column of this name."""
    if name in _STORED:
        return True
    if any(all(_about(field, fields) for field in groups[:1]) for _, groups in related(name)):
        return True
    return _about(re.sub("_(?:blank|conflict|several|slot)$", "", name), fields)


def _about(name: str, fields: Container[str]) -> bool:
    """Whether a name is a field's, or that of a field at some other place: `header_tenant_id`."""
    return name in fields or any(
        name.startswith(f"{place}_") and name[len(place) + 1 :] in fields for place in _PLACES
    )


def check_columns(rules: Sequence[Rule]) -> None:
    """RuleError when a rule reads a column that the table cannot have: it would be null on every call."""
    fields = catalogue().fields
    for rule in rules:
        for field in rule.field:
            for name in sorted(check_predicate(rule.predicate(field))):
                if not is_column(name, fields):
                    message = f"when: there is no column {name!r}"
                    raise RuleError(at_predicate(rule, message), nearest(name, fields) or COLUMNS)


def at_predicate(rule: Rule, message: str) -> str:
    """A message after the file and the line of the rule's predicate, where they are known."""
    where, lines = rule.place
    line = line_of(lines, ("when",))
    return f"{where}{f':{line}' if line else ''}: {message}" if where else f"{rule.id}: {message}"


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
