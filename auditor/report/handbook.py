"""What reports quote in addition to their own facts: texts of rules, recipes and fields, as plain data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Recipe:
    """One fix for one stack: what to do, and the snippet where there is one."""

    stack: str
    title: str
    text: str
    snippet: str

    def on(self, name: str) -> Recipe:
        """The recipe as it reads for one field."""
        return self._with("{field}", name)

    def quoted_as(self, text: str) -> Recipe | None:
        """The recipe with the key that a report names in its place; None where the report quotes another."""
        pattern = re.escape(f"{self.title}: {self.text}").replace(re.escape("{key}"), "(.+?)")
        match = re.fullmatch(pattern, text, re.S)
        return match and self._with("{key}", match[1] if match.groups() else "")

    def _with(self, mark: str, word: str) -> Recipe:
        parts = (part.replace(mark, word).strip() for part in (self.title, self.text, self.snippet))
        return Recipe(self.stack, *parts)


@dataclass(frozen=True)
class RuleText:
    """One rule as reports quote it: names, levels and prose, nothing that runs."""

    id: str
    name: str
    fields: tuple[str, ...]
    verdict: str
    cause: str | None
    level: str
    status: str
    title: str
    gap: str
    why: str
    false_positives: str
    fixes: tuple[Recipe, ...]
    references: tuple[str, ...]  # addresses


@dataclass(frozen=True)
class FieldText:
    """A field's title and definition."""

    title: str
    definition: str


@dataclass(frozen=True, eq=False)
class Handbook:
    """Rules by id, recipes, fields by name; without them a report quotes its own texts only."""

    rules: Mapping[str, RuleText] = field(default_factory=dict)
    recipes: tuple[Recipe, ...] = ()
    fields: Mapping[str, FieldText] = field(default_factory=dict)

    def recipe(self, stack: str, text: str, name: str) -> Recipe:
        """The recipe that a report quotes for a field, with its snippet; the quoted text where none fits."""
        for general in self.recipes:
            if general.stack == stack and (recipe := general.on(name).quoted_as(text)):
                return recipe
        return Recipe(stack, "", text, "")

    def field(self, name: str) -> FieldText:
        """A field's texts; its name where there are none."""
        return self.fields.get(name) or FieldText(name, "")


EMPTY = Handbook()
