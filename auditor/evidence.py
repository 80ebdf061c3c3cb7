"""The evidence table: one row a record, resolved fields as columns, built sparsely and in batches.

It never interprets a format and never judges: readers put values in, `relate` and the rules read them out.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from auditor.clean import clean, collected, prepared, series_of
from auditor.fields import Catalogue
from auditor.model import SCOPES, Skip

BATCH = 131_072
MAX_KEYS = 20_000  # distinct keys remembered an input: more is an attack, not evidence
MAX_SKIPS_SHOWN = 20
SMALL = 2_000  # rows up to which plain lists beat vectors
_SCOPE_RANK = {scope: i for i, scope in enumerate(SCOPES)}

# identity columns beside the fields: what every record may say of itself
IDENTITY: dict[str, Any] = {
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

# what a record says of itself that is no attribution field; text unless said otherwise
FACTS: dict[str, Any] = {
    "weight": pl.Int64,
    "cost_total": pl.Int64,
    "metadata_entries": pl.Int64,
    "metadata_longest_key": pl.Int64,
    "metadata_longest_value": pl.Int64,
    "metadata_bytes": pl.Int64,
    "metadata_keys": pl.String,
    "metadata_invalid": pl.Boolean,
    "has_principal_column": pl.Boolean,
    "has_tags_column": pl.Boolean,
    "principal_tag_keys": pl.Int64,
    "resource_tag_keys": pl.Int64,
    "stream": pl.Boolean,
    "cache_hit": pl.Boolean,
}


class Slot(NamedTuple):
    """One key at one scope that stands for one field."""

    field: str
    place: str
    scope: str
    key: str
    rank: int


class Column:
    """The values seen under one slot in the current batch: parallel lists of row numbers and raw values."""

    __slots__ = ("rows", "scale", "slot", "slot_id", "values")

    def __init__(self, slot: Slot, slot_id: int, scale: float = 1.0) -> None:
        self.slot, self.slot_id, self.scale = slot, slot_id, scale
        self.rows = array("q")
        self.values: list[Any] = []

    def put(self, row: int, value: Any) -> None:
        """Remember a raw value of a row; blanks are told apart later."""
        self.rows.append(row)
        self.values.append(value)


class Keys(dict[str, "Column | None"]):
    """A memo from key as found to its column: the alias index is asked once a key, not once a record."""

    def __init__(self, builder: Builder, scope: str, prefix: str = "") -> None:
        super().__init__()
        self.builder, self.scope, self.prefix = builder, scope, prefix

    def __missing__(self, key: str) -> Column | None:
        column = self.builder.column_for(key, self.scope, self.prefix)
        if len(self) < MAX_KEYS:
            self[key] = column
        return column


@dataclass
class Table:
    """What one input gave: the frame, the slots its `*_slot` columns point to, and what was skipped."""

    input: str
    format: str
    layer: str
    frame: pl.DataFrame
    slots: list[Slot]
    skips: list[Skip] = field(default_factory=list)
    skipped_total: int = 0
    bytes: int = 0
    notes: list[str] = field(default_factory=list)
    columns_known: frozenset[str] | None = (
        None  # fields a selected sample can show; None: all the format carries
    )
    also: str | None = None


class Builder:
    """Collects the records of one input; readers call `row`, then put values into columns."""

    def __init__(self, input_name: str, layer: str, fmt: str, catalogue: Catalogue) -> None:
        self.input, self.layer, self.format, self.catalogue = input_name, layer, fmt, catalogue
        self.slots: list[Slot] = []
        self._columns: dict[tuple[str, str, str, bool], Column | None] = {}
        self._keys: dict[tuple[str, str], Keys] = {}
        self._facts: dict[str, Column] = {}
        self._live: list[Column] = []
        self._parts: list[pl.DataFrame] = []
        self._processes: list[dict[str, tuple[Any, int]]] = []
        self._process_columns: list[tuple[int, Column, Any]] = []
        self.kinds: Callable[[pl.DataFrame], pl.Series] | None = None
        self.records = 0
        self.skips: list[Skip] = []
        self.skipped_total = 0
        self.notes: dict[str, None] = {}
        self.columns_known: frozenset[str] | None = None
        self._reset()

    def _reset(self) -> None:
        self.ids: dict[str, list[Any]] = {name: [] for name in IDENTITY}
        self.n = 0

    # -- records ---------------------------------------------------------------------------------------------

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
        fmt: str | None = None,
    ) -> int:
        """Begin a record and return its row number within the batch. Times are ns since the epoch."""
        if self.n >= BATCH:
            self.flush()
        ids = self.ids
        ids["record"].append(self.records)
        ids["kind"].append(kind)
        ids["format"].append(fmt or self.format)
        ids["offset"].append(offset)
        ids["nth"].append(nth)
        ids["pointer"].append(pointer)
        ids["span_id"].append(span_id)
        ids["parent_id"].append(parent_id)
        ids["started_at"].append(started_at)
        ids["ended_at"].append(ended_at)
        ids["process"].append(process)
        ids["name"].append(name)
        ids["outcome"].append(outcome)
        self.records += 1
        self.n += 1
        return self.n - 1

    def rows(self, count: int, *, offset: int | list[int] | None, process: int | None, nth: int = 0) -> int:
        """Begin several records of one document; the caller adds span, parent, times, name and outcome."""
        if self.n + count > BATCH and self.n:
            self.flush()
        ids, first = self.ids, self.n
        ids["record"] += range(self.records, self.records + count)
        ids["nth"] += range(nth, nth + count)
        for name, value in (
            ("kind", "context"), ("format", self.format), ("offset", offset), ("process", process), ("pointer", None)
        ):  # fmt: skip
            ids[name] += value if isinstance(value, list) else [value] * count
        self.records += count
        self.n += count
        return first

    def skip(self, line: int | None, reason: str) -> None:
        """Count a piece of input that could not be read; the first few are kept with their line."""
        self.skipped_total += 1
        if len(self.skips) < MAX_SKIPS_SHOWN:
            self.skips.append(Skip(line=line, reason=reason))

    def note(self, text: str) -> None:
        """Tell the reader of the report something about this input, once."""
        self.notes.setdefault(text)

    # -- values ----------------------------------------------------------------------------------------------

    def keys(self, scope: str, prefix: str = "") -> Keys:
        """The memo of keys at a scope; `prefix` is written before the key in the report."""
        found = self._keys.get((scope, prefix))
        if found is None:
            found = self._keys[(scope, prefix)] = Keys(self, scope, prefix)
        return found

    def column_for(self, key: str, scope: str, prefix: str = "") -> Column | None:
        """The column of the field that a key stands for at a scope, or None when it stands for none."""
        match = self.catalogue.lookup(key)
        if match is None:
            return None
        if scope == "span" and key in self.catalogue.process_keys:
            scope = "process"
        place = self.catalogue.place(match, scope, self.layer)
        return self._column(match.field, place, scope, prefix + key, match.rank)

    def column(self, name: str, scope: str, key: str, *, rank: int = 0, scale: float = 1.0) -> Column:
        """The column of a field whose key the format's card names; `scale` turns its unit into the field's."""
        from auditor.fields import Match

        place = self.catalogue.place(Match(name, rank, False), scope, self.layer)
        return self._column(name, place, scope, key, rank, scale)

    def _column(self, name: str, place: str, scope: str, key: str, rank: int, scale: float = 1.0) -> Column:
        memo = (name, scope, key, place == "weak")
        column = self._columns.get(memo)
        if column is None:
            slot = Slot(name, place, scope, key, rank)
            column = Column(slot, len(self.slots), scale)
            self.slots.append(slot)
            self._columns[memo] = column
            self._live.append(column)
        return column

    def fact(self, name: str) -> Column:
        """A column for something a record says of itself that is no attribution field (`operation`, …)."""
        column = self._facts.get(name)
        if column is None:
            column = self._facts[name] = Column(Slot(name, "fact", "", name, 0), -1)
        return column

    def take(self, row: int, mapping: Mapping[str, Any], scope: str, prefix: str = "") -> None:
        """Put every value of a flat mapping whose key stands for a field."""
        keys = self.keys(scope, prefix)
        for key, value in mapping.items():
            column = keys[key]
            if column is not None:
                column.rows.append(row)
                column.values.append(value)

    def process(self, attributes: Iterable[tuple[str, Any]], prefix: str = "resource.") -> int:
        """Remember a process (an OTel resource, a pod) and return its number; readers memoise equal ones."""
        number = len(self._processes)
        held: dict[str, tuple[Any, int]] = {}
        best: dict[str, int] = {}
        for key, value in attributes:
            if key == "service.name":
                held["service"] = (value, -1)
            column = self.column_for(key, "process", prefix)
            if column is None:
                continue
            name = column.slot.field
            if name not in best or column.slot.rank < best[name]:
                best[name] = column.slot.rank
                held[name] = (value, column.slot_id)
        self._processes.append(held)
        return number

    # -- freezing --------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Turn the lists of the current batch into a frame and forget them."""
        if self.n:
            frame = freeze(self)
            self._parts.append(frame.with_columns(self.kinds(frame)) if self.kinds else frame)
        for column in (*self._live, *self._facts.values()):
            # cleared in place: readers hold their append methods
            del column.rows[:]
            column.values.clear()
        self._reset()

    def table(self) -> Table:
        """The finished table of this input."""
        self.flush()
        if self._parts:
            frame = pl.concat(self._parts, how="diagonal_relaxed")
        else:
            frame = pl.DataFrame(schema=IDENTITY)
        self._parts = []
        frame = self._with_processes(frame)
        return Table(
            self.input,
            self.format,
            self.layer,
            frame,
            self.slots,
            self.skips,
            self.skipped_total,
            notes=list(self.notes),
            columns_known=self.columns_known,
        )

    def _with_processes(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Spread what the processes carry over their records; an accepted scope counts as the record's own."""
        names = sorted({name for held in self._processes for name in held})
        if not names:
            return frame
        held = self._process_frame(names)
        joined = frame.with_columns(
            held.select(pl.all().gather(frame["process"].cast(pl.UInt32))) if held.height else held
        )
        fill: list[pl.Expr] = []
        for name in names:
            if name == "service":
                fill.append(pl.col("p service").alias("service"))
                continue
            value, slot = pl.col(f"p {name}"), pl.col(f"p {name}_slot")
            if "process" not in self.catalogue.fields[name].accepted(self.layer):
                fill += [value.alias(f"process_{name}"), slot.alias(f"process_{name}_slot")]
            elif name in frame.columns:
                own = pl.col(name).is_not_null()
                fill.append(pl.when(own).then(pl.col(f"{name}_slot")).otherwise(slot).alias(f"{name}_slot"))
                fill.append(pl.coalesce(name, value).alias(name))
            else:
                fill += [value.alias(name), slot.alias(f"{name}_slot")]
        return joined.with_columns(fill).drop(held.columns)

    def _process_frame(self, names: list[str]) -> pl.DataFrame:
        """One row a process: each field's value and slot."""
        held = [[h.get(name, (None, -1)) for h in self._processes] for name in names]
        raw = {f"p {n}": series_of([v for v, _ in found]) for n, found in zip(names, held, strict=True)}
        raw |= {
            f"p {n}_slot": pl.Series([slot for _, slot in found], dtype=pl.Int32)
            for n, found in zip(names, held, strict=True)
        }
        kinds = {f"p {n}": self.catalogue.fields[n].type for n in names if n != "service"}
        frame = prepared(pl.DataFrame(raw), kinds, self.catalogue)
        exprs: list[pl.Expr] = []
        for name in names:
            if name == "service":
                exprs.append(pl.col("p service").cast(pl.String))
                continue
            value, _ = clean(frame, f"p {name}", kinds[f"p {name}"], self.catalogue)
            exprs.append(value.alias(f"p {name}"))
            exprs.append(pl.when(value.is_not_null()).then(pl.col(f"p {name}_slot")).alias(f"p {name}_slot"))
        return frame.select(exprs)


def freeze(builder: Builder) -> pl.DataFrame:
    """One batch as a frame: identity, then for each field its value, slot, blank mark and other places.

    Raw values are spread over the rows first; all cleaning and choosing then runs as one query.
    """
    n = builder.n
    data: dict[str, pl.Series] = {
        name: pl.Series(name, builder.ids[name], dtype=dtype, strict=False)
        for name, dtype in IDENTITY.items()
    }
    groups: dict[tuple[str, str], list[Column]] = defaultdict(list)
    for column in builder._live:
        if column.rows:
            groups[(column.slot.field, column.slot.place)].append(column)
            data[f"raw {column.slot_id}"] = _dense(column, n)
            data[f"at {column.slot_id}"] = _present(column.rows, n)
    for name, column in builder._facts.items():
        if column.rows:
            values = pl.Series(column.values, dtype=FACTS.get(name, pl.String), strict=False)
            data[name] = _scatter(values, column.rows, n)
    kinds = {
        f"raw {c.slot_id}": builder.catalogue.fields[c.slot.field].type for g in groups.values() for c in g
    }
    raw = prepared(pl.DataFrame(data), kinds, builder.catalogue)
    wanted: list[pl.Expr] = [pl.col(c) for c in raw.columns if not c.startswith(("raw ", "at ", "odd "))]
    for (name, place), columns in groups.items():
        out = name if place == "own" else f"{place}_{name}"
        wanted += _resolve(out, name, columns, raw, builder.catalogue)
    return collected(raw, wanted)


def _dense(column: Column, n: int) -> pl.Series:
    """A column's raw values over all rows."""
    if len(column.rows) == n or n > SMALL:
        return _scatter(series_of(column.values), column.rows, n)
    values: list[Any] = [None] * n
    for row, value in zip(column.rows, column.values, strict=True):
        values[row] = value
    return series_of(values)


def _scatter(values: pl.Series, rows: array[int], n: int) -> pl.Series:
    """Spread the values of some rows over all `n`; a row that was put twice keeps the last."""
    if len(rows) == n and rows[0] == 0 and rows[-1] == n - 1:
        return values
    index = np.full(n, -1, dtype=np.int64)
    index[np.array(rows)] = np.arange(len(rows))
    return values.gather(pl.Series(index, dtype=pl.Int64).set(pl.Series(index < 0), None))


def _present(rows: array[int], n: int) -> pl.Series:
    """Which rows have the key at all."""
    there = np.zeros(n, dtype=bool)
    there[np.array(rows)] = True
    return pl.Series(there)


def _resolve(
    out: str, name: str, columns: list[Column], raw: pl.DataFrame, catalogue: Catalogue
) -> list[pl.Expr]:
    """Candidates of one field in one place, narrow to wide and best name first: value, slot, blank, conflict."""
    columns.sort(key=lambda c: (_SCOPE_RANK.get(c.slot.scope, 99), c.slot.rank, c.slot.key))
    kind = catalogue.fields[name].type
    values, slots, marks = [], [], []
    for column in columns:
        value, mark = clean(raw, f"raw {column.slot_id}", kind, catalogue, column.scale)
        values.append(value)
        slots.append(pl.when(value.is_not_null()).then(pl.lit(column.slot_id, pl.Int32)))
        marks.append(pl.when(pl.col(f"at {column.slot_id}")).then(mark))
    chosen = pl.coalesce(values)
    exprs = [chosen.alias(out), pl.coalesce(slots).alias(f"{out}_slot")]
    if out == name:
        exprs.append(pl.when(chosen.is_null()).then(pl.coalesce(marks)).alias(f"{name}_blank"))
        conflict = _conflicts(columns, values, catalogue)
        if conflict is not None:
            exprs.append(conflict.fill_null(False).alias(f"{name}_conflict"))
    return exprs


def _conflicts(columns: list[Column], values: list[pl.Expr], catalogue: Catalogue) -> pl.Expr | None:
    """Whether two values under the same normalised key of a record disagree; None where that cannot be."""
    by_key: dict[str, list[pl.Expr]] = defaultdict(list)
    twice: list[pl.Expr] = []
    for column, value in zip(columns, values, strict=True):
        by_key[catalogue.bare(column.slot.key)].append(value)
        rows = np.array(column.rows)
        again = rows[1:][np.diff(rows) == 0]
        if len(again):
            twice.append(pl.int_range(pl.len()).is_in(_disagreeing(column, again.tolist())))
    pairs = [(a != b) for same in by_key.values() for i, a in enumerate(same) for b in same[i + 1 :]]
    return pl.any_horizontal([p.fill_null(False) for p in pairs] + twice) if pairs or twice else None


def _disagreeing(column: Column, rows: list[int]) -> list[int]:
    """Of the rows that were put twice under one key, those whose values differ."""
    seen: dict[int, set[str]] = {row: set() for row in rows}
    for row, value in zip(column.rows, column.values, strict=True):
        if row in seen and value not in (None, ""):
            seen[row].add(str(value))
    return [row for row, values in seen.items() if len(values) > 1]
