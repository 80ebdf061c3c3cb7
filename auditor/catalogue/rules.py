"""The rules and fix recipes as typed data, read from `rules/` and checked before anything runs.

A rule file cannot execute anything: its predicate sees the evidence table and a list of allowed functions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field as Attr
from pydantic import PrivateAttr, ValidationError, field_validator, model_validator

from auditor.catalogue import prices
from auditor.catalogue.fields import _LOADER, Strict, catalogue, catalogue_with, profiles
from auditor.catalogue.key_lines import Lines, line_of, yaml_lines
from auditor.catalogue.key_lines import Path as KeyPath
from auditor.catalogue.predicates import check_predicate, thresholds_in, with_thresholds
from auditor.catalogue.resources import folder
from auditor.catalogue.rule_files import RuleFileError, entries
from auditor.catalogue.words import ABSENT_CAUSES, MIS_SCOPED_CAUSES, PRECEDENCE, Cause, Level
from auditor.errors import RuleError

MAX_PROBLEMS = 10
FAMILIES = {
    "IDN": "Identity and ownership",
    "CNT": "Continuity: request ids, retries, traces",
    "USE": "Usage and cost",
    "BIL": "AWS billing and Bedrock",
    "TAG": "Tag values",
    "HOP": "Between inputs",
}
_RANK = {cause: rank for rank, causes in enumerate(PRECEDENCE) for cause in causes}


class Reference(Strict):
    """Where a fact was read, and when."""

    url: str
    read: str | None = None
    says: str | None = None


class AppliesTo(Strict):
    """Which records a rule looks at."""

    kinds: list[Literal["call", "context", "total"]] = ["call"]
    layers: list[Literal["client", "app", "gateway", "provider", "billing"]] = []
    formats: list[str] = []


class Beside(Strict):
    """A further input of an example, of another hop."""

    format: str
    input: str


class Example(Strict):
    """A small input and how many calls the rule hits in it; nothing means it must stay silent.

    `beside` are the inputs of other hops that are audited with it.
    """

    name: str
    format: str
    input: str
    beside: tuple[Beside, ...] = ()
    policy: dict[str, Any] = {}  # keys of a policy under which it is audited, beside `profile: all`
    expect: dict[Literal["absent", "mis_scoped", "told"], int] = {}

    @property
    def settings(self) -> dict[str, Any]:
        """The policy under which it is audited: every field required, previews as well, and its own keys."""
        return {"profile": "all", "pedantic": True, **self.policy}


class Rule(Strict):
    """One rule: a file of its own, or a field of a file that holds a pattern."""

    id: str = Attr(pattern=r"^[A-Z]{3}\d{3}$")
    name: str = Attr(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    field: tuple[str, ...]
    verdict: Literal["absent", "mis_scoped", "none"]
    cause: Cause | None = None
    between: Literal["hops"] | None = None
    level: Level
    since: str
    status: Literal["preview", "stable", "retired"] = "stable"
    title: str
    gap: str
    why: str
    applies_to: AppliesTo = AppliesTo()
    needs: tuple[str, ...] = ()
    thresholds: dict[str, float] = {}
    when: str
    fixes: tuple[str, ...] = ()
    false_positives: str = ""
    references: tuple[Reference, ...] = ()
    valid: dict[Literal["from", "to", "products"], str] = {}
    covers: tuple[str, ...] = ()
    examples: tuple[Example, ...] = Attr(min_length=1)
    _place: tuple[str, Lines] = PrivateAttr(("", {}))

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
        odd = thresholds_in(self.when) ^ set(self.thresholds)
        if odd:
            names = ", ".join(sorted(odd))
            raise ValueError(f"thresholds: each stands in `when` as threshold_NAME, and no other: {names}")
        check_predicate(self.predicate(self.field[0]))
        return self

    @property
    def place(self) -> tuple[str, Lines]:
        """The file of the rule, and the lines of its keys where they were kept."""
        return self._place

    def predicate(self, field: str) -> str:
        """The SQL predicate for one of the rule's fields, with its thresholds in place."""
        return with_thresholds(self.when.replace("{field}", field), self.thresholds)

    @property
    def family(self) -> str:
        """The family of the rule, a key of `FAMILIES` for a shipped one."""
        return self.id[:3]

    def yields_to(self, other: Rule) -> bool:
        """Whether the rule is silent where another one reports the same field of the same call.

        The more specific cause wins; of two rules for missing values the one that names layers or formats.
        """
        if self.verdict == "none" or other.verdict == "none" or self.id in (other.id, *other.needs):
            return False
        if self.cause == other.cause == Cause.MISSING:
            return other._narrowed and not self._narrowed
        if self.cause == Cause.MISSING:
            return True
        mine, theirs = (_RANK.get(cause) if cause else None for cause in (self.cause, other.cause))
        return mine is not None and theirs is not None and theirs < mine

    @property
    def outranked(self) -> str:
        """The causes to which the rule yields, as words; empty where it yields to none."""
        if self.cause == Cause.MISSING:
            return "any other cause" + ("" if self._narrowed else " or for certain layers or formats")
        rank = _RANK.get(self.cause, 0) if self.cause and self.verdict != "none" else 0
        named = [cause.value for cause in Cause if _RANK.get(cause, rank) < rank]
        return f"the cause {' or '.join(named)}".replace("_", " ") if named else ""

    @property
    def unless(self) -> str:
        """Which rules silence this one on a call that they report, as words; empty where none does."""
        causes = f"a rule of the field with {self.outranked}" if self.outranked else ""
        return " or ".join(part for part in (", ".join(self.needs), causes) if part)

    @property
    def _narrowed(self) -> bool:
        return bool(self.applies_to.layers or self.applies_to.formats)

    def tuned(self, bounds: Mapping[str, float]) -> Rule:
        """The rule with other thresholds; ValueError for one that it does not have."""
        for name in bounds:
            if name not in self.thresholds:
                listed = ", ".join(self.thresholds) or "none"
                raise ValueError(f"{self.id} has no threshold {name!r} (it has: {listed})")
        return self.model_copy(update={"thresholds": {**self.thresholds, **bounds}})

    @property
    def holds(self) -> str:
        """From when, until when and for which versions the advice holds; empty where nothing limits it."""
        named = [f"{key} {self.valid[key]}" for key in ("from", "to") if key in self.valid]
        return "; ".join([" ".join(named), self.valid.get("products", "")]).strip("; ")

    def text(self, template: str, field: str) -> str:
        """A text of the rule with its field's title in place."""
        return template.replace("{field}", catalogue().fields[field].title.lower()).strip()


class Fix(Strict):
    """A recipe: what to change in one stack, as text and as a snippet that runs."""

    id: str
    stack: str
    # layers, formats and groups of formats in which the value will be seen; empty: anywhere
    lands_in: tuple[str, ...] = ()
    not_in: tuple[str, ...] = ()  # formats of these layers in which it will not be seen
    # fields and groups of fields: where it lands it answers any gap of them that no rule's own recipe answers
    carries: tuple[str, ...] = ()
    default: bool = False  # answers a gap of any field where no other recipe lands
    title: str
    text: str
    language: str = "text"
    snippet: str = ""
    references: tuple[Reference, ...] = ()

    def is_seen_in(self, places: frozenset[str]) -> bool:
        """Whether what it changes is seen in some formats and layers."""
        lands = not self.lands_in or bool(places.intersection(self.lands_in))
        return lands and places.isdisjoint(self.not_in)

    def text_for(self, field: str, key: str | None = None) -> str:
        """Title and text for one field, and the key that it is to have."""
        return self.filled(f"{self.title}: {self.text}", field, key).strip()

    @staticmethod
    def filled(text: str, field: str, key: str | None = None) -> str:
        """A part of a recipe for one field and key; without a key, with the best name of the field."""
        aliases = catalogue().fields[field].aliases if field in catalogue().fields else []
        return text.replace("{field}", field).replace("{key}", key or next(iter(aliases), field))


def rules_from(data: Any, where: str, lines: Lines | None = None) -> list[Rule]:
    """The checked rules of a file; RuleError names the file, the line where it can, and what is wrong."""
    if not isinstance(data, dict):
        raise RuleError(f"{where}: a rule is a mapping", "`auditor explain RULE` shows a rule")
    data = {key: value for key, value in data.items() if key != "$schema"}
    if "fields" not in data:
        return [_rule(data, where, lines)]
    try:
        rules = entries(data)
    except RuleFileError as error:
        raise _wrong([(error.path, str(error))], where, lines or {}) from None
    return [_rule(entry.data, where, entry.lines(lines) if lines else None) for entry in rules]


def _rule(data: dict[str, Any], where: str, lines: Lines | None) -> Rule:
    try:
        rule = Rule.model_validate(data)
    except ValidationError as error:
        raise _wrong([_problem(one) for one in error.errors()], where, lines or {}) from None
    rule._place = (where, lines or {})
    return rule


def _problem(error: Any) -> tuple[KeyPath, str]:
    path, message = tuple(error["loc"]), str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = "there is no such key"
    if not path and ": " in message:
        key, message = message.split(": ", 1)
        path = (key,)
    return path, message


def _wrong(problems: Sequence[tuple[KeyPath, str]], where: str, lines: Lines) -> RuleError:
    texts = []
    for path, message in problems[:MAX_PROBLEMS]:
        line = line_of(lines, path) or (1 if lines else None)
        dotted = ".".join(str(part) for part in path)
        texts.append(f"{where}{f':{line}' if line else ''}: {dotted + ': ' if dotted else ''}{message}")
    return RuleError(
        "\n".join(texts), "`auditor explain RULE` shows a rule, `auditor rules --schema` its keys"
    )


def read_rules(path: Path, *, own: bool = False) -> list[Rule]:
    """The rules of a file; `own` ones, which no test has seen, are also read for keys given twice."""
    lines: Lines = {}
    try:
        text = path.read_text("utf-8")
        data = yaml.load(text, Loader=_LOADER)
        if own:
            lines, twice = yaml_lines(text)
            if twice:
                raise _wrong([((key,), "the key stands there twice") for key, _ in twice], str(path), lines)
        try:
            return rules_from(data, str(path), lines)
        except RuleError:  # the lines are worth their time only when something is wrong
            return rules_from(data, str(path), lines or yaml_lines(text)[0])
    except UnicodeDecodeError:
        raise RuleError(f"{path}: not UTF-8 text", "a rule is a YAML file") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise RuleError(
            f"{path}:{line}: not YAML: {getattr(error, 'problem', error)}", "check the indentation"
        ) from None


@cache
def _shipped() -> tuple[Rule, ...]:
    root = folder("rules")
    skip = {root / f"{name}.yaml" for name in ("fields", "profiles", "emitters", "questions")}
    paths = [p for p in sorted(root.rglob("*.yaml")) if p not in skip and p.parent.name != "fixes"]
    return tuple(sorted((rule for p in paths for rule in read_rules(p)), key=lambda r: r.id))


@cache
def load_rules(extra: Path | None = None) -> tuple[Rule, ...]:
    """The shipped rules and those of a folder of the user's own, by id; RuleError when one is wrong."""
    rules = {r.id: r for r in _shipped()}
    if extra is not None:
        own = _own(extra)
        for rule in own:
            if rule.id in rules:
                raise _wrong([(("id",), f"{rule.id} exists already: ids are never reused")], *rule.place)
            rules[rule.id] = rule
        for rule in own:
            _check_names(rule, rules)
    return tuple(r for r in sorted(rules.values(), key=lambda r: r.id) if r.status != "retired")


def all_ids(extra: Path | None = None) -> list[str]:
    """The id of every rule there is or was: a policy may still speak of a retired one."""
    return list(dict.fromkeys([*(r.id for r in _shipped()), *(r.id for r in load_rules(extra))]))


def _own(root: Path) -> list[Rule]:
    if not root.is_dir():
        raise RuleError(f"{root}: no such folder", "--rules takes a folder of YAML rule files")
    paths = [p for p in sorted(root.rglob("*")) if p.suffix in (".yaml", ".yml") and p.is_file()]
    if not paths:
        raise RuleError(f"{root}: no rule in this folder", "a rule is a file that ends in .yaml")
    return [rule for path in paths for rule in read_rules(path, own=True)]


def _check_names(rule: Rule, rules: Mapping[str, Rule]) -> None:
    """RuleError when a rule names a rule or a recipe that does not exist."""
    problems: list[tuple[KeyPath, str]] = []
    for n, name in enumerate(rule.needs):
        if name not in rules:
            problems.append((("needs", n), f"there is no rule {name!r}"))
    for n, name in enumerate(rule.fixes):
        if name not in load_fixes():
            problems.append((("fixes", n), f"there is no recipe {name!r}"))
    if problems:
        raise _wrong(problems, *rule.place)


@cache
def load_fixes() -> dict[str, Fix]:
    """The fix recipes by id, the groups in `lands_in` and `carries` written out."""
    text = (folder("rules") / "emitters.yaml").read_bytes()
    groups: dict[str, dict[str, list[str]]] = yaml.load(text, Loader=_LOADER)
    out: dict[str, Fix] = {}
    for path in sorted((folder("rules") / "fixes").glob("*.yaml")):
        try:
            fix = Fix.model_validate(yaml.load(path.read_bytes(), Loader=_LOADER))
        except (ValidationError, yaml.YAMLError) as error:
            raise RuleError(f"{path}: {str(error).splitlines()[0]}", "see the other recipes") from None
        lands = tuple(n for name in fix.lands_in for n in groups["formats"].get(name, [name]))
        carries = tuple(n for name in fix.carries for n in groups["fields"].get(name, [name]))
        out[fix.id] = fix.model_copy(update={"lands_in": lands, "carries": carries})
    return out


def fitting(named: Iterable[str], field: str, seen_in: frozenset[str]) -> list[str]:
    """A rule's recipes that are seen where the gap is; else any that carry the field there.

    Where there is none, the default of the layer; without a layer the rule's own. A rule without recipes has
    none but such as carry its field.
    """
    recipes = load_fixes()
    own = [i for i in named if i in recipes]
    here = {i: fix for i, fix in recipes.items() if fix.is_seen_in(seen_in)}
    return (
        [i for i in own if i in here]
        or [i for i, fix in here.items() if field in fix.carries]
        or [i for i, fix in here.items() if fix.default and own]
        or own
    )


@lru_cache(maxsize=8)
def ruleset_digest(extra: Path | None) -> str:
    """16 hex digits over rules, fixes, fields, profiles and the price list's version; `extra`: own rules."""
    digest = hashlib.sha256()
    for rule in load_rules(extra):
        digest.update(rule.model_dump_json(exclude={"examples"}).encode())
    for model in (*load_fixes().values(), *catalogue_with({}).fields.values(), *profiles().values()):
        digest.update(model.model_dump_json().encode())
    digest.update(prices.list_version().encode())
    return digest.hexdigest()[:16]
