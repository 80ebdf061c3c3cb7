"""What Datadog's APM spans and LLM Observability events share: ids, tags, and the parts of an LLM event.

Inputs and outputs are never read; the name of a span is no workflow.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from auditor.evidence.builder import Builder
from auditor.framing.nested import is_body, leaves, opened_text, tag_pair
from auditor.readers.shared.spans import SpanRows

CALL_KINDS = frozenset({"llm", "embedding"})
# tags of an event that the tracer itself writes
_OWN_TAGS = frozenset(
    """service env version source language integration error error_type agent_service ddtrace.version
    ml_app parent_id llmobs_trace_id runtime-id""".split()
)
_METRICS = {
    "input_tokens": ("tokens_input", 0),
    "prompt_tokens": ("tokens_input", 1),
    "output_tokens": ("tokens_output", 0),
    "completion_tokens": ("tokens_output", 1),
    "total_tokens": ("tokens_total", 0),
    "cache_read_input_tokens": ("tokens_cache_read", 0),
    "cache_write_input_tokens": ("tokens_cache_write", 0),
    "reasoning_output_tokens": ("tokens_reasoning", 0),
    "total_cost": ("cost_usd", 0),
}
NANO = 1e-9  # Datadog's own estimates are in nano-dollars


def mapping(value: Any) -> dict[str, Any]:
    """A mapping, or JSON text of one; of anything else an empty one."""
    if isinstance(value, str) and value[:1] == "{":
        value = opened_text(value)
    return {str(k): v for k, v in value.items()} if isinstance(value, dict) else {}


def kind_of(event: dict[str, Any]) -> str:
    """The kind of an LLM event: llm, embedding, workflow, agent, tool, task, retrieval; empty without one."""
    meta = mapping(event.get("meta"))
    kind = mapping(meta.get("span")).get("kind") or meta.get("span.kind") or meta.get("kind")
    return str(kind or event.get("span_kind") or "").lower()


def span_id(value: Any) -> str | None:
    """A 64-bit id in decimal, as a number or as text, as 16 hex digits; 0 and `undefined` are none."""
    return _hex(value, 16)


def trace_id(value: Any, high: str | None = None) -> str | None:
    """A trace id as 32 hex digits; `high` is the upper half, which APM keeps in the tag `_dd.p.tid`."""
    low = _hex(value, 32)
    if low is None or not high or low[:16].strip("0"):
        return low
    return high.lower().zfill(16) + low[16:]


def _hex(value: Any, width: int) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value % 2**128:x}".zfill(width) if value else None
    if not isinstance(value, str):
        return None
    text = value.strip().lower().removeprefix("0x")
    if not text.strip("0") or text in ("undefined", "none", "null"):
        return None
    if text.isascii() and text.isdigit() and len(text) not in (16, 32) and len(text) < 40:
        return f"{int(text):x}".zfill(width)
    return text.zfill(width) if set(text) <= set("0123456789abcdef") else value


def tag_pairs(tags: Any) -> Iterator[tuple[str, Any]]:
    """Tags as pairs, from a mapping or from a list of `key:value`."""
    if isinstance(tags, dict):
        for key, value in tags.items():
            yield str(key), value
    for tag in tags if isinstance(tags, list) else ():
        text = str(tag)
        pair = tag_pair(text)
        if pair is not None:
            yield pair
        elif ":" in text:
            key, _, value = text.partition(":")
            yield key, value


def process_of(rows: SpanRows, tags: dict[str, Any], service: Any, prefix: str) -> int | None:
    """The process of a span: its service, and the deployment stage that the tracer was started with."""
    known = {
        "service.name": service or tags.get("service"),
        "env": tags.get("env"),
        "version": tags.get("version"),
    }
    attributes = [(key, value) for key, value in known.items() if value not in (None, "")]
    return rows.process_of(attributes, prefix) if attributes else None


def put_event(event: dict[str, Any], builder: Builder, row: int, prefix: str = "") -> None:
    """Put the values of an LLM event on its span: model, usage, cost, session, tags and metadata."""
    meta, metrics = mapping(event.get("meta")), mapping(event.get("metrics"))
    for field, name in (("model", "model_name"), ("provider", "model_provider")):
        if name in meta:
            builder.column(field, "span", f"{prefix}meta.{name}").put(row, meta[name])
        elif name in event:
            builder.column(field, "span", f"{prefix}{name}").put(row, event[name])
    for name, value in metrics.items():
        if name in _METRICS:
            field, rank = _METRICS[name]
            builder.column(field, "span", f"{prefix}metrics.{name}", rank=rank).put(row, value)
    _cost(metrics, builder, row, prefix)
    if event.get("session_id") is not None:
        builder.column("session_id", "session", f"{prefix}session_id").put(row, event["session_id"])
    put_tags(event.get("tags"), builder, row, "span", f"{prefix}tags.")
    put_metadata(mapping(meta.get("metadata")), builder, row, f"{prefix}meta.metadata.")
    put_metadata(mapping(event.get("metadata")), builder, row, f"{prefix}metadata.")
    error = mapping(meta.get("error")).get("type") or meta.get("error.type")
    if error:
        builder.column("error_code", "attempt", f"{prefix}meta.error.type").put(row, error)


def _cost(metrics: dict[str, Any], builder: Builder, row: int, prefix: str) -> None:
    """Put the sum of the parts where the SDK gave no total, and with a lower rank Datadog's own estimate."""
    parts = [metrics.get(name) for name in ("input_cost", "output_cost")]
    known = [float(p) for p in parts if isinstance(p, (int, float))]
    if known and "total_cost" not in metrics:
        key = f"{prefix}metrics.input_cost + metrics.output_cost"
        builder.column("cost_usd", "span", key, rank=5).put(row, sum(known))
    if "estimated_total_cost" in metrics:
        key = f"{prefix}metrics.estimated_total_cost"
        builder.column("cost_usd", "span", key, rank=9, scale=NANO).put(row, metrics["estimated_total_cost"])


def put_tags(tags: Any, builder: Builder, row: int, scope: str, prefix: str) -> None:
    """Put the user's own tags; of those that the tracer writes only `ml_app`, which is of the process."""
    keys = builder.keys(scope, prefix)
    for key, value in tag_pairs(tags):
        if key == "ml_app":
            builder.column("workflow_id", "process", f"{prefix}ml_app", rank=50).put(row, value)
        if key not in _OWN_TAGS:
            keys.put(row, key, value)


def put_metadata(metadata: dict[str, Any], builder: Builder, row: int, prefix: str) -> None:
    """Put the user's own metadata, flattened."""
    for key, value in metadata.items():
        if is_body(key, value) and not builder.catalogue.names(key):
            continue
        for path, _, leaf in leaves(value, key):
            builder.keys("span", prefix).put(row, path, leaf)
