"""The JSON value at the end of a log line, after what a collector or a logging framework wrote."""

from __future__ import annotations

import json
import re
from typing import Any

from auditor.framing.json_repair import MAX_LITERAL, python_literal
from auditor.framing.log_lines import split_prefix
from auditor.framing.phrases import phrases
from auditor.printing.surrogates import spelled

_scanner = json.JSONDecoder()
_PAIR = re.compile(r"(?<![\w.-])(?=(?:[\w.-]*[.-])?[A-Za-z_])[\w.-]++=\S")
_MEMBER = re.compile(r"\{\s*(?:\"[^\"]{0,128}\"|'[^']{0,128}')\s*:")
# a quote that is not closed extends to the end
_MARKS = re.compile(r"\"(?:[^\"\\]|\\.)*+(?:\"|\\?\Z)|'(?:[^'\\]|\\.)*+(?:'|\\?\Z)|[{}\[\]]", re.S)
_FACTS = frozenset({"model", "tokens in", "tokens out", "tenant", "customer", "team", "workflow", "cost"})


def after_prefix(text: str) -> Any:
    """The JSON value after a log prefix (`2026-09-14T10:00:03Z stdout F {…}`), or None.

    A line with facts before the value (`tenant=acme usage={…}`) is text. TruncatedError where the value does
    not end: the complete values inside it are no records.
    """
    line = split_prefix(text).text
    for begin in _candidates(line):
        if begin and (_PAIR.search(line, 0, begin) or _has_facts(line[:begin])):
            return None
        try:
            value, end = _scanner.raw_decode(line, begin)
            value = spelled(_with_rest(value, line[end:].strip()), line)
        except (ValueError, RecursionError):
            # `print` and `%s` write a Python dictionary at the end of the line
            is_repr = line[begin : begin + 2] == "{'" and line[-1:] == "}" and len(line) < MAX_LITERAL
            value = python_literal(line[begin:]) if is_repr else None
        if isinstance(value, dict) and value:
            return value
        if _MEMBER.match(line, begin):
            if (begin or text.lstrip()[:1] != "{") and not _is_closed(line, begin):
                raise TruncatedError
            return None
    return None


def _with_rest(value: Any, rest: str) -> Any:
    """A record with the members of the one behind it: some loggers write the context and more as two."""
    if not isinstance(value, dict) or rest[:1] != "{" or rest[-1:] != "}":
        return value
    try:
        more = _scanner.decode(rest)
    except (ValueError, RecursionError):
        return value
    return more | value


class TruncatedError(Exception):
    """A line ends before the value that began in it."""


def _is_closed(text: str, at: int) -> bool:
    """Whether the brackets that open here are closed again; brackets in quotes do not count."""
    depth = 0
    for mark in _MARKS.finditer(text, at):
        depth += (mark[0] in "{[") - (mark[0] in "}]")
        if depth == 0:
            return True
    return False


def _has_facts(before: str) -> bool:
    """Whether a sentence before a value names a model, its tokens or an owner: they belong together."""
    return bool(before.strip()) and not _FACTS.isdisjoint(phrases(before))


def _candidates(text: str) -> list[int]:
    """Where a value may begin: at the first four opening braces."""
    first = text.find("{")
    out: list[int] = []
    while first >= 0 and len(out) < 4:
        out.append(first)
        first = text.find("{", first + 1)
    return out
