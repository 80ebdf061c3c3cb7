"""Lines of text as records: `key=value` pairs wherever they stand, and what fixed phrases around them say.

It reads no meaning into prose beyond those phrases, and never keeps the sentence.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import Any

from auditor.pieces import decode

MAX_LINE = 64 * 1024  # characters of a line that are looked at
MAX_PAIRS = 500
_KEY = re.compile(r"(?:(?<=^)|(?<=[\s,;|\[({]))([A-Za-z_@][\w.\-/@]{0,127})=")
_BARE = re.compile(r"[^\s,;|]*(?:[,;|](?![A-Za-z_][\w.\-]{0,127}=|\s|$)[^\s,;|]*)*")
_QUOTED = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'")
_COLON = re.compile(r"\s*([A-Za-z_][\w.\- ]{0,60}?)\s*:\s+(\S.*)")
_ESCAPE = re.compile(r"\\(.)")

_VENDORS = (
    "anthropic|amazon|meta|mistral|cohere|ai21|deepseek|openai|stability|qwen|writer|google|moonshot|minimax|"
    "nvidia|twelvelabs|luma|zai"
)
MODEL = re.compile(
    rf"(?<![\w.-])((?:[a-z]{{2,6}}\.)?(?:{_VENDORS})\.[a-z][\w.:-]*\w"
    r"|claude-[\w.-]*\d[\w.-]*|gpt-\d[\w.-]*|o[134](?:-mini|-pro)?|gemini-\d[\w.-]*|llama-?\d[\w.-]*"
    r"|mistral-(?:large|small|medium)[\w.-]*|command-r[\w.-]*|nova-(?:micro|lite|pro|premier)[\w.-]*"
    r"|titan-[\w.-]+|text-embedding-[\w.-]+)(?![\w-])"
)
_ID = r"[\"'#]?([A-Za-z0-9][\w.:-]{5,127})"
_NAME = r"[\"']?([A-Za-z0-9][\w.@-]{0,127})"
_REGION = r"((?:us|eu|ap|sa|ca|me|af|il|mx)(?:-gov)?-(?:north|south|east|west|central)(?:east|west)?-\d)"
# phrases that say a thing: the pattern, the names under which the report shows it, a word that stands in each
PHRASES: tuple[tuple[re.Pattern[str], tuple[str, ...], tuple[str, ...]], ...] = tuple(
    (re.compile(p, re.I), names, words)
    for p, names, words in (
        (r"\b(\d+)\s*[+/]\s*(\d+)\s+tokens?\b", ("tokens in", "tokens out"), ("token",)),
        (
            r"\b(\d+)\s*(?:in|input|prompt)\b(?:\s+tokens?)?",
            ("tokens in",),
            ("in", "prompt"),
        ),
        (
            r"\b(?:in|input|prompt)[ _]?tokens?[:= ]+(\d+)\b",
            ("tokens in",),
            ("token",),
        ),
        (
            r"\b(\d+)\s*(?:out|output|completion)\b(?:\s+tokens?)?",
            ("tokens out",),
            ("out", "completion"),
        ),
        (r"\b(?:out|output|completion)[ _]?tokens?[:= ]+(\d+)\b", ("tokens out",), ("token",)),
        (r"\b(\d+)\s+(?:total\s+)?tokens\b|\btokens:?\s+(\d+)\b", ("tokens",), ("tokens",)),
        (rf"\b(?:aws[ _-]?)?request[ _-]?(?:id)?[:= #]+{_ID}", ("request",), ("request",)),
        (rf"\bregion[:= ]+{_REGION}|\bin {_REGION}|\({_REGION}\)", ("region",), ("-",)),
        (rf"\b(?:for|of|by|from) (?:the )?tenant {_NAME}|\btenant[:#] ?{_NAME}", ("tenant",), ("tenant",)),
        (
            rf"\b(?:for|of|by|from) (?:the )?customer {_NAME}|\bcustomer[:#] ?{_NAME}",
            ("customer",),
            ("customer",),
        ),
        (rf"\b(?:for|of|by|from) (?:the )?team {_NAME}|\bteam[:#] ?{_NAME}", ("team",), ("team",)),
        (rf"\b(?:for|of|by|from) (?:the )?user {_NAME}|\buser[:#] ?{_NAME}", ("user",), ("user",)),
        (
            rf"\b(?:for|of|by|in|from) (?:the )?workflow {_NAME}|\bworkflow[:#] ?{_NAME}",
            ("workflow",),
            ("workflow",),
        ),
        (r"\b(?:attempt|try)\s+#?(\d{1,3})\b", ("attempt",), ("attempt", "try")),
        (
            r"(?:\bcost(?:s|ing)?[:= ]+)\$?(\d+(?:\.\d+)?)\b|\$(\d+\.\d+)\b",
            ("cost",),
            ("cost", "$"),
        ),
        (
            r"\b(?:in|took|after|latency|duration)[:= ]+(\d+(?:\.\d+)?\s?(?:ms|s|sec))\b",
            ("took",),
            ("ms", "s"),
        ),
        (
            r"\(?\b([A-Z]\w+(?:Exception|Error|Timeout))\b",
            ("error",),
            ("exception", "error", "timeout"),
        ),
        (r"\b(?:status|http|code)[:= ]+(\d{3})\b", ("status",), ("status", "http", "code")),
    )
)
_FAILED = re.compile(r"(?i)\b(fail(?:ed|ure)|throttled|timed out|timeout|denied|rejected|errored|aborted)\b")
_ERROR_CASE = re.compile(r"[A-Z]\w+(?:Exception|Error|Timeout)")
# words that follow "tenant" in a sentence about tenants, not of one
_STOP = frozenset(
    """id ids is was are were has had not no and or the a an of for in on missing unknown none null header
    headers tag tags name names limit limits quota scope context with without from to by at it this
    that""".split()
)


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
    return found, spans


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
    bare = _BARE.match(text, at)
    assert bare is not None
    value = bare[0]
    while value[-1:] in (")", "]", "}", ",", ";") and value.count(value[-1]) > value.count(_MATE[value[-1]]):
        value = value[:-1]
    return value, at + max(len(value), 0)


_MATE = {")": "(", "]": "[", "}": "{", ",": "\0", ";": "\0"}


def _container(text: str, at: int) -> tuple[Any, int] | None:
    """A JSON or Python container written as a value."""
    from auditor.readers._nested import opened_text

    depth = 0
    for end in range(at, min(len(text), at + 8192)):
        mark = text[end]
        depth += (mark in "{[") - (mark in "}]")
        if depth == 0:
            inner = text[at : end + 1]
            try:
                return decode(inner), end + 1
            except ValueError:
                value = opened_text(inner)
                return (value, end + 1) if isinstance(value, (dict, list)) else None
    return None


def colon_pairs(text: str) -> dict[str, Any]:
    """`key: value | key: value` and `key: value, key: value`, when every part is one."""
    for separator in (" | ", "; ", ", "):
        parts = [_COLON.fullmatch(part) for part in text.split(separator)]
        if len(parts) >= 2 and all(parts):
            return {p[1].strip(): p[2].strip().strip("\"'") for p in parts if p is not None}
    return {}


def rest_of(text: str, spans: list[tuple[int, int]]) -> str:
    """What a line says beside its pairs."""
    out, last = [], 0
    for start, end in spans:
        out.append(text[last:start])
        last = end
    return " ".join(" ".join([*out, text[last:]]).split())


def phrases(text: str) -> dict[str, Any]:
    """What the fixed phrases of a sentence say, under the names that the report shows."""
    found: dict[str, Any] = {}
    model = MODEL.search(text)
    if model is not None:
        found["model"] = model[1]
    lower = text.lower()
    for pattern, names, words in PHRASES:
        # a look for its word costs far less than the pattern
        match = pattern.search(text) if any(word in lower for word in words) else None
        if match is None:
            continue
        values = [g for g in match.groups() if g is not None]
        for name, value in zip(names, values, strict=False):
            if value.lower() not in _STOP and not (name == "error" and not _ERROR_CASE.match(value)):
                found.setdefault(name, value)
    if "tokens in" in found or "tokens out" in found:
        found.pop("tokens", None)
    failed = _FAILED.search(text)
    if failed is not None:
        found.setdefault("error", failed[1].lower())
    return found


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
    rest = rest_of(text, spans)
    if str(found.get("in", "")).isdigit() and str(found.get("out", "")).isdigit():
        # two numbers side by side can only be what went in and what came out
        found |= {"tokens_in": found.pop("in"), "tokens_out": found.pop("out")}
    return found | {"message": rest, "text": phrases(rest)}
