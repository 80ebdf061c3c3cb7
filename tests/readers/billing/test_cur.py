"""Cost and Usage Reports: what is a call, the scopes of its fields, and what the legacy report lacks."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from auditor.audit import Input, audit
from auditor.policy.model import Policy
from tests.readers import counts, field, keys, report
from tests.support.bills import ACME, bill, calls, line

ALICE = "arn:aws:iam::123456789012:user/alice"
BEDROCK = "arn:aws:bedrock:us-east-1"
PROFILE = f"{BEDROCK}:123456789012:application-inference-profile/abc123def456"


# -- what is a call ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "is_call"),
    [
        ({}, True),
        ({"line_item_type": "DiscountedUsage"}, True),
        ({"line_item_type": "SavingsPlanCoveredUsage"}, True),
        ({"line_item_type": "Tax"}, False),
        ({"line_item_type": "Credit"}, False),
        ({"line_item_type": "Refund"}, False),
        ({"line_item_type": "RIFee"}, False),
        ({"line_item_type": "SavingsPlanNegation"}, False),
        ({"line_item_type": "SomethingNew"}, False),
        ({"product_code": "AmazonBedrock", "usage_type": "USE1-NovaPro-output-tokens"}, True),
        ({"product_code": "7zfakecode0001", "usage_type": "USE1-MP:USE1_OutputTokenCount-Units"}, True),
        (
            {
                "product_code": "7zfakecode0001",
                "usage_type": "USE1-MP:USE1_OutputTokenCount-Units",
                "iam_principal": "",
            },
            True,
        ),
        ({"product_code": "AmazonEC2", "usage_type": "BoxUsage:t3.micro", "iam_principal": ""}, False),
        ({"product_code": "AmazonLex", "usage_type": "USE1-text-input-tokens", "iam_principal": ""}, False),
        ({"usage_type": "USE1-Guardrail-ContentPolicyUnitsConsumed"}, False),
        ({"usage_type": "USE1-Claude3Haiku-ProvisionedThroughput-ModelUnits"}, False),
        ({"usage_type": "USE1-Claude4.5Sonnet-ReservedInput-tokens-per-minute"}, False),
        (
            {
                "product_code": "AmazonBedrockAgentCore",
                "usage_type": "USE1-Runtime-vCPU",
                "pricing_unit": "vCPU-Hours",
            },
            False,
        ),
        (
            {
                "usage_type": "USE1-NovaCanvas-T2I-1024-Standard",
                "product": '{"model": "Nova Canvas", "feature": "On-demand Inference"}',
            },
            True,
        ),
    ],
)
def test_usage_of_a_model_is_a_call_and_the_rest_is_context(cells: dict[str, str], is_call: bool) -> None:
    """The line-item type, the usage type and the names of the product decide, not the product code alone."""
    assert ("cur-2.0", int(is_call), int(not is_call)) == calls(report(bill(line(**cells))))


def test_what_is_no_usage_is_summed_in_a_note() -> None:
    """Money that is left out of coverage is told, by its kind and currency."""
    rows = [
        line(),
        line(line_item_type="Tax", unblended_cost="0.02"),
        line(line_item_type="Credit", unblended_cost="-1"),
    ]
    notes = report(bill(*rows)).inputs[0].notes

    assert "Not model usage, left out of coverage: Tax (USD 0.02)." in notes
    assert "Not model usage, left out of coverage: Credit (USD -1.00)." in notes


def test_identical_rows_count_as_often_as_they_stand() -> None:
    """Grouping is for speed: it loses neither calls nor money."""
    found = report(bill(*[line() for _ in range(5)]))

    assert (5, 0.345, 115_000) == (found.totals.calls, round(found.totals.cost_usd, 6), found.totals.tokens)


def test_context_is_grouped_whatever_its_resources_and_tags() -> None:
    """A bill of a million machines stays a few rows: tags and resources tell possible calls apart only."""
    rows = [
        line(
            product_code="AmazonEC2",
            usage_type="BoxUsage",
            iam_principal="",
            resource_id=f"i-{i:08x}",
            tags=json.dumps({"resourceTags/Name": f"machine {i}"}),
        )
        for i in range(500)
    ]
    found = report(bill(line(), *rows))

    assert ("cur-2.0", 1, 500) == calls(found)


# -- where the fields stand ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "key"),
    [
        ({"product": '{"model": "Claude Sonnet 4.6"}'}, "product['model']"),
        ({}, "line_item_usage_type"),
        (
            {
                "usage_type": "USE1-MP:USE1_OutputTokenCount-Units",
                "product": '{"product_name": "Claude Sonnet 4.6 (Amazon Bedrock Edition)"}',
            },
            "product['product_name']",
        ),
        (
            {
                "usage_type": "USE1-MP:USE1_OutputTokenCount-Units",
                "resource_id": f"{BEDROCK}::foundation-model/anthropic.claude-sonnet-4-6-v1:0",
            },
            "line_item_resource_id",
        ),
        (
            {
                "usage_type": "USE1-MP:USE1_OutputTokenCount-Units",
                "resource_id": f"{BEDROCK}:123456789012:inference-profile/us.amazon.nova-pro-v1:0",
            },
            "line_item_resource_id",
        ),
    ],
)
def test_the_model_is_read_where_it_is_told_best(cells: dict[str, str], key: str) -> None:
    """The provider's own word, else the usage type, the product's name, or the ARN of the resource."""
    found = report(bill(line(**cells)))

    assert (1, 0, 0, 0) == counts(found, "model")
    assert {(key, "billing_aggregate")} == keys(found, "model")


def test_an_opaque_profile_hides_the_model() -> None:
    """An application inference profile is no model's name."""
    found = report(bill(line(usage_type="USE1-MP:USE1_OutputTokenCount-Units", resource_id=PROFILE)))

    assert {"model_hidden": 1} == field(found, "model").causes


@pytest.mark.parametrize(
    ("unit", "amount", "tokens"),
    [
        ("1K tokens", "23.0", 23_000),
        ("1M tokens", "0.0142", 14_200),
        ("Units", "5", 5),
        ("", "1.2E2", 120),
    ],
)
def test_amounts_are_in_the_unit_of_the_price(unit: str, amount: str, tokens: int) -> None:
    """AWS prices by the thousand, the Marketplace by the million; without a unit the amount stands as is."""
    assert tokens == report(bill(line(pricing_unit=unit, usage_amount=amount))).totals.tokens


def test_a_row_carries_one_kind_of_token() -> None:
    """The other kinds are not missing from it."""
    found = report(bill(line(usage_type="USE1-NovaPro-cache-read-input-token-count")))

    assert (1, 0, 0, 0) == counts(found, "tokens_cache_read")
    assert {"by_format": 1} == field(found, "tokens_input").causes


def test_the_provider_s_word_for_the_kind_goes_first() -> None:
    """`inference_type` is read where the usage type has no grammar."""
    product = '{"model": "Claude Sonnet 4.6", "inference_type": "Prompt cache write input tokens"}'
    found = report(bill(line(usage_type="USE1-new-grammar", product=product)))

    assert (1, 0, 0, 0) == counts(found, "tokens_cache_write")


def test_the_discounted_cost_goes_first_row_by_row() -> None:
    """A row without a net cost keeps its own; neither is added to the other."""
    rows = [line(line_item_net_unblended_cost="0.05"), line(line_item_net_unblended_cost="")]
    found = report(bill(*rows))

    assert 0.119 == round(found.totals.cost_usd, 6)
    assert (2, 0, 0, 0) == counts(found, "cost_usd")


def test_other_currencies_are_not_read_as_dollars() -> None:
    """They are told, and never added."""
    found = report(bill(line(), line(currency_code="EUR")))

    assert (1, 1, 0, 0) == counts(found, "cost_usd")
    assert "Costs in EUR are not read as USD." in found.inputs[0].notes


@pytest.mark.parametrize(
    ("tags", "name", "key", "scope"),
    [
        ('{"iamPrincipal/team": "ds"}', "team_id", "tags['iamPrincipal/team']", "principal_tag"),
        ('{"resourceTags/team": "ds"}', "team_id", "tags['resourceTags/team']", "resource_tag"),
        ('{"resourceTags/user:team": "ds"}', "team_id", "tags['resourceTags/user:team']", "resource_tag"),
        ('{"costCategory/Team": "ds"}', "team_id", "tags['costCategory/Team']", "billing_aggregate"),
        ('{"iamPrincipal/tenant": "acme"}', "tenant_id", "tags['iamPrincipal/tenant']", "principal_tag"),
        ('{"resourceTags/app": "chatbot"}', "workflow_id", "tags['resourceTags/app']", "resource_tag"),
        ("{iamPrincipal/team=ds, resourceTags/x=1}", "team_id", "tags['iamPrincipal/team']", "principal_tag"),
    ],
)
def test_tags_stand_at_the_scope_of_their_family(tags: str, name: str, key: str, scope: str) -> None:
    """The prefix tells whose tag it is; a row cannot tell a principal's from a session's."""
    found = report(bill(line(tags=tags)))

    assert (1, 0, 0, 0) == counts(found, name)
    assert {(key, scope)} == keys(found, name)


def test_the_tag_of_an_account_is_wider_than_a_team() -> None:
    """It owns every line of the account."""
    assert (0, 0, 1, 0) == counts(report(bill(line(tags='{"accountTag/team": "ds"}'))), "team_id")


def test_normalised_tags_lose_their_prefix_and_the_provider_s_are_no_owners() -> None:
    """`user_team` is a team; who created a resource is nobody's cost."""
    resource = '{"user_team": "ds", "aws_created_by": "AssumedRole:AROAFAKE:bot"}'
    found = report(bill(line(resource_tags=resource)))

    assert {("resource_tags['user_team']", "resource_tag")} == keys(found, "team_id")
    assert {("resource_tags", "resource_tag")} == keys(found, "resource_tags")


def test_a_blank_tag_is_no_owner() -> None:
    """Placeholders are told as such."""
    found = report(bill(line(tags='{"iamPrincipal/team": "unknown"}')))

    assert {"placeholder": 1} == field(found, "team_id").causes


@pytest.mark.parametrize(
    ("arn", "verdicts"),
    [
        (ALICE, (0, 1, 0, 0)),
        (ACME, (0, 0, 1, 0)),
        ("arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_dev_0a1b2c3d/dev@example.com", (0, 0, 1, 0)),
        ("arn:aws-us-gov:sts::123456789012:assumed-role/R/tenant-acme", (0, 0, 1, 0)),
        ("arn:aws:iam::123456789012:root", (0, 1, 0, 0)),
    ],
)
def test_a_principal_is_present_and_its_session_is_no_user(arn: str, verdicts: tuple[int, ...]) -> None:
    """The ARN is evidence of the caller; the name of a session only stands in for a user."""
    found = report(bill(line(iam_principal=arn)))

    assert (1, 0, 0, 0) == counts(found, "iam_principal")
    assert verdicts == counts(found, "user_id")


def test_what_no_bill_carries_is_not_carried() -> None:
    """A request, a session, a duration and the serving region are in no bill."""
    found = report(bill(line()))

    for name in ("request_id", "session_id", "trace_id", "latency_ms", "inference_region", "status"):
        assert {"by_format": 1} == field(found, name).causes


def test_rows_that_cannot_be_taken_at_their_word_are_told() -> None:
    """The default project, a mantle line without a caller, and a line from before callers were billed."""
    rows = [
        line(resource_id="arn:aws:bedrock-mantle:us-east-1:123456789012:project/default"),
        line(usage_type="USE1-openai.gpt-oss-120b-mantle-input-tokens-standard", iam_principal=""),
        line(usage_start_date="2026-03-01T00:00:00Z", iam_principal=""),
    ]
    notes = " ".join(report(bill(*rows)).inputs[0].notes)

    for words in ("default project", "bedrock-mantle", "before 2026-04-08"):
        assert words in notes


# -- legacy report -------------------------------------------------------------------------------------------

# rows of the FinOps Foundation's anonymised export (finopsfoundation/focus_converters, MIT), shortened
REAL = Path(__file__).parents[1] / "data" / "cur-legacy-anonymised.csv"
LEGACY = {
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
LEGACY_IN_ATHENA = {
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


@pytest.mark.parametrize("base", [LEGACY, LEGACY_IN_ATHENA], ids=["report", "athena"])
def test_both_names_of_a_column_are_read(base: dict[str, str]) -> None:
    """`lineItem/UsageType` and `line_item_usage_type` are one column; keys are shown as they were found."""
    found = report(bill(base))
    summary = found.inputs[0]

    assert ("cur-legacy", "billing", 1, 0) == (summary.format, summary.layer, summary.calls, summary.context)
    assert (0.01, 12_500) == (found.totals.cost_usd, found.totals.tokens)
    for name in ("model", "region", "cost_usd", "tokens_input", "account_id"):
        assert (1, 0, 0, 0) == counts(found, name)
    shown = next(k for k in base if k.endswith(("UnblendedCost", "unblended_cost")))
    assert {(shown, "billing_aggregate")} == keys(found, "cost_usd")


@pytest.mark.parametrize(
    ("base", "header", "name", "scope"),
    [
        (LEGACY, "resourceTags/user:team", "team_id", "resource_tag"),
        (LEGACY, "resourceTags/user:Team", "team_id", "resource_tag"),
        (LEGACY, "resourceTags/user:tenant-id", "tenant_id", "resource_tag"),
        (LEGACY, "resourceTags/user:app", "workflow_id", "resource_tag"),
        (LEGACY, "costCategory/Team", "team_id", "billing_aggregate"),
        (LEGACY, "iamPrincipal/team", "team_id", "principal_tag"),
        (LEGACY_IN_ATHENA, "resource_tags_user_team", "team_id", "resource_tag"),
        (LEGACY_IN_ATHENA, "resource_tags_user_tenant_id", "tenant_id", "resource_tag"),
        (LEGACY_IN_ATHENA, "cost_category_team", "team_id", "billing_aggregate"),
        (LEGACY_IN_ATHENA, "iam_principal_team", "team_id", "principal_tag"),
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
    found = report(bill(LEGACY | {"resourceTags/user:CostCenter": "4711"}))

    assert (1, 0, 0, 0) == counts(found, "cost_center")
    assert (0, 1, 0, 0) == counts(found, "team_id")


def test_who_created_a_resource_is_no_owner() -> None:
    """`aws:createdBy` names the maker of a resource, not who pays nor who calls."""
    found = report(bill(LEGACY | {"resourceTags/aws:createdBy": "AssumedRole:AROAFAKE:bot"}))

    assert [] == field(found, "team_id").found
    assert (0, 1, 0, 0) == counts(found, "resource_tags")


def test_the_caller_is_not_in_this_report() -> None:
    """The principal is not carried; its tags may or may not be, so their absence says nothing."""
    found = report(bill(LEGACY))

    assert {"by_format": 1} == field(found, "iam_principal").causes == field(found, "user_id").causes
    assert {"by_sample": 1} == field(found, "principal_tags").causes
    assert (1, 0, 0, 0) == counts(report(bill(LEGACY | {"iamPrincipal/team": "ds"})), "principal_tags")


def test_the_discounted_cost_of_a_legacy_report_goes_first() -> None:
    """The net cost is there only in months with a discount."""
    found = report(bill(LEGACY | {"lineItem/NetUnblendedCost": "0.008"}))

    assert 0.008 == found.totals.cost_usd
    assert {("lineItem/NetUnblendedCost", "billing_aggregate")} == keys(found, "cost_usd")


@pytest.mark.parametrize("kind", ["Tax", "Credit", "Fee", "RIFee", "Refund", "SavingsPlanNegation"])
def test_money_that_is_no_usage_is_context(kind: str) -> None:
    """It is summed in a note and never counted against coverage."""
    found = report(bill(LEGACY, LEGACY | {"lineItem/LineItemType": kind}))

    assert (1, 1) == (found.inputs[0].calls, found.inputs[0].context)
    assert any(f": {kind} (USD 0.01)" in n for n in found.inputs[0].notes)


def test_a_marketplace_line_is_a_call() -> None:
    """Its product code is opaque; the product's name and the usage type tell."""
    row = LEGACY | {
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
        {k: [float(v) if k.endswith(("cost", "amount")) else v] for k, v in LEGACY_IN_ATHENA.items()}
        | {"resource_tags_user_team": ["ds"]}
    ).write_parquet(path)
    found = audit([Input(name="report", path=path)], Policy(profile="all"))

    assert ("cur-legacy", 1) == (found.inputs[0].format, found.inputs[0].calls)
    assert (1, 0, 0, 0) == counts(found, "team_id")


def test_a_report_without_model_usage_is_recognised_and_holds_no_call() -> None:
    """Storage, queues and taxes of a real account are context, all of them."""
    found = audit([Input(name="report", path=REAL)], Policy())
    summary = found.inputs[0]

    assert ("cur-legacy", 0, 40, 0) == (summary.format, summary.calls, summary.context, summary.skipped_total)
    assert any("Tax" in n for n in summary.notes)


def test_a_caller_makes_it_the_newer_report() -> None:
    """Only CUR 2.0 has callers, whatever other columns were selected beside them."""
    row = LEGACY_IN_ATHENA | {"line_item_iam_principal": "arn:aws:iam::123456789012:user/alice"}
    found = report(bill(row | {"resource_tags_user_team": "ds"}))

    assert "cur-2.0" == found.inputs[0].format
    assert (1, 0, 0, 0) == counts(found, "team_id") == counts(found, "iam_principal")
