"""The reference pages: rules, fields, formats, kinds of problems, and what happens to the data."""

from __future__ import annotations

import json

from litestar import get
from litestar.params import FromPath, FromQuery
from litestar.response import Template

from auditor.catalogue.fields import catalogue, profiles
from auditor.catalogue.rules import FAMILIES, Example, Rule, load_fixes, load_rules
from auditor.catalogue.samples import samples
from auditor.catalogue.words import SCOPES
from auditor.printing.ink import spoken
from auditor.readers import matrix
from auditor.readers.registry import format_of, unsupported_formats
from auditor.report.quotes import recipe
from auditor.web import problems
from auditor.web.responses import page
from auditor.web.security import CONTENT_SECURITY_POLICY


@get("/rules", include_in_schema=False, sync_to_thread=False, navigation="Rules")
def rules(q: FromQuery[str] = "", family: FromQuery[str] = "", field: FromQuery[str] = "") -> Template:
    """The rules by family: those of one family or one field, that hold every word of the search."""
    words = q.lower().split()
    matching = [
        rule
        for rule in load_rules()
        if rule.id.startswith(family.upper())
        and (not field or field in rule.field)
        and all(word in _searched(rule) for word in words)
    ]
    found = [(key, title, [r for r in matching if r.family == key]) for key, title in FAMILIES.items()]
    return page(
        "rules.html",
        found=[one for one in found if one[2]],
        count=len(matching),
        asked={"q": q, "family": family.upper(), "field": field},
        families=FAMILIES,
        fields=[name for name in catalogue().fields if any(name in r.field for r in load_rules())],
    )


@get("/rules/{rule_id:str}", include_in_schema=False, sync_to_thread=False)
def rule(rule_id: FromPath[str]) -> Template:
    """Everything about one rule."""
    one = next((r for r in load_rules() if r.id == rule_id.upper()), None)
    if one is None:
        raise problems.NotFound("there is no rule of this id", "/rules lists them all")
    known = load_fixes()
    fixes = [recipe(known[name], one.field[0]) for name in one.fixes if name in known]
    examples = [(example, json.dumps(example.settings), _expectation(example)) for example in one.examples]
    return page("rule.html", rule=one, fixes=fixes, examples=examples)


@get("/fields", include_in_schema=False, sync_to_thread=False, navigation="Fields")
def fields() -> Template:
    """The field catalogue and the profiles."""
    return page(
        "fields.html", fields=catalogue().fields.values(), profiles=profiles().values(), scopes=SCOPES
    )


@get("/formats", include_in_schema=False, sync_to_thread=False, navigation="Formats")
def formats() -> Template:
    """What each format can carry at which scope."""
    fields = tuple(catalogue().fields.values())
    layers = [
        (layer, [(one, [matrix.cell(one, field) for field in fields]) for one in readers])
        for layer, readers in matrix.by_layer()
    ]
    return page(
        "formats.html", layers=layers, unread=unsupported_formats(), fields=fields, legend=matrix.legend()
    )


@get("/formats/{name:str}", include_in_schema=False, sync_to_thread=False)
def format_page(name: FromPath[str]) -> Template:
    """Everything about one format."""
    one = format_of(name)
    if one is None:
        raise problems.NotFound("there is no format of this name", "/formats lists them all")
    fields = tuple(catalogue().fields.values())
    cells = [(field, matrix.cell(one, field)) for field in fields]
    return page(
        "format.html",
        one=one,
        fields=fields,
        carried=[(field, cell) for field, cell in cells if cell],
        never=[field for field, cell in cells if not cell],
        shown=[(s, s.text) for s in samples() if s.format == one.name],
    )


@get("/privacy", include_in_schema=False, sync_to_thread=False, navigation="Privacy")
def privacy() -> Template:
    """What happens to what is pasted."""
    return page("privacy.html", policy=CONTENT_SECURITY_POLICY.split("; "))


@get("/problems", include_in_schema=False, sync_to_thread=False)
def problem_kinds() -> Template:
    """Every way in which an audit can fail."""
    return page("problems.html", kinds=[(problems.kind_name(k), k) for k in problems.KINDS])


def _searched(rule: Rule) -> str:
    return " ".join(
        (rule.id, rule.name, *rule.field, str(rule.level), rule.title, rule.gap, rule.why)
    ).lower()


def _expectation(example: Example) -> str:
    """How many calls the rule reports, by verdict."""
    counts = [f"{number} {spoken(what)}" for what, number in example.expect.items() if number]
    return ", ".join(counts) or "silent"
