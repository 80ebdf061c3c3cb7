"""What LiteLLM's two row shapes have in common: identity in metadata, tags, ids, and cost.

It never reads `messages`, `response` or the proxied request.
"""

from __future__ import annotations

from typing import Any

from auditor.evidence import Builder
from auditor.readers._nested import leaves, opened_text, put_nested
from auditor.readers._objects import to_ns

# keys of `metadata` that say whose virtual key it was: one value a key, not a request
CREDENTIAL = {
    "user_api_key_team_id": "team_id",
    "user_api_key_team_alias": "team_id",
    "team_id": "team_id",
    "team_alias": "team_id",
    "user_api_key_user_id": "user_id",
    "user_api_key_user_email": "user_id",
}
OPEN = ("spend_logs_metadata", "requester_metadata")


def opened(value: Any) -> dict[str, Any]:
    """A mapping that may be JSON text."""
    if isinstance(value, str):
        value = opened_text(value)
    return value if isinstance(value, dict) else {}


def begin(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None, fmt: str) -> int:
    """The row of one LiteLLM record: always a call."""
    failed = str(record.get("status") or "").lower() in ("failure", "error")
    row = builder.row(
        "call",
        offset=offset,
        pointer=pointer,
        started_at=to_ns(record.get("startTime")),
        ended_at=to_ns(record.get("endTime")),
        name=str(record.get("call_type") or ""),
        outcome="error" if failed else None,
        fmt=fmt,
    )
    builder.fact("operation").put(row, str(record.get("call_type") or "").removeprefix("a"))
    if record.get("cache_hit") is not None:
        builder.fact("cache_hit").put(row, str(record["cache_hit"]).lower() == "true")
    if record.get("stream") is not None:
        builder.fact("stream").put(row, str(record["stream"]).lower() == "true")
    if record.get("api_base"):
        builder.fact("endpoint").put(row, str(record["api_base"]))
    return row


def put(builder: Builder, row: int, field: str, scope: str, key: str, value: Any, rank: int = 0) -> None:
    """One value under a key that the card names; nothing at all is no key."""
    builder.column(field, scope, key, rank=rank).put(row, value)


def common(record: dict[str, Any], builder: Builder, row: int) -> dict[str, Any]:
    """What both shapes carry; returns the opened metadata."""
    metadata = opened(record.get("metadata"))
    put(builder, row, "model", "request", "model", record.get("model"))
    put(builder, row, "provider", "request", "custom_llm_provider", record.get("custom_llm_provider"))
    put(builder, row, "tokens_input", "request", "prompt_tokens", record.get("prompt_tokens"))
    put(builder, row, "tokens_output", "request", "completion_tokens", record.get("completion_tokens"))
    put(builder, row, "tokens_total", "request", "total_tokens", record.get("total_tokens"))
    put(builder, row, "status", "attempt", "status", record.get("status"))
    put(builder, row, "request_id", "request", "litellm_call_id", record.get("litellm_call_id"))
    if record.get("session_id"):
        put(builder, row, "session_id", "gateway_record", "session_id", record["session_id"])
    end_user = record.get("end_user") or metadata.get("user_api_key_end_user_id")
    put(builder, row, "user_id", "gateway_record", "end_user", end_user)
    if record.get("agent_id"):
        put(builder, row, "workflow_id", "gateway_record", "agent_id", record["agent_id"], 50)
    _tags(record.get("request_tags"), builder, row)
    _metadata(metadata, builder, row)
    breakdown = opened(record.get("cost_breakdown")) or opened(metadata.get("cost_breakdown"))
    if breakdown.get("total_cost") is not None:
        builder.fact("cost_total").put(row, round(float(breakdown["total_cost"]) * 1e9))
    _cache(metadata, builder, row)
    return metadata


def _tags(tags: Any, builder: Builder, row: int) -> None:
    if isinstance(tags, str):
        tags = opened_text(tags)
    if isinstance(tags, list):
        for path, _, leaf in leaves([str(t) for t in tags], "request_tags"):
            column = builder.keys("gateway_record")[path] if path != "request_tags" else None
            if column is not None:
                column.put(row, leaf)


def _metadata(metadata: dict[str, Any], builder: Builder, row: int) -> None:
    for rank, (key, field) in enumerate(CREDENTIAL.items()):
        if metadata.get(key):
            put(builder, row, field, "credential", f"metadata.{key}", metadata[key], 100 + rank)
    for key in OPEN:
        if metadata.get(key):
            put_nested(builder, row, f"metadata.{key}", opened(metadata[key]), "gateway_record")
    headers = opened(metadata.get("requester_custom_headers"))
    for name, value in headers.items():
        # the gateway persisted the header in its own record: that is evidence
        column = builder.keys("gateway_record", "metadata.requester_custom_headers.")[name]
        if column is not None:
            column.put(row, value)
    if metadata.get("attempted_retries") is not None:
        put(
            builder,
            row,
            "retry_count",
            "gateway_record",
            "metadata.attempted_retries",
            metadata["attempted_retries"],
        )
    error = opened(metadata.get("error_information"))
    if error.get("error_code") or error.get("error_class"):
        code = error.get("error_code") or error.get("error_class")
        put(builder, row, "error_code", "attempt", "metadata.error_information.error_code", code)
    if error.get("error_provider_request_id"):
        key = "metadata.error_information.error_provider_request_id"
        put(builder, row, "attempt_id", "attempt", key, error["error_provider_request_id"])


def _cache(metadata: dict[str, Any], builder: Builder, row: int) -> None:
    usage = opened(metadata.get("additional_usage_values")) or opened(metadata.get("usage_object"))
    for field, name in (
        ("tokens_cache_read", "cache_read_input_tokens"),
        ("tokens_cache_write", "cache_creation_input_tokens"),
    ):
        if usage.get(name) is not None:
            put(builder, row, field, "request", f"metadata.usage_object.{name}", usage[name])


CARRIES = dict.fromkeys(
    """tenant_id workflow_id user_id cost_usd session_id retry_count cost_center environment agent
    workflow_run_id team_budget_remaining""".split(),
    "gateway_record",
) | {
    "team_id": "credential",
    "request_id": "request",
    "response_id": "attempt",
    "attempt_id": "attempt",
    "model": "request",
    "provider": "request",
    "region": "request",
    "tokens_input": "request",
    "tokens_output": "request",
    "tokens_total": "request",
    "tokens_cache_read": "request",
    "tokens_cache_write": "request",
    "tokens_reasoning": "request",
    "latency_ms": "request",
    "status": "attempt",
    "error_code": "attempt",
    "trace_id": "trace",
}
