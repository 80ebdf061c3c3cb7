"""How records of one shape are walked, worked out once a shape: their leaves, times, names, and log lines.

Two records have the same shape when they have the same keys with the same kinds of values, at any depth.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from auditor.catalogue.fields import catalogue
from auditor.framing.call_words import names_failure
from auditor.framing.nested import is_body, is_container, leaves, names_body, untyped

START = tuple(
    """startTime start_time started_at timestamp @timestamp time ts eventTime created_at datetime date
    _time asctime""".split()
)
END = ("endTime", "end_time", "ended_at", "completed_at", "finished_at")
# keys of what a record is about
NAMES = ("event", "message", "msg", "name", "@message", "event_name", "short_message", "@m", "@mt")
# keys of a log's message: text that is a line of a log, or JSON
TEXTS = (
    *("message", "log", "@message", "_raw", "line", "Message", "body", "msg", "MESSAGE", "textPayload"),
    *("text_payload", "log_message", "logMessage", "rawMessage", "raw"),
)
MAX_SHAPES = 2_000  # remembered for an input: more is an attack, not evidence
_MAX_STEPS = 200
_DEPTH = 6
_OPENING = frozenset('{["')  # text that begins so may be opened
_PAIR_LIST = re.compile(r"[A-Za-z_]\d?[:=][^,;]{0,256}[,;]|^\w[\w.-]{0,127}[:=](?![/\\])")
_FACT = re.compile(r"[\d=:]|(?i:tenant)")
_JSON = re.compile(r'\s*+(?:\{|\[\s*+[\[{"\]])')  # `[14/Sep/2026:10:00:03 +0000]` and `[INFO]` are none
_BLANK_OR_BRACE = frozenset("{ \t\r\n")

Leaf = tuple[str, str, Any]  # path, last key, value


class PlainValue(NamedTuple):
    """A plain value of a record: its keys, its path, and whether it is a text, and one under a body's key."""

    keys: tuple[str, ...]
    path: str
    is_text: bool
    is_body: bool


class RecordPlan:
    """What all records of one shape have in common."""

    def __init__(self, record: dict[str, Any]) -> None:
        self.starts = tuple(key for key in START if key in record)
        self.ends = tuple(key for key in END if key in record)
        self.clocks = tuple(k for k in (*START, *END) if record.get(k).__class__ in (int, float))
        self.names = tuple(key for key in NAMES if record.get(key).__class__ is str)
        self.messages = tuple(k for k in dict.fromkeys((*NAMES, *TEXTS)) if record.get(k).__class__ is str)
        self.may_fail = any(value is not None and names_failure(key) for key, value in record.items())
        self.lines = tuple(_lines(record))
        self.texts = tuple(key for key, value in record.items() if value.__class__ is str)
        # whether the record itself may be below a key: nothing at the top names a field
        self.may_be_below = any(v.__class__ is dict for v in record.values()) and not any(
            names_field(key) for key, v in record.items() if v.__class__ not in (dict, list)
        )
        self.is_flat = "_source" not in record and _is_flat(record)
        steps = list(_steps(record, (), 0))
        self.steps = None if None in steps or len(steps) > _MAX_STEPS else [s for s in steps if s is not None]

    def leaves(self, record: dict[str, Any]) -> list[Leaf]:
        """(path, last key, leaf) of each value of a record."""
        if self.steps is None:
            return list(_walk(record))
        out: list[Leaf] = []
        for keys, path, is_text, body in self.steps:
            value: Any = record
            for key in keys:
                value = value[key]
            if is_text:
                if value[:1] in _OPENING:
                    return list(_walk(record))
                if body:
                    if is_body(keys[-1], value):
                        continue
                elif len(value) >= 512 or _is_pair_list(value):
                    return list(_walk(record))
            out.append((path, keys[-1], value))
        return out

    def may_wrap(self, record: dict[str, Any]) -> bool:
        """Whether a record may be a wrapper of others, or have one as text in it or in a message below."""
        if not self.is_flat or self.may_be_below:
            return True
        if any(record[key][:1] in _BLANK_OR_BRACE for key in self.texts):
            return True
        return any(record[at[0]][at[1]][:1] in _BLANK_OR_BRACE for at in self.lines if len(at) > 1)

    def line_in(self, record: dict[str, Any]) -> tuple[str, str] | None:
        """The path and text of a log line in a record: its message, or that of a mapping in it; else None."""
        for keys in self.lines:
            text: Any = record
            for key in keys:
                text = text[key]
            if _is_line(text):
                return ".".join(keys), text
        return None


@lru_cache(maxsize=16_384)
def names_field(path: str) -> str | None:
    """The field that a path names for certain."""
    match = catalogue().lookup(path)
    return match.field if match is not None and not match.weak else None


class RecordShapes:
    """The plans of the shapes of one input."""

    def __init__(self) -> None:
        self._plans: dict[tuple[Any, ...], RecordPlan] = {}
        self._last: tuple[Any, int, RecordPlan | None] = (None, 0, None)

    def plan(self, record: dict[str, Any]) -> RecordPlan:
        """The plan of a record; made for the first one of its shape."""
        same, length, plan = self._last
        if plan is not None and record is same and len(record) == length:
            return plan
        shape = _shape(record)
        plan = self._plans.get(shape)
        if plan is None:
            plan = RecordPlan(record)
            if len(self._plans) < MAX_SHAPES:
                self._plans[shape] = plan
        self._last = (record, len(record), plan)
        return plan


def _shape(record: dict[str, Any]) -> tuple[Any, ...]:
    out: list[Any] = []
    for key, value in record.items():
        kind = value.__class__
        out.append(key)
        if kind is dict:
            out.append(_shape(value) if value else dict)
        elif kind is list:
            out.append(list if value else None)
        else:
            out.append(kind)
    return tuple(out)


def _steps(record: dict[str, Any], above: tuple[str, ...], depth: int) -> Iterator[PlainValue | None]:
    """The plain values of a record; None where a value has to be walked each time."""
    for key, value in record.items():
        keys = (*above, key)
        kind = value.__class__
        if kind is dict:
            if not value:
                continue
            if depth >= _DEPTH or is_body(key, value) or untyped(value) is not value:
                yield None
            else:
                yield from _steps(value, keys, depth + 1)
        elif issubclass(kind, list):  # the values of a duplicate key are a list of their own class
            if value:
                yield None
        elif kind is str:
            yield (
                None
                if is_container(key) or "→" in key
                else PlainValue(keys, ".".join(keys), True, names_body(key))
            )
        else:
            yield PlainValue(keys, ".".join(keys), False, False)


def _walk(record: dict[str, Any]) -> Iterator[Leaf]:
    """(path, last key, leaf) of a record of any shape; plain values at its top are not walked."""
    for key, value in record.items():
        kind = value.__class__
        if kind is int or kind is float or value is None:
            yield key, key, value
        elif kind is str and value[:1] not in _OPENING and len(value) < 512 and not _PAIR_LIST.search(value):
            if not is_body(key, value):
                yield key, key, value
        else:
            yield from leaves({key: value}, free_form=True)


def _is_pair_list(text: str) -> bool:
    return ("," in text or ";" in text) and _PAIR_LIST.search(text) is not None


def _is_flat(value: dict[str, Any]) -> bool:
    """Whether no list and no map of objects is in a value: no records are within it."""
    inner = [v for v in value.values() if v.__class__ is dict]
    if len(value) > 1 and len(inner) == len(value):
        return False
    return all(_is_flat(v) for v in inner) and not any(v.__class__ is list and v for v in value.values())


def _lines(record: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Where a record of this shape may have a log line."""
    for key in TEXTS:
        if record.get(key).__class__ is str:
            yield (key,)
    for key, inner in record.items():
        if inner.__class__ is dict and not is_body(key, None):
            for name in TEXTS:
                if inner.get(name).__class__ is str:
                    yield key, name


def _is_line(text: str) -> bool:
    """Whether a text can hold facts: it has a pair, a number or a tenant beside words, and is no JSON."""
    return len(text) >= 8 and _FACT.search(text) is not None and not _JSON.match(text)
