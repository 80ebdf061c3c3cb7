"""Splits our Markdown texts (why, fixes, how to get a sample) into blocks that a template can print.

It never makes HTML and knows no links: a key of somebody's input inside a text stays text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_FENCE = re.compile(r"^\s*```++\s*+([\w.+-]*+)\s*$")
_BULLET = re.compile(r"^\s*(?:[-*]|\d+[.)])\s+")
_CODE = re.compile(r"(?<!`)(`{1,3}+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)


class Run(NamedTuple):
    """A stretch of text within a block; `code` stretches stood between backticks."""

    text: str
    code: bool


class Block(NamedTuple):
    """A paragraph, a list or a listing: `runs` holds one list for a paragraph, one an item for a list."""

    kind: str
    runs: list[list[Run]]
    code: str = ""
    language: str = ""


def blocks(text: str) -> list[Block]:
    """The blocks of a text, in order."""
    return list(_blocks(text.strip("\n").split("\n")))


def _blocks(lines: list[str]) -> Iterator[Block]:
    held: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        fence = _FENCE.match(line)
        if fence:
            yield from _flow(held)
            held = []
            end = next((i for i in range(at + 1, len(lines)) if _FENCE.match(lines[i])), len(lines))
            yield Block("code", [], "\n".join(lines[at + 1 : end]), fence[1])
            at = end
        elif not line.strip():
            yield from _flow(held)
            held = []
        else:
            held.append(line)
        at += 1
    yield from _flow(held)


def _flow(lines: list[str]) -> Iterator[Block]:
    """A paragraph or a list from lines without a blank between them; lines before a list are a paragraph."""
    if not lines:
        return
    first = next((i for i, line in enumerate(lines) if _BULLET.match(line)), len(lines))
    if first:
        yield Block("text", [runs(" ".join(line.strip() for line in lines[:first]))])
    items: list[str] = []
    for line in lines[first:]:
        if _BULLET.match(line):
            items.append(_BULLET.sub("", line).strip())
        else:
            items[-1] += " " + line.strip()
    if items:
        yield Block("list", [runs(item) for item in items])


def runs(text: str) -> list[Run]:
    """The stretches of one paragraph: plain text and code between backticks."""
    found: list[Run] = []
    at = 0
    for match in _CODE.finditer(text):
        if match.start() > at:
            found.append(Run(text[at : match.start()], False))
        found.append(Run(match[2].strip(), True))
        at = match.end()
    if at < len(text):
        found.append(Run(text[at:], False))
    return found
