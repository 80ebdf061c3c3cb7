"""Objects as Node prints them (`console.dir`), turned into JSON text: bare names, single quotes, undefined.

What Node left out (`[Object]`, `... 3 more items`) is left out here; nothing is ever evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from auditor.pieces import decode

MAX_OBJECT = 400_000  # characters
_TOKEN = re.compile(
    r"""(?P<string>'(?:[^'\\\n]|\\.)*+'|"(?:[^"\\\n]|\\.)*+"|`(?:[^`\\]|\\.)*+`)
    |(?P<open>['"`][\s\S]*)
    |(?P<more>(?:,\s*+)?\.\.\.\ \d+\ more\ \w+)
    |(?P<time>\d{4}-\d\d-\d\dT[\d:.]+Z)
    |(?P<left>\[(?:Object|Array|Function|AsyncFunction|Circular|Getter|class|Symbol)[^\[\]\n]*\])
    |(?P<name>[A-Za-z_$][\w$]*)(?=:)
    |(?P<number>-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)n?(?![\w.])
    |(?P<word>[\w$<>*()#]+)
    |(?P<mark>[{}\[\],:+])""",
    re.VERBOSE,
)
_KEPT = ("true", "false", "null")


class Block(NamedTuple):
    """One printed object: its text, the byte offset at which it begins, and its line."""

    text: str
    offset: int
    line: int
    whole: bool


def blocks(data: bytes) -> Iterator[Block]:
    """The objects in printed output: from a brace at the margin to the closing one at the margin."""
    held: list[str] = []
    begin, first, at = 0, 0, 0
    for number, raw in enumerate(data.split(b"\n"), 1):
        line = raw.decode("utf-8", "replace").rstrip()
        if line == "{":
            if held:
                yield Block("", begin, first, whole=False)
            held, begin, first = [line], at, number
        elif held:
            held.append(line)
            if line == "}":
                yield Block("\n".join(held), begin, first, whole=True)
                held = []
        at += len(raw) + 1
    if held:
        yield Block("", begin, first, whole=False)


def value_of(text: str) -> Any:
    """What a printed object says; ValueError where it is none."""
    if len(text) > MAX_OBJECT:
        raise ValueError("an object too long to be a span")
    return decode("".join(_json(text)))


def _json(text: str) -> Iterator[str]:
    joined: list[str] = []  # the parts of one text that was printed over several lines
    for token in _TOKEN.finditer(text):
        kind, held = token.lastgroup, token[0]
        if kind == "open":
            raise ValueError("a text does not end")
        if kind == "string":
            joined.append(held[1:-1])
            continue
        if held == "+":
            continue
        if joined:
            yield _quoted("".join(joined))
            joined = []
        if kind in ("name", "time"):
            yield _quoted(held)
        elif kind == "number":
            yield held.removesuffix("n")
        elif kind == "mark" or held in _KEPT:
            yield held
        elif kind in ("word", "left") and text[token.end() :][:2].strip()[:1] not in ("{", "["):
            # else it names the class of what follows
            yield "null"


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()
