"""What a gap is about in an example record: a key of the record, and where that is in the input."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from auditor.catalogue.fields import catalogue
from auditor.errors import AuditError
from auditor.locate.leaves import Leaf, Path, container, is_in_map, leaves_of, named, plain_key
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
    try:
        return _mark_of(place, wanted)
    except (AuditError, OSError, MemoryError):
        raise
    except Exception:  # noqa: BLE001 - a report without a mark beats none
        return Mark(None)


def _mark_of(place: Place, wanted: Wanted) -> Mark:
    leaves = leaves_of(place.record) if isinstance(place.record, dict) else []
    number, path, inner = _chosen(leaves, wanted)
    text, place_of = place.text, place.place_of
    if text is None or place_of is None:
        return Mark(number)
    if path is not None:
        at = text.find(path, inner)
        return Mark(number) if at is None else Mark(number, *place_of(at))
    offsets = [text.under(key) for key in wanted.own]
    if wanted.is_blank and isinstance(place.record, dict):
        # bodies are never shown, but the key may be in one
        within = leaves_of(place.record, bodies=True)
        offsets += [text.find(leaf.path) for leaf in within if _is_blank(leaf, wanted)]
    if (at := next((at for at in offsets if at is not None), None)) is not None:
        return Mark(None, *place_of(at))
    if (at := text.around(partial(_is_around, wanted))) is not None and place_of(at)[0] == place.line:
        return Mark(None, *place_of(at))
    return Mark(None)


def _chosen(leaves: Sequence[Leaf], wanted: Wanted) -> tuple[int | None, Path | None, str]:
    """The leaf to mark, the path to the key that is meant, and the key in the text at that path."""
    found = named(leaves, wanted.own)
    if found is None and not wanted.own:
        found = next(((i, "") for i, leaf in enumerate(leaves) if _is_blank(leaf, wanted)), None) or next(
            ((i, "") for i, leaf in enumerate(leaves) if _means(leaf.key, wanted.field)), None
        )
    is_missing = not wanted.own and not wanted.is_blank
    if found is None and wanted.field in SETS:
        in_maps = (number for key in wanted.others if (number := named(leaves, [key])))
        found = next((number for number in in_maps if is_in_map(leaves[number[0]])), None)
    if found is None and wanted.field in FREE_FORM and (is_missing or wanted.field in SETS):
        inside = container(leaves)
        if inside is not None:
            return *inside, ""
    if found is None and is_missing:
        found = named(leaves, wanted.others)
    return (None, None, "") if found is None else (found[0], leaves[found[0]].path, found[1])


def _is_around(wanted: Wanted, key: str) -> bool:
    """Whether a key around a record is meant, whatever the reader calls the place that it begins with."""
    if not wanted.own:
        return wanted.is_blank and _means(key, wanted.field)
    own = plain_key(key)
    keys = [plain_key(key) for key in wanted.own]
    return any(own == key or own.endswith((f".{key}", f".{key.partition('.')[2] or key}")) for key in keys)


def _is_blank(leaf: Leaf, wanted: Wanted) -> bool:
    """Whether a leaf is the one whose value stands for none."""
    if not wanted.is_blank or not _means(leaf.key, wanted.field):
        return False
    value = str("" if leaf.value is None else leaf.value).strip()
    word = re.match(catalogue().owner_placeholder_word, value)
    return not value.strip("0") or word is not None or value[:1] in "$<{"


def _means(key: str, field: str) -> bool:
    """Whether a key is a name of a field."""
    match = catalogue().lookup(key)
    return match is not None and match.field == field
