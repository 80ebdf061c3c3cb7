"""JSON redacted in place anywhere in a text: as a document, a line, or after a log prefix.

Only leaves change: a document keeps its layout, a log line its prefix.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from auditor.redact.leaves import as_json
from auditor.redact.prose import ProseRedactor

_BYTES = re.compile(r"""(?<![\w"'\\])(b'(?=[{\[])(?:[^'\\\n]|\\.)*'|b"(?=[{\[])(?:[^"\\\n]|\\.)*")""")
_OPENING = re.compile(r"[{\[]")
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|-?\d[\d.eE+-]*', re.S)
_WRAPPERS = frozenset(
    """stringValue string_value intValue int_value doubleValue double_value boolValue arrayValue array_value
    values kvlistValue kvlist_value bytesValue S N M L""".split()
)
TRIED = 256  # openings that may fail before the rest of a line counts as prose
READ_AGAIN = 32  # times the text that failed attempts may read before the rest of it counts as prose
NESTED = 100  # levels of a document that are read
NAMED_BY = ("key", "Key", "name", "Name", "field", "k")
NAMED_VALUES = frozenset("value Value vStr vInt64 v val".split())
SPAN_NAME = "span_name"  # key for the name of a span
_SPAN = frozenset(("traceid", "spanid", "parentid", "parentspanid", "contexttraceid"))


class JsonObject(list[tuple[str, Any]]):
    """A JSON object with its keys in order, duplicate ones too."""


class JsonNumber(str):
    """A JSON number as it was written."""


class JsonKey(str):
    """A key, or a value that names one."""


_decoder = json.JSONDecoder(
    object_pairs_hook=JsonObject, parse_int=JsonNumber, parse_float=JsonNumber, strict=False
)


class JsonRedactor(ProseRedactor):
    """Replaces the leaves of JSON, and the values in the text around it."""

    def document(self, text: str, path: tuple[str, ...] = ()) -> str:
        """Text with JSON anywhere in it, also in Python's bytes; the rest is read as prose."""
        parts = _BYTES.split(text) if "b'" in text or 'b"' in text else [text]
        return "".join(self._bytes(p) if n % 2 else self._records(p, path) for n, p in enumerate(parts))

    def _bytes(self, literal: str) -> str:
        """Python's `b'…'`: a body as botocore logs it."""
        try:
            content = ast.literal_eval(literal).decode()
        except (ValueError, SyntaxError):
            return "b''"
        return repr(self.text(("value",), content).encode())

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
        """One JSON value in place, token by token."""
        keys = frozenset(_keys(value))
        if keys != self.keys:
            self.keys = keys
            self.memo.clear()
        changes = iter(self._tokens(value, path))
        return _JSON_TOKEN.sub(
            lambda m: m[0] if (new := next(changes, None)) is None else _token(new, m[0]), text
        )

    def _tokens(self, value: Any, path: tuple[str, ...]) -> Iterator[str | None]:
        """The replacement of each token in order, None where it stays."""
        stack: list[tuple[Any, tuple[str, ...]]] = [(value, path)]
        while stack:
            item, here = stack.pop()
            if isinstance(item, JsonKey):
                yield _changed(item, self.key(item))
            elif isinstance(item, JsonObject):
                stack += reversed([*_members(item, here)])
            elif isinstance(item, list):
                stack += [(inner, here) for inner in reversed(item)]
            elif isinstance(item, JsonNumber):
                yield _changed(item, self.number(here, item))
            elif isinstance(item, str):
                yield _changed(item, self.text(here, item))

    def inner(self, path: tuple[str, ...], text: str) -> str:
        """Records within a value."""
        return self.document(text, path)


def _members(pairs: JsonObject, path: tuple[str, ...]) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """The keys and the values of an object, each with the keys that lead to it."""
    names = dict(pairs)
    name_key = name_key_of(names)
    for key, value in pairs:
        yield JsonKey(key), path
        if key == name_key:
            yield (
                JsonKey(value) if isinstance(value, str) and not isinstance(value, JsonNumber) else value,
                path,
            )
        else:
            yield value, path if key in _WRAPPERS else path_of(path, names, name_key, key)


def name_key_of(mapping: Mapping[Any, Any]) -> str | None:
    """The key of the name in a small mapping of a name and a value: `{"key": …, "value": …}`."""
    if not 2 <= len(mapping) < 6 or not NAMED_VALUES & mapping.keys():
        return None
    return next((n for n in NAMED_BY if isinstance(mapping.get(n), str)), None)


def path_of(
    path: tuple[str, ...], mapping: Mapping[Any, Any], name_key: str | None, key: str
) -> tuple[str, ...]:
    """The keys that lead to a value: the last 100 of them."""
    if name_key and key in NAMED_VALUES:
        key = mapping[name_key]
    elif key == "name" and any(re.sub(r"[^a-z]", "", str(k).lower()) in _SPAN for k in mapping):
        key = SPAN_NAME
    return (*path[-NESTED:], key)


def _keys(value: Any) -> Iterator[str]:
    """Every key in a JSON value."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, JsonObject):
            yield from (key for key, _ in item)
            stack.extend(inner for _, inner in item)
        elif isinstance(item, list):
            stack.extend(item)


def _holds_words(value: Any) -> bool:
    """Whether a JSON value has a string in it: brackets in prose have none."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, JsonObject):
            return True
        if isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, str) and not isinstance(item, JsonNumber):
            return True
    return False


def _changed(old: str, new: str) -> str | None:
    return None if old == new else new


def _token(new: str, token: str) -> str:
    return as_json(new, token) if token[:1] == '"' else new
