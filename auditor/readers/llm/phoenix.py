"""Phoenix (Arize) spans: the API's pages, JSON lines of spans, and data frames as JSON records or CSV.

A span of kind `LLM` or `EMBEDDING` is a call, every other span is context. Attributes have OpenInference
names, flat (`attributes.llm.token_count.prompt` as a column) or nested, as older exports have them; pairs of
the user's own stand in `metadata`, often as JSON text, and in `tag.tags`. All of it stands at `span`. The
export has no resource: what only the process says cannot be seen in it. It never carries the IAM principal,
AWS tags or an AWS request id of its own. Messages, input and output values and events are never kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.ids import hex_id
from auditor.framing.nested import MAX_NESTING, is_body, is_container
from auditor.framing.times import to_ns
from auditor.readers.contract import RecordReader
from auditor.readers.shared.carries import MODEL, OWNERS, TOKENS, at_scope
from auditor.readers.shared.nested import listing, mapping
from auditor.readers.shared.spans import SpanRows

CALLS = frozenset({"LLM", "EMBEDDING"})
PREFIX = "attributes."
_SPACES = ("request", "response")  # name spaces of attributes, which are names of bodies too
_IDS = frozenset({"context.trace_id", "context.span_id"})


def match(record: dict[str, Any]) -> float:
    """The ids of a span within `context` next to `span_kind`, or both as columns; never with a resource."""
    if "resource" in record:
        return 0.0
    context = record.get("context")
    if isinstance(context, dict) and "span_kind" in record:
        return 1.0 if {"trace_id", "span_id"} <= set(context) else 0.0
    flat = any(key.startswith(PREFIX) for key in record) or "span_kind" in record
    return 1.0 if flat and record.keys() >= _IDS else 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One span."""
    context = mapping(record.get("context"))
    kind = str(record.get("span_kind") or "").upper()
    rows = builder.state(SpanRows)
    row = rows.add(
        attributes(record),
        trace_id=_hex(context.get("trace_id") or record.get("context.trace_id")),
        span_id=_hex(context.get("span_id") or record.get("context.span_id")),
        parent_id=_hex(record.get("parent_id")),
        name=str(record.get("name") or ""),
        started_at=to_ns(record.get("start_time")),
        ended_at=to_ns(record.get("end_time")),
        error=str(record.get("status_code") or "").upper().endswith("ERROR"),
        offset=offset,
        pointer=pointer,
        kind="call" if kind in CALLS else "context",
    )
    for event in listing(record.get("events")):
        values = mapping(event)
        error = mapping(values.get("attributes")).get("exception.type") or values.get("exception.type")
        if error:
            builder.column("error_code", "attempt", "events.exception.type").put(row, error)
            break


def _hex(value: Any) -> str | None:
    """An id as hex; an empty cell of a table is none."""
    text = value.strip() if isinstance(value, str) else ""
    return hex_id(text) if text and text.lower() not in ("nan", "none", "null") else None


def attributes(record: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The attributes as flat pairs, from a mapping that may be nested or from columns."""
    stack: list[tuple[str, Any, int]] = [("", mapping(record.get("attributes")), 0)]
    stack += [(k[len(PREFIX) :], v, 1) for k, v in record.items() if k.startswith(PREFIX) and v != ""]
    while stack:
        key, value, level = stack.pop()
        if not isinstance(value, dict) or is_container(key):
            if key and value is not None and value == value:  # an empty cell of a data frame is NaN
                yield key, value
            continue
        if level >= MAX_NESTING:
            continue
        for name, inner in value.items():
            body = isinstance(inner, (dict, list)) and is_body(name, inner)
            if not body or name in _SPACES:
                stack.append((f"{key}.{name}" if key else name, inner, level + 1))


FORMAT = Format(
    name="phoenix-export",
    layer="app",
    title="Phoenix spans",
    own_keys=frozenset({"kind", "name"}),
    carries=at_scope(
        "span",
        *(*OWNERS, "request_id session_id user_id cost_usd", *MODEL, *TOKENS),
        "latency_ms cost_center agent",
    )
    | {"trace_id": "trace", "error_code": "attempt"},
    get="""`curl "$PHOENIX_HOST/v1/projects/PROJECT/spans?limit=1000"`, or in Python
`Client().spans.get_spans_dataframe(project_identifier="PROJECT").to_json("spans.jsonl", orient="records",
lines=True)`.""",
)
READERS = (RecordReader(format=FORMAT, match=match, take=take),)
