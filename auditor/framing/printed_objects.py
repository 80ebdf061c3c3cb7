"""Objects as Node prints them (`console.dir`), turned into JSON text: bare names, single quotes, undefined.

What Node left out (`[Object]`, `... 3 more items`) is left out here; nothing is ever evaluated.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec

from auditor.framing.json_values import decode
from auditor.printing.surrogates import spelled

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


MAX_TEXT = 200_000
MAX_NESTING = 40
_OBJECT = re.compile(r"\s*[A-Za-z_][\w.]*(?:\(|=)")
_BROKEN = (SyntaxError, ValueError, MemoryError, RecursionError, tokenize.TokenError)


def object_of(text: str) -> Any:
    """What the text of an object says: its `repr`, or the bare `name=value name=value` of its `str`."""
    if len(text) > MAX_TEXT or not _OBJECT.match(text):
        return None
    with warnings.catch_warnings():
        # a damaged escape in the data is no news to the user
        warnings.simplefilter("ignore")
        try:
            return spelled(_value(ast.parse(_called(text.strip()), mode="eval").body), text)
        except _BROKEN:
            return None


def _called(text: str) -> str:
    """The text as one call: between the named values of a `str` stand blanks where a call has commas."""
    depth, starts = 0, []
    tokens = [t for t in tokenize.generate_tokens(io.StringIO(text).readline) if t.string.strip()]
    for token, after in pairwise(tokens):
        if token.type == tokenize.OP:
            depth += (token.string in "([{") - (token.string in ")]}")
        elif depth == 0 and token.type == tokenize.NAME and after.string == "=":
            starts.append(token.start)
    if not starts or starts[0] != (1, 0) or any(line != 1 for line, _ in starts):
        return text
    columns = [column for _, column in starts] + [len(text)]
    parts = [text[a:b].strip(" ,") for a, b in pairwise(columns)]
    return f"_({', '.join(parts)})"


def _value(node: ast.expr, depth: int = 0) -> Any:
    if depth > MAX_NESTING:
        return None
    if isinstance(node, ast.Call):
        return {k.arg: _value(k.value, depth + 1) for k in node.keywords if k.arg}
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=False)
        return {str(k.value): _value(v, depth + 1) for k, v in pairs if isinstance(k, ast.Constant)}
    if isinstance(node, (ast.List, ast.Tuple)):
        return [_value(item, depth + 1) for item in node.elts]
    return node.value if isinstance(node, ast.Constant) else None
