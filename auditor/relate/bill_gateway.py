"""A gateway's own figures of the calls, beside the lines of a bill."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from auditor.catalogue import prices
from auditor.catalogue.model_names import parse
from auditor.evidence.table import IS_CALL, Evidence, hop_of
from auditor.relate.bill_groups import ALL, GROUP, KINDS, NEEDED, PLACE, BillGroups, column, day, sums
from auditor.relate.joins import first_delivery
from auditor.relate.models import model_key


@dataclass(frozen=True)
class GatewayFigures:
    """The gateway's own cost beside the bill's lines of all kinds of token together, and both by kind.

    In `kinds` the gateway's tokens are valued at the bill's price of their kind: `rows` has its own price.
    """

    rows: pl.DataFrame
    kinds: pl.DataFrame


def gateway_figures(evidence: Evidence, groups: BillGroups, bill: pl.DataFrame) -> GatewayFigures | None:
    """The gateway's figures of the groups of a bill; None where no gateway logs a cost.

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
    worked = ~column(own, "failed", pl.Boolean).fill_null(False)
    own = own.with_columns(
        pl.when(worked).then(column(own, f"tokens_{k}", pl.Int64)).alias(f"tokens_{k}") for k in KINDS
    )
    own = own.with_columns(prices.uncached_input(own.columns).fill_null(0).alias("net"))
    nowhere = pl.lit(None, pl.String).alias("region")
    by_region = groups.by_region and "region" in own.columns and own["region"].null_count() == 0
    if not by_region:
        bill = bill.with_columns(nowhere)
    own = own.select(
        day(groups.monthly),
        pl.col("region") if by_region else nowhere,
        pl.lit(ALL).alias("kind"),
        pl.col("net").alias("input"),
        *(pl.col(f"tokens_{k}").fill_null(0).alias(k) for k in KINDS[1:]),
        pl.col("cost_usd").alias("nano"),
        model_key(own["model"], groups.bill["model"]).alias("model_key"),
        "model",
    )
    own = _same_lanes(own, groups.log).with_columns(pl.sum_horizontal(KINDS).alias("tokens"))
    whole = sums(bill.with_columns(pl.lit(ALL).alias("kind")).drop("tier", "routing"), "bill")
    rows = sums(own, "log").join(whole, on=GROUP, how="inner", nulls_equal=True)
    return GatewayFigures(rows, _by_kind(own, bill))


def _by_kind(own: pl.DataFrame, bill: pl.DataFrame) -> pl.DataFrame:
    """Tokens and money of each kind on both sides."""
    totals = own.group_by(PLACE).agg(pl.col(KINDS).sum())
    logged = totals.unpivot(KINDS, index=PLACE, variable_name="kind", value_name="log_tokens")
    billed = bill.group_by(GROUP).agg(
        pl.col("tokens").sum().alias("bill_tokens"), pl.col("nano").sum().alias("bill_nano")
    )
    both = logged.join(billed, on=GROUP, how="full", coalesce=True, nulls_equal=True)
    both = both.with_columns(pl.col("log_tokens", "bill_tokens", "bill_nano").fill_null(0))
    price = (pl.col("log_tokens") * pl.col("bill_nano") / pl.col("bill_tokens")).round()
    known = pl.when(pl.col("bill_tokens") > 0).then(price).otherwise(0)
    return both.with_columns(known.cast(pl.Int64).alias("log_nano")).sort(GROUP, nulls_last=True)


def _same_lanes(own: pl.DataFrame, log: pl.DataFrame) -> pl.DataFrame:
    """The gateway's rows with the lane of their name, or the only lane of their model."""
    lanes = log.group_by("model_key").agg(pl.col("lane").drop_nulls().unique().sort().alias("lanes"))
    own = own.join(lanes, on="model_key", how="left", maintain_order="left")
    routed = {name: parse(name).routing for name in own["model"].drop_nulls().unique().to_list()}
    by_name = pl.col("model").replace_strict(routed, default=None, return_dtype=pl.String)
    inside = pl.col("lanes").list.contains(by_name)
    single = pl.when(pl.col("lanes").list.len() == 1).then(pl.col("lanes").list.first())
    return own.with_columns(pl.coalesce(pl.when(inside).then(by_name), single).alias("lane")).drop("lanes")
