"""The user's own settings as a policy, strictly checked: an unknown key is an error with its line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from auditor.catalogue.key_lines import Lines, line_of
from auditor.catalogue.key_lines import Path as KeyPath
from auditor.catalogue.words import Level
from auditor.errors import PolicyError
from auditor.printing.text import nearest

FailOn = Literal["error", "warning", "note", "none"]
LONGEST_PATTERN = 1_000  # characters
MOST_ERRORS = 10  # in one message


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _share(value: Any) -> Any:
    """`"2%"` is 0.02; any other value is returned as it is."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", value) if isinstance(value, str) else None
    return float(match[1]) / 100 if match else value


_SHARE_SCHEMA = {
    "anyOf": [
        {"type": "string", "pattern": r"^\d+(\.\d+)?\s*%$"},
        {"type": "number", "minimum": 0, "maximum": 1},
    ]
}
Share = Annotated[float, Field(ge=0, le=1), BeforeValidator(_share), WithJsonSchema(_SHARE_SCHEMA)]


class Suppression(_Strict):
    """A gap that the team lives with: why, and until when."""

    rule: str = Field(description="The id of the rule.")
    field: str | None = Field(None, description="The field; without it, all of the rule's fields.")
    input: str = Field("*", description="The inputs, as a pattern over their names.")
    reason: str = Field(min_length=1, description="Why the team lives with it.")
    until: date | None = Field(
        None, description="The last day on which it holds; a rule that is an error needs one."
    )


class Thresholds(_Strict):
    """Bounds of the gate, and the bounds that rules have in their predicates."""

    min_score: int | None = Field(None, ge=0, le=100, description="The gate fails under this score.")
    max_unattributed: Share | None = Field(
        None, description="The gate fails when a larger share of spend has no owner: 0.02 or '2%'."
    )
    max_drop: int | None = Field(
        None,
        ge=0,
        le=100,
        description="The gate fails when the score fell by more since the baseline.",
    )
    tolerance: Share = Field(
        0.1, description="By what part of itself the share of a gap may grow before it counts as grown."
    )
    rules: dict[str, dict[str, float]] = Field(
        {}, description="By rule, the bounds that it names under `thresholds`."
    )


class Policy(_Strict):
    """`auditor.toml`, or the table `[tool.auditor]` of a `pyproject.toml`."""

    profile: str = Field("chargeback-min", description="The set of required fields.")
    required: list[str] = Field([], description="Fields required beside those of the profile.")
    aliases: dict[str, list[str]] = Field({}, description="By field, the names that your systems give it.")
    vocabularies: dict[str, list[str]] = Field({}, description="By field, the only values that are right.")
    patterns: dict[str, str] = Field(
        {}, description="By field, the regular expression that a whole value must match."
    )
    levels: dict[str, Level] = Field({}, description="By rule, how loud it is for you.")
    thresholds: Thresholds = Field(Thresholds(), description="Bounds of the gate and of rules.")
    dedicated: list[str] = Field(
        [], description="Services that serve one team each: what their process says of the team counts."
    )
    fail_on: FailOn = Field("error", description="The gate fails on open gaps of this level or a louder one.")
    suppress: list[Suppression] = Field([], description="Gaps that you live with, each with its reason.")
    new_only: bool = Field(False, description="The gate leaves out what the baseline covers.")
    strict: bool = Field(False, description="The gate fails on suppressions that match nothing.")
    pedantic: bool = Field(False, description="Rules that are still a preview run as well.")

    @model_validator(mode="after")
    def _valid(self) -> Policy:
        for invalid in invalid_keys(self):
            raise invalid
        return self

    @property
    def whole_patterns(self) -> dict[str, str]:
        """The patterns, each anchored at both ends of the value."""
        return {name: whole(pattern) for name, pattern in self.patterns.items()}


class InvalidKey(ValueError):
    """A value of the right type that is wrong: the path of its key, what is wrong, a hint."""

    def __init__(self, path: KeyPath, message: str, hint: str = "") -> None:
        super().__init__(f"{_dotted(path)}: {message}")
        self.path, self.message, self.hint = path, message, hint


def invalid_keys(policy: Policy) -> Iterator[InvalidKey]:
    """What is wrong with a policy whose types are right."""
    from auditor.catalogue.fields import catalogue, profiles

    fields = catalogue().fields
    if policy.profile not in profiles():
        listed = f"(one of {', '.join(profiles())})"
        hint = nearest(policy.profile, profiles())
        yield InvalidKey(("profile",), f"there is no profile {policy.profile!r} {listed}", hint)
    for path, name in _named_fields(policy):
        if name not in fields:
            hint = nearest(name, fields) or "`auditor fields` lists the fields"
            yield InvalidKey(path, f"there is no field {name!r}", hint)
    for key in ("vocabularies", "patterns"):
        for name in getattr(policy, key):
            if name in fields and fields[name].type not in ("string", "arn"):
                yield InvalidKey((key, name), f"{name} is a number or a map: only text has a vocabulary")
    yield from _invalid_values(policy)


def _invalid_values(policy: Policy) -> Iterator[InvalidKey]:
    for name, words in policy.vocabularies.items():
        if not words:
            yield InvalidKey(("vocabularies", name), "an empty list would refuse every value")
    for name, pattern in policy.patterns.items():
        reason = _pattern_error(pattern)
        if reason:
            hint = "look-around and back-references are refused: they can take for ever"
            yield InvalidKey(("patterns", name), reason, hint)


def _named_fields(policy: Policy) -> Iterator[tuple[KeyPath, str]]:
    """Every field that a policy names, with the path of the key that names it."""
    yield from ((("required", n), name) for n, name in enumerate(policy.required))
    for key in ("aliases", "vocabularies", "patterns"):
        yield from (((key, name), name) for name in getattr(policy, key))
    for n, suppression in enumerate(policy.suppress):
        if suppression.field is not None:
            yield ("suppress", n, "field"), suppression.field


def whole(pattern: str) -> str:
    """The pattern, anchored at both ends of the value."""
    return f"^(?:{pattern})$"


def _pattern_error(pattern: str) -> str:
    """Why the engine, whose time is linear in the value, refuses a pattern; empty when it does not."""
    import polars as pl

    if len(pattern) > LONGEST_PATTERN:
        return f"more than {LONGEST_PATTERN} characters"
    try:
        pl.Series([""]).str.contains(whole(pattern))
    except pl.exceptions.PolarsError as error:
        reason = re.search(r"^error: (.+)$|exceeds size limit", str(error), re.M)
        return f"no pattern: {reason[1] or 'it is too large'}" if reason else "no pattern"
    return ""


def check_rules(policy: Policy, known: Iterable[str], lines: Lines | None = None, where: str = "") -> None:
    """PolicyError when a policy names a rule that is not in `known`, the ids of all rules."""
    ids = list(known)
    named: list[tuple[KeyPath, str]] = [(("levels", rule), rule) for rule in policy.levels]
    named += [(("thresholds", "rules", rule), rule) for rule in policy.thresholds.rules]
    named += [(("suppress", n, "rule"), entry.rule) for n, entry in enumerate(policy.suppress)]
    for path, rule in named:
        if rule not in ids:
            hint = nearest(rule, ids) or "`auditor rules` lists the rules"
            raise _error([InvalidKey(path, f"there is no rule {rule!r}", hint)], where, lines or {})


def check_until(
    policy: Policy, levels: Mapping[str, Level], lines: Lines | None = None, where: str = ""
) -> None:
    """PolicyError when a suppression of an error has no last day; `levels` are the rules' own."""
    for n, entry in enumerate(policy.suppress):
        level = policy.levels.get(entry.rule, levels.get(entry.rule))
        if level == Level.ERROR and entry.until is None:
            message = f"{entry.rule} is an error: until when do you live with it?"
            hint = "add the last day on which it holds: until = 2027-03-31"
            raise _error([InvalidKey(("suppress", n), message, hint)], where, lines or {})


def parse_policy(data: dict[str, Any], where: str = "policy", lines: Lines | None = None) -> Policy:
    """A checked policy; PolicyError lists every key that is wrong, with `where` and its line if known."""
    data = {key: value for key, value in data.items() if key != "$schema"}
    try:
        return Policy.model_validate(data)
    except ValidationError as error:
        raise _error([_invalid_key(details) for details in error.errors()], where, lines or {}) from None


def _invalid_key(error: Any) -> InvalidKey:
    inner = error.get("ctx", {}).get("error")
    if isinstance(inner, InvalidKey):
        return inner
    path = tuple(error["loc"])
    if error["type"] == "extra_forbidden":
        keys = _keys_at(path[:-1])
        hint = nearest(str(path[-1]), keys) or f"allowed keys: {', '.join(keys)}"
        return InvalidKey(path, "there is no such key", hint)
    return InvalidKey(path, error["msg"].removeprefix("Value error, "))


def _keys_at(path: KeyPath) -> list[str]:
    tables: dict[str | int, type[BaseModel]] = {"suppress": Suppression, "thresholds": Thresholds}
    return list((tables[path[0]] if path and path[0] in tables else Policy).model_fields)


def _error(keys: list[InvalidKey], where: str, lines: Lines) -> PolicyError:
    texts = []
    for key in keys[:MOST_ERRORS]:
        line = line_of(lines, key.path)
        texts.append(f"{where or 'policy'}{f':{line}' if line else ''}: {key}")
    if len(keys) > MOST_ERRORS:
        texts.append(f"and {len(keys) - MOST_ERRORS} more")
    hint = next((key.hint for key in keys if key.hint), "")
    return PolicyError("\n".join(texts), hint or f"allowed keys: {', '.join(Policy.model_fields)}")


def _dotted(path: KeyPath) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
