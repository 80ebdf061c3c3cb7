"""The note on costs that are off the price list: calls by the likely reason."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auditor.audit import Input, audit
from auditor.catalogue import prices
from auditor.report.schema import Report

HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
SONNET = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
DAY = 20_710  # since the epoch: 2026-09-14
NAME = "Recorded cost is off the price list: "


def price(model: str, net: int, output: int = 450, read: int = 0) -> float:
    """What tokens cost by the list, in dollars."""
    rates = prices.rates(model, None, DAY)
    assert rates is not None
    return (net * rates[0] + output * rates[1] + read * rates[2]) / prices.NANO_USD


def call(cost: float, model: str = HAIKU, tokens: int = 9000, **more: Any) -> dict[str, Any]:
    """A line of a log of calls."""
    return {
        "timestamp": "2026-09-14T10:00:01Z", "event": "llm.call", "tenant_id": "acme", "model": model,
        "input_tokens": tokens, "output_tokens": 450, "cost_usd": round(cost, 9), **more,
    }  # fmt: skip


def of(calls: list[dict[str, Any]]) -> Report:
    """The report on a log of calls."""
    lines = (json.dumps(one | {"request_id": f"req-{n:04d}"}) for n, one in enumerate(calls))
    return audit([Input(name="x", data="\n".join(lines).encode(), format="generic-json")])


def told(report: Report) -> list[str]:
    """The parts of the note."""
    return [
        part for note in report.notes if note.startswith(NAME) for part in note[len(NAME) : -1].split("; ")
    ]


CACHED = {"cache_read_input_tokens": 8000}


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (call(price(HAIKU, 9000) / 2), "at half the list price, as batch and flex are billed"),
        (call(price(SONNET, 9000), SONNET, **CACHED), "with cached tokens at the price of input"),
        (call(price(SONNET, 1000), SONNET, **CACHED), "without the cached tokens"),
        (call(price(HAIKU, 9000), SONNET), f"at the price of {HAIKU}"),
        (call(price(HAIKU, 9000) * 1.73), "at no price of the list: perhaps another model, region or date"),
    ],
    ids=["batch", "cached tokens in full", "cached tokens left out", "another model", "unknown"],
)
def test_the_note_names_the_likely_reason(one: dict[str, Any], reason: str) -> None:
    """Beside a call at the list's price, which shows that costs are not rounded."""
    report = of([one, call(price(HAIKU, 9000, 451), output_tokens=451)])
    (part,) = told(report)

    assert part.startswith("1 call (USD ")
    assert part.endswith(f") {reason}")


def test_one_factor_on_every_call_is_a_markup() -> None:
    """Five calls at one factor are no accident; the sums are those of the gap."""
    report = of([call(price(HAIKU, n) * 1.25, tokens=n) for n in range(9000, 9005)])
    (gap,) = [gap for gap in report.gaps if gap.rule == "USE060"]

    assert [
        "5 calls (USD 0.0176) at 1.25 times the list: a markup, a discount or another price list"
    ] == told(report)
    assert (5, 0.017) == (gap.calls, int(gap.cost_usd * 1000) / 1000)


@pytest.mark.parametrize(
    "calls",
    [
        [call(price(HAIKU, 9000))],
        [call(price(HAIKU, 9000) * 1.09)],
        [call(0.003)],
        [call(price(HAIKU, 9000) * 2, status="error", error="throttled")],
    ],
    ids=["the list price", "nine per cent", "rounded to a thousandth", "a call that failed"],
)
def test_nothing_is_told_of_a_cost_near_the_list(calls: list[dict[str, Any]]) -> None:
    """Nor of what rounding explains, nor of the part of a call that failed."""
    assert [] == told(of(calls))
