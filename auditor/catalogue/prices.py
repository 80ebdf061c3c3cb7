"""What a call should have cost by a dated public price list (the `genai-prices` package); nano-dollars.

It never fetches prices, and says null for a model it does not know.
"""

from __future__ import annotations

from collections.abc import Container
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import polars as pl

NANO_USD = 1_000_000_000  # nano-dollars in a dollar: money is Int64 until a report is written
_MILLION = 1_000_000
KINDS = ("tokens_input", "tokens_output", "tokens_cache_read", "tokens_cache_write")
_USAGE = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
_DAY_NS = 86_400 * 1_000_000_000


def list_version() -> str:
    """The version of the price list: part of the ruleset's digest."""
    return version("genai-prices")


@lru_cache(maxsize=4096)
def rates(model: str, provider: str | None, day: int | None) -> tuple[float, float, float, float] | None:
    """Nano-dollars a token (input, output, cache read, write) on a day since the epoch; None if unknown."""
    from genai_prices import Usage, calc_price

    when = datetime.fromtimestamp(day * 86_400, UTC) if day is not None else None
    name = model.removeprefix("bedrock/").removeprefix("converse/")
    if name.endswith(":free"):
        return 0.0, 0.0, 0.0, 0.0
    if ":inference-profile/" in name or ":foundation-model/" in name:
        name = name.rsplit("/", 1)[-1]
    for provider_id in _providers(name, provider):
        found: list[float] = []
        for kind in _USAGE:
            # cached tokens are part of the input in the list's own arithmetic
            held: dict[str, Any] = {kind: _MILLION}
            if kind.startswith("cache"):
                held["input_tokens"] = _MILLION
            try:
                price = calc_price(Usage(**held), name, provider_id=provider_id, genai_request_timestamp=when)
            except (LookupError, ValueError):
                break
            found.append(float(price.total_price) * NANO_USD / _MILLION)
        if len(found) == 4:
            return found[0], found[1], found[2], found[3]
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
    """Input tokens that were not cached: emitters but the provider and its bill count cached ones in.

    A total that needs the cached tokens beside the input says that they are not in it; and a count smaller
    than the cached tokens cannot hold them, whoever wrote it.
    """
    own = pl.col("tokens_input")
    cached = pl.col("tokens_cache_read").fill_null(0) + pl.col("tokens_cache_write").fill_null(0)
    counted_in = ~pl.col("layer").is_in(["provider", "billing"]) & (cached > 0) & (own >= cached)
    if "tokens_total" in columns and "tokens_output" in columns:
        beside = own + pl.col("tokens_output").fill_null(0) + cached == pl.col("tokens_total")
        counted_in = counted_in & ~beside.fill_null(False)
    return pl.when(counted_in).then(own - cached).otherwise(own)


def rated(frame: pl.DataFrame) -> tuple[list[pl.Series], pl.Series]:
    """For each of KINDS a list of prices of one token, in nano-dollars, and which of them each record has.

    A price is null where none is known.

    Few models on few days make many calls: each is looked up once.
    """
    model, provider, day = frame["model"], frame["provider"], frame["started_at"] // _DAY_NS
    # a number a column, each with a seed of its own: text beside text would take several times the room
    hashed = model.hash(0) ^ provider.hash(1) ^ day.hash(2)
    numbered = pl.DataFrame({"key": hashed}).with_row_index("row")
    first = numbered.unique("key", keep="first", maintain_order=True)
    keys = zip(*(column[first["row"]].to_list() for column in (model, provider, day)), strict=True)
    held = [rates(m, p, d) if m is not None else None for m, p, d in keys]
    number = hashed.replace_strict(first["key"], pl.Series(range(len(held)), dtype=pl.UInt32))
    none = (None,) * len(KINDS)
    prices = [pl.Series([(one or none)[n] for one in held], dtype=pl.Float64) for n in range(len(KINDS))]
    return prices, number


def expected(frame: pl.DataFrame) -> pl.Series:
    """Nano-dollars each record should cost; null where the model is unknown or no tokens are there."""
    prices, number = rated(frame)
    total = pl.repeat(0.0, frame.height, eager=True)
    for kind, price in zip(KINDS, prices, strict=True):
        tokens = frame[kind] if kind != KINDS[0] else frame.select(uncached_input(frame.columns)).to_series()
        total = total + tokens.fill_null(0) * price[number]
    some = frame[KINDS[0]].is_not_null() | frame[KINDS[1]].is_not_null()
    # more than 64 bits hold is no price: not checkable
    return total.round().cast(pl.Int64, strict=False).set(~some, None)
