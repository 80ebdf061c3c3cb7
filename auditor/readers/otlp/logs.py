"""OTLP log records put into the table: the events that GenAI instrumentation writes of a call are one call.

Prompts and answers are never kept.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import Any

import polars as pl

from auditor.evidence.builder import MAX_KEYS, Builder
from auditor.evidence.recognition import CallEvidence, put_words
from auditor.framing.call_words import call_words, error_of
from auditor.framing.ids import hex_id
from auditor.framing.key_value import PHRASES
from auditor.framing.nested import leaves
from auditor.readers.otlp.shapes import LogRecord, Pair, Processes, ResourceLogs, body_of, nanoseconds, plain
from auditor.readers.shared.free_form import line_facts, put_phrases, scope_of
from auditor.readers.shared.spans import SpanRows, kinds, operations

# the event that is the call, in new and old conventions
CALL_EVENTS = frozenset(
    {"gen_ai.client.inference.operation.details", "gen_ai.choice", "gen_ai.content.completion"}
)
EVENT_KEYS = ("event.name", "event_name")
# messages and scores, before or after: part of a call
PART_EVENTS = re.compile(r"gen_ai\.(\w+\.message|content\.prompt|evaluation\.\w+)")
# a failed request, in the conventions and in agents that log each request: it has no usage
FAILED_EVENTS = re.compile(r"gen_ai\.client\.operation\.exception|([\w.]+\.)?api_error")
ASIDE = "aside"  # context, whatever its attributes
_ERROR_SEVERITY = 17
_MODEL_KEYS = frozenset({"model", "gen_ai.request.model", "gen_ai.response.model"})
# a coding agent's own keys: without a login its user is an installation
_INSTALLATION = frozenset({"user.id", "terminal.type"})
_LOGIN = frozenset({"identity.source"})
_DETAILS = "gen_ai.client.inference.operation.details"
_MOMENT = ("session.id", "event.timestamp")  # what the two events of one call share
Span = tuple[str, str]


def with_asides(frame: pl.DataFrame) -> list[pl.Series]:
    """Which records are calls, where some are known to be context already."""
    logged = frame.select((pl.col("name").is_null() & CallEvidence(frame).call).alias("kind")).to_series()
    kind, *others = kinds(frame)
    kind = kind.set(logged, "call").set(frame["kind"] == ASIDE, "context")
    return [kind, *others, *operations(frame)]


class LogRows(SpanRows):
    """Puts log records into one builder; remembers its calls, and attributes that belong to later ones."""

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder)
        builder.classify = with_asides
        self.resources = Processes(builder)
        self.pending: dict[Span, list[Pair]] = {}  # attributes of events before their call
        self.calls: dict[Span, tuple[int, frozenset[str]]] = {}  # record number and keys of each call
        self.field_of: dict[str, str | None] = {}

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
        moment = _moment(record)
        told = moment is not None and name == _DETAILS and moment in self.calls
        kind = ASIDE if told else self._kind(name, span, record)
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
        if not name:
            self._logged(row, record)
        if told and moment is not None:
            self._join(row, kind, moment, [p for p in record.attributes if p.key == "gen_ai.response.id"])
        elif (
            moment is not None
            and name not in CALL_EVENTS
            and _MODEL_KEYS & {p.key for p in record.attributes}
        ):
            keys = frozenset(p.key for p in record.attributes)
            self.calls[moment] = (self.builder.ids["record"][row], keys)
        if not told and all(span) and (kind == "call" or name.startswith("gen_ai.")):
            self._join(row, kind, span, record.attributes)

    def _kind(self, name: str, span: Span, record: LogRecord) -> str:
        """Whether a record is a call, part of one (`ASIDE`), or `context` until its attributes are known."""
        if PART_EVENTS.fullmatch(name):
            return ASIDE
        failed = FAILED_EVENTS.fullmatch(name) is not None
        if name not in CALL_EVENTS and not failed:
            return "context"
        if all(span) and span in self.calls and name.startswith("gen_ai."):
            return ASIDE
        return ASIDE if failed and not _MODEL_KEYS & {p.key for p in record.attributes} else "call"

    def _logged(self, row: int, record: LogRecord) -> None:
        """Put what an application's own record says of a model call, by the keys that any JSON log has."""
        body = body_of(record)
        values: dict[str, Any] = body if isinstance(body, dict) else {"message": body}
        values = values | {p.key: plain(p.value) for p in record.attributes}
        text = str(values.get("message") or values.get("event") or "")
        put_words(self.builder, row, call_words(text))
        if error_of(values):
            self.builder.ids["outcome"][row] = "error"
        if isinstance(body, str) and body[:1] != "{":
            self._line(row, body, {f for key in values if (f := self._field(key))})

    def _line(self, row: int, text: str, seen: set[str]) -> None:
        """Put the facts of a body that is a line of a log, for fields that no attribute has."""
        facts = line_facts(text) or {}
        if error_of(facts):
            self.builder.ids["outcome"][row] = "error"
        phrases = facts.pop(PHRASES, {})
        message = str(facts.pop("message", ""))
        keys = self.builder.keys("request", "body.")
        for path, _, leaf in leaves(facts):
            column = keys[path.lstrip("→")]
            if column is not None and column.slot.field not in seen:
                column.put(row, leaf)
        seen |= {f for path in facts if (f := self._field(path))}
        put_phrases(phrases, message, self.builder, row, seen)

    def _field(self, key: str) -> str | None:
        """The field that a key of a log record is an alias of, looked up once a key."""
        if key in self.field_of:
            return self.field_of[key]
        match = self.builder.catalogue.lookup(key)
        field = match.field if match and not match.weak else None
        if len(self.field_of) < MAX_KEYS:
            self.field_of[key] = field
        return field

    def _join(self, row: int, kind: str, span: Span, pairs: list[Pair]) -> None:
        """Put attributes of the other events of a span on its call, where the call has none of that key."""
        keys = frozenset(p.key for p in pairs)
        if kind == "call":
            added = [p for p in self.pending.pop(span, ()) if p.key not in keys]
            self._put(row, added)
            self.calls[span] = (self.builder.ids["record"][row], keys | {p.key for p in added})
        elif span in self.calls:
            number, known = self.calls[span]
            self.calls[span] = (number, known | keys)
            records = self.builder.ids["record"]
            at = bisect_left(records, number)
            if at < len(records) and records[at] == number:
                self._put(at, [p for p in pairs if p.key not in known])
        else:
            pending = self.pending.setdefault(span, [])
            known = frozenset(p.key for p in pending)
            pending.extend(p for p in pairs if p.key not in known)

    def _body(self, row: int, record: LogRecord) -> None:
        """Put the body of an application's own record, where it is a mapping."""
        body = body_of(record)
        if not isinstance(body, dict) and not (isinstance(body, str) and body[:1] == "{"):
            return
        for path, _, leaf in leaves(body):
            name = path.lstrip("→")
            self.builder.keys(scope_of(name), "body.").put(row, name, leaf)

    def _put(self, row: int, pairs: list[Pair]) -> None:
        names = {p.key for p in pairs}
        if names >= _INSTALLATION and not names & _LOGIN:
            # the random id of an installation: one for all that it does
            value = next(plain(p.value) for p in pairs if p.key == "user.id")
            self.builder.column("user_id", "process", "user.id").put(row, value)
            pairs = [p for p in pairs if p.key != "user.id"]
        for pair in pairs:
            self.attribute(row, pair.key, plain(pair.value))


def _event(record: LogRecord) -> str:
    """The name of an event: a field of its own, or an attribute as older SDKs write it."""
    return record.event_name or next(
        (str(plain(p.value)) for p in record.attributes if p.key in EVENT_KEYS), ""
    )


def _moment(record: LogRecord) -> Span | None:
    """The session and the exact time of an event: a tool's own event and the conventions' are of one call."""
    values = {p.key: str(plain(p.value)) for p in record.attributes if p.key in _MOMENT}
    return (values[_MOMENT[0]], values[_MOMENT[1]]) if len(values) == len(_MOMENT) else None


def _failed(record: LogRecord, name: str) -> bool:
    severity = str(record.severity_number)
    level = int(severity) if severity.isdigit() else _ERROR_SEVERITY * ("ERROR" in severity)
    return level >= _ERROR_SEVERITY or FAILED_EVENTS.fullmatch(name) is not None
