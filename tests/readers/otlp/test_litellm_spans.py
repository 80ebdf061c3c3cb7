"""LiteLLM's first OpenTelemetry vocabulary: its span of the call, and the one of the raw exchange below it.

The shapes are those of litellm 1.106.2, alone and as a proxy whose framework writes spans of its own.
"""

from __future__ import annotations

import json
from typing import Any

from auditor.report.schema import Report
from tests.readers import counts, keys, report
from tests.support.otlp import MODEL, SPAN, span, traces

CALL: dict[str, Any] = {
    "gen_ai.operation.name": "acompletion", "llm.request.type": "acompletion", "gen_ai.system": "bedrock",
    "gen_ai.request.model": MODEL, "litellm.call_id": "0934d2d1-0000-4564-93a4-486667ad17ac",
    "gen_ai.response.id": "chatcmpl-fake0001", "gen_ai.usage.input_tokens": 21,
    "gen_ai.usage.output_tokens": 9,
    "metadata.spend_logs_metadata": "{'tenant_id': 'acme', 'feature': 'search'}",
}  # fmt: skip
BEDROCK = {
    "llm.bedrock.usage": "{'inputTokens': 21, 'outputTokens': 9, 'totalTokens': 30}",
    "llm.bedrock.output": "{'message': {'content': [{'text': 'tenant_id: initech'}]}}",
    "metadata.user_api_key_team_id": "team-legal",
}
OPENAI = {
    "llm.openai.model": "gpt-4o-mini", "llm.openai.user": "u-42", "llm.openai.id": "chatcmpl-fake0002",
    "llm.openai.usage": "{'completion_tokens': 7, 'prompt_tokens': 15, 'prompt_tokens_details': None}",
    "llm.openai.messages": "[{'role': 'user', 'content': 'hello'}]",
}  # fmt: skip
FAILED = {"code": 2}
OTHER = "58e8000000000001"


def raw(attributes: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """A span of the raw exchange."""
    return span(attributes, **{"name": "raw_gen_ai_request", "spanId": OTHER, "parentSpanId": SPAN} | changed)


def audited(*spans: dict[str, Any]) -> Report:
    """The report on one trace."""
    return report(json.dumps(traces(*spans)))


def test_the_raw_exchange_below_the_call_is_no_second_call() -> None:
    """It says again what its parent says, whose usage and owner count once."""
    found = audited(span(CALL, name="litellm_request"), raw(BEDROCK))
    assert (1, 1) == (found.inputs[0].calls, found.inputs[0].context)
    for name in ("tenant_id", "workflow_id", "request_id", "model", "tokens_input", "tokens_output"):
        assert (1, 0, 0, 0) == counts(found, name), name


def test_without_a_span_of_the_call_the_raw_exchange_is_the_call() -> None:
    """Behind a proxy whose own spans have ended, nothing else is left of a call that went well."""
    hop = span({"http.request.method": "POST", "http.route": "/v1/chat/completions"}, name="POST")
    found = audited(hop, raw(OPENAI))
    assert found.inputs[0].calls == 1
    for name in ("user_id", "request_id", "model", "tokens_input", "tokens_output"):
        assert (1, 0, 0, 0) == counts(found, name), name
    assert keys(found, "tokens_input") == {("llm.openai.usage→prompt_tokens", "span")}


def test_the_raw_exchange_carries_the_team_of_the_key_and_no_text() -> None:
    """Bedrock's answer has usage and neither model nor id; what the model said is never read."""
    found = audited(raw(BEDROCK))
    assert (1, 0, 0, 0) == counts(found, "team_id") == counts(found, "tokens_output")
    assert (0, 1, 0, 0) == counts(found, "tenant_id") == counts(found, "model")


def test_a_failed_try_above_the_exchange_of_the_next_is_a_call_too() -> None:
    """The framework's span holds the names of the try that failed; the exchange below it is another try."""
    failure = {k: v for k, v in CALL.items() if "usage" not in k} | {"error.code": "429"}
    above = span(failure, name="fastapi.endpoint", status=FAILED)
    found = audited(above, raw(OPENAI))
    assert found.inputs[0].calls == 2
    assert (1, 0, 0, 1) == counts(found, "tokens_input")
