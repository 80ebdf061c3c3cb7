"""Cost Explorer's answers: recognised, counted as context, and told for what they can show."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auditor.report.schema import Report
from tests.readers import report

TEAM = {"Type": "TAG", "Key": "iamPrincipal/team"}
USAGE = {"Type": "DIMENSION", "Key": "USAGE_TYPE"}


def group(*keys: str, cost: str = "1.0", unit: str = "USD") -> dict[str, Any]:
    """One group with its cost."""
    return {"Keys": list(keys), "Metrics": {"UnblendedCost": {"Amount": cost, "Unit": unit}}}


def answer(groups: list[dict[str, Any]], definitions: list[dict[str, str]], **more: Any) -> dict[str, Any]:
    """An answer of one day."""
    period = {"TimePeriod": {"Start": "2026-09-14", "End": "2026-09-15"}, "Total": {}, "Groups": groups}
    return {"GroupDefinitions": definitions, "ResultsByTime": [period | {"Estimated": False}]} | more


def notes(value: Any) -> str:
    """What is told of an answer."""
    return " ".join(read(value).inputs[0].notes)


def read(value: Any) -> Report:
    """The report on an answer."""
    return report(value if isinstance(value, str) else json.dumps(value))


TAGGED = answer(
    [group("iamPrincipal/team$ds", "USE1-NovaPro-input-tokens"), group("iamPrincipal/team$", "x")],
    [TEAM, USAGE],
)


@pytest.mark.parametrize(
    ("value", "context"),
    [
        (TAGGED, 2),
        ([TAGGED, TAGGED], 4),
        (json.dumps(TAGGED, indent=2), 2),
        (json.dumps(TAGGED) + "\n" + json.dumps(TAGGED), 4),
        (TAGGED["ResultsByTime"], 2),
        (TAGGED["ResultsByTime"][0], 2),
        (TAGGED["ResultsByTime"][0]["Groups"], 2),
        ({"ResultsByTime": [], "GroupDefinitions": []}, 1),
        (
            {
                "ResultsByTime": [
                    {"TimePeriod": {}, "Total": {"BlendedCost": {"Amount": "1", "Unit": "USD"}}, "Groups": []}
                ]
            },
            1,
        ),
        ({"Tags": ["ds", ""], "ReturnSize": 2, "TotalSize": 2}, 1),
        ({"DimensionValues": [{"Value": "Amazon Bedrock"}], "ReturnSize": 1, "TotalSize": 1}, 1),
        ({"CostAllocationTags": [{"TagKey": "team", "Type": "UserDefined", "Status": "Active"}]}, 1),
    ],
)
def test_every_answer_is_recognised_and_holds_no_call(value: Any, context: int) -> None:
    """Whole, cut, page by page: an aggregate is context, never a call."""
    told = read(value).inputs[0]

    assert ("cost-explorer", 0, context) == (told.format, told.calls, told.context)
    assert any("holds no calls" in n for n in told.notes)


def test_money_without_a_tag_is_told_with_its_share() -> None:
    """An empty value behind the `$` is spend that nobody tagged."""
    text = notes(
        answer([group("iamPrincipal/team$ds", cost="1"), group("iamPrincipal/team$", cost="3")], [TEAM])
    )

    assert "75% of the cost (USD 3.00 of 4.00) has no iamPrincipal/team" in text
    assert "USD 4.00 from 2026-09-14 to 2026-09-15 (end exclusive), grouped by iamPrincipal/team." in text


def test_a_dollar_within_a_value_stays() -> None:
    """The key is cut off where it ends, not at the last sign."""
    assert "0% of the cost" in notes(answer([group("iamPrincipal/team$a$b")], [TEAM]))


@pytest.mark.parametrize(
    ("definition", "key", "words"),
    [
        ({"Type": "DIMENSION", "Key": "SERVICE"}, "Amazon Bedrock", "No tag is among the groups"),
        (
            {"Type": "DIMENSION", "Key": "SERVICE"},
            "Claude Sonnet 4.6 (Amazon Bedrock Edition)",
            "loses them",
        ),
        ({"Type": "PRODUCT_ATTRIBUTE", "Key": "model"}, "model$", "may be misspelt"),
        (
            {"Type": "COST_CATEGORY", "Key": "Team"},
            "Team$",
            "100% of the cost (USD 1.00 of 1.00) has no Team",
        ),
    ],
)
def test_each_kind_of_group_is_told_for_what_it_is(definition: dict[str, str], key: str, words: str) -> None:
    """Dimensions say nothing of owners, attributes hide a misspelling, categories are rules."""
    assert words in notes(answer([group(key)], [definition]))


def test_units_are_never_added() -> None:
    """Dollars and another currency are two sums."""
    text = notes(
        answer([group("a"), group("b", cost="2", unit="EUR")], [{"Type": "DIMENSION", "Key": "SERVICE"}])
    )

    assert "EUR 2.00 and USD 1.00" in text


def test_estimates_and_further_pages_are_told() -> None:
    """What is not final, and what is not all."""
    more = answer([group("iamPrincipal/team$ds")], [TEAM], NextPageToken="fake")
    more["ResultsByTime"][0]["Estimated"] = True
    text = notes(more)

    assert "estimates" in text
    assert "another page" in text


def test_a_plain_key_is_no_tag_of_a_caller() -> None:
    """Activating `team` activates the tag of resources."""
    tags = [{"TagKey": "team", "Status": "Active"}, {"TagKey": "iamPrincipal/team", "Status": "Inactive"}]
    text = notes({"CostAllocationTags": tags})

    assert "1 active, 1 not: iamPrincipal/team" in text
    assert "No iamPrincipal/ key is active" in text


@pytest.mark.parametrize(
    "value",
    [
        {"ResultsByTime": [None, 3, {"Groups": 5, "Total": None, "TimePeriod": 1}]},
        {
            "ResultsByTime": [
                {"TimePeriod": {}, "Groups": [{"Keys": 3, "Metrics": {"UnblendedCost": {"Amount": "x"}}}]}
            ]
        },
        {"ResultsByTime": [], "GroupDefinitions": {"Type": 1}},
        {"CostAllocationTags": [None, 7]},
    ],
)
def test_odd_shapes_are_read_without_harm(value: dict[str, Any]) -> None:
    """What is not there is not read."""
    assert 0 == read(value).inputs[0].calls
