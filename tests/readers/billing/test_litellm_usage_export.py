"""LiteLLM's sums: each dollar once, whatever views of it an answer has."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auditor.report.schema import Report
from tests.readers import report

SONNET = "us.anthropic.claude-sonnet-4-6"


def metrics(spend: float, requests: int = 10) -> dict[str, Any]:
    """Figures of a day or a part of it."""
    return {"spend": spend, "prompt_tokens": 800, "completion_tokens": 100, "api_requests": requests}


def key(spend: float, **metadata: Any) -> dict[str, Any]:
    """The part of a virtual key."""
    return {"metrics": metrics(spend), "metadata": metadata}


def day(spend: float, **breakdown: Any) -> dict[str, Any]:
    """The answer for one day, with some views of its spend."""
    one = {"date": "2026-09-14", "metrics": metrics(spend), "breakdown": breakdown}
    return {"results": [one], "metadata": {"has_more": False}}


def read(value: Any) -> Report:
    """The report on an answer, or on the text of an export."""
    return report(value if isinstance(value, str) else json.dumps(value))


LEGAL, NOBODY = key(4.0, key_alias="legal", team_id="t-1"), key(6.0, key_alias="x", team_id=None)
CROSSED = {SONNET: {"metrics": metrics(10.0), "api_key_breakdown": {"k1": LEGAL, "k2": NOBODY}}}


@pytest.mark.parametrize(
    ("value", "totals", "lost"),
    [
        (day(10.0, api_keys={"k1": LEGAL, "k2": NOBODY}), 2, 6.0),
        (day(10.0, models=CROSSED, api_keys={"k1": LEGAL, "k2": NOBODY}, entities={"e": key(10.0)}), 2, 6.0),
        (day(10.0, api_keys={"k1": LEGAL}), 2, 6.0),  # the keys leave a rest
        (day(10.0, api_keys={"k1": LEGAL, "k2": NOBODY, "k3": NOBODY}), 1, 10.0),  # more than the day
        (day(10.0), 1, 10.0),
        (day(10.0)["results"][0], 1, 10.0),
    ],
)
def test_views_of_the_same_spend_are_not_added_up(value: Any, totals: int, lost: float) -> None:
    """The day's spend is all there is; a view gives its parts their owners."""
    found = read(value)

    assert ("litellm-usage-export", 0, totals) == (
        found.inputs[0].format,
        found.inputs[0].calls,
        found.inputs[0].totals,
    )
    assert (10.0, lost) == pytest.approx((found.totals.cost_usd, found.totals.unattributed_cost_usd))


@pytest.mark.parametrize("nobody", ["Unassigned", "Unassigned Team", None, "-"])
def test_spend_of_no_team_has_no_owner(nobody: str | None) -> None:
    """Words for none are none, and the rows below a team are parts of its spend."""
    rows = [{"model": "gpt-4o", "spend": 1.0, "total_tokens": 9}, {"model": "x", "spend": 0.4}]
    teams = [
        {"team_name": "Legal Team", "total_spend": 0.5, "metadata": []},
        {"team_name": nobody, "total_spend": 1.5, "metadata": rows},
    ]
    found = read([{"group_by_day": "2026-04-30T00:00:00+00:00", "teams": teams}])

    assert (4, 0) == (found.inputs[0].totals, found.inputs[0].calls)
    assert (2.0, 1.5) == pytest.approx((found.totals.cost_usd, found.totals.unattributed_cost_usd))


def test_a_customer_is_a_tenant() -> None:
    """The report by customer names whom the caller named."""
    found = read([{"group_by_day": "2026-04-30", "customers": [{"customer": "acme", "total_spend": 2.0}]}])

    assert (2.0, 0.0) == (found.totals.cost_usd, found.totals.unattributed_cost_usd)


def test_a_report_by_key_has_its_models() -> None:
    """The details are parts of the key's cost."""
    details = [{"model": SONNET, "total_cost": 1.0, "total_input_tokens": 5, "total_output_tokens": 1}]
    value = {"api_key": "88dcfake", "total_cost": 1.0, "total_input_tokens": 5, "model_details": details}

    assert (1, 1.0) == (read(value).inputs[0].totals, read(value).totals.cost_usd)


HEAD = "Date,Team,Team ID,Model,Spend ($),Requests,Successful,Failed,Total Tokens\n"


def test_an_export_counts_money_and_requests() -> None:
    """Thousands and a dollar sign are read, and a team that is not assigned is none."""
    text = HEAD.replace("Model,", "") + (
        '2026-09-14,Legal,t-1,"$1,200.50",120,118,2,912\n2026-09-14,-,Unassigned,$40,310,310,0,12\n'
    )
    found = read(text)
    sums = found.inputs[0].sums

    assert (2, 430, "day") == (found.inputs[0].totals, sums and sums.requests, sums and sums.period)
    assert (1240.5, 40.0) == pytest.approx((found.totals.cost_usd, found.totals.unattributed_cost_usd))


def test_figures_repeated_for_each_model_count_once() -> None:
    """Some versions write the team's sums beside every model."""
    row = "2026-09-14,Legal,t-1,{},$3.50,12,12,0,912\n"
    found = read(HEAD + row.format("a") + row.format("b") + row.format("a").replace("3.50", "0.50"))

    assert (2, 1, 4.0) == (found.inputs[0].totals, found.inputs[0].context, found.totals.cost_usd)
