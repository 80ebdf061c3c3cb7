"""Lines of text as records: `key=value` pairs, and the facts in fixed phrases around them."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import Any

from auditor.catalogue.fields import catalogue
from auditor.framing.json_values import decode
from auditor.framing.nested import is_body, opened_text
from auditor.framing.phrases import MODEL, phrases

PHRASES = "@phrases"  # the key of the facts in the phrases of a sentence
MAX_LINE = 64 * 1024  # characters of a line that are read
MAX_PAIRS = 500
_KEY = re.compile(r"(?:(?<=^)|(?<=[\s,;|\[({]))([A-Za-z_@][\w.\-/@]{0,127})(?:=| = (?=[\w\"']))")
# `tenant_id: acme` in a sentence: a name of two words or more
_COLON_KEY = re.compile(
    r"(?<![\w.-])([A-Za-z][A-Za-z0-9]*+(?:[_.-][A-Za-z0-9]++)++|[a-z]++(?:[A-Z][a-z0-9]*+)++):\s+([^\s,;()\[\]{}]+)"
)
# an object as printed: `CompletionUsage(prompt_tokens=52, …)`, `TokenUsage { inputTokenCount = 52, … }`
_REPR = re.compile(r"[A-Za-z_][\w.]*(?:\(|\s?\{\s?)(?=[A-Za-z_]\w*\s?=)")
_BARE = re.compile(r"[^\s,;|]*(?:[,;|](?![A-Za-z_][\w.\-]{0,127}=|\s|$)[^\s,;|]*)*")
_QUOTED = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'")
_COLON = re.compile(r"\s*([A-Za-z_][\w.\- ]{0,60}?)\s*:\s+(\S.*)")
_CALL = re.compile(r"(?:Decimal|UUID|ObjectId)\('([^'()]{0,200})'\)")  # the `repr` of such values
_ESCAPE = re.compile(r"\\(.)")


def pairs_of(text: str) -> tuple[dict[str, Any], list[tuple[int, int]]]:
    """The `key=value` pairs of a line, and the span of each.

    A duplicate key with another value is kept as the key with a space at its end.
    """
    pairs, spans = _pairs_of(text)
    return dict(pairs), spans


@lru_cache(maxsize=4)
def _pairs_of(text: str) -> tuple[dict[str, Any], list[tuple[int, int]]]:
    """The pairs of a line, cached: several readers need those of the same line."""
    pairs: dict[str, Any] = {}
    spans: list[tuple[int, int]] = []
    position = 0
    while len(spans) < MAX_PAIRS:
        key = _KEY.search(text, position)
        if key is None:
            break
        opened = _REPR.match(text, key.end())
        if opened is not None:
            spans.append((key.start(1), opened.end()))
            position = opened.end()
            continue
        value, position = _value(text, key.end())
        spans.append((key.start(1), position))
        name = key[1]
        if name in pairs and pairs[name] != value:
            pairs[f"{name} "] = value  # the report shows that two values disagree
        else:
            pairs[name] = value
    return _renamed(pairs), spans


def _renamed(pairs: dict[str, Any]) -> dict[str, Any]:
    """The pairs, with keys whose values show what they mean (`in=4 out=14`, `tokens=4+14`) renamed."""
    for before, after in _DIRECTIONS:
        if str(pairs.get(before, "")).isdigit() and str(pairs.get(after, "")).isdigit():
            pairs |= {"tokens (in)": pairs.pop(before), "tokens (out)": pairs.pop(after)}
    both = _BOTH.fullmatch(str(pairs.get("tokens", "")))
    if both:
        del pairs["tokens"]
        pairs |= {"tokens (in)": both[1], "tokens (out)": both[2]}
    if _REQUEST_ID.fullmatch(str(pairs.get("request", ""))) and "request_id" not in pairs:
        pairs["request (id)"] = pairs.pop("request")
    return pairs


_DIRECTIONS = (("in", "out"), ("input", "output"), ("prompt", "completion"), ("sent", "received"))
_BOTH = re.compile(r"(\d{1,12})\s?[+/]\s?(\d{1,12})")
_REQUEST_ID = re.compile(r"(?=[^\d]*\d)[A-Za-z0-9][\w.:-]{5,127}")


def _value(text: str, at: int) -> tuple[Any, int]:
    """The value that begins here, unquoted, and where it ends."""
    first = text[at : at + 1]
    if first in ('"', "'"):
        quoted = _QUOTED.match(text, at)
        if quoted:
            inner = quoted[1] if quoted[1] is not None else quoted[2]
            return _ESCAPE.sub(r"\1", inner), quoted.end()
    if first in ("{", "["):
        container = _container(text, at)
        if container is not None:
            return container
    call = _CALL.match(text, at)
    if call:
        return call[1], call.end()
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
    """A JSON or Python container that begins here, and where it ends; None when it is none."""
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
    """Where each bracket of a line is closed, by where it opens; all kinds of brackets count alike."""
    openings: list[int] = []
    out: dict[int, int] = {}
    for bracket in _BRACKET.finditer(text):
        if bracket[0] in "{[":
            openings.append(bracket.start())
        elif openings:
            out[openings.pop()] = bracket.start()
    return out


def colon_pairs(text: str) -> dict[str, Any]:
    """The pairs of `key: value | key: value` or `key: value, key: value`; empty unless every part is one."""
    for separator in (" | ", "; ", ", "):
        parts = [_COLON.fullmatch(part) for part in text.split(separator)]
        if len(parts) >= 2 and all(part and not MODEL.search(part[1]) for part in parts):
            return {p[1].strip(): p[2].strip().strip("\"'") for p in parts if p is not None}
    return {}


def rest_of(text: str, spans: list[tuple[int, int]]) -> str:
    """The text of a line without its pairs."""
    out, last = [], 0
    for start, end in spans:
        out.append(text[last:start])
        last = end
    return " ".join(" ".join([*out, text[last:]]).split())


def logfmt_pairs(text: str) -> dict[str, Any] | None:
    """A logfmt line: pairs and bare words only, from its first word on, quoted by nothing but `"`."""
    if "='" in text or not _KEY.match(text):
        return None
    pairs, spans = pairs_of(text[:MAX_LINE])
    if not spans or spans[0][0] != 0 or (len(spans) < 2 and spans[0][1] < len(text)):
        return None
    rest = rest_of(text, spans).split()
    if len(rest) > len(spans) or any(not _WORD.fullmatch(word) for word in rest):
        return None
    return pairs | {word: True for word in rest if word not in pairs}


_WORD = re.compile(r"[A-Za-z_][\w.-]*")
_EVENT = re.compile(r"[\w .:/'!-]{0,80}")


def event_pairs(text: str) -> dict[str, Any] | None:
    """A line of pairs after a short event name, or of `key: value` parts; None for a sentence."""
    pairs, spans = pairs_of(text[:MAX_LINE])
    if len(spans) < 2:
        return (colon_pairs(text) if len(text) < MAX_LINE and ": " in text else {}) or None
    between = [text[a[1] : b[0]] for a, b in pairwise(spans)]
    if any(len(gap.strip(" ,;|&[](){}\t")) > 0 for gap in between) or text[spans[-1][1] :].strip(" ,;|)]}."):
        return None
    before = text[: spans[0][0]].strip(" |,;:-[({")
    if not _EVENT.fullmatch(before):
        return None
    if not before:
        return pairs
    said = {PHRASES: phrases(before)} if " " in before else {}
    return ({} if "event" in pairs else {"event": before}) | pairs | said


def sentence_facts(text: str) -> dict[str, Any] | None:
    """Any line that is not blank: its pairs, the facts in its phrases, and the rest as its message."""
    if not text.strip():
        return None
    text = text[:MAX_LINE]
    pairs, spans = pairs_of(text)
    values, rest = embedded_values(rest_of(text, spans))
    for key, value in _COLON_KEY.findall(rest):
        if key not in pairs and catalogue().lookup(key) is not None:
            values.setdefault(key, value.strip("\"'."))
    return values | pairs | {"message": rest, PHRASES: phrases(rest)}


def embedded_values(text: str) -> tuple[dict[str, Any], str]:
    """The members of containers in a sentence (`usage: {'inputTokens': 3}`), and the sentence without these.

    Bodies are kept as one value each, but a whole response has the usage in it and is read.
    """
    members: dict[str, Any] = {}
    rest, at, failed = [], 0, 0
    for opening in _OPENING.finditer(text):
        if opening.start() < at:
            continue
        begin = opening.end() - 1
        container = _container(text, begin) if failed < MAX_FAILED else None
        if container is None or not isinstance(container[0], dict):
            # containers nested in one that cannot be read are tried as well
            failed += _closings(text).get(begin, begin) - begin
            continue
        rest.append(text[at:begin])
        value, at = container
        name = (opening[1] or "").lower()
        if name.endswith("headers") or (name not in _RESPONSES and is_body(name, value)):
            members.setdefault(name, value)
        else:
            members = value | members
    return members, "".join([*rest, text[at:]])


_OPENING = re.compile(r"(?:\b([A-Za-z_][\w.-]{0,63})\s?:\s?)?\{(?=\s*[\"'])")
MAX_FAILED = 256 * 1024  # characters of containers that could not be read
_RESPONSES = frozenset({"response", "responses", "result", "output"})
