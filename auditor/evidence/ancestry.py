"""Who stands above whom in a trace: parents by their span ids, and spans that only wrap a call below them.

It judges nothing and looks no further than the ids that the records hold.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from auditor.evidence.arrays import Ints, Rows
from auditor.evidence.store import Store

WIRE_SPAN = "raw_gen_ai_request"  # LiteLLM's span of the raw exchange, below its own of the call


def parents(frame: Store) -> Ints:
    """For each row the row of its parent record, or -1."""
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
    """For each row its nearest ancestor for which `wanted` holds, or -1; looked for 100 levels up."""
    up = parent.copy()
    for _ in range(100):
        open_ = np.flatnonzero(up >= 0)
        todo = open_[~wanted[up[open_]]]
        if not len(todo):
            return up
        up[todo] = parent[up[todo]]
    up[(up >= 0) & ~wanted[np.maximum(up, 0)]] = -1
    return up


def without_wrappers(frame: Store, parent: Ints) -> list[pl.Series]:
    """The column `kind`, where it changes: a span that repeats usage or response id of one below is no call.

    LiteLLM's span of the raw exchange is the other way round: it is a call where none stands above it but one
    that failed, which was another try.
    """
    call = np.array(frame["kind"] == "call")
    if call.sum() < 2:
        return []
    above = nearest(parent, call)
    below = np.flatnonzero(call & (above >= 0))
    wire = below[(frame["name"].gather(below) == WIRE_SPAN).fill_null(False).to_numpy()]
    call[wire[~frame["failed"].to_numpy()[above[wire]]]] = False
    inner = np.setdiff1d(below, wire)
    if not len(below):
        return []
    same = np.zeros(len(inner), dtype=bool)
    for name in ("response_id", "attempt_id"):
        if name in frame:
            a, b = frame[name].gather(inner), frame[name].gather(above[inner])
            same |= (a == b).fill_null(False).to_numpy()
    tokens = [frame[n].fill_null(-1).to_numpy() for n in ("tokens_input", "tokens_output") if n in frame]
    if tokens:
        outer = above[inner]
        equal = np.all([t[inner] == t[outer] for t in tokens], axis=0)
        known = np.any([t[inner] > 0 for t in tokens], axis=0)
        bare = np.all([t[outer] <= 0 for t in tokens], axis=0)
        same |= (equal & known) | bare
        sums = [np.bincount(outer, weights=np.maximum(t[inner], 0), minlength=len(call)) for t in tokens]
        whole = np.all([s == np.maximum(t, 0) for s, t in zip(sums, tokens, strict=True)], axis=0)
        same |= whole[outer] & known
    else:
        same[:] = True
    call[above[inner[same]]] = False
    return [frame["kind"].set(pl.Series(~call), "context")]
