"""Invalid JSON repaired: smart quotes, trailing commas, literals of other languages, elisions, truncation.

Only for text that strict JSON refuses; literals are parsed, never evaluated.
"""

from __future__ import annotations

import ast
import re
import warnings
from typing import Any

import jiter
import pyjson5

from auditor.printing.surrogates import spelled

MAX_REPAIR = 4 * 1024 * 1024  # characters: longer text is no paste
MAX_LITERAL = 100_000  # characters of a Python literal
_QUOTES = str.maketrans("“”„‟«»‘’‚‛", '""""""\'\'\'\'')
_CALLS = re.compile(
    r"\b(?:Decimal|UUID|ObjectId|ISODate|NumberLong|NumberDecimal)\(\s*+(['\"]?)([^()'\"]*+)\1\s*+\)"
)
_OPAQUE = re.compile(
    r"\bdatetime\.(?:datetime|date|timedelta)\([^()]*(?:\([^()]*\)[^()]*)*\)|<[A-Za-z][\w.]* [^<>]*>"
)
ELIDED = "…"  # in a record: what somebody left out by hand
_REST = re.compile(r",\s*(?:\.\.\.|…)\s*(?=\})")
_LIST_REST = re.compile(r",\s*(?:\.\.\.|…)\s*(?=\])")
_ELIDED = re.compile(r"(?<=[\[{,:\s])(?:\.\.\.|…)(?=\s*[,\]}\n])")
_UNDEFINED = re.compile(r"(?<=[\[,:])\s*(?:undefined|\[(?:Object|Array|Circular[^\[\]]*)\])(?=\s*[,\]}])")
RECORD_LISTS = ("spans", "Records", "records", "events", "data", "results", "observations", "logRecords")


def repair(text: str) -> tuple[Any, str] | None:
    """The value of invalid JSON and what was wrong with it; None when no repair gives a value."""
    if len(text) > MAX_REPAIR:
        return None
    for change, parse, defect in _REPAIRS:
        text = change(text)
        value = parse(text)
        if isinstance(value, (dict, list)) and value:
            return value, defect
    return None


def close_truncated(data: bytes) -> tuple[Any, int] | None:
    """A truncated document without its last record, and how many records were lost.

    None when no complete record is left.
    """
    if len(data) > 16 * MAX_REPAIR:
        return None
    try:
        value = jiter.from_json(data, partial_mode=True)
    except (ValueError, RecursionError):
        return None
    return (value, 1) if _drop_last(value) else None


def _drop_last(value: Any) -> bool:
    """Remove the last, truncated record of the list of records on the way to the end."""
    chosen: list[Any] | None = None
    named = False
    for _ in range(100):
        if isinstance(value, dict) and value:
            key = next(reversed(value))
            value = value[key]
            if key in RECORD_LISTS and isinstance(value, list) and value:
                chosen, named = value, True
        elif isinstance(value, list) and value:
            if not named and chosen is None and len(value) > 1:
                chosen = value
            value = value[-1]
        else:
            break
    if not chosen:
        return False
    chosen.pop()
    return True


def _without_calls(text: str) -> str:
    return _OPAQUE.sub("None", _CALLS.sub(r"'\2'", text))


def _without_elisions(text: str) -> str:
    # at the end of an object it replaces members, of a list elements, elsewhere a value
    text = _ELIDED.sub(f'"{ELIDED}"', _LIST_REST.sub("", _REST.sub(f', "{ELIDED}": 1', text)))
    return _UNDEFINED.sub(" null", text)


def _unchanged(text: str) -> str:
    return text


def _ascii_quotes(text: str) -> str:
    return text.translate(_QUOTES)


def _parse_json5(text: str) -> Any:
    try:
        return spelled(pyjson5.decode(text, maxdepth=100), text)
    except (pyjson5.Json5Exception, ValueError, RecursionError):
        return None


def python_literal(text: str) -> Any:
    """The value of a Python literal, or None."""
    with warnings.catch_warnings():
        # a damaged escape in the data does not concern the user
        warnings.simplefilter("ignore")
        try:
            return spelled(ast.literal_eval(text), text)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            return None


def _parse_python(text: str) -> Any:
    if len(text) > MAX_LITERAL:
        return None
    value = python_literal(text)
    return None if "Ellipsis" in repr(value) else value


# (change of the text, parser, what was wrong); each change is applied to the text as the one before left it
_REPAIRS = (
    (_unchanged, _parse_json5, "a trailing comma, a comment or a JavaScript literal"),
    (_unchanged, _parse_python, "a Python literal"),
    (_ascii_quotes, _parse_json5, "smart quotes"),
    (_without_calls, _parse_python, "a Python literal"),
    (_without_elisions, _parse_json5, "elided values"),
)
