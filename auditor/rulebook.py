"""The rules and fix recipes as typed data, read from `rules/` and checked before anything runs.

A rule file cannot execute anything: its predicate sees the evidence table and a list of allowed functions.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, Literal

import sqlglot
import yaml
from pydantic import Field as Attr
from pydantic import ValidationError, field_validator, model_validator
from sqlglot import exp

from auditor.errors import RuleError
from auditor.fields import _LOADER, Strict, catalogue
from auditor.model import ABSENT_CAUSES, MIS_SCOPED_CAUSES, Cause, Level
from auditor.resources import folder

_ALLOWED = (
    exp.And, exp.Or, exp.Not, exp.Is, exp.In, exp.Between, exp.Like, exp.ILike, exp.RegexpLike,
    exp.RegexpILike, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Add, exp.Sub, exp.Mul, exp.Div,
    exp.Neg, exp.Paren, exp.Case, exp.If, exp.Coalesce, exp.Lower, exp.Upper, exp.Trim, exp.Length,
    exp.Substring, exp.Abs, exp.Round, exp.Sum, exp.Min, exp.Max, exp.Avg, exp.Count, exp.Distinct,
    exp.Window, exp.StartsWith, exp.EndsWith, exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null,
    exp.Tuple, exp.Nullif, exp.Greatest, exp.Least,
)  # fmt: skip
_NEVER_NULL = frozenset({"logical_call", "trace_key"})


class Reference(Strict):
    """Where a fact was read, and when."""

    url: str
    read: str | None = None
    says: str | None = None


class AppliesTo(Strict):
    """Which records a rule looks at."""

    kinds: list[Literal["call", "context"]] = ["call"]
    layers: list[Literal["client", "app", "gateway", "provider", "billing"]] = []
    formats: list[str] = []


class Example(Strict):
    """A small input and how many calls the rule hits in it; nothing means it must stay silent."""

    name: str
    format: str
    input: str
    expect: dict[Literal["absent", "mis_scoped", "told"], int] = {}


class Rule(Strict):
    """One rule file."""

    id: str = Attr(pattern=r"^[A-Z]{3}\d{3}$")
    name: str = Attr(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    field: tuple[str, ...]
    verdict: Literal["absent", "mis_scoped", "none"]
    cause: Cause | None = None
    level: Level
    since: str
    status: Literal["preview", "stable", "retired"] = "stable"
    title: str
    gap: str
    why: str
    applies_to: AppliesTo = AppliesTo()
    needs: tuple[str, ...] = ()
    when: str
    fixes: tuple[str, ...] = ()
    false_positives: str = ""
    references: tuple[Reference, ...] = ()
    valid: dict[str, str] = {}
    covers: tuple[str, ...] = ()
    examples: tuple[Example, ...] = Attr(min_length=1)

    @field_validator("field", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _sound(self) -> Rule:
        known = catalogue().fields
        for name in self.field:
            if name not in known:
                raise ValueError(f"field: there is no field {name!r}")
        causes = {"absent": ABSENT_CAUSES, "mis_scoped": MIS_SCOPED_CAUSES}.get(self.verdict)
        if causes is not None and self.cause not in causes:
            raise ValueError(f"cause: {self.cause} is no cause of {self.verdict}")
        check_predicate(self.predicate(self.field[0]))
        return self

    def predicate(self, field: str) -> str:
        """The SQL predicate for one of the rule's fields."""
        return self.when.replace("{field}", field)

    def text(self, template: str, field: str) -> str:
        """A text of the rule with its field's title in place."""
        return template.replace("{field}", catalogue().fields[field].title.lower()).strip()


class Fix(Strict):
    """A recipe: what to change in one stack, as text and as a snippet that runs."""

    id: str
    stack: str
    lands_in: tuple[str, ...] = ()  # layers and formats in which the value will be seen; empty: anywhere
    title: str
    text: str
    language: str = "text"
    snippet: str = ""
    references: tuple[Reference, ...] = ()

    def told(self, field: str) -> str:
        """Title and text for one field."""
        return f"{self.title}: {self.text}".replace("{field}", field).strip()


def check_predicate(sql: str) -> frozenset[str]:
    """The columns a predicate reads; ValueError for anything that is not a plain row predicate."""
    try:
        tree = sqlglot.parse_one(sql, read="postgres")
    except sqlglot.ParseError as error:
        raise ValueError(f"when: not SQL: {str(error).splitlines()[0]}") from None
    for node in tree.walk():
        if isinstance(node, exp.Anonymous) and str(node.this).upper() in {
            "STARTS_WITH",
            "ENDS_WITH",
            "REGEXP_LIKE",
        }:
            continue
        if isinstance(node, exp.Star):
            raise ValueError("when: COUNT(*) counts rows, not records: use SUM(weight)")
        if isinstance(node, exp.DataType):
            continue
        if not isinstance(node, _ALLOWED):
            raise ValueError(f"when: {type(node).__name__.upper()} is not allowed in a rule")
        if isinstance(node, exp.Window):
            _check_window(node)
    return frozenset(column.name for column in tree.find_all(exp.Column))


def _check_window(node: exp.Window) -> None:
    names = {c.name for p in node.args.get("partition_by") or () for c in p.find_all(exp.Column)}
    if "input" not in names or not (names & _NEVER_NULL or names == {"input"}):
        raise ValueError(
            "when: a window must PARTITION BY input and logical_call or trace_key (null keys would group)"
        )


def rule_from(data: Any, where: str, lines: dict[str, int] | None = None) -> Rule:
    """A checked rule; RuleError names the file, the line where it can, and what is wrong."""
    if not isinstance(data, dict):
        raise RuleError(f"{where}: a rule is a mapping", "see `auditor explain` of any rule for the shape")
    if data.get("level") not in {level.value for level in Level}:
        raise RuleError(f"{where}: level is one of error, warning, note", "")
    try:
        return Rule.model_validate(data, strict=False)
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0]) if first["loc"] else "when"
        message = first["msg"].removeprefix("Value error, ")
        if ": " in message and not first["loc"]:
            key = message.split(":", 1)[0]
        line = (lines or {}).get(key)
        at = f"{where}:{line}" if line else where
        path = ".".join(str(part) for part in first["loc"])
        raise RuleError(
            f"{at}: {path + ': ' if path else ''}{message}", "`auditor explain RULE` shows a rule"
        ) from None


def _lines(text: str) -> dict[str, int]:
    return {m[1]: text.count("\n", 0, m.start()) + 1 for m in re.finditer(r"^(\w+):", text, re.M)}


def read_rule(path: Path) -> Rule:
    """One rule file."""
    text = path.read_text("utf-8")
    try:
        data = yaml.load(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise RuleError(
            f"{path}:{line}: not YAML: {getattr(error, 'problem', error)}", "check the indentation"
        ) from None
    return rule_from(data, str(path), _lines(text))


@cache
def _shipped() -> tuple[Rule, ...]:
    root = folder("rules")
    skip = {root / "fields.yaml", root / "profiles.yaml"}
    paths = [p for p in sorted(root.rglob("*.yaml")) if p not in skip and p.parent.name != "fixes"]
    return tuple(sorted((read_rule(p) for p in paths), key=lambda r: r.id))


@cache
def load_rules(extra: Path | None = None) -> tuple[Rule, ...]:
    """The shipped rules and those of a folder of the user's own, by id; RuleError when one is wrong."""
    rules = {r.id: r for r in _shipped()}
    if extra is not None:
        if not extra.is_dir():
            raise RuleError(f"{extra}: no such folder", "--rules takes a folder of YAML rule files")
        for path in sorted(extra.glob("*.yaml")):
            rule = read_rule(path)
            if rule.id in rules:
                raise RuleError(f"{path}: {rule.id} exists already", "ids are never reused")
            rules[rule.id] = rule
    return tuple(r for r in sorted(rules.values(), key=lambda r: r.id) if r.status != "retired")


@cache
def load_fixes() -> dict[str, Fix]:
    """The fix recipes by id."""
    out: dict[str, Fix] = {}
    for path in sorted((folder("rules") / "fixes").glob("*.yaml")):
        try:
            fix = Fix.model_validate(yaml.load(path.read_bytes(), Loader=_LOADER))
        except (ValidationError, yaml.YAMLError) as error:
            raise RuleError(f"{path}: {str(error).splitlines()[0]}", "see the other recipes") from None
        out[fix.id] = fix
    return out
