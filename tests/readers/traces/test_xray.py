"""X-Ray: every wrapper of a segment document, which subsegment is the call, and where fields stand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.readers import counts, field, keys, report

TRACE = "1-6aa8c000-eea0579642620d4b992e318f"
MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
HEADER = '{"format":"json","version":1}'


def request(number: str = "f0797acd0ea61584", operation: str = "Converse", **more: Any) -> dict[str, Any]:
    """The subsegment of a patched botocore (aws-xray-sdk 2.15.0)."""
    return {
        "id": number,
        "name": "bedrock-runtime",
        "namespace": "aws",
        "type": "subsegment",
        "in_progress": False,
        "start_time": 1789380000.608,
        "end_time": 1789380000.903,
        "aws": {
            "operation": operation,
            "region": "us-east-1",
            "request_id": f"11111111-2222-4333-8444-{number}",
        },
        "http": {"response": {"status": 200}},
    } | more


def segment(*subsegments: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A segment document of a service."""
    return {
        "id": "52ff11dfb2224ea3",
        "name": "support-desk",
        "trace_id": TRACE,
        "start_time": 1789380000.607,
        "end_time": 1789380000.904,
        "subsegments": list(subsegments),
    } | more


ONE = segment(request(annotations={"tenant_id": "acme"}))
TEXT = json.dumps(ONE)


def wrapped(*documents: str) -> dict[str, Any]:
    """What `aws xray batch-get-traces` prints."""
    held = [{"Id": f"{i:016x}", "Document": d} for i, d in enumerate(documents)]
    return {
        "Traces": [{"Id": TRACE, "Duration": 0.3, "LimitExceeded": False, "Segments": held}],
        "UnprocessedTraceIds": [],
    }


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        json.dumps(ONE, indent=2),
        f"{HEADER}\n{TEXT}\n",
        f"{HEADER}\n{TEXT}{HEADER}\n",
        json.dumps([ONE]),
        json.dumps(wrapped(TEXT), indent=4),
        json.dumps(wrapped(TEXT)["Traces"][0]),
        json.dumps({"Id": "52ff11dfb2224ea3", "Document": TEXT}),
    ],
    ids=["line", "pretty", "datagram", "datagrams", "array", "batch", "one-trace", "one-document"],
)
def test_every_wrapper_of_a_segment_is_opened(text: str) -> None:
    """Documents, datagrams and the CLI's output are one format; a datagram's header is no record."""
    found = report(text)

    assert ("xray", 2, 1, 0) == (
        found.inputs[0].format,
        found.inputs[0].records,
        found.totals.calls,
        found.inputs[0].skipped_total,
    )
    assert {("annotations.tenant_id", "span")} == keys(found, "tenant_id")
    assert (1, 0, 0, 0) == counts(found, "tenant_id")


@pytest.mark.parametrize(
    ("subsegment", "calls"),
    [
        (request(), 1),
        (request(operation="InvokeModelWithResponseStream"), 1),
        (request(operation="invokeModel", name="Bedrock Runtime"), 1),
        (request(operation="ApplyGuardrail"), 0),
        (request(operation="CountTokens"), 0),
        (request(operation="InvokeAgent", name="bedrock-agent-runtime"), 0),
        (request(operation="GetItem", name="DynamoDB"), 0),
        (request(in_progress=True), 0),
        (request(inferred=True), 0),
    ],
    ids=["converse", "stream", "js", "guardrail", "count", "agent", "other", "in-progress", "inferred"],
)
def test_a_request_that_invokes_a_model_is_the_call(subsegment: dict[str, Any], calls: int) -> None:
    """The service and its operation tell; what is not finished or only inferred is context."""
    text = json.dumps(segment(subsegment)) + "\n" + TEXT

    assert 1 + calls == report(text).totals.calls


@pytest.mark.parametrize(
    ("url", "calls"),
    [
        ("https://api.example.com/v1/chat/completions", 1),
        ("https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.nova-lite-v1%3A0/converse", 1),
        ("https://api.example.com/v1/models", 0),
        ("https://api.example.com/v1/chat/completions/log", 0),
    ],
)
def test_an_http_request_to_a_model_is_a_call(url: str, calls: int) -> None:
    """A traced HTTP client shows a call by its URL."""
    remote = request(name="api.example.com", namespace="remote", http={"request": {"url": url}})
    del remote["aws"]

    assert 1 + calls == report(json.dumps(segment(remote)) + "\n" + TEXT).totals.calls


def test_what_the_segment_says_stands_on_the_parent() -> None:
    """Annotations, metadata and the user of a segment are not the call's own."""
    said = {
        "annotations": {"tenant_id": "acme"},
        "metadata": {"app": {"workflow_id": "triage"}},
        "user": "u-42",
    }
    found = report(json.dumps(segment(request(), **said)))

    for name, key in (
        ("tenant_id", "annotations.tenant_id"),
        ("workflow_id", "metadata.app.workflow_id"),
        ("user_id", "user"),
    ):
        assert (0, 0, 1, 0) == counts(found, name)
        assert (key, "parent_span") in keys(found, name)


def test_a_subsegment_sent_alone_finds_its_segment() -> None:
    """Large segments are streamed in pieces, which are put together by their ids."""
    alone = request(trace_id=TRACE, parent_id="52ff11dfb2224ea3")
    found = report(json.dumps(alone) + "\n" + json.dumps(segment(annotations={"tenant_id": "acme"})))

    assert (0, 0, 1, 0) == counts(found, "tenant_id")


def test_the_request_s_client_tells_region_ids_and_outcome() -> None:
    """`aws` and `http` are about the last try of the call."""
    one = request(
        aws=request()["aws"] | {"retries": 1, "account_id": "123456789012"}, error=True, throttle=True
    )
    one |= {"http": {"response": {"status": 429}}, "cause": {"exceptions": [{"type": "ThrottlingException"}]}}
    found = report(json.dumps(segment(one)))

    assert {("aws.request_id", "attempt")} == keys(found, "attempt_id")
    assert {("aws.retries", "attempt")} == keys(found, "retry_count")
    for name in ("region", "status", "error_code", "account_id", "latency_ms"):
        assert (1, 0, 0, 0) == counts(found, name), name
    assert (0, 0, 1, 0) == counts(found, "request_id")


def test_the_sdk_carries_no_model_and_no_tokens() -> None:
    """What X-Ray's SDKs never write for Bedrock is not held against anyone."""
    found = report(TEXT)

    for name in ("model", "tokens_input", "tokens_output", "cost_usd", "iam_principal"):
        assert (0, 0, 0, 1) == counts(found, name), name


def test_spans_of_the_collector_bring_their_attributes() -> None:
    """The awsxray exporter writes attributes to metadata, or to annotations with `_` for dots."""
    meta = {
        "default": {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": MODEL,
            "gen_ai.usage.input_tokens": 12,
            "gen_ai.usage.output_tokens": 3,
            "http.request.header.x-tenant-id": ["acme"],
            "otel.resource.team.id": "support-ai",
        }
    }
    found = report(
        json.dumps(segment(name="chat", metadata=meta, annotations={"workflow_id": "triage"}, subsegments=[]))
    )

    assert (1, 15) == (found.totals.calls, found.totals.tokens)
    assert (1, 0, 0, 0) == counts(found, "model")
    assert (0, 0, 1, 0) == counts(found, "tenant_id")
    assert {("otel.resource.team.id", "process")} == keys(found, "team_id")
    indexed = {"gen_ai_operation_name": "chat", "gen_ai_request_model": MODEL, "otel_resource_team": "growth"}
    assert {("otel.resource.team", "process")} == keys(
        report(json.dumps(segment(annotations=indexed))), "team_id"
    )


def test_a_subsegment_with_the_usage_is_the_call_instead() -> None:
    """An application's own subsegment around one request counts once, with the ids of the request."""
    usage = {"tenant_id": "acme", "model": MODEL, "input_tokens": 12, "output_tokens": 3}
    outer = {"id": "00000000000000aa", "name": "llm_call", "annotations": usage, "subsegments": [request()]}
    found = report(json.dumps(segment(outer)))

    assert (3, 1, 15) == (found.inputs[0].records, found.totals.calls, found.totals.tokens)
    assert (1, 0, 0, 0) == counts(found, "tenant_id")
    assert {("subsegments[].aws.request_id", "attempt")} == keys(found, "attempt_id")


def test_several_requests_are_calls_of_their_own() -> None:
    """Usage that an outer segment added up over its requests is no call."""
    usage = {"model": MODEL, "input_tokens": 24, "output_tokens": 6}
    inner = [request(), request("f0797acd0ea61585")]
    outer = {"id": "00000000000000aa", "name": "agent", "annotations": usage, "subsegments": inner}

    assert (4, 2) == (
        report(json.dumps(segment(outer))).inputs[0].records,
        report(json.dumps(segment(outer))).totals.calls,
    )


def test_trace_summaries_are_context_and_say_so() -> None:
    """They hold no calls, and the report tells what to bring instead."""
    summary = {
        "Id": TRACE,
        "HasFault": True,
        "Annotations": {"tenant_id": [{"AnnotationValue": {"StringValue": "acme"}, "ServiceIds": []}]},
        "Users": [{"UserName": "u-42"}],
    }
    found = report(json.dumps({"TraceSummaries": [summary], "TracesProcessedCount": 1}))

    assert ("xray", 1, 0) == (found.inputs[0].format, found.inputs[0].context, found.totals.calls)
    assert any("batch-get-traces" in note for note in found.inputs[0].notes)


@pytest.mark.parametrize("document", ["{", "[]", "7", json.dumps({"subsegments": [1, {"subsegments": "x"}]})])
def test_a_broken_document_costs_only_itself(document: str) -> None:
    """What is no segment is counted as a skip, or is context; the others are read."""
    found = report(json.dumps(wrapped(TEXT, document)))

    assert 1 == found.totals.calls
    assert 3 == found.inputs[0].records + found.inputs[0].skipped_total - ("subsegments" in document)


def test_fields_of_other_types_raise_nothing() -> None:
    """Annotations, http, aws and cause of odd types are taken for nothing."""
    odd = request(
        annotations=[1], metadata="x", http=[], cause="0123456789abcdef", start_time="now", end_time=True
    )
    found = report(json.dumps(segment(odd, aws=None, user=None, metadata={"a": 1, "b": [1]})))

    assert 1 == field(found, "trace_id").present
