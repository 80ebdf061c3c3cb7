"""JSON pointers (RFC 6901): the value that one names, and the byte at which that value begins."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from auditor.framing.nested import opened_text
from auditor.printing.surrogates import spelled

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[{}\[\],:]', re.S)
_BEFORE = re.compile(rb'[\s,]*(?:("(?:[^"\\]|\\.)*")\s*:\s*)?')
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_DICT = msgspec.json.Decoder(dict[str, msgspec.Raw])


def value_at(value: Any, pointer: str) -> Any:
    """The value at a JSON pointer, or None; text on the way that is JSON is decoded."""
    for part in pointer.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, str):
            value = opened_text(value)
        if isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, dict) and part in value:
            value = value[part]
        else:
            return None
    return value


class Positions:
    """Byte offsets of the values in one JSON document; each container on the way is read once."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._members: dict[int, dict[str, tuple[int, int]]] = {}

    def of(self, pointer: str) -> int:
        """The byte offset at which the value at a pointer begins, or its nearest known ancestor."""
        index, end = 0, len(self.data)
        for part in pointer.split("/")[1:]:
            if index not in self._members:
                self._members[index] = _members(self.data, index, end)
            span = self._members[index].get(part.replace("~1", "/").replace("~0", "~"))
            if span is None:
                return index
            index, end = span
        return index


def _members(data: bytes, index: int, end: int) -> dict[str, tuple[int, int]]:
    """Where each member of the container at or after `index` begins and ends, by key or by position."""
    index = _skip_space(data, index)
    text = memoryview(data)[index:end]
    try:
        is_list = data[index : index + 1] == b"["
        return _by_length(
            data, index + 1, enumerate(_LIST.decode(text)) if is_list else _DICT.decode(text).items()
        )
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _by_tokens(data, index)  # truncated, or followed by something else


def _by_length(
    data: bytes, at: int, items: Iterable[tuple[object, msgspec.Raw]]
) -> dict[str, tuple[int, int]]:
    """Spans by the lengths of the members, which are in this order."""
    out: dict[str, tuple[int, int]] = {}
    for name, raw in items:
        before = _BEFORE.match(data, at)
        if before is None or (before[1] and _key(before[1]) != name):
            raise msgspec.DecodeError("a duplicate key")
        begin, at = before.end(), before.end() + len(memoryview(raw))
        out[str(name)] = begin, at
    return out


def _by_tokens(data: bytes, index: int) -> dict[str, tuple[int, int]]:
    """Spans by every token of a text that may be broken; where a member ends is not known."""
    out: dict[str, tuple[int, int]] = {}
    depth, is_list, key, end = 0, False, "", len(data)
    for token in _TOKEN.finditer(data, index):
        mark = token[0]
        if mark in (b"{", b"["):
            if depth == 0:
                is_list = mark == b"["
                if is_list:
                    out["0"] = _skip_space(data, token.end()), end
            depth += 1
        elif mark in (b"}", b"]"):
            depth -= 1
            if depth <= 0:
                break
        elif depth == 1 and is_list and mark == b",":
            out[str(len(out))] = _skip_space(data, token.end()), end
        elif depth == 1 and not is_list and mark == b":":
            out[key] = _skip_space(data, token.end()), end
        elif depth == 1 and not is_list and mark[:1] == b'"':
            key = _key(mark)
    return out


def _key(mark: bytes) -> str:
    try:
        return str(spelled(json.loads(mark), mark))
    except ValueError:
        return mark[1:-1].decode("utf-8", "replace")


def _skip_space(data: bytes, index: int) -> int:
    while index < len(data) and data[index : index + 1].isspace():
        index += 1
    return index
