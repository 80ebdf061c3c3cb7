"""Grafana Tempo: a trace from `/api/traces/<id>` or `/api/v2/traces/<id>`, or the hits of a TraceQL search.

A trace is OTLP under another name: ids in base64, kinds as names; which span is a call and where its fields
stand is as in `otlp-json`. The hits of a search hold only the attributes that the query selected, so a field
that no hit shows is not judged. Prompt bodies are never kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from auditor.evidence.builder import Builder, ReaderState
from auditor.evidence.formats import Format
from auditor.framing.ids import hex_id
from auditor.framing.times import to_ns
from auditor.readers.contract import RecordReader
from auditor.readers.otlp.documents import Otlp
from auditor.readers.otlp.json import SIGNALS
from auditor.readers.otlp.shapes import document_of, loose, reason_of, text_of
from auditor.readers.shared.spans import CARRIES, end_of

_GROUPS = frozenset({"scopeSpans", "instrumentationLibrarySpans", "scope_spans"})


def match(record: dict[str, Any]) -> float:
    """Batches of spans by process, a trace around them, or hits with spans."""
    if _blocks(record) is not None:
        return 1.0
    traces = record.get("traces")
    if isinstance(traces, list) and traces and all(isinstance(t, dict) and "traceID" in t for t in traces):
        return 1.0 if any("spanSets" in t or "spanSet" in t or "rootTraceName" in t for t in traces) else 0.0
    return 0.0


def _blocks(record: dict[str, Any]) -> tuple[str, list[Any]] | None:
    """The blocks of spans and their pointer; None where there are none."""
    inner = record.get("trace")
    for path, blocks in (("/batches", record.get("batches")), *_inside(inner)):
        if isinstance(blocks, list) and any(isinstance(b, dict) and _GROUPS & b.keys() for b in blocks):
            return path, blocks
    return None


def _inside(trace: Any) -> list[tuple[str, Any]]:
    names = ("resourceSpans", "batches")
    return [(f"/trace/{n}", trace.get(n)) for n in names] if isinstance(trace, dict) else []


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One trace, or the hits of one search."""
    blocks = _blocks(record)
    if blocks is None:
        _search(record, builder, offset, pointer or "")
        return
    path, resource_spans = blocks
    otlp, before = builder.state(Otlp, SIGNALS), builder.records
    data = msgspec.json.encode({"resourceSpans": resource_spans})
    try:
        otlp.traces.put(document_of(data).resource_spans, offset, 0, (pointer or "") + path)
    except Exception as error:  # noqa: BLE001 - one malformed span must not cost the others
        builder.undo(before)
        if not otlp.put_each(data, offset, None, "", (pointer or "") + path):
            builder.skip(None, reason_of(error))


def _search(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str) -> None:
    for i, trace in enumerate(record["traces"]):
        path = f"{pointer}/traces/{i}"
        hits = list(_hits(trace, path))
        if not hits:
            builder.row("context", offset=offset, pointer=path, name=text_of(trace.get("rootTraceName")))
        seen: set[str] = set()
        for at, span in hits:
            span_id = str(span.get("spanID")) if isinstance(span, dict) else ""
            if not isinstance(span, dict):
                builder.skip(None, "a hit that is no span")
            elif span_id not in seen:
                # a span in two sets of hits is one record
                seen.add(span_id)
                builder.attempt(None, _hit, span, trace, builder, offset, at)


def _hits(trace: dict[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    """The spans of a trace that a search found, each with its pointer."""
    listed = trace.get("spanSets")
    sets = [(f"{path}/spanSets/{j}", s) for j, s in enumerate(listed)] if isinstance(listed, list) else []
    for at, span_set in sets or [(f"{path}/spanSet", trace.get("spanSet"))]:
        spans = span_set.get("spans") if isinstance(span_set, dict) else None
        for k, span in enumerate(spans if isinstance(spans, list) else ()):
            yield f"{at}/spans/{k}", span


def _hit(
    span: dict[str, Any], trace: dict[str, Any], builder: Builder, offset: int | None, pointer: str
) -> None:
    rows = builder.state(Otlp, SIGNALS).traces
    started_at, duration = to_ns(_number(span.get("startTimeUnixNano"))), _number(span.get("durationNanos"))
    service = trace.get("rootServiceName")
    attributes = span.get("attributes")
    rows.add(
        [
            (str(a.get("key")), loose(a.get("value")))
            for a in (attributes if isinstance(attributes, list) else ())
            if isinstance(a, dict)
        ],
        trace_id=hex_id(str(trace["traceID"])).rjust(32, "0"),
        span_id=hex_id(str(span.get("spanID") or "")) or None,
        name=text_of(span.get("name")),
        started_at=started_at,
        ended_at=end_of(started_at, duration),
        process=rows.process_of([("service.name", service)]) if service else None,
        offset=offset,
        pointer=pointer,
    )
    builder.state(Selection)


def _number(value: Any) -> int | None:
    return int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdigit()) else None


class Selection(ReaderState):
    """State of an input with hits of a search: what no hit shows is unknown, not missing."""

    def finish(self) -> None:
        """Limit the known columns to those that some hit shows; the others were not selected."""
        builder = self.builder
        builder.columns_known = frozenset(slot.field for slot in builder.slots) | {"trace_id", "latency_ms"}
        builder.note("hits of a search hold only what its `select()` names; fetch the traces for the rest")


FORMAT = Format(
    name="tempo",
    layer="app",
    title="Grafana Tempo traces",
    own_keys=frozenset({"kind", "name"}),
    carries=CARRIES,
    get="""`curl "$TEMPO/api/v2/traces/$TRACE_ID" > trace.json`, or in Grafana Explore: Inspector, Data, \
download. A search with
`| select(span.tenant.id, span.gen_ai.request.model, span.gen_ai.usage.input_tokens)` shows only what it
selects.""",
)
READERS = (
    RecordReader(format=FORMAT, match=match, take=take, by_value=frozenset({"batches", "trace", "traces"})),
)
