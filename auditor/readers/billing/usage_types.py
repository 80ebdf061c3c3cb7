"""The grammar of Bedrock usage types: model, token kind, tier, routing and region, as Polars expressions.

What is outside the grammar gives nulls.
"""

from __future__ import annotations

import re
from functools import lru_cache

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
_S = r"[-_ ]?"
_MODAL = rf"(?:(?:text|speech|image|audio|video){_S})?"
_TOKEN = rf"{_MODAL}token(?:s|{_S}counts?|[-_ ]|$)"
# cache first: `cache-read-input-token-count` contains `input-token`
KINDS = (
    (
        "cache_read",
        rf"(?i)cached?{_S}(?:read|hit){_S}(?:{_MODAL}input{_S})?{_TOKEN}|cached{_S}input{_S}{_TOKEN}",
    ),
    ("cache_write", rf"(?i)cache{_S}(?:write|creation)(?:{_S}\d+[mh])?{_S}(?:{_MODAL}input{_S})?{_TOKEN}"),
    ("input", rf"(?i)(?:input|prompt){_S}{_TOKEN}"),
    ("output", rf"(?i)(?:output|response|completion){_S}{_TOKEN}"),
)
# capacity and training are sold by the token too, and are no model calls
NO_CALL = (
    rf"(?i)per{_S}min|tpm\b|reserved|provisioned|customi[sz]ation|training|guardrail|storage|evaluation|"
    r"search-?unit|knowledge-?base"
)
_PREFIX = r"^(EU|[A-Z]{2,4}\d)-"
_ANY_PREFIX = r"^(?:[A-Z]{2,4}\d?-)?MP:(EU|[A-Z]{2,4}\d)_"
_KIND_START = (
    r"(?i)[-_](?:batch-)?(?:(?:text|speech|image|audio|video)-)?(?:mantle-)?(?:cache[-_]?(?:read|write)|"
    r"(?:input|output)[-_](?:(?:text|speech|image|audio|video)[-_])?token|text-input|text-output).*$"
)
_TAIL = r"(?i)^.*token(?:s|[-_]?count)?(.*)$"
TIERS = ("batch", "flex", "priority", "latency")


def kind(text: pl.Expr) -> pl.Expr:
    """`input`, `output`, `cache_read`, `cache_write`; null for what is no usage of tokens by a call."""
    expr: pl.Expr = pl.lit(None, pl.String)
    for name, pattern in reversed(KINDS):
        expr = pl.when(text.str.contains(pattern)).then(pl.lit(name)).otherwise(expr)
    return pl.when(~text.str.contains(NO_CALL)).then(expr)


def model(usage_type: pl.Expr) -> pl.Expr:
    """The model in the usage type; marketplace families name none."""
    bare = usage_type.str.replace(_PREFIX, "").str.replace(_KIND_START, "")
    named = usage_type.str.contains(_KIND_START) & ~usage_type.str.contains(r"-MP:|^MP:")
    return pl.when(named & (bare.str.len_chars() > 0)).then(bare)


def region(usage_type: pl.Expr) -> pl.Expr:
    """The source region by the billing prefix."""
    code = pl.coalesce(usage_type.str.extract(_PREFIX, 1), usage_type.str.extract(_ANY_PREFIX, 1))
    return code.replace_strict(REGIONS, default=None, return_dtype=pl.String)


def tier(usage_type: pl.Expr) -> pl.Expr:
    """`standard`, `batch`, `flex`, `priority` or `latency_optimized`; null for what is no token row."""
    tail = _tail(usage_type)
    expr: pl.Expr = pl.lit("standard")
    for name in reversed(TIERS):
        label = "latency_optimized" if name == "latency" else name
        expr = pl.when(tail.str.contains(rf"(?i)(?:^|[-_]){name}")).then(pl.lit(label)).otherwise(expr)
    early = usage_type.str.contains(
        r"(?i)_(?:Million)?Batch(?:Cache|Input|Output)|-batch-(?:input|output|cache)"
    )
    return pl.when(kind(usage_type).is_not_null()).then(pl.when(early).then(pl.lit("batch")).otherwise(expr))


def routing(usage_type: pl.Expr) -> pl.Expr:
    """`global`, `geo` or `in_region`, by the words after the token kind; null for what is no token row."""
    tail = _tail(usage_type)
    where = (
        pl.when(tail.str.contains(r"(?i)(?:^|[-_])global(?:$|[-_])"))
        .then(pl.lit("global"))
        .when(tail.str.contains(r"(?i)(?:^|[-_])geo(?:$|[-_])"))
        .then(pl.lit("geo"))
        .otherwise(pl.lit("in_region"))
    )
    return pl.when(kind(usage_type).is_not_null()).then(where)


def _tail(usage_type: pl.Expr) -> pl.Expr:
    return usage_type.str.replace("-Units$", "").str.extract(_TAIL, 1).fill_null("")


@lru_cache(maxsize=10_000)
def kind_of(text: str) -> str | None:
    """The token kind that words name: `Prompt cache read input tokens`, `$0.003 per 1K input tokens`."""
    if re.search(NO_CALL, text):
        return None
    return next((name for name, pattern in KINDS if re.search(pattern, text)), None)
