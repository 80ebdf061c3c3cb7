"""Lines of a bill and calls of logs, in the groups in which both can be compared: day, region, model, lane.

A lane is how a call was routed and sold: `in_region`, `geo`, `global` or `batch`. Within a group both sides
are matched by caller, application profile and hour, as far as both know them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from auditor.catalogue import prices, principals
from auditor.catalogue.model_names import is_hidden, parse
from auditor.evidence.arrays import Ints
from auditor.evidence.table import IS_CALL, Evidence, once_per_table
from auditor.relate.distinct_calls import with_tokens
from auditor.relate.models import model_key

KINDS = ("input", "output", "cache_read", "cache_write")
OTHER = "other"  # a line that is metered in no kind of token
ALL = "all"  # every kind of token together, as in a gateway's own cost
BATCH = "batch"
HOUR_NS = 3_600_000_000_000
PLACE = ("day", "region", "model_key", "lane")
GROUP = (*PLACE, "kind")
CALLER = ("principal", "profile")  # null in a place where one side does not know them
# the columns of the table that the comparison reads
NEEDED = frozenset(
    """kind layer input started_at region provider model cost_usd tokens_total token_kind tier routing
    profile iam_principal failed attempt_id response_id request_id""".split()
) | {f"tokens_{kind}" for kind in KINDS}


@dataclass(frozen=True)
class BillGroups:
    """Both sides with the columns of PLACE and CALLER; `row` is that of the table, money is in nano-dollars.

    `bill` has one row a line: kind, tokens, nano, tier. `log` has one row a call: `tokens_*` and `rate_*` of
    each kind, the latter null where the price list does not know the model. `monthly`: days are months.
    `hour` is that of a line or call in hours since 1970, null where the bill knows days only.
    """

    bill: pl.DataFrame
    log: pl.DataFrame
    monthly: bool
    by_region: bool

    @property
    def days(self) -> list[str]:
        """The days of the logs."""
        return self.log["day"].unique().to_list()


@once_per_table(of_joins=True)
def bill_groups(evidence: Evidence, without: frozenset[int]) -> BillGroups | None:
    """Both sides; None without both a bill and a log that counts tokens. `without` are hops left out."""
    if len(evidence.hops) < 2 or not evidence.has("model"):
        return None
    frame = evidence.frame.select(c for c in evidence.frame if c in NEEDED).with_row_index("row")
    billed = frame.filter(IS_CALL & (pl.col("layer") == "billing"))
    logged = frame[counted_once(evidence, without)]
    if not (billed.height and logged.height):
        return None
    monthly = is_monthly(billed)
    bill, log = _bill(billed, monthly), _log(logged, billed, monthly)
    by_region = log["region"].null_count() == 0 and bill["region"].null_count() == 0
    if not by_region:
        bill, log = (f.with_columns(pl.lit(None, pl.String).alias("region")) for f in (bill, log))
    known = bill["model"]
    bill = bill.with_columns(model_key(known, known).alias("model_key"))
    log = log.with_columns(model_key(log["model"], known).alias("model_key"))
    bill, log = _lanes(bill, log)
    bill, log = _callers(bill, log)
    if monthly or not _hourly(bill):
        bill, log = (f.with_columns(pl.lit(None, pl.Int64).alias("hour")) for f in (bill, log))
    return BillGroups(bill, _priced_alike(log), monthly, by_region)


def counted_once(evidence: Evidence, without: Collection[int] = ()) -> Ints:
    """The rows that count each call's tokens once: its last record with tokens, leaving out some hops."""
    frame = evidence.frame
    used = pl.Series(np.zeros(frame.height, dtype=bool))
    for kind in KINDS:
        if evidence.has(f"tokens_{kind}"):
            used |= (frame[f"tokens_{kind}"] > 0).fill_null(False)
    single = (frame["kind"] == "call") & (frame["layer"] != "billing") & ~frame["failed"].fill_null(False)
    return with_tokens(evidence, (single & used).to_numpy(), without)


def column(frame: pl.DataFrame, name: str, dtype: type[pl.DataType]) -> pl.Expr:
    """A column, or nulls where the frame has none of the name."""
    return pl.col(name) if name in frame.columns else pl.lit(None, dtype).alias(name)


def day(monthly: bool) -> pl.Expr:
    """The day of a record, or its month where the bill knows months only."""
    at = pl.from_epoch("started_at", time_unit="ns")
    return at.dt.strftime("%Y-%m" if monthly else "%Y-%m-%d").alias("day")


def _hour() -> pl.Expr:
    return (pl.col("started_at") // HOUR_NS).cast(pl.Int64).alias("hour")


def _hourly(bill: pl.DataFrame) -> bool:
    """Whether the bill knows hours: not every line starts at midnight."""
    return bool((bill["hour"] % 24 != 0).any())


def is_monthly(billed: pl.DataFrame) -> bool:
    """Whether the bill knows months only: every line starts on the first of one."""
    at = pl.from_epoch(billed["started_at"].drop_nulls(), time_unit="ns")
    return bool(len(at)) and bool(((at.dt.day() == 1) & (at.dt.hour() == 0)).all())


def _bill(billed: pl.DataFrame, monthly: bool) -> pl.DataFrame:
    """The lines of the bill: one kind of token each."""
    kind = column(billed, "token_kind", pl.String).fill_null(OTHER).alias("kind")
    tokens = [column(billed, f"tokens_{k}", pl.Int64).fill_null(0) for k in KINDS]
    return billed.select(
        "row", "input", day(monthly), column(billed, "region", pl.String), kind,
        pl.sum_horizontal(tokens).alias("tokens"),
        column(billed, "cost_usd", pl.Int64).fill_null(0).alias("nano"),
        column(billed, "tier", pl.String), column(billed, "routing", pl.String), "model",
        column(billed, "iam_principal", pl.String), column(billed, "profile", pl.String), _hour(),
    )  # fmt: skip


def _log(logged: pl.DataFrame, billed: pl.DataFrame, monthly: bool) -> pl.DataFrame:
    """The calls of the logs with their tokens of each kind, and the list price of one token of each."""
    frame = logged.with_columns(
        column(logged, "provider", pl.String), *(column(logged, f"tokens_{k}", pl.Int64) for k in KINDS)
    )
    frame = frame.with_columns(prices.uncached_input(frame.columns).alias("tokens_input"))
    # a name that hides the model may be the resource of a line
    frame = frame.with_columns(pl.when(hides_model(frame["model"])).then("model").alias("profile"))
    names = [f"rate_{k}" for k in KINDS]
    lists, number = prices.rated(frame)
    frame = frame.with_columns(rate[number].alias(name) for rate, name in zip(lists, names, strict=True))
    frame = _uncovered(frame, billed)
    ids = [column(frame, name, pl.String) for name in ("attempt_id", "response_id", "request_id")]
    tokens = [pl.col(f"tokens_{k}").fill_null(0).clip(0) for k in KINDS]
    return frame.select(
        "row", "input", day(monthly), column(frame, "region", pl.String), "model", "lane", *tokens, *names,
        "started_at", pl.coalesce(ids).alias("id"),
        column(frame, "iam_principal", pl.String), "profile", _hour(),
    )  # fmt: skip


def _uncovered(frame: pl.DataFrame, billed: pl.DataFrame) -> pl.DataFrame:
    """The lane of each call by its model's wire id; a profile's ARN gets model and lane from the bill."""
    routings = {name: parse(name).routing for name in frame["model"].drop_nulls().unique().to_list()}
    lanes = pl.DataFrame({"model": list(routings), "lane": list(routings.values())},
                         schema={"model": pl.String, "lane": pl.String})  # fmt: skip
    frame = frame.join(lanes, on="model", how="left", maintain_order="left")
    if "profile" not in billed.columns:
        return frame
    known = billed.filter(pl.col("profile").is_not_null() & ~pl.col("model").str.starts_with("arn:"))
    named = pl.col("model").first().alias("named")
    pairs = known.group_by(pl.col("profile").alias("model")).agg(
        named, column(known, "routing", pl.String).first().alias("way")
    )
    joined = frame.join(pairs, on="model", how="left", maintain_order="left")
    return joined.with_columns(
        pl.coalesce("named", "model").alias("model"), pl.coalesce("way", "lane").alias("lane")
    ).drop("named", "way")


def _lanes(bill: pl.DataFrame, log: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The lanes of both sides, kept for the models of which both know the same ones.

    A usage type without a word for it, or a name that is no wire id, does not tell the routing.
    """
    priced = bill.filter(pl.col("tier").ne_missing(BATCH))
    ways = [
        side.group_by("model_key").agg(
            pl.col(name).unique().sort().alias(name), pl.col(name).has_nulls().alias(f"no_{name}")
        )
        for side, name in ((priced, "routing"), (log, "lane"))
    ]
    both = ways[0].join(ways[1], on="model_key")
    alike = both.filter(pl.col("routing") == pl.col("lane"), ~pl.col("no_routing"), ~pl.col("no_lane"))
    kept = pl.col("model_key").is_in(alike["model_key"].to_list())
    batch = pl.col("tier").eq_missing(BATCH)
    lane = pl.when(batch).then(pl.lit(BATCH)).when(kept).then("routing")
    return bill.with_columns(lane.alias("lane")), log.with_columns(pl.when(kept).then("lane").alias("lane"))


def _callers(bill: pl.DataFrame, log: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Who called, in the places in which both sides know it: the session, else the role; and the profile.

    Where no caller of the logs is on the bill, they are spelled otherwise, which tells nothing. A line
    without a profile is one of the model itself.
    """
    sides = [side.with_columns(_role(side["iam_principal"])) for side in (bill, log)]
    names = {"iam_principal": "session", "role": "role"}
    for name, known in names.items():
        sides = list(_where_both(sides[0], sides[1], pl.col(name), known))
    sides = [side.with_columns(pl.coalesce("session", "role").alias("principal")) for side in sides]
    sides = list(_where_both(sides[0], sides[1], pl.col("profile").fill_null(""), "profile"))
    return sides[0], sides[1]


def _where_both(
    bill: pl.DataFrame, log: pl.DataFrame, value: pl.Expr, name: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A column that is kept in the places in which each record has it and some value is on both sides."""
    ways = [
        side.group_by(PLACE).agg(
            value.is_null().any().alias("lacks"), value.drop_nulls().unique().alias("values")
        )
        for side in (bill, log)
    ]
    both = ways[0].join(ways[1], on=PLACE, nulls_equal=True, suffix="_log")
    shared = pl.col("values").list.set_intersection("values_log").list.len() > 0
    known = both.filter(~pl.col("lacks"), ~pl.col("lacks_log"), shared).select(
        *PLACE, pl.lit(True).alias("both")
    )
    out = [
        side.join(known, on=PLACE, how="left", nulls_equal=True, maintain_order="left")
        .with_columns(pl.when("both").then(value).alias(name))
        .drop("both")
        for side in (bill, log)
    ]
    return out[0], out[1]


def _role(arns: pl.Series) -> pl.Series:
    """The role of each principal's ARN, else the ARN."""
    names = arns.drop_nulls().unique()
    roles = pl.select(pl.coalesce(principals.columns(names)["principal_role"], names)).to_series()
    return arns.replace_strict(names, roles, default=None, return_dtype=pl.String).alias("role")


def _priced_alike(log: pl.DataFrame) -> pl.DataFrame:
    """Rates for calls of a profile: those of the same model in the same lane that the list knows by name."""
    rates = [f"rate_{kind}" for kind in KINDS]
    if not log[rates[0]].null_count():
        return log
    known = log.filter(pl.col(rates[0]).is_not_null()).select("model_key", "lane", *rates)
    alike = known.unique(["model_key", "lane"], keep="first", maintain_order=True)
    joined = log.join(alike, on=["model_key", "lane"], how="left", nulls_equal=True, suffix="_alike",
                      maintain_order="left")  # fmt: skip
    return joined.with_columns(pl.coalesce(r, f"{r}_alike").alias(r) for r in rates).drop(
        f"{r}_alike" for r in rates
    )


def hides_model(names: pl.Series) -> pl.Series:
    """Whether each name hides the model."""
    hidden = [name for name in names.drop_nulls().unique().to_list() if is_hidden(name)]
    return names.is_in(hidden).fill_null(True)


def sums(frame: pl.DataFrame, side: str, *more: pl.Expr, key: Sequence[str] = GROUP) -> pl.DataFrame:
    """Tokens, money and the name of the model of one side, by group."""
    present = [c for c in ("tier", "routing") if c in frame.columns]
    texts = [pl.col(c).drop_nulls().unique().sort().str.join(",").alias(c) for c in present]
    return frame.group_by(key).agg(
        pl.col("tokens").sum().alias(f"{side}_tokens"),
        pl.col("nano").sum().alias(f"{side}_nano"),
        pl.col("model").drop_nulls().sort().first().alias(f"{side}_model"),
        *texts,
        *more,
    )
