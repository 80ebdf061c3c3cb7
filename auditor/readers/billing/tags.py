"""The tags of a bill's rows, in maps and in columns of their own, put at the scope of their key's family.

A tag that the provider set names no owner.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from auditor.evidence.builder import Builder
from auditor.evidence.schema import Column
from auditor.readers.billing.columns import BillHeaders
from auditor.readers.billing.tag_maps import BLANKS, bare, family_of, generated, pairs

# columns of maps, with the scope of their keys
MAPS = (
    ("tags", "resource_tag"),
    ("resource_tags", "resource_tag"),
    ("cost_category", "billing_aggregate"),
)
_SETS = (("principal_tags", "principal_tag"), ("resource_tags", "resource_tag"))
_SCOPES = frozenset(scope for _, scope in _SETS)
OWNERS = frozenset({"tenant_id", "team_id"})


class Tag(NamedTuple):
    """One tag of a row; reports show it under `shown`."""

    key: str
    value: str
    scope: str
    shown: str
    is_set: bool


class Tags:
    """Puts the tags of one row after another into a builder."""

    def __init__(self, builder: Builder, headers: BillHeaders) -> None:
        self.builder, self.headers = builder, headers
        self.columns: dict[tuple[str, str, str], Column] = {}
        self.principal = any(t.scope == "principal_tag" for t in headers.tags)  # whether there are such tags
        # whether the bill has a column for tags of any kind
        self.any = headers.has("tags", "resource_tags") or any(t.scope in _SCOPES for t in headers.tags)
        header = (headers.texts.get("tags") or ["tags"])[0]
        self.shown = {"principal_tag": header, "resource_tag": header}
        if not headers.has("tags"):
            first = {t.scope: t.header for t in reversed(headers.tags)}
            self.shown |= {s: h for s, h in first.items() if s in self.shown}

    def put(self, row: int, record: dict[str, Any]) -> None:
        """Put the tags of one row."""
        by_scope: dict[str, dict[str, str]] = {"principal_tag": {}, "resource_tag": {}}
        for tag in (*self._in_maps(record), *self._in_columns(record)):
            if tag.is_set and tag.scope in by_scope and not generated(tag.key):
                by_scope[tag.scope][tag.key] = tag.value
            self._put(row, tag)
        fact = self.builder.fact
        fact("has_tags_column").put(row, self.headers.has("tags") or self.principal)
        fact("has_tag_columns").put(row, self.any)
        fact("principal_tag_keys").put(row, len(by_scope["principal_tag"]))
        fact("resource_tag_keys").put(row, len(by_scope["resource_tag"]))
        for name, scope in _SETS:
            if by_scope[scope]:
                text = ",".join(sorted(f"{k}={v}" for k, v in by_scope[scope].items()))
                self.builder.column(name, scope, self.shown[scope]).put(row, text)
        self.principal = self.principal or bool(by_scope["principal_tag"])

    def owner_keys(self, record: dict[str, Any]) -> Iterator[str]:
        """The keys of a row's tags that name a tenant or a team."""
        for tag in (*self._in_maps(record), *self._in_columns(record)):
            if tag.is_set and tag.scope in _SCOPES and not generated(tag.key):
                match = self.builder.catalogue.lookup(tag.key)
                if match is not None and match.field in OWNERS:
                    yield tag.shown

    def _in_maps(self, record: dict[str, Any]) -> Iterator[Tag]:
        """The pairs of maps; the family in a key decides its scope."""
        for role, role_scope in MAPS:
            for header in self.headers.texts.get(role, ()):
                for key, value in pairs(record[header]).items():
                    family = family_of(key)
                    name = bare(key[len(family.prefix) :] if family else key)
                    scope = family.scope if family else role_scope
                    if value and scope == "resource_tag" and not generated(name):
                        self.shown[scope] = f"{header}['{family.prefix}']" if family else header
                    yield Tag(name, value, scope, f"{header}['{key}']", bool(value))

    def _in_columns(self, record: dict[str, Any]) -> Iterator[Tag]:
        for tag in self.headers.tags:
            # the column exists for every row: an empty cell is a tag that was not set
            value = record[tag.header] or ""
            yield Tag(tag.key, value, tag.scope, tag.header, value.lower() not in BLANKS)

    def _put(self, row: int, tag: Tag) -> None:
        memo = (tag.key, tag.scope, tag.shown)
        if memo not in self.columns:
            match = None if generated(tag.key) else self.builder.catalogue.lookup(tag.key)
            self.columns[memo] = (
                self.builder.resolved(match, tag.scope, tag.shown)
                if match
                else self.builder.examined(tag.shown)
            )
        self.columns[memo].put(row, tag.value)
