"""A fix applied to the evidence table: the field is set on records of a gap, and later hops forward it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import polars as pl

from auditor.catalogue.fields import USAGE
from auditor.catalogue.words import Cause
from auditor.evidence.arrays import Ints, Rows
from auditor.evidence.schema import Slot
from auditor.evidence.store import Store
from auditor.evidence.table import Evidence, values_dtype
from auditor.relate.columns import NEAREST_PLACES, exists, need
from auditor.relate.hops import can_carry
from auditor.relate.joins import Links, links
from auditor.tally.gaps import Finding

OWNERS = frozenset({"tenant_id", "team_id", "workflow_id", "user_id"})
MOSTLY = 0.5
# causes of a value that is no owner's, wherever it is: the fix brings another one
UNUSABLE = frozenset(
    {Cause.SHARED_IDENTITY, Cause.CONSTANT, Cause.PERSONAL_DATA, Cause.MALFORMED, Cause.OVER_LIMIT}
)


def affected_by(judged: Evidence) -> Callable[[Finding], Rows]:
    """The calls that a gap's fix changes: its own, and those of later hops that the value is forwarded to."""
    calls = np.flatnonzero((judged.frame["kind"] == "call").to_numpy())
    known: dict[Finding, Rows] = {}

    def affected(finding: Finding) -> Rows:
        if finding not in known:
            whole = np.zeros(judged.frame.height, dtype=bool)
            whole[calls[finding.rows]] = True
            own = judged.frame[finding.gap.field]
            for below, _ in _forwarded(judged, own, finding.gap.field, calls[finding.rows]):
                whole[below] = True
            known[finding] = whole[calls]
        return known[finding]

    return affected


def with_fix(table: Evidence, judged: Evidence, finding: Finding) -> tuple[Evidence, Rows]:
    """The table after a fix, and the rows it changed: the field is set on the call, and forwarded."""
    field, frame = finding.gap.field, table.frame
    rows = np.flatnonzero((frame["kind"] == "call").to_numpy())[finding.rows]
    slots = list(table.slots)
    scope = table.catalogue.fields[field].accepted(str(frame["layer"][int(rows[0])]))[0]
    slots.append(Slot(field, "own", scope, field, 0))
    dtype = values_dtype(table, field)
    own = _column(frame, field, dtype)
    value = own.clone().scatter(rows.tolist(), _value(judged, finding, dtype, own).gather(rows))
    changed = np.zeros(frame.height, dtype=bool)
    changed[rows] = True
    for below, above in _forwarded(judged, own, field, rows):
        value = value.scatter(below.tolist(), value.gather(above))
        changed[below] = True
    here = pl.Series(changed)
    slot = _column(frame, f"{field}_slot", pl.Int32())
    new = [value.alias(field), slot.set(here, len(slots) - 1).alias(f"{field}_slot")]
    for mark, none in _marks(field):
        if mark in frame:
            new.append(frame[mark].set(here, none))
    if "metadata_entries" in frame:
        entries = frame["metadata_entries"]
        new.append(entries.set(here & (entries.fill_null(0) == 0), 1))
    fixed = replace(table, slots=slots)
    fixed.put(*new)
    return fixed, changed


def _column(frame: Store, name: str, dtype: pl.DataType) -> pl.Series:
    if name in frame:
        return frame[name].cast(dtype).rechunk()
    return pl.Series(name, [None] * frame.height, dtype=dtype)


def _forwarded(judged: Evidence, own: pl.Series, field: str, rows: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Later records of the same calls that will get the new value, with the records they get it from.

    These repeat the old value, or have none at a hop that forwards the field of other calls.
    """
    joined = links(judged)
    if joined is None:
        return
    carries = can_carry(judged, field)
    forwards = _forwarding_borders(joined, own)
    above = rows
    for _ in judged.hops:
        below = joined.down[above]
        above, below = above[below >= 0], below[below >= 0]
        old, here = own.gather(above), own.gather(below)
        same = (old == here).fill_null(False).to_numpy()
        blank = here.is_null().to_numpy() & carries[below]
        borders = zip(joined.hop[above].tolist(), joined.hop[below].tolist(), strict=True)
        forwarding = np.array([border in forwards for border in borders], dtype=bool)
        take = same | (blank & forwarding)
        if not take.any():
            return
        yield below[take], above[take]
        above = below[take]


def _forwarding_borders(joined: Links, values: pl.Series) -> set[tuple[int, int]]:
    """Borders (hop before, hop after) where most calls that carried the field before carry it after."""
    below = np.flatnonzero(joined.up >= 0)
    above = joined.up[below]
    has = values.is_not_null().to_numpy()
    pairs = pl.DataFrame(
        {"a": joined.hop[above], "b": joined.hop[below], "before": has[above], "after": has[below]}
    ).filter("before")
    shares = pairs.group_by("a", "b").agg(pl.col("after").mean())
    return {(a, b) for a, b, share in shares.iter_rows() if share >= MOSTLY}


def _value(judged: Evidence, finding: Finding, dtype: pl.DataType, own: pl.Series) -> pl.Series:
    """The value that a fix would set on each call: the nearest usable one of today, else a made one."""
    field = finding.gap.field
    places = () if finding.rule.cause in UNUSABLE else NEAREST_PLACES
    names = [f"{place}_{field}" for place in places]
    judged = replace(judged)  # what is looked up here is not kept
    frame = need(judged, *(name for name in names if exists(judged, name)))
    near = [frame[name] for name in names if name in frame]
    near += _of_other_hops(judged, own) if places else []
    known = [s.cast(dtype, strict=False).alias(str(i)) for i, s in enumerate(near)]
    if field == "request_id":
        number = need(judged, "logical_call")["logical_call"]  # all tries of a call have one id
    else:
        number = pl.int_range(frame.height, eager=True)
    if dtype == pl.String:
        # two words at least: a value that never changes would be a gap of its own
        words = (number if field.endswith("_id") and field not in OWNERS else number % 2).cast(pl.String)
        last = pl.select(pl.format("planned {}", words)).to_series()
    elif field in USAGE:
        last = own.fill_null(1).clip(1)
    else:
        last = pl.repeat(1, frame.height, dtype=dtype, eager=True)
    return pl.DataFrame([*known, last.alias("last")]).select(pl.coalesce(pl.all())).to_series()


def _of_other_hops(judged: Evidence, own: pl.Series) -> list[pl.Series]:
    """The nearest value that an earlier hop has of the same call, and the nearest of a later one."""
    joined = links(judged)
    if joined is None:
        return []
    out = []
    for way in (joined.up, joined.down):
        at, value = way, own.clear(len(own))
        for _ in judged.hops:
            there = own.gather(np.maximum(at, 0)).set(pl.Series(at < 0), None)
            value = pl.select(pl.coalesce(value, there)).to_series()
            at = np.where(at >= 0, way[np.maximum(at, 0)], -1)
        out.append(value)
    return out


def _marks(field: str) -> tuple[tuple[str, bool | None], ...]:
    """The columns that say what is wrong with a value, and what they are once it is right."""
    return ((f"{field}_blank", None), (f"{field}_conflict", False), (f"{field}_several", False))
