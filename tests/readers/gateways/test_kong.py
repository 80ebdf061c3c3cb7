"""Kong's AI log: where usage and meta stand, whose the consumer is, and what headers prove."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auditor.readers.gateways.kong import match
from tests.readers import counts, field, keys, report

MODEL = "us.anthropic.claude-sonnet-4-6"
META = {"provider_name": "bedrock", "request_model": MODEL, "response_model": MODEL, "llm_latency": 905}
USAGE = {"prompt_tokens": 120, "completion_tokens": 45, "total_tokens": 165, "cost": 0.001035}


def record(**changes: Any) -> dict[str, Any]:
    """The record of the reference documentation, shortened."""
    held: dict[str, Any] = {
        "started_at": 1789380003401,
        "request": {
            "id": "kong0001", "uri": "/chat", "method": "POST",
            "headers": {"x-tenant-id": "acme", "x-request-id": "req-0001", "authorization": "Bearer x"},
        },
        "response": {"status": 200},
        "latencies": {"request": 930, "proxy": 912, "kong": 18},
        "consumer": {"username": "growth", "custom_id": "team-growth"},
        "tries": [{"balancer_latency": 1}],
        "ai": {"proxy": {"meta": META, "usage": USAGE}},
    }  # fmt: skip
    return held | changes


def read(*records: dict[str, Any]) -> Any:
    """The report over some records."""
    return report("\n".join(json.dumps(r) for r in records))


def test_a_record_gives_all_that_kong_knows() -> None:
    """Model, tokens, cost and latency of the plugin; the tenant's header is persisted, so evidence."""
    found = read(record())

    assert ("kong-ai", 1) == (found.inputs[0].format, found.inputs[0].calls)
    assert {("request.headers.x-tenant-id", "gateway_record")} == keys(found, "tenant_id")
    assert {("consumer.username", "credential")} == keys(found, "team_id")
    assert ("request.headers.x-request-id", "gateway_record") in keys(found, "request_id")
    assert {("ai.proxy.usage.cost", "gateway_record")} == keys(found, "cost_usd")
    for name in (
        "tenant_id",
        "team_id",
        "request_id",
        "model",
        "tokens_input",
        "tokens_output",
        "latency_ms",
    ):
        assert (1, 0, 0, 0) == counts(found, name)
    assert 0.001035 == pytest.approx(found.totals.cost_usd)


def test_a_consumer_is_no_user() -> None:
    """Its id is one for all who use the credential."""
    assert (0, 0, 1, 0) == counts(read(record()), "user_id")


@pytest.mark.parametrize("ai", [{"ai-proxy": {}}, {"bedrock": {}}, {"ai-proxy-advanced": {}}])
def test_older_versions_name_the_plugin(ai: dict[str, Any]) -> None:
    """One level under `ai`, with counts in the singular."""
    usage = {"prompt_token": 28, "completion_token": 20, "total_tokens": 48, "cost": 0.0038}
    found = read(record(ai={name: {"usage": usage, "meta": META} for name in ai}))

    assert 1 == found.inputs[0].calls
    assert {(f"ai.{next(iter(ai))}.usage.prompt_token", "gateway_record")} == keys(found, "tokens_input")


def test_each_plugin_that_asked_a_model_is_a_call() -> None:
    """A transformer's own question is billed too."""
    ai = {name: {"usage": USAGE, "meta": META} for name in ("ai-request-transformer", "ai-proxy")}
    found = read(record(ai=ai))

    assert 2 == found.inputs[0].calls
    assert 330 == found.totals.tokens


def test_a_model_path_without_statistics_is_still_a_call() -> None:
    """`log_statistics` may be off; other requests are context."""
    bare = record(request={"id": "k2", "uri": "/v1/chat/completions", "method": "POST", "headers": {}})
    health = record(request={"id": "k3", "uri": "/health", "method": "GET", "headers": {}})
    found = read(
        {k: v for k, v in bare.items() if k != "ai"}, {k: v for k, v in health.items() if k != "ai"}, record()
    )

    assert (2, 1) == (found.inputs[0].calls, found.inputs[0].context)
    assert (1, 1, 0, 0) == counts(found, "tokens_input")


def test_a_cost_without_prices_is_zero() -> None:
    """Kong needs prices in the plugin's configuration."""
    found = read(record(ai={"proxy": {"meta": META, "usage": USAGE | {"cost": 0}}}))

    assert ["USE010"] == field(found, "cost_usd").gaps


def test_tries_of_the_balancer_are_retries() -> None:
    """Two tries are one retry."""
    found = read(record(tries=[{}, {}]))

    assert {("tries", "gateway_record")} == keys(found, "retry_count")


def test_a_custom_field_is_evidence_and_a_secret_is_never_read() -> None:
    """`custom_fields_by_lua` writes beside Kong's own keys."""
    found = read(record(workflow_id="ticket-summary", tenant_tier="gold"))

    assert {("workflow_id", "gateway_record")} == keys(found, "workflow_id")
    assert "Bearer" not in str(found)


def test_the_workspace_alone_is_a_weak_team() -> None:
    """It is the name of a part of Kong."""
    found = read(record(consumer={}, workspace_name="ai-prod"))

    assert (0, 0, 1, 0) == counts(found, "team_id")


def test_iam_is_never_carried() -> None:
    """Kong does not know who signed for Bedrock."""
    assert (0, 0, 0, 1) == counts(read(record()), "iam_principal")


@pytest.mark.parametrize("other", [{"ai": {"proxy": {}}}, {"request": {}, "ai": {}}, {"request": "POST /"}])
def test_records_of_others_are_left_to_them(other: dict[str, Any]) -> None:
    """An object called `ai` alone is not Kong's."""
    assert match(other) < 0.5
