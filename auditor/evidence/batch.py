"""One batch of records as a frame: raw values spread over the rows, cleaned, and one chosen a field."""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import polars as pl

from auditor.catalogue.attempts import counts_from_one, numbers_attempts
from auditor.catalogue.fields import Catalogue
from auditor.catalogue.words import SCOPES
from auditor.evidence.schema import FACTS, IDENTITY, Column
from auditor.evidence.values import clean, collect, prepare, series_of, texts_of

SMALL = 2_000  # rows up to which plain lists beat vectors
OWN_ID = 2_000  # the rank of a proxy's own id of a request, after any name of the caller's
COPIED = 1_500  # added to the rank of a header's copy: more than a nested key has
_SCOPE_RANK = {scope: i for i, scope in enumerate(SCOPES)}

BROKEN = (Exception, pl.exceptions.PanicException)
MOST_LOST = 1_000  # bad records of a batch that are located one by one
Classify = Callable[[pl.DataFrame], list[pl.Series]]
OnLost = Callable[[int | None, BaseException], None]


def frames_of(
    ids: Mapping[str, list[Any]],
    columns: Iterable[Column],
    facts: Mapping[str, Column],
    catalogue: Catalogue,
    classify: Classify | None,
    on_lost: OnLost,
) -> list[pl.DataFrame]:
    """One batch as frames: one, or several around the records that cannot be stored in a column.

    `on_lost` is called with the byte offset of each of these, and with the error. `classify` gives further
    columns of a frame.
    """
    columns = list(columns)
    lost = 0

    def halves(begin: int, end: int) -> list[pl.DataFrame]:
        nonlocal lost
        part_ids = {name: values[begin:end] for name, values in ids.items()}
        part_columns = [_part(column, begin, end) for column in columns]
        part_facts = {name: _part(column, begin, end) for name, column in facts.items()}
        try:
            return [whole(part_ids, part_columns, part_facts)]
        except MemoryError:
            raise
        except BROKEN as error:
            if end - begin == 1 or lost >= MOST_LOST:
                lost += end - begin
                for offset in part_ids["offset"]:
                    on_lost(offset, error)
                return []
        middle = (begin + end) // 2
        return halves(begin, middle) + halves(middle, end)

    def whole(
        ids: Mapping[str, list[Any]], columns: Iterable[Column], facts: Mapping[str, Column]
    ) -> pl.DataFrame:
        frame = frame_of(ids, columns, facts, catalogue)
        return frame.with_columns(classify(frame)) if classify else frame

    try:
        return [whole(ids, columns, facts)]
    except MemoryError:
        raise
    except BROKEN:
        return halves(0, len(ids["record"]))


def _part(column: Column, begin: int, end: int) -> Column:
    """The values of some rows, numbered from the first of them."""
    part = Column(column.slot, column.slot_id, column.scale)
    for row, value in zip(column.rows, column.values, strict=False):
        if begin <= row < end:
            part.put(row - begin, value)
    return part


def frame_of(
    ids: Mapping[str, list[Any]], columns: Iterable[Column], facts: Mapping[str, Column], catalogue: Catalogue
) -> pl.DataFrame:
    """One batch as a frame: identity, then for each field its value, slot, blank mark and other places.

    Raw values are spread over the rows first; all cleaning and choosing then runs as one query.
    """
    n = len(ids["record"])
    data: dict[str, pl.Series] = {
        name: _series(ids[name], dtype).alias(name) for name, dtype in IDENTITY.items()
    }
    groups: dict[tuple[str, str], list[Column]] = defaultdict(list)
    for column in columns:
        if column.rows:
            groups[(column.slot.field, column.slot.place)].append(column)
            data[f"raw {column.slot_id}"] = _dense(column, n)
            data[f"at {column.slot_id}"] = _present(column.rows, n)
    for name, column in facts.items():
        if column.rows:
            values = _series(column.values, FACTS.get(name, pl.String))
            data[name] = _scatter(values, column.rows, n)
    kinds = {f"raw {c.slot_id}": catalogue.fields[c.slot.field].type for g in groups.values() for c in g}
    owners = {
        f"raw {c.slot_id}" for g in groups.values() for c in g if c.slot.field in catalogue.owner_fields
    }
    raw = prepare(pl.DataFrame(data), kinds, catalogue, owners)
    wanted: list[pl.Expr] = [pl.col(c) for c in raw.columns if not c.startswith(("raw ", "at ", "odd "))]
    for (name, place), candidates in groups.items():
        out = name if place == "own" else f"{place}_{name}"
        wanted += _choose(out, name, candidates, raw, catalogue)
    return collect(raw, wanted)


def _series(values: list[Any], dtype: type[pl.DataType]) -> pl.Series:
    """Values of a known type as a column; null for a value of another type."""
    try:
        return pl.Series(values, dtype=dtype, strict=False)
    except UnicodeError:
        return texts_of(values)


def _dense(column: Column, n: int) -> pl.Series:
    """A column's raw values over all rows."""
    if len(column.rows) == n or n > SMALL:
        return _scatter(series_of(column.values), column.rows, n)
    values: list[Any] = [None] * n
    for row, value in zip(column.rows, column.values, strict=True):
        values[row] = value
    return series_of(values)


def _scatter(values: pl.Series, rows: array[int], n: int) -> pl.Series:
    """Spread the values of some rows over all `n`; a row with two values keeps the last."""
    positions = np.array(rows)
    # a reader may set an earlier row again: only an unbroken run is spread already
    if len(rows) == n and bool((positions == np.arange(n)).all()):
        return values
    index = np.full(n, -1, dtype=np.int64)
    index[positions] = np.arange(len(rows))
    return values.gather(pl.Series(index, dtype=pl.Int64).set(pl.Series(index < 0), None))


def _present(rows: array[int], n: int) -> pl.Series:
    """Which rows have the key."""
    present = np.zeros(n, dtype=bool)
    present[np.array(rows)] = True
    return pl.Series(present)


def _order(column: Column) -> tuple[bool, bool, int, int, str]:
    """Narrow scopes first, then the best names; a copy of the caller's headers comes late.

    The trace is the one that the format names: an attribute with such a name is an attribute.
    """
    slot = column.slot
    copied = COPIED if "headers" in slot.key.lower() else 0
    named_by_caller = slot.field == "trace_id" and slot.free
    return named_by_caller, slot.rank >= OWN_ID, _SCOPE_RANK.get(slot.scope, 99), slot.rank + copied, slot.key


def _choose(
    out: str, name: str, columns: list[Column], raw: pl.DataFrame, catalogue: Catalogue
) -> list[pl.Expr]:
    """Value, slot, blank mark and conflict of a field in one place; narrow scopes and best names first."""
    columns.sort(key=_order)
    kind = catalogue.fields[name].type
    values, slots, marks = [], [], []
    for column in columns:
        # a bill can have refunds
        billed = column.slot.scope == "billing_aggregate"
        value, mark = clean(raw, f"raw {column.slot_id}", kind, catalogue, column.scale, negative=billed)
        values.append(value)
        slots.append(pl.when(value.is_not_null()).then(pl.lit(column.slot_id, pl.Int32)))
        marks.append(pl.when(pl.col(f"at {column.slot_id}")).then(mark))
    chosen = pl.coalesce(values)
    exprs = [chosen.alias(out), pl.coalesce(slots).alias(f"{out}_slot")]
    if out == name:
        exprs.append(pl.when(chosen.is_null()).then(pl.coalesce(marks)).alias(f"{name}_blank"))
        repeated = _several(columns, catalogue)
        conflict = _conflicts(columns, values, catalogue, repeated)
        if repeated:
            exprs.append(pl.any_horizontal(repeated).alias(f"{name}_several"))
        if conflict is not None:
            exprs.append(conflict.fill_null(False).alias(f"{name}_conflict"))
        exprs += _answers(name, columns, values, catalogue)
        if name == "request_id" and len(values) > 1:
            # a gateway's record has its own id and the caller's: either can join it to another record
            exprs.append(pl.coalesce(values[::-1]).alias("request_id_also"))
        if name == "request_id" and len(values) > 2:
            # attempts may share any of them
            exprs.append(pl.concat_str(values, separator="\n", ignore_nulls=True).alias("request_ids"))
        if name == "retry_count":
            exprs += _ordinals(columns, values)
    return exprs


def _ordinals(columns: list[Column], values: list[pl.Expr]) -> list[pl.Expr]:
    """Which attempt of its call a record is, where a key says so: a total of retries beside it does not."""
    numbers = [
        value if column.slot.free and counts_from_one(column.slot.key) else value + 1
        for column, value in zip(columns, values, strict=True)
        if numbers_attempts(column.slot.key)
    ]
    return [pl.coalesce(numbers).alias("attempt_ordinal")] if numbers else []


def _answers(name: str, columns: list[Column], values: list[pl.Expr], catalogue: Catalogue) -> list[pl.Expr]:
    """The requested and the served value in columns of their own, where a field has keys of both kinds."""
    answer_keys = {key.lower() for key in catalogue.fields[name].answers}
    by_answer: dict[bool, list[pl.Expr]] = {True: [], False: []}
    for column, value in zip(columns, values, strict=True):
        by_answer[column.slot.key.lower() in answer_keys].append(value)
    if not (answer_keys and by_answer[True] and by_answer[False]):
        return []
    return [
        pl.coalesce(by_answer[False]).alias(f"asked_{name}"),
        pl.coalesce(by_answer[True]).alias(f"served_{name}"),
    ]


def _several(columns: list[Column], catalogue: Catalogue) -> list[pl.Expr]:
    """For each key that some record has twice: whether the record has two values of it."""
    out = []
    for column in columns:
        rows = np.array(column.rows)
        again = rows[1:][np.diff(rows) == 0]
        if len(again):
            differing = _differing(column, again.tolist(), catalogue.owner_placeholder_word)
            out.append(pl.int_range(pl.len()).is_in(differing))
    return out


def _conflicts(
    columns: list[Column], values: list[pl.Expr], catalogue: Catalogue, repeated: list[pl.Expr]
) -> pl.Expr | None:
    """Whether two values under the same normalised key of a record differ; None without such keys."""
    by_key: dict[str, list[pl.Expr]] = defaultdict(list)
    for column, value in zip(columns, values, strict=True):
        by_key[catalogue.bare(column.slot.key)].append(value)
    pairs = [(a != b) for same in by_key.values() for i, a in enumerate(same) for b in same[i + 1 :]]
    return pl.any_horizontal([p.fill_null(False) for p in pairs] + repeated) if pairs or repeated else None


def _differing(column: Column, rows: list[int], placeholder: str) -> list[int]:
    """Of the rows with two values under one key, those whose values differ; a placeholder is no value."""
    seen: dict[int, set[str]] = {row: set() for row in rows}
    for row, value in zip(column.rows, column.values, strict=True):
        text = str(value).strip()
        if row in seen and value not in (None, "") and not re.match(placeholder, text):
            seen[row].add(text)
    return [row for row, values in seen.items() if len(values) > 1]
