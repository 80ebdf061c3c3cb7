"""Bifrost: the rows of its log store, as its API, a query or a dump gives them.

A row is a call where its object is an operation of a model and it is not in progress; runs of MCP tools are
context. `id` is the gateway's own request id; `parent_request_id` ties the attempts of a fallback chain.
Owners come from the virtual key or the login. A cost of null or 0 beside tokens is a price that was not
known; a stream without usage has 0 tokens. Rows never carry the AWS request id, the IAM principal nor the
region. The reader never reads inputs and outputs.
"""

from __future__ import annotations

from typing import Any

from auditor.evidence.batch import OWN_ID
from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.times import to_ns
from auditor.readers.contract import RecordReader
from auditor.readers.shared.carries import TOKEN_TOTALS, at_scope
from auditor.readers.shared.named_keys import Named, flag, put_named
from auditor.readers.shared.nested import mapping, put_nested

NAMES = {
    "id": Named("request_id", "gateway_record", OWN_ID),
    "provider": Named("provider", "gateway_record"),
    "model": Named("model", "gateway_record"),
    "number_of_retries": Named("retry_count", "gateway_record"),
    "team_id": Named("team_id", "gateway_record"),
    "team_name": Named("team_id", "gateway_record", 1),
    "customer_id": Named("tenant_id", "gateway_record"),
    "customer_name": Named("tenant_id", "gateway_record", 1),
    "user_id": Named("user_id", "gateway_record"),
    "business_unit_id": Named("cost_center", "gateway_record"),
    "latency": Named("latency_ms", "gateway_record"),
    "cost": Named("cost_usd", "gateway_record"),
    "status": Named("status", "attempt"),
}
COUNTS = {
    "prompt_tokens": Named("tokens_input", "gateway_record"),
    "completion_tokens": Named("tokens_output", "gateway_record"),
    "total_tokens": Named("tokens_total", "gateway_record"),
}
CACHED = {
    "cached_read_tokens": Named("tokens_cache_read", "gateway_record"),
    "cached_write_tokens": Named("tokens_cache_write", "gateway_record"),
}
_OWN = frozenset(
    """number_of_retries fallback_index selected_key_id selected_key_name virtual_key_id virtual_key_name
    routing_rule_id parent_request_id""".split()
)


def match(record: dict[str, Any]) -> float:
    """The object of a row, beside the gateway's own columns."""
    if "id" not in record or not ("object" in record or "object_type" in record):
        return 0.0
    return 1.0 if len(_OWN & record.keys()) >= 3 else 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One row."""
    operation = str(record.get("object") or record.get("object_type") or "")
    status = str(record.get("status") or "")
    row = builder.row(
        "context" if operation.startswith("mcp_tool") or status == "processing" else "call",
        offset=offset,
        pointer=pointer,
        started_at=to_ns(record.get("timestamp")),
        name=operation,
        outcome="error" if status == "error" else None,
    )
    builder.fact("operation").put(row, operation)
    flag(builder, row, "stream", record.get("stream"))
    put_named(builder, row, record, NAMES)
    usage = mapping(record.get("token_usage"))
    put_named(builder, row, record if "prompt_tokens" in record else usage, COUNTS, _prefix(record))
    put_named(
        builder,
        row,
        mapping(usage.get("prompt_tokens_details")),
        CACHED,
        "token_usage.prompt_tokens_details.",
    )
    put_nested(builder, row, "metadata", mapping(record.get("metadata")), "gateway_record")
    if "cache_hit" in (debug := mapping(record.get("cache_debug"))):
        flag(builder, row, "cache_hit", debug["cache_hit"])


def _prefix(record: dict[str, Any]) -> str:
    return "" if "prompt_tokens" in record else "token_usage."


FORMAT = Format(
    name="bifrost-logs",
    layer="gateway",
    title="Bifrost logs",
    carries=at_scope(
        "gateway_record",
        "tenant_id team_id workflow_id workflow_run_id user_id session_id cost_center environment agent",
        "request_id retry_count model provider cost_usd latency_ms tokens_cache_read tokens_cache_write",
        *TOKEN_TOTALS,
    )
    | {"status": "attempt"},
    get="""`curl "$BIFROST/api/logs?limit=1000"`, or
`psql "$DATABASE_URL" -c 'SELECT row_to_json(t) FROM logs t LIMIT 1000' -At > bifrost.jsonl`. Teams, customers
and users come from virtual keys: give each caller one of its own.""",
)
READERS = (RecordReader(format=FORMAT, match=match, take=take),)
