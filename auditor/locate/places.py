"""The line, column and JSON pointer of an example record, from a second read of its input."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from auditor.errors import AuditError
from auditor.framing.json_values import container_of, decode
from auditor.framing.log_lines import split_prefix
from auditor.inputs.source import Source
from auditor.locate.positions import Positions, value_at
from auditor.printing.surrogates import spelled
from auditor.readers.contract import Messages, Readers
from auditor.readers.registry import readers_of

MAX_SCAN = 16 * 1024 * 1024  # bytes of a document in which positions are looked for
MAX_TABLE = 64 * 1024 * 1024  # bytes
MAX_ROW = 200_000
MAX_TEXT = 64 * 1024  # bytes of one record of text
MAX_DOCUMENTS = 512  # kept in memory


class Place(NamedTuple):
    """Where a record begins (line and column from 1; None in a format without lines), and the record."""

    line: int | None
    column: int | None
    pointer: str | None
    record: Any


class Locator:
    """Finds records of one source; each document is read once."""

    def __init__(self, source: Source, *, mixed: bool = False) -> None:
        self.source, self.mixed = source, mixed
        self.lined = container_of(source.head, source.is_short) == "json-lines"
        self._documents: dict[int, tuple[bytes, Any, int, int, Positions]] = {}
        self._rows: list[tuple[int, dict[str, str]]] | None = None
        self._messages: list[Callable[[], Any]] | None = None

    def place(self, offset: int | None, nth: int, pointer: str | None, fmt: str) -> Place:
        """The place of a record of format `fmt`; all None where it cannot be found.

        `offset` is that of its document (None for tables), `nth` its number in the document or table.
        """
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
            text_place = self._text_place(offset, readers)
            if text_place is not None:
                return text_place
        data, value, line, column, positions = self._document(offset)
        if readers is not None and readers.record is not None and readers.record.pointer is not None:
            pointer = pointer or readers.record.pointer(value, nth)
        record = value_at(value, pointer or "")
        inner = positions.of(pointer) if pointer and len(data) <= MAX_SCAN else 0
        before = data[:inner]
        line += before.count(b"\n")
        last = before.rfind(b"\n")
        column = inner - last if last >= 0 else column + len(before.decode("utf-8", "replace"))
        return Place(line, column, pointer or "", record)

    def _document(self, offset: int) -> tuple[bytes, Any, int, int, Positions]:
        document = self._documents.get(offset)
        if document is None:
            line, begin = self.source.line_of(offset)
            with self.source.open() as stream:
                if offset:
                    stream.read(offset) if self.source.packed else stream.seek(offset)
                data = stream.readline() if self.lined else stream.read()
            document = (data, _value(data), line, offset - begin + 1, Positions(data))
            if len(self._documents) < MAX_DOCUMENTS:
                self._documents[offset] = document
        return document

    def _text_place(self, offset: int, readers: Readers | None) -> Place | None:
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
        text = split_prefix(data.decode("utf-8", "replace")).text
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

    if source.size > MAX_TABLE:
        return []
    return rows_of(source.whole().decode("utf-8", "replace"), MAX_ROW)
