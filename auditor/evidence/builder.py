"""Builds the evidence table of one input: one row a record, resolved fields as columns, in batches."""

from __future__ import annotations

import gc
import logging
from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any, Concatenate, TypeVar

import polars as pl

from auditor.catalogue.attempts import names_error
from auditor.catalogue.fields import Catalogue, Match
from auditor.errors import AuditError, reason_of
from auditor.evidence.ambiguous_keys import OTHER_ACCOUNT, is_account, may_be_tenant, of_tools
from auditor.evidence.batch import frames_of
from auditor.evidence.currencies import put_currencies
from auditor.evidence.examined_values import sensitive
from auditor.evidence.formats import Format
from auditor.evidence.processes import Process, spread
from auditor.evidence.reading import Dispatch, Reading
from auditor.evidence.schema import IDENTITY, Column, Slot, Table
from auditor.evidence.store import concat
from auditor.printing.surrogates import spelled_text
from auditor.report.schema import Skip

_log = logging.getLogger(__name__)
BATCH = 32_768
MAX_KEYS = 20_000  # distinct keys remembered for an input: more is an attack, not evidence
MAX_SKIPS_SHOWN = 20


class Keys(dict[str, "Column | None"]):
    """A memo from a key, as written, to its column: each key is looked up once, not once a record."""

    def __init__(self, builder: Builder, scope: str, prefix: str = "") -> None:
        super().__init__()
        self.builder, self.scope, self.prefix = builder, scope, prefix

    def __missing__(self, key: str) -> Column | None:
        column = self.builder.column_for(key, self.scope, self.prefix)
        if len(self) < MAX_KEYS:
            self[key] = column
        return column

    def put(self, row: int, key: str, value: Any) -> None:
        """Put the value of a key that the caller chose; it is only examined where the key is no alias."""
        column = self[key]
        if column is None:
            column = self.builder.examined(self.prefix + key)
        column.rows.append(row)
        column.values.append(value)


class ReaderState:
    """What a reader remembers of one input; made by `Builder.state` on first use."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder

    def finish(self) -> None:
        """Put what is still pending, after the last record of the input."""


State = TypeVar("State")


class Builder:
    """Collects the records of one format in an input; readers call `row`, then put values into columns.

    An input of several formats has one builder for each, made by `for_format`, and one table.
    """

    def __init__(self, reading: Reading[Builder], format_: Format) -> None:
        self.reading, self.format, self.catalogue = reading, format_, reading.catalogue
        self.layer = reading.layer or format_.layer
        reading.builders[(format_.name, self.layer)] = self
        self.slots: list[Slot] = []
        self._columns: dict[tuple[str, str, str, bool, float], Column | None] = {}
        self._resolved: dict[tuple[Match, str, str, float, bool], Column] = {}
        self._keys: dict[tuple[str, str], Keys] = {}
        self._keys_seen: set[str] = set()  # in lower case, whether they are aliases or not
        self._facts: dict[str, Column] = {}
        self._examined: dict[str, Column] = {}
        self._in_batch: list[Column] = []
        self._frames: list[pl.DataFrame] = []
        self._processes: list[Process] = []
        self._states: dict[Any, Any] = {}
        # the columns `kind` and `operation` of a batch, where a reader sets them once the batch is complete
        self.classify: Callable[[pl.DataFrame], list[pl.Series]] | None = None
        self.columns_known: frozenset[str] | None = None
        self._reset()

    @property
    def records(self) -> int:
        """How many records of this input there are so far."""
        return self.reading.records

    @property
    def skipped_total(self) -> int:
        """How many pieces of this input could not be read so far."""
        return self.reading.skipped_total

    def for_format(self, format_: Format, layer: str | None = None) -> Builder:
        """The builder of a format in the same input; this one for its own format."""
        if format_.name == self.format.name:
            return self
        layer = self.reading.layer or layer or format_.layer
        known = self.reading.builders.get((format_.name, layer))
        return known or Builder(self.reading, replace(format_, layer=layer))

    def state(self, make: Callable[Concatenate[Builder, ...], State], *given: Hashable) -> State:
        """The state of a reader for this input, made once for each class and its arguments."""
        if (make, *given) not in self._states:
            self._states[make, *given] = make(self, *given)
        state: State = self._states[make, *given]
        return state

    @cached_property
    def dispatch(self) -> Dispatch:
        """What passes records on to the readers of other formats."""
        assert self.reading.dispatch is not None
        return self.reading.dispatch(self)

    def finish(self) -> None:
        """Finish the states of all readers, after the last record of the input."""
        for state in list(self._states.values()):
            if isinstance(state, ReaderState):
                state.finish()

    def _reset(self) -> None:
        self.ids: dict[str, list[Any]] = {name: [] for name in IDENTITY}
        self.n = 0

    def row(
        self,
        kind: str,
        *,
        offset: int | None = None,
        nth: int = 0,
        pointer: str | None = None,
        span_id: str | None = None,
        parent_id: str | None = None,
        started_at: int | None = None,
        ended_at: int | None = None,
        process: int | None = None,
        name: str | None = None,
        outcome: str | None = None,
    ) -> int:
        """Begin a record and return its row number within the batch. Times are ns since the epoch."""
        if self.n >= BATCH:
            self.flush()
        ids, number = self.ids, self.reading.records
        ids["record"].append(number)
        ids["kind"].append(kind)
        ids["format"].append(self.format.name)
        ids["offset"].append(self.reading.absolute(offset) if self.reading.base else offset)
        # rows of a table have no offset: they are located by their number
        ids["nth"].append(nth if offset is not None or nth else self._number())
        ids["pointer"].append(pointer)
        ids["span_id"].append(span_id)
        ids["parent_id"].append(parent_id)
        ids["started_at"].append(started_at)
        ids["ended_at"].append(ended_at)
        ids["process"].append(process)
        ids["name"].append(name)
        ids["outcome"].append(outcome)
        self.reading.records = number + 1
        self.n += 1
        return self.n - 1

    def total(
        self,
        period: str,
        *,
        offset: int | None = None,
        nth: int | None = None,
        pointer: str | None = None,
        started_at: int | None = None,
        name: str | None = None,
        requests: int | None = None,
    ) -> int:
        """Begin a sum over many calls, which is no call: its money and its owners are judged.

        `period` is what it adds up over: an hour, a day, a month, or nothing known. A field that is put on
        none of its columns is one that the sums were not grouped by; a blank one is missing. `nth` is the row
        of a table that has several sums in each row.
        """
        row = self.row("total", offset=offset, pointer=pointer, started_at=started_at, name=name)
        if nth is not None:
            self.ids["nth"][row] = nth
        self.fact("period").put(row, period)
        if requests is not None:
            self.fact("requests").put(row, requests)
        return row

    def rows(
        self, count: int, *, offset: int | list[int | None] | None, process: int | None, nth: int = 0
    ) -> int:
        """Begin several records of one document; the caller adds span, parent, times, name and outcome."""
        if self.n + count > BATCH and self.n:
            self.flush()
        ids, first, number = self.ids, self.n, self.reading.records
        ids["record"] += range(number, number + count)
        in_table = isinstance(offset, list) and self.reading.table_row is not None
        ids["nth"] += [self._number()] * count if in_table else range(nth, nth + count)
        ids["kind"] += ["context"] * count
        ids["format"] += [self.format.name] * count
        if isinstance(offset, list):
            ids["offset"] += [self.reading.absolute(o) for o in offset] if self.reading.base else offset
        else:
            ids["offset"] += [self.reading.absolute(offset)] * count
        ids["process"] += [process] * count
        ids["pointer"] += [None] * count
        self.reading.records = number + count
        self.n += count
        return first

    def _number(self) -> int:
        """The number by which a record without an offset is located."""
        row = self.reading.table_row
        return self.reading.records if row is None else row

    def batch(self, frame: pl.DataFrame, slots: Sequence[Slot], numbers: int) -> None:
        """Add records by columns: those of `IDENTITY`, values of fields, and for each a `*_slot` column.

        Values are clean, and fields of processes are on the records already. Slot numbers point into `slots`;
        record and process numbers count from 0 within the batch, which takes `numbers` record numbers.
        """
        self.flush()
        known = {slot: number for number, slot in enumerate(self.slots)}
        numbers_of_slots = [known.setdefault(slot, len(known)) for slot in slots]
        self.slots += list(known)[len(self.slots) :]
        reading = self.reading
        exprs = [pl.col("record") + reading.records, pl.col("process") + len(self._processes)]
        if numbers_of_slots != list(range(len(numbers_of_slots))):
            numbering = pl.lit(pl.Series(numbers_of_slots, dtype=pl.Int32))
            columns = [name for name in frame.columns if name.endswith("_slot")]
            exprs += [numbering.gather(pl.col(name).cast(pl.UInt32)).alias(name) for name in columns]
        self._frames.append(frame.with_columns(exprs))
        reading.records += numbers
        last = frame["process"].max()
        self._processes += [{}] * (last + 1 if isinstance(last, int) else 0)

    def skip(self, line: int | None, reason: str) -> None:
        """Count a piece of input that could not be read; the first few are kept with their line."""
        reading = self.reading
        reading.skipped_total += 1
        if len(reading.skips) < MAX_SKIPS_SHOWN:
            reading.skips.append(Skip(line=line if line is None else line + reading.base_line, reason=reason))

    def skip_at(self, offset: int | None, reason: str) -> None:
        """Count a piece that could not be read, at an offset of what the reader is given."""
        line = self.line(self.reading.absolute(offset))
        self.skip(line if line is None else line - self.reading.base_line, reason)

    def attempt(self, line: int | None, read: Callable[..., object], *args: Any) -> bool:
        """Read one record and return whether that worked; else it is a skip and no value of it remains."""
        before = self.records
        try:
            read(*args)
        except (AuditError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - one malformed record must not cost the others
            self.fail(before, line, error)
            return False
        return True

    def fail(self, before: int, line: int | None, error: BaseException) -> None:
        """Forget every record from number `before` on, where reading one of them failed, and count a skip."""
        self.undo(before)
        # rows of a table are located by their number: this one's stays taken
        self.reading.records = max(self.reading.records, before + 1)
        self.skip(line, reason_of(error))

    def undo(self, before: int) -> None:
        """Forget every record from number `before` on, of whatever format; their numbers stay taken."""
        for builder in self.reading.builders.values():
            builder._cut(before)

    def _cut(self, before: int) -> None:
        keep = bisect_left(self.ids["record"], before)
        for values in self.ids.values():
            del values[keep:]
        for column in (*self._in_batch, *self._facts.values(), *self._examined.values()):
            rows = column.rows
            while rows and rows[-1] >= keep:
                rows.pop()
            # a reader may have failed between the row and its value
            del rows[len(column.values) :], column.values[len(rows) :]
        self.n = keep
        if not keep:
            self._frames = [part.filter(pl.col("record") < before) for part in self._frames]

    def reader_failed(self, reader: str, error: BaseException) -> str:
        """Count one skip for a reader that failed after the last record it read; returns the reason."""
        offsets = [b._last_offset() for b in self.reading.builders.values()]
        last = max((offset for offset in offsets if offset is not None), default=None)
        line = self.line(last)
        where = "at its beginning" if not self.records else f"behind line {line}" if line else "in its middle"
        reason = f"the reader {reader} failed {where} ({type(error).__name__})"
        _log.debug("%s: %s", self.reading.input, reason, exc_info=error)
        self.reading.skipped_total += 1
        self.reading.skips.insert(0, Skip(line=line, reason=reason))
        return reason

    def _last_offset(self) -> int | None:
        offsets = [offset for offset in self.ids["offset"] if offset is not None]
        offsets += [last for part in self._frames if (last := part["offset"].max()) is not None]
        return max(offsets, default=None)

    def line(self, offset: int | None) -> int | None:
        """The line of a byte offset, where lines are known."""
        line_of = self.reading.line_of
        return line_of(offset) if line_of is not None and offset is not None else None

    def _skip_lost(self, offset: int | None, error: BaseException) -> None:
        """Count a record that was read and cannot be stored in a column."""
        reading = self.reading
        reading.skipped_total += 1
        if len(reading.skips) < MAX_SKIPS_SHOWN:
            reading.skips.append(Skip(line=self.line(offset), reason=reason_of(error)))

    def note(self, text: str) -> None:
        """Add a note on this input to the report; equal notes appear once."""
        self.reading.notes.setdefault(text)

    def keys(self, scope: str, prefix: str = "") -> Keys:
        """The memo of keys at a scope; the report shows `prefix` before the key."""
        known = self._keys.get((scope, prefix))
        if known is None:
            known = self._keys[(scope, prefix)] = Keys(self, scope, prefix)
        return known

    def column_for(self, key: str, scope: str, prefix: str = "") -> Column | None:
        """The column of the field that a key is an alias of, at a scope; None where it is no alias."""
        if len(self._keys_seen) < MAX_KEYS:
            self._keys_seen.add((prefix + key).lower())
        """The column of the field that a key is an alias of, at a scope; None where it is no alias.

        The text of an error is no field: it is kept as a fact of the record, for what it says of retries.
        """
        match = self.catalogue.lookup(key)
        if match is None:
            return self.fact("error_text") if scope != "process" and names_error(key) else None
        if scope == "span" and key in self.catalogue.process_keys:
            scope = "process"
        return self.resolved(match, scope, prefix + key, free=True)

    def column(self, name: str, scope: str, key: str, *, rank: int = 0, scale: float = 1.0) -> Column:
        """The column of a field for a key of the format; `scale` is the factor to the unit of the field."""
        return self.resolved(Match(name, rank, False), scope, key, scale)

    def resolved(
        self, match: Match, scope: str, key: str, scale: float = 1.0, *, free: bool = False
    ) -> Column:
        """The column of a field that is known already; the report shows `key` unchanged."""
        memo = (match, scope, key, scale, free)
        column = self._resolved.get(memo)
        if column is None:
            column = self._resolve(match, scope, key, scale, free=free)
            if len(self._resolved) < MAX_KEYS:
                self._resolved[memo] = column
        return column

    def _resolve(self, match: Match, scope: str, key: str, scale: float, *, free: bool) -> Column:
        place = self.catalogue.place(match, scope, self.layer)
        memo = (match.field, scope, key, place == "weak", scale)
        column = self._columns.get(memo)
        if column is None:
            slot = Slot(match.field, place, scope, spelled_text(key), match.rank, free)
            column = Column(slot, len(self.slots), scale)
            self.slots.append(slot)
            self._columns[memo] = column
            self._in_batch.append(column)
        return column

    def examined(self, key: str) -> Column:
        """The column of a key that is no field's: its values are examined, and not kept."""
        column = self._examined.get(key)
        if column is None:
            column = Column(Slot("", "fact", "request", spelled_text(key), 0, free=True), -1)
            if len(self._examined) < MAX_KEYS:
                self._examined[key] = column
        return column

    def fact(self, name: str) -> Column:
        """The column of a property of records that is not an attribution field (`operation`, …)."""
        column = self._facts.get(name)
        if column is None:
            column = self._facts[name] = Column(Slot(name, "fact", "", name, 0), -1)
        return column

    def take(self, row: int, mapping: Mapping[str, Any], scope: str, prefix: str = "") -> None:
        """Put every value of a flat mapping whose key is an alias of a field."""
        keys = self.keys(scope, prefix)
        for key, value in mapping.items():
            keys.put(row, key, value)

    def process(self, attributes: Iterable[tuple[str, Any]], prefix: str = "resource.") -> int:
        """Add a process (an OTel resource, a pod) and return its number; readers memoise equal ones."""
        number = len(self._processes)
        process: Process = {}
        best: dict[str, int] = {}
        for key, value in attributes:
            if key == "service.name":
                process["service"] = (value, -1)
            column = self.column_for(key, "process", prefix)
            if column is None:
                continue
            if may_be_tenant(column.slot, self.catalogue) and not is_account(value):
                column = self.resolved(OTHER_ACCOUNT, "process", column.slot.key, free=True)
            name = column.slot.field
            if name not in best or column.slot.rank < best[name]:
                best[name] = column.slot.rank
                process[name] = (value, column.slot_id)
        self._processes.append(process)
        return number

    def flush(self) -> None:
        """Turn the current batch into a frame and begin the next one."""
        if self.n:
            self._regions_of_arns()
            self._examine()
            self._settle_ambiguous_keys()
            put_currencies(self._in_batch, self._examined)
            self._frames += frames_of(
                self.ids, self._in_batch, self._facts, self.catalogue, self.classify, self._skip_lost
            )
        for column in (*self._in_batch, *self._facts.values(), *self._examined.values()):
            # cleared in place: readers keep their append methods
            del column.rows[:]
            column.values.clear()
        self._reset()

    def _regions_of_arns(self) -> None:
        """Set the region from a model's ARN on records without one: the profile's region, not the call's."""
        with_region: set[int] | None = None
        for column in [c for c in self._in_batch if c.slot.field == "model"]:
            if not any(str(value).startswith("arn:") for value in _distinct(column.values)):
                continue
            for row, value in zip(column.rows, column.values, strict=True):
                if value.__class__ is not str or not value.startswith("arn:") or value.count(":") < 5:
                    continue
                if with_region is None:
                    with_region = {r for c in self._in_batch if c.slot.field == "region" for r in c.rows}
                if row not in with_region and (region := value.split(":", 4)[3]):
                    self.column("region", "process", f"{column.slot.key} (ARN)").put(row, region)

    def _examine(self) -> None:
        """Note the records with a secret or personal data in a value, and under which key."""
        chosen = [c for c in self._in_batch if c.slot.free or c.slot.scope.endswith("_tag")]
        for column in (*self._examined.values(), *chosen):
            for row, fact, kind in sensitive(column):
                if column.slot_id < 0:
                    column.slot_id = len(self.slots)
                    self.slots.append(column.slot)
                self.fact(fact).put(row, kind)
                self.fact(f"{fact}_slot").put(row, column.slot_id)

    def _settle_ambiguous_keys(self) -> None:
        """Drop the names of tools, and take an account that is none of AWS for a weak name of the tenant."""
        for column in of_tools(self._in_batch, self._keys_seen, self.catalogue):
            del column.rows[:]
            column.values.clear()
        for column in [c for c in self._in_batch if may_be_tenant(c.slot, self.catalogue)]:
            odd = [i for i, value in enumerate(column.values) if not is_account(value)]
            tenant = self.resolved(OTHER_ACCOUNT, column.slot.scope, column.slot.key, free=True)
            for i in odd:
                tenant.put(column.rows[i], column.values[i])
            for i in reversed(odd):
                del column.rows[i], column.values[i]

    def table(self) -> Table:
        """The finished table of this input, the records of all its formats in their order."""
        reading, slots, frames = self.reading, list[Slot](), list[pl.DataFrame]()
        mixed = len(reading.builders) > 1
        for builder in reading.builders.values():
            frame = builder._frame()
            if mixed and frame.height:
                shift = [(pl.col(c) + len(slots)).alias(c) for c in frame.columns if c.endswith("_slot")]
                frame = frame.with_columns(*shift, pl.lit(builder.layer).alias("layer"))
            if frame.height or not mixed:
                frames.append(frame)
            slots += builder.slots
        if not frames:  # several readers, and no record
            frames.append(pl.DataFrame(schema=IDENTITY))
        frame = pl.concat(frames, how="diagonal_relaxed").sort("record") if len(frames) > 1 else frames[0]
        known = {
            b.format.name: b.columns_known for b in reading.builders.values() if b.columns_known is not None
        }
        return Table(
            reading.input,
            self.format.name,
            self.layer,
            frame,
            slots,
            reading.skips,
            reading.skipped_total,
            notes=list(reading.notes),
            columns_known=known,
            formats={b.format.name: b.format for b in reading.builders.values()},
            numbers=reading.records,
            read_as=self.format.name,
            parts=reading.parts,
        )

    def _frame(self) -> pl.DataFrame:
        """The records of this builder, without columns that are empty."""
        self.flush()
        frame = concat(self._frames) if self._frames else pl.DataFrame(schema=IDENTITY)
        empty = [c for c in frame.columns if c not in IDENTITY and frame[c].null_count() == frame.height]
        return spread(frame.drop(empty), self._processes, self.catalogue, self.layer)


def malformed(frame: pl.DataFrame, catalogue: Catalogue) -> list[str]:
    """Notes on counts and durations of an input that are no numbers; malformed costs have a rule."""
    notes = []
    for name, field in catalogue.fields.items():
        if field.type in ("int", "duration") and f"{name}_blank" in frame.columns:
            number = int((frame[f"{name}_blank"] == "malformed").sum())
            verb = "value is" if number == 1 else "values are"
            if number:
                notes.append(
                    f"{name}: {number:,} {verb} no number, negative or too large, and counted as missing"
                )
    return notes


def _distinct(values: list[Any]) -> Iterable[Any]:
    """Each value once; all of them where one cannot be hashed."""
    try:
        return set(values)
    except TypeError:
        return values


@contextmanager
def gc_paused() -> Iterator[None]:
    """No garbage collection within the block: reading makes millions of objects and no cycles."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
