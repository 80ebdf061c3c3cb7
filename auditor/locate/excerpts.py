"""One masked line of an example record, with the span to mark."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from itertools import chain
from typing import Any

from auditor.framing.nested import is_body, opened_text
from auditor.printing.text import clean_text
from auditor.report.mask import Leaf, Masker, is_identity, is_plain, name_in

WIDTH = 150  # characters of an excerpt
LONGEST = 90  # characters of a member beside the marked one
MOST_LEAVES = 400


def identities(record: Any) -> frozenset[str]:
    """The values of identity fields in a record: they are masked under any other key of it too."""
    leaves = _leaves(record) if isinstance(record, dict) else ()
    return frozenset(
        str(v)
        for k, _, v in leaves
        if isinstance(v, (str, int)) and is_identity(k) and len(str(v)) > 1 and not is_plain(str(v))
    )


def excerpt(
    record: Any, keys: list[str], means: Callable[[str], bool], masker: Masker, own_keys: Collection[str] = ()
) -> tuple[str, tuple[int, int]] | None:
    """One masked line of a record and the (start, length) to mark; None where it has nothing to show.

    Marked is a member under one of `keys` (those that the rule read), else one whose key means the rule's
    field by `means`, else the model. Under `own_keys` the format writes words of its own.
    """
    if not isinstance(record, dict):
        return None
    try:
        return _excerpt(record, keys, means, masker, own_keys)
    except Exception:  # noqa: BLE001 - a report without an excerpt beats none
        return None


def _excerpt(
    record: dict[str, Any],
    keys: list[str],
    means: Callable[[str], bool],
    masker: Masker,
    own_keys: Collection[str],
) -> tuple[str, tuple[int, int]] | None:
    identity_values = identities(record)
    leaves = _leaves(record, identity_values)
    if not leaves:
        return None
    own = {re.split(r"\[[\"']", k)[0] for k in keys} | {re.split(r"→", k)[-1] for k in keys}
    named = (
        i for i, leaf in enumerate(leaves) if leaf.key in own or any(leaf.key.endswith(f"→{o}") for o in own)
    )
    same = (i for i, leaf in enumerate(leaves) if not keys and means(leaf.key))
    model = (i for i, leaf in enumerate(leaves) if "model" in leaf.key.lower())
    marked = next(chain(named, same, model), 0)
    members = []
    for key, name, value in leaves:
        name = clean_text(key) if masker.show else name
        members.append(f'"{name}": {masker.value(key, value, own_keys=own_keys, identities=identity_values)}')
    return _line(members, marked)


def _leaves(
    record: dict[str, Any], identity_values: frozenset[str] = frozenset(), *, parent: str = ""
) -> list[Leaf]:
    """The record's leaves; OTLP attribute lists read as mappings, bodies left out.

    `parent` is the key of the map around the record, if any.
    """
    is_identity_value = identity_values.__contains__
    out: list[Leaf] = []
    for name, value in record.items():
        if is_body(name, value):
            continue
        shown = name_in(name, top=not parent or _is_attribute(parent, name), identity=is_identity_value)
        if name == "attributes" and isinstance(value, list):
            out.extend(_attributes(value, identity_values))
        elif isinstance(value, dict):
            out.extend(_prefixed(name, shown, ".", _leaves(value, identity_values, parent=name)))
        elif isinstance(value, str) and value[:1] == "{" and isinstance(opened_text(value), dict):
            inner = _leaves(opened_text(value), identity_values, parent=name)
            out.extend(_prefixed(name, shown, "→", inner))
        else:
            out.append(Leaf(name, shown, value))
    return out[:MOST_LEAVES]


def _is_attribute(parent: str, name: str) -> bool:
    """Whether a key in a map is the dotted name of an attribute, and no name that a user chose."""
    return "." in name and parent.lower() in ("attributes", "tags", "meta", "resource")


def _prefixed(name: str, shown: str, separator: str, leaves: list[Leaf]) -> Iterable[Leaf]:
    for key, shown_key, value in leaves:
        yield Leaf(f"{name}{separator}{key}", f"{shown}{separator}{shown_key}", value)


def _attributes(pairs: list[Any], identity_values: frozenset[str]) -> Iterable[Leaf]:
    """The attributes of an OTLP list; their names are a schema, and shown."""
    for item in pairs:
        if isinstance(item, dict) and not is_body(str(item.get("key")), None):
            name = str(item.get("key"))
            shown = name_in(name, top=True, identity=identity_values.__contains__)
            yield Leaf(name, shown, _attribute_value(item.get("value")))


def _attribute_value(wrapped: Any) -> Any:
    """The value of an OTLP attribute; whole numbers are text there."""
    if not isinstance(wrapped, dict) or not wrapped:
        return wrapped
    kind, value = next(iter(wrapped.items()))
    return int(value) if kind in ("intValue", "int_value") and str(value).lstrip("-").isdigit() else value


def _line(members: list[str], marked: int) -> tuple[str, tuple[int, int]]:
    """The marked member with as many of its neighbours as fit."""
    low = high = marked
    used = len(members[marked])
    while used < WIDTH and (low > 0 or high < len(members) - 1):
        grew = False
        for i in (low - 1, high + 1):
            size = len(members[i]) if 0 <= i < len(members) else WIDTH
            if used + size + 2 <= WIDTH and size < LONGEST:
                used += size + 2
                low, high = min(low, i), max(high, i)
                grew = True
        if not grew:
            break
    left = "… " if low > 0 else ""
    text = left + ", ".join(members[low : high + 1]) + (" …" if high < len(members) - 1 else "")
    start = len(left) + sum(len(member) + 2 for member in members[low:marked])
    return text, (start, len(members[marked]))
