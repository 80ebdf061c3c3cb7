"""JSON pointers (RFC 6901): the value that one names, and the bytes at which its key and its value begin."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from auditor.framing.nested import opened_text
from auditor.printing.surrogates import spelled

LONGEST = 1024 * 1024  # bytes of a text in which values are looked for
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[{}\[\],:]', re.S)
_BEFORE = re.compile(rb'[\s,]*(?:("(?:[^"\\]|\\.)*")\s*:\s*)?')
_STRING = re.compile(rb'"((?:[^"\\]|\\.)*+)(?:"|\\?\Z)', re.S)
_PAIR = rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPE = re.compile(_PAIR + rb"|\\u[0-9a-fA-F]{4}|\\.", re.S)
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_DICT = msgspec.json.Decoder(dict[str, msgspec.Raw])


def value_at(value: Any, pointer: str) -> Any:
    """The value at a JSON pointer, or None; text on the way that is JSON is decoded."""
    for part in parts_of(pointer):
        if isinstance(value, str):
            value = opened_text(value)
        if isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, dict) and part in value:
            value = value[part]
        else:
            return None
    return value


def parts_of(pointer: str) -> list[str]:
    """The keys and indices of a JSON pointer."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


class Text(NamedTuple):
    """A part of an input as its reader sees it, with the input's offset of each byte.

    `at` is None where nothing was decoded: the bytes are those of the input from `begin` on.
    """

    data: bytes
    begin: int
    at: Sequence[int] | None = None

    def offset(self, index: int) -> int:
        """The offset in the input of a byte of this text."""
        if self.at is None:
            return self.begin + index
        return self.at[index] if index < len(self.at) else self.begin

    def unescaped(self, begin: int, end: int, escape: re.Pattern[bytes]) -> Text | None:
        """A part of the text with its escapes undone; None where it is too long or not decodable."""
        if end - begin > LONGEST:
            return None
        out, at, last = bytearray(), list[int](), begin
        for match in (*escape.finditer(self.data, begin, end), None):
            stop = match.start() if match else end
            out += self.data[last:stop]
            at.extend(map(self.offset, range(last, stop)))
            if match:
                value = _unescape(match[0])
                out += value
                at.extend([self.offset(stop)] * len(value))
                last = match.end()
        return Text(bytes(out), self.offset(begin), at)


# the commonest escapes; a quote is doubled in a cell of CSV
_PLAIN = {b'\\"': b'"', b'""': b'"', b"\\\\": b"\\", b"\\/": b"/", b"\\n": b"\n"}


def _unescape(escape: bytes) -> bytes:
    if escape in _PLAIN:
        return _PLAIN[escape]
    try:
        return str(json.loads(b'"' + escape + b'"')).encode("utf-8", "backslashreplace")
    except ValueError:
        return escape


class MemberSpan(NamedTuple):
    """A member of a container: where its key begins (its value in a list), where its value does and ends."""

    key: int
    begin: int
    end: int


class Positions:
    """Byte offsets of the values in one JSON document; each container on the way is read once."""

    def __init__(self, data: bytes | Text) -> None:
        self.text = data if isinstance(data, Text) else Text(data, 0)
        self._members: dict[int, dict[str, MemberSpan]] = {}
        self._inner: dict[int, Positions | None] = {}

    def of(self, pointer: str) -> int:
        """The offset at which the value at a pointer begins, or its nearest known ancestor."""
        positions, member, _ = self.walk(parts_of(pointer))
        return positions.text.offset(member.begin)

    def walk(self, parts: Sequence[str]) -> tuple[Positions, MemberSpan, int]:
        """The member that a path names, or its nearest known ancestor, and how many parts lead to it.

        Text that is JSON is decoded on the way; the positions returned are those of the last such text.
        """
        member = MemberSpan(0, 0, len(self.text.data))
        for count, part in enumerate(parts):
            found = self.members(member).get(part)
            if found is None:
                inner = self.inner(member)
                if inner is None:
                    return self, member, count
                positions, last, more = inner.walk(parts[count:])
                return (positions, last, count + more) if more else (self, member, count)
            member = found
        return self, member, len(parts)

    def members(self, of: MemberSpan) -> dict[str, MemberSpan]:
        """The members of a container, by key or by position."""
        index = _skip_space(self.text.data, of.begin)
        if index not in self._members:
            is_text = self.text.data[index : index + 1] == b'"'
            self._members[index] = {} if is_text else _members(self.text.data, index, of.end)
        return self._members[index]

    def inner(self, of: MemberSpan) -> Positions | None:
        """The positions in a text that is encoded here, as `opened` decodes it."""
        if of.begin not in self._inner:
            text = self.decoded(of)
            self._inner[of.begin] = Positions(text) if text and text.data.lstrip()[:1] in b'{["' else None
        return self._inner[of.begin]

    def decoded(self, of: MemberSpan) -> Text | None:
        """The text of a string without its quotes and escapes; None for any other value."""
        string = _STRING.match(self.text.data, of.begin)
        return string and self.text.unescaped(*string.span(1), _ESCAPE)


def _members(data: bytes, index: int, end: int) -> dict[str, MemberSpan]:
    """The members of the container at `index`, by key or by position."""
    text = memoryview(data)[index:end]
    try:
        is_list = data[index : index + 1] == b"["
        return _by_length(
            data, index + 1, enumerate(_LIST.decode(text)) if is_list else _DICT.decode(text).items()
        )
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _by_tokens(data, index)  # truncated, or followed by something else


def _by_length(data: bytes, at: int, items: Iterable[tuple[object, msgspec.Raw]]) -> dict[str, MemberSpan]:
    """Members by the lengths of their values, which are in this order."""
    out: dict[str, MemberSpan] = {}
    for name, raw in items:
        before = _BEFORE.match(data, at)
        if before is None or (before[1] and _key(before[1]) != name):
            raise msgspec.DecodeError("a duplicate key")
        begin, at = before.end(), before.end() + len(memoryview(raw))
        out[str(name)] = MemberSpan(before.start(1) if before[1] else begin, begin, at)
    return out


def _by_tokens(data: bytes, index: int) -> dict[str, MemberSpan]:
    """Members by every token of a text that may be broken; where a member ends is not known."""
    out: dict[str, MemberSpan] = {}
    depth, is_list, key, at, end = 0, False, "", index, len(data)
    for token in _TOKEN.finditer(data, index):
        mark = token[0]
        if mark in (b"{", b"["):
            if depth == 0:
                is_list = mark == b"["
                if is_list:
                    begin = _skip_space(data, token.end())
                    out["0"] = MemberSpan(begin, begin, end)
            depth += 1
        elif mark in (b"}", b"]"):
            depth -= 1
            if depth <= 0:
                break
        elif depth == 1 and is_list and mark == b",":
            begin = _skip_space(data, token.end())
            out[str(len(out))] = MemberSpan(begin, begin, end)
        elif depth == 1 and not is_list and mark == b":":
            out[key] = MemberSpan(at, _skip_space(data, token.end()), end)
        elif depth == 1 and not is_list and mark[:1] == b'"':
            key, at = _key(mark), token.start()
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
