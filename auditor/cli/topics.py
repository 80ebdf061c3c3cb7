"""What can be explained: a rule, a field or a format, as a page of text and as plain data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from auditor.catalogue.fields import Field, catalogue, profiles
from auditor.catalogue.rules import Fix, Rule, load_fixes, load_rules
from auditor.catalogue.samples import samples
from auditor.errors import UsageError
from auditor.evidence.formats import Format
from auditor.printing.ink import Style, spoken
from auditor.printing.page import Page
from auditor.printing.text import nearest
from auditor.readers.matrix import HINTS, evidence
from auditor.readers.registry import all_formats, unsupported_formats

Topic = Rule | Field | Format


def find_topic(name: str, rules_dir: Path | None = None) -> Topic:
    """The rule, field or format called `name`, or the field of that alias; UsageError when there is none."""
    wanted = name.strip()
    rules = load_rules(rules_dir)
    for rule in rules:
        if wanted.upper() == rule.id or wanted.lower() == rule.name:
            return rule
    fields = catalogue().fields
    formats = {fmt.name: fmt for fmt in (*all_formats(), *unsupported_formats())}
    if wanted.lower() in fields:
        return fields[wanted.lower()]
    if wanted.lower() in formats:
        return formats[wanted.lower()]
    match = catalogue().lookup(wanted)
    if match is not None:
        return fields[match.field]
    known = [*(rule.id.lower() for rule in rules), *(rule.name for rule in rules), *fields, *formats]
    hint = nearest(wanted, known) or "`auditor rules`, `auditor fields` and `auditor formats` list the names"
    raise UsageError(f"there is no rule, field or format {name!r}", hint)


def text_of(topic: Topic, name: str, style: Style) -> bytes:
    """The page of a topic; `name` is the name that the user gave, for a field maybe an alias."""
    page = Page(style)
    if isinstance(topic, Rule):
        _rule(page, topic)
    elif isinstance(topic, Field):
        _field(page, topic, name)
    else:
        _format(page, topic)
    return page.bytes()


def data_of(topic: Topic) -> dict[str, Any]:
    """The topic as plain data, ready for JSON."""
    if isinstance(topic, Rule):
        return {
            "kind": "rule",
            **rule_data(topic),
            "recipes": [fix.model_dump(mode="json") for fix in fixes_of(topic)],
        }
    if isinstance(topic, Field):
        return {"kind": "field", **field_data(topic)}
    return {"kind": "format", **format_data(topic)}


def rule_data(rule: Rule) -> dict[str, Any]:
    """A rule with all keys of its file."""
    return rule.model_dump(mode="json")


def field_data(field: Field) -> dict[str, Any]:
    """A field with the formats that carry it, the rules that report it and the profiles that require it."""
    data = field.model_dump(mode="json")
    data["not"] = data.pop("not_")
    data["carried_by"] = {
        r.name: r.carries.get(field.name, "any") for r in all_formats() if r.can_carry(field.name)
    }
    data["rules"] = [rule.id for rule in load_rules() if field.name in rule.field]
    data["required_by"] = required_by(field.name)
    return data


def format_data(fmt: Format) -> dict[str, Any]:
    """A format: its layer, what it carries at which scope, how to get a sample."""
    return {
        "name": fmt.name,
        "title": fmt.title,
        "layer": fmt.layer,
        "stability": fmt.stability,
        "carries": dict(fmt.carries),
        "carries_everything": fmt.generic,
        "evidence": evidence(fmt),
        "aggregate": fmt.aggregate,
        "readable": not fmt.unsupported,
        "get": (fmt.unsupported or fmt.get).strip(),
        "doc": fmt.doc,
        "samples": [sample.file for sample in samples() if sample.format == fmt.name],
    }


def fixes_of(rule: Rule) -> list[Fix]:
    """The recipes that a rule names, in its order."""
    recipes = load_fixes()
    return [recipes[name] for name in rule.fixes if name in recipes]


def required_by(field: str) -> list[str]:
    """The names of the profiles that require a field."""
    return [
        profile.name
        for profile in profiles().values()
        if profile.every_field or any(field in need.any_of for need in profile.required)
    ]


# -- a rule --------------------------------------------------------------------------------------------------


def _rule(page: Page, rule: Rule) -> None:
    page.add(f"{page.ink(rule.id, rule.level.value)} {page.ink(rule.name, 'bold')}")
    verdict = f"{spoken(rule.verdict)}{f' ({spoken(rule.cause)})' if rule.cause else ''}"
    effect = "told, verdicts untouched" if rule.verdict == "none" else verdict
    page.sentence([(rule.level.value, ""), (effect, ""), (rule.status, ""), (f"since {rule.since}", "")])
    page.add()
    page.labelled("gap", with_titles(rule, rule.gap), indent=2, gutter=6, tone="red")
    page.labelled("good", with_titles(rule, rule.title), indent=2, gutter=6, tone="green")
    _paragraphs(page, "why", with_titles(rule, rule.why))
    _looks_at(page, rule)
    for fix in fixes_of(rule):
        _fix(page, fix, rule)
    if rule.false_positives:
        _paragraphs(page, "when it is no gap", with_titles(rule, rule.false_positives))
    if rule.valid:
        _paragraphs(page, "valid", rule.holds)
    if rule.references:
        page.heading("references")
        for reference in rule.references:
            statement = f": {reference.says}" if reference.says else ""
            read_on = f" (read {reference.read})" if reference.read else ""
            page.labelled("-", f"{reference.url}{statement}{read_on}", gutter=2)
    page.heading("examples, which `auditor selftest` runs")
    for example in rule.examples:
        expect = ", ".join(f"{number} {spoken(what)}" for what, number in example.expect.items()) or "silent"
        page.labelled("-", f"{example.name} ({example.format}): {expect}", gutter=2)


def _looks_at(page: Page, rule: Rule) -> None:
    page.heading("looks at")
    scope = rule.applies_to
    layers = f" of the layers {', '.join(scope.layers)}" if scope.layers else ""
    formats = f" in {', '.join(scope.formats)}" if scope.formats else ""
    kinds = " and ".join("calls" if kind == "call" else "context records" for kind in scope.kinds)
    page.labelled("fields", ", ".join(rule.field), gutter=8)
    page.labelled("on", f"{kinds}{layers}{formats}", gutter=8)
    if rule.unless:
        page.labelled("unless", f"{rule.unless} already reports the same call", gutter=8)
    page.labelled("when", "this holds for a row of the evidence table:", gutter=8)
    page.code(rule.when)
    if rule.thresholds:
        bounds = ", ".join(f"{name} {value:g}" for name, value in rule.thresholds.items())
        page.labelled("with", f"{bounds}: a policy may set them", gutter=8)


def _fix(page: Page, fix: Fix, rule: Rule) -> None:
    page.heading(f"fix: {fix.stack}")
    field = rule.field[0]
    page.prose(fix.title.replace("{field}", field), indent=2, first="  ")
    page.prose(" ".join(fix.text.replace("{field}", field).split()), indent=2, first="  ")
    if fix.snippet:
        page.add()
        page.code(fix.snippet.replace("{field}", field))
    for reference in fix.references:
        page.labelled("see", reference.url, gutter=4)


def with_titles(rule: Rule, template: str) -> str:
    """A text of the rule with the titles of its fields in place of `{field}`."""
    titles = [catalogue().fields[name].title.lower() for name in rule.field]
    return template.replace("{field}", " or ".join(titles))


def _paragraphs(page: Page, heading: str, text: str) -> None:
    page.heading(heading)
    for n, part in enumerate(text.strip().split("\n\n")):
        if n:
            page.add()
        page.prose(" ".join(part.split()), indent=2, first="  ")


# -- a field -------------------------------------------------------------------------------------------------


def _field(page: Page, field: Field, name: str) -> None:
    unit = f", {field.unit}" if field.unit else ""
    page.add(f"{page.ink(field.name, 'bold')}  {page.ink(field.title, 'dim')}")
    if name.lower() != field.name:
        match = catalogue().lookup(name)
        weak = "a weak alias of it: alone it is no evidence" if match and match.weak else "an alias of it"
        page.prose(f"{name} is {weak}", tones=("yellow",) if match and match.weak else ())
    page.sentence(
        [
            (f"{field.type}{unit}", ""),
            (f"standard name: {field.standard}", ""),
            (f"weight {field.weight}", ""),
        ]
    )
    _paragraphs(page, "what it is", field.definition)
    if field.note:
        page.add()
        page.prose(" ".join(field.note.split()), indent=2, first="  ")
    page.heading("accepted as evidence on")
    for layer, scopes in field.accepts.items():
        page.labelled("every layer" if layer == "all" else layer, ", ".join(map(spoken, scopes)), gutter=13)
    page.heading("names")
    page.labelled("aliases", ", ".join([*field.aliases, *field.exact_only]), gutter=9)
    if field.weak:
        page.labelled("weak", f"{', '.join(field.weak)} (alone: mis-scoped)", gutter=9)
    if field.not_:
        page.labelled("never", ", ".join(field.not_), gutter=9)
    page.heading("carried by")
    for fmt in all_formats():
        if field.name in fmt.carries:
            page.labelled(fmt.name, f"on {spoken(fmt.carries[field.name])}", gutter=28)
    free = [fmt.name for fmt in all_formats() if fmt.generic and field.name not in fmt.carries]
    if free:
        page.prose(f"{', '.join(free)}: wherever its records have it", indent=2, first="  ")
    _profiles_and_rules(page, field)


def _profiles_and_rules(page: Page, field: Field) -> None:
    names = required_by(field.name)
    if names:
        _paragraphs(page, "required by the profiles", ", ".join(names))
    rules = [rule for rule in load_rules() if field.name in rule.field]
    if rules:
        page.heading("rules that speak of it")
    for rule in rules:
        gap = rule.gap.replace("{field}", field.title.lower()).strip()
        page.labelled(rule.id, gap, gutter=8, tone=rule.level.value)


# -- a format ------------------------------------------------------------------------------------------------


def _format(page: Page, fmt: Format) -> None:
    page.add(f"{page.ink(fmt.name, 'bold')}  {page.ink(page.safe(fmt.title), 'dim')}")
    if fmt.unsupported:
        page.prose("recognised by its signature: no calls can be audited in it", tones=("yellow",))
        _paragraphs(page, "what to bring instead", fmt.unsupported)
        return
    kinds = [(f"layer {fmt.layer}", "")]
    kinds += [("preview: its reader is new and may change", "")] if fmt.stability == "preview" else []
    kinds += [("aggregates: it holds no single call", "")] if fmt.aggregate else []
    page.sentence(kinds)
    if fmt.doc:
        _paragraphs(page, "what it is", fmt.doc)
    page.heading("carries")
    rows = [
        (name, f"{spoken(scope)}{'' if name in evidence(fmt) else ' *'}", catalogue().fields[name].title)
        for name, scope in fmt.carries.items()
    ]
    page.table(("field", "on", "what it is"), rows, indent=2)
    if any(name not in evidence(fmt) for name in fmt.carries):
        page.prose(f"* {HINTS}", indent=2, first="  ")
    missing = [name for name in catalogue().fields if not fmt.can_carry(name)]
    if missing:
        _paragraphs(page, "can never carry", ", ".join(missing))
    if fmt.get:
        _paragraphs(page, "how to get a sample", fmt.get)
    of_format = [sample for sample in samples() if sample.format == fmt.name]
    if of_format:
        page.heading("samples in this copy")
    for sample in of_format:
        page.labelled("-", f"samples/{sample.file} ({sample.kind}): {sample.title}", gutter=2)
