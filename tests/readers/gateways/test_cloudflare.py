"""Cloudflare AI Gateway rows: metadata as text, five entries, fallbacks, Logpush."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.readers import counts, keys, report

ROW: dict[str, Any] = {
    "id": "01FAKELOGID",
    "created_at": "2026-09-14T10:00:03Z",
    "provider": "aws-bedrock",
    "model": "anthropic.claude-3-haiku-20240307-v1:0",
    "model_type": "chat",
    "path": "/model/x/converse",
    "request_type": "chat",
    "status_code": 200,
    "success": True,
    "cached": False,
    "step": 0,
    "tokens_in": 120,
    "tokens_out": 45,
    "cost": 0.001035,
    "custom_cost": False,
    "duration": 912,
    "metadata": '{"tenant":"acme","team":"growth"}',
}
PUSHED: dict[str, Any] = {
    "Cached": False,
    "Endpoint": "/v1/chat/completions",
    "Gateway": "prod",
    "Model": "gpt-4o-mini",
    "Provider": "openai",
    "RateLimited": False,
    "StatusCode": 200,
    "Metadata": {"type": "encrypted", "key": "fake", "iv": "fake", "data": "fake"},
}


def row(**changes: Any) -> str:
    """The documented row with changes, as JSON."""
    return json.dumps({**ROW, **changes})


def test_a_documented_row_is_read_whole() -> None:
    """Owner from the metadata, log id as request id, dollars, tokens, milliseconds."""
    found = report(json.dumps({"result": [ROW], "result_info": {"count": 1}, "success": True}))

    assert ("cloudflare-ai-gateway", 1) == (found.inputs[0].format, found.inputs[0].calls)
    assert {("metadata.tenant", "gateway_record")} == keys(found, "tenant_id")
    assert {("metadata.team", "gateway_record")} == keys(found, "team_id")
    assert {("id", "gateway_record")} == keys(found, "request_id")
    assert 0.001035 == pytest.approx(found.totals.cost_usd)
    for name in ("model", "provider", "tokens_input", "tokens_output", "latency_ms", "status", "retry_count"):
        assert (1, 0, 0, 0) == counts(found, name), name
    for name in ("region", "tokens_cache_read", "iam_principal", "attempt_id", "response_id", "trace_id"):
        assert (0, 0, 0, 1) == counts(found, name), name


@pytest.mark.parametrize(
    "text",
    [
        row(),
        json.dumps([ROW]),
        json.dumps({"result": ROW, "success": True, "errors": []}),
        row(metadata={"tenant": "acme"}),
    ],
)
def test_each_shape_of_answer_says_the_same(text: str) -> None:
    """Lines, an array, one log in its envelope, metadata as an object."""
    found = report(text)

    assert ("cloudflare-ai-gateway", 1) == (found.inputs[0].format, found.inputs[0].calls)
    assert (1, 0, 0, 0) == counts(found, "tenant_id")


def test_the_callers_request_id_goes_before_the_log_id() -> None:
    """Metadata names it; both stand in the gateway's record."""
    found = report(row(metadata='{"request_id":"req-1"}'))

    assert (1, 0, 0, 0) == counts(found, "request_id")
    assert ("metadata.request_id", "gateway_record") in keys(found, "request_id")


def test_five_entries_are_told_because_a_sixth_is_lost() -> None:
    """The gateway keeps five and says nothing."""
    metadata = json.dumps({f"k{i}": i for i in range(5)})

    assert any("sixth" in note for note in report(row(metadata=metadata)).inputs[0].notes)
    assert not report(row()).inputs[0].notes


@pytest.mark.parametrize("metadata", ["", None, "{}", '{"tenant":""}'])
def test_no_metadata_is_an_absent_owner(metadata: str | None) -> None:
    """The format can carry it, the caller did not send it."""
    assert (0, 1, 0, 0) == counts(report(row(metadata=metadata)), "tenant_id")


def test_a_price_that_was_not_known_is_a_gap() -> None:
    """The API leaves the cost out: absent, not unknown."""
    unpriced = {k: v for k, v in ROW.items() if k != "cost"}

    assert (0, 1, 0, 0) == counts(report(json.dumps(unpriced)), "cost_usd")


def test_a_failed_call_has_no_usage_to_miss() -> None:
    """Status 503 without tokens: not carried."""
    found = report(row(success=False, status_code=503, tokens_in=0, tokens_out=0, cost=0))

    assert (0, 0, 0, 1) == counts(found, "tokens_input")


def test_logpush_is_read_and_what_it_encrypts_is_unknown() -> None:
    """PascalCase names; nobody can say what the sealed metadata holds."""
    found = report(f"{json.dumps(PUSHED)}\n{json.dumps(PUSHED)}\n")

    assert ("cloudflare-ai-gateway", 2) == (found.inputs[0].format, found.inputs[0].calls)
    assert (2, 0, 0, 0) == counts(found, "model")
    assert (0, 0, 0, 2) == counts(found, "tenant_id")
    assert (0, 0, 0, 2) == counts(found, "cost_usd")
    assert any("encrypted" in note for note in found.inputs[0].notes)


def test_decrypted_logpush_is_judged() -> None:
    """Metadata that was opened shows owner or gap."""
    opened = {**PUSHED, "Metadata": {"tenant_id": "acme"}, "TokensIn": 5, "TokensOut": 6, "Cost": 0.1}
    found = report(json.dumps(opened))

    assert (1, 0, 0, 0) == counts(found, "tenant_id")
    assert (0, 1, 0, 0) == counts(found, "team_id")
    assert (1, 0, 0, 0) == counts(found, "tokens_input")
