"""Rows in SQL dumps: `INSERT INTO … VALUES (…), (…)` and `COPY … FROM stdin`, with names for their cells.

A dump has many tables: the rows are those of the first one whose columns show model calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from auditor.catalogue.fields import catalogue

Row = tuple[int, dict[str, str]]
_TABLE = r"""(?:[\w$]+|"[^"\n]+"|`[^`\n]+`|\[[^\]\n]+\])(?:\.(?:[\w$]+|"[^"\n]+"|`[^`\n]+`|\[[^\]\n]+\]))*"""
_INSERT = re.compile(
    rf"(?im)^\s{{0,4}}(?:INSERT|REPLACE)(?:\s+OR\s+\w+|\s+IGNORE)?\s+INTO\s+(?P<table>{_TABLE})\s*"
    r"(?:\((?P<columns>[^()]{1,8000})\)\s*)?(?:OVERRIDING\s+\w+\s+VALUE\s+)?VALUES\s*(?=\()"
)
_COPY = re.compile(
    rf"(?im)^COPY\s+(?P<table>{_TABLE})\s*\((?P<columns>[^()]{{1,8000}})\)\s+FROM\s+stdin[^\n]*;\s*$"
)
_CREATE = re.compile(
    rf"(?ims)^CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(?P<table>{_TABLE})"
    r"[^\S\n]*\([^\S\n]*\n(?P<body>.{0,20000}?)^\)"
)
_CONSTRAINTS = frozenset({"constraint", "primary", "foreign", "unique", "key", "check", "index", "exclude"})
_CELL = re.compile(
    r"""\s*(?P<escape>[eE])?(?:N(?='))?(?:'(?P<text>(?:[^'\\]|''|\\(?s:.))*+)'|(?P<bare>[^\s,()':]+(?:\([^()]*\))?))"""
    r"\s*+(?:::[\w\s\[\]\"]++)?(?P<end>[,)])"
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_ESCAPE = re.compile(r"\\(.)", re.S)
HEAD = 65536


def is_dump(text: str) -> bool:
    """Whether a text begins as statements that fill tables."""
    head = text[:HEAD]
    return _INSERT.search(head) is not None or _COPY.search(head) is not None


def dump_columns(text: str) -> list[str]:
    """The columns of the table whose rows are read; empty where no table shows model calls."""
    return next((names for names, _ in _statements(text)), [])


def dump_rows(text: str) -> list[Row]:
    """(line, cells by column name) of the rows of the first table that shows model calls."""
    out: list[Row] = []
    line, at = 1, 0
    for names, statement in _statements(text):
        rows = _copied(text, statement) if statement.re is _COPY else _inserted(text, statement.end())
        for begin, cells in rows:
            line, at = line + text.count("\n", at, begin), begin
            if len(cells) == len(names):
                out.append((line, dict(zip(names, cells, strict=True))))
    return out


def _statements(text: str) -> Iterator[tuple[list[str], re.Match[str]]]:
    """The statements that fill the first table of calls, with the names of its columns, in their order."""
    declared = {_bare(m["table"]): _declared(m["body"]) for m in _CREATE.finditer(text)}
    chosen = ""
    found = sorted((*_INSERT.finditer(text), *_COPY.finditer(text)), key=lambda m: m.start())
    for statement in found:
        table = _bare(statement["table"])
        listed = statement["columns"]
        names = [_bare(name) for name in listed.split(",")] if listed else declared.get(table, [])
        if (names and table == chosen) or (not chosen and _shows_calls(names)):
            chosen = table
            yield names, statement


def _shows_calls(names: list[str]) -> bool:
    fields = {match.field for name in names if (match := catalogue().lookup(name)) is not None}
    return "model" in fields or {"tokens_input", "tokens_output"} <= fields


def _bare(name: str) -> str:
    return name.strip().rsplit(".", 1)[-1].strip('"`[] ')


def _declared(body: str) -> list[str]:
    """The names of the columns that a CREATE TABLE declares, one a line."""
    lines = [line.strip() for line in body.split("\n")]
    names = [_bare(re.split(r"\s", line, maxsplit=1)[0]) for line in lines if line[:1] not in ("", ")", "-")]
    return [name for name in names if name.lower() not in _CONSTRAINTS]


def _inserted(text: str, at: int) -> Iterator[tuple[int, list[str]]]:
    """(where it begins, cells) of each row in the brackets after VALUES."""
    while at < len(text) and text[at] == "(":
        begin, cells = at, list[str]()
        at += 1
        while cell := _CELL.match(text, at):
            cells.append(_value(cell))
            at = cell.end()
            if cell["end"] == ")":
                break
        else:
            return
        yield begin, cells
        more = re.compile(r"\s*,\s*").match(text, at)
        if more is None:
            return
        at = more.end()


def _value(cell: re.Match[str]) -> str:
    """A cell as text: NULL is empty, and an escape means a character only where the dialect has them."""
    if cell["text"] is None:
        return "" if cell["bare"].upper() == "NULL" else cell["bare"]
    text = cell["text"].replace("''", "'")
    # JSON text in a plain literal has backslashes of its own; MySQL escapes its quotes
    return _unescaped(text) if cell["escape"] or r"\'" in text or r"{\"" in text else text


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda m: _ESCAPES.get(m[1], m[1]), text)


def _copied(text: str, statement: re.Match[str]) -> Iterator[tuple[int, list[str]]]:
    """(where it begins, cells) of the lines of a COPY, up to the one that ends it."""
    at = text.find("\n", statement.end() - 1) + 1
    while 0 < at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        line = text[at:end].rstrip("\r")
        if line == r"\.":
            return
        yield at, ["" if cell == r"\N" else _unescaped(cell) for cell in line.split("\t")]
        at = end + 1
