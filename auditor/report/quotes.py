"""Makes the handbook out of the rule files, the recipes and the field catalogue.

It judges nothing and never looks at an input.
"""

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
        fields={name: FieldText(one.title, one.definition) for name, one in catalogue().fields.items()},
    )


def say(rule: Rule, template: str) -> str:
    """A text of a rule; a rule for several fields speaks of "the field"."""
    if len(rule.field) == 1:
        return rule.text(template, rule.field[0])
    plain = template.replace("The {field}", "The field").replace("the {field}", "the field")
    return plain.replace("{field}", "field").strip()


def recipe(fix: Fix, field: str) -> Recipe:
    """A fix as it reads for one field."""
    return _recipe(fix).on(field)


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
        title=say(rule, rule.title),
        gap=say(rule, rule.gap),
        why=say(rule, rule.why),
        false_positives=say(rule, rule.false_positives),
        fixes=tuple(recipe(known[fix], rule.field[0]) for fix in rule.fixes if fix in known),
        references=tuple(one.url for one in rule.references),
    )
