"""Objects as programs print them: `console.dir` of Node, and `repr` or `str` of Python."""

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

# -- Node ----------------------------------------------------------------------------------------------------
# bare names, single quotes, `undefined`; what Node left out (`[Object]`, `... 3 more items`) is missing

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
_HEAD = re.compile(r"(?P<margin> {0,2})(?:[A-Z]\w* )?\{")
_LITERALS = ("true", "false", "null")


class PrintedObject(NamedTuple):
    """The text of one printed object, its byte offset and 1-based line; `whole` unless it does not end."""

    text: str
    offset: int
    line: int
    whole: bool


def node_objects(data: bytes) -> Iterator[PrintedObject]:
    """The objects in printed output: from a brace alone on its line to the closing one alone on its line.

    Objects of a list are indented, and may have the name of their class before the brace.
    """
    block: list[str] = []
    begin, first, at, margin = 0, 0, 0, ""
    for number, raw in enumerate(data.split(b"\n"), 1):
        line = raw.decode("utf-8", "replace").rstrip()
        head = _HEAD.fullmatch(line) if not block or line == "{" else None
        if head:
            if block:
                yield PrintedObject("", begin, first, whole=False)
            block, begin, first, margin = ["{"], at, number, head["margin"]
        elif block:
            block.append(line)
            if line.removesuffix(",") == margin + "}":
                block[-1] = "}"
                yield PrintedObject("\n".join(block), begin, first, whole=True)
                block = []
        at += len(raw) + 1
    if block:
        yield PrintedObject("", begin, first, whole=False)


def node_value(text: str) -> Any:
    """The value of an object as Node printed it; ValueError where it is none."""
    if len(text) > MAX_OBJECT:
        raise ValueError("an object too long to be a span")
    return decode("".join(_json(text)))


def _json(text: str) -> Iterator[str]:
    """The tokens of a printed object as JSON."""
    parts: list[str] = []  # of one string that was printed over several lines
    for match in _TOKEN.finditer(text):
        kind, word = match.lastgroup, match[0]
        if kind == "open":
            raise ValueError("a text does not end")
        if kind == "string":
            parts.append(word[1:-1])
            continue
        if word == "+":
            continue
        if parts:
            yield _json_string("".join(parts))
            parts = []
        if kind in ("name", "time"):
            yield _json_string(word)
        elif kind == "number":
            yield word.removesuffix("n")
        elif kind == "mark" or word in _LITERALS:
            yield word
        elif kind in ("word", "left") and text[match.end() :][:2].strip()[:1] not in ("{", "["):
            # before a bracket it is the class of what follows
            yield "null"


def _json_string(text: str) -> str:
    return msgspec.json.encode(text).decode()


# -- Python --------------------------------------------------------------------------------------------------

MAX_PYTHON = 200_000  # characters
MAX_NESTING = 40
_PYTHON_OBJECT = re.compile(r"\s*[A-Za-z_][\w.]*(?:\(|=)")
_BROKEN = (SyntaxError, ValueError, MemoryError, RecursionError, tokenize.TokenError)


def python_value(text: str) -> Any:
    """The value of an object by its `repr`, or by the `name=value name=value` of its `str`; else None."""
    if len(text) > MAX_PYTHON or not _PYTHON_OBJECT.match(text):
        return None
    with warnings.catch_warnings():
        # a damaged escape in the data does not concern the user
        warnings.simplefilter("ignore")
        try:
            return spelled(_syntax_value(ast.parse(_as_call(text.strip()), mode="eval").body), text)
        except _BROKEN:
            return None


def _as_call(text: str) -> str:
    """The text as one call: a `str` has spaces between the named values where a call has commas."""
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


def _syntax_value(node: ast.expr, depth: int = 0) -> Any:
    if depth > MAX_NESTING:
        return None
    if isinstance(node, ast.Call):
        return {k.arg: _syntax_value(k.value, depth + 1) for k in node.keywords if k.arg}
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=False)
        return {str(k.value): _syntax_value(v, depth + 1) for k, v in pairs if isinstance(k, ast.Constant)}
    if isinstance(node, (ast.List, ast.Tuple)):
        return [_syntax_value(item, depth + 1) for item in node.elts]
    return node.value if isinstance(node, ast.Constant) else None
