"""Portkey log export: the rows of the hosted gateway's log, as JSON lines, a JSON array or CSV.

Every row is a call; where a config retries or falls back, each try is a row of its own and `trace_id` is
what they share. `metadata` (an object, JSON text, or CSV columns `metadata.*`) is what the caller sent with
`x-portkey-metadata`, kept by the gateway in its own record; `_user` in it is the end user. `cost` is in US
cents. The person who exports chooses the columns: what was not chosen is unknown, not missing. A row never
carries the split of cached tokens, the IAM principal, AWS tags or the AWS request id.

The reader never reads the `request` and `response` bodies.
"""

from __future__ import annotations

from typing import Any

from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.nested import leaves, opened_text
from auditor.framing.times import to_ns
from auditor.readers.contract import RecordReader
from auditor.readers.shared.named_keys import Named, flag, put_named, shown_by

CENTS = 0.01
NAMES = {
    "ai_model": Named("model", "request"),
    "ai_org": Named("provider", "request"),
    "req_units": Named("tokens_input", "request"),
    "res_units": Named("tokens_output", "request"),
    "total_units": Named("tokens_total", "request"),
    "response_time": Named("latency_ms", "request"),
    "response_status_code": Named("status", "attempt"),
    "trace_id": Named("trace_id", "trace"),
    "id": Named("attempt_id", "attempt"),
    "retry_success_count": Named("retry_count", "gateway_record"),
    "prompt_slug": Named("workflow_id", "gateway_record", 60),
    "config": Named("workflow_id", "gateway_record", 80, weak=True),
}
FREE = tuple(
    """tenant_id workflow_id workflow_run_id team_id user_id request_id session_id cost_center environment
    agent""".split()
)
SHOWS = {key: (name.field,) for key, name in NAMES.items()} | {
    "cost": ("cost_usd",),
    "request_url": ("region",),
    "is_success": ("status",),
    "metadata": FREE,
    "id": ("attempt_id", "request_id"),
}
_PREFIX = "metadata."


def match(record: dict[str, Any]) -> float:
    """The vendor and model columns with units or a currency."""
    if "ai_model" in record and record.keys() & {"req_units", "res_units", "total_units", "cost_currency"}:
        return 1.0 if "ai_org" in record else 0.9
    return 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One row."""
    row = builder.row(
        "call",
        offset=offset,
        pointer=pointer,
        started_at=to_ns(record.get("created_at")),
        name=str(record.get("mode") or "") or None,
        outcome="error" if str(record.get("is_success")).lower() in ("false", "0", "0.0") else None,
    )
    put_named(builder, row, record, NAMES)
    if "cost" in record:
        _cost(record, builder, row)
    for key in ("request_url", "request_method", "stream_mode", "cache_status"):
        _fact(key, record.get(key), builder, row)
    shown_by(builder, {key.split(".", 1)[0]: None for key in record}, SHOWS)
    _metadata(record, builder, row)
    _headers(record.get("request"), builder, row)


def _cost(record: dict[str, Any], builder: Builder, row: int) -> None:
    currency = str(record.get("cost_currency") or "USD").upper()
    if currency in ("USD", "NULL", "NONE"):
        builder.column("cost_usd", "gateway_record", "cost", scale=CENTS).put(row, record["cost"])
    else:
        builder.note(f"costs in {currency[:3]} were not read: only US dollars can be compared")


def _fact(key: str, value: Any, builder: Builder, row: int) -> None:
    if not value:
        return
    if key == "request_url":
        builder.fact("endpoint").put(row, str(value))
    elif key == "stream_mode":
        flag(builder, row, "stream", value)
    elif key == "cache_status":
        builder.fact("cache_hit").put(row, str(value).upper().endswith("HIT"))


def _metadata(record: dict[str, Any], builder: Builder, row: int) -> None:
    held = record.get("metadata")
    if isinstance(held, str):
        held = opened_text(held)
    pairs = [(path, leaf) for path, _, leaf in leaves(held)] if isinstance(held, dict) else []
    pairs += [(key[len(_PREFIX) :], value) for key, value in record.items() if key.startswith(_PREFIX)]
    for path, value in pairs:
        if path == "_user":
            builder.column("user_id", "gateway_record", "metadata._user").put(row, value)
            continue
        column = builder.keys("gateway_record", _PREFIX)[path]
        if column is not None:
            column.put(row, value)


def _headers(request: Any, builder: Builder, row: int) -> None:
    """What the client sent and the gateway only kept as a header of the dump."""
    if isinstance(request, str) and '"headers"' in request[:20_000]:
        request = opened_text(request)
    headers = request.get("headers") if isinstance(request, dict) else None
    if isinstance(headers, dict):
        for name, value in headers.items():
            column = builder.keys("client_header", "request.headers.")[str(name)]
            if column is not None:
                column.put(row, value)


FORMAT = Format(
    name="portkey-export",
    layer="gateway",
    title="Portkey log export",
    carries=dict.fromkeys(FREE, "gateway_record")
    | {name.field: name.scope for name in NAMES.values() if not name.weak and name.field not in FREE}
    | {"cost_usd": "gateway_record", "region": "request"},
    get="""Portkey console: *Exports*, *Request Data*, choose every column, download the JSON lines; or
`portkey.logs.exports.create(workspace_id="…", filters={"time_of_generation_min": "2026-09-14"},
requested_data=["id", "trace_id", "created_at", "is_success", "ai_org", "ai_model", "req_units", "res_units",
"request_url", "cost", "cost_currency", "response_time", "response_status_code", "metadata"])`.""",
)
READERS = (RecordReader(format=FORMAT, match=match, take=take),)
