"""LiteLLM SpendLogs: the rows of `LiteLLM_SpendLogs`, as JSON, from `/spend/logs` or a CSV or psql dump.

Every row is a call. `request_id` is the provider's response id and `litellm_call_id` the request's; the team
comes from the virtual key; `user` is the key's owner, `end_user` the caller. Rows never carry the IAM
principal, AWS tags or the AWS request id.
"""

from __future__ import annotations

from typing import Any

from auditor.evidence import Builder
from auditor.readers import Reader
from auditor.readers._litellm import CARRIES, begin, common, put

_OTHERS = {"team_id", "end_user", "request_tags"}


def match(record: dict[str, Any]) -> float:
    """`request_id` and `spend` with one of the row's own columns."""
    if "request_id" in record and "spend" in record and (_OTHERS & set(record)):
        return 1.0 if "startTime" in record or "call_type" in record else 0.8
    return 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One row."""
    row = begin(record, builder, offset, pointer, "litellm-spend-logs")
    metadata = common(record, builder, row)
    put(builder, row, "cost_usd", "gateway_record", "spend", record.get("spend"))
    put(builder, row, "team_id", "credential", "team_id", record.get("team_id"))
    put(builder, row, "user_id", "credential", "user", record.get("user"), 90)
    put(builder, row, "response_id", "attempt", "request_id", record.get("request_id"))
    if metadata.get("litellm_call_id"):
        put(
            builder, row, "request_id", "request", "metadata.litellm_call_id", metadata["litellm_call_id"], 10
        )
    if record.get("request_duration_ms") is not None:
        put(builder, row, "latency_ms", "request", "request_duration_ms", record["request_duration_ms"])


READER = Reader(
    name="litellm-spend-logs",
    layer="gateway",
    title="LiteLLM spend logs",
    carries={k: v for k, v in CARRIES.items() if k not in ("trace_id",)},
    get="""`curl -H "Authorization: Bearer $LITELLM_MASTER_KEY" "$PROXY/spend/logs?start_date=2026-09-14\
&end_date=2026-09-15"`,
or `psql "$DATABASE_URL" -c 'SELECT row_to_json(t) FROM "LiteLLM_SpendLogs" t LIMIT 1000' \
-At > spend.jsonl`.""",
    match=match,
    take=take,
)
