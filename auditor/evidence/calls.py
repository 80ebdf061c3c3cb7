"""What each record is: a call or not, failed or not, which kind of token it counts, which request it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from auditor.catalogue.attempts import counts_from_one
from auditor.catalogue.fields import USAGE
from auditor.evidence.ancestry import nearest
from auditor.evidence.arrays import Ints, Rows, index_of
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


def add_calls_of_libraries(evidence: Evidence) -> None:
    """Make calls of client spans that say no more than their library and name, where others of it are calls.

    A call that fails before its attributes are set leaves such a span.
    """
    if not evidence.has("library_operation"):
        return
    rows = evidence.frame.select("input", "kind", "library_operation")
    evidence.frame = evidence.frame.drop(["library_operation"])
    call = pl.col("kind") == "call"
    key = ("input", "library_operation")
    known = rows.filter(call & pl.col("library_operation").is_not_null()).select(key).unique()
    also = rows.with_row_index("row").filter(~call).join(known, on=key, how="semi")["row"]
    if len(also):
        evidence.put(rows["kind"].scatter(also, "call"))


@dataclass(frozen=True)
class Nested:
    """Calls below other calls: the rows of the inner ones, and of the nearest call above each."""

    inner: Ints
    outer: Ints


def without_wrappers(frame: Store, parent: Ints) -> list[pl.Series]:
    """The columns that change where a span repeats usage or response id of one below: it is no call.

    These are `kind`; `wrapper`, where a framework's span goes around that of the client it uses; and the
    usage of a call that has none itself, which is then that of the span around it. LiteLLM's span of the raw
    exchange is a call only where no call is above it but a failed one, which was another try.
    """
    call = np.array(frame["kind"] == "call")
    if call.sum() < 2:
        return []
    above = nearest(parent, call)
    below = np.flatnonzero(call & (above >= 0))
    if not len(below):
        return []
    wire = below[(frame["name"].gather(below) == WIRE_SPAN).fill_null(False).to_numpy()]
    call[wire[~frame["failed"].to_numpy()[above[wire]]]] = False
    inner = np.setdiff1d(below, wire)
    pairs = Nested(inner, above[inner])
    silent = _silent(frame, pairs)
    same = _same_call(frame, pairs) | silent
    call[pairs.outer[same]] = False
    changed = [frame["kind"].set(pl.Series(~call), "context")]
    changed += _frameworks(frame, Nested(inner[same], pairs.outer[same]))
    return changed + _usage_of_wrappers(frame, Nested(inner[silent], pairs.outer[silent]))


def _same_call(frame: Store, pairs: Nested) -> Rows:
    """Which inner calls are the outer one again: by an id, or by usage that the outer repeats or lacks."""
    inner, outer = pairs.inner, pairs.outer
    same = np.zeros(len(inner), dtype=bool)
    for name in ("response_id", "attempt_id"):
        if name in frame:
            a, b = frame[name].gather(inner), frame[name].gather(outer)
            same |= (a == b).fill_null(False).to_numpy()
    tokens = _tokens(frame)
    if not tokens:
        return np.ones(len(inner), dtype=bool)
    equal = np.all([t[inner] == t[outer] for t in tokens], axis=0)
    known = np.any([t[inner] > 0 for t in tokens], axis=0)
    bare = np.all([t[outer] <= 0 for t in tokens], axis=0)
    sums = [np.bincount(outer, weights=np.maximum(t[inner], 0), minlength=frame.height) for t in tokens]
    whole = np.all([s == np.maximum(t, 0) for s, t in zip(sums, tokens, strict=True)], axis=0)
    out: Rows = same | (equal & known) | bare | (whole[outer] & known)
    return out


def _tokens(frame: Store) -> list[Ints]:
    return [frame[n].fill_null(-1).to_numpy() for n in ("tokens_input", "tokens_output") if n in frame]


def _silent(frame: Store, pairs: Nested) -> Rows:
    """Which inner calls did not fail and have no usage, while the call of their model around them has it.

    Clients do not see the usage of a stream that their caller reads. Of several calls whose usage is given
    once around them nobody can tell what each used.
    """
    inner, outer = pairs.inner, pairs.outer
    tokens = _tokens(frame)
    if not tokens or not len(inner):
        return np.zeros(len(inner), dtype=bool)
    answered = ~frame["failed"].to_numpy()[inner]
    alone = np.bincount(outer[answered], minlength=frame.height)[outer] == 1
    without = np.all([t[inner] < 0 for t in tokens], axis=0)
    outside = np.any([t[outer] > 0 for t in tokens], axis=0)
    out: Rows = answered & alone & without & outside
    if "model" in frame:
        a, b = frame["model"].gather(inner), frame["model"].gather(outer)
        out &= (a == b).fill_null(True).to_numpy()
    return out


def _frameworks(frame: Store, pairs: Nested) -> list[pl.Series]:
    """The column `wrapper`, true too for a framework's own span around the client's of the same operation."""
    if "span_kind" not in frame or "operation" not in frame or not len(pairs.inner):
        return []
    kind, operation = frame["span_kind"], frame["operation"]
    around = (kind.gather(pairs.outer) == "internal") & (kind.gather(pairs.inner) == "client")
    around &= operation.gather(pairs.outer) == operation.gather(pairs.inner)
    rows = pairs.outer[around.fill_null(False).to_numpy()]
    return [_marked(frame, "wrapper", rows)] if len(rows) else []


def _usage_of_wrappers(frame: Store, pairs: Nested) -> list[pl.Series]:
    """The columns of usage and cost, with what stands around a call where it has none itself."""
    if not len(pairs.inner):
        return []
    index = np.full(frame.height, -1)
    index[pairs.inner] = pairs.outer
    whole = pl.Series(index)
    outer = index_of(index)
    out = [_marked(frame, "usage_of_wrapper", pairs.inner)]
    for name in sorted(USAGE & set(frame)):
        for column in (name, f"{name}_slot"):
            values = frame[column]
            out.append(values.zip_with(values.is_not_null() | (whole < 0), values[outer]).alias(column))
    return out


def _marked(frame: Store, name: str, rows: Ints) -> pl.Series:
    empty = pl.repeat(None, frame.height, dtype=pl.Boolean, eager=True)
    return frame.get(name, empty).scatter(rows, True).alias(name)
