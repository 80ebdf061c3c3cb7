"""The line, column and JSON pointer of an example record, from a second read of its input."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from auditor.errors import AuditError
from auditor.framing.json_values import container_of, decode
from auditor.framing.log_lines import parted
from auditor.inputs.source import Source
from auditor.locate.positions import Positions, value_at
from auditor.printing.surrogates import spelled
from auditor.readers.contract import Reader
from auditor.readers.registry import reader

MAX_SCAN = 16 * 1024 * 1024  # bytes of a document in which positions are looked for
MAX_TABLE = 64 * 1024 * 1024  # bytes
MAX_ROW = 200_000
MAX_TEXT = 64 * 1024  # bytes of one record of text
MAX_DOCUMENTS = 512  # kept in memory
_SCOPES = ("scopeSpans", "scope_spans", "instrumentationLibrarySpans", "instrumentation_library_spans")


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
        if fmt.endswith("-protobuf"):
            return Place(None, None, None, self._message(nth))
        if offset is None:
            return self._table_row(nth) if not self.mixed else Place(None, None, None, None)
        if pointer is None:
            told = self._told(offset, reader(fmt))
            if told is not None:
                return told
        data, value, line, column, positions = self._document(offset)
        if fmt.startswith("otlp"):
            pointer = pointer or span_pointer(value, nth)
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

    def _told(self, offset: int, found: Reader | None) -> Place | None:
        """The place of a record of text, as its reader parses it; None for any other."""
        if found is None or (found.line is None and found.record is None):
            return None
        line, begin = self.source.line_of(offset)
        with self.source.open() as stream:
            if offset:
                stream.read(offset) if self.source.packed else stream.seek(offset)
            data = stream.read(MAX_TEXT) if found.record is not None else stream.readline(MAX_TEXT)
        if found.record is not None:
            return Place(line, offset - begin + 1, None, found.record(data))
        assert found.line is not None
        text = parted(data.decode("utf-8", "replace")).text
        return Place(line, offset - begin + 1, None, found.line(text))

    def _message(self, nth: int) -> Any:
        """A record of a protobuf file, which has no lines, in the shape of JSON."""
        if self._messages is None:
            from auditor.readers.otlp.messages import messages

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


def span_pointer(value: Any, nth: int) -> str | None:
    """The pointer of the nth span of an OTLP document, in the order in which it was read."""
    if not isinstance(value, dict):
        return None
    for outer in ("resourceSpans", "resource_spans"):
        for i, block in enumerate(value.get(outer) or []):
            for middle in _SCOPES:
                for j, group in enumerate(block.get(middle) or []):
                    spans = group.get("spans") or []
                    if nth < len(spans):
                        return f"/{outer}/{i}/{middle}/{j}/spans/{nth}"
                    nth -= len(spans)
    return None
