"""Cost by the logs compared with the bill, by day, region, model and kind of token."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from auditor.catalogue import prices
from auditor.evidence.arrays import Ints
from auditor.evidence.table import IS_CALL, Evidence, Series, once_per_table
from auditor.relate.distinct_calls import alternatives, with_tokens
from auditor.relate.models import model_key
from auditor.relate.related_column import RelatedColumn, several_hops

KINDS = ("input", "output", "cache_read", "cache_write")
ALL = "all"  # every kind of token together, as in a gateway's own cost
GROUP = ("day", "region", "model_key", "kind")
# the columns of the table that the comparison reads
NEEDED = frozenset(
    """kind layer input started_at region provider model cost_usd tokens_total token_kind tier routing
    profile""".split()
) | {f"tokens_{kind}" for kind in KINDS}


@dataclass(frozen=True)
class Comparison:
    """Groups with `log_*` and `bill_*` sums; money in nano-dollars, days as ISO dates, months as `2026-11`.

    `group` numbers them; `of_row` gives for each row of the table the number of its group, null for none.
    """

    rows: pl.DataFrame
    of_row: pl.DataFrame
    sides: pl.DataFrame  # `row` of the table, a hash of its day, region and model as `shared`, and `dated`
    logs: tuple[int, ...]
    bills: tuple[int, ...]
    basis: Literal["observed", "estimated"]
    outside: pl.DataFrame
    unpriced: dict[str | None, int]


def compare(evidence: Evidence, without: Collection[int] | None = None) -> Comparison | None:
    """The comparison; None without both a bill and a log that counts tokens.

    `without` are hops, by number, whose calls another log shows too: by default the first alternative's.
    """
    if without is None:
        without = alternatives(evidence)[0]
    return _compare(evidence, frozenset(without)) if len(evidence.hops) > 1 else None


@once_per_table(of_joins=True)
def _compare(evidence: Evidence, without: frozenset[int]) -> Comparison | None:
    frame = evidence.frame.select(c for c in evidence.frame if c in NEEDED).with_row_index("row")
    billed = frame.filter(IS_CALL & (pl.col("layer") == "billing"))
    logged = frame[counted_once(evidence, without)]
    if not (billed.height and logged.height and evidence.has("model")):
        return None
    monthly = _monthly(billed)
    bill, log = _bill(billed, monthly), _log(logged, billed, monthly)
    by_region = log["region"].null_count() == 0 and bill["region"].null_count() == 0
    if not by_region:
        bill, log = (f.with_columns(pl.lit(None, pl.String).alias("region")) for f in (bill, log))
    days = log["day"].unique().to_list()
    inside = bill.filter(pl.col("day").is_in(days))
    unpriced = _unpriced(log)
    hidden = unpriced["model_key"].to_list()
    sides = [_sums(inside.filter(~pl.col("model_key").is_in(hidden)), "bill"), _priced(log)]
    own = _figures(evidence, frame, inside, monthly, by_region=by_region)
    joined = sides[0].join(sides[1], on=GROUP, how="full", coalesce=True, nulls_equal=True)
    rows = pl.concat([joined, own], how="diagonal") if own is not None else joined
    sums = ("log_tokens", "bill_tokens", "log_nano", "bill_nano")
    rows = rows.with_columns(pl.col(c).fill_null(0) for c in sums).sort(GROUP, nulls_last=True)
    rows = rows.filter(pl.sum_horizontal(pl.col(c).abs() for c in sums) > 0).with_row_index("group")
    of_row = inside.select("row", *GROUP).join(
        rows.select("group", *GROUP), on=list(GROUP), how="left", nulls_equal=True
    )
    shared = pl.struct(GROUP[:3]).hash().alias("shared")
    dated = pl.col("day").is_not_null().alias("dated")
    return Comparison(
        rows=rows,
        of_row=of_row.select("row", "group"),
        sides=pl.concat([f.select("row", shared, dated) for f in (bill, log)]),
        logs=tuple(sorted(logged["input"].unique().to_list())),
        bills=tuple(sorted(billed["input"].unique().to_list())),
        basis="estimated",
        outside=bill.filter(~pl.col("day").is_in(days)),
        unpriced=dict(unpriced.iter_rows()),
    )


def counted_once(evidence: Evidence, without: Collection[int] = ()) -> Ints:
    """The rows that count each call's tokens once: its last record with tokens, leaving out some hops."""
    frame = evidence.frame
    used = pl.Series(np.zeros(frame.height, dtype=bool))
    for kind in KINDS:
        if evidence.has(f"tokens_{kind}"):
            used |= (frame[f"tokens_{kind}"] > 0).fill_null(False)
    single = (frame["kind"] == "call") & (frame["layer"] != "billing")
    return with_tokens(evidence, (single & used).to_numpy(), without)


def _monthly(billed: pl.DataFrame) -> bool:
    """Whether the bill knows months only: every line starts on the first of one."""
    at = pl.from_epoch(billed["started_at"].drop_nulls(), time_unit="ns")
    return bool(len(at)) and bool(((at.dt.day() == 1) & (at.dt.hour() == 0)).all())


def _day(monthly: bool) -> pl.Expr:
    at = pl.from_epoch("started_at", time_unit="ns")
    return at.dt.strftime("%Y-%m" if monthly else "%Y-%m-%d").alias("day")


def _column(frame: pl.DataFrame, name: str, dtype: type[pl.DataType]) -> pl.Expr:
    return pl.col(name) if name in frame.columns else pl.lit(None, dtype).alias(name)


def _bill(billed: pl.DataFrame, monthly: bool) -> pl.DataFrame:
    """The lines of the bill: one kind of token each."""
    kind = _column(billed, "token_kind", pl.String).fill_null("other").alias("kind")
    tokens = [_column(billed, f"tokens_{k}", pl.Int64).fill_null(0) for k in KINDS]
    money = _column(billed, "cost_usd", pl.Int64).fill_null(0).alias("nano")
    return billed.select(
        "row",
        "input",
        _day(monthly),
        _column(billed, "region", pl.String),
        kind,
        pl.sum_horizontal(tokens).alias("tokens"),
        money,
        _column(billed, "tier", pl.String),
        _column(billed, "routing", pl.String),
        model_key(billed["model"]).alias("model_key"),
        billed["model"].alias("model"),
    )


def _log(logged: pl.DataFrame, billed: pl.DataFrame, monthly: bool) -> pl.DataFrame:
    """The calls of the logs with their tokens of each kind, and the list price of one token of each."""
    frame = logged.with_columns(
        _column(logged, "provider", pl.String), *(_column(logged, f"tokens_{k}", pl.Int64) for k in KINDS)
    )
    frame = _uncovered(frame, billed).with_columns(prices.uncached_input(frame.columns).alias("tokens_input"))
    names = [f"rate_{k}" for k in KINDS]
    lists, number = prices.rated(frame)
    frame = frame.with_columns(rate[number].alias(name) for rate, name in zip(lists, names, strict=True))
    named = frame.with_columns(
        _day(monthly), model_key(frame["model"]).alias("model_key"), _column(frame, "region", pl.String)
    )
    named = _priced_alike(named, billed, names)
    tokens = [f"tokens_{kind}" for kind in KINDS]
    return named.select("row", "input", "day", "region", "model_key", "model", *tokens, *names)


def _priced(log: pl.DataFrame) -> pl.DataFrame:
    """The sums of the logs, a kind of token after the other: all at once would be four rows a call."""
    parts = []
    for kind in KINDS:
        tokens, rate = pl.col(f"tokens_{kind}").fill_null(0), pl.col(f"rate_{kind}")
        nano = (tokens * rate).round().cast(pl.Int64).alias("nano")
        part = log.filter(rate.is_not_null()).select(
            *GROUP[:3], "model", pl.lit(kind).alias("kind"), tokens.alias("tokens"), nano
        )
        parts.append(_sums(part, "log"))
    return pl.concat(parts)


def _unpriced(log: pl.DataFrame) -> pl.DataFrame:
    """How many counts of tokens have no price, by model."""
    counts = [
        ((pl.col(f"tokens_{kind}") > 0) & pl.col(f"rate_{kind}").is_null()).fill_null(False).sum()
        for kind in KINDS
    ]
    sums = log.group_by("model_key").agg(pl.sum_horizontal(counts).alias("counts"))
    return sums.filter(pl.col("counts") > 0).sort("model_key")


def _uncovered(frame: pl.DataFrame, billed: pl.DataFrame) -> pl.DataFrame:
    """A profile's ARN as the model of a log, replaced by the model that the bill names for that resource."""
    if "profile" not in billed.columns:
        return frame
    known = billed.filter(pl.col("profile").is_not_null() & ~pl.col("model").str.starts_with("arn:"))
    pairs = known.select(pl.col("profile").alias("model"), pl.col("model").alias("named")).unique("model")
    if not pairs.height:
        return frame
    joined = frame.join(pairs, on="model", how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce("named", "model").alias("model")).drop("named")


def _priced_alike(named: pl.DataFrame, billed: pl.DataFrame, rates: list[str]) -> pl.DataFrame:
    """Rates for models of a profile: those of the same model by its wire id, with the routing on the bill."""
    unknown = pl.col(rates[0]).is_null()
    if "profile" not in billed.columns or not named.select(unknown.any()).item():
        return named
    routed = pl.col("model").str.extract(r"^(?:bedrock/)?(global|us|eu|apac|jp|au)\.", 1)
    way = pl.when(routed == "global").then(pl.lit("global")).when(routed.is_not_null()).then(pl.lit("geo"))
    known = named.filter(~unknown).select(
        "model_key", way.otherwise(pl.lit("in_region")).alias("routing"), *rates
    )
    known = known.unique(["model_key", "routing"], maintain_order=True)
    routing = _column(billed, "routing", pl.String)
    ways = billed.filter(pl.col("profile").is_not_null()).select(
        model_key(billed.filter(pl.col("profile").is_not_null())["model"]).alias("model_key"), routing
    )
    alike = ways.unique("model_key", maintain_order=True).join(known, on=["model_key", "routing"])
    joined = named.join(alike.drop("routing"), on="model_key", how="left", suffix="_alike")
    return joined.with_columns(pl.coalesce(r, f"{r}_alike").alias(r) for r in rates)


def _sums(frame: pl.DataFrame, side: str) -> pl.DataFrame:
    present = [c for c in ("tier", "routing") if c in frame.columns]
    texts = [pl.col(c).drop_nulls().unique().sort().str.join(",").alias(c) for c in present]
    return frame.group_by(GROUP).agg(
        pl.col("tokens").sum().alias(f"{side}_tokens"),
        pl.col("nano").sum().alias(f"{side}_nano"),
        pl.col("model").drop_nulls().sort().first().alias(f"{side}_model"),
        *texts,
    )


def _figures(
    evidence: Evidence, frame: pl.DataFrame, bill: pl.DataFrame, monthly: bool, *, by_region: bool
) -> pl.DataFrame | None:
    """The gateway's own cost of the calls, compared with the bill's lines of all kinds of token together."""
    if not evidence.has("cost_usd"):
        return None
    own = frame.filter(IS_CALL & (pl.col("layer") == "gateway") & pl.col("cost_usd").is_not_null())
    if not own.height:
        return None
    own = own.with_columns(_column(own, f"tokens_{k}", pl.Int64) for k in KINDS)
    own = own.with_columns(prices.uncached_input(own.columns).fill_null(0).alias("net"))
    nowhere = pl.lit(None, pl.String).alias("region")
    by_region = by_region and "region" in own.columns and own["region"].null_count() == 0
    region = pl.col("region") if by_region else nowhere
    if not by_region:
        bill = bill.with_columns(nowhere)
    log = own.select(
        _day(monthly),
        region,
        pl.lit(ALL).alias("kind"),
        pl.sum_horizontal(
            "net", *(_column(own, f"tokens_{k}", pl.Int64).fill_null(0) for k in KINDS[1:])
        ).alias("tokens"),
        pl.col("cost_usd").alias("nano"),
        model_key(own["model"]).alias("model_key"),
        own["model"].alias("model"),
    )
    sums = _sums(log, "log")
    whole = _sums(bill.with_columns(pl.lit(ALL).alias("kind")).drop("tier", "routing"), "bill")
    return sums.join(whole, on=GROUP, how="inner", nulls_equal=True)


def compared(evidence: Evidence) -> Series:
    """The cost of each billed line's group, by the logs at list prices and by the bill, in nano-dollars."""
    comparison = compare(evidence)
    if comparison is None:
        return {}
    each = comparison.of_row.join(comparison.rows.select("group", "log_nano", "bill_nano"), on="group")
    size = pl.DataFrame({"row": pl.Series(range(evidence.frame.height), dtype=each["row"].dtype)})
    joined = size.join(each, on="row", how="left", maintain_order="left")
    return {"logged_cost_usd": joined["log_nano"], "billed_cost_usd": joined["bill_nano"]}


COLUMNS = (
    RelatedColumn(
        "logged_cost_usd|billed_cost_usd",
        compared,
        needs=("model", "region"),
        exists_when=several_hops,
        dtype=pl.Int64,
    ),
)
