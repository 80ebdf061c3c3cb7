"""FOCUS bills: what is a call, which cost, where model, tokens and owners stand, and what they lack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from auditor.audit import Input, audit
from auditor.policy.model import Policy
from tests.readers import counts, field, keys, report
from tests.support.bills import bill

# rows of FinOps-Open-Cost-and-Usage-Spec/FOCUS-Sample-Data, CC BY 4.0, shortened
REAL = Path(__file__).parents[1] / "data" / "focus-1-0-sample.csv"
BASE = {
    "BilledCost": "0.08",
    "BillingAccountId": "123456789012",
    "BillingCurrency": "USD",
    "ChargeCategory": "Usage",
    "ChargePeriodStart": "2026-09-14T00:00:00Z",
    "ConsumedQuantity": "23",
    "ConsumedUnit": "1K tokens",
    "EffectiveCost": "0.069",
    "ProviderName": "AWS",
    "RegionId": "us-east-1",
    "ServiceName": "Amazon Bedrock",
    "SubAccountId": "123456789012",
    "Tags": '{"team": "ds"}',
    "x_ServiceCode": "AmazonBedrock",
    "x_UsageType": "USE1-NovaPro-input-tokens",
}


def line(**cells: str) -> dict[str, str]:
    """One row with some cells changed."""
    return BASE | cells


@pytest.mark.parametrize(
    ("cells", "is_call"),
    [
        ({}, True),
        ({"ChargeCategory": "Purchase"}, False),
        ({"ChargeCategory": "Tax"}, False),
        ({"ChargeCategory": "Credit"}, False),
        ({"ChargeCategory": "Adjustment"}, False),
        (
            {
                "ServiceName": "Claude Sonnet 4.5 (Amazon Bedrock Edition)",
                "x_ServiceCode": "7zfakecode0001",
                "x_UsageType": "USE1-MP:USE1_OutputTokenCount-Units",
                "ConsumedUnit": "Units",
            },
            True,
        ),
        (
            {
                "ServiceName": "Amazon Elastic Compute Cloud",
                "x_ServiceCode": "AmazonEC2",
                "x_UsageType": "BoxUsage",
                "ConsumedUnit": "Hours",
            },
            False,
        ),
        (
            {
                "ServiceName": "Azure OpenAI",
                "ProviderName": "Microsoft",
                "x_ServiceCode": "",
                "x_UsageType": "",
                "ConsumedUnit": "1K Tokens",
            },
            True,
        ),
        ({"x_UsageType": "USE1-Guardrail-Units", "ConsumedUnit": "Units"}, False),
    ],
)
def test_usage_metered_in_tokens_is_a_call(cells: dict[str, str], is_call: bool) -> None:
    """The charge's category, its unit and its service decide, in whichever cloud."""
    told = report(bill(line(**cells))).inputs[0]

    assert ("focus", int(is_call), int(not is_call)) == (told.format, told.calls, told.context)


def test_the_effective_cost_goes_before_the_billed() -> None:
    """They are two views of one charge and never added; a row without the one has the other."""
    found = report(bill(line(), line(EffectiveCost="NULL")))

    assert 0.149 == round(found.totals.cost_usd, 6)
    assert (2, 0, 0, 0) == counts(found, "cost_usd")
    only = {k: v for k, v in BASE.items() if k != "EffectiveCost"}
    assert {("BilledCost", "billing_aggregate")} == keys(report(bill(only)), "cost_usd")


def test_other_currencies_are_not_read_as_dollars() -> None:
    """The currency of the bill is looked at."""
    assert (0, 1, 0, 0) == counts(report(bill(line(BillingCurrency="EUR"))), "cost_usd")


NEWER = {k: v for k, v in BASE.items() if k != "x_UsageType"}


@pytest.mark.parametrize(
    ("cells", "key"),
    [
        (BASE, "x_UsageType"),
        (NEWER | {"SkuMeter": "USE1-NovaPro-input-tokens"}, "SkuMeter"),
        (
            NEWER | {"SkuPriceDetails": '{"model": "Nova Pro", "tokens": "Input tokens"}'},
            "SkuPriceDetails['model']",
        ),
        (
            NEWER | {"ChargeDescription": "$0.0008 per 1K input tokens for Nova Pro in US East"},
            "ChargeDescription",
        ),
    ],
)
def test_model_and_kind_of_token_are_read_where_the_version_has_them(cells: dict[str, str], key: str) -> None:
    """1.0 has the usage type; 1.1 and 1.2 a meter, price details and a description."""
    found = report(bill(cells))

    assert (1, 0, 0, 0) == counts(found, "tokens_input") == counts(found, "model")
    assert (key, "billing_aggregate") in keys(found, "model")
    assert 23_000 == found.totals.tokens


def test_a_bill_without_a_meter_cannot_tell_model_or_kind() -> None:
    """Tokens are counted, and what kind they are is not guessed."""
    found = report(bill(NEWER))

    assert {"by_sample": 1} == field(found, "model").causes == field(found, "tokens_input").causes
    assert 23_000 == found.totals.tokens


@pytest.mark.parametrize(
    ("tags", "name", "expected"),
    [
        ('{"team": "ds"}', "team_id", (1, 0, 0, 0)),
        ('{"user:team": "ds"}', "team_id", (1, 0, 0, 0)),
        ('{"resourceTags/team": "ds"}', "team_id", (1, 0, 0, 0)),
        ('{"application": "chatbot"}', "workflow_id", (1, 0, 0, 0)),
        ('{"business_unit": "ds"}', "team_id", (1, 0, 0, 0)),
        ('{"team": "none"}', "team_id", (0, 1, 0, 0)),
        ('{"project": "x"}', "team_id", (0, 0, 1, 0)),
        ("NULL", "team_id", (0, 1, 0, 0)),
    ],
)
def test_owners_stand_in_the_tags(tags: str, name: str, expected: tuple[int, ...]) -> None:
    """A tag is its resource's; `NULL` is written for none."""
    assert expected == counts(report(bill(line(Tags=tags))), name)


def test_the_caller_is_in_no_focus_bill() -> None:
    """There is no column for it; principal tags may reach the tags, so their absence says nothing."""
    found = report(bill(line()))

    for name in ("iam_principal", "user_id", "request_id", "latency_ms", "session_id"):
        assert {"by_format": 1} == field(found, name).causes
    assert {"by_sample": 1} == field(found, "principal_tags").causes
    assert (1, 0, 0, 0) == counts(report(bill(line(Tags='{"iamPrincipal/team": "ds"}'))), "principal_tags")


@pytest.mark.parametrize(
    "tags",
    [[[{"key": "team", "value": "ds"}]], ['{"team": "ds"}'], [{"team": "ds"}]],
    ids=["map", "text", "struct"],
)
def test_parquet_is_read(tags: Any, tmp_path: Path) -> None:
    """Numbers are numbers there, and tags a map, a struct or JSON text."""
    path = tmp_path / "focus.parquet"
    columns: dict[str, Any] = {k: [v] for k, v in BASE.items() if k != "Tags"}
    columns |= {"EffectiveCost": [0.069], "ConsumedQuantity": [23.0], "Tags": tags}
    pl.DataFrame(columns).write_parquet(path)
    found = audit([Input(name="focus", path=path)], Policy(profile="all"))

    assert ("focus", 1, 0.069) == (found.inputs[0].format, found.inputs[0].calls, found.totals.cost_usd)
    assert (1, 0, 0, 0) == counts(found, "team_id")


def test_json_rows_are_read() -> None:
    """A query's answer as JSON lines is the same bill."""
    found = report("\n".join(json.dumps(line()) for _ in range(3)))

    assert ("focus", 3) == (found.inputs[0].format, found.inputs[0].calls)


def test_a_bill_without_model_usage_is_recognised_and_holds_no_call() -> None:
    """Rows of a real account without any model service are context, all of them."""
    told = audit([Input(name="bill", path=REAL)], Policy()).inputs[0]

    assert ("focus", 0, 25, 0) == (told.format, told.calls, told.context, told.skipped_total)
    assert any("left out of coverage" in n for n in told.notes)
