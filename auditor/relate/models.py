"""Model names compared: whether another model answered than was requested, and one key for all spellings."""

from __future__ import annotations

from typing import TypeGuard

import polars as pl

from auditor.catalogue import prices
from auditor.catalogue.model_names import is_hidden, keys, parse, same_model
from auditor.evidence.table import Evidence, Series
from auditor.relate.related_column import RelatedColumn


def swapped(evidence: Evidence) -> Series:
    """Whether another model answered; null where the price list does not know both by name."""
    frame = evidence.frame
    pairs = frame.select("asked_model", "served_model").unique(maintain_order=True)
    differs = [
        not same_model(parse(asked), parse(served)) if _known(asked) and _known(served) else None
        for asked, served in pairs.rows()
    ]
    by_pair = pairs.with_columns(pl.Series("swapped", differs, dtype=pl.Boolean))
    joined = frame.select("asked_model", "served_model").join(
        by_pair, on=["asked_model", "served_model"], how="left", nulls_equal=True, maintain_order="left"
    )
    return {"model_swapped": joined["swapped"]}


def _known(name: str | None) -> TypeGuard[str]:
    return name is not None and not is_hidden(name) and prices.rates(name, None, None) is not None


def model_key(names: pl.Series, known: pl.Series | None = None) -> pl.Series:
    """One key for a model's wire id, its profile's id and its name on a bill (`known`)."""
    every = pl.DataFrame({"name": names.cast(pl.String)})
    wanted = every["name"].unique().to_list()
    by_name = keys(wanted, known.unique().to_list() if known is not None else ())
    pairs = {"name": list(by_name), "key": list(by_name.values())}
    keyed = pl.DataFrame(pairs, schema={"name": pl.String, "key": pl.String})
    return every.join(keyed, on="name", how="left", maintain_order="left")["key"]


def routed(evidence: Evidence) -> Series:
    """How a model's wire id is routed: `geo`, `global` or `in_region`; null where its name does not say."""
    names = pl.DataFrame({"model": evidence.frame["model"].cast(pl.String)})
    every = names["model"].drop_nulls().unique().to_list()
    ways = pl.DataFrame(
        {"model": every, "way": [parse(name).routing for name in every]},
        schema={"model": pl.String, "way": pl.String},
    )
    return {"model_routing": names.join(ways, on="model", how="left", maintain_order="left")["way"]}


def output_price(evidence: Evidence) -> Series:
    """The list price of a million output tokens of the model, in dollars; null where the list lacks it."""
    lists, number = prices.rated(evidence.frame.select("model", "provider", "started_at"))
    return {"output_price_usd": lists[1][number] * 1_000_000 / prices.NANO_USD}


COLUMNS = (
    RelatedColumn(
        "model_routing", routed, needs=("model",), sources=("model",), dtype=pl.String, rests_on="model"
    ),
    RelatedColumn(
        "output_price_usd",
        output_price,
        needs=("model", "provider"),
        sources=("model",),
        dtype=pl.Float64,
        rests_on="model",
    ),
    RelatedColumn(
        "model_swapped",
        swapped,
        needs=("asked_model", "served_model"),
        sources=("served_model",),
        dtype=pl.Boolean,
        rests_on="model",
    ),
)
