"""The Bedrock invocation log: every container and spelling of a record, and where its tokens may stand."""

from __future__ import annotations

import csv
import gzip
import io
import json
from typing import Any

import pytest

from tests.readers import counts, field, keys, report

ARN = "arn:aws:sts::123456789012:assumed-role/GatewayRole/llm-gw"
MODEL = "anthropic.claude-3-haiku-20240307-v1:0"


def record(**other: Any) -> dict[str, Any]:
    """One record, as the documentation shows it."""
    return {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": "2026-09-14T10:00:03Z",
        "accountId": "123456789012",
        "identity": {"arn": ARN},
        "region": "us-east-1",
        "requestId": "11111111-2222-4333-8444-555555555555",
        "operation": "Converse",
        "modelId": MODEL,
        "inferenceRegion": "us-west-2",
        "requestMetadata": {"tenant_id": "acme", "request_id": "req-0001"},
        "input": {
            "inputContentType": "application/json",
            "inputTokenCount": 120,
            "cacheReadInputTokenCount": 9,
        },
        "output": {"outputContentType": "application/json", "outputTokenCount": 45},
    } | other


def lines(*records: dict[str, Any]) -> str:
    """Records as S3 holds them."""
    return "".join(json.dumps(r) + "\n" for r in records)


def lowered(value: Any) -> Any:
    """Keys in lower case, as a crawled table has them."""
    if isinstance(value, dict):
        return {k.lower() if k != "tenant_id" else k: lowered(v) for k, v in value.items()}
    return value


def athena() -> str:
    """One row of a query, structures as Athena writes them into CSV."""
    row = {
        "schematype": "ModelInvocationLog",
        "timestamp": "2026-09-14T10:00:03Z",
        "accountid": "123456789012",
        "identity": f"{{arn={ARN}}}",
        "region": "us-east-1",
        "requestid": "11111111-2222-4333-8444-555555555555",
        "operation": "Converse",
        "modelid": MODEL,
        "requestmetadata": "{tenant_id=acme, request_id=req-0001}",
        "input": "{inputcontenttype=application/json, inputbodyjson=null, inputtokencount=120}",
        "output": "{outputcontenttype=application/json, outputtokencount=45}",
    }
    out = io.StringIO()
    writer = csv.DictWriter(out, list(row))
    writer.writeheader()
    writer.writerow(row)
    return out.getvalue()


CONTAINERS: dict[str, str | bytes] = {
    "JSON lines": lines(record()),
    "one record": json.dumps(record(), indent=2),
    "array": json.dumps([record()]),
    "lower case": lines(lowered(record())),
    "crawled": lines(lowered(record()) | {"identity": [{"arn": ARN}]}),
    "metadata as text": lines(
        lowered(record()) | {"requestmetadata": '{"tenant_id": "acme", "request_id": "r"}'}
    ),
    "counts as text": lines(
        record(
            input={"inputTokenCount": "120", "cacheReadInputTokenCount": "9"},
            output={"outputTokenCount": "45"},
        )
    ),
    "Athena CSV": athena(),
    "filter-log-events": json.dumps({"events": [{"timestamp": 1, "message": json.dumps(record())}]}),
    "subscription": json.dumps(
        {"messageType": "DATA_MESSAGE", "logEvents": [{"id": "1", "message": json.dumps(record())}]}
    ),
    "aws logs tail": "2026-09-14T10:00:03+00:00 aws/bedrock/modelinvocations " + json.dumps(record()),
    "gzip": gzip.compress(lines(record()).encode()),
    "console copy": f"2026-09-14T10:00:03Z\t{lines(record())}",
    "no schema type": lines({k: v for k, v in record().items() if not k.startswith("schema")}),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_record_is_found_in_every_container(name: str) -> None:
    """Whatever wraps or spells it, it is one call with everything it says."""
    found = report(CONTAINERS[name])

    assert ("bedrock-invocation-log", 1, 165) == (
        found.inputs[0].format,
        found.totals.calls,
        found.totals.tokens - field(found, "tokens_cache_read").present * 9,
    )
    assert {("requestMetadata.tenant_id", "request_metadata")} == keys(found, "tenant_id")
    assert ("requestMetadata.request_id", "request_metadata") in keys(found, "request_id")
    for one in ("model", "region", "iam_principal", "account_id", "attempt_id"):
        assert (1, 0, 0, 0) == counts(found, one), one


METRICS = {"inputTokenCount": 9, "outputTokenCount": 4, "invocationLatency": 210, "firstByteLatency": 99}
BODIES = {
    "Converse": {"usage": {"inputTokens": 9, "outputTokens": 4}, "metrics": {"latencyMs": 210}},
    "InvokeModel": {"usage": {"input_tokens": 9, "output_tokens": 4}},
    "stream": [{"type": "message_start"}, {"type": "stop", "amazon-bedrock-invocationMetrics": METRICS}],
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("whole", [True, False])
def test_usage_in_a_body_counts_where_the_record_has_none(name: str, whole: bool) -> None:
    """The service's own counts are the better ones; without them the body speaks."""
    bare = record(input={}, output={"outputBodyJson": BODIES[name]})
    found = report(json.dumps(bare, indent=1) if whole else lines(bare, bare))

    assert 13 * found.totals.distinct_calls == found.totals.tokens
    assert all(key.startswith("output.outputBodyJson") for key, _ in keys(found, "tokens_input"))


def test_usage_in_a_body_is_not_read_beside_the_records_own_counts() -> None:
    """A count of zero is a count."""
    counted = record(
        input={"inputTokenCount": 0}, output={"outputTokenCount": 0, "outputBodyJson": BODIES["Converse"]}
    )

    assert 0 == report(lines(counted)).totals.tokens


@pytest.mark.parametrize("name", ["Converse", "stream"])
def test_latency_stands_in_a_body_or_nowhere(name: str) -> None:
    """With bodies off the log has no latency, and could have."""
    found = report(lines(record(output={"outputTokenCount": 4, "outputBodyJson": BODIES[name]}), record()))

    assert (1, 1, 0, 0) == counts(found, "latency_ms")


def test_latency_in_the_words_of_a_prompt_is_none() -> None:
    """Quotes inside a prompt are escaped, so that no prompt is taken for the service's own metrics."""
    prompt = {"messages": [{"text": '"latencyMs": 1'}]}
    found = report(lines(record(input={"inputTokenCount": 120, "inputBodyJson": prompt})))

    assert (0, 1, 0, 0) == counts(found, "latency_ms")


@pytest.mark.parametrize(
    "name", ["cost_usd", "session_tags", "principal_tags", "resource_tags", "retry_count"]
)
def test_a_record_never_carries(name: str) -> None:
    """What the log cannot hold is nobody's fault."""
    assert {"by_format": 1} == field(report(lines(record())), name).causes


@pytest.mark.parametrize(
    ("other", "calls"),
    [
        ({"operation": "InvokeModelWithResponseStream"}, 1),
        ({"operation": "ListModels"}, 0),
        ({"operation": None}, 1),
        ({"operation": None, "modelId": None}, 1),
        ({"operation": None, "modelId": None, "input": None, "output": None}, 0),
    ],
)
def test_an_inference_is_told_by_its_operation_else_by_what_it_used(
    other: dict[str, Any], calls: int
) -> None:
    """Other operations are context."""
    found = report(lines(record(), record(**other)))

    assert (calls + 1, 2) == (found.totals.calls, found.inputs[0].records)


def test_a_failed_call_has_no_tokens_and_no_fault() -> None:
    """Bodies may lie in S3; the references are never followed."""
    path = "s3://fake-bucket/data/x_input.json.gz"
    failed = record(
        errorCode="ThrottlingException", input={"inputTokenCount": 0, "inputBodyS3Path": path}, output=None
    )
    found = report(lines(failed))

    assert {"failed_call": 1} == field(found, "tokens_input").causes
    assert {("errorCode", "attempt")} == keys(found, "error_code")


@pytest.mark.parametrize(
    "other", [{"identity": None}, {"identity": {}}, {"identity": []}, {"requestMetadata": None}]
)
def test_missing_parts_do_no_harm(other: dict[str, Any]) -> None:
    """A record without its caller or metadata is still a call."""
    assert 2 == report(lines(record(), record(**other))).totals.calls


@pytest.mark.parametrize(
    "other", [{"identity": 3}, {"input": "x"}, {"requestMetadata": [1]}, {"output": [2]}]
)
def test_a_record_of_another_shape_is_a_skip_or_a_call(other: dict[str, Any]) -> None:
    """It is never an exception, and never lost."""
    told = report(lines(record(), record(**other))).inputs[0]

    assert 2 == told.records + told.skipped_total


def test_records_of_another_log_beside_it_are_read_as_such() -> None:
    """A paste may hold both."""
    event = {
        "eventVersion": "1.11",
        "eventSource": "bedrock.amazonaws.com",
        "eventName": "Converse",
        "eventTime": "2026-09-14T10:00:03Z",
        "userIdentity": {"arn": ARN},
        "requestParameters": {"modelId": MODEL},
    }
    found = report(lines(record(), event))

    assert 2 == found.totals.calls
    assert ("requestParameters.modelId", "request") in keys(found, "model")


@pytest.mark.parametrize("form", ["lines", "array"])
def test_a_log_store_may_flatten_the_record(form: str) -> None:
    """Dotted names beside the schema's own are the record's inner keys."""
    flat: dict[str, Any] = {}
    for key, value in record().items():
        inner = value if isinstance(value, dict) else None
        flat |= {f"{key}.{k}": v for k, v in inner.items()} if inner else {key: value}
    found = report(lines(flat) if form == "lines" else json.dumps([flat]))
    assert [i.format for i in found.inputs] == ["bedrock-invocation-log"]
    for name in ("tenant_id", "request_id", "model", "region", "tokens_input", "iam_principal"):
        assert (1, 0, 0, 0) == counts(found, name), name
