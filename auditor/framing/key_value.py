"""Lines of text as records: `key=value` pairs wherever they stand, and what fixed phrases around them say.

It reads no meaning into prose beyond those phrases, and never keeps the sentence.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import Any

from auditor.framing.json_values import decode
from auditor.framing.phrases import MODEL, phrases

MAX_LINE = 64 * 1024  # characters of a line that are looked at
MAX_PAIRS = 500
_KEY = re.compile(r"(?:(?<=^)|(?<=[\s,;|\[({]))([A-Za-z_@][\w.\-/@]{0,127})=")
_BARE = re.compile(r"[^\s,;|]*(?:[,;|](?![A-Za-z_][\w.\-]{0,127}=|\s|$)[^\s,;|]*)*")
_QUOTED = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'")
_COLON = re.compile(r"\s*([A-Za-z_][\w.\- ]{0,60}?)\s*:\s+(\S.*)")
_CALLED = re.compile(r"(?:Decimal|UUID|ObjectId)\('([^'()]{0,200})'\)")  # as Python shows such values
_ESCAPE = re.compile(r"\\(.)")


def pairs_of(text: str) -> tuple[dict[str, Any], list[tuple[int, int]]]:
    """The `key=value` pairs of a line, and where each stands; a key that disagrees keeps both values."""
    found, spans = _pairs_of(text)
    return dict(found), spans


@lru_cache(maxsize=4)
def _pairs_of(text: str) -> tuple[dict[str, Any], list[tuple[int, int]]]:
    """The pairs of a line that several readers ask for, one behind another."""
    found: dict[str, Any] = {}
    spans: list[tuple[int, int]] = []
    position = 0
    while len(spans) < MAX_PAIRS:
        key = _KEY.search(text, position)
        if key is None:
            break
        value, position = _value(text, key.end())
        spans.append((key.start(1), position))
        name = key[1]
        if name in found and found[name] != value:
            found[f"{name} "] = value  # the report tells that two values disagree
        else:
            found[name] = value
    return _told(found), spans


def _told(found: dict[str, Any]) -> dict[str, Any]:
    """Pairs that say a known thing in a form of their own, under names that tell it.

    Two numbers side by side can only be what went in and what came out.
    """
    if str(found.get("in", "")).isdigit() and str(found.get("out", "")).isdigit():
        found |= {"tokens (in)": found.pop("in"), "tokens (out)": found.pop("out")}
    both = _BOTH.fullmatch(str(found.get("tokens", "")))
    if both:
        del found["tokens"]
        found |= {"tokens (in)": both[1], "tokens (out)": both[2]}
    if _OWN_ID.fullmatch(str(found.get("request", ""))) and "request_id" not in found:
        found["request (id)"] = found.pop("request")
    return found


_BOTH = re.compile(r"(\d{1,12})\s?[+/]\s?(\d{1,12})")
_OWN_ID = re.compile(r"(?=[^\d]*\d)[A-Za-z0-9][\w.:-]{5,127}")


def _value(text: str, at: int) -> tuple[Any, int]:
    """The value that begins here, unquoted, and where it ends."""
    first = text[at : at + 1]
    if first in ('"', "'"):
        quoted = _QUOTED.match(text, at)
        if quoted:
            inner = quoted[1] if quoted[1] is not None else quoted[2]
            return _ESCAPE.sub(r"\1", inner), quoted.end()
    if first in ("{", "["):
        opened = _container(text, at)
        if opened is not None:
            return opened
    called = _CALLED.match(text, at)
    if called:
        return called[1], called.end()
    bare = _BARE.match(text, at)
    assert bare is not None
    value = bare[0]
    while value[-1:] in (")", "]", "}", ",", ";") and value.count(value[-1]) > value.count(_MATE[value[-1]]):
        value = value[:-1]
    return value, at + max(len(value), 0)


MAX_CONTAINER = 8192  # characters
_BRACKET = re.compile(r"[{}\[\]]")
_MATE = {")": "(", "]": "[", "}": "{", ",": "\0", ";": "\0"}


def _container(text: str, at: int) -> tuple[Any, int] | None:
    """A JSON or Python container written as a value."""
    from auditor.framing.nested import opened_text

    end = _closings(text).get(at)
    if end is None or end - at >= MAX_CONTAINER:
        return None
    inner = text[at : end + 1]
    try:
        return decode(inner), end + 1
    except ValueError:
        value = opened_text(inner)
        return (value, end + 1) if isinstance(value, (dict, list)) else None


@lru_cache(maxsize=4)
def _closings(text: str) -> dict[int, int]:
    """Where each bracket of a line is closed, by where it opens; bracket kinds are not told apart."""
    opened: list[int] = []
    out: dict[int, int] = {}
    for mark in _BRACKET.finditer(text):
        if mark[0] in "{[":
            opened.append(mark.start())
        elif opened:
            out[opened.pop()] = mark.start()
    return out


def colon_pairs(text: str) -> dict[str, Any]:
    """`key: value | key: value` and `key: value, key: value`, when every part is one."""
    for separator in (" | ", "; ", ", "):
        parts = [_COLON.fullmatch(part) for part in text.split(separator)]
        if len(parts) >= 2 and all(part and not MODEL.search(part[1]) for part in parts):
            return {p[1].strip(): p[2].strip().strip("\"'") for p in parts if p is not None}
    return {}


def rest_of(text: str, spans: list[tuple[int, int]]) -> str:
    """What a line says beside its pairs."""
    out, last = [], 0
    for start, end in spans:
        out.append(text[last:start])
        last = end
    return " ".join(" ".join([*out, text[last:]]).split())


def strict(text: str) -> dict[str, Any] | None:
    """A logfmt line: pairs and bare words only, from its first word on, quoted by nothing but `"`."""
    if "='" in text or not _KEY.match(text):
        return None
    found, spans = pairs_of(text[:MAX_LINE])
    if not spans or spans[0][0] != 0 or (len(spans) < 2 and spans[0][1] < len(text)):
        return None
    rest = rest_of(text, spans).split()
    if len(rest) > len(spans) or any(not _WORD.fullmatch(word) for word in rest):
        return None
    return found | {word: True for word in rest if word not in found}


_WORD = re.compile(r"[A-Za-z_][\w.-]*")
_EVENT = re.compile(r"[\w .:/'!-]{0,80}")


def loose(text: str) -> dict[str, Any] | None:
    """A line of pairs behind a short event name, or of `key: value` parts; None for a sentence."""
    found, spans = pairs_of(text[:MAX_LINE])
    if len(spans) < 2:
        held = colon_pairs(text) if len(text) < MAX_LINE and ": " in text else {}
        return held or None
    between = [text[a[1] : b[0]] for a, b in pairwise(spans)]
    if any(len(gap.strip(" ,;|&[](){}\t")) > 0 for gap in between) or text[spans[-1][1] :].strip(" ,;|)]}."):
        return None
    before = text[: spans[0][0]].strip(" |,;:-[({")
    if not _EVENT.fullmatch(before):
        return None
    return ({"event": before} if before and "event" not in found else {}) | found


def sentence(text: str) -> dict[str, Any] | None:
    """Any line that is not blank: its pairs, what its phrases say, and the rest as its message."""
    if not text.strip():
        return None
    text = text[:MAX_LINE]
    found, spans = pairs_of(text)
    held, rest = embedded(rest_of(text, spans))
    return held | found | {"message": rest, "text": phrases(rest)}


def embedded(text: str) -> tuple[dict[str, Any], str]:
    """What the containers in a sentence hold (`usage: {'inputTokens': 3}`), and the sentence without them.

    Bodies stay closed, but what names a whole response holds its usage too.
    """
    from auditor.framing.nested import is_body

    held: dict[str, Any] = {}
    rest, at, failed = [], 0, 0
    for opening in _OPENING.finditer(text):
        if opening.start() < at:
            continue
        begin = opening.end() - 1
        found = _container(text, begin) if failed < MAX_FAILED else None
        if found is None or not isinstance(found[0], dict):
            # what is nested in a container that cannot be read is read again
            failed += _closings(text).get(begin, begin) - begin
            continue
        rest.append(text[at:begin])
        value, at = found
        name = (opening[1] or "").lower()
        if name.endswith("headers") or (name not in _WHOLE and is_body(name, value)):
            held.setdefault(name, value)
        else:
            held = value | held
    return held, "".join([*rest, text[at:]])


_OPENING = re.compile(r"(?:\b([A-Za-z_][\w.-]{0,63})\s?:\s?)?\{(?=\s*[\"'])")
MAX_FAILED = 256 * 1024  # characters of containers that could not be read
_WHOLE = frozenset({"response", "responses", "result", "output"})
