"""OpenRouter: generations of its API, its activity export as CSV, and answers with their usage.

A generation (`{"data": {"id": "gen-…"}}`, in the API's or the SDK's spelling), a row of the activity CSV
and a chat completion with `usage.cost` are one call each. `total_cost`, `cost_total` and `usage.cost` are
US dollars; with a provider key of your own (`is_byok`) they are OpenRouter's fee and the money is in
`upstream_inference_cost`. `native_tokens_*` are billed, `tokens_*` are counted by a common tokenizer.
`external_user` is the `user` of the request; `provider_responses` are the tries. Rows of `/api/v1/activity`
are sums of a day, context without calls. A record never carries the tenant, the team, metadata of the
caller, the IAM principal or AWS ids: `app_id` and `app_name` name a whole application.

The reader never reads prompts and answers.
"""

from __future__ import annotations

from typing import Any

from auditor.catalogue.key_words import normalise
from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.times import to_ns
from auditor.readers.contract import ANY, RecordReader
from auditor.readers.shared.named_keys import Named, flag, put_named, shown_by

NAMES = {
    "id": Named("request_id", "request"),
    "generation_id": Named("request_id", "request"),
    "upstream_id": Named("response_id", "attempt"),
    "model": Named("model", "request"),
    "model_permaslug": Named("model", "request", 5),
    "provider_name": Named("provider", "request"),
    "external_user": Named("user_id", "gateway_record"),
    "user": Named("user_id", "gateway_record", 5),
    "session_id": Named("session_id", "session"),
    "data_region": Named("region", "request"),
    "native_tokens_prompt": Named("tokens_input", "request"),
    "native_tokens_completion": Named("tokens_output", "request"),
    "tokens_prompt": Named("tokens_input", "request", 10),
    "tokens_completion": Named("tokens_output", "request", 10),
    "native_tokens_cached": Named("tokens_cache_read", "request"),
    "tokens_cached": Named("tokens_cache_read", "request", 10),
    "native_tokens_reasoning": Named("tokens_reasoning", "request"),
    "tokens_reasoning": Named("tokens_reasoning", "request", 10),
    "total_cost": Named("cost_usd", "gateway_record"),
    "cost_total": Named("cost_usd", "gateway_record", 5),
    "latency": Named("latency_ms", "request"),
    "generation_time": Named("latency_ms", "request", 10),
    "generation_time_ms": Named("latency_ms", "request", 10),
    "app_name": Named("workflow_id", "process"),
    "app_id": Named("workflow_id", "process", 5),
}
USAGE = {
    "cost": Named("cost_usd", "gateway_record"),
    "prompt_tokens": Named("tokens_input", "request"),
    "completion_tokens": Named("tokens_output", "request"),
    "total_tokens": Named("tokens_total", "request"),
}
CSV_ONLY = frozenset({"cost_total", "model_permaslug", "tokens_prompt"})
DAILY = frozenset({"model_permaslug", "endpoint_id", "requests", "prompt_tokens"})


def match(record: dict[str, Any]) -> float:
    """An id that begins `gen-`, with keys that only OpenRouter has; or the columns of the activity."""
    generation = _row_of(record)
    if str(generation.get("id") or "").startswith("gen-"):
        answer = isinstance(generation.get("usage"), dict) and "choices" in generation
        if "native_tokens_prompt" in generation or answer:
            return 1.0
        return 0.6 if "total_cost" in generation else 0.0
    if "generation_id" in generation and len(CSV_ONLY & generation.keys()) >= 2:
        return 1.0
    return 1.0 if generation.keys() >= DAILY else 0.0


def _row_of(record: dict[str, Any]) -> dict[str, Any]:
    """The generation in its envelope, in the API's spelling."""
    inner = record.get("data")
    generation = inner if isinstance(inner, dict) and len(record) <= 3 else record
    if any(key in generation for key in ("nativeTokensPrompt", "totalCost", "modelPermaslug")):
        return {normalise(key): value for key, value in generation.items()}
    return generation


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One generation, one answer, or a day's sum."""
    generation = _row_of(record)
    if isinstance(record.get("data"), dict):
        pointer = f"{pointer or ''}/data"
    if generation.keys() >= DAILY:
        _day(generation, builder, offset, pointer)
        return
    answer = isinstance(generation.get("usage"), dict)
    row = builder.row(
        "call",
        offset=offset,
        pointer=pointer,
        started_at=to_ns(generation.get("created_at") or generation.get("created")),
        name=str(generation.get("api_type") or "") or None,
        outcome="error" if generation.get("error") else None,
    )
    put_named(builder, row, generation, NAMES)
    if answer:
        _answer(generation, builder, row)
    _own_key(generation, builder, row)
    if offset is None:  # a table: its columns were chosen
        shown_by(builder, generation, {key: (name.field,) for key, name in NAMES.items()})
    flag(builder, row, "stream", generation.get("streamed"))
    tries = generation.get("provider_responses")
    if isinstance(tries, list) and tries:
        builder.column("retry_count", "gateway_record", "provider_responses").put(row, len(tries) - 1)


def _answer(generation: dict[str, Any], builder: Builder, row: int) -> None:
    """A chat completion as the caller got it: usage in an object, the provider by its name."""
    usage = generation["usage"]
    put_named(builder, row, usage, USAGE, "usage.")
    for field, holder, key in (
        ("tokens_cache_read", "prompt_tokens_details", "cached_tokens"),
        ("tokens_reasoning", "completion_tokens_details", "reasoning_tokens"),
    ):
        details = usage.get(holder)
        if isinstance(details, dict) and key in details:
            builder.column(field, "request", f"usage.{holder}.{key}").put(row, details[key])
    if "provider" in generation:
        builder.column("provider", "request", "provider").put(row, generation["provider"])


def _own_key(generation: dict[str, Any], builder: Builder, row: int) -> None:
    """Put the provider's cost where a provider key of your own makes OpenRouter's fee zero."""
    fee, cost = generation.get("total_cost"), generation.get("upstream_inference_cost")
    if generation.get("is_byok") is True and not fee and cost is not None:
        builder.column("cost_usd", "gateway_record", "upstream_inference_cost", rank=-1).put(row, cost)


def _day(generation: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    builder.row(
        "context",
        offset=offset,
        pointer=pointer,
        started_at=to_ns(f"{generation.get('date')}T00:00:00"),
        name=str(generation.get("model") or ""),
    )
    builder.note(
        "daily sums by model show spend and tokens and can never show who caused them: "
        "bring generations (`GET /api/v1/generation?id=…`) or the activity CSV"
    )


FORMAT = Format(
    name="openrouter",
    layer="gateway",
    title="OpenRouter generations",
    own_keys=frozenset({"api_type"}),
    carries={name.field: name.scope for name in NAMES.values()}
    | {"tokens_total": "request", "retry_count": "gateway_record"},
    get="""`curl -H "Authorization: Bearer $OPENROUTER_API_KEY" \
"https://openrouter.ai/api/v1/generation?id=gen-…"` for each id that your calls got back, one JSON object a
line; or *Activity*, *Export*, CSV in the console.""",
)
READERS = (RecordReader(format=FORMAT, match=match, take=take, by_value=ANY),)
