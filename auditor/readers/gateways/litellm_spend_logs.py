"""LiteLLM SpendLogs: the rows of `LiteLLM_SpendLogs`, as JSON, from `/spend/logs` or a CSV or psql dump.

Every row is a call; retries are counted in `metadata.attempted_retries`, not written as rows. `request_id` is
the provider's response id and `litellm_call_id` the request's; the team comes from the virtual key; `user` is
the key's owner, `end_user` the caller. The client's own body metadata does not reach the row: only
`spend_logs_metadata` and tags do. Older databases lack columns, and a query selects some: what was not
selected is unknown, not missing. Sums by day (`/spend/logs` without `summarize=false`, the `Daily…Spend`
tables) are context without calls. Rows never carry the IAM principal, AWS tags or the AWS request id of a
success.

The reader never reads `messages`, `response` or `proxy_server_request`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from auditor.evidence.batch import OWN_ID
from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.nested import leaves
from auditor.framing.times import to_ns
from auditor.readers.contract import RecordReader
from auditor.readers.gateways.litellm import CARRIES, FREE, begin, put, put_common
from auditor.readers.shared.named_keys import Named, put_named, shown_by
from auditor.readers.shared.nested import mapping
from auditor.readers.shared.routes import invocation

NAMES = {
    "spend": Named("cost_usd", "gateway_record"),
    "team_id": Named("team_id", "credential"),
    "user": Named("user_id", "credential", 90),
    "request_id": Named("response_id", "attempt"),
    "organization_id": Named("team_id", "credential", 453, weak=True),
}
# a pass-through route does no accounting: the id is the proxy's own, the model is in the address it called
PASSED_ON = NAMES | {"request_id": Named("request_id", "gateway_record", OWN_ID)}
ADDRESS = {"api_base": Named("model", "gateway_record", 450, weak=True)}
SHOWS: dict[str, tuple[str, ...]] = {
    "request_id": ("response_id", "request_id"),
    "litellm_call_id": ("request_id",),
    "spend": ("cost_usd",),
    "model": ("model",),
    "custom_llm_provider": ("provider",),
    "api_base": ("region",),
    "prompt_tokens": ("tokens_input",),
    "completion_tokens": ("tokens_output",),
    "total_tokens": ("tokens_total",),
    "request_duration_ms": ("latency_ms",),
    "endTime": ("latency_ms",),
    "status": ("status",),
    "team_id": ("team_id",),
    "user": ("user_id",),
    "end_user": ("user_id",),
    "session_id": ("session_id",),
    "agent_id": ("workflow_id",),
    "request_tags": FREE,
    "metadata": (
        *FREE,
        *"team_id request_id retry_count error_code attempt_id status".split(),
        *"tokens_cache_read tokens_cache_write tokens_reasoning".split(),
    ),
}
_OTHERS = frozenset(
    """team_id end_user request_tags call_type startTime model_group custom_llm_provider litellm_call_id
    completionStartTime""".split()
)
_COLUMNS = (
    frozenset(SHOWS)
    | _OTHERS
    | frozenset(
        """api_key model_id cache_hit cache_key organization_id requester_ip_address messages response stream
        mcp_namespaced_tool_name billing_agent_id proxy_server_request created_at updated_at""".split()
    )
)
_SUMMARY = frozenset({"startTime", "spend", "users", "models"})
_DAILY = frozenset({"date", "spend", "api_requests"})


def match(record: dict[str, Any]) -> float:
    """`request_id` and `spend` with the row's own columns; or a sum by day."""
    keys = record.keys()
    if "request_id" in keys and "spend" in keys:
        own = len(_OTHERS & keys)
        return 1.0 if own > 1 else 0.8 if own else 0.0
    return 1.0 if _is_sum(record) else 0.0


def _is_sum(record: dict[str, Any]) -> bool:
    return record.keys() >= _SUMMARY or (record.keys() >= _DAILY and "successful_requests" in record)


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One row."""
    if _is_sum(record):
        _sum(record, builder, offset, pointer)
        return
    metadata = mapping(record.get("metadata"))
    row = begin(record, metadata, builder, offset, pointer)
    put_common(record, metadata, builder, row)
    put_named(builder, row, record, PASSED_ON if _is_passed_on(record) else NAMES)
    if metadata.get("litellm_call_id"):
        key = "metadata.litellm_call_id"
        put(builder, row, "request_id", "request", key, metadata["litellm_call_id"], OWN_ID + 10)
    if record.get("request_duration_ms") is not None:
        put(builder, row, "latency_ms", "request", "request_duration_ms", record["request_duration_ms"])
    if _is_passed_on(record) and (
        route := invocation("POST", urlsplit(str(record.get("api_base") or "")).path)
    ):
        put_named(builder, row, {"api_base": route.model}, ADDRESS)
    shown_by(builder, record, SHOWS)
    _named_by_query(record, builder, row)


def _is_passed_on(record: dict[str, Any]) -> bool:
    return "pass_through" in (kind := str(record.get("call_type") or "")) or "passthrough" in kind


def _named_by_query(record: dict[str, Any], builder: Builder, row: int) -> None:
    """Columns that a query made of metadata, under a name of its own: `… ->> 'tenant_id' AS tenant`."""
    for name in (key for key in record if key not in _COLUMNS):
        for path, _, leaf in leaves({name: record[name]}):
            column = builder.keys("gateway_record")[path]
            if column is not None:
                column.put(row, leaf)
                builder.columns_known = (builder.columns_known or frozenset()) | {column.slot.field}


def _sum(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    day = str(record.get("date") or record.get("startTime") or "")
    builder.row(
        "context",
        offset=offset,
        pointer=pointer,
        started_at=to_ns(day if len(day) > 10 else f"{day}T00:00:00"),
        name="sum of a day",
    )
    builder.note(
        "sums by day show spend by key, model and one dimension and can never show a call, its request id or "
        "a second owner: bring the rows, `/spend/logs?…&summarize=false`"
    )


FORMAT = Format(
    name="litellm-spend-logs",
    layer="gateway",
    title="LiteLLM spend logs",
    carries={k: v for k, v in CARRIES.items() if k not in ("trace_id",)},
    get="""`curl -H "Authorization: Bearer $LITELLM_MASTER_KEY" "$PROXY/spend/logs?start_date=2026-09-14\
&end_date=2026-09-15&summarize=false"`,
or `psql "$DATABASE_URL" -c 'SELECT row_to_json(t) FROM "LiteLLM_SpendLogs" t LIMIT 1000' \
-At > spend.jsonl`.""",
)
READERS = (RecordReader(format=FORMAT, match=match, take=take),)
