"""A call that may repeat one that failed just before, although no ID says so."""

from __future__ import annotations

import polars as pl

from auditor.evidence.table import IS_CALL, Evidence, Series
from auditor.relate.related_column import RelatedColumn

WITHIN_NS = 60 * 1_000_000_000  # a retry follows its failed attempt within a minute
# failures after which the same request is worth another try
RETRYABLE = r"(?i)\b(?:408|425|429|5\d\d)\b|throttl|rate.?limit|too.?many|time.?d?.?out|unavailable|overload"
CALLERS = ("tenant_id", "team_id", "user_id", "service")  # two calls that differ in one are of two callers
SAME = ("input", "model", "prompt")
_NAMES = """input kind layer model started_at ended_at error status error_code attempts prompt_hash
    tokens_input""".split()


def possible_retry(evidence: Evidence) -> Series:
    """Whether a call succeeded soon after a failed one of the same model and prompt that no ID joins to it.

    The prompt is known by its hash, else by its count of tokens. Where other calls with it succeed within a
    minute, it is one that is asked again and again.
    """
    frame = evidence.frame
    if not (frame["error"] & (frame["kind"] == "call")).any():
        return {}
    names = [name for name in (*_NAMES, *CALLERS) if evidence.has(name)]
    calls = frame.select(names).with_row_index("row").filter(IS_CALL, pl.col("layer") != "billing")
    callers = [name for name in CALLERS if name in names]
    calls = calls.select(
        "row", "input", "model", _prompt(names).alias("prompt"), "started_at", "error", "attempts", *callers,
        pl.coalesce("ended_at", "started_at").alias("ended_at"), _retryable(names).alias("retryable"),
    )  # fmt: skip
    calls = calls.drop_nulls([*SAME, "started_at"])
    failed = calls.filter("error", "retryable", pl.col("attempts") == 1).select(SAME).unique()
    calls = calls.join(failed, on=SAME, how="semi").sort(*SAME, "started_at", "row")
    succeeded = pl.when(~pl.col("error")).then("started_at")
    before = pl.col("started_at") - succeeded.shift(1).forward_fill().over(SAME)
    after = succeeded.shift(-1).backward_fill().over(SAME) - pl.col("started_at")
    wait = pl.col("started_at") - pl.col("ended_at").shift(1).over(SAME)
    tests = [
        ~pl.col("error") & (pl.col("attempts") == 1),
        (pl.col("error") & pl.col("retryable") & (pl.col("attempts") == 1)).shift(1).over(SAME),
        wait.is_between(0, WITHIN_NS),
        (before > WITHIN_NS).fill_null(True) & (after > WITHIN_NS).fill_null(True),
        *((pl.col(c) == pl.col(c).shift(1).over(SAME)).fill_null(True) for c in callers),
    ]
    rows = calls.filter(pl.all_horizontal(tests).fill_null(False))["row"]
    return {"possible_retry": pl.int_range(frame.height, eager=True).is_in(rows.cast(pl.Int64).implode())}


def _prompt(names: list[str]) -> pl.Expr:
    """What was asked, by its hash or its count of tokens."""
    known = [pl.format("hash {}", "prompt_hash")] if "prompt_hash" in names else []
    if "tokens_input" in names:
        known.append(pl.when(pl.col("tokens_input") > 0).then(pl.format("tokens {}", "tokens_input")))
    return pl.coalesce([*known, pl.lit(None, pl.String)])


def _retryable(names: list[str]) -> pl.Expr:
    """Whether a status or an error is of a kind that goes away."""
    causes = [pl.col(name).cast(pl.String) for name in ("status", "error_code") if name in names]
    return pl.any_horizontal(
        [pl.lit(False), *(cause.str.contains(RETRYABLE).fill_null(False) for cause in causes)]
    )


COLUMNS = (
    RelatedColumn(
        "possible_retry",
        possible_retry,
        needs=("error", "attempts", "model", "tokens_input", "status", "error_code", *CALLERS),
        sources=("model",),
        dtype=pl.Boolean,
    ),
)
