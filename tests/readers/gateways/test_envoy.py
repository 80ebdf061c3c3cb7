"""Envoy AI Gateway's access log: labels of the gateway's metadata, dashes, retries, and other requests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auditor.readers.gateways.envoy import line, match
from tests.readers import counts, field, keys, report

ENVOY: dict[str, Any] = {
    "start_time": "2026-09-14T10:00:03.401Z", "method": "POST", "x-envoy-origin-path": "/v1/chat/completions",
    "response_code": 200, "response_flags": "-", "duration": 912, "upstream_cluster": "bedrock-us-east-1",
    "x-request-id": "aaaaaaaa-0000-4000-8000-00000000000b",
}  # fmt: skip
OTEL = {
    "gen_ai.request.model": "claude-sonnet", "gen_ai.provider.name": "aws-bedrock",
    "gen_ai.usage.input_tokens": 120, "gen_ai.usage.output_tokens": 45, "x-tenant-id": "-",
}  # fmt: skip
GENAI = {
    "genai_model_name": "gpt-4o-mini", "genai_model_name_override": None, "genai_backend_name": "default/x",
    "genai_tokens_input": "15", "genai_tokens_output": 7, "genai_tokens_total": 22,
}  # fmt: skip
PLAIN = {
    "llm_input_token": "15",
    "llm_output_token": "7",
    "llm_total_token": "22",
    "response_model": "gpt-4o-mini",
}


def read(*records: dict[str, Any]) -> Any:
    """The report over some records."""
    return report("\n".join(json.dumps(r) for r in records))


@pytest.mark.parametrize("labels", [OTEL, GENAI, PLAIN], ids=["otel", "documentation", "metadata keys"])
def test_each_vocabulary_is_read(labels: dict[str, Any]) -> None:
    """OpenTelemetry's names, those of the documentation, and the bare metadata keys; numbers may be text."""
    found = read(ENVOY | labels)

    assert ("envoy-ai-gateway", 1) == (found.inputs[0].format, found.inputs[0].calls)
    for name in ("model", "tokens_input", "tokens_output", "request_id", "latency_ms", "status"):
        assert (1, 0, 0, 0) == counts(found, name)


def test_a_dash_or_null_is_no_value() -> None:
    """Unset operators print one or the other."""
    found = read(ENVOY | OTEL, ENVOY | OTEL | {"x-tenant-id": None, "gen_ai.usage.input_tokens": "-"})

    assert (0, 2, 0, 0) == counts(found, "tenant_id")
    assert (1, 1, 0, 0) == counts(found, "tokens_input")


def test_a_header_that_is_not_logged_is_unknown() -> None:
    """The operator chose the labels."""
    assert (0, 0, 0, 1) == counts(read(ENVOY | GENAI), "tenant_id")


def test_a_logged_header_is_evidence() -> None:
    """`%REQ(X-TENANT-ID)%` under any label of the field."""
    found = read(ENVOY | GENAI | {"x-tenant-id": "acme", "team": "legal", "session.id": "s-1"})

    assert {("x-tenant-id", "gateway_record")} == keys(found, "tenant_id")
    assert {("team", "gateway_record")} == keys(found, "team_id")
    assert {("session.id", "gateway_record")} == keys(found, "session_id")


def test_a_quota_is_no_cost() -> None:
    """`quota_cost` is the unit of a rate limit, and Envoy computes no dollars."""
    assert (0, 0, 0, 1) == counts(read(ENVOY | OTEL | {"quota_cost": 165}), "cost_usd")


def test_retries_of_envoy_share_a_record() -> None:
    """Three attempts are two retries, under one request id."""
    found = read(ENVOY | OTEL | {"upstream_request_attempt_count": 3})

    assert {("upstream_request_attempt_count", "gateway_record")} == keys(found, "retry_count")
    assert (1, 0, 0, 0) == counts(found, "request_id")


def test_attempts_of_the_client_take_new_ids() -> None:
    """A throttled request and the next on its path."""
    again = {"start_time": "2026-09-14T10:00:04.401Z", "x-request-id": "another-id-0001"}
    found = read(ENVOY | OTEL | {"response_code": 429}, ENVOY | OTEL | again)

    assert ["CNT002"] == field(found, "request_id").gaps


def test_requests_of_mcp_and_health_checks_are_context() -> None:
    """They reach no model, whatever labels the format has."""
    blank = dict.fromkeys(GENAI)
    mcp = ENVOY | blank | {"mcp_method": "tools/call", "x-envoy-origin-path": "/mcp"}
    found = read(mcp, ENVOY | blank | {"method": "GET", "x-envoy-origin-path": "/health"}, ENVOY | GENAI)

    assert (1, 2) == (found.inputs[0].calls, found.inputs[0].context)


def test_plain_envoy_shows_calls_by_their_path() -> None:
    """Istio's JSON log has no model, but for a Bedrock path."""
    istio = {
        k.replace("x-envoy-origin-path", "path").replace("x-request-id", "request_id"): v
        for k, v in ENVOY.items()
    }
    found = read(istio | {"path": "/model/anthropic.claude-3-haiku-20240307-v1%3A0/invoke"}, istio)

    assert 2 == found.inputs[0].calls
    assert (1, 0, 0, 1) == counts(found, "model")
    assert (2, 0, 0, 0) == counts(found, "request_id")


TEXT = (
    '[2026-09-14T10:00:03.401Z] "POST /v1/chat/completions HTTP/2" 200 - {more}310 812 912 905 "10.0.3.17" '
    '"openai-python/2.8.0" "aaaaaaaa-0000-4000-8000-00000000000b" "api.example.com" "10.0.9.4:443"'
)


@pytest.mark.parametrize("more", ["", 'via_upstream - "-" '], ids=["envoy", "istio"])
def test_the_default_line_of_text_is_read(more: str) -> None:
    """Envoy's own and Istio's."""
    found = report(TEXT.format(more=more) + "\n" + TEXT.format(more=more) + "\n")

    assert ("envoy-ai-gateway", 2) == (found.inputs[0].format, found.inputs[0].calls)
    assert (1, 0, 0, 0) == counts(found, "request_id")


def test_records_of_others_are_left_to_them() -> None:
    """A span-like record with a model is not Envoy's."""
    assert 0.0 == match({"gen_ai.request.model": "x", "start_time": "2026-09-14T10:00:03Z", "duration": 1})
    assert line("[2026-09-14T10:00:03Z] INFO call done") is None
