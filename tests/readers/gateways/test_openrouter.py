"""OpenRouter: generations in two spellings, the activity CSV, inline answers, sums of a day."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.readers import counts, keys, report

GENERATION: dict[str, Any] = {
    "id": "gen-fake0001",
    "upstream_id": "msg_fake",
    "total_cost": 0.001035,
    "usage": 0.001035,
    "created_at": "2026-09-14T10:00:03Z",
    "model": "anthropic/claude-sonnet-4.5",
    "provider_name": "Amazon Bedrock",
    "latency": 912,
    "tokens_prompt": 118,
    "tokens_completion": 44,
    "native_tokens_prompt": 120,
    "native_tokens_completion": 45,
    "native_tokens_cached": 0,
    "external_user": "u-42",
    "app_id": 12345,
    "is_byok": False,
    "provider_responses": [{"status": 429}, {"status": 200}],
}
ANSWER = {
    "id": "gen-fake0002",
    "provider": "Anthropic",
    "model": "anthropic/claude-sonnet-4.5",
    "created": 1789380003,
    "choices": [],
    "usage": {
        "prompt_tokens": 120,
        "completion_tokens": 45,
        "total_tokens": 165,
        "cost": 0.002,
        "prompt_tokens_details": {"cached_tokens": 4},
    },
}
CSV = """generation_id,created_at,cost_total,tokens_prompt,tokens_completion,tokens_reasoning,tokens_cached,\
model_permaslug,provider_name,streamed,user,generation_time_ms,api_key_name,app_name
gen-1,2026-09-14 10:00:03.123,0.0123,1038,137,0,0,openai/gpt-4o-mini,OpenAI,true,u-42,912,prod,chat-app
"""


def generation(**changes: Any) -> str:
    """The documented generation with changes, in the API's envelope."""
    return json.dumps({"data": {**GENERATION, **changes}})


def camel(key: str) -> str:
    """A key in the SDK's spelling."""
    return re.sub("_(.)", lambda m: m[1].upper(), key)


def test_a_documented_generation_is_read_whole() -> None:
    """Native tokens, dollars, both ids, the user of the request and the number of tries."""
    found = report(generation())

    assert ("openrouter", 1) == (found.inputs[0].format, found.inputs[0].calls)
    assert 0.001035 == pytest.approx(found.totals.cost_usd)
    assert 165 == found.totals.tokens
    assert {("id", "request")} == keys(found, "request_id")
    assert {("upstream_id", "attempt")} == keys(found, "response_id")
    assert {("external_user", "gateway_record")} == keys(found, "user_id")
    assert {("provider_responses", "gateway_record")} == keys(found, "retry_count")
    for name in ("model", "provider", "latency_ms", "tokens_cache_read"):
        assert (1, 0, 0, 0) == counts(found, name), name


@pytest.mark.parametrize("name", ["tenant_id", "team_id", "iam_principal", "principal_tags", "trace_id"])
def test_a_generation_never_carries_its_owner(name: str) -> None:
    """There is no free metadata in the record."""
    assert (0, 0, 0, 1) == counts(report(generation()), name)


def test_the_app_is_one_for_all_its_calls() -> None:
    """An app id stands at the process, and is no workflow."""
    found = report(generation())

    assert (0, 0, 1, 0) == counts(found, "workflow_id")
    assert {("app_id", "process")} == keys(found, "workflow_id")


def test_the_sdks_spelling_says_the_same() -> None:
    """CamelCase keys, without the envelope."""
    found = report(json.dumps({camel(k): v for k, v in GENERATION.items()}))

    assert "openrouter" == found.inputs[0].format
    assert 165 == found.totals.tokens
    assert (1, 0, 0, 0) == counts(found, "user_id")


def test_generations_line_by_line_are_one_call_each() -> None:
    """One request of the API a line."""
    assert 2 == report(f"{generation()}\n{generation(id='gen-fake0009')}\n").inputs[0].calls


def test_the_activity_export_is_read() -> None:
    """A row of the CSV is a generation; columns it does not have are unknown."""
    found = report(CSV)

    assert ("openrouter", 1) == (found.inputs[0].format, found.inputs[0].calls)
    assert 0.0123 == pytest.approx(found.totals.cost_usd)
    assert {("generation_id", "request")} == keys(found, "request_id")
    assert {("app_name", "process")} == keys(found, "workflow_id")
    assert (1, 0, 0, 0) == counts(found, "tokens_input")
    assert (0, 0, 0, 1) == counts(found, "region")
    assert (0, 0, 0, 1) == counts(found, "retry_count")


def test_the_name_of_the_key_is_nobody() -> None:
    """`api_key_name` is no owner."""
    assert [] == list(keys(report(CSV), "team_id"))


def test_an_answer_with_its_usage_is_a_call() -> None:
    """What the caller got: usage in an object, cost among it."""
    found = report(json.dumps(ANSWER))

    assert ("openrouter", 1) == (found.inputs[0].format, found.inputs[0].calls)
    assert 0.002 == pytest.approx(found.totals.cost_usd)
    assert {("usage.prompt_tokens", "request")} == keys(found, "tokens_input")
    assert {("provider", "request")} == keys(found, "provider")
    assert (1, 0, 0, 0) == counts(found, "tokens_cache_read")


def test_with_a_key_of_ones_own_the_money_is_upstream() -> None:
    """No fee, and the provider's own cost."""
    found = report(generation(is_byok=True, total_cost=0, upstream_inference_cost=0.5))

    assert 0.5 == pytest.approx(found.totals.cost_usd)


def test_sums_of_a_day_are_context() -> None:
    """The activity API shows spend by model and no call."""
    day = {
        "date": "2026-09-14",
        "model": "openai/gpt-4o-mini",
        "model_permaslug": "openai/gpt-4o-mini",
        "endpoint_id": "fake",
        "provider_name": "OpenAI",
        "usage": 0.015,
        "requests": 5,
        "prompt_tokens": 50,
        "completion_tokens": 125,
    }
    found = report(json.dumps({"data": [day, day]}))

    assert ("openrouter", 0, 2) == (found.inputs[0].format, found.inputs[0].calls, found.inputs[0].context)
    assert any("never show who" in note for note in found.inputs[0].notes)


def test_a_chat_completion_of_another_vendor_is_not_taken() -> None:
    """Only ids that begin `gen-` are OpenRouter's."""
    assert "openrouter" != report(json.dumps({**ANSWER, "id": "chatcmpl-fake"})).inputs[0].format
