"""Cost by the logs compared with the bill, by day, region, model, lane and kind of token."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from auditor.evidence.table import Evidence, Series, once_per_table
from auditor.relate.bill_gateway import gateway_figures
from auditor.relate.bill_groups import CALLER, GROUP, KINDS, PLACE, bill_groups, hides_model, sums
from auditor.relate.distinct_calls import alternatives
from auditor.relate.related_column import RelatedColumn, several_hops


@dataclass(frozen=True)
class Comparison:
    """Groups with `log_*` and `bill_*` sums; money in nano-dollars, days as ISO dates, months as `2026-11`.

    `group` numbers them; `of_row` gives for each row of the table the number of its group, null for none.
    `callers` has the sums of each group by caller, as far as both sides know them; `late_*` is what the bill
    has at hours before the first and after the last call of the logs. `gateway` has those of a gateway's own
    figures by place and kind, at the bill's prices.
    `unmatched` are the names of models in the logs that are not on the bill, with their calls and whether
    the name hides the model; `unpriced` counts tokens without a list price by model, which are compared at
    the bill's own price.
    """

    rows: pl.DataFrame
    callers: pl.DataFrame
    gateway: pl.DataFrame | None
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
    rows = sums(inside, "bill").join(_priced(log), on=GROUP, how="full", coalesce=True, nulls_equal=True)
    rows = rows.with_columns(_at_bills_price().alias("log_nano")).drop("unpriced")
    own = gateway_figures(evidence, groups, inside)
    if own is not None:
        rows = pl.concat([rows, own.rows], how="diagonal")
    figures = ("log_tokens", "bill_tokens", "log_nano", "bill_nano")
    rows = rows.with_columns(pl.col(c).fill_null(0) for c in figures).sort(GROUP, nulls_last=True)
    rows = rows.filter(pl.sum_horizontal(pl.col(c).abs() for c in figures) > 0).with_row_index("group")
    of_row = inside.select("row", *GROUP).join(
        rows.select("group", *GROUP), on=list(GROUP), how="left", nulls_equal=True
    )
    return Comparison(
        rows=rows,
        callers=_callers(rows, inside, log),
        gateway=own.kinds if own is not None else None,
        of_row=of_row.select("row", "group"),
        logs=tuple(sorted(log["input"].unique().to_list())),
        bills=tuple(sorted(bill["input"].unique().to_list())),
        basis="estimated",
        outside=bill.filter(~pl.col("day").is_in(groups.days)),
        unpriced=_unpriced(log),
        unmatched=_unmatched(log, bill),
    )


def _callers(rows: pl.DataFrame, bill: pl.DataFrame, log: pl.DataFrame) -> pl.DataFrame:
    """The sums of each group by caller; those of a group whose logs have no list price are one caller's."""
    key = [*GROUP, *CALLER]
    hours = log["hour"].min(), log["hour"].max()
    late = ~pl.col("hour").is_between(*hours)
    each = bill.group_by(key).agg(
        pl.col("tokens").sum().alias("bill_tokens"), pl.col("nano").sum().alias("bill_nano"),
        pl.col("tokens").filter(late).sum().alias("late_tokens"),
        pl.col("nano").filter(late).sum().alias("late_nano"),
    )  # fmt: skip
    each = each.join(_priced(log, key), on=key, how="full", coalesce=True, nulls_equal=True)
    named = each.join(rows.select("group", *GROUP), on=list(GROUP), nulls_equal=True)
    whole = pl.col("unpriced").fill_null(False).any().over("group")
    alone = named.with_columns(pl.when(~whole).then(c).alias(c) for c in CALLER)
    figures = ("log_tokens", "bill_tokens", "log_nano", "bill_nano", "late_tokens", "late_nano")
    merged = alone.group_by("group", *CALLER).agg(
        *(pl.col(c).sum() for c in figures), pl.col("unpriced").fill_null(False).any()
    )
    known = rows.select("group", pl.col("log_nano").alias("whole_nano"))
    merged = merged.join(known, on="group")
    merged = merged.with_columns(
        pl.when("unpriced").then("whole_nano").otherwise("log_nano").alias("log_nano")
    )
    return merged.select("group", *CALLER, *figures).sort("group", *CALLER, nulls_last=True)


def _priced(log: pl.DataFrame, key: Sequence[str] = GROUP) -> pl.DataFrame:
    """The sums of the logs, a kind of token after the other: all at once would be four rows a call."""
    parts = []
    for kind in KINDS:
        tokens, rate = pl.col(f"tokens_{kind}"), pl.col(f"rate_{kind}")
        nano = (tokens * rate).round().cast(pl.Int64)
        part = log.select(
            *PLACE,
            *CALLER,
            "model",
            pl.lit(kind).alias("kind"),
            tokens.alias("tokens"),
            nano.alias("nano"),
            (nano.is_null() & (tokens > 0)).alias("unpriced"),
        )
        parts.append(sums(part, "log", pl.col("unpriced").any(), key=key))
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
