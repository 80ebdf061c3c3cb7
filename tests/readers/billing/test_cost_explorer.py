"""Cost Explorer's answers: recognised, counted as context, and told for what they can show."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from auditor.report.schema import Report
from tests.readers import field, report

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
    ("value", "totals", "context"),
    [
        (TAGGED, 1, 1),
        ([TAGGED, TAGGED], 2, 2),
        (json.dumps(TAGGED, indent=2), 1, 1),
        (json.dumps(TAGGED) + "\n" + json.dumps(TAGGED), 2, 2),
        (TAGGED["ResultsByTime"], 2, 0),
        (TAGGED["ResultsByTime"][0], 2, 0),
        (TAGGED["ResultsByTime"][0]["Groups"], 2, 0),
        ({"ResultsByTime": [], "GroupDefinitions": []}, 0, 1),
        (
            {
                "ResultsByTime": [
                    {"TimePeriod": {}, "Total": {"BlendedCost": {"Amount": "1", "Unit": "USD"}}, "Groups": []}
                ]
            },
            1,
            0,
        ),
        ({"Tags": ["ds", ""], "ReturnSize": 2, "TotalSize": 2}, 0, 1),
        ({"DimensionValues": [{"Value": "Amazon Bedrock"}], "ReturnSize": 1, "TotalSize": 1}, 0, 1),
        ({"CostAllocationTags": [{"TagKey": "team", "Type": "UserDefined", "Status": "Active"}]}, 0, 1),
    ],
)
def test_every_answer_is_recognised_and_holds_no_call(value: Any, totals: int, context: int) -> None:
    """Whole, cut, page by page: a sum of models is a total, any other is context, none is a call."""
    told = read(value).inputs[0]

    assert ("cost-explorer", 0, totals, context) == (told.format, told.calls, told.totals, told.context)
    assert told.answer is not None


def test_totals_are_judged_for_their_money_and_owners() -> None:
    """What has no tag is absent, what is not grouped is not carried, and no figure is one of calls."""
    keys = ("iamPrincipal/team$ds", "iamPrincipal/team$")
    found = read(answer([group(keys[0], cost="1"), group(keys[1], cost="3")], [TEAM]))
    team, tenant, gap = field(found, "team_id"), field(found, "tenant_id"), found.gaps[0]

    assert (0, 0, 4.0, 3.0) == (
        found.totals.calls,
        found.totals.distinct_calls,
        found.totals.cost_usd,
        found.totals.unattributed_cost_usd,
    )
    assert (0, 0) == (team.present, team.absent)
    assert [("input", 1, 1, 0, 0)] == [msgspec.structs.astuple(one) for one in team.inputs]
    assert 2 == tenant.inputs[0].not_carried
    assert (0, 0, 1, 3.0) == (gap.calls, gap.of, gap.records, gap.cost_usd)
    assert "call" not in gap.message
    assert [0, 0] == [owner.calls for owner in found.owners]
    assert found.gate.passed


def test_two_groupings_of_the_same_money_are_not_added_up() -> None:
    """The one that can name an owner counts."""
    by_service = answer([group("Amazon Bedrock", cost="4")], [{"Type": "DIMENSION", "Key": "SERVICE"}])
    by_team = answer([group("iamPrincipal/team$ds", cost="4")], [TEAM])
    found = read([by_service, by_team])

    assert (4.0, 0.0) == (found.totals.cost_usd, found.totals.unattributed_cost_usd)
    assert "not added up" in " ".join(found.inputs[0].notes)


def test_money_of_other_services_is_context() -> None:
    """Storage has no owner of a model's call to look for."""
    groups = [group("Amazon Bedrock"), group("Claude Opus 4.6 (Amazon Bedrock Edition)"), group("Amazon S3")]
    found = read(answer(groups, [{"Type": "DIMENSION", "Key": "SERVICE"}]))

    assert (2, 1, 2.0) == (found.inputs[0].totals, found.inputs[0].context, found.totals.cost_usd)
    assert "USD 1.00 of it is of other services" in " ".join(found.inputs[0].notes)


PIVOT = (
    '"Tag","acme ($)","globex ($)","No tag key: iamPrincipal/tenant ($)","Total costs ($)"\n'
    '"Tag total","12.34","4.10","83.56","100.00"\n'
    '"2026-09-01","6.00","2.00","40.00","48.00"\n'
    '"2026-09-02","6.34","2.10","43.56","52.00"\n'
)
ACROSS = (
    '"Tag","2026-09-01($)","2026-09-02($)","Total costs($)"\n'
    '"acme","6.00","6.34","12.34"\n'
    '"globex","2.00","2.10","4.10"\n'
    '"No tag key: iamPrincipal/tenant","40.00","43.56","83.56"\n'
    '"Total costs","48.00","52.00","100.00"\n'
)


@pytest.mark.parametrize(
    "text",
    [
        PIVOT,
        "\ufeff" + PIVOT,
        PIVOT.replace(" ($)", "($)").replace("No tag key", "No Tagkey"),
        PIVOT.replace(",", ";").replace(".", ","),
        "\n".join([PIVOT.splitlines()[0], *PIVOT.splitlines()[:1:-1], PIVOT.splitlines()[1]]),
        ACROSS,
    ],
    ids=["days down", "byte order mark", "older", "decimal commas", "newest first", "days across"],
)
def test_the_csv_of_the_console_is_read_without_its_totals(text: str) -> None:
    """Each sum counts once, whatever way the pivot is turned."""
    found = read(text)

    assert ("cost-explorer", 0, 6) == (found.inputs[0].format, found.inputs[0].calls, found.inputs[0].totals)
    assert 100.0 == pytest.approx(found.totals.cost_usd)
    assert 83.56 == pytest.approx(found.totals.unattributed_cost_usd)


def test_the_csv_by_account_or_service_is_read_by_its_first_column() -> None:
    """Names below the ids of accounts are no sums."""
    accounts = (
        '"Linked account","123456789012($)","210987654321($)","Total costs($)"\n'
        '"Linked account name","data","web",""\n'
        '"2026-09-01","6.00","2.00","8.00"\n'
    )
    assert (2, 8.0) == (read(accounts).inputs[0].totals, read(accounts).totals.cost_usd)


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
