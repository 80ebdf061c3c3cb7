"""Columns about the attempts of one logical call: a failed call and the calls that repeat it."""

from __future__ import annotations

import polars as pl

from auditor.evidence.store import Store
from auditor.evidence.table import Evidence, Series
from auditor.relate.related_column import RelatedColumn

NEEDED = (
    "kind", "input", "operation", "started_at", "ended_at", "error", "request_id", "request_id_also",
    "attempt_key", "parent_id", "trace_id", "trace_key", "span_id",
)  # fmt: skip
MAX_GAP_NS = 120 * 1_000_000_000  # a retry follows its failed attempt within two minutes


def attempts(evidence: Evidence) -> Series:
    """Number the attempts: a failed call and what follows it with the same parent, trace or id."""
    frame = evidence.frame
    if not (frame["error"] & (frame["kind"] == "call")).any():
        return _single_attempts(frame)
    # in one chunk: Polars 2.1 panics where text is put together from columns whose first chunk is empty
    names = [name for name in NEEDED if name in frame]
    calls = frame.select(names).with_row_index("row").filter(pl.col("kind") == "call").rechunk()
    ordered = calls.select(
        "row", "input", "operation", "started_at", "ended_at", "error", "request_id", "trace_id",
        _shared_key(calls).alias("key"),
    ).sort("input", "key", "started_at", "row", nulls_last=True)  # fmt: skip
    # two requests on one path have ids and traces that differ
    strangers = pl.all_horizontal(
        (pl.col(name) != pl.col(name).shift(1)).fill_null(False) for name in ("request_id", "trace_id")
    )
    same = (pl.col("key") == pl.col("key").shift(1)) & (pl.col("input") == pl.col("input").shift(1))
    soon = (pl.col("started_at") - pl.coalesce("ended_at", "started_at").shift(1)).abs() <= MAX_GAP_NS
    # an attempt that failed before it named its operation can be of any operation
    alike = (pl.col("operation") == pl.col("operation").shift(1)).fill_null(True)
    follows = (same & alike & ~strangers & pl.col("error").shift(1) & soon.fill_null(True)).fill_null(False)
    chained = ordered.with_columns((~follows).cum_sum().alias("logical_call")).with_columns(
        pl.int_range(1, pl.len() + 1).over("logical_call").alias("attempt"),
        pl.len().over("logical_call").cast(pl.Int64).alias("attempts"),
    )
    whole = pl.DataFrame({"row": pl.Series(range(frame.height), dtype=calls["row"].dtype)}).join(
        chained.select("row", "logical_call", "attempt", "attempts"),
        on="row",
        how="left",
        maintain_order="left",
    )
    out = {c: whole[c] for c in ("logical_call", "attempt", "attempts")}
    out["call_request_ids"] = _different_ids(frame, whole["logical_call"])
    return out


def _different_ids(frame: Store, call: pl.Series) -> pl.Series:
    """How many ids the attempts of a call have: one where any id of theirs is on all of them."""
    names = [name for name in ("request_id", "request_id_also") if name in frame]
    ids = frame.select(names).with_columns(call.alias("g"))
    counts = [
        pl.when(pl.col(name).null_count().over("g") == 0)
        .then(pl.col(name).n_unique().over("g"))
        .otherwise(pl.col("request_id").drop_nulls().n_unique().over("g"))
        for name in names
    ]
    return ids.select(pl.min_horizontal(counts).cast(pl.Int64)).to_series()


def _shared_key(calls: pl.DataFrame) -> pl.Expr:
    """What attempts of one logical call have in common: the format's own key, else parent, trace or id."""
    same_id = pl.col("request_id") if "request_id" in calls.columns else pl.lit(None, pl.String)
    # set by formats whose attempts share no id: same numbered line, same URI by one client
    by_format = pl.col("attempt_key") if "attempt_key" in calls.columns else pl.lit(None, pl.String)
    return (
        pl.when(by_format.is_not_null())
        .then(pl.format("by format {}", by_format))
        .when(pl.col("parent_id").is_not_null())
        .then(pl.format("{} {}", "trace_key", "parent_id"))
        .when(pl.col("trace_id").is_not_null() & pl.col("span_id").is_null())
        .then(pl.col("trace_key"))
        .otherwise(pl.coalesce(same_id, pl.format("row {}", "row")))
    )


def _single_attempts(frame: Store) -> Series:
    """Each call as the only attempt of its own logical call, where no call failed."""
    columns = frame.select(
        pl.int_range(pl.len()).alias("logical_call"),
        pl.repeat(1, pl.len(), dtype=pl.Int64).alias("attempt"),
        pl.repeat(1, pl.len(), dtype=pl.Int64).alias("attempts"),
        pl.col("request_id").is_not_null().cast(pl.Int64).alias("call_request_ids"),
    )
    return {name: columns[name] for name in columns.columns}


COLUMNS = (
    RelatedColumn(
        "logical_call|attempt|attempts|call_request_ids",
        attempts,
        needs=("request_id", "trace_key", "operation"),
        dtype=pl.Int64,
    ),
)
