"""Notes on bills: since which day each owner's tag is there, and capacity that nobody used."""

from __future__ import annotations

import polars as pl

from auditor.catalogue.prices import NANO_USD
from auditor.evidence.table import IS_CALL, Evidence
from auditor.printing.text import money, plural
from auditor.relate.bill_groups import day, is_monthly
from auditor.relate.bill_tags import OWNERS, is_owner_tag, of_bill
from auditor.relate.columns import need
from auditor.tally.ledger import Ledger

PROVISIONED = r":provisioned-model/([^/]+)"
REACH = (
    "A tag does not reach back. A backfill has to be requested, goes back twelve months at most, and shows "
    "what was tagged at the time."
)


def bill_notes(ledger: Ledger) -> list[str]:
    """The notes on the bills among the inputs."""
    if "billing" not in ledger.evidence.layers:
        return []
    tags = [note for field in OWNERS if (note := _late_tags(ledger, field))]
    return [*tags, *([REACH] if tags else []), *_idle_capacity(ledger.evidence)]


def _late_tags(ledger: Ledger, field: str) -> str:
    """From which day on each tag of a field is on the bill, and what the same callers spent before."""
    evidence, weights = ledger.evidence, ledger.weights
    since = f"{field}_tag_since"
    frame = need(evidence, field, f"{field}_slot", since)
    lines = frame.select("kind", "layer", "started_at", field, f"{field}_slot", since).filter(IS_CALL)
    late = lines.select(pl.col(field).is_null() & (pl.col("started_at") < pl.col(since))).to_series()
    rows = late.fill_null(False).to_numpy()
    if not rows.any():
        return ""
    tagged = lines.filter(of_bill() & pl.col(field).is_not_null()).with_columns(day(monthly=False))
    first = tagged.group_by(f"{field}_slot").agg(pl.col("day").min())
    days: dict[str, str] = {}
    for number, when in first.sort("day").iter_rows():
        if is_owner_tag(slot := evidence.slots[number]):
            days.setdefault(ledger.shown.key(slot), when)
    keys = " and ".join(f"{key} from {when} on" for key, when in days.items())
    cost = weights.money(rows)
    before = money(cost / NANO_USD) if cost else plural(int(weights.records[rows].sum()), "line")
    title = evidence.catalogue.fields[field].title.lower()
    return (
        f"The bill names the {title} in {keys}. Of the same callers and resources {before} is older and "
        f"names no {title}."
    )


def _idle_capacity(evidence: Evidence) -> list[str]:
    """Provisioned throughput billed for days on which no call of the logs goes to it.

    A log shows what goes to a model that was provisioned by its ARN. Only days that the logs cover count.
    """
    if len(evidence.tables) < 2 or not evidence.has("capacity"):
        return []
    names = ("kind", "layer", "capacity", "usage_type", "billed_resource", "cost_usd", "started_at", "model")
    frame = need(evidence, *names).select(names).filter(pl.col("started_at").is_not_null())
    bought = frame.filter(pl.col("layer") == "billing", pl.col("capacity") == "provisioned throughput")
    logged = frame.filter(IS_CALL, pl.col("layer") != "billing")
    if not (bought.height and logged.height):
        return []
    when = day(is_monthly(bought))
    used = logged.select(when, pl.col("model").cast(pl.String).str.extract(PROVISIONED).alias("model"))
    lines = bought.select(
        when, pl.col("billed_resource").str.extract(PROVISIONED).alias("model"), "cost_usd",
        pl.col("usage_type").str.contains("(?i)provisioned").fill_null(False).alias("by_name"),
    )  # fmt: skip
    # a line without its resource can be of any model that was provisioned
    lines = lines.filter(
        pl.col("model").is_not_null() | pl.col("by_name"), pl.col("day").is_in(used["day"].to_list())
    )
    some = used.filter(pl.col("model").is_not_null())
    idle = lines.join(some, on=["day", "model"], how="anti")
    idle = idle.filter(pl.col("model").is_not_null() | ~pl.col("day").is_in(some["day"].to_list()))
    cost = int(idle["cost_usd"].fill_null(0).sum())
    if cost <= 0:
        return []
    days = plural(idle["day"].n_unique(), "month" if is_monthly(bought) else "day")
    note = f"Provisioned throughput of {money(cost / NANO_USD)} is billed for {days} on which no call of"
    return [f"{note} the logs goes to it. It is paid by the hour, used or not."]
