"""A rule file of one pattern for several fields, written out as one mapping a rule.

The keys of the file hold for all its rules; those of a field are the ones of its rule and go before them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auditor.catalogue.fields import catalogue
from auditor.catalogue.key_lines import Lines
from auditor.catalogue.key_lines import Path as KeyPath

SHARED = ("verdict", "cause", "between", "examples")  # what a pattern says once
OF_A_RULE = ("id", "name", "field")  # what it cannot say for all
TEXTS = ("title", "gap", "why", "false_positives")


class RuleFileError(ValueError):
    """What is wrong with a pattern, and at which key of the file."""

    def __init__(self, path: KeyPath, message: str) -> None:
        super().__init__(message)
        self.path = path


@dataclass(frozen=True)
class RuleEntry:
    """A rule of a pattern: its keys, the field that describes it, and where in the file its examples are."""

    data: dict[str, Any]
    described: str
    examples: tuple[int, ...]

    def lines(self, lines: Lines) -> Lines:
        """The lines of the keys of the file as lines of the keys of the rule."""
        own: Lines = {}
        shared: Lines = {}
        for path, line in lines.items():
            if path[0] == "fields":
                if path[1:] == (self.described,):
                    shared["field",] = line
                elif path[1:2] == (self.described,):
                    own[path[2:]] = line
            elif path[0] != "examples" or len(path) == 1:
                shared[path] = line
            elif path[1] in self.examples:
                shared["examples", self.examples.index(int(path[1])), *path[2:]] = line
        keys = {path[0] for path in own}
        return {path: line for path, line in shared.items() if path[0] not in keys} | own


def entries(data: Mapping[str, Any]) -> list[RuleEntry]:
    """The rules of a file with `fields`, in its order; RuleFileError where it is none."""
    for key in OF_A_RULE:
        if key in data:
            raise RuleFileError((key,), "beside `fields` it is a key of each field")
    described: dict[str, str] = {}
    named: dict[str, list[str]] = {}
    for field, own in _fields(data).items():
        rule = own["id"]
        if rule in described and len(own) > 1:
            raise RuleFileError(("fields", field), f"{rule} has its keys at {described[rule]}")
        described.setdefault(rule, field)
        named.setdefault(rule, []).append(field)
    examples = _examples(data.get("examples"), named)
    shared = {key: value for key, value in data.items() if key != "fields"}
    out = []
    for rule, fields in named.items():
        numbers = tuple(n for n, (_, rules) in enumerate(examples) if rule in rules)
        whole = {**shared, **data["fields"][fields[0]], "field": fields}
        if examples:
            whole["examples"] = [examples[n][0] for n in numbers]
        out.append(RuleEntry(_put(whole, fields), fields[0], numbers))
    return out


def _fields(data: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    fields = data["fields"]
    if not isinstance(fields, dict) or not fields:
        raise RuleFileError(("fields",), "it is a mapping of fields to the keys of their rules")
    for field, own in fields.items():
        if field not in catalogue().fields:
            raise RuleFileError(("fields", field), f"there is no field {field!r}")
        if not isinstance(own, dict) or not isinstance(own.get("id"), str):
            raise RuleFileError(("fields", field), "it is a mapping with the `id` of a rule")
        for key in (*SHARED, "field"):
            if key in own:
                raise RuleFileError(("fields", field, key), "it is the same for all fields of a pattern")
    return fields


def _examples(examples: Any, rules: Mapping[str, Any]) -> list[tuple[Any, tuple[str, ...]]]:
    """Each example with the rules it is of: those under `for`, else all."""
    out: list[tuple[Any, tuple[str, ...]]] = []
    for number, example in enumerate(examples if isinstance(examples, list) else ()):
        own, wanted = example, list(rules)
        if isinstance(example, dict) and "for" in example:
            own, given = {key: part for key, part in example.items() if key != "for"}, example["for"]
            wanted = given if isinstance(given, list) else [given]
        for name in wanted:
            if not isinstance(name, str) or name not in rules:
                raise RuleFileError(("examples", number, "for"), f"there is no rule {name!r} in this file")
        out.append((own, tuple(wanted)))
    return out


def _put(data: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    """The keys of a rule; one of a single field names it in its predicate and its texts."""
    if len(fields) == 1:
        words = dict.fromkeys(TEXTS, catalogue().fields[fields[0]].title.lower()) | {"when": fields[0]}
        for key, word in words.items():
            if isinstance(data.get(key), str):
                data[key] = data[key].replace("{field}", word)
    return data
