"""Where the keys of a record are in the text of its input: a JSON value, a line of text, a row of a table."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol

from auditor.framing.nested import opened_text
from auditor.locate.leaves import Path, leaves_of
from auditor.locate.positions import Positions, Text, parts_of, value_at

IsWanted = Callable[[str], bool]  # of a key
_NAME = re.compile(rb"""(?<![\w.-])(\\*["'])?([A-Za-z][\w.-]{0,99})(?=\\*["']?\s*[=:])""")
_QUOTE = re.compile(rb'""')
_WORDS = re.compile(r"[\W_]+|(?<=[a-z0-9])(?=[A-Z])")


class RecordText(Protocol):
    """Finds the keys of one record."""

    def find(self, path: Path) -> int | None:
        """The offset in the input of the key at a path into the record; None where it is not known."""

    def around(self, is_wanted: IsWanted) -> int | None:
        """The offset of the only such key in what is around the record: its process, its envelope."""


class JsonText:
    """A record that is a value in a JSON document, which may be encoded in a text of it."""

    def __init__(self, document: Any, positions: Positions, pointer: str) -> None:
        self.document, self.positions, self.pointer = document, positions, pointer

    def find(self, path: Path) -> int | None:
        """The key by the structure of the document; within text that is no JSON by its name."""
        positions, member, count = self.positions.walk([*parts_of(self.pointer), *path])
        left = len(parts_of(self.pointer)) + len(path) - count
        if not left:
            is_attribute = len(path) > 2 and path[-1] == "key" and path[-2].isdigit()
            return positions.text.offset(member.begin if is_attribute else member.key)
        if left > len(path):
            return None
        inner = positions.decoded(member)
        found = key_in(inner, path[-1]) if inner else None
        return found if found is not None or left == len(path) else positions.text.offset(member.key)

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


class LineText:
    """A record that is a line of text, or the text in a field of an envelope."""

    def __init__(self, text: Text) -> None:
        self.text = text

    def find(self, path: Path) -> int | None:
        """The key by its name, else without the places that its reader put before it."""
        return key_in(self.text, path[-1])

    def around(self, is_wanted: IsWanted) -> int | None:
        """A key before `=` or `:` anywhere in the line."""
        line = self.text.data.partition(b"\n")[0]
        named = (m for m in _NAME.finditer(line) if is_wanted(m[2].decode("utf-8", "replace")))
        return next((self.text.offset(m.start()) for m in named), None)


class RowText:
    """A row of a table: where each of its cells begins and ends, by the name of its column."""

    def __init__(self, text: Text, cells: dict[str, tuple[int, int]]) -> None:
        self.text, self.cells = text, cells

    def find(self, path: Path) -> int | None:
        """The cell of a column; within a cell that is JSON the key in it."""
        if path[0] not in self.cells:
            return None
        begin, end = self.cells[path[0]]
        if len(path) > 1:
            quoted = self.text.data[begin : begin + 1] == b'"' and self.text.data[end - 1 : end] == b'"'
            span = (begin + 1, end - 1) if quoted else (begin, end)
            inner = self.text.unescaped(*span, _QUOTE if quoted else re.compile(rb"(?!)"))
            if inner is not None:
                positions, member, count = Positions(inner).walk(path[1:])
                if count == len(path) - 1:
                    return positions.text.offset(member.key)
                found = key_in(inner, path[-1])
                if found is not None:
                    return found
        return self.text.offset(begin)

    def around(self, _: IsWanted) -> int | None:
        """Nothing is around a row: other rows are other records."""


def key_in(text: Text, key: str) -> int | None:
    """Where a key begins in a text, with its quote: before `=` or `:`; a phrase where its words are said."""
    is_phrase = key.startswith("text.")
    names = [key.removeprefix("text.")]
    while "." in names[-1]:
        names.append(names[-1].partition(".")[2])
    for name in filter(None, names):
        escaped = re.escape(name.encode("utf-8", "replace"))
        pattern = rb"(?i)(?<![\w.-])(\\*[\"'])?(?<![\w.-])" + escaped + rb"(?=\\*[\"']?\s*(?:=|:))"
        match = re.search(pattern, text.data)
        if match:
            return text.offset(match.start())
    words = [re.escape(word.encode()) for word in _WORDS.split(names[-1]) if word] if is_phrase else []
    said = re.search(rb"(?i)\b" + rb"[\s_.-]*".join(words) + rb"\b", text.data) if words else None
    return text.offset(said.start()) if said else None
