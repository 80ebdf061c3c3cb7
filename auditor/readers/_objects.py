"""JSON objects out of a source, unwrapped from what exports wrap around records, each handed to its reader.

It never looks into bodies and never drops a record: what no reader claims is read as generic JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from auditor.evidence import Builder
from auditor.pieces import Piece, json_pieces
from auditor.readers._nested import opened_text
from auditor.readers._tables import is_table, rows_of
from auditor.source import Source

LISTS = tuple(
    """Records records events logEvents data results result items rows logs value entries spend_logs
    response""".split()
)
TEXTS = ("message", "log", "@message", "_raw", "line", "Message", "body", "msg")
_EPOCH = ((10**17, 1), (10**14, 10**3), (10**11, 10**6))
_STAMP = re.compile(r"^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\s*(Z|[+-]\d\d:?\d\d)?")


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
        held = value.get(key)
        if (
            isinstance(held, list)
            and held
            and all(isinstance(h, (dict, list)) for h in held)
            and len(value) <= 12
        ):
            return [Piece(h, item.offset, f"{item.pointer}/{key}/{i}") for i, h in enumerate(held)]
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


def read_objects(
    source: Source, builder: Builder, chosen: Any, start: int = 0, end: int | None = None
) -> None:
    """Read every record with the chosen reader, or with the reader that claims it."""
    from auditor.readers import all_readers, reader

    claimants = [r for r in all_readers() if r.take is not None and r.match is not None]
    generic = reader("generic-json")
    memo: dict[tuple[str, ...], Any] = {}
    if is_table(source.head):
        for _, row in rows_of(source.whole().decode("utf-8", "replace"), skip=builder.skip):
            chosen.take(row, builder, None, None)
        return

    def claim(value: dict[str, Any]) -> Any:
        shape = tuple(value)
        if shape not in memo:
            scored = [(r.match(value), r is chosen, r.name, r) for r in claimants if r.match]
            best = max(scored, key=lambda s: s[:3])
            memo[shape] = best[3] if best[0] >= 0.5 else None
        return memo[shape]

    for outer in json_pieces(source, builder.skip, start, end):
        for piece in unwrapped(outer, claim):
            found = claim(piece.value) or chosen
            if found.take is None or (found is not generic and claim(piece.value) is None):
                found = generic
            found.take(piece.value, builder, piece.offset, piece.pointer)


def to_ns(value: Any) -> int | None:
    """Nanoseconds since the epoch from ISO text or a number whose magnitude tells its unit; else None."""
    if value.__class__ is str:
        return _from_text(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return _from_number(value)


@lru_cache(maxsize=8192)
def _from_text(text: str) -> int | None:
    text = text.strip()
    match = _STAMP.match(text)
    if match is None:
        try:
            return _from_number(float(text)) if text[:1].isdigit() and len(text) >= 9 else None
        except ValueError:
            return None
    day, clock, fraction, zone = match.groups()
    zone = "+00:00" if zone in (None, "Z") else zone
    try:
        whole = datetime.fromisoformat(f"{day}T{clock}{zone}")
    except ValueError:
        return None
    return int(whole.astimezone(UTC).timestamp()) * 10**9 + int((fraction or "0").ljust(9, "0"))


def _from_number(value: float) -> int | None:
    if not 10**8 < value < 10**20:
        return None
    for bound, factor in _EPOCH:
        if value >= bound:
            return int(value) * factor
    return int(value * 10**9)
