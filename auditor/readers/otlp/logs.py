"""OTLP log records put into the table: one call out of the events that GenAI instrumentation writes of it.

It never keeps what was said to the model or by it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import Any

import polars as pl

from auditor.evidence.builder import MAX_KEYS, Builder
from auditor.framing.ids import hex_id
from auditor.framing.nested import leaves
from auditor.readers.otlp.shapes import LogRecord, Pair, Processes, ResourceLogs, body_of, nanoseconds, plain
from auditor.readers.shared.free_form import is_call
from auditor.readers.shared.spans import SpanRows, kinds, operations

# the event that stands for the whole call, new and old
CALL_EVENTS = frozenset(
    {"gen_ai.client.inference.operation.details", "gen_ai.choice", "gen_ai.content.completion"}
)
EVENT_KEYS = ("event.name", "event_name")
# what was said or scored, before or after: part of a call
PART_EVENTS = re.compile(r"gen_ai\.(\w+\.message|content\.prompt|evaluation\.\w+)")
# a failed request, by the conventions and by agents that log each request themselves: it has no usage
FAILED_EVENTS = re.compile(r"gen_ai\.client\.operation\.exception|([\w.]+\.)?api_error")
ASIDE = "aside"  # context, whatever its attributes say
_ERROR_SEVERITY = 17
_MODEL_KEYS = frozenset({"model", "gen_ai.request.model", "gen_ai.response.model"})
Span = tuple[str, str]


def with_asides(frame: pl.DataFrame) -> list[pl.Series]:
    """Which records are calls, where some were told to be context already."""
    return [kinds(frame).set(frame["kind"] == ASIDE, "context"), *operations(frame)]


class LogRows(SpanRows):
    """Puts log records into one builder; remembers which calls it saw, and what belongs to calls to come."""

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder)
        builder.classify = with_asides
        self.resources = Processes(builder)
        self.said: dict[Span, list[Pair]] = {}
        self.calls: dict[Span, tuple[int, frozenset[str]]] = {}
        self.meant: dict[str, str | None] = {}

    def put(self, blocks: list[ResourceLogs], offset: int | None, nth: int, root: str | None = None) -> int:
        """Put the log records of some processes; `root` is the pointer of the document."""
        for i, block in enumerate(blocks):
            process = self.resources.number(block.resource)
            for j, group in enumerate(block.scope_logs):
                for k, record in enumerate(group.log_records):
                    pointer = f"{root}/resourceLogs/{i}/scopeLogs/{j}/logRecords/{k}"
                    self.record(record, process, offset, nth, None if root is None else pointer)
                    nth += 1
        return nth

    def record(
        self, record: LogRecord, process: int | None, offset: int | None, nth: int, pointer: str | None
    ) -> None:
        """Put one log record."""
        name = _event(record)
        span = (hex_id(record.trace_id), hex_id(record.span_id))
        kind = self._kind(name, span, record)
        row = self.builder.row(
            kind,
            offset=offset,
            nth=nth,
            pointer=pointer,
            span_id=span[1] or None,
            started_at=nanoseconds(record.time_unix_nano) or nanoseconds(record.observed_time_unix_nano),
            process=process,
            name=name or None,
            outcome="error" if _failed(record, name) else None,
        )
        if span[0]:
            self.trace.put(row, span[0])
        if record.dropped_attributes_count:
            self.dropped.put(row, True)
        self._put(row, record.attributes)
        if not name.startswith("gen_ai."):
            self._body(row, record)
        if not name and self._logged(record):
            self.builder.ids["kind"][row] = "call"
        if all(span) and (kind == "call" or name.startswith("gen_ai.")):
            self._join(row, kind, span, record.attributes)

    def _kind(self, name: str, span: Span, record: LogRecord) -> str:
        """Whether a record is a call, part of one, or to be told by its attributes."""
        if PART_EVENTS.fullmatch(name):
            return ASIDE
        failed = FAILED_EVENTS.fullmatch(name) is not None
        if name not in CALL_EVENTS and not failed:
            return "context"
        if all(span) and span in self.calls and name.startswith("gen_ai."):
            return ASIDE
        return ASIDE if failed and not _MODEL_KEYS & {p.key for p in record.attributes} else "call"

    def _logged(self, record: LogRecord) -> bool:
        """Whether an application's own line tells of a call, as it would in any JSON log."""
        body = body_of(record)
        told: dict[str, Any] = body if isinstance(body, dict) else {"message": body}
        told = told | {p.key: plain(p.value) for p in record.attributes}
        level = "error" if _failed(record, "") else ""
        seen = {f for key, value in told.items() if value not in (None, "") and (f := self._field(key))}
        return is_call(told | {"level": level}, seen)

    def _field(self, key: str) -> str | None:
        """The field that a key of a log record stands for, asked once a key."""
        if key in self.meant:
            return self.meant[key]
        match = self.builder.catalogue.lookup(key)
        field = match.field if match and not match.weak else None
        if len(self.meant) < MAX_KEYS:
            self.meant[key] = field
        return field

    def _join(self, row: int, kind: str, span: Span, pairs: list[Pair]) -> None:
        """What the other events of a span say counts for its call, where the call itself is silent."""
        keys = frozenset(p.key for p in pairs)
        if kind == "call":
            said = [p for p in self.said.pop(span, ()) if p.key not in keys]
            self._put(row, said)
            self.calls[span] = (self.builder.ids["record"][row], keys | {p.key for p in said})
        elif span in self.calls:
            number, known = self.calls[span]
            self.calls[span] = (number, known | keys)
            records = self.builder.ids["record"]
            at = bisect_left(records, number)
            if at < len(records) and records[at] == number:
                self._put(at, [p for p in pairs if p.key not in known])
        else:
            held = self.said.setdefault(span, [])
            seen = {p.key for p in held}
            held.extend(p for p in pairs if p.key not in seen)

    def _body(self, row: int, record: LogRecord) -> None:
        """The body of an application's own record may be a mapping with keys of its own."""
        body = body_of(record)
        if not isinstance(body, dict) and not (isinstance(body, str) and body[:1] == "{"):
            return
        keys = self.builder.keys("request", "body.")
        for path, _, leaf in leaves(body):
            column = keys[path.lstrip("→")]
            if column is not None:
                column.put(row, leaf)

    def _put(self, row: int, pairs: list[Pair]) -> None:
        for pair in pairs:
            self.attribute(row, pair.key, plain(pair.value))


def _event(record: LogRecord) -> str:
    """The name of an event: a field of its own, or an attribute as older SDKs write it."""
    return record.event_name or next(
        (str(plain(p.value)) for p in record.attributes if p.key in EVENT_KEYS), ""
    )


def _failed(record: LogRecord, name: str) -> bool:
    severity = str(record.severity_number)
    level = int(severity) if severity.isdigit() else _ERROR_SEVERITY * ("ERROR" in severity)
    return level >= _ERROR_SEVERITY or FAILED_EVENTS.fullmatch(name) is not None
