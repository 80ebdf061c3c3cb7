"""The parent of each span by the ids of its trace, and the nearest ancestor with some property."""

from __future__ import annotations

import numpy as np
import polars as pl

from auditor.evidence.arrays import Ints, Rows
from auditor.evidence.store import Store


def parents(frame: Store) -> Ints:
    """For each row the row of its parent record, or -1; by `trace_id`, `span_id` and `parent_id`."""
    rows = frame.select("trace_id", "span_id", "parent_id").with_row_index("row")
    own = (
        rows.filter(pl.col("span_id").is_not_null())
        .select("trace_id", pl.col("span_id").alias("parent_id"), pl.col("row").alias("up"))
        .unique(["trace_id", "parent_id"], keep="first", maintain_order=True)
    )
    up = rows.join(own, on=["trace_id", "parent_id"], how="left", maintain_order="left", nulls_equal=True)[
        "up"
    ]
    out: Ints = up.cast(pl.Int64).fill_null(-1).to_numpy().copy()
    out[rows["parent_id"].is_null().to_numpy()] = -1
    out[out == np.arange(len(out))] = -1
    return out


def nearest(parent: Ints, wanted: Rows) -> Ints:
    """For each row its nearest ancestor for which `wanted` is true, or -1; it searches 100 levels up."""
    up = parent.copy()
    for _ in range(100):
        open_ = np.flatnonzero(up >= 0)
        todo = open_[~wanted[up[open_]]]
        if not len(todo):
            return up
        up[todo] = parent[up[todo]]
    up[(up >= 0) & ~wanted[np.maximum(up, 0)]] = -1
    return up
