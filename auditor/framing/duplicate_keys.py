"""Duplicate keys of one JSON object: a parser keeps the last value, an audit needs all that differ."""

from __future__ import annotations

import json
import re
from typing import Any

from auditor.printing.surrogates import spelled

MAX_BYTES = 64 * 1024  # of a record that is checked
_KEYS = re.compile(rb'"([^"\\]{1,128})"\s*:')


class DuplicateValues(list[Any]):
    """The different values of a key that one object has more than once."""


def with_duplicates(raw: bytes) -> Any:
    """A small JSON value in which duplicate keys keep all their values; None where there are none."""
    if len(raw) > MAX_BYTES:
        return None
    keys = _KEYS.findall(raw)
    if len(keys) == len(set(keys)):
        return None
    try:
        return spelled(json.loads(raw, object_pairs_hook=_pairs), raw)
    except (ValueError, RecursionError):
        return None


def _pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in items:
        if key in out and out[key] != value:
            known = out[key]
            out[key] = DuplicateValues(
                [*known, value] if isinstance(known, DuplicateValues) else [known, value]
            )
        else:
            out[key] = value
    return out
