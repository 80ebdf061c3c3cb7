"""JSON objects out of a source, unwrapped from what exports wrap around records, each handed to its reader.

It never looks into bodies and never drops a record: what no reader claims is read as generic JSON.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from auditor.errors import AuditError, reason_of
from auditor.evidence.builder import Builder
from auditor.framing.duplicate_keys import with_duplicates
from auditor.framing.json_values import Piece, pieces
from auditor.framing.log_lines import parted
from auditor.framing.nested import opened_text
from auditor.framing.stack_traces import StackTraces
from auditor.framing.tables import is_table, rows_of
from auditor.inputs.source import Source

LISTS = tuple(
    """Records records events logEvents data results result items rows logs value entries spend_logs
    response""".split()
)
TEXTS = ("message", "log", "@message", "_raw", "line", "Message", "body", "msg")
Match = Callable[[dict[str, Any]], float]
Claim = tuple[float, bool, str]  # how strongly, whether by the chosen reader, by whom
SURE = (1.0, True)  # what nobody can surpass
CLAIMED = 0.5  # a score from which a reader claims a record
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
    """Read every record with the reader that claims it most, else with the chosen one."""
    desk = Desk(builder, chosen)
    if is_table(source.head):
        for line, row in rows_of(source.whole().decode("utf-8", "replace"), skip=builder.skip):
            builder.attempt(line, chosen.take, row, builder, None, None)
    else:
        for piece in pieces(source, builder.skip, start, end, builder.note):
            desk.piece(piece)


def shape_of(value: dict[str, Any]) -> tuple[Any, ...]:
    """What a record is made of: its keys, the kinds of their values, and the keys of mappings within."""
    return tuple(
        [
            (key, tuple(inner))
            if inner.__class__ is dict
            else (key, _first_of(inner))
            if inner.__class__ is list
            else (key, inner.__class__)
            for key, inner in value.items()
        ]
    )


def _first_of(items: list[Any]) -> tuple[Any, ...]:
    """What a list is made of, told by its first element."""
    first = items[0] if items else None
    return (list, tuple(first) if first.__class__ is dict else first.__class__)


class Desk:
    """Hands each record and each line of one input to its reader, and to that reader's builder."""

    def __init__(self, builder: Builder, chosen: Any) -> None:
        from auditor.readers.registry import all_readers, line_readers, reader

        self.builder, self.chosen = builder, chosen
        self.claimants = [(r.match, r) for r in all_readers() if r.take is not None and r.match is not None]
        self.readers = [(r.line, r) for r in line_readers() if r.line is not None]
        self.generic, self.prose, self.stack = reader("generic-json"), reader("plain-text"), StackTraces()
        self.by_name = {r.name: r for _, r in self.claimants}
        self._known: dict[tuple[Any, ...], tuple[Claim, list[tuple[Match, Any]]]] = {}
        self._asked: tuple[Any, Any] = (None, None)
        self._lined: tuple[Any, Any] | None = None

    def piece(self, piece: Piece) -> None:
        """Let readers take one line of text, or every record of a value; each that breaks one is a skip."""
        builder = self.builder
        if isinstance(piece.value, str):
            builder.attempt(piece.line or None, self.line, piece)
            return
        try:
            for inner in unwrapped(piece, self.claim):
                builder.attempt(piece.line or None, self.record, inner)
        except (AuditError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - what is wrapped around records is odd
            builder.skip(piece.line or None, reason_of(error))

    def claim(self, value: dict[str, Any]) -> Any:
        """The reader that claims a record, or None when only a generic one would take it."""
        if value is self._asked[0]:
            return self._asked[1]
        try:
            best = self._best(value)
            claimant = self.by_name[best[2]] if best[0] >= CLAIMED else None
        except Exception:  # noqa: BLE001 - what a reader breaks on is not its record
            claimant = None
        self._asked = (value, claimant)
        return claimant

    def _best(self, value: dict[str, Any]) -> Claim:
        shape = shape_of(value)
        known = self._known.get(shape)
        if known is None:
            known = self._known[shape] = self._look(value)
        best, others = known
        for match, found in others:
            best = max(best, (match(value), found is self.chosen, found.name))
        return best

    def _look(self, value: dict[str, Any]) -> tuple[Claim, list[tuple[Match, Any]]]:
        """The best claim that all records of this shape share, and who must look at each of them."""
        keys = value.keys()
        others = [(m, r) for m, r in self.claimants if "*" in r.by_value or r.by_value & keys]
        each = {r.name for _, r in others}
        fixed = max((m(value), r is self.chosen, r.name) for m, r in self.claimants if r.name not in each)
        return fixed, others if fixed[:2] < SURE else []

    def record(self, piece: Piece) -> None:
        """Let its reader take one JSON record; what nobody claims is generic JSON."""
        found = self.claim(piece.value)
        if found is None:
            found = self.generic
            if piece.raw:
                value = with_duplicates(piece.raw)
                piece = piece._replace(value=value if isinstance(value, dict) else piece.value)
        found.take(piece.value, self._builder(found), piece.offset, piece.pointer)

    def line(self, piece: Piece) -> None:
        """Let the first reader that can parse it take one line of text; a line nobody reads is a skip."""
        line = parted(piece.value)
        if not line.text.strip():
            line = line._replace(text=piece.value.strip())
        if self.stack.contains(piece.value, line):
            self._builder(self.prose).row("context", offset=piece.offset)
            return
        readers = self.readers if self._lined is None else [self._lined, *self.readers]
        for parse, candidate in readers:
            record = parse(line.text)
            if record is None:
                continue
            if not candidate.everything:
                # a generic format never takes precedence: its neighbour's line may be a special one
                self._lined = (parse, candidate)
            if line.told:
                record["@prefix"] = line.told
            if candidate.take is not None:
                candidate.take(record, self._builder(candidate), piece.offset, None)
            return
        self.builder.skip(piece.line, "no record in this line")

    def _builder(self, found: Any) -> Builder:
        return self.builder.beside(found.name, found.layer)


def finish(builder: Builder) -> None:
    """Let every reader that read of an input put what it still remembers, once all of it was read."""
    from auditor.readers.registry import reader

    for (name, _), own in list(builder.shared.builders.items()):
        found = reader(name)
        if found is not None and found.finish is not None:
            found.finish(own)


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
        seconds = int(whole.astimezone(UTC).timestamp())
    except (ValueError, OverflowError):
        return None
    # beyond these 64 bits hold no nanoseconds
    return seconds * 10**9 + int((fraction or "0").ljust(9, "0")) if abs(seconds) < 9 * 10**9 else None


def _from_number(value: float) -> int | None:
    if not 10**8 < value < 9 * 10**18:
        return None
    for bound, factor in _EPOCH:
        if value >= bound:
            return int(value) * factor
    return int(value * 10**9)
