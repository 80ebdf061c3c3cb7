"""The vocabularies that instrumentations write on spans: each says the same of one call, in its own words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.readers import counts, field, keys, report
from tests.support.otlp import CALL, MODEL, PARENT, SPAN, span, traces

PRESENT, ABSENT = (1, 0, 0, 0), (0, 1, 0, 0)
OWN = ("model", "tokens_input", "tokens_output")
BOTOCORE: dict[str, Any] = {
    "rpc.system": "aws-api", "rpc.service": "Bedrock Runtime", "rpc.method": "Converse",
    "cloud.region": "us-east-1", "aws.request_id": "11111111-2222-4333-8444-000000000002",
    "retry_attempts": 0, "http.status_code": 200,
}  # fmt: skip

# vocabulary: its attributes, and the fields that they make present
VOCABULARIES: dict[str, tuple[dict[str, Any], str]] = {
    "conventions": (
        {
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": "aws.bedrock",
            "gen_ai.request.model": MODEL, "gen_ai.response.model": MODEL, "gen_ai.response.id": "msg_1",
            "gen_ai.usage.input_tokens": 12, "gen_ai.usage.output_tokens": 3,
            "gen_ai.usage.cache_read.input_tokens": 4, "gen_ai.usage.cache_creation.input_tokens": 5,
            "gen_ai.usage.reasoning.output_tokens": 1, "gen_ai.conversation.id": "c-1",
            "gen_ai.workflow.name": "triage", "gen_ai.agent.name": "planner", "user.id": "u-42",
        },
        "provider tokens_cache_read tokens_cache_write tokens_reasoning session_id workflow_id user_id",
    ),
    "conventions before 1.27": (
        {
            "gen_ai.system": "aws.bedrock", "gen_ai.request.model": MODEL,
            "gen_ai.usage.prompt_tokens": 12, "gen_ai.usage.completion_tokens": 3, "enduser.id": "u-42",
        },
        "provider user_id",
    ),
    "botocore": (CALL | BOTOCORE, "provider region attempt_id request_id retry_count status"),
    "aws sdk for node": (
        CALL | {
            "rpc.system": "aws-api", "rpc.service": "BedrockRuntime", "rpc.method": "Converse",
            "cloud.region": "us-east-1", "aws.request.id": "11111111-2222-4333-8444-000000000002",
        },
        "region attempt_id request_id",
    ),
    "aws sdk for java": (
        CALL | {"rpc.service": "BedrockRuntime", "aws.requestId": "11111111-2222-4333-8444-000000000002"},
        "attempt_id request_id",
    ),
    "traceloop": (
        {
            "gen_ai.provider.name": "aws.bedrock", "gen_ai.request.model": MODEL, "llm.request.type": "chat",
            "gen_ai.usage.input_tokens": 12, "gen_ai.usage.output_tokens": 3, "llm.usage.total_tokens": 15,
            "gen_ai.usage.cache_read_input_tokens": 4, "traceloop.workflow.name": "triage",
            "traceloop.association.properties.customer_id": "acme",
            "traceloop.association.properties.user_id": "u-42",
            "traceloop.association.properties.session_id": "s-7",
        },
        "tenant_id user_id session_id workflow_id tokens_total tokens_cache_read provider",
    ),
    "openinference": (
        {
            "openinference.span.kind": "LLM", "llm.model_name": MODEL, "llm.provider": "aws",
            "llm.token_count.prompt": 12, "llm.token_count.completion": 3, "llm.token_count.total": 15,
            "llm.token_count.prompt_details.cache_read": 4, "llm.token_count.prompt_details.cache_write": 5,
            "llm.token_count.completion_details.reasoning": 1, "llm.cost.total": 0.0012,
            "session.id": "s-7", "user.id": "u-42", "metadata": '{"tenant_id": "acme"}',
            "tag.tags": ["team:growth", "beta"],
        },
        "tenant_id team_id user_id session_id cost_usd provider tokens_total tokens_cache_write",
    ),
    "openlit": (
        CALL | {"gen_ai.usage.cost": 0.0012, "gen_ai.usage.total_tokens": 15, "gen_ai.request.user": "u-42",
                "gen_ai.session.id": "s-7", "gen_ai.environment": "prod", "gen_ai.workflow.name": "triage"},
        "cost_usd tokens_total user_id session_id workflow_id environment",
    ),
    "vercel ai sdk": (
        {
            "operation.name": "ai.generateText.doGenerate triage", "resource.name": "triage",
            "ai.operationId": "ai.generateText.doGenerate", "ai.model.id": MODEL,
            "ai.model.provider": "amazon-bedrock", "ai.usage.inputTokens": 12, "ai.usage.outputTokens": 3,
            "ai.usage.cachedInputTokens": 4, "ai.telemetry.functionId": "triage",
            "ai.telemetry.metadata.tenantId": "acme", "ai.telemetry.metadata.userId": "u-42",
        },
        "tenant_id user_id workflow_id provider tokens_cache_read",
    ),
    "vercel ai sdk 4": (
        {
            "ai.operationId": "ai.streamText.doStream", "ai.model.id": MODEL, "ai.usage.promptTokens": 12,
            "ai.usage.completionTokens": 3, "ai.telemetry.metadata.tenant_id": "acme",
        },
        "tenant_id",
    ),
    "litellm": (
        {
            "gen_ai.operation.name": "acompletion", "llm.request.type": "acompletion",
            "gen_ai.system": "bedrock", "gen_ai.request.model": MODEL, "gen_ai.usage.input_tokens": 12,
            "gen_ai.usage.output_tokens": 3, "gen_ai.usage.total_tokens": 15,
            "gen_ai.cost.total_cost": 0.0012, "gen_ai.response.id": "chatcmpl-fake0001",
            "metadata.user_api_key_team_id": "team-growth", "metadata.user_api_key_user_id": "svc",
            "metadata.user_api_key_end_user_id": "u-42", "metadata.requester_metadata": "None",
            "metadata.spend_logs_metadata": "{'tenant_id': 'acme', 'workflow_id': 'triage'}",
        },
        "tenant_id workflow_id team_id user_id cost_usd request_id",
    ),
    "litellm 2": (
        CALL | {
            "litellm.call_id": "c-1", "litellm.team.id": "team-growth", "litellm.team.alias": "growth",
            "litellm.cost.total": 0.0012, "litellm.provider.model": f"bedrock/{MODEL}",
            "litellm.metadata.user_api_key_end_user_id": "u-42", "gen_ai.response.id": "chatcmpl-fake0001",
        },
        "team_id user_id cost_usd request_id",
    ),
    "langfuse": (
        {
            "langfuse.observation.type": "generation", "langfuse.observation.model.name": MODEL,
            "langfuse.observation.usage_details":
                '{"input": 12, "output": 3, "cache_read_input_tokens": 4, "total": 19}',
            "langfuse.observation.cost_details": '{"input": 0.001, "output": 0.0002, "total": 0.0012}',
            "langfuse.trace.metadata.tenant_id": "acme", "langfuse.trace.name": "triage",
            "langfuse.observation.metadata.request_id": "req-1", "user.id": "u-42", "session.id": "s-7",
            "langfuse.trace.tags": ["team:growth"], "langfuse.environment": "prod",
        },
        (
            "tenant_id team_id user_id session_id workflow_id request_id cost_usd tokens_cache_read "
            "tokens_total environment"
        ),
    ),
    "langfuse, metadata as one text": (
        {
            "langfuse.observation.type": "generation", "langfuse.observation.model.name": MODEL,
            "langfuse.observation.usage_details": '{"input": 12, "output": 3}',
            "langfuse.trace.metadata": '{"tenant_id": "acme", "team": "growth"}',
            "langfuse.user.id": "u-42", "langfuse.session.id": "s-7",
        },
        "tenant_id team_id user_id session_id",
    ),
    "mlflow": (
        {
            "mlflow.spanType": '"CHAT_MODEL"', "mlflow.llm.model": f'"{MODEL}"',
            "mlflow.llm.provider": '"bedrock"', "tenant_id": '"acme"', "user.id": "u-42",
            "mlflow.chat.tokenUsage": '{"input_tokens": 12, "output_tokens": 3, "total_tokens": 15}',
            "mlflow.llm.cost": '{"input_cost": 0.001, "output_cost": 0.0002, "total_cost": 0.0012}',
        },
        "tenant_id user_id cost_usd provider tokens_total",
    ),
    "langsmith": (
        {
            "langsmith.span.kind": "llm", "gen_ai.request.model": MODEL, "gen_ai.system": "aws",
            "gen_ai.usage.input_tokens": 12, "gen_ai.usage.output_tokens": 3,
            "langsmith.metadata.tenant_id": "acme", "langsmith.metadata.user_id": "u-42",
        },
        "tenant_id user_id provider",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", VOCABULARIES)
def test_a_vocabulary_is_understood(name: str) -> None:
    """One call; model and tokens are known, and every field that this vocabulary carries is present."""
    attributes, wanted = VOCABULARIES[name]
    found = report(json.dumps(traces(span(attributes))))

    assert ("otlp-json", 1) == (found.inputs[0].format, found.inputs[0].calls)
    assert [] == [f for f in (*OWN, *wanted.split()) if counts(found, f) != PRESENT]
    assert found.totals.tokens >= 15


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        (VOCABULARIES["vercel ai sdk"][0] | {"ai.operationId": "ai.generateText", "ai.usage.inputTokens": 99},
         VOCABULARIES["vercel ai sdk"][0]),
        (CALL | {"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 99}, CALL),
        (VOCABULARIES["openinference"][0] | {"openinference.span.kind": "AGENT"},
         VOCABULARIES["openinference"][0]),
        ({"rpc.service": "Bedrock Runtime", "rpc.method": "Converse"}, CALL),
        (CALL | {"gen_ai.response.id": "msg_1"}, CALL | {"gen_ai.response.id": "msg_1"}),
    ],
    ids=["vercel", "agent", "openinference agent", "client span without usage", "same response"],
)  # fmt: skip
def test_a_wrapper_is_no_second_call(outer: dict[str, Any], inner: dict[str, Any]) -> None:
    """Whoever repeats a call above it is context, even with another sum of tokens."""
    found = report(json.dumps(traces(span(outer, spanId=PARENT, parentSpanId="", name="outer"), span(inner))))
    assert (1, 1) == (found.inputs[0].calls, found.inputs[0].context)


@pytest.mark.parametrize(
    "attributes",
    [
        {"rpc.service": "Bedrock Runtime", "rpc.method": "ApplyGuardrail"},
        {
            "http.request.method": "POST",
            "url.full": "https://bedrock-runtime.us-east-1.amazonaws.com/model/x",
        },
        {"traceloop.span.kind": "workflow", "traceloop.association.properties.tenant_id": "acme"},
        {"gen_ai.request.model": MODEL, "litellm.team.id": "team-growth"},
        {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"},
        {"openinference.span.kind": "RETRIEVER"},
    ],
    ids=["guardrail", "http hop", "workflow", "litellm route", "tool", "retriever"],
)
def test_what_is_no_model_call_is_context(attributes: dict[str, Any]) -> None:
    """HTTP hops, workflows, tools and routes are counted, and never judged."""
    found = report(json.dumps(traces(span(CALL), span(attributes, spanId=PARENT, parentSpanId=""))))
    assert (1, 1) == (found.inputs[0].calls, found.inputs[0].context)


def test_a_failed_call_is_a_call_without_usage() -> None:
    """An operation name is enough, and tokens of a failed call are not asked for."""
    held = {k: v for k, v in CALL.items() if "usage" not in k} | {"error.type": "ThrottlingException"}
    found = report(json.dumps(traces(span(held, status={"code": 2}))))
    assert 1 == found.inputs[0].calls
    assert {"failed_call": 1} == field(found, "tokens_input").causes


def test_the_proxy_root_span_can_be_the_call() -> None:
    """LiteLLM writes its attributes on the server span where the request span is switched off."""
    held = VOCABULARIES["litellm"][0]
    root = span(held, spanId=SPAN, parentSpanId="", name="Received Proxy Server Request", kind=2)
    found = report(json.dumps(traces(root)))
    assert (1, PRESENT) == (found.inputs[0].calls, counts(found, "tenant_id"))


@pytest.mark.parametrize(
    ("attributes", "name", "scope"),
    [
        ({"http.request.header.x-tenant-id": ["acme"]}, "tenant_id", "client_header"),
        ({"http.request.header.x_tenant_id": ["acme"]}, "tenant_id", "client_header"),
        ({"http.request.header.baggage": ["tenant.id=acme,user.id=u-42"]}, "tenant_id", "client_header"),
        ({"gen_ai.application_name": "desk"}, "workflow_id", "process"),
    ],
)
def test_a_value_keeps_the_scope_at_which_it_stands(
    attributes: dict[str, Any], name: str, scope: str
) -> None:
    """On the call's own span too, a captured header is a header and an application's name the process's."""
    found = report(json.dumps(traces(span(CALL | attributes))))
    assert {scope} == {s for _, s in keys(found, name)}
    assert (0, 0, 1, 0) == counts(found, name)


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.team.name": "researchers"},
        {"mlflow.user": "root"},
        {"service.name": "acme"},
        {"gen_ai.prompt.0.content": '{"tenant_id": "acme", "team_id": "t", "user_id": "u"}'},
        {"gen_ai.input.messages": '[{"tenant_id": "acme", "team_id": "t", "user_id": "u"}]'},
        {"traceloop.entity.input": '{"tenant_id": "acme", "team_id": "t", "user_id": "u"}'},
        {"ai.prompt": '{"tenant_id": "acme", "team_id": "t", "user_id": "u"}'},
        {"mlflow.spanInputs": '{"tenant_id": "acme", "team_id": "t", "user_id": "u"}'},
        {"langfuse.observation.input": '{"tenant_id": "acme", "team_id": "t", "user_id": "u"}'},
    ],
    ids=lambda a: next(iter(a)),
)
def test_what_looks_like_an_owner_and_is_none(attributes: dict[str, Any]) -> None:
    """Agent teams, the account of a process, service names and prompts own nothing."""
    found = report(json.dumps(traces(span(CALL | attributes))))
    for name in ("tenant_id", "team_id", "user_id"):
        assert ABSENT == counts(found, name), name


def test_a_value_in_quotes_of_its_own_is_the_value() -> None:
    """MLflow and Langfuse write text as JSON: a quoted placeholder is none, a quoted model has a price."""
    quoted = CALL | {"gen_ai.request.model": f'"{MODEL}"', "tenant_id": '"unknown"'}
    found = report(json.dumps(traces(span(quoted))))

    assert {"placeholder": 1} == field(found, "tenant_id").causes
    assert "estimated" == found.totals.cost_basis
