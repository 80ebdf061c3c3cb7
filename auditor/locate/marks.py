"""What a gap is about in an example record: a key of the record, and where that is in the input."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from auditor.catalogue.fields import catalogue
from auditor.locate.leaves import Leaf, Path, container, leaves_of, named, plain_key
from auditor.locate.places import Place

# fields that a caller sets as tags or metadata, and the sets of them
FREE_FORM = frozenset(
    """tenant_id team_id workflow_id user_id session_id cost_center environment feature principal_tags
    resource_tags""".split()
)
SETS = frozenset({"principal_tags", "resource_tags"})


class Wanted(NamedTuple):
    """The field of a gap, and the keys that its rule read on the record: of this field, and of others.

    `is_blank` is whether the field is there and says nothing: a placeholder, an empty text.
    """

    field: str
    is_blank: bool
    own: Sequence[str]
    others: Sequence[str]


class Mark(NamedTuple):
    """The number of the leaf to mark, and the line and column of its key; None where it is not known."""

    leaf: int | None
    line: int | None = None
    column: int | None = None


def mark_of(place: Place, wanted: Wanted) -> Mark:
    """The key that a gap is about, in the record, else in what is around it on the same line.

    In this order: the keys of the field, the map that a caller sets it in, the other keys of the rule.
    """
    leaves = leaves_of(place.record) if isinstance(place.record, dict) else []
    number, path = _chosen(leaves, wanted)
    if place.text is None or place.place_of is None:
        return Mark(number)
    if number is not None and path is not None and (at := place.text.find(path)) is not None:
        return Mark(number, *place.place_of(at))
    if number is None and (at := place.text.around(partial(_is_around, wanted))) is not None:
        line, column = place.place_of(at)
        if line == place.line:
            return Mark(number, line, column)
    return Mark(number)


def _chosen(leaves: Sequence[Leaf], wanted: Wanted) -> tuple[int | None, Path | None]:
    """The leaf to mark, and the path to the key that is meant."""
    number = named(leaves, wanted.own)
    if number is None and not wanted.own:
        number = next((i for i, leaf in enumerate(leaves) if _means(leaf.key, wanted.field)), None)
    is_missing = not wanted.own and not wanted.is_blank
    if number is None and wanted.field in FREE_FORM and (is_missing or wanted.field in SETS):
        found = container(leaves)
        if found is not None:
            return found
    if number is None and is_missing:
        number = named(leaves, wanted.others)
    return number, None if number is None else leaves[number].path


def _is_around(wanted: Wanted, key: str) -> bool:
    """Whether a key around a record is meant, whatever the reader calls the place that it begins with."""
    if not wanted.own:
        return wanted.is_blank and _means(key, wanted.field)
    own = plain_key(key)
    keys = [plain_key(key) for key in wanted.own]
    return any(own == key or own.endswith((f".{key}", f".{key.partition('.')[2] or key}")) for key in keys)


def _means(key: str, field: str) -> bool:
    """Whether a key is a name of a field."""
    match = catalogue().lookup(key)
    return match is not None and match.field == field
