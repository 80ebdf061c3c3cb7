"""Objects written as Python text, `AIMessage(content='…', usage_metadata={…})`, read to mappings.

The text is parsed and never run; what is neither a literal nor a call with named arguments becomes None.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from itertools import pairwise
from typing import Any

from auditor.surrogates import spelled

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
