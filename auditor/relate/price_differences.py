"""Why a recorded cost is not the list's: by the known ways in which trackers price the tokens of a call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl

from auditor.catalogue import prices
from auditor.catalogue.model_names import parse
from auditor.evidence.arrays import Rows
from auditor.evidence.table import IS_CALL, Evidence, Series
from auditor.relate.related_column import RelatedColumn
from auditor.report import mask

HALF = "at half the list price, as batch and flex are billed"
IN_FULL = "with cached tokens at the price of input"
LEFT_OUT = "without the cached tokens"
ROUTED = "at the price of another routing: in region, geographic or global"
UNKNOWN = "at no price of the list: perhaps another model, region or date"
NEAR = 0.02  # how near a cost must be to a price
SMALL = 0.05  # differences up to this part of the price have no reason
ENOUGH = 5  # calls of a model that one factor takes
FAR = 5  # no markup and no discount goes beyond this factor
MOST_MODELS = 20  # of an input whose prices are tried
_NAMES = """input kind layer error started_at model provider cost_usd expected_cost_usd tokens_input
    tokens_output tokens_cache_read tokens_cache_write tokens_total""".split()


def price_reason(evidence: Evidence) -> Series:
    """The likely reason of each call whose recorded cost differs from the price list; null for none."""
    frame = evidence.frame.select(name for name in _NAMES if evidence.has(name)).with_row_index("row")
    # the last decimal that any cost of the input has: what it rounds is no difference
    cost = pl.col("cost_usd")
    unit = pl.max_horizontal(pl.when(cost % 10**k == 0).then(10**k).otherwise(1) for k in range(1, 10))
    calls = frame.filter(IS_CALL & (pl.col("layer") != "billing") & (cost > 0) & ~pl.col("error"))
    calls = calls.with_columns((unit.min().over("input") // 2).alias("rounded"))
    gap = (cost - pl.col("expected_cost_usd")).abs()
    limit = pl.max_horizontal(pl.col("expected_cost_usd") * SMALL, "rounded")
    off = calls.filter((gap > limit) & (pl.col("expected_cost_usd") >= 1000))
    if not off.height:
        return {}
    models = calls["model"].drop_nulls().value_counts(sort=True)["model"].to_list()
    found = off.select("row", _Differences(off).reasons(models[:MOST_MODELS]))
    return {
        "price_reason": frame.select("row").join(found, on="row", how="left", maintain_order="left")["reason"]
    }


class _Differences:
    """Calls whose cost is not the list's, and the reason of each that is found."""

    def __init__(self, off: pl.DataFrame) -> None:
        self.off = off
        self.cost = off["cost_usd"].to_numpy().astype(np.float64)
        self.listed = off["expected_cost_usd"].to_numpy().astype(np.float64)
        self.slack = off["rounded"].to_numpy()
        net = off.select(prices.uncached_input(off.columns)).to_series()
        self.tokens = [
            (net if kind == prices.KINDS[0] else off[kind]).fill_null(0).to_numpy().astype(np.float64)
            for kind in prices.KINDS
        ]
        self.names: list[str] = []
        self.found = np.full(off.height, -1, dtype=np.int32)  # numbers of `names`

    def reasons(self, models: Sequence[str]) -> pl.Series:
        """The reason of each; `models` are those of the inputs, whose prices are tried."""
        lists, number = prices.rated(self.off)
        rates = [rate[number].fill_null(0.0).to_numpy() for rate in lists]
        net, output, read, write = self.tokens
        answer = output * rates[1]
        cached = read + write > 0
        self._set(self._near(self.listed / 2), HALF)
        self._set(cached & self._near((net + read + write) * rates[0] + answer), IN_FULL)
        self._set(cached & self._near(net * rates[0] + answer), LEFT_OUT)
        self._by_another_name(models)
        self._by_factor()
        self._set(self.found < 0, UNKNOWN)
        return pl.Series("reason", self.names, dtype=pl.String)[self.found]

    def _near(self, price: np.ndarray) -> Rows:
        near: Rows = np.abs(self.cost - price) <= price * NEAR + self.slack
        return near

    def _set(self, rows: Rows, reason: str) -> None:
        rows = rows & (self.found < 0)
        if rows.any():
            if reason not in self.names:
                self.names.append(reason)
            self.found[rows] = self.names.index(reason)

    def _by_another_name(self, models: Sequence[str]) -> None:
        """Try the model's other routings, then the other models of the inputs."""
        day = pl.col("started_at") // prices.DAY_NS
        for (model, provider, on), rows in _groups(
            self.off.with_columns(day.alias("day")), "model", "provider", "day"
        ):
            others = ((other, f"at the price of {mask.name(other)}") for other in models if other != model)
            for name, reason in (*((other, ROUTED) for other in _routings(model)), *others):
                rates = prices.rates(name, provider, on)
                if rates is not None:
                    price = sum(tokens * rate for tokens, rate in zip(self.tokens, rates, strict=True))
                    self._set(rows & self._near(np.asarray(price)), reason)

    def _by_factor(self) -> None:
        """Several calls of a model at one factor."""
        ratio = self.cost / self.listed
        for _, rows in _groups(self.off, "input", "model"):
            rows &= self.found < 0
            if rows.sum() < ENOUGH:
                continue
            factor = float(np.median(ratio[rows]))
            same = rows & (np.abs(ratio / factor - 1) <= NEAR)
            if same.sum() >= max(ENOUGH, rows.sum() / 2):
                why = (
                    "a markup, a discount or another price list" if 1 / FAR < factor < FAR else "another unit"
                )
                self._set(same, f"at {factor:.3g} times the list: {why}")


def _groups(frame: pl.DataFrame, *names: str) -> Iterator[tuple[Any, Rows]]:
    """The rows of each combination of values."""
    for key, part in frame.with_row_index("at").group_by(names, maintain_order=True):
        rows = np.zeros(frame.height, dtype=bool)
        rows[part["at"].to_numpy()] = True
        yield key, rows


def _routings(model: str) -> list[str]:
    """The model's ids under the other routings; one geography stands for all."""
    parsed = parse(model)
    if parsed.vendor is None:
        return []
    name = f"{parsed.vendor}.{parsed.text}"
    return [name, f"us.{name}", f"global.{name}"]


COLUMNS = (
    RelatedColumn(
        "price_reason",
        price_reason,
        needs=("expected_cost_usd", "cost_usd", "error"),
        sources=("expected_cost_usd", "cost_usd"),
        dtype=pl.String,
        rests_on="cost_usd",
    ),
)
