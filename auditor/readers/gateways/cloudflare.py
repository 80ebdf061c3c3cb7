"""Cloudflare AI Gateway: rows of its logs API (`result[]`) and of Logpush, as JSON or JSON lines.

Every row is a call; `step` above 0 is a fallback, a try at another provider. `metadata` (JSON text, an
object through a Worker's binding) is what the caller sent as `cf-aig-metadata`: its first five entries, the
others were dropped without a word. `cost` is US dollars and missing where the price is unknown; `duration`
is milliseconds; `id` is the log id that the caller gets back as `cf-aig-log-id`. Logpush writes names in
PascalCase and encrypts `Metadata`: what is encrypted is unknown, not missing. A row never carries the split
of cached tokens, the region, the session unless it is in the metadata, the IAM principal or AWS ids.

The reader never reads the bodies of requests and responses, and never decrypts.
"""

from __future__ import annotations

from typing import Any

from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.nested import leaves, opened_text
from auditor.framing.times import to_ns
from auditor.readers.contract import RecordReader
from auditor.readers.shared.named_keys import Named, flag, put_named, truth

NAMES = {
    "id": Named("request_id", "gateway_record", 50),
    "model": Named("model", "request"),
    "provider": Named("provider", "request"),
    "tokens_in": Named("tokens_input", "request"),
    "tokens_out": Named("tokens_output", "request"),
    "cost": Named("cost_usd", "gateway_record"),
    "duration": Named("latency_ms", "request"),
    "status_code": Named("status", "attempt"),
    "step": Named("retry_count", "gateway_record"),
}
PUSHED = {
    "ID": Named("request_id", "gateway_record", 50),
    "Model": Named("model", "request"),
    "Provider": Named("provider", "request"),
    "TokensIn": Named("tokens_input", "request"),
    "TokensOut": Named("tokens_output", "request"),
    "Cost": Named("cost_usd", "gateway_record"),
    "Duration": Named("latency_ms", "request"),
    "StatusCode": Named("status", "attempt"),
    "Step": Named("retry_count", "gateway_record"),
}
FREE = tuple(
    "tenant_id workflow_id workflow_run_id team_id user_id session_id cost_center environment agent".split()
)
KEPT_ENTRIES = 5


def match(record: dict[str, Any]) -> float:
    """Tokens in and out with a flag of the gateway's own, or the PascalCase of Logpush."""
    keys = _row_of(record).keys()
    if {"tokens_in", "tokens_out"} <= keys and keys & {"step", "custom_cost", "cached", "model_type"}:
        return 1.0
    if {"Gateway", "Model", "Provider", "StatusCode"} <= keys:
        return 1.0 if keys & {"Cached", "RateLimited", "Metadata", "Endpoint"} else 0.6
    return 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One row, alone or in the API's envelope."""
    held = _row_of(record)
    if held is not record:
        pointer = f"{pointer or ''}/result"
    pushed = "StatusCode" in held or "TokensIn" in held
    succeeded = truth(held.get("success"))
    status = str(held.get("StatusCode" if pushed else "status_code") or "")
    began = to_ns(next((held[k] for k in ("created_at", "Timestamp", "Datetime") if held.get(k)), None))
    row = builder.row(
        "call",
        offset=offset,
        pointer=pointer,
        started_at=began,
        name=str(held.get("path") or held.get("Endpoint") or "") or None,
        outcome="error" if succeeded is False or status[:1] in ("4", "5") else None,
    )
    put_named(builder, row, held, PUSHED if pushed else NAMES)
    flag(builder, row, "cache_hit", held.get("Cached" if pushed else "cached"))
    if held.get("request_type"):
        builder.fact("operation").put(row, str(held["request_type"]))
    _metadata(held, builder, row)
    if pushed:
        _known(held, builder)


def _row_of(record: dict[str, Any]) -> dict[str, Any]:
    """The row in the envelope of `GET …/logs/{id}`, or the record itself."""
    inner = record.get("result")
    return inner if isinstance(inner, dict) and "success" in record and "id" in inner else record


def _metadata(held: dict[str, Any], builder: Builder, row: int) -> None:
    key = "metadata" if "metadata" in held else "Metadata"
    value = held.get(key)
    if isinstance(value, str):
        value = opened_text(value)
    if not isinstance(value, dict) or _is_sealed(value):
        return
    builder.fact("metadata_entries").put(row, len(value))
    if len(value) == KEPT_ENTRIES:
        builder.note("some calls have five metadata entries: a sixth would have been dropped by the gateway")
    for path, _, leaf in leaves(value):
        column = builder.keys("gateway_record", f"{key}.")[path]
        if column is not None:
            column.put(row, leaf)


def _is_sealed(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") == "encrypted"


def _known(held: dict[str, Any], builder: Builder) -> None:
    """Logpush shows the columns of its job, and of encrypted ones only that they are there."""
    shown = {name.field for key, name in PUSHED.items() if key in held}
    if "Metadata" in held and not _is_sealed(held["Metadata"]):
        shown |= {*FREE, "request_id"}
    elif "Metadata" in held:
        builder.note(
            "the metadata is encrypted: decrypt it with the key of the Logpush job, or use the logs API"
        )
    builder.columns_known = (builder.columns_known or frozenset()) | shown


FORMAT = Format(
    name="cloudflare-ai-gateway",
    layer="gateway",
    title="Cloudflare AI Gateway logs",
    carries=dict.fromkeys(FREE, "gateway_record") | {name.field: name.scope for name in NAMES.values()},
    get="""`curl -H "Authorization: Bearer $CLOUDFLARE_API_TOKEN" "https://api.cloudflare.com/client/v4/\
accounts/$ACCOUNT_ID/ai-gateway/gateways/$GATEWAY_ID/logs?per_page=50" > logs.json`.""",
)
READERS = (RecordReader(format=FORMAT, match=match, take=take),)
