"""Values under keys that a format's documentation names, and the fields that a selection of keys can show.

Keys that callers choose go through the alias catalogue instead: see `nested`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from auditor.catalogue.fields import Match
from auditor.evidence.builder import Builder, ReaderState
from auditor.evidence.schema import Column

# a key whose value is a hash of what was asked: equal for equal prompts
PROMPT_HASH = re.compile(
    r"(?i)(?:^|[._-])(?:prompt|input|messages|request|body)[._-]?(?:hash|sha\d*|md5|digest|fingerprint)$"
)


class Named(NamedTuple):
    """What a key means: its field, its scope, the rank of the name (0 is best), and its unit as a factor."""

    field: str
    scope: str
    rank: int = 0
    scale: float = 1.0
    weak: bool = False


class NamedColumns(ReaderState):
    """The columns of one table of names, by key."""

    def __init__(self, builder: Builder, _names: int, _prefix: str) -> None:
        super().__init__(builder)
        self.by_key: dict[str, Column] = {}


class KeyLists(ReaderState):
    """The lists of keys that records had so far."""

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder)
        self.seen: set[tuple[str, ...]] = set()


def put_named(
    builder: Builder, row: int, record: Mapping[str, Any], names: Mapping[str, Named], prefix: str = ""
) -> None:
    """Put the values under the named keys of a record; a missing key puts nothing."""
    known = builder.state(NamedColumns, id(names), prefix).by_key
    for key, name in names.items():
        if key not in record:
            continue
        value = record[key]
        if isinstance(value, (dict, list)):
            continue
        column = known.get(key)
        if column is None:
            match = Match(name.field, name.rank, name.weak)
            column = known[key] = builder.resolved(match, name.scope, prefix + key, name.scale)
        column.put(row, value)


def shown_by(builder: Builder, record: Mapping[str, Any], sources: Mapping[str, Iterable[str]]) -> None:
    """Remember which fields the keys of a record can show, whatever their values.

    Exports let their user choose columns: what was not chosen is unknown, and no gap of the team's.
    """
    shapes = builder.state(KeyLists).seen
    shape = tuple(record)
    if shape in shapes:
        return
    shapes.add(shape)
    shown = {field for key in record for field in sources.get(key, ())}
    builder.columns_known = (builder.columns_known or frozenset()) | shown


def truth(value: Any) -> bool | None:
    """A flag in any spelling (`true`, `"True"`, `1`, `"0"`); None where it is neither true nor false."""
    text = str(value).strip().lower()
    if text in ("true", "1", "yes", "hit"):
        return True
    return False if text in ("false", "0", "no", "miss") else None


def flag(builder: Builder, row: int, fact: str, value: Any) -> None:
    """Put a fact that is true or false; nothing where the value is neither."""
    known = truth(value)
    if known is not None:
        builder.fact(fact).put(row, known)
