"""Model names compared: whether another model answered than was requested, and one key for all spellings."""

from __future__ import annotations

import re

import polars as pl

from auditor.catalogue import prices
from auditor.catalogue.model_names import keys
from auditor.evidence.table import Evidence, Series
from auditor.relate.related_column import RelatedColumn

_ROUTE = r"^(?:bedrock|converse|invoke|azure|openai|anthropic|vertex_ai|models)/"
_PREFIX = r"^(?:us-gov|us|eu|apac|au|jp|ca|sa|global)\."
_VENDOR = r"^(?:anthropic|amazon|meta|mistral|cohere|ai21|deepseek|openai|qwen|stability|writer)[./]"
_TAIL = r"(?:[-@:]?20\d{2}-?\d{2}-?\d{2}|-\d{3,4})?(?:-v\d+)?(?::\d+)*(?:-latest|:[a-z]+)?$"
_HIDDEN = r"(?i)^arn:|inference-profile|^(?:auto|default|router)$"


def words(name: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """A model's words and its numbers, sorted, without route, region, vendor, date and revision."""
    bare = name.str.to_lowercase()
    for part in (_ROUTE, _PREFIX, _VENDOR, _TAIL):
        bare = bare.str.replace(part, "")
    parts = bare.str.extract_all(r"[a-z0-9]+")
    number = pl.element().str.contains(r"^\d+$")
    return parts.list.eval(pl.element().filter(~number)).list.sort(), parts.list.eval(
        pl.element().filter(number)
    ).list.sort()


def swapped(evidence: Evidence) -> Series:
    """Whether another model answered; null where the price list does not know both by name."""
    frame = evidence.frame
    pairs = frame.select("asked_model", "served_model").unique(maintain_order=True)
    asked, of_asked = words(pl.col("asked_model"))
    served, of_served = words(pl.col("served_model"))
    differs = (asked != served) | (of_asked != of_served)
    known = [_known(a) and _known(s) for a, s in pairs.rows()]
    by_pair = pairs.with_columns(pl.when(pl.Series(known, dtype=pl.Boolean)).then(differs).alias("swapped"))
    joined = frame.select("asked_model", "served_model").join(
        by_pair, on=["asked_model", "served_model"], how="left", nulls_equal=True, maintain_order="left"
    )
    return {"model_swapped": joined["swapped"]}


def _known(name: str | None) -> bool:
    return name is not None and not re.search(_HIDDEN, name) and prices.rates(name, None, None) is not None


def model_key(names: pl.Series, known: pl.Series | None = None) -> pl.Series:
    """One key for a model's wire id, its profile's id and its name on a bill (`known`)."""
    every = pl.DataFrame({"name": names.cast(pl.String)})
    wanted = every["name"].unique().to_list()
    by_name = keys(wanted, known.unique().to_list() if known is not None else ())
    pairs = {"name": list(by_name), "key": list(by_name.values())}
    keyed = pl.DataFrame(pairs, schema={"name": pl.String, "key": pl.String})
    return every.join(keyed, on="name", how="left", maintain_order="left")["key"]


COLUMNS = (
    RelatedColumn(
        "model_swapped",
        swapped,
        needs=("asked_model", "served_model"),
        sources=("served_model",),
        dtype=pl.Boolean,
        rests_on="model",
    ),
)
