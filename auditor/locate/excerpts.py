"""One masked line of an example record, with the span to mark."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from auditor.locate.leaves import Leaf, identities, leaves_of
from auditor.printing.text import clean_text
from auditor.report.mask import Masker

WIDTH = 150  # characters of an excerpt
LONGEST = 90  # characters of a member beside the marked one


def excerpt(
    record: Any, marked: int | None, masker: Masker, own_keys: Collection[str] = ()
) -> tuple[str, tuple[int, int]] | None:
    """One masked line of a record and the (start, length) to mark; None where it has nothing to show.

    Marked is the leaf of that number, else the model. Under `own_keys` the format writes words of its own.
    """
    if not isinstance(record, dict):
        return None
    try:
        identity_values = identities(record)
        leaves = leaves_of(record, identity_values)
        return _excerpt(leaves, marked, identity_values, masker, own_keys) if leaves else None
    except Exception:  # noqa: BLE001 - a report without an excerpt beats none
        return None


def _excerpt(
    leaves: Sequence[Leaf],
    marked: int | None,
    identity_values: frozenset[str],
    masker: Masker,
    own_keys: Collection[str],
) -> tuple[str, tuple[int, int]]:
    if marked is None:
        marked = next((i for i, leaf in enumerate(leaves) if "model" in leaf.key.lower()), 0)
    members = []
    for leaf in leaves:
        name = clean_text(leaf.key) if masker.show else leaf.shown
        value = masker.value(leaf.key, leaf.value, own_keys=own_keys, identities=identity_values)
        members.append(f'"{name}": {value}')
    return _line(members, marked)


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
