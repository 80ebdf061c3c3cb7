"""Whether the model that answered is another one than was asked for, not another spelling of it.

It reads names only, and says nothing where either is missing or hidden behind a profile or an alias.
"""

from __future__ import annotations

import polars as pl

from auditor.assemble import Evidence, Series

_ROUTE = r"^(?:bedrock|converse|invoke|azure|openai|anthropic|vertex_ai|models)/"
_PREFIX = r"^(?:us-gov|us|eu|apac|au|jp|ca|sa|global)\."
_VENDOR = r"^(?:anthropic|amazon|meta|mistral|cohere|ai21|deepseek|openai|qwen|stability|writer)[./]"
_TAIL = r"(?:[-@:]?20\d{2}-?\d{2}-?\d{2}|-\d{3,4})?(?:-v\d+)?(?::\d+)*(?:-latest|:[a-z]+)?$"
_HIDDEN = r"^arn:|inference-profile|^(?:auto|default|router)$"


def family(name: pl.Expr) -> pl.Expr:
    """A model's name without route, region, vendor, date and revision; null for one that hides the model."""
    text = name.str.to_lowercase()
    bare = (
        text.str.replace(_ROUTE, "").str.replace(_PREFIX, "").str.replace(_VENDOR, "").str.replace(_TAIL, "")
    )
    return pl.when(~text.str.contains(_HIDDEN)).then(bare.str.replace_all(r"[^a-z0-9]+", "-"))


def swapped(evidence: Evidence) -> Series:
    """Whether asked and served model differ in more than how they are written."""
    frame = evidence.frame
    names = frame.select("asked_model", "served_model").unique(maintain_order=True)
    asked, served = family(pl.col("asked_model")), family(pl.col("served_model"))
    told = names.with_columns((asked != served).alias("swapped"))
    joined = frame.select("asked_model", "served_model").join(
        told, on=["asked_model", "served_model"], how="left", nulls_equal=True, maintain_order="left"
    )
    return {"model_swapped": joined["swapped"]}
