"""The evidence table: identity columns, facts, slots, the columns of a batch, and the table of an input."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import polars as pl

from auditor.evidence.formats import Format
from auditor.report.schema import Skip

# identity columns, in addition to the fields: every record may have them
IDENTITY: dict[str, type[pl.DataType]] = {
    "record": pl.Int64,
    "kind": pl.String,
    "format": pl.String,
    "offset": pl.Int64,
    "nth": pl.Int32,
    "pointer": pl.String,
    "span_id": pl.String,
    "parent_id": pl.String,
    "started_at": pl.Int64,
    "ended_at": pl.Int64,
    "process": pl.Int32,
    "name": pl.String,
    "outcome": pl.String,
}
# further columns that every table has, whatever its readers
ALWAYS: dict[str, type[pl.DataType]] = {
    "weight": pl.Int64,
    "service": pl.String,
    "trace_id": pl.String,
    "operation": pl.String,
    "stream": pl.Boolean,
    "provider_name": pl.String,
}
# properties of a record that are not attribution fields; text unless listed here
FACTS: dict[str, type[pl.DataType]] = {
    "weight": pl.Int64,
    "cost_total": pl.Int64,
    "metadata_entries": pl.Int64,
    "metadata_longest_key": pl.Int64,
    "metadata_longest_value": pl.Int64,
    "metadata_bytes": pl.Int64,
    "metadata_keys": pl.String,
    "metadata_invalid": pl.Boolean,
    "metadata_secret": pl.String,
    "metadata_secret_slot": pl.Int32,
    "metadata_personal": pl.String,
    "metadata_personal_slot": pl.Int32,
    "has_principal_column": pl.Boolean,
    "has_tags_column": pl.Boolean,  # whether the bill could show tags of the principal
    "has_tag_columns": pl.Boolean,  # whether it could show any tags
    "principal_tag_keys": pl.Int64,
    "resource_tag_keys": pl.Int64,
    "stream": pl.Boolean,
    "cache_hit": pl.Boolean,
    "attributes_dropped": pl.Boolean,
    "names_operation": pl.Boolean,  # what the words of a message say of a model call
    "announces": pl.Boolean,
    "prepares": pl.Boolean,
    "completes": pl.Boolean,
    "prompt_hash": pl.String,
    "attempt_key": pl.String,  # equal on the attempts of one call, by the format
    "route_key": pl.String,  # one client's requests of one route: they repeat each other after a failure
    "fallbacks": pl.Int64,  # how many other models were tried before this one
    "error_text": pl.String,
    "attempt_ordinal": pl.Int64,
    "takes_metadata": pl.Boolean,
    "profile": pl.String,
    "billed_resource": pl.String,  # the ARN that a line of a bill names
    "wrapper": pl.Boolean,  # a span that is known to go around calls: an agent, a chain, an SDK's outer span
    "usage_of_wrapper": pl.Boolean,  # the usage of the call is set on the span around it
    "capacity": pl.String,  # what a line of a bill sells of a model other than tokens
    "period": pl.String,  # what a total adds up over: hour, day, month
    "requests": pl.Int64,  # how many requests a total adds up
}


class Slot(NamedTuple):
    """One key at one scope, and the field that it is an alias of."""

    field: str
    place: str
    scope: str
    key: str
    rank: int
    free: bool = False  # a key that the caller chose, found by an alias; else a key of the format


class Column:
    """The values of one slot in the current batch: parallel lists of row numbers and raw values."""

    __slots__ = ("rows", "scale", "slot", "slot_id", "values")

    def __init__(self, slot: Slot, slot_id: int, scale: float = 1.0) -> None:
        self.slot, self.slot_id, self.scale = slot, slot_id, scale
        self.rows = array("q")
        self.values: list[Any] = []

    def put(self, row: int, value: Any) -> None:
        """Add the raw value of a row; blanks are marked later."""
        self.rows.append(row)
        self.values.append(value)

    def sort(self) -> None:
        """Put the rows in order again, after a value was added out of order."""
        order = sorted(range(len(self.rows)), key=self.rows.__getitem__)
        self.rows[:] = array("q", [self.rows[i] for i in order])
        self.values[:] = [self.values[i] for i in order]


class Part(NamedTuple):
    """A stretch of an input that was read as one artefact: where it begins, and its first record."""

    record: int
    offset: int  # in bytes
    line: int  # the lines before it
    size: int  # in bytes
    format: str | None  # None for prose


@dataclass
class Table:
    """The records of one input: the frame, the slots its `*_slot` columns point to, and the skips."""

    input: str
    format: str
    layer: str
    frame: pl.DataFrame
    slots: list[Slot]
    skips: list[Skip] = field(default_factory=list)
    skipped_total: int = 0
    bytes: int = 0
    notes: list[str] = field(default_factory=list)
    # by format, the fields that a selected sample can show; without an entry: all that the format carries
    columns_known: dict[str, frozenset[str]] = field(default_factory=dict)
    formats: dict[str, Format] = field(default_factory=dict)  # those of its records, by name
    also: str | None = None  # the format that came close in recognition
    alias: str | None = None  # what the user called the input
    numbers: int = 0  # how many record numbers are taken, those of skipped records included
    look_like_calls: int = 0  # records that name a model or operation and an owner or id, and are no calls
    first_look_alike: int | None = None  # the byte offset of the first of them
    failed: str | None = None  # why its reader failed: what follows was not judged
    read_as: str = ""  # the format that it was read as, which may not be that of its calls
    parts: list[Part] = field(default_factory=list)  # of an input of several artefacts
