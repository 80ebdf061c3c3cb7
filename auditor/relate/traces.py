"""Columns about other records of the trace: values of parent, root and others, sums over children."""

from __future__ import annotations

import numpy as np
import polars as pl

from auditor.evidence.ancestry import nearest
from auditor.evidence.arrays import Ints, Rows, index_of
from auditor.evidence.table import IS_CALL, Columns, Evidence, Series, hop_of, once_per_table
from auditor.relate.related_column import RelatedColumn, has_parents, value_at


def trace_key(evidence: Evidence) -> Series:
    """The trace id, or the row where there is none: safe to group by."""
    frame = evidence.frame
    if frame.is_empty("trace_id"):
        return {"trace_key": pl.int_range(frame.height, eager=True).cast(pl.String)}
    row = pl.format("row {}", pl.int_range(pl.len()))
    return {"trace_key": frame.select(pl.col("trace_id").fill_null(row)).to_series()}


def parent_value(evidence: Evidence, field: str) -> Series:
    """The value on the nearest record above that has one, or on the envelope of the record's list."""
    frame, name = evidence.frame, f"parent_{field}"
    around = f"envelope_{field}" if has_envelope(evidence, field) else None
    if evidence.parent is None:
        return {name: frame[around], f"{name}_slot": frame[f"{around}_slot"]} if around else {}
    own = frame[field]
    up = nearest(evidence.parent, own.is_not_null().to_numpy())
    index = index_of(up)
    value, slot = own[index], frame[f"{field}_slot"][index]
    if around:
        there = value.is_not_null()
        value = value.zip_with(there, frame[around])
        slot = slot.zip_with(there, frame[f"{around}_slot"])
    return {name: value, f"{name}_slot": slot}


def has_envelope(evidence: Evidence, field: str) -> bool:
    """Whether a record around a list of records has a value of a field."""
    return evidence.has(f"envelope_{field}")


def has_parent_value(evidence: Evidence, field: str) -> bool:
    """Whether a record may have a value above it."""
    return (has_parents(evidence) and evidence.has(field)) or has_envelope(evidence, field)


def wrapped(evidence: Evidence, field: str) -> Series:
    """Whether the nearest record above with a value of a field is known to go around calls."""
    frame = evidence.frame
    if evidence.parent is None or "wrapper" not in frame:
        return {}
    up = nearest(evidence.parent, frame[field].is_not_null().to_numpy())
    return {f"wrapper_has_{field}": frame["wrapper"].fill_null(False)[index_of(up)]}


def root_value(evidence: Evidence, field: str) -> Series:
    """The value on the topmost record above."""
    if evidence.parent is None:
        return {}
    frame = evidence.frame
    root = nearest(evidence.parent, evidence.parent < 0)
    index = index_of(root)
    return {f"root_{field}": frame[field][index], f"root_{field}_slot": frame[f"{field}_slot"][index]}


def trace_value(evidence: Evidence, field: str) -> Series:
    """The value of the first record of the trace in the same hop that has one, possibly the record itself."""
    frame = evidence.frame
    own = frame[field]
    if frame.is_empty("trace_id") or own.null_count() == frame.height:
        return {}
    trace = _trace_of(evidence)
    first = np.full(frame.height, -1, dtype=np.int32)
    rows = np.flatnonzero(own.is_not_null().to_numpy() & (trace >= 0))[::-1]
    first[trace[rows]] = rows  # the last one written is the first of its trace
    index = index_of(np.where(trace >= 0, first[trace], -1))
    return {f"trace_{field}": own[index], f"trace_{field}_slot": frame[f"{field}_slot"][index]}


@once_per_table()
def _trace_of(evidence: Evidence) -> Ints:
    """For each row the first row of its trace in its hop, -1 without a trace.

    Another hop's records of the trace do not count: their values have yet to be passed on to this hop.
    """
    trace = evidence.frame["trace_id"]
    # grouping by one number takes a fraction of the memory that grouping by text takes
    key = trace.hash(0) ^ pl.Series(hop_of(evidence)).hash(1)
    rows = pl.DataFrame({"key": key}).with_row_index("row")
    first = pl.col("row").cast(pl.Int32).first().over("key")
    out: Ints = rows.select(first).to_series().set(trace.is_null(), -1).to_numpy()
    return out


def tree(evidence: Evidence) -> Series:
    """Whether a record is a root, names a parent, or names one that is not in the input."""
    frame = evidence.frame
    has = frame["parent_id"].is_not_null()
    up = evidence.parent
    known = pl.Series(up >= 0) if up is not None else pl.Series(np.zeros(frame.height, dtype=bool))
    return {"is_root": ~has, "has_parent": has, "parent_missing": has & ~known}


def inside_sibling(evidence: Evidence) -> Series:
    """Whether another service's call under the same parent starts no later and ends after this one."""
    frame = evidence.frame
    if frame.is_empty("parent_id") or frame.is_empty("service"):
        return {}
    group = ("trace_id", "parent_id")
    known = pl.all_horizontal(pl.col(*group, "service", "started_at", "ended_at").is_not_null())
    calls = frame.select("kind", *group, "service", "started_at", "ended_at").with_row_index("row")
    calls = calls.filter(IS_CALL & known)
    calls = calls.filter(pl.Series(_mixed(calls["parent_id"], calls["service"])))
    calls = calls.sort("started_at", "ended_at", descending=[False, True])
    inside = np.zeros(frame.height, dtype=bool)
    for service in calls["service"].unique(maintain_order=True):
        others = pl.when(pl.col("service") != service).then(pl.col("ended_at"))
        latest = others.cum_max().forward_fill().over(group)
        enclosed = calls.filter((pl.col("service") == service) & (latest > pl.col("ended_at")))
        inside[enclosed["row"].to_numpy()] = True
    return {"inside_sibling": pl.Series(inside)}


def _mixed(keys: pl.Series, values: pl.Series) -> Rows:
    """Whether the rows of the same key have more than one value."""
    if values.n_unique() < 2:
        return np.zeros(len(keys), dtype=bool)
    hashed = keys.hash().to_numpy()
    order = np.argsort(hashed, kind="stable")
    starts = np.flatnonzero(np.diff(hashed[order], prepend=hashed[order][:1] + np.uint64(1)))
    codes = values.rank("dense").to_numpy()[order]
    mixed = np.minimum.reduceat(codes, starts) != np.maximum.reduceat(codes, starts)
    out = np.zeros(len(keys), dtype=bool)
    out[order] = np.repeat(mixed, np.diff(starts, append=len(keys)))
    return out


def calls_in_trace(_: Evidence) -> Columns:
    """How many calls the trace has."""
    return {"calls_in_trace": IS_CALL.cast(pl.Int64).sum().over("input", "trace_key")}


def children_sum(evidence: Evidence, field: str) -> Series:
    """Sums over the model calls below a record, at any depth."""
    frame = evidence.frame
    total = np.zeros(frame.height, dtype=np.int64)
    some = np.zeros(frame.height, dtype=bool)
    if evidence.parent is not None:
        values = frame[field].fill_null(0).to_numpy()
        known = (frame[field].is_not_null() & (frame["kind"] == "call")).to_numpy()
        at, carry = evidence.parent.copy(), np.flatnonzero(known)
        for _ in range(100):
            carry = carry[at[carry] >= 0]
            if not len(carry):
                break
            np.add.at(total, at[carry], values[carry])
            some[at[carry]] = True
            at[carry] = evidence.parent[at[carry]]
    return {f"children_{field}": pl.Series(total).set(pl.Series(~some), None)}


COLUMNS = (
    RelatedColumn("trace_key", trace_key, dtype=pl.String),
    RelatedColumn("is_root|has_parent|parent_missing", tree, dtype=pl.Boolean),
    RelatedColumn("calls_in_trace", calls_in_trace, needs=("trace_key",), dtype=pl.Int64),
    RelatedColumn("inside_sibling", inside_sibling, needs=("service",), dtype=pl.Boolean),
    RelatedColumn("wrapper_has_(.+)", wrapped, ("{}",), ("{}", "wrapper"), has_parents, pl.Boolean),
    RelatedColumn("children_(.+)", children_sum, ("{}",), ("{}",), exists_when=has_parents),
    value_at("parent", parent_value, sources=(), exists_when=has_parent_value),
    value_at("root", root_value, exists_when=has_parents),
    value_at("trace", trace_value, sources=("trace_id", "{}")),
)
