"""Columns that look along a trace: what parent, root and other records carry, and what lies below a record.

It adds nothing to the table itself; a record without a known parent gets nulls, never a guess.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from auditor.assemble import IS_CALL, Columns, Evidence, Series, nearest


def trace_key(evidence: Evidence) -> Series:
    """The trace id, or the row where there is none: safe to group by."""
    frame = evidence.frame
    if frame["trace_id"].null_count() == frame.height:
        return {"trace_key": pl.int_range(frame.height, eager=True).cast(pl.String)}
    row = pl.format("row {}", pl.int_range(pl.len()))
    return {"trace_key": frame.select(pl.col("trace_id").fill_null(row)).to_series()}


def parent_value(evidence: Evidence, field: str) -> Series:
    """The value on the nearest record above that has one."""
    if evidence.parent is None:
        return {}
    frame = evidence.frame
    own = frame[field]
    up = nearest(evidence.parent, own.is_not_null().to_numpy())
    index = pl.Series(up).set(pl.Series(up < 0), None)
    return {
        f"parent_{field}": own.gather(index),
        f"parent_{field}_slot": frame[f"{field}_slot"].gather(index),
    }


def root_value(evidence: Evidence, field: str) -> Series:
    """The value on the topmost record above."""
    if evidence.parent is None:
        return {}
    frame = evidence.frame
    root = nearest(evidence.parent, evidence.parent < 0)
    index = pl.Series(root).set(pl.Series(root < 0), None)
    return {
        f"root_{field}": frame[field].gather(index),
        f"root_{field}_slot": frame[f"{field}_slot"].gather(index),
    }


def trace_value(evidence: Evidence, field: str) -> Series:
    """The first value on another record of the trace; own values are no news."""
    frame = evidence.frame
    if frame["trace_id"].null_count() == frame.height or frame[field].null_count() == frame.height:
        return {}
    first = (
        frame.filter(pl.col(field).is_not_null() & pl.col("trace_id").is_not_null())
        .group_by("trace_id", maintain_order=True)
        .agg(pl.col(field).first().alias("v"), pl.col(f"{field}_slot").first().alias("s"))
    )
    joined = frame.select("trace_id").join(first, on="trace_id", how="left", maintain_order="left")
    return {f"trace_{field}": joined["v"], f"trace_{field}_slot": joined["s"]}


def tree(evidence: Evidence) -> Series:
    """Whether a record is a root, names a parent, or names one that is not in the input."""
    frame = evidence.frame
    has = frame["parent_id"].is_not_null()
    up = evidence.parent
    known = pl.Series(up >= 0) if up is not None else pl.Series(np.zeros(frame.height, dtype=bool))
    return {"is_root": ~has, "has_parent": has, "parent_missing": has & ~known}


def inside_sibling(evidence: Evidence) -> Series:
    """Whether another service's call under the same parent begins before this one and ends after it."""
    frame = evidence.frame
    if frame["parent_id"].null_count() == frame.height or frame["service"].null_count() == frame.height:
        return {}
    calls = frame.with_row_index("row").filter(
        IS_CALL & pl.all_horizontal(pl.col("parent_id", "trace_id", "service", "ended_at").is_not_null())
    )
    mine = calls.select("row", "trace_id", "parent_id", "service", "started_at", "ended_at")
    pairs = mine.join(mine, on=["trace_id", "parent_id"], suffix="_other").filter(
        (pl.col("service") != pl.col("service_other"))
        & (pl.col("started_at_other") <= pl.col("started_at"))
        & (pl.col("ended_at_other") >= pl.col("ended_at"))
        & (pl.col("ended_at_other") - pl.col("started_at_other") > pl.col("ended_at") - pl.col("started_at"))
    )
    inside = np.zeros(frame.height, dtype=bool)
    inside[pairs["row"].to_numpy()] = True
    return {"inside_sibling": pl.Series(inside)}


def calls_in_trace(_: Evidence) -> Columns:
    """How many calls the trace holds."""
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
