"""The pages: paste and analyse, the rules, the fields, the formats, what happens to the data.

They never judge: each shows a report or a catalogue that something else made.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from litestar import Request, Response, get, post
from litestar.enums import MediaType
from litestar.params import FromPath, FromQuery
from litestar.response import Template
from litestar.status_codes import HTTP_200_OK

from auditor.catalogue.fields import catalogue, profiles
from auditor.catalogue.rules import FAMILIES, Example, Rule, load_fixes, load_rules
from auditor.catalogue.samples import Sample, samples, scenario
from auditor.catalogue.words import SCOPES
from auditor.printing.ink import spoken
from auditor.readers import matrix
from auditor.readers.registry import all_formats, format_of, unsupported_formats
from auditor.report.arrange import View, arrange
from auditor.report.load import is_report, read_report
from auditor.report.quotes import handbook, recipe
from auditor.report.schema import Report
from auditor.web import problems
from auditor.web import requests as intake
from auditor.web.responses import rewritten
from auditor.web.routes.audits import run
from auditor.web.routes.reference import text_of
from auditor.web.security import CONTENT_SECURITY_POLICY
from auditor.web.worker import Order, Posted
from auditor.writers import writer

# the sources that teams bring first: their gappy sample is a card of the start page
COMMON = (
    "otlp-json", "litellm-spend-logs", "bedrock-invocation-log", "cur-2.0", "nginx-json", "mixed-text",
)  # fmt: skip


def page(name: str, status: int = HTTP_200_OK, **context: Any) -> Template:
    """One page or fragment."""
    return Template(name, context=context, status_code=status, media_type=MediaType.HTML)


@get("/", include_in_schema=False, sync_to_thread=False)
def home() -> Template:
    """The page with the paste box."""
    return page("home.html", **_choices())


@post("/audit", include_in_schema=False, status_code=HTTP_200_OK)
async def audit(request: Request[Any, Any, Any]) -> Response[Any]:
    """The report of a posted form: the fragment for htmx, the whole page for a plain post.

    A report that was saved before is shown as it is.
    """
    sample, order = await _ordered(request)
    if len(order.inputs) == 1 and is_report(order.inputs[0].data):
        report = read_report(order.inputs[0].data, "report")
        await rewritten(report, writer("html"))  # what cannot be shown is told before the page begins
    else:
        report = await run(request, order)
    fragment = "hx-request" in request.headers
    if not report.totals.calls:
        raise problems.Nothing(report)
    return page(
        "result_part.html" if fragment else "result.html",
        view=arranged(report),
        document=writer("json").write(report).decode(),
        sample=sample,
        sample_text=text_of(sample.path.read_bytes()) if sample else None,
    )


@get("/rules", include_in_schema=False, sync_to_thread=False)
def rules(q: FromQuery[str] = "", family: FromQuery[str] = "", field: FromQuery[str] = "") -> Template:
    """The rules by family: those of one family or one field, that hold every word of the search."""
    words = q.lower().split()
    held = [
        rule
        for rule in load_rules()
        if rule.id.startswith(family.upper())
        and (not field or field in rule.field)
        and all(word in _text(rule) for word in words)
    ]
    found = [(key, title, [r for r in held if r.family == key]) for key, title in FAMILIES.items()]
    return page(
        "rules.html",
        found=[one for one in found if one[2]],
        count=len(held),
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
    examples = [(example, json.dumps(example.settings), _promise(example)) for example in one.examples]
    return page("rule.html", rule=one, fixes=fixes, examples=examples)


@get("/fields", include_in_schema=False, sync_to_thread=False)
def fields() -> Template:
    """The field catalogue and the profiles."""
    return page(
        "fields.html", fields=catalogue().fields.values(), profiles=profiles().values(), scopes=SCOPES
    )


@get("/formats", include_in_schema=False, sync_to_thread=False)
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


@get("/privacy", include_in_schema=False, sync_to_thread=False)
def privacy() -> Template:
    """What happens to what is pasted."""
    return page("privacy.html", policy=CONTENT_SECURITY_POLICY.split("; "))


@get("/problems", include_in_schema=False, sync_to_thread=False)
def problem_kinds() -> Template:
    """Every way in which an audit can fail."""
    return page("problems.html", kinds=[(problems.kind_name(k), k) for k in problems.KINDS])


async def _ordered(request: Request[Any, Any, Any]) -> tuple[Sample | None, Order]:
    parts = intake.form_parts(await intake.body_of(request), request.headers.get("content-type", ""))
    name = next((part.text for part in parts if part.name == "sample"), "")
    if not name:
        return None, intake.form_order(parts)
    profile = next((part.text for part in parts if part.name == "profile"), "")
    policy = {"profile": profile} if profile else {}
    world = scenario()
    if name == world.name:
        hops = [Posted(name=hop, data=world.path(hop).read_bytes(), hop=hop) for hop in world.hops]
        return None, Order(inputs=hops, policy=policy)
    sample = next((one for one in samples() if one.name == name), None)
    if sample is None:
        raise problems.NotFound("there is no sample of this name", "/api/v1/samples lists them")
    posted = Posted(name=sample.file, data=sample.path.read_bytes(), format=sample.format)
    return sample, Order(inputs=[posted], policy=policy)


def offered() -> tuple[Sample, ...]:
    """The samples that can be tried with a button: those that hold calls and can be pasted."""
    whole = {r.name for r in all_formats() if not r.aggregate}
    return tuple(one for one in samples() if one.format in whole and one.text is not None)


@cache
def _choices() -> dict[str, Any]:
    """What the start page offers: one gappy sample each of the commonest sources, and all by their format."""
    by_format: dict[str, list[Sample]] = {}
    for one in sorted(offered(), key=lambda one: (one.format, one.kind)):
        by_format.setdefault(one.format, []).append(one)
    first = [next(one for one in offered() if one.format == name and one.kind == "gappy") for name in COMMON]
    return {
        "profiles": profiles().values(),
        "readers": all_formats(),
        "samples": {"first": first, "more": by_format},
        "scenario": scenario(),
    }


def _text(rule: Rule) -> str:
    return " ".join(
        (rule.id, rule.name, *rule.field, str(rule.level), rule.title, rule.gap, rule.why)
    ).lower()


def _promise(example: Example) -> str:
    """How many calls the rule speaks of, in words."""
    told = [f"{number} {spoken(what)}" for what, number in example.expect.items() if number]
    return ", ".join(told) or "silent"


def arranged(report: Report) -> View:
    """The report in the order in which it is read."""
    return arrange(report, handbook())
