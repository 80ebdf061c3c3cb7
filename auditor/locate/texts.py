"""Where the keys of a record are in the text of its input: a JSON value, a line of text, a row of a table."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol

from auditor.framing.nested import opened_text
from auditor.framing.yaml_documents import YamlNode
from auditor.locate.leaves import Path, leaves_of, plain_key
from auditor.locate.positions import Positions, Text, parts_of, value_at

MOST_LISTS = 3  # lists in lists
IsWanted = Callable[[str], bool]  # of a key
_NAME = re.compile(rb"""(?<![\w.-])[\\"']{0,9}([A-Za-z][\w.-]{0,99})(?=[\\"']{0,9}\s{0,9}[=:])""")
_QUOTE = re.compile(rb'""')
_NOTHING = re.compile(rb"(?!)")
_WORDS = re.compile(r"[\W_]+|(?<=[a-z0-9])(?=[A-Z])")


class RecordText(Protocol):
    """Finds the keys of one record."""

    def find(self, path: Path, inner: str = "") -> int | None:
        """The offset in the input of the key at a path into the record; None where it is not known.

        `inner` is a key within the text or list at that path.
        """

    def under(self, key: str) -> int | None:
        """The offset of a key with dots, also of a value that is no leaf: in a body, in a list."""

    def around(self, is_wanted: IsWanted) -> int | None:
        """The offset of the only such key in what is around the record: its process, its envelope."""


class JsonText:
    """A record that is a value in a JSON document, which may be encoded in a text of it."""

    def __init__(self, document: Any, positions: Positions, pointer: str) -> None:
        self.document, self.positions, self.pointer = document, positions, pointer

    def find(self, path: Path, inner: str = "") -> int | None:
        """The key by the structure of the document; within text that is no JSON by its name."""
        positions, member, count = self.positions.walk([*parts_of(self.pointer), *path])
        left = len(parts_of(self.pointer)) + len(path) - count
        if not left:
            text = positions.text
            within = Text(text.data[: member.end], text.begin, text.at) if inner else None
            if within is not None and (at := key_in(within, inner, member.begin)) is not None:
                return at
            is_attribute = len(path) > 2 and path[-1] == "key" and path[-2].isdigit()
            return text.offset(member.begin if is_attribute else member.key)
        if left > len(path):
            return None
        encoded = positions.decoded(member)
        found = key_in(encoded, path[-1]) if encoded else None
        return found if found is not None or left == len(path) else positions.text.offset(member.key)

    def under(self, key: str) -> int | None:
        """The key by its names from the record on, through the first elements of lists."""
        path = parts_of(self.pointer)
        for name in plain_key(key).split("."):
            tries = ([*path, *["0"] * depth, name] for depth in range(MOST_LISTS))
            path = next((parts for parts in tries if self.positions.walk(parts)[2] == len(parts)), [])
            if not path:
                return None
        positions, member, _ = self.positions.walk(path)
        return positions.text.offset(member.key)

    def decoded(self) -> Text | None:
        """The text of the record, where it is one."""
        positions, member, count = self.positions.walk(parts_of(self.pointer))
        return positions.decoded(member) if count == len(parts_of(self.pointer)) else None

    def around(self, is_wanted: IsWanted) -> int | None:
        """The key in the nearest object around the record that has it, other records left out."""
        parts = parts_of(self.pointer)
        for depth in range(len(parts) - 1, -1, -1):
            outer = "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in parts[:depth])
            value = value_at(self.document, outer)
            value = opened_text(value) if isinstance(value, str) else value
            if not isinstance(value, dict):
                continue
            leaves = leaves_of({k: v for k, v in value.items() if k != parts[depth]})
            paths = [leaf.path for leaf in leaves if is_wanted(leaf.key)]
            if len(paths) == 1:
                return JsonText(self.document, self.positions, outer).find(paths[0])
            if paths:
                return None
        return None


class YamlText:
    """A record that is a value in a YAML document."""

    def __init__(self, data: bytes, begin: int, pointer: str) -> None:
        self.text, self.begin = data.decode("utf-8", "replace"), begin
        self.node, self.pointer = YamlNode(self.text), pointer

    @property
    def offset(self) -> int:
        """The offset in the input at which the record begins."""
        place = self.node.place(parts_of(self.pointer))
        return self._offset(place[1] if place else 0)

    def find(self, path: Path, _inner: str = "") -> int | None:
        """The key by the structure of the document."""
        place = self.node.place([*parts_of(self.pointer), *path])
        return self._offset(place[0]) if place else None

    def under(self, key: str) -> int | None:
        """The key by its names from the record on."""
        return self.find(tuple(plain_key(key).split(".")))

    def around(self, _: IsWanted) -> int | None:
        """What is around a record of YAML is not looked through."""

    def _offset(self, index: int) -> int:
        return self.begin + len(self.text[:index].encode())


class LineText:
    """A record that is a line of text, or the text in a field of an envelope."""

    def __init__(self, text: Text) -> None:
        self.text = text

    def find(self, path: Path, inner: str = "") -> int | None:
        """The key by its name, else without the places that its reader put before it."""
        at = key_at(self.text, path[-1])
        within = key_at(self.text, inner, at) if inner and at is not None else None
        return at if at is None else self.text.offset(at if within is None else within)

    def under(self, key: str) -> int | None:
        """The key by its name, in the first line."""
        return key_in(self.text._replace(data=self.text.data.partition(b"\n")[0]), plain_key(key))

    def around(self, is_wanted: IsWanted) -> int | None:
        """The only such key before `=` or `:` in the first line."""
        return only(self.text._replace(data=self.text.data.partition(b"\n")[0]), is_wanted)


class RowText:
    """A row of a table: where each of its cells begins and ends, by the name of its column."""

    def __init__(self, text: Text, cells: dict[str, tuple[int, int]]) -> None:
        self.text, self.cells = text, cells

    def find(self, path: Path, inner: str = "") -> int | None:
        """The cell of a column; within a cell that is JSON the key in it."""
        if path[0] not in self.cells:
            return None
        begin, end = self.cells[path[0]]
        if len(path) > 1 or inner:
            quoted = self.text.data[begin : begin + 1] == b'"' and self.text.data[end - 1 : end] == b'"'
            span = (begin + 1, end - 1) if quoted else (begin, end)
            cell = self.text.unescaped(*span, _QUOTE if quoted else _NOTHING)
            if cell is not None:
                positions, member, count = Positions(cell).walk(path[1:])
                if count == len(path) - 1 and not inner:
                    return positions.text.offset(member.key)
                found = key_in(cell, inner or path[-1])
                if found is not None:
                    return found
        return self.text.offset(begin)

    def under(self, key: str) -> int | None:
        """The cell of a column."""
        return self.find((plain_key(key),))

    def around(self, is_wanted: IsWanted) -> int | None:
        """The only such key within the cells: other rows are other records."""
        return only(self.text, is_wanted)


def only(text: Text, is_wanted: IsWanted) -> int | None:
    """The offset of the only key of a text that is wanted."""
    found = [m.start() for m in _NAME.finditer(text.data) if is_wanted(m[1].decode("utf-8", "replace"))]
    return text.offset(found[0]) if len(found) == 1 else None


def key_in(text: Text, key: str, begin: int = 0) -> int | None:
    """The offset in the input of a key in a text, from a byte of it on."""
    at = key_at(text, key, begin)
    return at if at is None else text.offset(at)


def key_at(text: Text, key: str, begin: int = 0) -> int | None:
    """Where a key begins in a text, with its quote: before `=` or `:`; a phrase where its words are said."""
    is_phrase = key.startswith("text.")
    names = [key.removeprefix("text.")]
    while "." in names[-1]:
        names.append(names[-1].partition(".")[2])
    for name in filter(None, names):
        escaped = re.escape(name.encode("utf-8", "replace"))
        pattern = rb"(?i)(?<![\w.-])(\\*[\"'])?(?<![\w.-])" + escaped + rb"(?=\\*[\"']?\s*(?:=|:))"
        match = re.compile(pattern).search(text.data, begin)
        if match:
            return match.start()
    words = [re.escape(word.encode()) for word in _WORDS.split(names[-1]) if word] if is_phrase else []
    said = re.search(rb"(?i)\b" + rb"[\s_.-]*".join(words) + rb"\b", text.data) if words else None
    return said.start() if said else None
