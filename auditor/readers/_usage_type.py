"""The grammar of Bedrock usage types in bills: model, token kind, routing and region, as Polars expressions.

It never guesses: a usage type outside the grammar gives nulls.
"""

from __future__ import annotations

import polars as pl

REGIONS = {
    "USE1": "us-east-1", "USE2": "us-east-2", "USW1": "us-west-1", "USW2": "us-west-2",
    "CAN1": "ca-central-1", "EU": "eu-west-1", "EUW1": "eu-west-1", "EUW2": "eu-west-2",
    "EUW3": "eu-west-3", "EUC1": "eu-central-1", "EUC2": "eu-central-2", "EUN1": "eu-north-1",
    "EUS1": "eu-south-1", "EUS2": "eu-south-2",
    "APN1": "ap-northeast-1", "APN2": "ap-northeast-2", "APN3": "ap-northeast-3", "APS1": "ap-southeast-1",
    "APS2": "ap-southeast-2", "APS3": "ap-south-1", "APS4": "ap-southeast-3", "APS5": "ap-south-2",
    "APS6": "ap-southeast-4", "SAE1": "sa-east-1", "MES1": "me-south-1", "MEC1": "me-central-1",
    "AFS1": "af-south-1", "ILC1": "il-central-1", "UGW1": "us-gov-west-1", "UGE1": "us-gov-east-1",
}  # fmt: skip
# cache first: `cache-read-input-token-count` contains `input-token`
KINDS = (
    ("cache_read", r"(?i)cache[-_]?read(?:[-_]?input)?[-_]?token(?:s|[-_]?count)"),
    (
        "cache_write",
        (
            r"(?i)cache[-_]?write(?:[-_]?\d+[mh])?(?:[-_]?input)?[-_]?token(?:s|[-_]?count)|"
            r"cache[-_]?write[-_]tokens"
        ),
    ),
    ("input", r"(?i)input[-_]?token(?:s|[-_]?count)"),
    ("output", r"(?i)output[-_]?token(?:s|[-_]?count)"),
)
_PREFIX = r"^(EU|[A-Z]{2,4}\d)-"
_KIND_START = (
    r"(?i)[-_](?:text-)?(?:mantle-)?(?:cache[-_]?(?:read|write)|input[-_]?token|output[-_]?token|"
    r"text-input|text-output|input-image).*$"
)


def kind(usage_type: pl.Expr) -> pl.Expr:
    """`input`, `output`, `cache_read`, `cache_write`, or null for what is no token row."""
    expr: pl.Expr = pl.lit(None, pl.String)
    for name, pattern in reversed(KINDS):
        expr = pl.when(usage_type.str.contains(pattern)).then(pl.lit(name)).otherwise(expr)
    return expr


def model(usage_type: pl.Expr) -> pl.Expr:
    """The model in the usage type; marketplace families name none."""
    bare = usage_type.str.replace(_PREFIX, "").str.replace(_KIND_START, "")
    named = usage_type.str.contains(_KIND_START) & ~usage_type.str.contains(r"-MP:|^MP:")
    return pl.when(named & (bare.str.len_chars() > 0)).then(bare)


def region(usage_type: pl.Expr) -> pl.Expr:
    """The source region by the billing prefix."""
    return usage_type.str.extract(_PREFIX, 1).replace_strict(REGIONS, default=None, return_dtype=pl.String)
