"""Keys that stand twice in one JSON object: a parser keeps the last, an auditor wants to know of both.

It looks at small records only, and never at what a value says.
"""

from __future__ import annotations

import json
import re
from typing import Any

from auditor.printing.surrogates import spelled

MAX_TWICE = 64 * 1024  # bytes of a record that is looked at
_KEYS = re.compile(rb'"([^"\\]{1,128})"\s*:')


class Twice(list[Any]):
    """The values of a key that stands more than once in one object, and does not agree with itself."""


def with_twice(raw: bytes) -> Any:
    """A small JSON value in which a key that stands twice with different values keeps both; else None."""
    if len(raw) > MAX_TWICE:
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
            held = out[key]
            out[key] = Twice([*held, value] if isinstance(held, Twice) else [held, value])
        else:
            out[key] = value
    return out
