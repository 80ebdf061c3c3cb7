"""What exports wrap around records: lists under a key, search hits, and text that is a JSON record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from auditor.framing.json_values import Piece
from auditor.framing.nested import opened_text

LISTS = tuple(
    """Records records events logEvents data results result items rows logs value entries spend_logs
    response""".split()
)
TEXTS = ("message", "log", "@message", "_raw", "line", "Message", "body", "msg")


def unwrapped(piece: Piece, matches: Any) -> Iterator[Piece]:
    """The records in a piece: wrapper lists are opened, text that is a JSON record is read as that record."""
    stack = [piece]
    while stack:
        item = stack.pop()
        value = item.value
        if isinstance(value, list):
            stack.extend(
                Piece(v, item.offset, f"{item.pointer}/{i}") for i, v in reversed(list(enumerate(value)))
            )
            continue
        if not isinstance(value, dict):
            continue
        if matches(value):
            yield item
            continue
        inner = _inner(item)
        if inner is None:
            yield item
        else:
            stack.extend(reversed(inner))


def _inner(item: Piece) -> list[Piece] | None:
    value = item.value
    for key in LISTS:
        items = value.get(key)
        if (
            isinstance(items, list)
            and items
            and all(isinstance(h, (dict, list)) for h in items)
            and len(value) <= 12
        ):
            return [Piece(h, item.offset, f"{item.pointer}/{key}/{i}") for i, h in enumerate(items)]
    hits = value.get("hits")
    if isinstance(hits, dict) and isinstance(hits.get("hits"), list):
        return [
            Piece(h.get("_source"), item.offset, f"{item.pointer}/hits/hits/{i}/_source")
            for i, h in enumerate(hits["hits"])
            if isinstance(h, dict) and isinstance(h.get("_source"), dict)
        ]
    if isinstance(value.get("_source"), dict):
        return [Piece(value["_source"], item.offset, f"{item.pointer}/_source")]
    for key in TEXTS:
        text = value.get(key)
        if isinstance(text, str) and text.lstrip()[:1] == "{":
            opened = opened_text(text.strip())
            if isinstance(opened, dict) and len(opened) > 1:
                outer = {k: v for k, v in value.items() if k not in opened and k != key}
                return [
                    Piece(outer | opened if len(value) > 4 else opened, item.offset, f"{item.pointer}/{key}")
                ]
    return None
