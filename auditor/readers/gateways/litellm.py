"""What LiteLLM's two row shapes have in common: identity in metadata, tags, ids, usage and cost.

It never reads `messages`, `response` or the proxied request.
"""

from __future__ import annotations

import re
from typing import Any

from auditor.evidence.builder import Builder
from auditor.framing.nested import leaves, opened_text
from auditor.framing.times import to_ns
from auditor.readers.shared.named_keys import Named, flag, put_named
from auditor.readers.shared.nested import put_nested
from auditor.readers.shared.spans import TWINS

NAMES = {
    "model": Named("model", "request"),
    "custom_llm_provider": Named("provider", "request"),
    "prompt_tokens": Named("tokens_input", "request"),
    "completion_tokens": Named("tokens_output", "request"),
    "total_tokens": Named("tokens_total", "request"),
    "status": Named("status", "attempt"),
    "litellm_call_id": Named("request_id", "request"),
    "model_group": Named("model", "request", 450, weak=True),
}
# keys of `metadata` that say whose virtual key it was: one value a key, not a request
CREDENTIAL = {
    "user_api_key_team_id": Named("team_id", "credential", 100),
    "user_api_key_team_alias": Named("team_id", "credential", 101),
    "team_id": Named("team_id", "credential", 102),
    "team_alias": Named("team_id", "credential", 103),
    "user_api_key_user_id": Named("user_id", "credential", 104),
    "user_api_key_user_email": Named("user_id", "credential", 105),
    "user_api_key_project_id": Named("team_id", "credential", 450, weak=True),
    "user_api_key_project_alias": Named("team_id", "credential", 451, weak=True),
    "user_api_key_org_id": Named("team_id", "credential", 452, weak=True),
}
OPEN = ("spend_logs_metadata", "requester_metadata")
# keys of `metadata` that the readers take by name, or that mean something else there
TAKEN = frozenset({"attempted_retries", "litellm_call_id", "status", "team_id", "team_alias", "trace_id"})
USAGE = (
    ("tokens_cache_read", ("cache_read_input_tokens",)),
    ("tokens_cache_read", ("prompt_tokens_details", "cached_tokens")),
    ("tokens_cache_write", ("cache_creation_input_tokens",)),
    ("tokens_cache_write", ("prompt_tokens_details", "cache_creation_tokens")),
    ("tokens_reasoning", ("completion_tokens_details", "reasoning_tokens")),
)
_REGION = re.compile(r"^bedrock/(?:converse/|invoke/)?([a-z]{2}(?:-[a-z]+)+-\d)/")


def opened(value: Any) -> dict[str, Any]:
    """A mapping that may be JSON text."""
    if isinstance(value, str):
        value = opened_text(value)
    return value if isinstance(value, dict) else {}


def begin(
    record: dict[str, Any],
    metadata: dict[str, Any],
    builder: Builder,
    offset: int | None,
    pointer: str | None,
) -> int:
    """The row of one LiteLLM record: always a call."""
    status = str(record.get("status") or metadata.get("status") or "").lower()
    row = builder.row(
        "call",
        offset=offset,
        pointer=pointer,
        started_at=to_ns(record.get("startTime")),
        ended_at=to_ns(record.get("endTime")),
        name=str(record.get("call_type") or ""),
        outcome="error" if status in ("failure", "error") else None,
    )
    operation = str(record.get("call_type") or "")
    builder.fact("operation").put(row, TWINS.get(operation, operation))
    # the text "None" stands for no cache at all
    if record.get("cache_hit") is not None:
        builder.fact("cache_hit").put(row, str(record["cache_hit"]).lower() == "true")
    flag(builder, row, "stream", record.get("stream"))
    if record.get("api_base"):
        builder.fact("endpoint").put(row, str(record["api_base"]))
    return row


def put(builder: Builder, row: int, field: str, scope: str, key: str, value: Any, rank: int = 0) -> None:
    """One value under a key that the format names; nothing at all is no key."""
    builder.column(field, scope, key, rank=rank).put(row, value)


def common(record: dict[str, Any], metadata: dict[str, Any], builder: Builder, row: int) -> None:
    """What both shapes carry."""
    put_named(builder, row, record, NAMES)
    in_model = _REGION.match(str(record.get("model") or ""))
    if in_model:
        put(builder, row, "region", "request", "model", in_model[1], 40)
    if record.get("session_id"):
        put(builder, row, "session_id", "session", "session_id", record["session_id"])
    end_user = record.get("end_user") or metadata.get("user_api_key_end_user_id")
    if end_user is not None or "end_user" in record:
        put(builder, row, "user_id", "gateway_record", "end_user", end_user)
    if record.get("agent_id"):
        put(builder, row, "workflow_id", "gateway_record", "agent_id", record["agent_id"], 50)
    _tags(record.get("request_tags"), builder, row)
    _metadata(metadata, builder, row)
    error(opened(metadata.get("error_information")), builder, row, "metadata.error_information")
    breakdown = opened(record.get("cost_breakdown")) or opened(metadata.get("cost_breakdown"))
    total = breakdown.get("total_cost")
    if isinstance(total, (int, float)) and abs(total) < 1e9:
        builder.fact("cost_total").put(row, round(float(total) * 1e9))
    _usage(metadata, builder, row)


def error(information: dict[str, Any], builder: Builder, row: int, key: str) -> None:
    """Why the call failed, and the provider's id of the failed try."""
    for rank, name in enumerate(("error_code", "error_class")):
        if information.get(name):
            put(builder, row, "error_code", "attempt", f"{key}.{name}", information[name], rank)
    if information.get("error_provider_request_id"):
        held = information["error_provider_request_id"]
        put(builder, row, "attempt_id", "attempt", f"{key}.error_provider_request_id", held, 5)


def _tags(tags: Any, builder: Builder, row: int) -> None:
    if isinstance(tags, str):
        tags = opened_text(tags)
    if isinstance(tags, list):
        for path, _, leaf in leaves([str(t) for t in tags], "request_tags"):
            column = builder.keys("gateway_record")[path] if path != "request_tags" else None
            if column is not None:
                column.put(row, leaf)


def _metadata(metadata: dict[str, Any], builder: Builder, row: int) -> None:
    of_key = {key: metadata[key] for key in CREDENTIAL if metadata.get(key)}
    put_named(builder, row, of_key, CREDENTIAL, "metadata.")
    for key in OPEN:
        if metadata.get(key):
            put_nested(builder, row, f"metadata.{key}", opened(metadata[key]), "gateway_record")
    own = opened(metadata.get("user_api_key_auth_metadata"))
    if own:
        put_nested(builder, row, "metadata.user_api_key_auth_metadata", own, "credential")
    headers = opened(metadata.get("requester_custom_headers"))
    for name, value in headers.items():
        # the gateway persisted the header in its own record: that is evidence
        column = builder.keys("gateway_record", "metadata.requester_custom_headers.")[name]
        if column is not None:
            column.put(row, value)
    if metadata.get("attempted_retries") is not None:
        key = "metadata.attempted_retries"
        put(builder, row, "retry_count", "gateway_record", key, metadata["attempted_retries"])
    for name, value in metadata.items():
        if name in TAKEN or name.startswith("user_api_key") or isinstance(value, (dict, list)):
            continue
        column = builder.keys("gateway_record", "metadata.")[name]
        if column is not None:
            column.put(row, value)


def _usage(metadata: dict[str, Any], builder: Builder, row: int) -> None:
    for holder in ("additional_usage_values", "usage_object"):
        usage = opened(metadata.get(holder))
        for rank, (field, path) in enumerate(USAGE):
            value: Any = usage
            for name in path:
                value = value.get(name) if isinstance(value, dict) else None
            if value is not None:
                put(builder, row, field, "request", ".".join(("metadata", holder, *path)), value, rank)


# what callers and administrators put in themselves: tags, spend log metadata, metadata of the request
FREE = tuple(
    """tenant_id workflow_id user_id session_id cost_center environment agent workflow_run_id
    team_budget_remaining""".split()
)
CARRIES = dict.fromkeys([*FREE, "cost_usd", "retry_count"], "gateway_record") | {
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
