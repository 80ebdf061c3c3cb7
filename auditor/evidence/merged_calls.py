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
_KEY = ["format", "call id"]
_OWNERS = ("tenant_id", "team_id", "user_id", "workflow_id")
_WORDS = ("names_operation", "announces", "prepares", "completes")
_PROPERTIES = (FACTS.keys() | {"service", "operation", "endpoint"}) - {*_WORDS, "weight"}


def merge_parts(table: Table) -> None:
    """Merge the records of a call in one input, and count those that look like calls and are none."""
    frame = table.frame
    if _PART not in frame.columns:
        return
    ids = [pl.col(n).cast(pl.String) for n in _IDS if n in frame.columns]
    merged = pl.Series([False] * frame.height)
    if ids and frame[_PART].any():
        frame = frame.with_columns(pl.coalesce(ids).alias("call id"))
        roles = _roles(frame)
        merged = roles["given"]
        if merged.any():
            frame = _merged(frame, roles)
        frame = frame.drop("call id")
    table.look_like_calls, table.first_look_alike = _look_alikes(frame, merged)
    table.frame = frame.drop(_PART, *(name for name in _WORDS if name in frame.columns))


def _roles(frame: pl.DataFrame) -> pl.DataFrame:
    """For each record: whether it is the `head` of a call's records, and whether it is `given` to a head."""
    called, known = pl.col("kind") == "call", pl.col("call id").is_not_null()
    part = pl.col(_PART).fill_null(False) & known
    whole = called & ~part
    # without a record that tells the outcome, the first one is the call
    first = called & (pl.col("record") == pl.col("record").filter(called).first().over(_KEY))
    head = known & pl.when(whole.any().over(_KEY)).then(whole).otherwise(first.fill_null(False))
    rows = frame.select(*_KEY, part.alias("part"), head.alias("head"))
    given = pl.col("part") & ~pl.col("head") & pl.col("head").any().over(_KEY)
    return rows.select("head", given.alias("given"))


def _merged(frame: pl.DataFrame, roles: pl.DataFrame) -> pl.DataFrame:
    """The frame with the facts of parts on the heads of their calls; the parts are context."""
    head, given = roles["head"], roles["given"]
    names = [n for n in frame.columns if _is_fact(n, frame)]
    first = [pl.col(n).drop_nulls().first() for n in names]
    parts = frame.filter(given).sort("record").group_by(_KEY, maintain_order=True)
    facts = parts.agg(*first, pl.col("started_at").min().alias("began"))
    gathered = frame.select("record", *_KEY).join(facts, on=_KEY, how="left", maintain_order="left")
    filled = [frame[n].zip_with(~(head & frame[n].is_null()), gathered[n]).alias(n) for n in names]
    blanks = [f"{n}_blank" for n in names if f"{n}_blank" in frame.columns]
    cleared = [frame[b].set(head & gathered[b.removesuffix("_blank")].is_not_null(), None) for b in blanks]
    began, ended = frame["started_at"], frame["ended_at"]
    earlier = (head & (gathered["began"] < began)).fill_null(False)
    return frame.with_columns(
        *filled,
        *cleared,
        began.zip_with(~earlier, gathered["began"]).alias("started_at"),
        ended.zip_with(~(earlier & ended.is_null()), began).alias("ended_at"),
        frame["kind"].set(given, "context"),
    )


def _is_fact(name: str, frame: pl.DataFrame) -> bool:
    """Whether a column is a value of a field, at any place, its slot, or a property such as the service."""
    return f"{name.removesuffix('_slot')}_slot" in frame.columns or name in _PROPERTIES


def _look_alikes(frame: pl.DataFrame, merged: pl.Series) -> tuple[int, int | None]:
    """How many records name a model or operation beside an owner or id and are no calls, and the first."""
    evidence = CallEvidence(frame)
    beside = evidence.has(*_OWNERS, *_IDS) | (evidence.any_model & evidence.operation)
    named = (evidence.any_model | evidence.operation) & beside & pl.col(_PART).fill_null(False)
    rows = frame.filter((pl.col("kind") != "call") & named & ~merged)
    first = rows["offset"].min() if rows.height else None
    return rows.height, first if isinstance(first, int) else None
