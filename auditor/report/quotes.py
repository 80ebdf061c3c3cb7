"""The handbook, made from the rule files, the recipes and the field catalogue."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from auditor.catalogue.fields import catalogue
from auditor.catalogue.rules import Fix, Rule, load_fixes, load_rules
from auditor.report.handbook import FieldText, Handbook, Recipe, RuleText


@cache
def handbook(extra: Path | None = None) -> Handbook:
    """The handbook of the shipped rules and of those in a folder of the user's own."""
    return Handbook(
        rules={rule.id: _text(rule) for rule in load_rules(extra)},
        recipes=tuple(_recipe(fix) for fix in load_fixes().values()),
        fields={name: FieldText(field.title, field.definition) for name, field in catalogue().fields.items()},
    )


def rule_text(rule: Rule, template: str) -> str:
    """A text of a rule; one of a rule for several fields has "the field" in place of a name."""
    if len(rule.field) == 1:
        return rule.text(template, rule.field[0])
    plain = template.replace("The {field}", "The field").replace("the {field}", "the field")
    return plain.replace("{field}", "field").strip()


def recipe(fix: Fix, field: str) -> Recipe:
    """A fix as it reads for one field."""
    return Recipe(
        fix.stack, *(fix.filled(part, field).strip() for part in (fix.title, fix.text, fix.snippet))
    )


def _recipe(fix: Fix) -> Recipe:
    return Recipe(fix.stack, fix.title, fix.text, fix.snippet)


def _text(rule: Rule) -> RuleText:
    known = load_fixes()
    return RuleText(
        id=rule.id,
        name=rule.name,
        fields=rule.field,
        verdict=rule.verdict,
        cause=rule.cause.value if rule.cause else None,
        level=rule.level.value,
        status=rule.status,
        title=rule_text(rule, rule.title),
        gap=rule_text(rule, rule.gap),
        why=rule_text(rule, rule.why),
        false_positives=rule_text(rule, rule.false_positives),
        fixes=tuple(recipe(known[fix], rule.field[0]) for fix in rule.fixes if fix in known),
        references=tuple(reference.url for reference in rule.references),
    )
