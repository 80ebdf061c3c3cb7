"""One input while it is read: what all of its readers and builders count together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from auditor.catalogue.fields import Catalogue
from auditor.evidence.schema import Part
from auditor.framing.json_values import Piece
from auditor.framing.record_shapes import RecordShapes
from auditor.inputs.source import Source
from auditor.report.schema import Skip

BuilderType = TypeVar("BuilderType")


class AbsoluteOffset(int):
    """An offset in the input, of a record that is kept and put after other parts of it were read."""


class Dispatch(Protocol):
    """Passes records and lines on to the readers of their formats; a record that fails there is a skip."""

    def read(self, source: Source, start: int = 0, end: int | None = None) -> None:
        """Read a source record by record, or the lines that begin in a byte range of it."""

    def piece(self, piece: Piece) -> None:
        """Read one line of text, or every record of a JSON value."""

    def record(self, piece: Piece) -> None:
        """Read one record."""

    def other_record(self, value: dict[str, Any], offset: int | None, pointer: str | None) -> None:
        """Read one record that is not of the builder's own format."""

    def other_line(self, text: str, offset: int | None, pointer: str | None) -> bool:
        """Read one line of text; False where no reader can parse it."""


class Reading(Generic[BuilderType]):
    """One input while it is read: the count of records, skips, notes, and the builder of each format.

    `layer` is the layer that the user set for the whole input; `by_day` keeps the days of a bill apart, to be
    compared with logs; `line_of` returns the line of a byte offset; `dispatch` makes the dispatcher of a
    builder.
    """

    def __init__(
        self,
        input_name: str,
        catalogue: Catalogue,
        *,
        layer: str | None = None,
        by_day: bool = False,
        line_of: Callable[[int], int] | None = None,
        dispatch: Callable[[BuilderType], Dispatch] | None = None,
    ) -> None:
        self.input, self.catalogue, self.layer, self.by_day = input_name, catalogue, layer, by_day
        self.line_of, self.dispatch = line_of, dispatch
        self.records = 0
        self.skips: list[Skip] = []
        self.skipped_total = 0
        self.notes: dict[str, None] = {}
        self.builders: dict[tuple[str, str], BuilderType] = {}
        self.shapes = RecordShapes()
        self.base = 0  # offset in the input of the bytes that the reader is given
        self.base_line = 0
        self.parts: list[Part] = []
        self.table_row: int | None = None  # the row of a table that is being read, among its rows

    def begin(self, offset: int, line: int, size: int, format_name: str | None) -> None:
        """Begin a part of the input: the reader is given its bytes alone."""
        self.base, self.base_line, self.table_row = offset, line, None
        self.parts.append(Part(self.records, offset, line, size, format_name))

    def absolute(self, offset: int | None) -> AbsoluteOffset | None:
        """The offset in the input of a byte of what the reader is given."""
        if offset is None or offset.__class__ is AbsoluteOffset:
            return offset
        return AbsoluteOffset(offset + self.base)
