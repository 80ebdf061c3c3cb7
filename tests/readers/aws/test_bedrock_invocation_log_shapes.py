"""Invocation logs: every container gives the same record."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from tests.readers import counts, report
from tests.support.spans import MODEL

INVOCATION = {
    "schemaType": "ModelInvocationLog", "schemaVersion": "1.0", "timestamp": "2026-09-14T10:00:03Z",
    "accountId": "123456789012", "identity": {"arn": "arn:aws:sts::123456789012:assumed-role/Gateway/llm-gw"},
    "region": "us-east-1", "requestId": "11111111-2222-4333-8444-555555555555", "operation": "Converse",
    "modelId": MODEL, "requestMetadata": {"tenant_id": "acme"},
    "input": {"inputTokenCount": 120, "inputBodyJson": {"messages": [{"text": '"latencyMs": 1'}]}},
    "output": {"outputTokenCount": 45, "outputBodyJson": {"metrics": {"latencyMs": 912}}},
}  # fmt: skip


def lower(value: Any) -> Any:
    """As Athena writes names."""
    return {k.lower(): lower(v) for k, v in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize(
    "data",
    [
        json.dumps(INVOCATION).encode(),
        json.dumps(INVOCATION, indent=1).encode(),
        json.dumps([INVOCATION]).encode(),
        gzip.compress(json.dumps(INVOCATION).encode()),
        json.dumps({"events": [{"timestamp": 1, "message": json.dumps(INVOCATION)}]}).encode(),
        json.dumps({"logEvents": [{"id": "1", "message": json.dumps(INVOCATION)}], "owner": "1"}).encode(),
        f"2026-09-14T10:00:03Z\t{json.dumps(INVOCATION)}\n".encode(),
        json.dumps(INVOCATION | {"identity": [INVOCATION["identity"]]}).encode(),
    ],
    ids=["line", "indented", "array", "gzip", "filter-log-events", "subscription", "console copy",
         "crawled identity"],
)  # fmt: skip
def test_an_invocation_is_read_from_s3_and_from_cloudwatch(data: bytes) -> None:
    """One call with its metadata, tokens, principal and the service's own latency."""
    found = report(data)
    assert ("bedrock-invocation-log", 1) == (found.inputs[0].format, found.inputs[0].calls)
    for name in (
        "tenant_id",
        "tokens_input",
        "tokens_output",
        "iam_principal",
        "region",
        "model",
        "latency_ms",
    ):
        assert (1, 0, 0, 0) == counts(found, name), name
    assert (0, 0, 0, 1) == counts(found, "cost_usd")


def test_an_operation_that_is_no_inference_is_context() -> None:
    """Listing models costs nothing."""
    found = report(json.dumps(INVOCATION) + "\n" + json.dumps(INVOCATION | {"operation": "ListModels"}))
    assert (1, 1) == (found.inputs[0].calls, found.inputs[0].context)


# -- bill ----------------------------------------------------------------------------------------------------
