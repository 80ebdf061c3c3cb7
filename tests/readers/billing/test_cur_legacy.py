"""The legacy report: its own headers and those of Athena, tags as columns, and what it lacks."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl
import pytest

from auditor.audit import Input, audit
from auditor.policy.model import Policy
from tests.readers import counts, field, keys, report

# rows of the FinOps Foundation's anonymised export (finopsfoundation/focus_converters, MIT), shortened
REAL = Path(__file__).parents[1] / "data" / "cur-legacy-anonymised.csv"
BASE = {
    "identity/LineItemId": "fakelineitem0001",
    "bill/PayerAccountId": "123456789012",
    "lineItem/UsageAccountId": "123456789012",
    "lineItem/LineItemType": "Usage",
    "lineItem/UsageStartDate": "2026-09-14T10:00:00Z",
    "lineItem/ProductCode": "AmazonBedrock",
    "lineItem/UsageType": "USE1-NovaPro-input-tokens",
    "lineItem/UsageAmount": "12.5",
    "lineItem/UnblendedCost": "0.01",
    "pricing/unit": "1K tokens",
    "product/regionCode": "us-east-1",
}
ATHENA = {
    "line_item_usage_account_id": "123456789012",
    "line_item_line_item_type": "Usage",
    "line_item_product_code": "AmazonBedrock",
    "line_item_usage_type": "USE1-NovaPro-input-tokens",
    "line_item_usage_amount": "12.5",
    "line_item_unblended_cost": "0.01",
    "pricing_unit": "1K tokens",
    "product_region_code": "us-east-1",
    "product_product_name": "Amazon Bedrock",
    "year": "2026",
    "month": "9",
}


def bill(*rows: dict[str, str]) -> str:
    """Rows as CSV."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(dict.fromkeys(k for r in rows for k in r)))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


@pytest.mark.parametrize("base", [BASE, ATHENA], ids=["report", "athena"])
def test_both_names_of_a_column_are_read(base: dict[str, str]) -> None:
    """`lineItem/UsageType` and `line_item_usage_type` are one column; keys are shown as they were found."""
    found = report(bill(base))
    told = found.inputs[0]

    assert ("cur-legacy", "billing", 1, 0) == (told.format, told.layer, told.calls, told.context)
    assert (0.01, 12_500) == (found.totals.cost_usd, found.totals.tokens)
    for name in ("model", "region", "cost_usd", "tokens_input", "account_id"):
        assert (1, 0, 0, 0) == counts(found, name)
    shown = next(k for k in base if k.endswith(("UnblendedCost", "unblended_cost")))
    assert {(shown, "billing_aggregate")} == keys(found, "cost_usd")


@pytest.mark.parametrize(
    ("base", "header", "name", "scope"),
    [
        (BASE, "resourceTags/user:team", "team_id", "resource_tag"),
        (BASE, "resourceTags/user:Team", "team_id", "resource_tag"),
        (BASE, "resourceTags/user:tenant-id", "tenant_id", "resource_tag"),
        (BASE, "resourceTags/user:app", "workflow_id", "resource_tag"),
        (BASE, "costCategory/Team", "team_id", "billing_aggregate"),
        (BASE, "iamPrincipal/team", "team_id", "principal_tag"),
        (ATHENA, "resource_tags_user_team", "team_id", "resource_tag"),
        (ATHENA, "resource_tags_user_tenant_id", "tenant_id", "resource_tag"),
        (ATHENA, "cost_category_team", "team_id", "billing_aggregate"),
        (ATHENA, "iam_principal_team", "team_id", "principal_tag"),
    ],
)
def test_each_tag_has_a_column_of_its_own(base: dict[str, str], header: str, name: str, scope: str) -> None:
    """The header's family tells where the value stands; an empty cell is an empty tag."""
    found = report(bill(base | {header: "ds"}, base | {header: ""}))

    assert (1, 1, 0, 0) == counts(found, name)
    assert {(header, scope)} == keys(found, name)
    assert {"empty": 1} == field(found, name).causes


def test_a_cost_centre_is_no_team() -> None:
    """It is a field of its own."""
    found = report(bill(BASE | {"resourceTags/user:CostCenter": "4711"}))

    assert (1, 0, 0, 0) == counts(found, "cost_center")
    assert (0, 1, 0, 0) == counts(found, "team_id")


def test_who_created_a_resource_is_no_owner() -> None:
    """`aws:createdBy` names the maker of a resource, not who pays nor who calls."""
    found = report(bill(BASE | {"resourceTags/aws:createdBy": "AssumedRole:AROAFAKE:bot"}))

    assert [] == field(found, "team_id").found
    assert (0, 1, 0, 0) == counts(found, "resource_tags")


def test_the_caller_is_not_in_this_report() -> None:
    """The principal is not carried; its tags may or may not be, so their absence says nothing."""
    found = report(bill(BASE))

    assert {"by_format": 1} == field(found, "iam_principal").causes == field(found, "user_id").causes
    assert {"by_sample": 1} == field(found, "principal_tags").causes
    assert (1, 0, 0, 0) == counts(report(bill(BASE | {"iamPrincipal/team": "ds"})), "principal_tags")


def test_the_discounted_cost_goes_first() -> None:
    """The net cost is there only in months with a discount."""
    found = report(bill(BASE | {"lineItem/NetUnblendedCost": "0.008"}))

    assert 0.008 == found.totals.cost_usd
    assert {("lineItem/NetUnblendedCost", "billing_aggregate")} == keys(found, "cost_usd")


@pytest.mark.parametrize("kind", ["Tax", "Credit", "Fee", "RIFee", "Refund", "SavingsPlanNegation"])
def test_money_that_is_no_usage_is_context(kind: str) -> None:
    """It is summed in a note and never counted against coverage."""
    found = report(bill(BASE, BASE | {"lineItem/LineItemType": kind}))

    assert (1, 1) == (found.inputs[0].calls, found.inputs[0].context)
    assert any(f": {kind} (USD 0.01)" in n for n in found.inputs[0].notes)


def test_a_marketplace_line_is_a_call() -> None:
    """Its product code is opaque; the product's name and the usage type tell."""
    row = BASE | {
        "lineItem/ProductCode": "7zfakecode0001",
        "lineItem/UsageType": "USE1-MP:USE1_OutputTokenCount-Units",
        "product/ProductName": "Claude Sonnet 4.5 (Amazon Bedrock Edition)",
    }
    found = report(bill(row))

    assert 1 == found.inputs[0].calls
    assert {("product/ProductName", "billing_aggregate")} == keys(found, "model")


def test_a_parquet_report_is_read(tmp_path: Path) -> None:
    """The types are Parquet's own."""
    path = tmp_path / "report.parquet"
    pl.DataFrame(
        {k: [float(v) if k.endswith(("cost", "amount")) else v] for k, v in ATHENA.items()}
        | {"resource_tags_user_team": ["ds"]}
    ).write_parquet(path)
    found = audit([Input(name="report", path=path)], Policy(profile="all"))

    assert ("cur-legacy", 1) == (found.inputs[0].format, found.inputs[0].calls)
    assert (1, 0, 0, 0) == counts(found, "team_id")


def test_a_report_without_model_usage_is_recognised_and_holds_no_call() -> None:
    """Storage, queues and taxes of a real account are context, all of them."""
    found = audit([Input(name="report", path=REAL)], Policy())
    told = found.inputs[0]

    assert ("cur-legacy", 0, 40, 0) == (told.format, told.calls, told.context, told.skipped_total)
    assert any("Tax" in n for n in told.notes)


def test_a_caller_makes_it_the_newer_report() -> None:
    """Only CUR 2.0 has callers, whatever other columns were selected beside them."""
    row = ATHENA | {"line_item_iam_principal": "arn:aws:iam::123456789012:user/alice"}
    found = report(bill(row | {"resource_tags_user_team": "ds"}))

    assert "cur-2.0" == found.inputs[0].format
    assert (1, 0, 0, 0) == counts(found, "team_id") == counts(found, "iam_principal")
