"""Helicone requests: rows of its request API and of its export tool, as JSON lines, a JSON array or CSV.

Every row is a call. `request_properties` (or `properties`) holds what the caller sent as
`Helicone-Property-<Name>`, names as typed; `Helicone-Session-Id` in it is the session. `request_user_id` is
the end user, `helicone_user` the owner of the Helicone account and nobody else. `costUSD` and `cost` are US
dollars and null where the price is unknown; `delay_ms` is the latency. The CSV of the export tool has a
fixed choice of columns: what it leaves out is unknown, not missing. A row never carries the IAM principal,
AWS tags or AWS ids.

The reader never reads the `request_body` and `response_body`, and never follows `signed_body_url`.
"""

from __future__ import annotations

from typing import Any

from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.nested import leaves, opened_text
from auditor.framing.times import to_ns
from auditor.readers.contract import RecordReader
from auditor.readers.shared.named_keys import Named, put_named, shown_by

NAMES = {
    "request_id": Named("request_id", "request", 20),
    "request_user_id": Named("user_id", "gateway_record"),
    "user_id": Named("user_id", "gateway_record", 5),
    "request_model": Named("model", "request"),
    "model_override": Named("model", "request", 5),
    "response_model": Named("model", "request", 10),
    "model": Named("model", "request", 15),
    "provider": Named("provider", "request"),
    "costUSD": Named("cost_usd", "gateway_record"),
    "cost_usd": Named("cost_usd", "gateway_record", 5),
    "cost": Named("cost_usd", "gateway_record", 10),
    "prompt_tokens": Named("tokens_input", "request"),
    "completion_tokens": Named("tokens_output", "request"),
    "total_tokens": Named("tokens_total", "request"),
    "prompt_cache_read_tokens": Named("tokens_cache_read", "request"),
    "prompt_cache_write_tokens": Named("tokens_cache_write", "request"),
    "reasoning_tokens": Named("tokens_reasoning", "request"),
    "delay_ms": Named("latency_ms", "request"),
    "latency": Named("latency_ms", "request", 10),
    "response_status": Named("status", "attempt"),
    "status": Named("status", "attempt", 5),
}
SESSION = "helicone-session-id"
HOLDERS = ("request_properties", "properties")
FREE = tuple(
    """tenant_id workflow_id workflow_run_id team_id session_id cost_center environment agent
    request_id""".split()
)
SHOWS: dict[str, tuple[str, ...]] = {
    **{key: (name.field,) for key, name in NAMES.items()},
    **dict.fromkeys(HOLDERS, tuple(f for f in FREE if f != "request_id")),
    "target_url": ("region",),
}
# columns of the row that are no property of the caller's, though some look like one
OWN = frozenset(NAMES) | frozenset(
    """response_id helicone_user organization_id org_id auth_hash user_api_key_preview prompt_id
    prompt_version asset_ids scores feedback_id feedback_rating country_code target_url request_path
    request_created_at response_created_at time_to_first_token cache_reference_id cache_enabled updated_at
    request_referrer signed_body_url llmSchema request_body response_body storage_location
    gateway_router_id""".split()
)
_NO_CACHE = "00000000-0000-0000-0000-000000000000"


def match(record: dict[str, Any]) -> float:
    """The row's own spelling of properties, user or delay."""
    keys = record.keys()
    if "request_properties" in keys and keys & {
        "response_status",
        "request_user_id",
        "delay_ms",
        "helicone_user",
    }:
        return 1.0
    return 0.95 if "helicone_user" in keys and keys & {"delay_ms", "request_model", "costUSD"} else 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One row."""
    status = str(record.get("response_status") or record.get("status") or "").strip()
    row = builder.row(
        "call",
        offset=offset,
        pointer=pointer,
        started_at=to_ns(record.get("request_created_at")),
        ended_at=to_ns(record.get("response_created_at")),
        name=str(record.get("request_path") or "") or None,
        outcome="error" if status and not status.startswith(("2", "success")) else None,
    )
    put_named(builder, row, record, NAMES)
    if record.get("target_url"):
        builder.fact("endpoint").put(row, str(record["target_url"]))
    if record.get("cache_reference_id"):
        builder.fact("cache_hit").put(row, record["cache_reference_id"] != _NO_CACHE)
    if offset is None:  # a table: its columns were chosen
        shown_by(builder, record, SHOWS)
    for holder in HOLDERS:
        _properties(holder, record.get(holder), builder, row)
    _flattened(record, builder, row)


def _properties(holder: str, held: Any, builder: Builder, row: int) -> None:
    if isinstance(held, str):
        held = opened_text(_halved(held))
    if not isinstance(held, dict):
        return
    for path, name, value in leaves(held):
        if name.lower() == SESSION:
            builder.column("session_id", "session", f'{holder}["{name}"]').put(row, value)
            continue
        column = builder.keys("gateway_record", f"{holder}.")[path]
        if column is not None:
            column.put(row, value)


def _halved(text: str) -> str:
    """JSON text whose quotes the export tool doubled once more than CSV asks for."""
    return text.replace('""', '"') if text.startswith('{""') else text


def _flattened(record: dict[str, Any], builder: Builder, row: int) -> None:
    """Properties that an export wrote as columns of their own."""
    for key, value in record.items():
        if key in OWN or key in HOLDERS or isinstance(value, (dict, list)):
            continue
        column = builder.keys("gateway_record")[key]
        if column is not None:
            column.put(row, value)


FORMAT = Format(
    name="helicone",
    layer="gateway",
    title="Helicone requests",
    carries=dict.fromkeys(FREE, "gateway_record")
    | {name.field: name.scope for name in NAMES.values()}
    | {"session_id": "session", "region": "request"},
    get="""`HELICONE_API_KEY=… npx @helicone/export --start-date 2026-09-14 --format jsonl`, or
`curl -X POST https://api.helicone.ai/v1/request/query-clickhouse -H "Authorization: Bearer $HELICONE_API_KEY"
-H "Content-Type: application/json" -d '{"filter": "all", "limit": 1000}'`.""",
)
READERS = (RecordReader(format=FORMAT, match=match, take=take),)
