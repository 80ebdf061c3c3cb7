"""LiteLLM StandardLoggingPayload: what its callbacks, S3, GCS and SQS loggers write, one object a call.

Attempts are records of their own: each has its own `litellm_call_id` and shares the `trace_id`. Client
metadata survives as `requester_metadata` only behind the proxy; in the SDK only `spend_logs_metadata` and
tags do. Payloads never carry the IAM principal or AWS tags.
"""

from __future__ import annotations

from typing import Any

from auditor.evidence import Builder
from auditor.readers import Reader
from auditor.readers._litellm import CARRIES, begin, common, opened, put

AWS_IDS = ("llm_provider-x-amzn-requestid", "x-amzn-requestid")


def match(record: dict[str, Any]) -> float:
    """The call id or cost with the payload's own keys."""
    keys = set(record)
    if "spend" in keys:
        return 0.0
    if "litellm_call_id" in keys and keys & {"response_cost", "hidden_params", "model_map_information"}:
        return 1.0
    if {"response_cost", "model_group", "metadata"} <= keys:
        return 0.9
    return 0.85 if "standard_logging_object" in keys else 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One payload."""
    inner = record.get("standard_logging_object")
    if isinstance(inner, dict):
        record, pointer = inner, f"{pointer}/standard_logging_object"
    row = begin(record, builder, offset, pointer, "litellm-standard-logging")
    common(record, builder, row)
    put(builder, row, "cost_usd", "gateway_record", "response_cost", record.get("response_cost"))
    put(builder, row, "trace_id", "trace", "trace_id", record.get("trace_id"))
    put(builder, row, "response_id", "attempt", "id", record.get("id"))
    parameters = opened(record.get("model_parameters"))
    if parameters.get("user"):
        put(builder, row, "user_id", "gateway_record", "model_parameters.user", parameters["user"], 20)
    headers = opened(opened(record.get("hidden_params")).get("additional_headers"))
    for rank, name in enumerate(AWS_IDS):
        if headers.get(name):
            key = f'hidden_params.additional_headers["{name}"]'
            put(builder, row, "attempt_id", "attempt", key, headers[name], rank)
    error = opened(record.get("error_information"))
    if error.get("error_code") or error.get("error_class"):
        code = error.get("error_code") or error["error_class"]
        put(builder, row, "error_code", "attempt", "error_information.error_code", code)
    if isinstance(record.get("response_time"), (int, float)):
        column = builder.column("latency_ms", "request", "response_time", scale=1000.0)
        column.put(row, record["response_time"])


READER = Reader(
    name="litellm-standard-logging",
    layer="gateway",
    title="LiteLLM standard logging payload",
    carries=CARRIES,
    get="""Add a callback that writes `kwargs["standard_logging_object"]`, or set `callbacks: ["s3_v2"]` \
in the proxy's
`litellm_settings` and copy the objects: `aws s3 cp --recursive s3://BUCKET/litellm/ .`""",
    match=match,
    take=take,
)
