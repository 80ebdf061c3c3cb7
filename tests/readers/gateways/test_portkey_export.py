"""Portkey's log export: cents, chosen columns, metadata in three shapes, tries that share a trace."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.readers import counts, field, keys, report

ROW: dict[str, Any] = {
    "id": "fake-log-1",
    "trace_id": "trace-0001",
    "created_at": "2026-09-14T10:00:03Z",
    "is_success": True,
    "ai_org": "bedrock",
    "ai_model": "anthropic.claude-3-haiku-20240307-v1:0",
    "req_units": 120,
    "res_units": 45,
    "total_units": 165,
    "request_url": "https://bedrock-runtime.us-east-1.amazonaws.com/model/x/invoke",
    "cost": 0.1035,
    "cost_currency": "USD",
    "response_time": 912,
    "response_status_code": 200,
    "mode": "single",
    "config": None,
    "prompt_slug": None,
    "metadata": {"_user": "u-42", "tenant_id": "acme"},
}
NOT_CARRIED = (
    "tokens_cache_read tokens_cache_write iam_principal principal_tags response_id inference_region".split()
)


def rows(*changes: dict[str, Any]) -> str:
    """JSON lines of the documented row, each with its changes."""
    return "\n".join(json.dumps({**ROW, **change}) for change in changes)


def test_a_documented_row_is_read_whole() -> None:
    """Model, provider, region, tokens, user, tenant, status and latency stand where they should."""
    found = report(rows({}))

    assert ("portkey-export", 1) == (found.inputs[0].format, found.inputs[0].calls)
    assert {("metadata.tenant_id", "gateway_record")} == keys(found, "tenant_id")
    assert {("metadata._user", "gateway_record")} == keys(found, "user_id")
    assert {("req_units", "request")} == keys(found, "tokens_input")
    assert {("res_units", "request")} == keys(found, "tokens_output")
    assert {("response_time", "request")} == keys(found, "latency_ms")
    for name in ("model", "provider", "region", "cost_usd", "request_id", "status", "trace_id"):
        assert (1, 0, 0, 0) == counts(found, name), name


def test_costs_are_cents() -> None:
    """A hundredth of the number is the money."""
    assert 0.001035 == pytest.approx(report(rows({})).totals.cost_usd)


def test_costs_in_another_currency_are_not_read_as_dollars() -> None:
    """They are left out, and that is said."""
    found = report(rows({"cost_currency": "EUR"}))

    assert 0 == field(found, "cost_usd").present
    assert any("EUR" in note for note in found.inputs[0].notes)


@pytest.mark.parametrize("name", NOT_CARRIED)
def test_what_a_row_can_never_hold_is_not_the_teams_fault(name: str) -> None:
    """The format does not carry it."""
    assert (0, 0, 0, 1) == counts(report(rows({})), name)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (json.dumps([ROW]), "an array"),
        (json.dumps({"data": [ROW]}), "a list in an envelope"),
        (rows({"metadata": json.dumps(ROW["metadata"])}), "metadata as JSON text"),
        (
            (
                "id,ai_org,ai_model,req_units,res_units,cost,metadata\n"
                'a,bedrock,m,120,45,0.1035,"{""_user"":""u-42"",""tenant_id"":""acme""}"\n'
            ),
            "CSV",
        ),
        (
            (
                "id,ai_org,ai_model,req_units,res_units,cost,metadata._user,metadata.tenant_id\n"
                "a,bedrock,m,120,45,0.1035,u-42,acme\n"
            ),
            "CSV with a column for each key",
        ),
    ],
)
def test_each_shape_of_export_says_the_same(text: str, what: str) -> None:
    """Owner, user and money are found in each."""
    found = report(text)

    assert "portkey-export" == found.inputs[0].format, what
    assert (1, 0, 0, 0) == counts(found, "tenant_id"), what
    assert (1, 0, 0, 0) == counts(found, "user_id"), what
    assert 0.001035 == pytest.approx(found.totals.cost_usd), what


def test_columns_that_were_not_chosen_are_unknown() -> None:
    """An export without metadata, cost and URL says nothing about owner, money and region."""
    found = report("id,ai_org,ai_model,req_units,res_units\na,bedrock,m,120,45\n")

    for name in ("tenant_id", "cost_usd", "region", "latency_ms", "trace_id"):
        assert (0, 0, 0, 1) == counts(found, name), name
    assert (1, 0, 0, 0) == counts(found, "tokens_input")


def test_a_chosen_column_without_the_owner_is_a_gap() -> None:
    """Metadata was exported and does not name the tenant."""
    assert (0, 1, 0, 0) == counts(report(rows({"metadata": {"env": "prod"}})), "tenant_id")


@pytest.mark.parametrize(
    ("value", "verdict"), [("unknown", (0, 1, 0, 0)), ("", (0, 1, 0, 0)), (None, (0, 1, 0, 0))]
)
def test_placeholders_are_no_tenant(value: str | None, verdict: tuple[int, ...]) -> None:
    """An empty or placeholder value is absent."""
    assert verdict == counts(report(rows({"metadata": {"tenant_id": value}})), "tenant_id")


def test_a_header_that_is_only_in_the_dumped_request_is_on_the_wire() -> None:
    """The gateway saw it and did not keep it as metadata."""
    found = report(rows({"metadata": {}, "request": {"headers": {"x-tenant-id": "acme"}}}))

    assert (0, 0, 1, 0) == counts(found, "tenant_id")
    assert {("request.headers.x-tenant-id", "client_header")} == keys(found, "tenant_id")


def test_bodies_are_never_read() -> None:
    """A tenant in a prompt is no evidence."""
    found = report(
        rows({"metadata": {}, "request": {"body": {"tenant_id": "acme"}}, "response": {"tenant": "a"}})
    )

    assert (0, 1, 0, 0) == counts(found, "tenant_id")


def test_a_fallback_is_an_attempt_of_its_own() -> None:
    """Rows of one trace, the first failed, share no request id."""
    unused = {"req_units": 0, "res_units": 0, "total_units": 0}
    failed = {"is_success": False, "response_status_code": 429, **unused}
    found = report(rows(failed, {"id": "fake-log-2", "created_at": "2026-09-14T10:00:05Z"}))

    assert (0, 0, 2, 0) == counts(found, "request_id")
    assert (1, 0, 0, 1) == counts(found, "tokens_input")


def test_a_request_id_of_the_callers_own_survives_the_fallback() -> None:
    """In the metadata it is one for both tries."""
    metadata = {"tenant_id": "acme", "request_id": "req-1"}
    failed = {"is_success": False, "response_status_code": 429, "metadata": metadata}
    found = report(rows(failed, {"id": "fake-log-2", "metadata": metadata}))

    assert (2, 0, 0, 0) == counts(found, "request_id")


def test_the_prompt_names_the_workflow_and_the_config_only_hints_at_it() -> None:
    """A prompt slug is evidence, a gateway config a weak candidate."""
    assert (1, 0, 0, 0) == counts(report(rows({"prompt_slug": "ticket-triage"})), "workflow_id")
    assert (0, 0, 1, 0) == counts(report(rows({"config": "pc-fake"})), "workflow_id")
