"""CloudWatch's log group `aws/spans`: plain lines, and what its interfaces put around them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.readers import counts, keys, report

TRACE = "68d7" + "0" * 28
MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
USAGE = {"gen_ai.usage.input_tokens": 12, "gen_ai.usage.output_tokens": 3}
CALL = {"gen_ai.operation.name": "chat", "gen_ai.request.model": MODEL}


def record(own: int, parent: int | None, attributes: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """One span; `changed` are its own keys."""
    return {
        "resource": {"attributes": {"service.name": "claims.DEFAULT", "cloud.region": "us-west-2"}},
        "scope": {"name": "opentelemetry.instrumentation.botocore.bedrock-runtime"},
        "traceId": TRACE, "spanId": f"{own:016x}", "parentSpanId": f"{parent:016x}" if parent else None,
        "name": "chat", "kind": "CLIENT", "startTimeUnixNano": 1789380000000000000,
        "endTimeUnixNano": 1789380000900000000, "durationNano": 900000000, "attributes": attributes,
        "status": {"code": "UNSET"},
    } | changed  # fmt: skip


SPANS = [
    record(1, None, {"tenant.id": "acme"}, name="POST /invocations", kind="SERVER"),
    record(2, 1, CALL | USAGE | {"gen_ai.system": "strands-agents"}, kind="INTERNAL"),
    record(3, 2, CALL | USAGE | {"aws.request_id": "11111111-2222-4333-8444-000000000001"}),
]
ANSWERS = {
    "lines": "\n".join(map(json.dumps, SPANS)),
    "filter-log-events": json.dumps({
        "events": [
            {"logStreamName": "default", "timestamp": 1, "message": json.dumps(s), "eventId": str(i)}
            for i, s in enumerate(SPANS)
        ]
    }),
    "insights": json.dumps({
        "results": [[{"field": "@message", "value": json.dumps(s)}] for s in SPANS], "status": "Complete"
    }),
    "list-retrieved-traces": json.dumps({
        "RetrievalStatus": "COMPLETE", "TraceFormat": "OTEL",
        "Traces": [{"Id": TRACE, "Spans": [{"Id": s["spanId"], "Document": json.dumps(s)} for s in SPANS]}],
    }),
}  # fmt: skip


@pytest.mark.parametrize("text", ANSWERS.values(), ids=ANSWERS)
def test_one_call_in_any_envelope(text: str) -> None:
    """The SDK's span is the call; the framework's around it and the server's are context."""
    found = report(text)

    assert (1, 3) == (found.inputs[0].calls, found.inputs[0].records)
    assert (1, 0, 0, 0) == counts(found, "tokens_input")
    assert (0, 0, 1, 0) == counts(found, "tenant_id")
    assert (1, 0, 0, 0) == counts(found, "latency_ms")


def test_what_aws_adds_is_no_value() -> None:
    """The agent's environment and the account of the credentials say nothing of who pays."""
    added = {"aws.local.environment": "bedrock-agentcore:default", "aws.auth.account.access_key": "AKIAFAKE"}

    assert not keys(report(json.dumps(record(1, None, CALL | USAGE | added))), "environment")


def test_an_event_and_a_failure_are_read() -> None:
    """Maps of events as in OTLP; the status is a word. The other call sees the tenant elsewhere."""
    named = record(1, None, CALL | USAGE, events=[{"name": "a", "attributes": {"tenant.id": "acme"}}])
    failed = record(2, None, CALL, status={"code": "ERROR"})
    found = report("\n".join(map(json.dumps, [named, failed])))

    assert (1, 0, 1, 0) == counts(found, "tenant_id")
    assert (1, 0, 0, 1) == counts(found, "tokens_input")


def test_a_segment_among_retrieved_traces_is_read_as_one() -> None:
    """The same interface hands out segments of X-Ray; text that is no JSON is a skip."""
    segment = {
        "id": "00000000000000a1", "trace_id": "1-68d70000-000000000000000000000000", "name": "claims",
        "start_time": 1789380000.0, "end_time": 1789380001.0,
    }  # fmt: skip
    documents = [json.dumps(segment), json.dumps(SPANS[2]), "cut off"]
    text = json.dumps({"Traces": [{"Id": TRACE, "Spans": [{"Document": d} for d in documents]}]})
    found = report(text)

    assert (1, 2, 1) == (found.inputs[0].calls, found.inputs[0].records, found.inputs[0].skipped_total)
