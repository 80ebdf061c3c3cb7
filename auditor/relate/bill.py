"""Cost by the logs compared with the bill, by day, region, model, lane and kind of token."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import polars as pl

from auditor.catalogue import prices
from auditor.catalogue.model_names import parse
from auditor.evidence.table import IS_CALL, Evidence, Series, hop_of, once_per_table
from auditor.relate.bill_groups import (
    GROUP,
    KINDS,
    NEEDED,
    PLACE,
    BillGroups,
    bill_groups,
    column,
    day,
    hides_model,
)
from auditor.relate.distinct_calls import alternatives
from auditor.relate.joins import first_delivery
from auditor.relate.models import model_key
from auditor.relate.related_column import RelatedColumn, several_hops

ALL = "all"  # every kind of token together, as in a gateway's own cost


@dataclass(frozen=True)
class Comparison:
    """Groups with `log_*` and `bill_*` sums; money in nano-dollars, days as ISO dates, months as `2026-11`.

    `group` numbers them; `of_row` gives for each row of the table the number of its group, null for none.
    `unmatched` are the names of models in the logs that are not on the bill, with their calls and whether
    the name hides the model; `unpriced` counts tokens without a list price by model, which are compared at
    the bill's own price.
    """

    rows: pl.DataFrame
    of_row: pl.DataFrame
    logs: tuple[int, ...]
    bills: tuple[int, ...]
    basis: Literal["observed", "estimated"]
    outside: pl.DataFrame
    unpriced: dict[str | None, int]
    unmatched: pl.DataFrame


def compare(evidence: Evidence, without: Collection[int] | None = None) -> Comparison | None:
    """The comparison; None without both a bill and a log that counts tokens.

    `without` are hops, by number, whose calls another log shows too: by default the first alternative's.
    """
    if without is None:
        without = alternatives(evidence)[0]
    return _compare(evidence, frozenset(without))


@once_per_table(of_joins=True)
def _compare(evidence: Evidence, without: frozenset[int]) -> Comparison | None:
    groups = bill_groups(evidence, without)
    if groups is None:
        return None
    bill, log = groups.bill, groups.log
    inside = bill.filter(pl.col("day").is_in(groups.days))
    rows = _sums(inside, "bill").join(_priced(log), on=GROUP, how="full", coalesce=True, nulls_equal=True)
    rows = rows.with_columns(_at_bills_price().alias("log_nano")).drop("unpriced")
    own = _figures(evidence, groups, inside)
    if own is not None:
        rows = pl.concat([rows, own], how="diagonal")
    sums = ("log_tokens", "bill_tokens", "log_nano", "bill_nano")
    rows = rows.with_columns(pl.col(c).fill_null(0) for c in sums).sort(GROUP, nulls_last=True)
    rows = rows.filter(pl.sum_horizontal(pl.col(c).abs() for c in sums) > 0).with_row_index("group")
    of_row = inside.select("row", *GROUP).join(
        rows.select("group", *GROUP), on=list(GROUP), how="left", nulls_equal=True
    )
    return Comparison(
        rows=rows,
        of_row=of_row.select("row", "group"),
        logs=tuple(sorted(log["input"].unique().to_list())),
        bills=tuple(sorted(bill["input"].unique().to_list())),
        basis="estimated",
        outside=bill.filter(~pl.col("day").is_in(groups.days)),
        unpriced=_unpriced(log),
        unmatched=_unmatched(log, bill),
    )


def _priced(log: pl.DataFrame) -> pl.DataFrame:
    """The sums of the logs, a kind of token after the other: all at once would be four rows a call."""
    parts = []
    for kind in KINDS:
        tokens, rate = pl.col(f"tokens_{kind}"), pl.col(f"rate_{kind}")
        nano = (tokens * rate).round().cast(pl.Int64)
        part = log.select(
            *PLACE,
            "model",
            pl.lit(kind).alias("kind"),
            tokens.alias("tokens"),
            nano.alias("nano"),
            (nano.is_null() & (tokens > 0)).alias("unpriced"),
        )
        parts.append(_sums(part, "log", pl.col("unpriced").any()))
    return pl.concat(parts)


def _at_bills_price() -> pl.Expr:
    """A log's money; where the list does not know the model, its tokens at the price on the bill."""
    price = pl.col("log_tokens") * pl.col("bill_nano") / pl.col("bill_tokens")
    known = pl.col("unpriced") & (pl.col("bill_tokens") > 0)
    return pl.when(known).then(price.round().cast(pl.Int64)).otherwise("log_nano")


def _unpriced(log: pl.DataFrame) -> dict[str | None, int]:
    """How many counts of tokens have no price, by model."""
    counts = [((pl.col(f"tokens_{k}") > 0) & pl.col(f"rate_{k}").is_null()).sum() for k in KINDS]
    sums = log.group_by("model").agg(pl.sum_horizontal(counts).alias("counts"))
    return dict(sums.filter(pl.col("counts") > 0).sort("model", nulls_last=True).iter_rows())


def _unmatched(log: pl.DataFrame, bill: pl.DataFrame) -> pl.DataFrame:
    """`model`, `calls`, `hidden`: the names in the logs that no line of the bill has."""
    known = bill["model_key"].drop_nulls().unique().to_list()
    left = log.filter(~pl.col("model_key").is_in(known).fill_null(False))
    names = left.group_by("model").agg(pl.len().alias("calls")).sort("model", nulls_last=True)
    return names.with_columns(hides_model(names["model"]).alias("hidden"))


def _sums(frame: pl.DataFrame, side: str, *more: pl.Expr) -> pl.DataFrame:
    present = [c for c in ("tier", "routing") if c in frame.columns]
    texts = [pl.col(c).drop_nulls().unique().sort().str.join(",").alias(c) for c in present]
    return frame.group_by(GROUP).agg(
        pl.col("tokens").sum().alias(f"{side}_tokens"),
        pl.col("nano").sum().alias(f"{side}_nano"),
        pl.col("model").drop_nulls().sort().first().alias(f"{side}_model"),
        *texts,
        *more,
    )


def _figures(evidence: Evidence, groups: BillGroups, bill: pl.DataFrame) -> pl.DataFrame | None:
    """The gateway's own cost of the calls, compared with the bill's lines of all kinds of token together.

    Of two logs of the gateway the first one counts, and a record that was delivered twice once.
    """
    if not evidence.has("cost_usd"):
        return None
    names = [c for c in evidence.frame if c in NEEDED]
    frame = evidence.frame.select(names).with_row_index("row").with_columns(
        pl.Series("hop", hop_of(evidence)), pl.Series("first", first_delivery(evidence))
    )  # fmt: skip
    own = frame.filter(
        IS_CALL,
        pl.col("layer") == "gateway",
        pl.col("cost_usd").is_not_null(),
        pl.col("row") == pl.col("first"),
    )
    own = own.filter(pl.col("hop") == pl.col("hop").min())
    if not own.height:
        return None
    own = own.with_columns(column(own, f"tokens_{k}", pl.Int64) for k in KINDS)
    own = own.with_columns(prices.uncached_input(own.columns).fill_null(0).alias("net"))
    nowhere = pl.lit(None, pl.String).alias("region")
    by_region = groups.by_region and "region" in own.columns and own["region"].null_count() == 0
    if not by_region:
        bill = bill.with_columns(nowhere)
    own = own.select(
        day(groups.monthly),
        pl.col("region") if by_region else nowhere,
        pl.lit(ALL).alias("kind"),
        pl.sum_horizontal("net", *(pl.col(f"tokens_{k}").fill_null(0) for k in KINDS[1:])).alias("tokens"),
        pl.col("cost_usd").alias("nano"),
        model_key(own["model"], groups.bill["model"]).alias("model_key"),
        "model",
    )
    own = _same_lanes(own, groups.log)
    whole = _sums(bill.with_columns(pl.lit(ALL).alias("kind")).drop("tier", "routing"), "bill")
    return _sums(own, "log").join(whole, on=GROUP, how="inner", nulls_equal=True)


def _same_lanes(own: pl.DataFrame, log: pl.DataFrame) -> pl.DataFrame:
    """The gateway's rows with the lane of their name, or the only lane of their model."""
    lanes = log.group_by("model_key").agg(pl.col("lane").drop_nulls().unique().sort().alias("lanes"))
    own = own.join(lanes, on="model_key", how="left", maintain_order="left")
    routed = {name: parse(name).routing for name in own["model"].drop_nulls().unique().to_list()}
    by_name = pl.col("model").replace_strict(routed, default=None, return_dtype=pl.String)
    inside = pl.col("lanes").list.contains(by_name)
    single = pl.when(pl.col("lanes").list.len() == 1).then(pl.col("lanes").list.first())
    return own.with_columns(pl.coalesce(pl.when(inside).then(by_name), single).alias("lane")).drop("lanes")


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
