"""The open-source Portkey gateway's log stream: events, tries, what it drops and what it keeps."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auditor.report.schema import Report
from tests.readers import counts, keys, report

MODEL = "anthropic.claude-3-haiku-20240307-v1:0"
USAGE = {"inputTokens": 12, "outputTokens": 5, "totalTokens": 17, "cacheReadInputTokens": 3}


def option(model: str = MODEL, **changes: Any) -> dict[str, Any]:
    """One try, as @portkey-ai/gateway 1.15.2 writes it for Bedrock."""
    return {
        "providerOptions": {
            "provider": "bedrock",
            "awsRegion": "us-east-1",
            "awsSecretAccessKey": "fake",
            "overrideParams": {},
            "requestURL": f"https://bedrock-runtime.us-east-1.amazonaws.com/model/{model}/converse",
            "rubeusURL": "chatComplete",
        },
        "finalUntransformedRequest": {"body": {"model": model}},
        "createdAt": "2026-11-21T07:14:28.724Z",
        "cacheStatus": "DISABLED",
        "executionTime": 10,
        "transformedRequest": {"body": {"messages": []}, "headers": {"content-type": "application/json"}},
        "originalResponse": {"body": {"usage": USAGE, "tenant_id": "from-the-answer"}},
        **changes,
    }


def entry(*options: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """One entry of the log."""
    return {
        "time": "11/21/2026, 7:14:28 AM",
        "method": "POST",
        "endpoint": "/v1/chat/completions",
        "status": 200,
        "duration": 11,
        "requestOptions": list(options),
        **changes,
    }


def stream(*entries: dict[str, Any]) -> Report:
    """The report on a log stream, with the connection's own events around the entries."""
    events = [f"event: log\ndata: {json.dumps(e)}\nid: {i}\n" for i, e in enumerate(entries)]
    text = "\n".join(["event: connected\ndata: 1795245264620\n", *events, "event: heartbeat\ndata: pulse\n"])
    return report(text)


def test_a_bedrock_entry_is_read_whole() -> None:
    """Model from the URL, region, provider, native usage and latency of the try."""
    found = stream(entry(option()))

    assert ("portkey-gateway-log", 1, 0) == (
        found.inputs[0].format,
        found.inputs[0].calls,
        found.inputs[0].skipped_total,
    )
    assert {("requestOptions.providerOptions.requestURL", "request")} == keys(found, "model")
    assert {("requestOptions.providerOptions.awsRegion", "request")} == keys(found, "region")
    assert {("requestOptions.executionTime", "request")} == keys(found, "latency_ms")
    for name in ("provider", "tokens_input", "tokens_output", "tokens_cache_read", "status"):
        assert (1, 0, 0, 0) == counts(found, name), name
    for name in ("cost_usd", "iam_principal", "principal_tags", "account_id", "trace_id"):
        assert (0, 0, 0, 1) == counts(found, name), name


def test_an_answer_in_the_log_is_no_evidence() -> None:
    """What the model said, and what came in Portkey's metadata header, names no tenant."""
    assert (0, 1, 0, 0) == counts(stream(entry(option())), "tenant_id")


@pytest.mark.parametrize(
    ("request_", "field", "key"),
    [
        (
            {"body": {"model": MODEL, "metadata": {"tenant_id": "acme"}}},
            "tenant_id",
            "body.metadata.tenant_id",
        ),
        ({"body": {"model": MODEL, "user": "u-42"}}, "user_id", "body.user"),
        ({"body": {}, "headers": {"x-tenant-id": "acme"}}, "tenant_id", "headers.x-tenant-id"),
        ({"body": {}, "headers": {"x-request-id": "req-7"}}, "request_id", "headers.x-request-id"),
    ],
)
def test_what_the_application_puts_into_the_request_is_kept(
    request_: dict[str, Any], field: str, key: str
) -> None:
    """Body parameters and forwarded headers stand in the gateway's own record."""
    found = stream(entry(option(transformedRequest=request_)))

    assert (1, 0, 0, 0) == counts(found, field)
    assert {(f"requestOptions.transformedRequest.{key}", "gateway_record")} == keys(found, field)


def test_redacted_headers_are_no_value() -> None:
    """Newer gateways write a placeholder for each header."""
    headers = {"x-tenant-id": "[REDACTED]", "x-request-id": "[REDACTED]"}
    found = stream(entry(option(transformedRequest={"body": {}, "headers": headers})))

    assert (0, 1, 0, 0) == counts(found, "tenant_id")
    assert (0, 1, 0, 0) == counts(found, "request_id")


def test_a_fallback_is_two_attempts_of_one_call() -> None:
    """The first try failed; the answer beside it is the second's; the two share no id."""
    refused = {"body": {"error": {"message": "slow down", "code": "429"}}}
    answer = {
        "id": "chatcmpl-fake3",
        "model": "gpt-4o",
        "usage": {"prompt_tokens": 12, "completion_tokens": 5},
    }
    found = stream(
        entry(
            option(originalResponse=refused, response=answer),
            option(originalResponse={"body": answer}, createdAt="2026-11-21T07:14:28.736Z", response={}),
        )
    )

    assert (2, 0) == (found.inputs[0].calls, found.inputs[0].context)
    assert (1, 0, 0, 1) == counts(found, "tokens_input")
    assert (0, 1, 1, 0) == counts(found, "request_id")
    assert (1, 1, 0, 0) == counts(found, "error_code")


def test_a_stream_has_no_usage() -> None:
    """The gateway keeps no answer of a stream: its tokens are a gap."""
    body = {"model": MODEL, "stream": True}
    found = stream(entry(option(transformedRequest={"body": body}, originalResponse={})))

    assert (0, 1, 0, 0) == counts(found, "tokens_input")
    assert "USE004" in {g.rule for g in found.gaps}


def test_a_failed_call_has_no_usage_to_miss() -> None:
    """Status 429 of the only try: tokens are not carried."""
    refused = {"body": {"error": {"message": "slow down", "type": "rate_limit"}}}
    found = stream(entry(option(originalResponse=refused), status=429))

    assert (0, 0, 0, 1) == counts(found, "tokens_output")


@pytest.mark.parametrize(
    "operation", ["uploadFile", "listFiles", "retrieveBatch", "createBatch", "createFinetune"]
)
def test_files_and_batches_are_context(operation: str) -> None:
    """They run no model."""
    chore = option()
    chore["providerOptions"]["rubeusURL"] = operation
    found = stream(entry(option()), entry(chore))

    assert (1, 1) == (found.inputs[0].calls, found.inputs[0].context)


def test_a_gateway_answer_from_its_cache_is_marked() -> None:
    """A hit costs nothing and is no zero usage."""
    found = stream(entry(option(cacheStatus="HIT", originalResponse={"body": {"usage": {"inputTokens": 0}}})))

    assert "USE024" not in {g.rule for g in found.gaps}


@pytest.mark.parametrize("prefix", ["", "data: "])
def test_lines_without_events_around_them_are_read_too(prefix: str) -> None:
    """JSON lines, and lines picked out of the stream."""
    line = prefix + json.dumps(entry(option()))
    found = report(f"{line}\n{line}\n")

    assert ("portkey-gateway-log", 2) == (found.inputs[0].format, found.inputs[0].calls)


def test_an_event_cut_short_is_a_skip_with_its_line() -> None:
    """The rest of the stream is read."""
    whole = json.dumps(entry(option()))
    found = report(f"event: log\ndata: {whole}\nid: 0\n\nevent: log\ndata: {whole[:200]}\n")

    assert (1, 1) == (found.inputs[0].calls, found.inputs[0].skipped_total)
    assert 6 == found.inputs[0].skipped[0].line
