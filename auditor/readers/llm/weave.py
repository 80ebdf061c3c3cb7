"""Weave calls: the operations of a trace, as the trace server's API or an export gives them, one a line.

A model call is an operation whose `summary.usage` has a model, and below which no other operation has usage:
the operations above it repeat the sums of what they called. The model is a key of the map; costs are under
`summary.weave.costs`, by the same key, an estimate. Owners are attributes (`weave.attributes({…})`). The key
`wb_user_id` and the project are of the tool and name no customer. The reader never reads inputs and outputs.
"""

from __future__ import annotations

from typing import Any

from auditor.evidence.builder import Builder, ReaderState
from auditor.evidence.formats import Format
from auditor.framing.times import to_ns
from auditor.readers.contract import RecordReader
from auditor.readers.shared.carries import CALLER_FIELDS, TOKEN_TOTALS, at_scope
from auditor.readers.shared.named_keys import Named, put_named
from auditor.readers.shared.nested import mapping, put_nested

USAGE = {
    "prompt_tokens": Named("tokens_input", "span"),
    "input_tokens": Named("tokens_input", "span", 1),
    "completion_tokens": Named("tokens_output", "span"),
    "output_tokens": Named("tokens_output", "span", 1),
    "total_tokens": Named("tokens_total", "span"),
    "cache_read_input_tokens": Named("tokens_cache_read", "span"),
    "cache_creation_input_tokens": Named("tokens_cache_write", "span"),
}
_COSTS = (
    "prompt_tokens_total_cost",
    "completion_tokens_total_cost",
    "cache_read_input_tokens_total_cost",
    "cache_creation_input_tokens_total_cost",
)
Kept = tuple[dict[str, Any], "int | None", "str | None"]


class Operations(ReaderState):
    """The operations of an input that have usage, and which operations are above one of them."""

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder)
        self.kept: list[Kept] = []

    def finish(self) -> None:
        """Put operations with usage as calls, and those above one of them as context."""
        parents = {str(r["id"]): r.get("parent_id") for r, _, _ in self.kept}
        above = {parent for parent in parents.values() if parent is not None}
        for record, offset, pointer in self.kept:
            _put(record, self.builder, offset, pointer, is_call=str(record["id"]) not in above)
        self.kept.clear()


def match(record: dict[str, Any]) -> float:
    """The address of an operation, beside the ids of its trace."""
    name = record.get("op_name")
    own = {"id", "trace_id", "parent_id", "project_id"} & record.keys()
    return 1.0 if isinstance(name, str) and len(own) >= 3 and "started_at" in record else 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One operation; those with usage are put once all are known."""
    kept = {key: value for key, value in record.items() if key not in ("inputs", "output")}
    if _usage(kept):
        place = builder.reading.absolute(offset)
        builder.state(Operations).kept.append((kept, place, pointer))
    else:
        _put(kept, builder, offset, pointer, is_call=False)


def _usage(record: dict[str, Any]) -> dict[str, Any]:
    """The usage of an operation by model."""
    usage = mapping(mapping(record.get("summary")).get("usage"))
    return {model: counts for model, counts in usage.items() if isinstance(counts, dict)}


def _put(
    record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None, *, is_call: bool
) -> None:
    own = mapping(mapping(record.get("summary")).get("weave"))
    usage, costs = _usage(record), mapping(own.get("costs"))
    operation = str(record.get("op_name") or "").rsplit("/op/", 1)[-1].partition(":")[0]
    # several models are several calls: each has counts of its own
    for nth, model in enumerate(usage if is_call else [""]):
        row = builder.row(
            "call" if is_call else "context",
            offset=offset,
            nth=nth,
            pointer=pointer,
            span_id=str(record.get("id")) if nth == 0 else None,
            parent_id=record.get("parent_id"),
            started_at=to_ns(record.get("started_at")),
            ended_at=to_ns(record.get("ended_at")),
            name=operation,
            outcome="error" if record.get("exception") else None,
        )
        builder.column("trace_id", "trace", "trace_id").put(row, record.get("trace_id"))
        attributes = {k: v for k, v in mapping(record.get("attributes")).items() if k != "weave"}
        put_nested(builder, row, "attributes", attributes, "span")
        if record.get("thread_id"):
            builder.column("session_id", "session", "thread_id").put(row, record["thread_id"])
        if is_call:
            builder.column("model", "span", "summary.usage").put(row, model)
            put_named(builder, row, usage[model], USAGE, "summary.usage[*].")
            _put_cost(builder, row, mapping(costs.get(model)))


def _put_cost(builder: Builder, row: int, costs: dict[str, Any]) -> None:
    parts = [costs[key] for key in _COSTS if isinstance(costs.get(key), (int, float))]
    if parts:
        builder.column("cost_usd", "span", "summary.weave.costs").put(row, round(sum(parts), 12))


FORMAT = Format(
    name="weave-calls",
    layer="app",
    title="Weave calls",
    carries=at_scope(
        "span",
        *(*CALLER_FIELDS, "request_id model cost_usd latency_ms tokens_cache_read tokens_cache_write"),
        *TOKEN_TOTALS,
    )
    | {"trace_id": "trace"},
    get="""Export the calls of a project as JSON lines (Traces, Export), with costs; set the owner around each
call: `with weave.attributes({"tenant_id": "acme"}): …`.""",
)
READERS = (RecordReader(format=FORMAT, match=match, take=take),)
