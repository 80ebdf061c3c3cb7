"""The line, column and JSON pointer of an example record, from a second read of its input."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from auditor.errors import AuditError
from auditor.evidence.schema import Part
from auditor.framing.json_values import container_of, decode
from auditor.framing.log_lines import split_prefix
from auditor.framing.nested import opened_text
from auditor.framing.table_cells import TableCells
from auditor.framing.tables import Row, rows_of
from auditor.framing.yaml_documents import is_yaml
from auditor.inputs.source import Input, Source
from auditor.locate.positions import Positions, Text, value_at
from auditor.locate.texts import JsonText, LineText, RecordText, RowText, YamlText
from auditor.printing.surrogates import spelled
from auditor.readers.contract import Messages, Readers
from auditor.readers.registry import readers_of

MAX_SCAN = 16 * 1024 * 1024  # bytes of a document in which positions are looked for
MAX_TABLE = 64 * 1024 * 1024  # bytes
MAX_ROW = 200_000
MAX_TEXT = 64 * 1024  # bytes of one record of text
MAX_DOCUMENTS = 512  # kept in memory


class Place(NamedTuple):
    """Where a record begins (line and column from 1; None in a format without lines), and the record.

    `text` finds its keys, `place_of` returns the line and column of an offset that it found.
    """

    line: int | None
    column: int | None
    pointer: str | None
    record: Any
    text: RecordText | None = None
    place_of: Callable[[int], tuple[int, int]] | None = None


NOWHERE = Place(None, None, None, None)


class LocatedDocument(NamedTuple):
    """The bytes from an offset on, the JSON value in them, and where the value's parts are."""

    data: bytes
    value: Any
    positions: Positions


class Locator:
    """Finds records of one source; each document is read once.

    Each of the `parts` of an input of several artefacts is read as a source of its own, as its reader did.
    """

    def __init__(self, source: Source, read_as: str = "", parts: Sequence[Part] = ()) -> None:
        self.source, self.read_as, self.parts = source, read_as, parts
        self.container = container_of(source.head, source.is_short)
        self.is_yaml = self.container == "text" and is_yaml(source.head)
        self._documents: dict[int, LocatedDocument] = {}
        self._rows: list[Row] = []
        self._messages: list[Callable[[], Any]] | None = None
        self._inner: dict[int, Locator] = {}

    def place(self, record: int, offset: int | None, nth: int, pointer: str | None, fmt: str) -> Place:
        """The place of a record, by its number, of format `fmt`; all None where it cannot be found.

        `offset` is that of its document (None for tables), `nth` its number in the document or table.
        """
        try:
            if self.parts:
                return self._in_part(record, offset, nth, pointer, fmt)
            return self._place(offset, nth, pointer, fmt)
        except (AuditError, OSError, MemoryError):
            raise
        except Exception:  # noqa: BLE001 - a report without an excerpt beats none
            return NOWHERE

    def _in_part(self, record: int, offset: int | None, nth: int, pointer: str | None, fmt: str) -> Place:
        """The place of a record in the artefact that it is of."""
        starts = [part.record if offset is None else part.offset for part in self.parts]
        number = bisect_right(starts, record if offset is None else offset) - 1
        part = self.parts[number]
        if number not in self._inner:
            data = self.source.whole()[part.offset : part.offset + part.size]
            self._inner[number] = Locator(Source(Input(name=self.source.name, data=data)), part.format or "")
        place = self._inner[number]._place(offset and offset - part.offset, nth, pointer, fmt)
        if place.line is None or place.place_of is None:
            return place
        return place._replace(line=place.line + part.line, place_of=_shifted(place.place_of, part.line))

    def _place(self, offset: int | None, nth: int, pointer: str | None, fmt: str) -> Place:
        readers = readers_of(fmt)
        messages = readers.source.messages if readers and readers.source else None
        if messages is not None:
            return Place(None, None, None, self._message(messages, nth))
        if offset is None:
            return self._table_row(nth)
        if pointer is None:
            text_place = self._text_place(offset, readers)
            if text_place is not None:
                return text_place
        if self.is_yaml:
            yaml = YamlText(self._read(offset, lined=False), offset, pointer or "")
            record = value_at(yaml.node.value, pointer or "")
            return self._at(yaml.offset, pointer or "", record, yaml)
        document = self._document(offset)
        if readers is not None and readers.record is not None and readers.record.pointer is not None:
            pointer = pointer or readers.record.pointer(document.value, nth)
        pointer = pointer or ""
        begin = document.positions.of(pointer) if pointer and len(document.data) <= MAX_SCAN else offset
        record = value_at(document.value, pointer)
        outer = JsonText(document.value, document.positions, pointer)
        record, text = self._of_text(record, outer, readers) if isinstance(record, str) else (record, outer)
        return self._at(begin, pointer, record, text if len(document.data) <= MAX_SCAN else None)

    def _at(self, begin: int, pointer: str | None, record: Any, text: RecordText | None) -> Place:
        return Place(*self.source.place_of(begin), pointer, record, text, self.source.place_of)

    def _of_text(self, text: str, outer: JsonText, readers: Readers | None) -> tuple[Any, RecordText]:
        """A record that is a text in an envelope: JSON, or a line that its reader parses."""
        record = opened_text(text)
        if isinstance(record, dict):
            return record, outer
        record = readers.line.line(split_prefix(text).text) if readers and readers.line else None
        return record, LineText(outer.decoded() or Text(b"", 0))

    def _document(self, offset: int) -> LocatedDocument:
        document = self._documents.get(offset)
        if document is None:
            data = self._read(offset, lined=self.container in ("json-lines", "text"))
            value, begin = _value(data)
            if value is None and self.container == "text":  # a value of several lines among lines of text
                data = self._read(offset, lined=False, most=MAX_SCAN)
                value, begin = _value(data)
            document = LocatedDocument(data, value, Positions(Text(data[begin:], offset + begin)))
            if len(self._documents) < MAX_DOCUMENTS:
                self._documents[offset] = document
        return document

    def _read(self, offset: int, *, lined: bool, most: int = -1) -> bytes:
        """The line that begins at an offset, or all from there on."""
        with self.source.open() as stream:
            if offset:
                stream.read(offset) if self.source.packed else stream.seek(offset)
            return stream.readline(most) if lined else stream.read(most)

    def _text_place(self, offset: int, readers: Readers | None) -> Place | None:
        """The place of a record of text, as its reader parses it; None for any other."""
        if readers is None:
            return None
        shown = next((r.shown for r in (readers.source, readers.line) if r and r.shown), None)
        if readers.line is None and shown is None:
            return None
        data = self._read(offset, lined=shown is None, most=MAX_TEXT)
        if shown is not None:
            return self._at(offset, None, shown(data), LineText(Text(data, offset)))
        assert readers.line is not None
        record = readers.line.line(split_prefix(data.decode("utf-8", "replace")).text)
        return self._at(offset, None, record, LineText(Text(data, offset)))

    def _message(self, messages: Messages, nth: int) -> Any:
        """A record of a protobuf file, which has no lines, in the shape of JSON."""
        if self._messages is None:
            self._messages = messages(self.source) if self.source.size <= MAX_SCAN else []
        return self._messages[nth]() if nth < len(self._messages) else None

    def _table_row(self, nth: int) -> Place:
        while len(self._rows) <= nth < MAX_ROW and (row := next(self._more_rows, None)) is not None:
            self._rows.append(row)
        if nth >= len(self._rows):
            return NOWHERE
        line, record = self._rows[nth]
        text, cells, begins, offsets = self._table
        start, spans = cells.of(nth, begins[line - 1], list(record))
        in_bytes = len if text.isascii() else _utf8_length
        base = offsets[line - 1] + in_bytes(text[begins[line - 1] : start])
        data = text[start : max([start, *(end for _, end in spans.values())])].encode()
        within = {
            name: (in_bytes(text[start:begin]), in_bytes(text[start:end]))
            for name, (begin, end) in spans.items()
        }
        return self._at(base, None, record, RowText(Text(data, base), within))

    @cached_property
    def _table(self) -> tuple[str, TableCells, list[int], list[int]]:
        """The text of a table, its cells, and where each of its lines begins, in characters and in bytes."""
        data, text = self.source.whole(), self.source.text()
        begins = [0, *(match.end() for match in re.finditer("\n", text))]
        offsets = begins if len(data) == len(text) else [0, *(m.end() for m in re.finditer(b"\n", data))]
        return text, TableCells(text), begins, offsets

    @cached_property
    def _more_rows(self) -> Iterator[Row]:
        if self.source.head[:4] == b"PAR1" or self.source.size > MAX_TABLE:
            return iter(())
        readers = readers_of(self.read_as)
        rows = readers.source.rows if readers and readers.source else None
        return iter(rows(self.source) if rows else rows_of(self.source.text(), MAX_ROW))


def _utf8_length(text: str) -> int:
    return len(text.encode())


def _shifted(place_of: Callable[[int], tuple[int, int]], lines: int) -> Callable[[int], tuple[int, int]]:
    """The places of a part of an input, as places of the input."""

    def place(offset: int) -> tuple[int, int]:
        line, column = place_of(offset)
        return line + lines, column

    return place


def _value(data: bytes) -> tuple[Any, int]:
    """The JSON value in some bytes, and where it begins: behind a prefix, or before something else."""
    try:
        return decode(data), 0
    except ValueError:
        text = data.decode("utf-8", "replace")
    for begin in _openings(text):
        try:
            value = spelled(json.JSONDecoder().raw_decode(text, begin)[0], text)
        except (ValueError, RecursionError):
            continue
        if value:
            return value, len(text[:begin].encode())
    return None, 0


def _openings(text: str) -> Iterator[int]:
    """Where a value may begin: at the beginning, else at the first braces."""
    begin = len(text) - len(text.lstrip())
    if text[begin : begin + 1] == "[":
        yield begin
    for _ in range(4):
        begin = text.find("{", begin)
        if begin < 0:
            return
        yield begin
        begin += 1
