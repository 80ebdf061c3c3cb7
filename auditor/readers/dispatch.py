"""Records and lines of a source, unwrapped, each handed to the reader that claims it.

A record that no reader claims is read as generic JSON, never dropped.
"""

from __future__ import annotations

from typing import Any

from auditor.errors import AuditError, reason_of
from auditor.evidence.builder import Builder
from auditor.framing.call_words import call_words
from auditor.framing.duplicate_keys import with_duplicates
from auditor.framing.json_values import Piece, pieces
from auditor.framing.key_value import sentence_facts
from auditor.framing.log_lines import PREFIX, Line, StackTraces, split_prefix
from auditor.framing.tables import is_table, rows_of
from auditor.framing.wrappers import unwrapped
from auditor.inputs.source import Source
from auditor.readers.contract import LineReader, Reader, RecordReader
from auditor.readers.registry import fallback, line_readers, prose, record_readers

Claim = tuple[float, bool, str]  # score, whether by the reader of the builder's format, its name
SURE = (1.0, True)  # the highest possible claim
CLAIMED = 0.5  # a score from which a reader claims a record


def shape_of(value: dict[str, Any]) -> tuple[Any, ...]:
    """The shape of a record: its keys, the types of their values, and the keys of mappings within."""
    return tuple(
        [
            (key, tuple(inner))
            if inner.__class__ is dict
            else (key, _list_shape(inner))
            if inner.__class__ is list
            else (key, inner.__class__)
            for key, inner in value.items()
        ]
    )


def _list_shape(items: list[Any]) -> tuple[Any, ...]:
    """The shape of a list, by its first element."""
    first = items[0] if items else None
    return (list, tuple(first) if first.__class__ is dict else first.__class__)


class Dispatcher:
    """Hands each record and each line of one input to its reader, and to that reader's builder."""

    def __init__(self, builder: Builder) -> None:
        self.builder, self.claimants, self.stack = builder, record_readers(), StackTraces()
        self.by_name = {r.name: r for r in self.claimants}
        self.own = self.by_name.get(builder.format.name)
        self.products = [r for r in line_readers() if not r.format.generic]
        self._by_shape: dict[tuple[Any, ...], tuple[Claim, list[RecordReader]]] = {}
        self._last_claim: tuple[Any, RecordReader | None] = (None, None)
        self._line_before = ""  # the last line outside of a stack trace
        self._last_line: tuple[LineReader, ...] = ()  # the reader of the last line, unless generic

    def read(self, source: Source, start: int = 0, end: int | None = None) -> None:
        """Read every record with the reader that claims it most, else with that of the builder's format."""
        builder = self.builder
        if is_table(source.head) and self.own is not None:
            for number, (line, row) in enumerate(rows_of(source.text(), skip=builder.skip)):
                builder.reading.table_row = number
                builder.attempt(line, self.own.take, row, builder, None, None)
            builder.reading.table_row = None
            return
        for piece in pieces(source, builder.skip, start, end, builder.note):
            self.piece(piece)

    def piece(self, piece: Piece) -> None:
        """Read one line of text, or every record of a value; one that its reader fails on is a skip."""
        builder = self.builder
        if isinstance(piece.value, str):
            builder.attempt(piece.line or None, self._line, piece)
            return
        try:
            for inner in unwrapped(piece, self.claim, builder.reading.shapes):
                builder.attempt(piece.line or None, self.record, inner)
        except (AuditError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - the wrapper around the records is malformed
            builder.skip(piece.line or None, reason_of(error))

    def claim(self, value: dict[str, Any]) -> RecordReader | None:
        """The reader that claims a record, or None where only the generic one would read it."""
        if value is self._last_claim[0]:
            return self._last_claim[1]
        try:
            score, _, name = self._best(value)
            claimant = self.by_name[name] if score >= CLAIMED else None
        except Exception:  # noqa: BLE001 - a record that a reader fails on is not of its format
            claimant = None
        self._last_claim = (value, claimant)
        return claimant

    def _best(self, value: dict[str, Any]) -> Claim:
        shape = shape_of(value)
        claims = self._by_shape.get(shape)
        if claims is None:
            claims = self._by_shape[shape] = self._of_shape(value)
        best, by_value = claims
        for reader in by_value:
            best = max(best, (reader.match(value), reader is self.own, reader.name))
        return best

    def _of_shape(self, value: dict[str, Any]) -> tuple[Claim, list[RecordReader]]:
        """The best claim on all records of a shape, and the readers that must see each of them."""
        keys = value.keys()
        by_value = [r for r in self.claimants if "*" in r.by_value or r.by_value & keys]
        names = {r.name for r in by_value}
        fixed = max((r.match(value), r is self.own, r.name) for r in self.claimants if r.name not in names)
        return fixed, by_value if fixed[:2] < SURE else []

    def record(self, piece: Piece) -> None:
        """Read one JSON record with the reader that claims it, else as generic JSON."""
        reader = self.claim(piece.value)
        if reader is None and self._envelope(piece):
            return
        if reader is None:
            reader = fallback()
            if piece.raw:
                value = with_duplicates(piece.raw)
                piece = piece._replace(value=value if isinstance(value, dict) else piece.value)
        reader.take(piece.value, self._builder(reader), piece.offset, piece.pointer)

    def _envelope(self, piece: Piece) -> bool:
        """Read the line of a product's log that is the message of a record; False where it is none."""
        inside = self.builder.reading.shapes.plan(piece.value).line_in(piece.value)
        if inside is None:
            return False
        line = split_prefix(inside[1])
        for reader in self.products:
            record = reader.line(line.text)
            if record is not None:
                pointer = f"{piece.pointer}/{inside[0].replace('.', '/')}"
                self._take(reader, record, line, piece.offset, pointer)
                return True
        return False

    def other_record(self, value: dict[str, Any], offset: int | None, pointer: str | None) -> None:
        """Read one record with the reader of another format."""
        score, name = max((r.match(value), r.name) for r in self.claimants if r is not self.own)
        reader = self.by_name[name] if score >= CLAIMED else fallback()
        reader.take(value, self._builder(reader), offset, pointer)

    def _line(self, piece: Piece) -> None:
        """Read one line of text with the first reader that can parse it; a line of none is a skip."""
        line = split_prefix(piece.value)
        if not line.text.strip():
            line = line._replace(text=piece.value.strip())
        if self.stack.contains(piece.value, line):
            self._trace_line(piece, line)
            return
        self._line_before = piece.value
        for reader in (*self._last_line, *line_readers()):
            record = reader.line(line.text)
            if record is None:
                continue
            if not reader.format.generic:
                # a generic reader is not asked first: the next line may be a product's own
                self._last_line = (reader,)
            self._take(reader, record, line, piece.offset, None)
            return
        self.builder.skip(piece.line, "no record in this line")

    def _trace_line(self, piece: Piece, line: Line) -> None:
        """Put a line of a stack trace: context, but for a model call's error that no line before tells."""
        if self.stack.inside or not _tells_failure(line.text) or _tells_failure(self._line_before):
            self._builder(prose()).row("context", offset=piece.offset)
            return
        record = sentence_facts(line.text)
        if record is not None:
            self._take(prose(), record, line, piece.offset, None)

    def other_line(self, text: str, offset: int | None, pointer: str | None) -> bool:
        """Read a text at the place of a record with the first line reader that parses it; False if none."""
        line = split_prefix(text)
        for reader in line_readers():
            record = reader.line(line.text)
            if record is not None:
                self._take(reader, record, line, offset, pointer)
                return True
        return False

    def _take(
        self, reader: LineReader, record: dict[str, Any], line: Line, offset: int | None, pointer: str | None
    ) -> None:
        if line.fields:
            record[PREFIX] = line.fields
        reader.take(record, self._builder(reader), offset, pointer)

    def _builder(self, reader: Reader) -> Builder:
        return self.builder.for_format(reader.format)


def _tells_failure(text: str) -> bool:
    """Whether a line names a model operation and says that it failed."""
    words = call_words(text)
    return words.operation and words.fails


def finish(builder: Builder) -> None:
    """Finish all builders of an input, after its last record."""
    for each in list(builder.reading.builders.values()):
        each.finish()
