"""Calls that a log tells in several records: a start and an end with one id are one call.

A record without usage and without a failure of its own gives its facts to the call with its id, and is
context. Between formats nothing is merged: there, joins decide.
"""

from __future__ import annotations

import polars as pl

from auditor.evidence.recognition import CallEvidence
from auditor.evidence.schema import FACTS, Table

_PART = "part_of_call"
_IDS = ("request_id", "attempt_id")
_OWNERS = ("tenant_id", "team_id", "user_id", "workflow_id")
_WORDS = ("names_operation", "announces", "prepares", "completes")


def merge_parts(table: Table) -> None:
    """Merge the records of a call in one input, and count those that look like calls and are none."""
    frame = table.frame
    if _PART not in frame.columns:
        return
    ids = [pl.col(n).cast(pl.String) for n in _IDS if n in frame.columns]
    merged = pl.Series("merged", [False] * frame.height)
    if ids and frame[_PART].any():
        frame, merged = _merged(frame.with_columns(pl.coalesce(ids).alias("call id")))
        frame = frame.drop("call id")
    table.look_like_calls, table.first_look_alike = _look_alikes(frame, merged)
    table.frame = frame.drop(_PART, *(name for name in _WORDS if name in frame.columns))


def _merged(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """The frame with the facts of parts on their calls, and which records were such parts."""
    key = ["format", "call id"]
    called, part = pl.col("kind") == "call", pl.col(_PART).fill_null(False) & pl.col("call id").is_not_null()
    rows = frame.select("record", *key, called.alias("called"), part.alias("part"), "started_at")
    whole = pl.col("called") & ~pl.col("part")
    rows = rows.with_columns(
        whole.any().over(key).alias("has whole"),
        (pl.col("called") & (pl.col("record") == pl.col("record").filter(pl.col("called")).first().over(key)))
        .fill_null(False)
        .alias("first"),
    )
    # without a record that tells the outcome, the first one is the call
    head = pl.col("call id").is_not_null() & pl.when("has whole").then(whole).otherwise(pl.col("first"))
    rows = rows.with_columns(head.fill_null(False).alias("head"))
    rows = rows.with_columns(
        (pl.col("part") & ~pl.col("head") & pl.col("head").any().over(key)).fill_null(False).alias("given")
    )
    given = rows["given"]
    if not given.any():
        return frame, given
    names = [n for n in frame.columns if _is_fact(n, frame)]
    parts = frame.filter(given).sort("record")
    first = [pl.col(n).drop_nulls().first() for n in names]
    filled = parts.group_by(key, maintain_order=True).agg(*first, pl.col("started_at").min().alias("began"))
    joined = frame.select("record", *key).join(filled, on=key, how="left", maintain_order="left")
    is_head = rows["head"]
    updates = [
        frame[name].zip_with(~(is_head & frame[name].is_null()), joined[name]).alias(name) for name in names
    ]
    began = joined["began"]
    earlier = is_head & began.is_not_null() & frame["started_at"].is_not_null() & (began < frame["started_at"])
    earlier = earlier.fill_null(False)
    ends = frame["ended_at"].zip_with(~(earlier & frame["ended_at"].is_null()), frame["started_at"])
    blanks = [
        frame[n].zip_with(~(is_head & _value_of(n, joined).is_not_null()), pl.Series([None] * frame.height, dtype=pl.String)).alias(n)
        for n in frame.columns
        if n.endswith("_blank") and n.removesuffix("_blank") in names
    ]
    return (
        frame.with_columns(
            *updates,
            *blanks,
            ends.alias("ended_at"),
            frame["started_at"].zip_with(~earlier, began).alias("started_at"),
            frame["kind"].zip_with(~given, pl.Series(["context"] * frame.height)).alias("kind"),
        ),
        given,
    )


def _value_of(blank: str, joined: pl.DataFrame) -> pl.Series:
    return joined[blank.removesuffix("_blank")]


def _is_fact(name: str, frame: pl.DataFrame) -> bool:
    """Whether a column is a value of a field, at any place, its slot, or a property such as the service."""
    base = name.removesuffix("_slot")
    if f"{base}_slot" in frame.columns:
        return True
    return name in ("service", "operation", "endpoint", "attempt_key") or (name in FACTS and name not in _WORDS)


def _look_alikes(frame: pl.DataFrame, merged: pl.Series) -> tuple[int, int | None]:
    """How many records name a model or operation beside an owner or id and are no calls, and the first."""
    evidence = CallEvidence(frame)
    beside = evidence.has(*_OWNERS, *_IDS) | (evidence.any_model & evidence.operation)
    named = (evidence.any_model | evidence.operation) & beside & pl.col(_PART).fill_null(False)
    rows = frame.filter((pl.col("kind") != "call") & named & ~merged)
    first = rows["offset"].drop_nulls().min() if rows.height else None
    return rows.height, first if isinstance(first, int) else None
