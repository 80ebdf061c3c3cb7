"""LiteLLM's StandardLoggingPayload: envelopes, retries, failures, caches, where metadata survives."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.readers import counts, field, keys, report

PAYLOAD: dict[str, Any] = {
    "id": "chatcmpl-fake0001",
    "litellm_call_id": "0934d2d1-0000-4564-93a4-486667ad17ac",
    "trace_id": "trace-77",
    "session_id": "",
    "call_type": "acompletion",
    "stream": False,
    "status": "success",
    "custom_llm_provider": "bedrock",
    "model": "anthropic.claude-3-haiku-20240307-v1:0",
    "model_group": "claude-haiku",
    "api_base": "https://bedrock-runtime.us-east-1.amazonaws.com",
    "startTime": 1789380003.401,
    "endTime": 1789380004.313,
    "response_time": 0.912,
    "prompt_tokens": 120,
    "completion_tokens": 45,
    "total_tokens": 165,
    "response_cost": 0.00008625,
    "cost_breakdown": {"input_cost": 0.00003, "output_cost": 0.00005625, "total_cost": 0.00008625},
    "request_tags": ["team:growth"],
    "end_user": None,
    "metadata": {
        "user_api_key_hash": "e3b0fake",
        "user_api_key_team_id": "team-growth",
        "user_api_key_user_id": "default_user_id",
        "spend_logs_metadata": {"tenant_id": "acme"},
        "requester_metadata": {"workflow_id": "ticket-summary"},
        "requester_custom_headers": {"x-request-id": "req-0001"},
        "usage_object": {"prompt_tokens_details": {"cached_tokens": 4, "cache_creation_tokens": 0}},
    },
    "model_parameters": {"user": "u-42"},
    "hidden_params": {
        "litellm_model_name": "bedrock/anthropic.claude-3-haiku-20240307-v1:0",
        "additional_headers": {
            "llm_provider-x-amzn-requestid": "989fad7e-0000-42fc-84eb-fc9e68094cda",
            "x-litellm-attempted-retries": 0,
        },
    },
    "error_information": {"error_code": "", "error_class": ""},
}


def line(**changes: Any) -> str:
    """The payload with changes, as JSON."""
    return json.dumps({**PAYLOAD, **changes})


FOUND = """tenant_id team_id workflow_id request_id user_id cost_usd model provider region tokens_input
tokens_output tokens_cache_read tokens_cache_write retry_count attempt_id response_id latency_ms""".split()
ENVELOPES = {
    "one object": json.dumps(PAYLOAD, indent=2),
    "a batch": json.dumps([PAYLOAD]),
    "the arguments of a callback": json.dumps({"model": "m", "standard_logging_object": PAYLOAD}),
    "a log shipper's message": json.dumps(
        {"ddsource": "litellm", "ddtags": "env:prod", "host": "h", "service": "s", "message": line()}
    ),
}


@pytest.mark.parametrize("text", ENVELOPES.values(), ids=ENVELOPES.keys())
def test_each_envelope_says_the_same(text: str) -> None:
    """Owner, workflow, ids, user, money, tokens, cache, retries and latency are found in each."""
    found = report(text)

    assert ("litellm-standard-logging", 1) == (found.inputs[0].format, found.inputs[0].calls)
    assert {("metadata.spend_logs_metadata.tenant_id", "gateway_record")} == keys(found, "tenant_id")
    assert {("metadata.requester_metadata.workflow_id", "gateway_record")} == keys(found, "workflow_id")
    for name in FOUND:
        assert (1, 0, 0, 0) == counts(found, name), name


@pytest.mark.parametrize("name", ["iam_principal", "account_id", "principal_tags", "session_tags"])
def test_what_a_payload_can_never_hold_is_not_the_teams_fault(name: str) -> None:
    """The format does not carry it."""
    assert (0, 0, 0, 1) == counts(report(line()), name)


@pytest.mark.parametrize(
    ("metadata", "verdict", "key"),
    [
        (
            {"spend_logs_metadata": {"tenant_id": "acme"}},
            (1, 0, 0, 0),
            "metadata.spend_logs_metadata.tenant_id",
        ),
        (
            {"requester_metadata": {"tenant_id": "acme"}},
            (1, 0, 0, 0),
            "metadata.requester_metadata.tenant_id",
        ),
        (
            {"requester_custom_headers": {"x-tenant-id": "acme"}},
            (1, 0, 0, 0),
            "metadata.requester_custom_headers.x-tenant-id",
        ),
        (
            {"user_api_key_auth_metadata": {"tenant_id": "acme"}},
            (0, 0, 1, 0),
            "metadata.user_api_key_auth_metadata.tenant_id",
        ),
        ({"tenant_id": "acme"}, (1, 0, 0, 0), "metadata.tenant_id"),
        ({"spend_logs_metadata": None, "requester_metadata": None}, (0, 1, 0, 0), None),
    ],
)
def test_where_the_tenant_may_stand(
    metadata: dict[str, Any], verdict: tuple[int, ...], key: str | None
) -> None:
    """Metadata of the call is evidence, metadata of the key is one for all its calls."""
    found = report(line(metadata=metadata))

    assert verdict == counts(found, "tenant_id")
    assert ({key} if key else set()) == {f.key for f in field(found, "tenant_id").found}


@pytest.mark.parametrize("tags", [["tenant:acme"], ["x-tenant-id: acme", "User-Agent: curl"]])
def test_tags_are_pairs(tags: list[str]) -> None:
    """A `key:value` tag on the call is evidence."""
    assert (1, 0, 0, 0) == counts(report(line(metadata={}, request_tags=tags)), "tenant_id")


@pytest.mark.parametrize("tag", ["feature:draft", "app: chat", "workflow:triage"])
def test_a_tag_names_the_workflow(tag: str) -> None:
    """Words too common to count anywhere are names when a caller put them into a tag."""
    assert (1, 0, 0, 0) == counts(report(line(metadata={}, request_tags=[tag])), "workflow_id")


def test_a_project_or_organisation_is_a_weak_team() -> None:
    """It may own the cost; alone it is mis-scoped."""
    metadata = {"user_api_key_project_id": "p-1", "user_api_key_org_id": "org-1"}

    assert (0, 0, 1, 0) == counts(report(line(metadata=metadata, request_tags=[])), "team_id")


def test_attempts_of_a_router_share_no_request_id() -> None:
    """A failure and what follows it in the trace have a call id each."""
    failed = line(
        id="fake-1",
        litellm_call_id="fake-1",
        status="failure",
        response_cost=0,
        prompt_tokens=0,
        completion_tokens=0,
        total_tokens=0,
        startTime=1789380002.0,
        endTime=1789380003.0,
        metadata={},
        error_information={"error_code": "429", "error_class": "RateLimitError"},
    )
    found = report(f"{failed}\n{line(metadata={})}\n")

    assert (0, 0, 2, 0) == counts(found, "request_id")
    assert (1, 0, 0, 1) == counts(found, "tokens_input")
    assert (1, 0, 0, 1) == counts(found, "cost_usd")


def test_the_providers_id_of_a_failure_stands_in_the_error() -> None:
    """It is the attempt's."""
    error = {"error_code": "429", "error_provider_request_id": "c9e46908-0000-4515-a4de-a8ac07f7e378"}
    found = report(line(status="failure", hidden_params={}, error_information=error))

    assert {("error_information.error_provider_request_id", "attempt")} == keys(found, "attempt_id")


def test_a_client_that_left_a_stream_is_a_success_with_an_error_code() -> None:
    """Its tokens are LiteLLM's estimate, and counted."""
    found = report(
        line(stream=True, error_information={"error_code": "499", "error_class": "ClientDisconnect"})
    )

    assert (1, 0, 0, 0) == counts(found, "tokens_output")
    assert (1, 0, 0, 0) == counts(found, "error_code")


def test_an_answer_from_the_cache_costs_nothing() -> None:
    """Zero cost with tokens is right there, and wrong elsewhere."""
    free = {"response_cost": 0.0, "cost_breakdown": None}

    assert (1, 0, 0, 0) == counts(report(line(cache_hit=True, **free)), "cost_usd")
    assert (0, 0, 1, 0) == counts(report(line(cache_hit=False, **free)), "cost_usd")


@pytest.mark.parametrize(
    ("end_user", "parameters", "key"),
    [("u-1", {"user": "u-2"}, "end_user"), (None, {"user": "u-2"}, "model_parameters.user")],
)
def test_the_caller_is_the_end_user(end_user: str | None, parameters: dict[str, str], key: str) -> None:
    """The proxy fills `end_user`; in the SDK only the raw parameter is left."""
    found = report(line(end_user=end_user, model_parameters=parameters))

    assert (1, 0, 0, 0) == counts(found, "user_id")
    assert key in {f.key for f in field(found, "user_id").found}


def test_the_default_user_is_nobody() -> None:
    """The key's owner is no caller, and LiteLLM's stand-in no owner."""
    assert (0, 0, 1, 0) == counts(report(line(model_parameters={})), "user_id")


def test_a_model_group_alone_hides_the_model() -> None:
    """The public alias says what was asked, not what served."""
    found = report(line(model="", hidden_params={}))

    assert (0, 0, 1, 0) == counts(found, "model")


def test_prompts_and_answers_are_never_read() -> None:
    """A tenant in a message is no evidence."""
    said = {"messages": [{"content": "tenant_id: acme"}], "response": {"tenant_id": "acme"}, "metadata": {}}

    assert (0, 1, 0, 0) == counts(report(line(**said)), "tenant_id")


def test_spans_of_litellm_are_not_payloads() -> None:
    """What its OpenTelemetry callback exports is OTLP."""
    attributes = [{"key": "metadata.user_api_key_team_id", "value": {"stringValue": "t"}}]
    span = {
        "traceId": "5b8efff798038103d269b633813fc601",
        "spanId": "eee19b7ec3c1b101",
        "name": "litellm_request",
    }
    text = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{**span, "attributes": attributes}]}]}]})

    assert "otlp-json" == report(text).inputs[0].format
