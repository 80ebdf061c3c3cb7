"""The bill's money given to the calls that explain it: each line's dollars by the tokens that each call used.

A line goes to the calls of its caller and hour first, as far as both sides know them; what is left, to the
others of its day. What no call explains stays on the lines. Both together are the bill, to the nano-dollar.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from auditor.evidence.arrays import Ints
from auditor.evidence.table import IS_CALL, Evidence, once_per_table
from auditor.relate.bill_groups import CALLER, GROUP, KINDS, PLACE, BillGroups, bill_groups

# how lines meet calls, the narrowest way first
LEVELS = ((*GROUP, *CALLER, "hour"), (*GROUP, *CALLER), (*GROUP, "hour"), GROUP)


@dataclass(frozen=True)
class Allocation:
    """Arrays over the rows of the table, in nano-dollars; `group` numbers days, regions, models and lanes.

    `of_call` is what a call cost by the bill, and `explained` the part of a line that calls explain, which
    over each group are the same sum. `group` is -1 for records that have nothing on the other side.
    """

    of_call: Ints
    explained: Ints
    group: Ints


@once_per_table(of_joins=True)
def allocation(evidence: Evidence, without: frozenset[int]) -> Allocation | None:
    """The bill's money by call; None where the inputs are no logs beside a bill."""
    frame = evidence.frame
    if len(evidence.hops) < 2:
        return None
    layers = frame.select("layer", "kind").filter(IS_CALL)["layer"]
    billed = layers == "billing"
    if not billed.any() or billed.all():
        return None
    none = np.zeros(frame.height, dtype=np.int64)
    groups = bill_groups(evidence, without)
    if groups is None:
        return Allocation(none, none.copy(), none - 1)
    return _allocated(groups, frame.height)


def _allocated(groups: BillGroups, height: int) -> Allocation:
    # a line below zero gives money back to nobody: the totals leave it out
    lines, calls = groups.bill.with_columns(pl.col("nano").clip(0)), _by_kind(groups.log)
    lines, calls = _met(lines, calls)
    cells = _cells(lines, calls)
    numbers = cells.select(PLACE).unique().sort(PLACE).with_row_index("group")
    cells = cells.join(numbers, on=PLACE, nulls_equal=True).with_row_index("cell")
    of_call = _split(calls, cells, height, ["started_at", "tokens", "id"])
    explained = _split(lines, cells, height, ["nano", "tokens"])
    group = np.full(height, -1, dtype=np.int64)
    for side in (lines, groups.log):
        rows = side.join(numbers, on=PLACE, nulls_equal=True)
        group[rows["row"].to_numpy()] = rows["group"].to_numpy()
    return Allocation(of_call, explained, group)


def _by_kind(log: pl.DataFrame) -> pl.DataFrame:
    """A row for each kind of token of each call; `priced` is its list price."""
    parts = []
    for kind in KINDS:
        tokens = pl.col(f"tokens_{kind}")
        parts.append(
            log.filter(tokens > 0).select(
                "row", "started_at", "id", *PLACE, *CALLER, "hour", pl.lit(kind).alias("kind"),
                tokens.alias("tokens"),
                (tokens * pl.col(f"rate_{kind}")).fill_null(0.0).alias("priced"),
            )
        )  # fmt: skip
    return pl.concat(parts)


def _met(lines: pl.DataFrame, calls: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Both sides with the money of each line and call that meets the other side, as `share`."""
    tokens = pl.col("tokens").cast(pl.Float64).alias("left")
    lines = lines.with_columns(tokens, pl.lit(0.0).alias("met"))
    calls = calls.with_columns(tokens, pl.lit(0.0).alias("met"))
    money = pl.col("nano") * pl.col("left") / pl.col("tokens")
    known = [name for name in (*CALLER, "hour") if lines[name].null_count() < lines.height]
    for level in dict.fromkeys(tuple(c for c in way if c in known or c in GROUP) for way in LEVELS):
        billed = lines.filter(pl.col("left") > 0).group_by(level).agg(
            pl.col("left").sum().alias("billed"), money.sum().alias("money")
        )  # fmt: skip
        logged = calls.filter(pl.col("left") > 0).group_by(level).agg(pl.col("left").sum().alias("logged"))
        both = billed.join(logged, on=level, nulls_equal=True)
        both = both.with_columns(pl.min_horizontal("billed", "logged").alias("common"))
        of_line, of_call = pl.col("common") / pl.col("billed"), pl.col("common") / pl.col("logged")
        lines = _less(lines, both, level, money * of_line, of_line)
        paid = pl.col("left") * pl.col("money") * of_line / pl.col("logged")
        calls = _less(calls, both, level, paid, of_call)
    return lines.rename({"met": "share"}), calls.rename({"met": "share"})


def _less(
    side: pl.DataFrame, both: pl.DataFrame, level: tuple[str, ...], money: pl.Expr, part: pl.Expr
) -> pl.DataFrame:
    """One side after a level: what it has met so far, and what is left of its tokens."""
    joined = side.join(both, on=level, how="left", nulls_equal=True, maintain_order="left")
    met, taken = money.fill_null(0.0).fill_nan(0.0), (pl.col("left") * part).fill_null(0.0)
    return joined.with_columns(pl.col("met") + met, (pl.col("left") - taken).alias("left")).drop(
        "billed", "money", "logged", "common"
    )


def _cells(lines: pl.DataFrame, calls: pl.DataFrame) -> pl.DataFrame:
    """The groups of the bill with the money that the calls explain, and by what it is split over them.

    A kind of token is explained as far as the calls count its tokens. A kind that they do not count at all,
    or a line that is not metered in tokens, is explained as the other tokens of the group are.
    """
    unmetered = pl.col("nano").filter(pl.col("tokens") == 0)
    bill = lines.group_by(GROUP).agg(pl.col("tokens", "nano", "share").sum(), unmetered.sum().alias("bare"))
    log = calls.group_by(GROUP).agg(pl.col("tokens").sum().alias("logged"), pl.col("priced").sum())
    both = bill.join(log, on=GROUP, how="left", nulls_equal=True)
    counted = (pl.col("tokens") > 0) & (pl.col("logged") > 0)
    part = pl.when(counted).then(pl.min_horizontal(1.0, pl.col("logged") / pl.col("tokens")))
    both = both.with_columns(part.alias("part"))
    whole = calls.group_by(PLACE).agg(pl.col("priced").sum().alias("list"))
    place = both.group_by(PLACE).agg(
        pl.col("part").max().alias("as_others"), pl.col("nano").sum().alias("place_nano"),
        (pl.col("tokens") > 0).any().alias("metered"),
    )  # fmt: skip
    # a place without calls has no list price, which explains nothing
    by_price = pl.when(~pl.col("metered") & pl.col("list").is_not_null() & (pl.col("place_nano") > 0)).then(
        pl.min_horizontal(1.0, pl.col("list") / pl.col("place_nano"))
    )
    place = place.join(whole, on=PLACE, how="left", nulls_equal=True).select(
        *PLACE, pl.coalesce("as_others", by_price).fill_null(0.0).alias("other_part")
    )
    both = both.join(place, on=PLACE, nulls_equal=True)
    met = pl.col("share") + pl.col("bare") * pl.col("part")
    explained = pl.coalesce(met, pl.col("nano") * pl.col("other_part"))
    return both.select(
        *GROUP,
        explained.round().cast(pl.Int64).alias("explained"),
        pl.col("part").is_not_null().alias("own_tokens"),
        pl.coalesce("part", "other_part").alias("part"),
    ).sort(GROUP, nulls_last=True)


def _split(side: pl.DataFrame, cells: pl.DataFrame, height: int, order: list[str]) -> Ints:
    """Each cell's explained money split over the rows of one side, by `share`."""
    out = np.zeros(height, dtype=np.int64)
    if "priced" not in side.columns:
        rows = side.join(cells, on=GROUP, nulls_equal=True)
        # what meets no tokens of its own goes by its money
        bare = ~pl.col("own_tokens") | (pl.col("tokens") == 0)
        rows = rows.with_columns(
            pl.when(bare).then(pl.col("nano") * pl.col("part")).otherwise("share").alias("share")
        )
    else:
        own = side.join(cells.filter("own_tokens"), on=GROUP, nulls_equal=True)
        others = cells.filter(~pl.col("own_tokens")).drop("kind")
        # what the calls do not count themselves goes by their list price, else by their tokens
        tokens = pl.col("tokens").cast(pl.Float64)
        weight = pl.when(pl.col("priced").sum().over(PLACE) > 0).then("priced").otherwise(tokens)
        rest = side.with_columns(weight.alias("share")).join(others, on=PLACE, nulls_equal=True)
        rows = pl.concat([own.select(rest.columns), rest])
    if not rows.height:
        return out
    rows = rows.sort("cell", *order, "row", nulls_last=True)
    whole, upto = pl.col("share").sum().over("cell"), pl.col("share").cum_sum().over("cell")
    until = (pl.col("explained") * (upto / whole)).round().fill_nan(0).cast(pl.Int64)
    rows = rows.with_columns(until.alias("until")).with_columns(
        (pl.col("until") - pl.col("until").shift(1).over("cell").fill_null(0)).alias("nano")
    )
    np.add.at(out, rows["row"].to_numpy(), rows["nano"].to_numpy())
    return out
