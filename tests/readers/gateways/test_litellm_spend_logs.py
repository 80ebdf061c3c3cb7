"""LiteLLM spend rows: every way in which they are handed over, older columns, sums that are no calls."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from tests.readers import counts, keys, report

METADATA: dict[str, Any] = {
    "user_api_key_team_alias": "growth",
    "user_api_key_user_id": "svc-tickets",
    "spend_logs_metadata": {"tenant_id": "acme", "workflow_id": "ticket-triage", "note": "a|b"},
    "attempted_retries": 1,
    "litellm_call_id": "0934d2d1-0000-4564-93a4-486667000001",
    "additional_usage_values": {
        "cache_read_input_tokens": 7,
        "cache_creation_input_tokens": 2,
        "completion_tokens_details": {"reasoning_tokens": 3},
    },
}
ROW: dict[str, Any] = {
    "request_id": "chatcmpl-fake0001",
    "call_type": "acompletion",
    "api_key": "e3b0fake",
    "spend": 0.001035,
    "total_tokens": 165,
    "prompt_tokens": 120,
    "completion_tokens": 45,
    "startTime": "2026-09-14 10:00:03.401",
    "endTime": "2026-09-14 10:00:04.313",
    "model": "anthropic.claude-3-haiku-20240307-v1:0",
    "model_group": "claude-haiku",
    "custom_llm_provider": "bedrock",
    "api_base": "https://bedrock-runtime.us-east-1.amazonaws.com",
    "user": "default_user_id",
    "metadata": json.dumps(METADATA),
    "cache_hit": "None",
    "request_tags": '["cost-center:CC-2041", "User-Agent: python-requests"]',
    "team_id": "team-growth",
    "organization_id": "org-acme",
    "end_user": "u-42",
    "session_id": "conv-77",
    "status": "success",
    "litellm_call_id": "0934d2d1-0000-4564-93a4-486667000001",
}
NEW_COLUMNS = ("litellm_call_id", "status", "session_id")


def line(**changes: Any) -> str:
    """The row with changes, as JSON."""
    return json.dumps({**ROW, **changes})


def without(*names: str) -> dict[str, Any]:
    """The row without some columns."""
    return {k: v for k, v in ROW.items() if k not in names}


def as_csv(row: dict[str, Any]) -> str:
    """What `COPY … TO … WITH CSV HEADER` writes."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(row))
    writer.writeheader()
    writer.writerow(row)
    return out.getvalue()


def as_table(row: dict[str, Any]) -> str:
    """What psql prints."""
    widths = {k: max(len(k), len(str(v))) for k, v in row.items()}
    head = "|".join(f" {k:^{n}} " for k, n in widths.items())
    rule = "+".join("-" * (n + 2) for n in widths.values())
    cells = "|".join(f" {row[k]!s:{n}} " for k, n in widths.items())
    return f"{head}\n{rule}\n{cells}\n(1 row)\n\n"


def as_expanded(row: dict[str, Any]) -> str:
    """What psql prints in its expanded mode."""
    width = max(map(len, row))
    lines = [f"{k:{width}} | {v}" for k, v in row.items()]
    return "\n".join([f"-[ RECORD 1 ]{'-' * (width - 12)}+{'-' * 40}", *lines, ""])


FOUND = """tenant_id team_id workflow_id user_id request_id cost_usd model provider region tokens_input
tokens_output tokens_cache_read tokens_cache_write tokens_reasoning latency_ms retry_count session_id
cost_center status""".split()
SHAPES = {
    "json lines": line(),
    "array": json.dumps([ROW], indent=1),
    "paged answer": json.dumps({"data": [ROW], "total": 1, "page": 1, "page_size": 50, "total_pages": 1}),
    "metadata as an object": line(metadata=METADATA, request_tags=["cost-center:CC-2041"]),
    "csv": as_csv(ROW),
    "psql": as_table(ROW),
    "psql expanded": as_expanded(ROW),
    "psql expanded, ruled short": "-[ RECORD 1 ]-----\n" + "".join(f"{k:20} | {v}\n" for k, v in ROW.items()),
}


@pytest.mark.parametrize("text", SHAPES.values(), ids=SHAPES.keys())
def test_each_shape_says_the_same(text: str) -> None:
    """Owner, ids, user, money, tokens, cache, retries, region and latency are found in each."""
    found = report(text)

    read = found.inputs[0]
    assert ("litellm-spend-logs", 1, 0) == (read.format, read.calls, read.skipped_total)
    assert ("metadata.spend_logs_metadata.tenant_id", "gateway_record") in keys(found, "tenant_id")
    assert ("team_id", "credential") in keys(found, "team_id")
    assert {("end_user", "gateway_record"), ("user", "credential")} <= keys(found, "user_id")
    assert {("request_id", "attempt")} == keys(found, "response_id")
    assert ("litellm_call_id", "request") in keys(found, "request_id")
    for name in FOUND:
        assert (1, 0, 0, 0) == counts(found, name), name
    assert 0.001035 == found.totals.cost_usd


@pytest.mark.parametrize(
    "name", ["iam_principal", "account_id", "principal_tags", "resource_tags", "trace_id"]
)
def test_what_a_row_can_never_hold_is_not_the_teams_fault(name: str) -> None:
    """The format does not carry it."""
    assert (0, 0, 0, 1) == counts(report(line()), name)


def test_an_older_database_has_no_call_id() -> None:
    """The response id stands for the request; the metadata may still say how it ended."""
    unknown = ("litellm_call_id", "attempted_retries")
    held = {k: v for k, v in METADATA.items() if k not in unknown} | {"status": "failure"}
    found = report(json.dumps(without(*NEW_COLUMNS) | {"metadata": json.dumps(held)}))

    assert {("request_id", "attempt")} == keys(found, "request_id")
    assert (1, 0, 0, 0) == counts(found, "request_id")


@pytest.mark.parametrize(
    ("left_out", "unknown"),
    [
        (("metadata", "request_tags"), "tenant_id"),
        (("metadata",), "retry_count"),
        (("prompt_tokens",), "tokens_input"),
        (("api_base",), "region"),
        (("user", "end_user", "metadata", "request_tags"), "user_id"),
    ],
)
def test_columns_that_were_not_selected_are_unknown(left_out: tuple[str, ...], unknown: str) -> None:
    """A query shows what it selects."""
    found = report(as_table(without(*left_out)))

    assert "litellm-spend-logs" == found.inputs[0].format
    assert (0, 0, 0, 1) == counts(found, unknown)


def test_tags_alone_can_name_the_tenant() -> None:
    """`key:value` strings are read, bare words and user agents are not."""
    for tags in ('["tenant:acme"]', '["x-tenant-id: acme", "User-Agent: python-requests"]'):
        assert (1, 0, 0, 0) == counts(report(line(metadata="{}", request_tags=tags)), "tenant_id")
    assert (0, 1, 0, 0) == counts(report(line(metadata="{}", request_tags='["acme"]')), "tenant_id")


@pytest.mark.parametrize(
    ("user", "rule"), [("default_user_id", "IDN025"), ("svc-tickets", "IDN024")], ids=["default", "owner"]
)
def test_the_owner_of_the_key_is_no_end_user(user: str, rule: str) -> None:
    """Without `end_user` the user is mis-scoped."""
    found = report(line(user=user, end_user="", metadata="{}"))

    assert (0, 0, 1, 0) == counts(found, "user_id")
    assert rule in {g.rule for g in found.gaps}


def test_an_organisation_is_a_weak_team() -> None:
    """LiteLLM's organisation is internal: a hint at the team, never the tenant."""
    found = report(line(metadata="{}", request_tags="[]", team_id=""))

    assert (0, 0, 1, 0) == counts(found, "team_id")
    assert (0, 1, 0, 0) == counts(found, "tenant_id")


def test_an_empty_tenant_is_a_gap() -> None:
    """A key without a value."""
    metadata = json.dumps({"spend_logs_metadata": {"tenant_id": ""}})

    assert (0, 1, 0, 0) == counts(report(line(metadata=metadata)), "tenant_id")


def test_a_failed_row_has_no_usage_to_miss() -> None:
    """Spend and tokens of a failure are not carried; its provider's id is read."""
    error = {"error_code": "429", "error_provider_request_id": "11111111-2222-4333-8444-555555555501"}
    zero = {"spend": 0, "prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    found = report(line(status="failure", metadata=json.dumps({"error_information": error}), **zero))

    assert (0, 0, 0, 1) == counts(found, "cost_usd")
    assert (0, 0, 0, 1) == counts(found, "tokens_output")
    assert (1, 0, 0, 0) == counts(found, "error_code")
    assert (1, 0, 0, 0) == counts(found, "attempt_id")


@pytest.mark.parametrize("change", [{"cache_hit": "True"}, {"request_id": "chatcmpl-1_cache_hit1789380003"}])
def test_an_answer_from_the_cache_costs_nothing(change: dict[str, Any]) -> None:
    """Zero cost with tokens is right there, and wrong elsewhere."""
    assert (1, 0, 0, 0) == counts(report(line(spend=0.0, **change)), "cost_usd")
    assert (0, 0, 1, 0) == counts(report(line(spend=0.0)), "cost_usd")


def test_the_region_may_stand_in_the_name_of_the_model() -> None:
    """`bedrock/us-east-1/…` names it where the endpoint does not."""
    found = report(line(api_base="", model="bedrock/us-east-1/anthropic.claude-3-haiku-20240307-v1:0"))

    assert {("model", "request")} == keys(found, "region")


def test_the_proxied_request_is_never_read() -> None:
    """Bodies in the row are no evidence."""
    body = json.dumps({"metadata": {"tenant_id": "acme"}, "messages": [{"content": "tenant_id: acme"}]})
    found = report(line(metadata="{}", messages=body, response=body, proxy_server_request=body))

    assert (0, 1, 0, 0) == counts(found, "tenant_id")


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([{"startTime": "2026-09-14", "spend": 0.3, "users": {"u": 0.3}, "models": {"m": 0.3}}]),
        json.dumps(
            [
                {
                    "id": "fake",
                    "team_id": "team-growth",
                    "date": "2026-09-14",
                    "api_key": "e3b0fake",
                    "model": "m",
                    "prompt_tokens": 5,
                    "completion_tokens": 6,
                    "spend": 0.1,
                    "api_requests": 3,
                    "successful_requests": 3,
                    "failed_requests": 0,
                }
            ]
        ),
    ],
    ids=["/spend/logs grouped by date", "LiteLLM_DailyTeamSpend"],
)
def test_sums_of_a_day_are_context(text: str) -> None:
    """They hold no call, and the report says what to bring instead."""
    found = report(text)

    assert ("litellm-spend-logs", 0, 1) == (
        found.inputs[0].format,
        found.inputs[0].calls,
        found.inputs[0].context,
    )
    assert any("summarize=false" in note for note in found.inputs[0].notes)


@pytest.mark.parametrize(
    "kind", ["acreate_file", "acreate_batch", "aretrieve_batch", "afile_list", "call_mcp_tool"]
)
def test_what_manages_files_and_batches_is_a_call_only_with_usage(kind: str) -> None:
    """A poll costs nothing; the row on which the cost of a batch is booked is a call."""
    poll = line(call_type=kind, spend=0.0, total_tokens=0, prompt_tokens=0, completion_tokens=0)

    assert report(f"{poll}\n{line(call_type=kind)}\n").totals.calls == 1
    failed = line(call_type="acompletion", spend=0.0, total_tokens=0, status="failure")
    assert report(failed).totals.calls == 1


@pytest.mark.parametrize(
    "end_user",
    [
        "user_0f3b9c_account__session_8d1e-01",
        "user_0f3b9c_account_77aa-01_session_8d1e-01",
        '{"device_id": "0f3b9c", "account_uuid": "", "session_id": "8d1e-01"}',
    ],
)
def test_an_installation_of_a_coding_agent_is_no_end_user(end_user: str) -> None:
    """It names a machine and a session."""
    found = report(line(end_user=end_user, session_id="", user="", metadata="{}"))

    assert counts(found, "user_id") == (0, 0, 1, 0)
    assert counts(found, "session_id") == (1, 0, 0, 0)


def test_a_pass_through_row_has_the_id_of_the_proxy_and_the_model_in_its_address() -> None:
    """The route does no accounting."""
    base = "https://bedrock-runtime.eu-west-1.amazonaws.com/model/eu.anthropic.claude-sonnet-4-5-20250929-v1:0/converse"
    row = {key: value for key, value in ROW.items() if key != "litellm_call_id"}
    row |= {"call_type": "pass_through_endpoint", "model": "unknown", "model_group": "", "metadata": "{}"}
    row |= {"api_base": base, "request_id": "7c0f1a62-5d51-4c55-8b7a-6a1f0f3d7e01"}
    found = report(json.dumps(row))

    assert counts(found, "model") == (0, 0, 1, 0)
    assert counts(found, "request_id") == (1, 0, 0, 0)
