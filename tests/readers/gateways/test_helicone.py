"""Helicone rows: properties as typed, whose user is whose, the export tool's CSV."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from tests.readers import counts, field, keys, report

ROW: dict[str, Any] = {
    "response_id": "bbbbbbbb-0000-4000-8000-00000000000b",
    "response_status": 200,
    "request_id": "aaaaaaaa-0000-4000-8000-00000000000a",
    "request_created_at": "2026-09-14T10:00:03Z",
    "request_user_id": "u-42",
    "request_properties": {"Tenant": "acme", "Team-Id": "growth", "Helicone-Session-Id": "s-7"},
    "helicone_user": "owner-1",
    "provider": "AWS",
    "request_model": "anthropic.claude-3-haiku-20240307-v1:0",
    "delay_ms": 912,
    "prompt_tokens": 120,
    "completion_tokens": 45,
    "total_tokens": 165,
    "costUSD": 0.001035,
    "target_url": "https://bedrock-runtime.us-east-1.amazonaws.com/model/x/invoke",
}
EXPORTED = """response_id response_created_at response_status request_created_at request_body
request_properties request_user_id model prompt_tokens completion_tokens latency cost""".split()


def row(**changes: Any) -> str:
    """The documented row with changes, as JSON."""
    return json.dumps({**ROW, **changes})


def exported(properties: str) -> str:
    """The CSV of the export tool, with the properties as it writes them."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(EXPORTED)
    writer.writerow(
        ["r1", "", 200, "2026-09-14T10:00:03Z", "", properties, "u-42", "m", 120, 45, 912, 0.001035]
    )
    return out.getvalue()


def test_a_documented_row_is_read_whole() -> None:
    """Properties, user, session, ids, money, tokens, latency and region stand where they should."""
    found = report(row())

    assert ("helicone", 1) == (found.inputs[0].format, found.inputs[0].calls)
    assert {("request_properties.Tenant", "gateway_record")} == keys(found, "tenant_id")
    assert {("request_properties.Team-Id", "gateway_record")} == keys(found, "team_id")
    assert {('request_properties["Helicone-Session-Id"]', "session")} == keys(found, "session_id")
    assert {("request_user_id", "gateway_record")} == keys(found, "user_id")
    assert {("request_id", "request")} == keys(found, "request_id")
    for name in ("model", "provider", "region", "cost_usd", "tokens_input", "tokens_output", "latency_ms"):
        assert (1, 0, 0, 0) == counts(found, name), name
    for name in ("iam_principal", "attempt_id", "response_id", "trace_id", "account_id"):
        assert (0, 0, 0, 1) == counts(found, name), name


def test_the_owner_of_the_account_is_nobodys_end_user() -> None:
    """`helicone_user` alone leaves the user absent."""
    assert (0, 1, 0, 0) == counts(report(row(request_user_id=None)), "user_id")


@pytest.mark.parametrize("key", ["costUSD", "cost"])
def test_costs_are_dollars(key: str) -> None:
    """Under the old name and the new."""
    values = {"costUSD": None, key: 0.25}

    assert 0.25 == pytest.approx(report(row(**values)).totals.cost_usd)


def test_a_price_that_was_not_known_is_a_gap() -> None:
    """A null cost is absent, not zero."""
    assert (0, 1, 0, 0) == counts(report(row(costUSD=None)), "cost_usd")


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([ROW]),
        json.dumps({"data": [ROW], "error": None}),
        json.dumps(ROW, indent=2),
        row(request_properties=json.dumps(ROW["request_properties"])),
        row(request_properties={}, properties=ROW["request_properties"]),
    ],
)
def test_each_shape_of_answer_says_the_same(text: str) -> None:
    """Owner and user are found in each."""
    found = report(text)

    assert "helicone" == found.inputs[0].format
    assert (1, 0, 0, 0) == counts(found, "tenant_id")


@pytest.mark.parametrize(
    "properties",
    ['{"Tenant":"acme","Empty":""}', '{""Tenant"":""acme"",""Empty"":""""}'],
)
def test_the_csv_of_the_export_tool_is_read(properties: str) -> None:
    """Also where the tool doubled the quotes once too often."""
    found = report(exported(properties))

    assert "helicone" == found.inputs[0].format
    assert (1, 0, 0, 0) == counts(found, "tenant_id")
    assert (1, 0, 0, 0) == counts(found, "cost_usd")
    assert (1, 0, 0, 0) == counts(found, "latency_ms")


@pytest.mark.parametrize("name", ["region", "request_id", "provider"])
def test_what_the_export_tool_leaves_out_is_unknown(name: str) -> None:
    """Its columns are fixed: no gap of the team's."""
    assert (0, 0, 0, 1) == counts(report(exported('{"Tenant":"acme"}')), name)


def test_properties_flattened_to_columns_are_read() -> None:
    """An export may write each property as a column of its own."""
    text = "request_properties,request_user_id,response_status,model,Tenant\n,u-1,200,m,acme\n"

    assert {("Tenant", "gateway_record")} == keys(report(text), "tenant_id")


def test_a_failed_request_has_no_usage_to_miss() -> None:
    """Status 429 without tokens: not carried."""
    found = report(row(response_status=429, prompt_tokens=0, completion_tokens=0, total_tokens=0, costUSD=0))

    assert (0, 0, 0, 1) == counts(found, "tokens_input")
    assert (0, 0, 0, 1) == counts(found, "cost_usd")


def test_bodies_are_never_read() -> None:
    """A tenant in the request body is no evidence."""
    found = report(
        row(request_properties={}, request_body={"tenant_id": "acme"}, response_body={"tenant": "a"})
    )

    assert (0, 1, 0, 0) == counts(found, "tenant_id")


def test_a_cached_answer_with_a_cost_is_told() -> None:
    """`cache_reference_id` names the answer that was served again."""
    found = report(row(cache_reference_id="aaaaaaaa-0000-4000-8000-00000000000c"))

    assert "USE027" in {g.rule for g in found.gaps}
    assert "USE027" not in {g.rule for g in report(row()).gaps}


def test_columns_of_the_row_itself_are_no_properties() -> None:
    """Helicone's own organisation is not the tenant."""
    found = report(row(request_properties={}, organization_id="org-1"))

    assert [] == field(found, "tenant_id").found
