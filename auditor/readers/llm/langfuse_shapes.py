"""The shapes in which Langfuse hands out traces and observations, and what one observation says.

It knows where things stand; which record is put, and beneath which trace, is settled by the reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from auditor.evidence.builder import Builder
from auditor.readers.llm.langchain import Put, error_of, listing, mapping, pairs, run_metadata, run_tags

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
# the same counts where older versions and the tables of the UI have them
_OLDER = {
    "tokens_input": ("promptTokens", "inputUsage", "inputTokens"),
    "tokens_output": ("completionTokens", "outputUsage", "outputTokens"),
    "tokens_total": ("totalTokens", "totalUsage"),
}
_COSTS = ("totalCost", "calculatedTotalCost")


def camel(record: dict[str, Any]) -> dict[str, Any]:
    """A record with the API's own names; blob storage exports write them in snake case."""
    return {_SNAKE.sub(lambda m: m[1].upper(), key): value for key, value in record.items()}


def is_observation(record: dict[str, Any]) -> bool:
    """Whether a record (API names) is an observation."""
    kind = str(record.get("type", "")).upper()
    return "traceId" in record and kind in TYPES and bool(_OF_OBSERVATIONS & set(record))


def is_trace(record: dict[str, Any]) -> bool:
    """Whether a record (API names) is a trace, with or without its observations."""
    if "htmlPath" in record or ("bookmarked" in record and "sessionId" in record):
        return "id" in record
    held = record.get("observations")
    return isinstance(held, list) and "id" in record and len(_OF_TRACES & set(record)) >= 2


def is_event(record: dict[str, Any]) -> bool:
    """Whether a record is an event of an ingestion batch."""
    kind = record.get("type")
    return isinstance(record.get("body"), dict) and isinstance(kind, str) and bool(_EVENT.fullmatch(kind))


def observed(one: dict[str, Any], builder: Builder) -> Iterator[Put]:
    """What an observation (API names) says of itself."""
    yield from of_both(one, builder)
    name = one.get("traceName")
    if name and name != one.get("name"):
        yield builder.column("workflow_id", "span", "traceName", rank=2000), name
    for key in ("model", "providedModelName"):
        if isinstance(one.get(key), str):
            yield builder.column("model", "span", key), one[key]
            break
    yield from _usage(one, builder)
    yield from _cost(one, builder)
    if one.get("endTime") in (None, "") and one.get("latency") not in (None, ""):
        yield builder.column("latency_ms", "span", "latency", scale=1000), one["latency"]
    if str(one.get("level", "")).upper() == "ERROR":
        yield from error_of(builder, one.get("statusMessage"), "statusMessage")


def of_both(one: dict[str, Any], builder: Builder) -> Iterator[Put]:
    """What traces and observations both may say: user, session, environment, tags, metadata."""
    for key, field in (("userId", "user_id"), ("sessionId", "session_id"), ("environment", "environment")):
        if key in one:
            yield builder.column(field, "span", key), one[key]
    for key in ("tags", "traceTags"):
        yield from run_tags(builder, one.get(key), key)
    held = mapping(one.get("metadata"))
    own = {k: v for k, v in held.items() if k not in ("resourceAttributes", "scope", "attributes")}
    yield from run_metadata(builder, own, "metadata")
    yield from pairs(builder, mapping(held.get("attributes")), "metadata.attributes", "span")


def process_of(one: dict[str, Any]) -> dict[str, Any]:
    """What the process wrote of itself, where the observation came in by OpenTelemetry."""
    return mapping(mapping(one.get("metadata")).get("resourceAttributes"))


def _usage(one: dict[str, Any], builder: Builder) -> Iterator[Put]:
    for outer in ("usageDetails", "usage"):
        held = mapping(one.get(outer))
        if str(held.get("unit") or "TOKENS").upper() != "TOKENS":
            continue
        found = {
            field: next(((n, held[n]) for n in names if held.get(n) is not None), None)
            for field, names in _USAGE.items()
        }
        if any(v and _counts(v[1]) for v in found.values()):
            for field, told in found.items():
                if told is not None:
                    yield builder.column(field, "span", f"{outer}.{told[0]}"), told[1]
            return
    # the older tables say 0 of what they do not know
    flat = [(f, n, one[n]) for f, names in _OLDER.items() for n in names if one.get(n) not in (None, "")]
    if any(_counts(value) for _, _, value in flat):
        for field, name, value in flat:
            yield builder.column(field, "span", name), value


def _counts(value: Any) -> bool:
    return value not in (0, "0", 0.0, "", None)


def costs(one: dict[str, Any]) -> list[tuple[str, Any]]:
    """The totals that a record gives for itself, the best first."""
    details, usage = mapping(one.get("costDetails")), mapping(one.get("usage"))
    named = [("costDetails.total", details.get("total")), *((key, one.get(key)) for key in _COSTS)]
    named.append(("usage.totalCost", usage.get("totalCost")))
    return [(key, value) for key, value in named if value not in (None, "")]


def _cost(one: dict[str, Any], builder: Builder) -> Iterator[Put]:
    for rank, (key, value) in enumerate(costs(one)):
        yield builder.column("cost_usd", "span", key, rank=rank), value


def breakdown(one: dict[str, Any]) -> int | None:
    """Nano-dollars of all parts of `costDetails` but the total, or None where there are none."""
    parts = [v for k, v in mapping(one.get("costDetails")).items() if k != "total"]
    if not parts or not all(isinstance(v, (int, float)) and 0 <= v < 1e9 for v in parts):
        return None
    return round(float(sum(parts)) * 1e9)


def nested(trace: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """The observations within a trace with their places; a list of ids holds none."""
    held = listing(trace.get("observations"))
    return [(i, camel(o)) for i, o in enumerate(held) if isinstance(o, dict)]
