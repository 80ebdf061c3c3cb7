"""The JSON value at the end of a log line, behind what a collector or a framework wrote before it.

It never takes a part of a value for the value, nor drops a sentence that belongs to it.
"""

from __future__ import annotations

import json
import re
from typing import Any

from auditor.framing.json_repair import MAX_LITERAL, literal
from auditor.framing.log_lines import parted
from auditor.framing.phrases import phrases
from auditor.printing.surrogates import spelled

_scanner = json.JSONDecoder()
_PAIR = re.compile(r"(?<![\w.-])(?=(?:[\w.-]*[.-])?[A-Za-z_])[\w.-]++=\S")
_MEMBER = re.compile(r"\{\s*(?:\"[^\"]{0,128}\"|'[^']{0,128}')\s*:")
# a quote that is not closed goes to the end
_MARKS = re.compile(r"\"(?:[^\"\\]|\\.)*+(?:\"|\\?\Z)|'(?:[^'\\]|\\.)*+(?:'|\\?\Z)|[{}\[\]]", re.S)
_SAID = frozenset({"model", "tokens in", "tokens out", "tenant", "customer", "team", "workflow", "cost"})


def after_prefix(text: str) -> Any:
    """The JSON value behind a log prefix (`2026-09-14T10:00:03Z stdout F {…}`), or None.

    A line that says more than a prefix before it (`tenant=acme usage={…}`) is text. CutError where a
    value behind a prefix does not end: what stands whole within it is no record.
    """
    line = parted(text).text
    for begin in _candidates(line):
        if begin and (_PAIR.search(line, 0, begin) or _says_more(line[:begin])):
            return None
        try:
            value, _ = _scanner.raw_decode(line, begin)
            value = spelled(value, line)
        except (ValueError, RecursionError):
            # `print` and `%s` leave a Python dictionary at the end of the line
            ends = line[begin : begin + 2] == "{'" and line[-1:] == "}" and len(line) < MAX_LITERAL
            value = literal(line[begin:]) if ends else None
        if isinstance(value, dict) and value:
            return value
        if _MEMBER.match(line, begin):
            if (begin or text.lstrip()[:1] != "{") and not _ends(line, begin):
                raise CutError
            return None
    return None


class CutError(Exception):
    """A line ends before the value that began in it."""


def _ends(text: str, at: int) -> bool:
    """Whether the brackets that open here are closed again, brackets in quotes aside."""
    depth = 0
    for mark in _MARKS.finditer(text, at):
        depth += (mark[0] in "{[") - (mark[0] in "}]")
        if depth == 0:
            return True
    return False


def _says_more(before: str) -> bool:
    """Whether a sentence before a value names a model, its tokens or an owner: they belong together."""
    return bool(before.strip()) and not _SAID.isdisjoint(phrases(before))


def _candidates(text: str) -> list[int]:
    first = text.find("{")
    out: list[int] = []
    while first >= 0 and len(out) < 4:
        out.append(first)
        first = text.find("{", first + 1)
    return out
