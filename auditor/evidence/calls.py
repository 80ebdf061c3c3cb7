"""What each record is: a call or not, failed or not, which kind of token it counts, which request it is."""

from __future__ import annotations

import numpy as np
import polars as pl

from auditor.catalogue.attempts import counts_from_one
from auditor.evidence.ancestry import nearest
from auditor.evidence.arrays import Ints
from auditor.evidence.schema import Slot
from auditor.evidence.store import Store
from auditor.evidence.table import Evidence

WIRE_SPAN = "raw_gen_ai_request"  # LiteLLM's span of the raw exchange, below its own of the call
# the only kind of token of an operation or model whose name matches; the first that matches wins
ONLY_KIND = (("(?i)rerank", "search"), ("(?i)embed", "input"))
_USAGE = ("tokens_input", "tokens_output", "tokens_total")
_FAILED = r"(?i)^(error|failure|failed|fault|exception|timeout|[45]\d\d)$"
_STATUS_OK = r"(?i)^(0|ok|success|succeeded|none|200|201)$"
_OPEN_RESPONSE_ID = r"^(chatcmpl-|resp_|gen-|cmpl-)"


def add_outcomes(evidence: Evidence) -> None:
    """Add `error`, by the record's outcome, error code or status, and `failed`: an error without usage.

    A proxy counts the prompt of a call that it refuses: without an answer and a cost that is no usage.
    """
    error = pl.col("outcome").fill_null("") == "error"
    if evidence.has("error_code"):
        code = pl.col("error_code").cast(pl.String)
        error = error | (code.is_not_null() & ~code.str.contains(_STATUS_OK))
    if evidence.has("status"):
        error = error | pl.col("status").cast(pl.String).str.contains(_FAILED).fill_null(False)
    used: pl.Expr = pl.lit(False)
    for name in _USAGE:
        if evidence.has(name):
            used = used | (pl.col(name).fill_null(0) > 0)
    if all(evidence.has(name) for name in ("cost_usd", "tokens_output")):
        refused = (pl.col("cost_usd") == 0) & (pl.col("tokens_output").fill_null(0) == 0)
        used = used & ~refused.fill_null(False)
    evidence.put(error.alias("error"))
    evidence.put((pl.col("error") & ~used).alias("failed"))


def add_token_kind(evidence: Evidence) -> None:
    """Add `token_kind` of calls that can have one kind only, if there are any; a bill's own value stays."""
    frame = evidence.frame
    names = [pl.col(name).cast(pl.String) for name in ("operation", "model") if name in frame]
    by_name = [
        pl.when(pl.any_horizontal(name.str.contains(pattern).fill_null(False) for name in names)).then(
            pl.lit(kind)
        )
        for pattern, kind in ONLY_KIND
    ]
    own = [pl.col("token_kind")] if "token_kind" in frame else []
    calls = pl.when(pl.col("kind") == "call")
    kinds = frame.select(calls.then(pl.coalesce(*own, *by_name)).alias("token_kind")).to_series()
    if kinds.null_count() < len(kinds):
        evidence.put(kinds)


def count_retries(evidence: Evidence) -> None:
    """Turn the numbers of attempts under `retry_count` into counts of retries: attempt 2 is one retry.

    They count from 1, or from 0 in an input that has an attempt 0. Readers that name the key have counted.
    """
    if not evidence.has("attempt_ordinal"):
        return
    numbers = pl.col("attempt_ordinal")
    from_one = numbers.min().over("input") > 0
    keys = [n for n, slot in enumerate(evidence.slots) if slot.free and counts_from_one(slot.key)]
    counted = pl.col("retry_count_slot").is_in(keys) & from_one
    evidence.put(
        pl.when(counted)
        .then(pl.col("retry_count") - 1)
        .otherwise(pl.col("retry_count"))
        .alias("retry_count"),
        numbers + pl.when(from_one).then(0).otherwise(1),
    )


def fill_request_ids(evidence: Evidence) -> None:
    """Fill `request_id` from the attempt's id, or from the response id of vendors with an open format."""
    for name, pattern in (("attempt_id", None), ("response_id", _OPEN_RESPONSE_ID)):
        if not evidence.has(name):
            continue
        values = pl.col(name)
        if pattern:
            values = pl.when(values.str.contains(pattern)).then(values)
        numbers = evidence.frame[f"{name}_slot"].drop_nulls().unique().sort().to_list()
        at = {number: len(evidence.slots) + n for n, number in enumerate(numbers)}
        keys = [evidence.slots[number].key for number in numbers]
        evidence.slots += [Slot("request_id", "own", "attempt", key, 900) for key in keys]
        slots = pl.col(f"{name}_slot").replace_strict(at, default=None, return_dtype=pl.Int32)
        evidence.fill("request_id", values, slots)


def without_wrappers(frame: Store, parent: Ints) -> list[pl.Series]:
    """The column `kind`, where it changes: a span that repeats usage or response id of one below is no call.

    LiteLLM's span of the raw exchange is a call only where no call is above it but a failed one, which was
    another try.
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
