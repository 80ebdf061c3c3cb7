"""OpenAI's usage and costs: totals, whose missing keys are unknown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auditor.report.schema import InputVerdicts, Report
from tests.readers import field, report

USAGE = {
    "object": "organization.usage.completions.result",
    "input_tokens": 1000,
    "input_cached_tokens": 800,
    "output_tokens": 500,
    "num_model_requests": 5,
    "project_id": "proj_legal",
    "user_id": None,
    "api_key_id": None,
    "model": "gpt-4o-2024-08-06",
}
COSTS = {
    "object": "organization.costs.result",
    "amount": {"value": 0.06, "currency": "usd"},
    "line_item": None,
    "project_id": None,
}


def page(*results: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A page with one bucket of a day."""
    bucket = {
        "object": "bucket",
        "start_time": 1789344000,
        "end_time": 1789430400,
        "results": list(results),
    }
    return {"object": "page", "data": [bucket], "has_more": False, "next_page": None} | more


def read(value: Any) -> Report:
    """The report on an answer."""
    return report(json.dumps(value))


@pytest.mark.parametrize(
    ("value", "totals", "context", "period"),
    [
        (page(USAGE, COSTS), 2, 0, "day"),
        (page(USAGE)["data"][0], 1, 0, "day"),
        (USAGE, 1, 0, None),
        (page(), 0, 1, None),
    ],
)
def test_results_are_totals(value: Any, totals: int, context: int, period: str | None) -> None:
    """A page, a bucket, a result that was cut out; days without use are context."""
    found = read(value).inputs[0]

    assert ("openai-usage", 0, totals, context) == (found.format, found.calls, found.totals, found.context)
    assert period == (found.sums.period if found.sums else None)


def test_a_key_that_is_null_is_unknown() -> None:
    """The query was not grouped by it; a project is a weak name of the team."""
    found = read(page(USAGE, USAGE | {"project_id": None, "model": None}))

    assert [InputVerdicts("input", 0, 0, 1, 1)] == field(found, "team_id").inputs
    assert [InputVerdicts("input", 1, 0, 0, 1)] == field(found, "model").inputs
    assert any(
        "1 of 2 results (5 requests) are not grouped by project_id" in n for n in found.inputs[0].notes
    )


def test_cached_tokens_count_once_and_requests_are_told() -> None:
    """All input holds the cached part."""
    sums = read(page(USAGE, USAGE | {"input_uncached_tokens": 200})).inputs[0].sums

    assert sums is not None
    assert (3000, 10) == (sums.tokens, sums.requests)


def test_the_money_of_costs_is_not_added_to_an_estimate_of_usage() -> None:
    """Both show the same dollars."""
    found = read(page(USAGE, COSTS))

    assert (0.06, "observed") == (found.totals.cost_usd, found.totals.cost_basis)


def test_a_page_of_several_is_told() -> None:
    """Its sums are not all."""
    assert any("another page" in note for note in read(page(USAGE, has_more=True)).inputs[0].notes)


@pytest.mark.parametrize(
    "value",
    [
        page(USAGE | {"input_tokens": "many", "num_model_requests": True}),
        page(COSTS | {"amount": {"value": "x", "currency": 7}}),
        page() | {"data": [None, 3, page(USAGE)["data"][0]]},
    ],
)
def test_odd_shapes_are_read_without_harm(value: dict[str, Any]) -> None:
    """What is not there is not read, and nothing is a call."""
    assert 0 == read(value).inputs[0].calls
