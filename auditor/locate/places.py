"""Turns example records into line, column, JSON pointer and masked excerpt: the only second look at bytes.

It never decides which records are examples, and returns null where a format has no lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, NamedTuple

import msgspec

from auditor.errors import AuditError
from auditor.framing.json_values import container_of, decode
from auditor.framing.log_lines import parted
from auditor.framing.nested import is_body, opened_text
from auditor.inputs.source import Source
from auditor.printing.surrogates import spelled
from auditor.printing.text import clean_text
from auditor.readers.contract import Messages, Readers
from auditor.readers.registry import readers_of
from auditor.report.mask import Leaf, Masker, is_identity, is_plain, name_in

WIDTH = 150
MAX_SCAN = 16 * 1024 * 1024
MAX_ROW = 200_000
MAX_TEXT = 64 * 1024  # bytes of one record of text
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[{}\[\],:]', re.S)
_BEFORE = re.compile(rb'[\s,]*(?:("(?:[^"\\]|\\.)*")\s*:\s*)?')
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_DICT = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Place(NamedTuple):
    """Where a record begins (1-based, null where there are no lines) and what it says."""

    line: int | None
    column: int | None
    pointer: str | None
    record: Any


class Locator:
    """Finds records of one source; documents are read once."""

    def __init__(self, source: Source, *, mixed: bool = False) -> None:
        self.source, self.mixed = source, mixed
        self.lined = container_of(source.head, source.is_short) == "json-lines"
        self._documents: dict[int, tuple[bytes, Any, int, int, Positions]] = {}
        self._rows: list[tuple[int, dict[str, str]]] | None = None
        self._messages: list[Callable[[], Any]] | None = None

    def place(self, offset: int | None, nth: int, pointer: str | None, fmt: str) -> Place:
        """The place of a record; `offset` is its document's, null for tables. An odd record has none."""
        try:
            return self._place(offset, nth, pointer, fmt)
        except (AuditError, OSError, MemoryError):
            raise
        except Exception:  # noqa: BLE001 - a report without an excerpt beats none
            return Place(None, None, None, None)

    def _place(self, offset: int | None, nth: int, pointer: str | None, fmt: str) -> Place:
        readers = readers_of(fmt)
        messages = readers.source.messages if readers and readers.source else None
        if messages is not None:
            return Place(None, None, None, self._message(messages, nth))
        if offset is None:
            return self._table_row(nth) if not self.mixed else Place(None, None, None, None)
        if pointer is None:
            told = self._told(offset, readers)
            if told is not None:
                return told
        data, value, line, column, positions = self._document(offset)
        if readers is not None and readers.record is not None and readers.record.pointer is not None:
            pointer = pointer or readers.record.pointer(value, nth)
        record = at(value, pointer or "")
        inner = positions.of(pointer) if pointer and len(data) <= MAX_SCAN else 0
        before = data[:inner]
        line += before.count(b"\n")
        last = before.rfind(b"\n")
        column = inner - last if last >= 0 else column + len(before.decode("utf-8", "replace"))
        return Place(line, column, pointer or "", record)

    def _document(self, offset: int) -> tuple[bytes, Any, int, int, Positions]:
        held = self._documents.get(offset)
        if held is None:
            line, begin = self.source.line_of(offset)
            with self.source.open() as stream:
                if offset:
                    stream.read(offset) if self.source.packed else stream.seek(offset)
                data = stream.readline() if self.lined else stream.read()
            held = (data, _value(data), line, offset - begin + 1, Positions(data))
            if len(self._documents) < 512:
                self._documents[offset] = held
        return held

    def _told(self, offset: int, readers: Readers | None) -> Place | None:
        """The place of a record of text, as its reader parses it; None for any other."""
        if readers is None:
            return None
        shown = next((r.shown for r in (readers.source, readers.line) if r and r.shown), None)
        if readers.line is None and shown is None:
            return None
        line, begin = self.source.line_of(offset)
        with self.source.open() as stream:
            if offset:
                stream.read(offset) if self.source.packed else stream.seek(offset)
            data = stream.read(MAX_TEXT) if shown is not None else stream.readline(MAX_TEXT)
        if shown is not None:
            return Place(line, offset - begin + 1, None, shown(data))
        assert readers.line is not None
        text = parted(data.decode("utf-8", "replace")).text
        return Place(line, offset - begin + 1, None, readers.line.line(text))

    def _message(self, messages: Messages, nth: int) -> Any:
        """A record of a protobuf file, which has no lines, in the shape of JSON."""
        if self._messages is None:
            self._messages = messages(self.source) if self.source.size <= MAX_SCAN else []
        return self._messages[nth]() if nth < len(self._messages) else None

    def _table_row(self, nth: int) -> Place:
        if self._rows is None:
            self._rows = list(_table_rows(self.source)) if self.source.head[:4] != b"PAR1" else []
        if nth < len(self._rows):
            line, record = self._rows[nth]
            return Place(line, 1, None, record)
        return Place(None, None, None, None)


def _value(data: bytes) -> Any:
    try:
        return decode(data)
    except ValueError:
        text = data.decode("utf-8", "replace")
        begin = text.find("{")
        try:
            return spelled(json.JSONDecoder().raw_decode(text, max(begin, 0))[0], text)
        except (ValueError, RecursionError):
            return None


def _table_rows(source: Source) -> list[tuple[int, dict[str, str]]]:
    from auditor.framing.tables import rows_of

    if source.size > 64 * 1024 * 1024:
        return []
    return rows_of(source.whole().decode("utf-8", "replace"), MAX_ROW)


def at(value: Any, pointer: str) -> Any:
    """The value at a JSON pointer (RFC 6901), or None; text that is JSON is opened on the way (`→`)."""
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
    """Byte offsets of the values in one JSON document; each container on the way is looked through once."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._members: dict[int, dict[str, tuple[int, int]]] = {}

    def of(self, pointer: str) -> int:
        """Where the value at a pointer begins, or its nearest known ancestor."""
        index, end = 0, len(self.data)
        for part in pointer.split("/")[1:]:
            if index not in self._members:
                self._members[index] = members(self.data, index, end)
            found = self._members[index].get(part.replace("~1", "/").replace("~0", "~"))
            if found is None:
                return index
            index, end = found
        return index


def members(data: bytes, index: int, end: int) -> dict[str, tuple[int, int]]:
    """Where each member of the container at or after `index` begins and ends, by key or by position."""
    index = _skip_space(data, index)
    text = memoryview(data)[index:end]
    try:
        listed = data[index : index + 1] == b"["
        return _measured(
            data, index + 1, enumerate(_LIST.decode(text)) if listed else _DICT.decode(text).items()
        )
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _scanned(data, index)  # cut off, or followed by something else


def _measured(data: bytes, at: int, held: Iterable[tuple[object, msgspec.Raw]]) -> dict[str, tuple[int, int]]:
    """Places by the lengths of the members, which stand in this order."""
    out: dict[str, tuple[int, int]] = {}
    for name, raw in held:
        before = _BEFORE.match(data, at)
        if before is None or (before[1] and _key(before[1]) != name):
            raise msgspec.DecodeError("a name stands twice")
        begin, at = before.end(), before.end() + len(memoryview(raw))
        out[str(name)] = begin, at
    return out


def _scanned(data: bytes, index: int) -> dict[str, tuple[int, int]]:
    """Places by every mark of a text that may be broken; where a member ends is not known."""
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


def identities(record: Any) -> frozenset[str]:
    """The values of identity fields in a record: what must not be read anywhere else in it either."""
    leaves = _leaves(record) if isinstance(record, dict) else ()
    return frozenset(
        str(v)
        for k, _, v in leaves
        if isinstance(v, (str, int)) and is_identity(k) and len(str(v)) > 1 and not is_plain(str(v))
    )


def excerpt(
    record: Any, keys: list[str], means: Callable[[str], bool], masker: Masker, fmt: str = ""
) -> tuple[str, tuple[int, int]] | None:
    """One masked line of a record and the span to mark: the found key, else where the value was wanted.

    `keys` are those the rule looked at, `means` tells whether a key stands for the rule's field.
    """
    if not isinstance(record, dict):
        return None
    try:
        return _excerpt(record, keys, means, masker, fmt)
    except Exception:  # noqa: BLE001 - a report without an excerpt beats none
        return None


def _excerpt(
    record: dict[str, Any], keys: list[str], means: Callable[[str], bool], masker: Masker, fmt: str
) -> tuple[str, tuple[int, int]] | None:
    somebody = identities(record)
    leaves = _leaves(record, somebody)
    if not leaves:
        return None
    own = {re.split(r"\[[\"']", k)[0] for k in keys} | {re.split(r"→", k)[-1] for k in keys}
    named = (
        i for i, leaf in enumerate(leaves) if leaf.key in own or any(leaf.key.endswith(f"→{o}") for o in own)
    )
    same = (i for i, leaf in enumerate(leaves) if not keys and means(leaf.key))
    model = (i for i, leaf in enumerate(leaves) if "model" in leaf.key.lower())
    marked = next(chain(named, same, model), 0)
    shown = []
    for key, name, value in leaves:
        name = clean_text(key) if masker.show else name
        shown.append(f'"{name}": {masker.value(key, value, fmt=fmt, identities=somebody)}')
    return _line(shown, marked)


def _leaves(
    record: dict[str, Any], somebody: frozenset[str] = frozenset(), *, inside: str = ""
) -> list[Leaf]:
    """The record's leaves; OTLP attribute lists read as mappings, bodies left out.

    `inside` is the name of the map that the record stands in, if any.
    """
    out: list[Leaf] = []
    for name, value in record.items():
        if is_body(name, value):
            continue
        shown = name_in(name, top=not inside or _is_attribute(inside, name), identity=somebody.__contains__)
        if name == "attributes" and isinstance(value, list):
            out.extend(_attributes(value, somebody))
        elif isinstance(value, dict):
            out.extend(_under(name, shown, ".", _leaves(value, somebody, inside=name)))
        elif isinstance(value, str) and value[:1] == "{" and isinstance(opened_text(value), dict):
            out.extend(_under(name, shown, "→", _leaves(opened_text(value), somebody, inside=name)))
        else:
            out.append(Leaf(name, shown, value))
    return out[:400]


def _is_attribute(inside: str, name: str) -> bool:
    """Whether a name in a map is that of an attribute, dots and all, and no name of somebody's."""
    return "." in name and inside.lower() in ("attributes", "tags", "meta", "resource")


def _under(name: str, shown: str, mark: str, leaves: list[Leaf]) -> Iterable[Leaf]:
    return (Leaf(f"{name}{mark}{leaf.key}", f"{shown}{mark}{leaf.shown}", leaf.value) for leaf in leaves)


def _attributes(pairs: list[Any], somebody: frozenset[str]) -> Iterable[Leaf]:
    """The attributes of an OTLP list, whose names are the schema of whoever wrote them."""
    for item in pairs:
        if isinstance(item, dict) and not is_body(str(item.get("key")), None):
            name = str(item.get("key"))
            shown = name_in(name, top=True, identity=somebody.__contains__)
            yield Leaf(name, shown, _plain(item.get("value")))


def _plain(held: Any) -> Any:
    """The value of an OTLP attribute; whole numbers are text there."""
    if not isinstance(held, dict) or not held:
        return held
    kind, value = next(iter(held.items()))
    return int(value) if kind in ("intValue", "int_value") and str(value).lstrip("-").isdigit() else value


def _line(shown: list[str], marked: int) -> tuple[str, tuple[int, int]]:
    low = high = marked
    used = len(shown[marked])
    while used < WIDTH and (low > 0 or high < len(shown) - 1):
        grew = False
        for step in (-1, 1):
            i = low - 1 if step < 0 else high + 1
            if 0 <= i < len(shown) and used + len(shown[i]) + 2 <= WIDTH and len(shown[i]) < 90:
                used += len(shown[i]) + 2
                low, high = min(low, i), max(high, i)
                grew = True
        if not grew:
            break
    left = "… " if low > 0 else ""
    text = left + ", ".join(shown[low : high + 1]) + (" …" if high < len(shown) - 1 else "")
    start = len(left) + sum(len(s) + 2 for s in shown[low:marked])
    return text, (start, len(shown[marked]))
