"""What LiteLLM's spend logs and logging payloads share: identity in metadata, tags, ids, usage and cost."""

from __future__ import annotations

import re
from typing import Any

from auditor.evidence.batch import OWN_ID
from auditor.evidence.builder import Builder
from auditor.framing.nested import leaves
from auditor.framing.times import to_ns
from auditor.readers.shared.carries import MODEL, OUTCOME, TOKEN_DETAILS, TOKEN_TOTALS, at_scope
from auditor.readers.shared.named_keys import Named, flag, put_named
from auditor.readers.shared.nested import listing, mapping, put_nested, put_pairs
from auditor.readers.shared.spans import TWINS

NAMES = {
    "model": Named("model", "request"),
    "custom_llm_provider": Named("provider", "request"),
    "prompt_tokens": Named("tokens_input", "request"),
    "completion_tokens": Named("tokens_output", "request"),
    "total_tokens": Named("tokens_total", "request"),
    "status": Named("status", "attempt"),
    # the proxy's own id: after the caller's, which other hops share
    "litellm_call_id": Named("request_id", "request", OWN_ID),
    "model_group": Named("model", "request", 450, weak=True),
}
# keys of `metadata` that name the owner of the virtual key: one value a key, not a request
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
INSTALLATION = Named("user_id", "gateway_record", 450, weak=True)
OPEN = ("spend_logs_metadata", "requester_metadata")
# keys of `metadata` that are read by name, or that mean something else there
TAKEN = frozenset({"attempted_retries", "litellm_call_id", "status", "team_id", "team_alias", "trace_id"})
USAGE = (
    ("tokens_cache_read", ("cache_read_input_tokens",)),
    ("tokens_cache_read", ("prompt_tokens_details", "cached_tokens")),
    ("tokens_cache_write", ("cache_creation_input_tokens",)),
    ("tokens_cache_write", ("prompt_tokens_details", "cache_creation_tokens")),
    ("tokens_reasoning", ("completion_tokens_details", "reasoning_tokens")),
)
# a call type that manages files, batches or what else is kept at a provider, and asks no model
_MANAGED = re.compile(
    r"(?:^a?|_)(?:files?|batch(?:es)?|fine_tuning_jobs?|assistants?|vector_stores?|mcp|containers?|skills?)(?:_|$)"
    r"|^a?(?:get|list|delete|cancel|retrieve)_"
)
# the end user that coding agents send: an installation and a session, or both as JSON
_INSTALLATION = re.compile(r"user_[^_]*_account_[^_]*_session_(?P<session>.+)")
_REGION = re.compile(r"^bedrock/(?:converse/|invoke/)?([a-z]{2}(?:-[a-z]+)+-\d)/")


def begin(
    record: dict[str, Any],
    metadata: dict[str, Any],
    builder: Builder,
    offset: int | None,
    pointer: str | None,
) -> int:
    """The row of one LiteLLM record: a call, unless it manages files or batches and used nothing."""
    status = str(record.get("status") or metadata.get("status") or "").lower()
    row = builder.row(
        "context" if _is_management(record) else "call",
        offset=offset,
        pointer=pointer,
        started_at=to_ns(record.get("startTime")),
        ended_at=to_ns(record.get("endTime")),
        name=str(record.get("call_type") or ""),
        outcome="error" if status in ("failure", "error") else None,
    )
    operation = str(record.get("call_type") or "")
    builder.fact("operation").put(row, TWINS.get(operation, operation))
    # the text "None" means no cache at all
    if record.get("cache_hit") is not None:
        builder.fact("cache_hit").put(row, str(record["cache_hit"]).lower() == "true")
    # a hash of model, messages and parameters
    if record.get("cache_key") not in (None, "", "Cache OFF"):
        builder.fact("prompt_hash").put(row, str(record["cache_key"]))
    flag(builder, row, "stream", record.get("stream"))
    if record.get("api_base"):
        builder.fact("endpoint").put(row, str(record["api_base"]))
    return row


def put_fallbacks(builder: Builder, row: int, count: Any) -> None:
    """Put how many models were tried before the one of this record."""
    if str(count).isdigit():
        builder.fact("fallbacks").put(row, int(count))


def _is_management(record: dict[str, Any]) -> bool:
    used = any(
        record.get(key) not in (None, "", 0, 0.0, "0", "0.0")
        for key in ("spend", "response_cost", "total_tokens")
    )
    return not used and _MANAGED.search(str(record.get("call_type") or "")) is not None


def put(builder: Builder, row: int, field: str, scope: str, key: str, value: Any, rank: int = 0) -> None:
    """Put a value under a key that the format names."""
    builder.column(field, scope, key, rank=rank).put(row, value)


def put_common(record: dict[str, Any], metadata: dict[str, Any], builder: Builder, row: int) -> None:
    """Put what both shapes carry."""
    put_named(builder, row, record, NAMES)
    in_model = _REGION.match(str(record.get("model") or ""))
    if in_model:
        put(builder, row, "region", "request", "model", in_model[1], 40)
    if record.get("session_id"):
        put(builder, row, "session_id", "session", "session_id", record["session_id"])
    end_user = record.get("end_user") or metadata.get("user_api_key_end_user_id")
    session = _session_of(end_user)
    if session is not None:
        put_named(builder, row, {"end_user": end_user}, {"end_user": INSTALLATION})
        if not record.get("session_id"):
            put(builder, row, "session_id", "session", "end_user", session)
    elif end_user is not None or "end_user" in record:
        put(builder, row, "user_id", "gateway_record", "end_user", end_user)
    if record.get("agent_id"):
        put(builder, row, "workflow_id", "gateway_record", "agent_id", record["agent_id"], 50)
    _tags(record.get("request_tags"), builder, row)
    _metadata(metadata, builder, row)
    put_error(mapping(metadata.get("error_information")), builder, row, "metadata.error_information")
    breakdown = mapping(record.get("cost_breakdown")) or mapping(metadata.get("cost_breakdown"))
    total = breakdown.get("total_cost")
    if isinstance(total, (int, float)) and abs(total) < 1e9:
        builder.fact("cost_total").put(row, round(float(total) * 1e9))
    _usage(metadata, builder, row)


def _session_of(end_user: Any) -> str | None:
    """The session in an end user that is an installation of a coding agent; None for any other."""
    text = str(end_user or "")
    named = _INSTALLATION.fullmatch(text)
    if named:
        return named["session"]
    return str(inner["session_id"]) if text[:1] == "{" and "session_id" in (inner := mapping(text)) else None


def put_error(information: dict[str, Any], builder: Builder, row: int, key: str) -> None:
    """Put why the call failed, and the provider's id of the failed try."""
    for rank, name in enumerate(("error_code", "error_class")):
        if information.get(name):
            put(builder, row, "error_code", "attempt", f"{key}.{name}", information[name], rank)
    if attempt := information.get("error_provider_request_id"):
        put(builder, row, "attempt_id", "attempt", f"{key}.error_provider_request_id", attempt, 5)


def _tags(tags: Any, builder: Builder, row: int) -> None:
    pairs = leaves([str(tag) for tag in listing(tags)], "request_tags")
    put_pairs(builder, row, ((p, leaf) for p, _, leaf in pairs if p != "request_tags"), "gateway_record")


def _metadata(metadata: dict[str, Any], builder: Builder, row: int) -> None:
    of_key = {key: metadata[key] for key in CREDENTIAL if metadata.get(key)}
    put_named(builder, row, of_key, CREDENTIAL, "metadata.")
    for key in OPEN:
        if metadata.get(key):
            put_nested(builder, row, f"metadata.{key}", mapping(metadata[key]), "gateway_record")
    own = mapping(metadata.get("user_api_key_auth_metadata"))
    if own:
        put_nested(builder, row, "metadata.user_api_key_auth_metadata", own, "credential")
    # the gateway persisted the headers in its own record: that is evidence
    headers = mapping(metadata.get("requester_custom_headers"))
    for name, value in headers.items():
        put_nested(builder, row, f"metadata.requester_custom_headers.{name}", value, "gateway_record")
    if metadata.get("attempted_retries") is not None:
        key = "metadata.attempted_retries"
        put(builder, row, "retry_count", "gateway_record", key, metadata["attempted_retries"])
    put_fallbacks(builder, row, metadata.get("attempted_fallbacks"))
    others = {
        name: value
        for name, value in metadata.items()
        if name not in TAKEN and not name.startswith("user_api_key") and not isinstance(value, (dict, list))
    }
    builder.take(row, others, "gateway_record", "metadata.")


def _usage(metadata: dict[str, Any], builder: Builder, row: int) -> None:
    for holder in ("additional_usage_values", "usage_object"):
        usage = mapping(metadata.get(holder))
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
CARRIES = (
    at_scope("gateway_record", *FREE, "cost_usd retry_count")
    | {"team_id": "credential", "request_id": "request"}
    | at_scope("attempt", "response_id attempt_id")
    | at_scope("request", *MODEL, *TOKEN_TOTALS, *TOKEN_DETAILS, "latency_ms")
    | at_scope("attempt", *OUTCOME)
    | {"trace_id": "trace"}
)
