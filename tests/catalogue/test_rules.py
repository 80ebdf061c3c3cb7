"""The pack as a whole: every known pattern has its place, every gap a recipe, every snippet its language.

It never looks into a rule's logic: `tests/test_rule_examples.py` and `tests/test_mutations.py` do.
"""

from __future__ import annotations

import ast
import io
import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable

import hcl2
import pytest
import yaml

from auditor.audit import Input, audit
from auditor.catalogue.fields import catalogue
from auditor.catalogue.rules import Fix, Rule, fitting, load_fixes, load_rules
from auditor.catalogue.words import LAYERS, Level
from auditor.evidence.formats import Format
from auditor.policy.model import Policy
from auditor.readers.registry import all_formats
from auditor.report.quotes import handbook
from tools import docs

PATTERNS = [f"G{n:02d}" for n in range(1, 76)] + [f"M{n}" for n in range(1, 27)]
PAGE = docs.ROOT / "docs" / "not-detectable.md"
OPEN = {"(": ")", "[": "]", "{": "}"}


def listed() -> list[str]:
    """The patterns of the page on what no data shows."""
    return re.findall(r"^\| ([GM]\d+) \|", PAGE.read_text("utf-8"), re.M)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_is_covered_by_a_rule_or_told_to_be_beyond_any(pattern: str) -> None:
    """Each known pattern is under `covers` of a rule or on the page, never both."""
    covered = any(pattern in rule.covers for rule in load_rules())

    assert covered != (pattern in listed())


def test_rules_and_page_name_known_patterns_once() -> None:
    """No id is misspelt, and the page has no line twice."""
    named = {pattern for rule in load_rules() for pattern in rule.covers}

    assert set() == (named | set(listed())) - set(PATTERNS)
    assert sorted(set(listed())) == sorted(listed())


def test_the_page_names_rules_that_exist() -> None:
    """What is told instead is told by a rule of the pack."""
    assert set() == set(re.findall(r"[A-Z]{3}\d{3}", PAGE.read_text("utf-8"))) - {r.id for r in load_rules()}


# -- recipes ----------------------------------------------------------------------------------------------


def places(rule: Rule) -> list[tuple[Format, str]]:
    """The formats in which a rule can speak of each of its fields."""
    where = rule.applies_to
    return [
        (reader, field)
        for reader in all_formats()
        if not reader.aggregate
        and (not where.layers or reader.layer in where.layers)
        and (not where.formats or reader.name in where.formats)
        for field in rule.field
        if reader.can_carry(field)
    ]


@pytest.mark.parametrize("rule", [r for r in load_rules() if r.level != Level.NOTE], ids=lambda r: r.id)
def test_an_error_or_warning_has_a_recipe_wherever_it_can_occur(rule: Rule) -> None:
    """For each format that carries the field a recipe is shown whose effect is seen in that format."""
    recipes = load_fixes()
    lacking = []
    for reader, field in places(rule):
        here = frozenset({reader.name, reader.layer})
        shown = fitting(rule.fixes, field, here)
        if not shown or not all(recipes[i].is_seen_in(here) for i in shown):
            lacking.append((reader.name, field))

    assert rule.fixes
    assert [] == lacking


def test_every_recipe_is_named_by_a_rule_or_carries_a_field() -> None:
    """No recipe lies about unused, and no rule names one that is not there."""
    named = {fix for rule in load_rules() for fix in rule.fixes}

    assert set() == named - set(load_fixes())
    assert [] == [
        fix.id for fix in load_fixes().values() if fix.id not in named and not fix.carries and not fix.default
    ]


def test_recipes_name_layers_formats_and_fields_that_exist() -> None:
    """`lands_in` and `carries` are written out to known words."""
    formats, fields = {reader.name for reader in all_formats()}, set(catalogue().fields)
    for fix in load_fixes().values():
        assert set() == set(fix.lands_in) - formats - set(LAYERS), fix.id
        assert set() == set(fix.not_in) - formats, fix.id
        assert set() == set(fix.carries) - fields, fix.id


def test_a_rules_own_recipe_goes_before_one_that_carries_its_field() -> None:
    """The recipe that a rule names is shown where it fits; elsewhere one that lands there."""
    named = ["litellm-end-user"]

    assert named == fitting(named, "user_id", frozenset({"litellm-spend-logs", "gateway"}))
    assert ["kong-log-fields"] == fitting(named, "user_id", frozenset({"kong-ai", "gateway"}))
    assert ["any-gateway"] == fitting(named, "user_id", frozenset({"no-such-format", "gateway"}))
    assert named == fitting(named, "user_id", frozenset({"no-such-format"}))


@pytest.mark.parametrize(
    ("keys", "settled"),
    [
        (["customer", "customer", "tenant_id"], "customer"),
        (["customer", "tenant_id"], "tenant_id"),
        (["Tenant", "tenant"], "tenant"),
    ],
)
def test_the_fix_of_several_names_is_the_one_to_settle_on(keys: list[str], settled: str) -> None:
    """The commonest key, else the best-known one; the recipe is quoted with it in its snippet."""
    lines = "\n".join(json.dumps(LINE | {"request_id": str(n), key: "acme"}) for n, key in enumerate(keys))
    report = audit([Input(name="x", data=lines.encode(), format="generic-json")], Policy(profile="all"))
    (gap,) = [gap for gap in report.gaps if gap.rule == "IDN028"]
    quoted = handbook().recipe("app", gap.fixes["app"], gap.field)

    assert f"Settle on the key {settled} for tenant_id" == quoted.title
    assert f'FIELD_KEY = "{settled}"' in quoted.snippet


def test_a_legacy_bill_gets_no_advice_on_callers() -> None:
    """Tags of principals and sessions never reach it, whatever rule names them."""
    here = frozenset({"cur-legacy", "billing"})
    for rule in load_rules():
        for field in rule.field:
            shown = fitting(rule.fixes, field, here)
            assert set(shown).isdisjoint({"aws-cli-principal-tags", "boto3-assume-role"}), rule.id


@pytest.mark.parametrize("layer", LAYERS)
def test_a_format_without_a_recipe_has_that_of_its_layer(layer: str) -> None:
    """A new reader needs no recipe: no other layer's advice is shown for it."""
    shown = fitting(["litellm-end-user"], "some_new_field", frozenset({"no-such-format", layer}))

    assert [f"any-{layer}"] == shown


def python(text: str) -> None:
    ast.parse(text)


def shell(text: str) -> None:
    done = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
    assert "" == done.stderr
    for body in re.findall(r"(?:-d|-H '[\w-]+:) '?(\{.*?\})'", text):
        json.loads(body)


def script(text: str) -> None:
    """Brackets pair up outside strings and comments; node says more where it is there."""
    bare = re.sub(
        r"//[^\n]*|/\*.*?\*/|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"|`[^`]*`", "", text, flags=re.S
    )
    opened: list[str] = []
    for sign in re.findall(r"[()\[\]{}]", bare):
        if sign in OPEN:
            opened.append(OPEN[sign])
        else:
            assert opened.pop() == sign
    assert [] == opened
    node = shutil.which("node")
    if node:
        command = [node, "--input-type=module", "--check"]
        done = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
        assert "SyntaxError" not in done.stderr


def blocks(text: str) -> None:
    hcl2.load(io.StringIO(text + "\n"))


def documents(text: str) -> None:
    assert all(isinstance(part, dict) for part in yaml.safe_load_all(text))


PARSERS: dict[str, Callable[[str], object]] = {
    "python": python,
    "bash": shell,
    "javascript": script,
    "hcl": blocks,
    "yaml": documents,
    "json": json.loads,
    "toml": tomllib.loads,
}


@pytest.mark.parametrize("fix", load_fixes().values(), ids=lambda fix: fix.id)
def test_a_snippet_parses_as_what_it_claims_to_be(fix: Fix) -> None:
    """With a field in place, the snippet is a whole text of its language."""
    assert fix.snippet
    PARSERS[fix.language](fix.filled(fix.snippet, "tenant_id"))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", "def f(:"),
        ("bash", "if true; then"),
        ("bash", "curl -d '{\"a\": }'"),
        ("javascript", "f({ a: [1, 2 })"),
        ("hcl", 'resource "a" {'),
        ("yaml", "a: [1"),
        ("yaml", "just words"),
        ("json", "{"),
        ("toml", "a ="),
    ],
)
def test_a_broken_snippet_is_refused(language: str, text: str) -> None:
    """The check of each language can fail."""
    with pytest.raises(Exception):  # noqa: B017, PT011 - each parser has an error of its own
        PARSERS[language](text)


# -- prerequisites and validity ---------------------------------------------------------------------------


LINE = {
    "event": "llm.call",
    "model": "anthropic.claude-3-haiku-20240307-v1:0",
    "input_tokens": 1,
    "output_tokens": 1,
}


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("tenant_id", {}),
        ("tenant_id", {"tenant_id": "unknown"}),
        ("tenant_id", {"tenant_id": ""}),
        ("tenant_id", {"client_id": "web"}),
        ("tenant_id", {"headers": {"X-Tenant-Id": "acme"}}),
        ("request_id", {}),
        ("request_id", {"request_id": "none"}),
        ("request_id", {"headers": {"X-Request-Id": "req-0001"}}),
        ("cost_usd", {"cost_usd": ""}),
        ("cost_usd", {"cost_usd": "free"}),
    ],
)
def test_one_missing_value_is_one_gap(field: str, line: dict[str, object]) -> None:
    """Of the rules that could speak of one missing value, one speaks."""
    data = json.dumps(LINE | line).encode()
    report = audit([Input(name="x", data=data, format="generic-json")], Policy(profile="all"))

    assert 1 == len([gap.rule for gap in report.gaps if gap.field == field and gap.verdict])


def test_a_bill_without_callers_has_one_gap_of_them() -> None:
    """Where the principal is not exported, nothing is said of its tags."""
    example = next(e for r in load_rules() if r.id == "BIL001" for e in r.examples if e.expect)
    given = Input(name="x", data=example.input.encode(), format=example.format)
    report = audit([given], Policy(profile="all"))
    told = {gap.rule for gap in report.gaps if gap.field in ("iam_principal", "principal_tags")}

    assert {"BIL001"} == told


def test_advice_that_depends_on_a_date_says_so_in_the_report() -> None:
    """A rule that holds from a date on is told with that date in the notes."""
    example = next(e for r in load_rules() if r.id == "BIL001" for e in r.examples if e.expect)
    given = Input(name="x", data=example.input.encode(), format=example.format)
    report = audit([given], Policy(profile="bedrock-cur"))

    assert "The advice of BIL001 holds: from 2026-04-08." in report.notes


def test_a_prerequisite_of_the_same_field_silences_that_field_alone() -> None:
    """A weak name for the team does not hide that the tenant is missing."""
    data = json.dumps(LINE | {"request_id": "req-0001", "project": "chatbot"}).encode()
    report = audit([Input(name="x", data=data, format="generic-json")], Policy(profile="all"))
    told = {(gap.rule, gap.field) for gap in report.gaps if gap.field in ("tenant_id", "team_id")}

    assert {("IDN001", "tenant_id"), ("IDN021", "team_id")} == told
