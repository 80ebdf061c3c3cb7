"""OTLP documents, from JSON or protobuf, put into the table: each signal by its own rules, spans in bulk.

Bodies are never kept.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import cached_property
from typing import Any, NamedTuple

import msgspec

from auditor.evidence.builder import Builder, ReaderState
from auditor.evidence.formats import Format
from auditor.framing.ids import hex_id
from auditor.framing.json_values import decode
from auditor.framing.nested import is_container
from auditor.readers.otlp.logs import LogRows
from auditor.readers.otlp.metrics import MetricRows
from auditor.readers.otlp.shapes import (
    Document,
    Pair,
    Processes,
    ResourceSpans,
    ScopeSpans,
    document_of,
    events_of,
    nanoseconds,
    plain,
)
from auditor.readers.shared.spans import SPAN_KINDS, FreeKey, SpanRows

_PARTS = (
    ("resourceSpans", ("scopeSpans", "instrumentationLibrarySpans"), "spans"),
    ("resourceLogs", ("scopeLogs",), "logRecords"),
    ("resourceMetrics", ("scopeMetrics",), "metrics"),
)
_ERRORS = (2, "STATUS_CODE_ERROR")
_OPENING = ("{", "[")
_EVENT_KEY = re.compile(rb'"key"\s*:\s*"([^"\\]{1,256})"')


class Signals(NamedTuple):
    """The formats of the three signals in one encoding."""

    traces: Format
    logs: Format
    metrics: Format


class Otlp(ReaderState):
    """Puts the documents of one input into the table, each signal under its own format."""

    def __init__(self, builder: Builder, signals: Signals) -> None:
        super().__init__(builder)
        self.signals = signals

    @cached_property
    def traces(self) -> Spans:
        """The rows of spans, in the input's own format where that is one of traces (`tempo`)."""
        own = self.builder.format.name not in (self.signals.logs.name, self.signals.metrics.name)
        return Spans(self.builder if own else self._builder(self.signals.traces))

    @cached_property
    def logs(self) -> LogRows:
        """The rows of log records."""
        return LogRows(self._builder(self.signals.logs))

    @cached_property
    def metrics(self) -> MetricRows:
        """The rows of points of metrics."""
        return MetricRows(self._builder(self.signals.metrics))

    def _builder(self, format_: Format) -> Builder:
        return self.builder.for_format(format_, self.builder.layer)

    def put(self, document: Document, offset: int | None, nth: int = 0, within: str | None = None) -> int:
        """Put one document; returns the number after its last record.

        `within` is the pointer of a document inside another.
        """
        if document.resource_spans:
            root = None if within is None else f"{within}/resourceSpans"
            nth = self.traces.put(document.resource_spans, offset, nth, root)
        root = None if offset is None else within or ""
        if document.resource_logs:
            nth = self.logs.put(document.resource_logs, offset, nth, root)
        if document.resource_metrics:
            nth = self.metrics.put(document.resource_metrics, offset, nth, root)
        return nth

    def put_each(
        self, data: bytes, offset: int | None, line: int | None, within: str, listed: str = ""
    ) -> int:
        """Put a JSON document record by record, malformed ones as skips; returns the number of its pieces.

        `within` is the pointer of the document, `listed` that of its list where that has another name.
        """
        value, skipped = decode(data), self.builder.skipped_total
        nth = 0
        for root, middles, leaf in _PARTS:
            for i, block in self._items(value, root, line):
                for middle in middles:
                    for j, group in self._items(block, middle, line):
                        for k, record in self._items(group, leaf, line):
                            alone = {"resource": block.get("resource", {}), middle: [{leaf: [record]}]}
                            at = f"{listed or f'{within}/{root}'}/{i}/{middle}/{j}/{leaf}/{k}"
                            nth = self._put_one({root: [alone]}, at, offset, nth, line)
        return nth + self.builder.skipped_total - skipped

    def _items(self, value: Any, name: str, line: int | None) -> list[tuple[int, Any]]:
        """The objects of a list, numbered; any other element is a skip."""
        listed = value.get(name) if isinstance(value, dict) else None
        if listed is None:
            return []
        items = listed if isinstance(listed, list) else [None]
        for _ in (item for item in items if not isinstance(item, dict)):
            self.builder.skip(line, f"not the OTLP shape: an element of `{name}` is no object")
        return [(i, item) for i, item in enumerate(items) if isinstance(item, dict)]

    def _put_one(
        self, document: dict[str, Any], pointer: str, offset: int | None, nth: int, line: int | None
    ) -> int:
        """Put a document of one record, at a pointer of the whole document; returns the next number."""
        reading = self.builder.reading
        before = reading.records
        try:
            self.put(document_of(msgspec.json.encode(document)), offset, nth)
        except msgspec.ValidationError as error:
            self.builder.undo(before)
            self.builder.skip(line, f"not the OTLP shape: {_inside(error)}`{pointer}`")
        except Exception as error:  # noqa: BLE001 - one malformed record must not cost the others
            self.builder.fail(before, line, error)
        for builder in reading.builders.values():
            for row in range(bisect_left(builder.ids["record"], before), builder.n):
                builder.ids["pointer"][row] = pointer
        return nth + max(reading.records - before, 1)

    def finish(self) -> None:
        """Add the notes on metrics, where the input has any."""
        if "metrics" in self.__dict__:
            self.metrics.finish()


def _inside(error: Exception) -> str:
    """The part of the only record of a document that has another shape, as text for a reason."""
    path = str(error).rpartition("`$")[2].rstrip("`").split("[0]", 3)
    return f"`{path[3].lstrip('.')}` of " if len(path) > 3 and path[3] else ""


class Spans(SpanRows):
    """Puts spans into one builder."""

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder)
        self.resources = Processes(builder)
        self.event_names: dict[bytes, bool] = {}  # keys of events, and whether they can say anything

    def put(self, blocks: list[ResourceSpans], offset: int | None, nth: int, root: str | None = None) -> int:
        """Put the spans of some processes; `root` is the pointer of the list within another document."""
        for i, block in enumerate(blocks):
            process = self.resources.number(block.resource)
            name = "scopeSpans" if block.scope_spans else "instrumentationLibrarySpans"
            for j, group in enumerate(block.scope_spans or block.instrumentation_library_spans):
                self.group(group, process, offset, nth)
                size = len(group.spans)
                nth += size
                if root is not None and size:
                    at = f"{root}/{i}/{name}/{j}/spans"
                    self.builder.ids["pointer"][-size:] = [f"{at}/{k}" for k in range(size)]
        return nth

    def group(self, group: ScopeSpans, process: int | None, offset: int | None, nth: int) -> None:
        """Put the spans of one scope: identity in bulk, then each attribute with a meaning."""
        builder, spans = self.builder, group.spans
        size = len(spans)
        first = builder.rows(size, offset=offset, process=process, nth=nth)
        ids = builder.ids
        ids["span_id"] += [s.span_id if len(s.span_id) == 16 else hex_id(s.span_id) for s in spans]
        ids["parent_id"] += [
            None if not (p := s.parent_span_id) else p if len(p) == 16 else hex_id(p) for s in spans
        ]
        ids["started_at"] += [nanoseconds(s.start_time_unix_nano) for s in spans]
        ids["ended_at"] += [nanoseconds(s.end_time_unix_nano) for s in spans]
        ids["name"] += [s.name for s in spans]
        ids["outcome"] += [
            "error" if s.status is not None and s.status.code in _ERRORS else None for s in spans
        ]
        self.trace.rows.extend(range(first, first + size))
        self.trace.values += [s.trace_id if len(s.trace_id) == 32 else hex_id(s.trace_id) for s in spans]
        self._library(group, first)
        for row, span in enumerate(spans, first):
            if span.dropped_attributes_count:
                self.dropped.put(row, True)
            self._attributes(row, span.attributes)
            if len(span.events) > len("[]"):
                self._events(row, bytes(span.events))

    def _library(self, group: ScopeSpans, first: int) -> None:
        """Put who wrote the spans of a scope, and on which side of an exchange each one is."""
        rows = range(first, first + len(group.spans))
        self.span_kind.rows.extend(rows)
        self.span_kind.values += [SPAN_KINDS.get(s.kind) for s in group.spans]
        scope = group.scope or group.instrumentation_library
        if scope is not None and scope.name:
            self.library.rows.extend(rows)
            self.library.values += [scope.name] * len(rows)

    def _attributes(self, row: int, pairs: list[Pair]) -> None:
        """Put each attribute with a meaning, and what a map under any other key holds."""
        known = self.meanings.known
        for pair in pairs:
            try:
                action = known[pair.key]
            except KeyError:
                action = self.meanings.learn(pair.key)
            if action is None:
                continue
            any_value = pair.value
            value: Any = None if any_value is None else any_value.string_value
            if value is None:
                if action.__class__ is FreeKey and not (
                    any_value and (any_value.kvlist_value or any_value.array_value)
                ):
                    continue
                value = plain(any_value)
                if value.__class__ is list and action.__class__ is tuple:
                    self.several(row, pair.key, value, action)  # type: ignore[arg-type]
                    continue
            if action.__class__ is tuple:
                # a comparison of classes is the cheapest test, but no type checker narrows by it
                action[0](row)  # type: ignore[operator]
                action[1](value)  # type: ignore[operator]
            elif action.__class__ is FreeKey and value.__class__ is str and value[:1] not in _OPENING:
                action.rows(row)
                action.values(value)
            else:
                self.nested(row, pair.key, value, action.kind)  # type: ignore[union-attr]

    def _events(self, row: int, raw: bytes) -> None:
        """Put what the events of a span say of it; decoded only where a key of theirs is that of a field."""
        known = self.event_names
        for key in _EVENT_KEY.findall(raw):
            if key not in known:
                name = key.decode("utf-8", "replace")
                known[key] = is_container(name) or self.event_key(name) is not None
            if known[key]:
                break
        else:
            return
        for pair in events_of(raw):
            self.event_attribute(row, pair.key, plain(pair.value))
