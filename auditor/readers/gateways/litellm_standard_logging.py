"""LiteLLM StandardLoggingPayload: what its callbacks, S3, GCS and SQS loggers write, one object a call.

Attempts are records of their own: each has its own `litellm_call_id` and shares the `trace_id`, which
without a caller's `traceparent` is made up, or is the session's. Client metadata survives as
`requester_metadata` only behind the proxy; in the SDK only `spend_logs_metadata` and tags do.
`response_cost` is US dollars, `response_time` seconds. A success carries the AWS request id among the
headers of the provider's answer, a failure in `error_information`. A client that left a stream is a success
with error code 499 and estimated tokens. Payloads never carry the IAM principal or AWS tags.

The reader never reads `messages`, `response` or `traceback`.
"""

from __future__ import annotations

from typing import Any

from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.readers.contract import RecordReader
from auditor.readers.gateways.litellm import CARRIES, begin, put, put_common, put_error, put_fallbacks
from auditor.readers.shared.named_keys import Named, put_named
from auditor.readers.shared.nested import mapping

NAMES = {
    "response_cost": Named("cost_usd", "gateway_record"),
    "trace_id": Named("trace_id", "trace"),
    "id": Named("response_id", "attempt"),
}
HEADERS = (
    ("llm_provider-x-amzn-requestid", "attempt_id", "attempt"),
    ("x-amzn-requestid", "attempt_id", "attempt"),
    ("x-litellm-attempted-retries", "retry_count", "gateway_record"),
    ("x-litellm-model-region", "region", "request"),
)
WRAPPERS = ("standard_logging_object", "standard_logging_payload")


def match(record: dict[str, Any]) -> float:
    """The call id or cost with the payload's own keys."""
    keys = record.keys()
    if "standard_logging_object" in keys or "standard_logging_payload" in keys:
        return 1.0
    if "spend" in keys:
        return 0.0
    if "litellm_call_id" in keys and keys & {"response_cost", "hidden_params", "model_map_information"}:
        return 1.0
    return 0.9 if {"response_cost", "model_group", "metadata"} <= keys else 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One payload, alone or in the arguments of a callback."""
    for name in WRAPPERS:
        inner = mapping(record.get(name))
        if inner:
            record, pointer = inner, f"{pointer or ''}/{name}"
            break
    metadata = mapping(record.get("metadata"))
    row = begin(record, metadata, builder, offset, pointer)
    put_common(record, metadata, builder, row)
    put_named(builder, row, record, NAMES)
    parameters = mapping(record.get("model_parameters"))
    if parameters.get("user"):
        put(builder, row, "user_id", "gateway_record", "model_parameters.user", parameters["user"], 20)
    _hidden(mapping(record.get("hidden_params")), builder, row)
    put_error(mapping(record.get("error_information")), builder, row, "error_information")
    if isinstance(record.get("response_time"), (int, float)):
        column = builder.column("latency_ms", "request", "response_time", scale=1000.0)
        column.put(row, record["response_time"])


def _hidden(hidden: dict[str, Any], builder: Builder, row: int) -> None:
    """The deployment's model and the headers that LiteLLM kept of the provider's answer."""
    if hidden.get("litellm_model_name"):
        key = "hidden_params.litellm_model_name"
        put(builder, row, "model", "request", key, hidden["litellm_model_name"], 20)
    headers = mapping(hidden.get("additional_headers"))
    if headers:
        put_fallbacks(builder, row, headers.get("x-litellm-attempted-fallbacks"))
    for rank, (name, field, scope) in enumerate(HEADERS):
        if headers.get(name) is not None:
            put(
                builder, row, field, scope, f'hidden_params.additional_headers["{name}"]', headers[name], rank
            )


FORMAT = Format(
    name="litellm-standard-logging",
    layer="gateway",
    title="LiteLLM standard logging payload",
    carries=CARRIES,
    get="""Add a callback that writes `kwargs["standard_logging_object"]`, or set `callbacks: ["s3_v2"]` \
in the proxy's
`litellm_settings` and copy the objects: `aws s3 cp --recursive s3://BUCKET/litellm/ .`""",
)
READERS = (RecordReader(format=FORMAT, match=match, take=take),)
