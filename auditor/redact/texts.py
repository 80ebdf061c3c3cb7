"""JSON redacted in place wherever it stands in a text: as a document, a line, or behind a log prefix.

Nothing outside of a replaced leaf changes: a document keeps its layout, a log line its prefix.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from auditor.redact.leaves import as_json
from auditor.redact.prose import Prose

_BYTES = re.compile(r"""(?<![\w"'\\])(b'(?=[{\[])(?:[^'\\\n]|\\.)*'|b"(?=[{\[])(?:[^"\\\n]|\\.)*")""")
_OPENING = re.compile(r"[{\[]")
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|-?\d[\d.eE+-]*', re.S)
_WRAPPERS = frozenset(
    """stringValue string_value intValue int_value doubleValue double_value boolValue arrayValue array_value
    values kvlistValue kvlist_value bytesValue S N M L""".split()
)
TRIED = 256  # openings that may fail before the rest of a line is taken for prose
READ_AGAIN = 32  # times that a text may be read in vain, before the rest of it is taken for prose
NESTED = 100  # levels of a document that are read
NAMED_BY = ("key", "Key", "name", "Name", "field", "k")
NAMED_VALUES = frozenset("value Value vStr vInt64 v val".split())


SPAN_NAME = "span_name"  # under which the name of a span is looked up
_SPAN = frozenset(("traceid", "spanid", "parentid", "parentspanid", "contexttraceid"))


class Pairs(list[tuple[str, Any]]):
    """A JSON object with its keys in order, doubled ones too."""


class Number(str):
    """A JSON number as it was written."""


class Key(str):
    """A key, or a value that names one."""


_decoder = json.JSONDecoder(object_pairs_hook=Pairs, parse_int=Number, parse_float=Number, strict=False)


class Texts(Prose):
    """Replaces the leaves of JSON, and the values in what stands around it."""

    def document(self, text: str, path: tuple[str, ...] = ()) -> str:
        """Text with JSON anywhere in it, also in Python's bytes; what is none is read as prose."""
        parts = _BYTES.split(text) if "b'" in text or 'b"' in text else [text]
        return "".join(self._bytes(p) if n % 2 else self._records(p, path) for n, p in enumerate(parts))

    def _bytes(self, literal: str) -> str:
        """Python's `b'…'`: a body as botocore logs it."""
        try:
            held = ast.literal_eval(literal).decode()
        except (ValueError, SyntaxError):
            return "b''"
        return repr(self.text(("value",), held).encode())

    def _records(self, text: str, path: tuple[str, ...]) -> str:
        out: list[str] = []
        done = position = failed = spent = 0
        while opening := _OPENING.search(text, position):
            begin = opening.start()
            try:
                value, end = _decoder.raw_decode(text, begin)
            except (ValueError, RecursionError) as error:
                value, end = None, begin + 1
                failed += 1
                spent += getattr(error, "pos", len(text)) - begin
            if isinstance(value, list) and _holds_words(value):
                out += [self.prose(text[done:begin]), self.json(text[begin:end], value, path)]
                done = end
            position = end
            if spent > READ_AGAIN * len(text):
                break
            if failed > TRIED:
                following = text.find("\n", end)
                if following < 0:
                    break
                position, failed = following, 0
        return "".join((*out, self.prose(text[done:])))

    def json(self, text: str, value: Any, path: tuple[str, ...] = ()) -> str:
        """One JSON value in place: its tokens in the order in which they stand."""
        keys = frozenset(_keys(value))
        if keys != self.keys:
            self.keys = keys
            self.memo.clear()
        changes = iter(self._tokens(value, path))
        return _JSON_TOKEN.sub(
            lambda m: m[0] if (new := next(changes, None)) is None else _token(new, m[0]), text
        )

    def _tokens(self, value: Any, path: tuple[str, ...]) -> Iterator[str | None]:
        """What each token becomes, None where it stays."""
        stack: list[tuple[Any, tuple[str, ...]]] = [(value, path)]
        while stack:
            item, here = stack.pop()
            if isinstance(item, Key):
                yield _changed(item, self.key(item))
            elif isinstance(item, Pairs):
                stack += reversed([*_members(item, here)])
            elif isinstance(item, list):
                stack += [(inner, here) for inner in reversed(item)]
            elif isinstance(item, Number):
                yield _changed(item, self.number(here, item))
            elif isinstance(item, str):
                yield _changed(item, self.text(here, item))

    def inner(self, path: tuple[str, ...], text: str) -> str:
        """Records within a value."""
        return self.document(text, path)


def _members(pairs: Pairs, path: tuple[str, ...]) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """The keys and the values of an object, each value with the keys that lead to it."""
    names = dict(pairs)
    naming = naming_of(names)
    for key, value in pairs:
        yield Key(key), path
        if key == naming:
            yield Key(value) if isinstance(value, str) and not isinstance(value, Number) else value, path
        else:
            yield value, path if key in _WRAPPERS else path_of(path, names, naming, key)


def naming_of(held: Mapping[Any, Any]) -> str | None:
    """The key of a small mapping under which the name of its value is: `{"key": …, "value": …}`."""
    if not 2 <= len(held) < 6 or not NAMED_VALUES & held.keys():
        return None
    return next((n for n in NAMED_BY if isinstance(held.get(n), str)), None)


def path_of(path: tuple[str, ...], held: Mapping[Any, Any], naming: str | None, key: str) -> tuple[str, ...]:
    """The keys that lead to a value: the last 100 of them."""
    if naming and key in NAMED_VALUES:
        key = held[naming]
    elif key == "name" and any(re.sub(r"[^a-z]", "", str(k).lower()) in _SPAN for k in held):
        key = SPAN_NAME
    return (*path[-NESTED:], key)


def _keys(value: Any) -> Iterator[str]:
    """Every key in a JSON value."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, Pairs):
            yield from (key for key, _ in item)
            stack.extend(inner for _, inner in item)
        elif isinstance(item, list):
            stack.extend(item)


def _holds_words(value: Any) -> bool:
    """Whether a JSON value has a string in it: brackets in prose have none."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, Pairs):
            return True
        if isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, str) and not isinstance(item, Number):
            return True
    return False


def _changed(old: str, new: str) -> str | None:
    return None if old == new else new


def _token(new: str, token: str) -> str:
    return as_json(new, token) if token[:1] == '"' else new
