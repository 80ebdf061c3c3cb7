"""The shapes in which Langfuse exports traces and observations, and the values of one observation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from auditor.evidence.builder import Builder
from auditor.readers.llm.langchain import Put, error_of, pairs, run_metadata, run_tags
from auditor.readers.shared.nested import listing, mapping

CALLS = frozenset({"GENERATION", "EMBEDDING"})
TYPES = CALLS | frozenset(
    "SPAN EVENT AGENT TOOL CHAIN RETRIEVER EVALUATOR GUARDRAIL RERANKER UNKNOWN".split()
)
_OF_OBSERVATIONS = frozenset(
    """projectId parentObservationId usageDetails costDetails internalModelId modelParameters statusMessage
    completionStartTime isRootObservation providedModelName""".split()
)
_OF_TRACES = frozenset(
    "htmlPath bookmarked observationCount sessionId userId projectId public release".split()
)
_EVENT = re.compile(r"(trace|span|generation|event|observation|score|sdk)-(create|update|log)|sdk-log")
_SNAKE = re.compile(r"_([a-z])")
# field -> its names in `usageDetails`; the buckets are disjoint
_USAGE = {
    "tokens_input": ("input", "input_tokens", "prompt_tokens", "promptTokens"),
    "tokens_output": ("output", "output_tokens", "completion_tokens", "completionTokens"),
    "tokens_total": ("total", "total_tokens", "totalTokens"),
    "tokens_cache_read": ("cache_read_input_tokens", "input_cached_tokens", "input_cache_read"),
    "tokens_cache_write": ("cache_creation_input_tokens", "input_cache_creation", "cache_write_input_tokens"),
    "tokens_reasoning": ("output_reasoning_tokens", "output_reasoning", "reasoning_tokens"),
}
# the same counts in older versions and in the tables of the UI
_OLDER = {
    "tokens_input": ("promptTokens", "inputUsage", "inputTokens"),
    "tokens_output": ("completionTokens", "outputUsage", "outputTokens"),
    "tokens_total": ("totalTokens", "totalUsage"),
}
_COSTS = ("totalCost", "calculatedTotalCost")


def camel(record: dict[str, Any]) -> dict[str, Any]:
    """A record with the API's own names; blob storage exports have them in snake case."""
    return {_SNAKE.sub(lambda m: m[1].upper(), key): value for key, value in record.items()}


def is_observation(record: dict[str, Any]) -> bool:
    """Whether a record (API names) is an observation."""
    kind = str(record.get("type", "")).upper()
    return "traceId" in record and kind in TYPES and bool(_OF_OBSERVATIONS & set(record))


def is_trace(record: dict[str, Any]) -> bool:
    """Whether a record (API names) is a trace, with or without its observations."""
    if "htmlPath" in record or ("bookmarked" in record and "sessionId" in record):
        return "id" in record
    observations = record.get("observations")
    return isinstance(observations, list) and "id" in record and len(_OF_TRACES & set(record)) >= 2


def is_event(record: dict[str, Any]) -> bool:
    """Whether a record is an event of an ingestion batch."""
    kind = record.get("type")
    return isinstance(record.get("body"), dict) and isinstance(kind, str) and bool(_EVENT.fullmatch(kind))


def observed(record: dict[str, Any], builder: Builder) -> Iterator[Put]:
    """The values of an observation (API names)."""
    yield from of_both(record, builder)
    name = record.get("traceName")
    if name and name != record.get("name"):
        yield builder.column("workflow_id", "span", "traceName", rank=2000), name
    for key in ("model", "providedModelName"):
        if isinstance(record.get(key), str):
            yield builder.column("model", "span", key), record[key]
            break
    yield from _usage(record, builder)
    yield from _cost(record, builder)
    if record.get("endTime") in (None, "") and record.get("latency") not in (None, ""):
        yield builder.column("latency_ms", "span", "latency", scale=1000), record["latency"]
    if str(record.get("level", "")).upper() == "ERROR":
        yield from error_of(builder, record.get("statusMessage"), "statusMessage")


def of_both(record: dict[str, Any], builder: Builder) -> Iterator[Put]:
    """The values that traces and observations both can have: user, session, environment, tags, metadata."""
    for key, field in (("userId", "user_id"), ("sessionId", "session_id"), ("environment", "environment")):
        if key in record:
            yield builder.column(field, "span", key), record[key]
    for key in ("tags", "traceTags"):
        yield from run_tags(builder, record.get(key), key)
    metadata = mapping(record.get("metadata"))
    own = {k: v for k, v in metadata.items() if k not in ("resourceAttributes", "scope", "attributes")}
    yield from run_metadata(builder, own, "metadata")
    yield from pairs(builder, mapping(metadata.get("attributes")), "metadata.attributes", "span")


def process_of(record: dict[str, Any]) -> dict[str, Any]:
    """The resource attributes of an observation that was sent by OpenTelemetry."""
    return mapping(mapping(record.get("metadata")).get("resourceAttributes"))


def _usage(record: dict[str, Any], builder: Builder) -> Iterator[Put]:
    for outer in ("usageDetails", "usage"):
        usage = mapping(record.get(outer))
        if str(usage.get("unit") or "TOKENS").upper() != "TOKENS":
            continue
        counts = {
            field: next(((n, usage[n]) for n in names if usage.get(n) is not None), None)
            for field, names in _USAGE.items()
        }
        if any(v and _counts(v[1]) for v in counts.values()):
            for field, count in counts.items():
                if count is not None:
                    yield builder.column(field, "span", f"{outer}.{count[0]}"), count[1]
            return
    # the older tables have 0 for an unknown count
    flat = [
        (f, n, record[n]) for f, names in _OLDER.items() for n in names if record.get(n) not in (None, "")
    ]
    if any(_counts(value) for _, _, value in flat):
        for field, name, value in flat:
            yield builder.column(field, "span", name), value


def _counts(value: Any) -> bool:
    return value not in (0, "0", 0.0, "", None)


def costs(record: dict[str, Any]) -> list[tuple[str, Any]]:
    """The total costs in a record with their keys, the best first."""
    details, usage = mapping(record.get("costDetails")), mapping(record.get("usage"))
    named = [("costDetails.total", details.get("total")), *((key, record.get(key)) for key in _COSTS)]
    named.append(("usage.totalCost", usage.get("totalCost")))
    return [(key, value) for key, value in named if value not in (None, "")]


def _cost(record: dict[str, Any], builder: Builder) -> Iterator[Put]:
    for rank, (key, value) in enumerate(costs(record)):
        yield builder.column("cost_usd", "span", key, rank=rank), value


def breakdown(record: dict[str, Any]) -> int | None:
    """Nano-dollars of all parts of `costDetails` but the total, or None where there are none."""
    parts = [v for k, v in mapping(record.get("costDetails")).items() if k != "total"]
    if not parts or not all(isinstance(v, (int, float)) and 0 <= v < 1e9 for v in parts):
        return None
    return round(float(sum(parts)) * 1e9)


def observations_of(trace: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """The observations within a trace with their places; ids among them are left out."""
    items = listing(trace.get("observations"))
    return [(i, camel(o)) for i, o in enumerate(items) if isinstance(o, dict)]
