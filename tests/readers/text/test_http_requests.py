"""HTTP requests as people capture them: what was sent, what was answered, and what neither proves."""

from __future__ import annotations

import json

import pytest

from tests.readers import counts, keys, report

RAW = """POST /v1/chat/completions HTTP/1.1
Host: llm-gw.example.com
x-tenant-id: acme
x-request-id: req-0001
traceparent: 00-b9aad5fa2bfd511e0b0a7db4812cdd00-5ce3a8792305be51-01
baggage: team.id=legal-ai,user.id=u%2D42
Authorization: Bearer sk-secret
Content-Type: application/json

{"model":"claude-sonnet-4-5","user":"u-42","metadata":{"workflow_id":"ticket-triage"},"messages":[]}
"""
CURL = """curl -X POST 'https://llm-gw.example.com/v1/chat/completions' \\
  -H 'x-tenant-id: acme' -H 'x-request-id: req-0001' -H 'baggage: team.id=legal-ai' \\
  --data-raw '{"model":"claude-sonnet-4-5","metadata":{"workflow_id":"ticket-triage"}}'
"""
VERBOSE = """* Connected to bedrock-runtime.us-east-1.amazonaws.com (192.0.2.1) port 443
> POST /model/anthropic.claude-3-haiku-20240307-v1%3A0/converse HTTP/2
> Host: bedrock-runtime.us-east-1.amazonaws.com
> x-tenant-id: acme
> X-Amzn-Bedrock-Request-Metadata: {"team_id":"legal-ai"}
>
{ [5 bytes data]
< HTTP/2 200
< x-amzn-requestid: 12ee32ff-ebb5-45b0-bc2f-053b8c3a7745
<
{"usage":{"inputTokens":4,"outputTokens":5}}
"""
BLOCK = "Host: llm-gw.example.com\nx-tenant-id: acme\nx-request-id: req-0001\nbaggage: team.id=legal-ai\n"
URL = "https://llm-gw.example.com"
SENT = [{"name": "X-Tenant-Id", "value": "acme"}, {"name": "baggage", "value": "team.id=legal-ai"}]
ANSWER = '{"id":"chatcmpl-1","usage":{"prompt_tokens":3,"completion_tokens":4}}'
CALL = {
    "startedDateTime": "2026-09-14T10:00:03.000Z",
    "time": 812,
    "request": {
        "method": "POST", "url": f"{URL}/v1/chat/completions", "headers": SENT,
        "postData": {"text": '{"model": "claude-sonnet-4-5"}'},
    },
    "response": {
        "status": 200, "headers": [{"name": "x-request-id", "value": "r-1"}], "content": {"text": ANSWER},
    },
}  # fmt: skip
HEALTH = {"request": {"method": "GET", "url": f"{URL}/health", "headers": []}, "response": {"status": 200}}
HAR = json.dumps({"log": {"version": "1.2", "entries": [CALL, HEALTH]}})


@pytest.mark.parametrize("text", [RAW, CURL, VERBOSE, BLOCK, HAR], ids=["raw", "curl", "-v", "block", "har"])
def test_every_capture_is_one_call_whose_owner_was_only_sent(text: str) -> None:
    """Headers, baggage and bodies prove that a value was sent, never that anybody kept it."""
    found = report(text)

    assert (found.inputs[0].format, found.inputs[0].layer, found.totals.calls) == (
        "http-headers",
        "client",
        1,
    )
    assert counts(found, "tenant_id") == (0, 0, 1, 0)
    assert counts(found, "team_id") == (0, 0, 1, 0)
    assert counts(found, "iam_principal") == (0, 0, 0, 1)


def test_the_report_names_header_baggage_and_body() -> None:
    """Each value is found under the place where it was sent."""
    found = report(RAW)

    assert ("header.x-tenant-id", "client_header") in keys(found, "tenant_id")
    assert ("header.baggage→team.id", "client_header") in keys(found, "team_id")
    assert ("body.metadata.workflow_id", "client_header") in keys(found, "workflow_id")
    assert counts(found, "trace_id")[0] == 1


def test_what_was_not_captured_cannot_be_judged() -> None:
    """Without an answer nothing says what the call used."""
    assert counts(report(CURL), "tokens_input") == (0, 0, 0, 1)
    assert counts(report(VERBOSE), "tokens_input") == (1, 0, 0, 0)


def test_a_bedrock_path_names_model_and_region() -> None:
    """The model is decoded from the path, the region from the host, the attempt's id from the answer."""
    found = report(VERBOSE)

    assert keys(found, "model") == {("path", "request")}
    assert counts(found, "region")[0] == 1
    assert keys(found, "attempt_id") == {("response.header.x-amzn-requestid", "attempt")}


def test_an_answer_of_the_gateway_is_its_record() -> None:
    """Cost and call id that the gateway answers with are its own record."""
    text = RAW + "\nHTTP/1.1 200 OK\nx-litellm-call-id: c-1\nx-litellm-response-cost: 0.0012\n\n{}\n"

    assert report(text).totals.cost_usd == pytest.approx(0.0012)
    assert ("response.header.x-litellm-response-cost", "gateway_record") in keys(report(text), "cost_usd")


def test_a_repeated_request_after_a_failure_is_a_retry() -> None:
    """Two tries of one request under two AWS ids share no request id."""
    failed = VERBOSE.replace("HTTP/2 200", "HTTP/2 429").replace("3a7745", "3a7746")

    assert "CNT002" in {g.rule for g in report(failed + VERBOSE).gaps}


def test_requests_that_invoke_no_model_are_context() -> None:
    """A health check is no call."""
    found = report("GET /health HTTP/1.1\nHost: llm-gw.example.com\n\n")

    assert (found.totals.calls, found.inputs[0].context) == (0, 1)


def test_folded_and_repeated_headers_are_joined() -> None:
    """An obsolete continuation line belongs to the header above it."""
    text = "POST /v1/messages HTTP/1.1\nHost: llm-gw.example.com\nX-Tenant-Id:\n acme\nx-tag: a\nX-Tag: b\n\n"

    assert counts(report(text), "tenant_id") == (0, 0, 1, 0)
