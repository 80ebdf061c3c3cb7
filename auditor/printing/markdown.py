"""Our Markdown texts (why, fixes, how to get a sample) as blocks that a template can print.

There is no HTML and there are no links: a key of an input inside a text stays text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_FENCE = re.compile(r"^\s*```++\s*+([\w.+-]*+)\s*$")
_BULLET = re.compile(r"^\s*(?:[-*]|\d+[.)])\s+")
_CODE = re.compile(r"(?<!`)(`{1,3}+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)


class TextRun(NamedTuple):
    """A part of the text of a block; `code` where it was between backticks."""

    text: str
    code: bool


class MarkdownBlock(NamedTuple):
    """A paragraph, a list or code: `runs` has one list for a paragraph, one an item for a list."""

    kind: str
    runs: list[list[TextRun]]
    code: str = ""
    language: str = ""


def blocks(text: str) -> list[MarkdownBlock]:
    """The blocks of a text, in order."""
    return list(_blocks(text.strip("\n").split("\n")))


def _blocks(lines: list[str]) -> Iterator[MarkdownBlock]:
    paragraph: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        fence = _FENCE.match(line)
        if fence:
            yield from _flow(paragraph)
            paragraph = []
            end = next((i for i in range(at + 1, len(lines)) if _FENCE.match(lines[i])), len(lines))
            yield MarkdownBlock("code", [], "\n".join(lines[at + 1 : end]), fence[1])
            at = end
        elif not line.strip():
            yield from _flow(paragraph)
            paragraph = []
        else:
            paragraph.append(line)
        at += 1
    yield from _flow(paragraph)


def _flow(lines: list[str]) -> Iterator[MarkdownBlock]:
    """A paragraph or a list from lines without a blank between them; lines before a list are a paragraph."""
    if not lines:
        return
    first = next((i for i, line in enumerate(lines) if _BULLET.match(line)), len(lines))
    if first:
        yield MarkdownBlock("text", [runs(" ".join(line.strip() for line in lines[:first]))])
    items: list[str] = []
    for line in lines[first:]:
        if _BULLET.match(line):
            items.append(_BULLET.sub("", line).strip())
        else:
            items[-1] += " " + line.strip()
    if items:
        yield MarkdownBlock("list", [runs(item) for item in items])


def runs(text: str) -> list[TextRun]:
    """The parts of one paragraph: plain text and code between backticks."""
    parts: list[TextRun] = []
    at = 0
    for match in _CODE.finditer(text):
        if match.start() > at:
            parts.append(TextRun(text[at : match.start()], False))
        parts.append(TextRun(match[2].strip(), True))
        at = match.end()
    if at < len(text):
        parts.append(TextRun(text[at:], False))
    return parts
