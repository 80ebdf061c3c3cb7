"""The tags of a bill's rows: maps and columns of their own, by family of key, at the scope where each stands.

It never reads a tag that the provider set as an owner's, and leaves blank tags to be told as such.
"""

from __future__ import annotations

from typing import Any

from auditor.evidence.builder import Builder
from auditor.evidence.schema import Column
from auditor.readers.billing.columns import Found
from auditor.readers.billing.tag_maps import BLANKS, bare, family_of, generated, pairs

# a map column: the scope of its keys, and how one of them is written
MAPS = (
    ("tags", "resource_tag", "{}['{}']"),
    ("resource_tags", "resource_tag", "{}['{}']"),
    ("cost_category", "billing_aggregate", "{}['{}']"),
)
_SETS = (("principal_tags", "principal_tag"), ("resource_tags", "resource_tag"))


class Tags:
    """Puts the tags of one row after another into a builder."""

    def __init__(self, builder: Builder, have: Found) -> None:
        self.builder, self.have = builder, have
        self.columns: dict[tuple[str, str, str], Column | None] = {}
        self.principal = any(t.scope == "principal_tag" for t in have.tags)
        tags = (have.texts.get("tags") or ["tags"])[0]
        self.shown = {"principal_tag": tags, "resource_tag": tags}
        first = {t.scope: t.header for t in reversed(have.tags)}
        if not have.has("tags"):
            self.shown |= {s: h for s, h in first.items() if s in self.shown}

    def put(self, row: int, record: dict[str, Any]) -> None:
        """The tags of one row."""
        held: dict[str, dict[str, str]] = {"principal_tag": {}, "resource_tag": {}}
        for role, scope, shown in MAPS:
            for header in self.have.texts.get(role, ()):
                for key, value in pairs(record[header]).items():
                    self._pair(row, header, key, value, scope, shown, held)
        for tag in self.have.tags:
            # the column is there for every row: an empty cell is a tag that was not set
            value = record[tag.header] or ""
            self._tag(row, tag.key, value, tag.scope, tag.header)
            if value.lower() not in BLANKS and tag.scope in held and not generated(tag.key):
                held[tag.scope][tag.key] = value
        fact = self.builder.fact
        fact("has_tags_column").put(row, self.have.has("tags") or self.principal)
        fact("principal_tag_keys").put(row, len(held["principal_tag"]))
        fact("resource_tag_keys").put(row, len(held["resource_tag"]))
        for name, scope in _SETS:
            if held[scope]:
                text = ",".join(sorted(f"{k}={v}" for k, v in held[scope].items()))
                self.builder.column(name, scope, self.shown[scope]).put(row, text)
        self.principal = self.principal or bool(held["principal_tag"])

    def _pair(
        self,
        row: int,
        header: str,
        key: str,
        value: str,
        scope: str,
        shown: str,
        held: dict[str, dict[str, str]],
    ) -> None:
        """One pair of a map; the family in its key tells where it stands."""
        family = family_of(key)
        name = bare(key[len(family.prefix) :] if family else key)
        scope = family.scope if family else scope
        if value and scope in held and not generated(name):
            held[scope][key] = value
            if scope == "resource_tag":
                self.shown[scope] = f"{header}['{family.prefix}']" if family else header
        self._tag(row, name, value, scope, shown.format(header, key))

    def _tag(self, row: int, key: str, value: str, scope: str, shown: str) -> None:
        memo = (key, scope, shown)
        if memo not in self.columns:
            match = None if generated(key) else self.builder.catalogue.lookup(key)
            self.columns[memo] = match and self.builder.resolved(match, scope, shown)
        column = self.columns[memo]
        if column is not None:
            column.put(row, value)
