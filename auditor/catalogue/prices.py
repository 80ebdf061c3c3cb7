"""What a call should have cost by the dated public price list of the `genai-prices` package; nano-dollars."""

from __future__ import annotations

from collections.abc import Container
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import polars as pl

NANO_USD = 1_000_000_000  # nano-dollars in a dollar: money is Int64 until a report is written
_TOKENS = 1_000  # priced at once: a million would have the price of a long context
KINDS = ("tokens_input", "tokens_output", "tokens_cache_read", "tokens_cache_write")
_USAGE = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
DAY_NS = 86_400 * 1_000_000_000


def list_version() -> str:
    """The version of the price list: part of the ruleset's digest."""
    return version("genai-prices")


@lru_cache(maxsize=4096)
def rates(model: str, provider: str | None, day: int | None) -> tuple[float, float, float, float] | None:
    """Nano-dollars a token (input, output, cache read, write) on a day since the epoch; None if unknown."""
    from genai_prices import Usage, calc_price

    when = datetime.fromtimestamp(day * 86_400, UTC) if day is not None else None
    # a gateway's route: `bedrock/converse/…`, `bedrock/us-east-1/…`
    name = model.rsplit("/", 1)[-1] if model.startswith("bedrock/") else model
    if name.endswith(":free"):
        return 0.0, 0.0, 0.0, 0.0
    if ":inference-profile/" in name or ":foundation-model/" in name:
        name = name.rsplit("/", 1)[-1]
    for provider_id in _providers(name, provider):
        prices: list[float] = []
        for kind in _USAGE:
            # cached tokens are part of the input in the list's own arithmetic
            tokens: dict[str, Any] = {kind: _TOKENS}
            if kind.startswith("cache"):
                tokens["input_tokens"] = _TOKENS
            try:
                price = calc_price(
                    Usage(**tokens), name, provider_id=provider_id, genai_request_timestamp=when
                )
            except (LookupError, ValueError):
                break
            prices.append(float(price.total_price) * NANO_USD / _TOKENS)
        if len(prices) == 4:
            return prices[0], prices[1], prices[2], prices[3]
    return None


def _providers(model: str, provider: str | None) -> list[str | None]:
    text = (provider or "").lower()
    if "bedrock" in text or model.startswith(
        ("us.", "eu.", "apac.", "global.", "anthropic.", "amazon.", "meta.")
    ):
        return ["aws", None]
    if "azure" in text:
        return ["azure", None]
    return [None]


def uncached_input(columns: Container[str]) -> pl.Expr:
    """Input tokens that were not cached: all emitters but the provider and its bill include cached ones.

    They are not included where the total is input plus output plus cached, nor where the input is smaller
    than the cached tokens.
    """
    own = pl.col("tokens_input")
    cached = pl.col("tokens_cache_read").fill_null(0) + pl.col("tokens_cache_write").fill_null(0)
    included = ~pl.col("layer").is_in(["provider", "billing"]) & (cached > 0) & (own >= cached)
    if "tokens_total" in columns and "tokens_output" in columns:
        added = own + pl.col("tokens_output").fill_null(0) + cached == pl.col("tokens_total")
        included = included & ~added.fill_null(False)
    return pl.when(included).then(own - cached).otherwise(own)


def rated(frame: pl.DataFrame) -> tuple[list[pl.Series], pl.Series]:
    """For each of KINDS the distinct prices of one token in nano-dollars, and which of them each record has.

    A price is null where the model is unknown. Few models on few days make many calls: each pair is looked
    up once.
    """
    model, provider, day = frame["model"], frame["provider"], frame["started_at"] // DAY_NS
    # a hash of each column with its own seed: the texts together would take several times the memory
    hashed = model.hash(0) ^ provider.hash(1) ^ day.hash(2)
    numbered = pl.DataFrame({"key": hashed}).with_row_index("row")
    first = numbered.unique("key", keep="first", maintain_order=True)
    keys = zip(*(column[first["row"]].to_list() for column in (model, provider, day)), strict=True)
    known = [rates(m, p, d) if m is not None else None for m, p, d in keys]
    number = hashed.replace_strict(first["key"], pl.Series(range(len(known)), dtype=pl.UInt32))
    none = (None,) * len(KINDS)
    prices = [pl.Series([(row or none)[n] for row in known], dtype=pl.Float64) for n in range(len(KINDS))]
    return prices, number


def expected(frame: pl.DataFrame) -> pl.Series:
    """Nano-dollars each record should cost; null where the model is unknown or the tokens are missing."""
    prices, number = rated(frame)
    total = pl.repeat(0.0, frame.height, eager=True)
    for kind, price in zip(KINDS, prices, strict=True):
        tokens = frame[kind] if kind != KINDS[0] else frame.select(uncached_input(frame.columns)).to_series()
        total = total + tokens.fill_null(0) * price[number]
    has_tokens = frame[KINDS[0]].is_not_null() | frame[KINDS[1]].is_not_null()
    # null above 64 bits
    return total.round().cast(pl.Int64, strict=False).set(~has_tokens, None)
