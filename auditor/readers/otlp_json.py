"""OTLP/JSON traces: one export document, or one a line as the Collector's file exporter writes them.

A span that names a model operation is a call; every other span is context. Resource attributes stand at
`process`, span attributes at `span`, captured HTTP headers and baggage at `client_header`. Hex and base64
ids, camel and snake case names, numbers as text or as numbers are read. Events and prompt bodies are
never kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import polars as pl

from auditor.evidence import MAX_KEYS, Builder
from auditor.pieces import container_of, decode
from auditor.readers import Reader, Sample
from auditor.readers._nested import baggage, is_body, is_container, leaves, put_nested
from auditor.readers._otlp import Span, attributes_of, document_of, hex_id, nanoseconds, plain, reason_of
from auditor.readers._spans import (
    CALL_MARKS,
    ENDPOINT_KEYS,
    JSON_USAGE,
    NOT_CALL_NAMES,
    NOT_INFERENCE,
    USAGE_FIELDS,
)
from auditor.source import Source
from auditor.table import Column

HEADER = ("http.request.header.", "http.request.headers.", "rpc.request.metadata.")
RESPONSE_HEADER = ("http.response.header.", "http.response.headers.")
MARK = "mark "
_ERRORS = (2, "STATUS_CODE_ERROR")


def _flat(value: list[Any]) -> Any:
    """A list of one is its element; a longer one is text."""
    return value[0] if len(value) == 1 and not isinstance(value[0], (dict, list)) else str(value)


class Opened(NamedTuple):
    """An attribute key whose value is opened: a container, a captured header, or baggage."""

    kind: str
    key: str


Put = tuple[Callable[[int], None], Callable[[Any], None]]


class Meanings:
    """What each attribute key means: where to put its value, how to open it, or nothing; asked once a key."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        # a plain dictionary, for its look-up is the innermost step of reading
        self.known: dict[str, Put | Opened | None] = {}

    def learn(self, key: str) -> Put | Opened | None:
        """Resolve a key met for the first time."""
        meaning = self._meaning(key)
        if len(self.known) < MAX_KEYS:
            self.known[key] = meaning
        return meaning

    def _meaning(self, key: str) -> Put | Opened | None:
        lower = key.lower()
        if key in CALL_MARKS:
            return _put(self.builder.fact(MARK + key))
        if key == "rpc.method":
            return _put(self.builder.fact("rpc_method"))
        if key in ENDPOINT_KEYS:
            return _put(self.builder.fact("endpoint"))
        if lower.startswith((*HEADER, "baggage.")):
            return Opened("baggage" if lower.endswith(".baggage") else "header", key)
        if lower.startswith(RESPONSE_HEADER):
            return _put(self.builder.column_for(key, "attempt"))
        if is_container(key) or key in JSON_USAGE:
            return Opened("container", key)
        # `llm.token_count.prompt` is a count: an exact name of the catalogue is never a body
        if is_body(key, None) and not self.builder.catalogue.names(key):
            return None
        return _put(self.builder.column_for(key, "span"))


def _put(column: Column | None) -> Put | None:
    return (column.rows.append, column.values.append) if column is not None else None


def kinds(frame: pl.DataFrame) -> pl.Series:
    """Which spans are calls: an operation says so, or a model stands beside its usage."""
    usage = [pl.col(n).is_not_null() for n in USAGE_FIELDS if n in frame.columns]
    call: pl.Expr = pl.lit(False)
    if usage and "model" in frame.columns:
        call = pl.any_horizontal(usage) & pl.col("model").is_not_null()
    for name in frame.columns:
        if name.startswith(MARK):
            call = call | pl.col(name).cast(pl.String).is_in(list(CALL_MARKS[name[len(MARK) :]])).fill_null(
                False
            )
    if "rpc_method" in frame.columns:
        call = call & ~pl.col("rpc_method").is_in(list(NOT_INFERENCE)).fill_null(False)
    named = pl.any_horizontal(pl.col("name").str.starts_with(n) for n in NOT_CALL_NAMES).fill_null(False)
    return frame.select(
        pl.when(call & ~named).then(pl.lit("call")).otherwise(pl.lit("context")).alias("kind")
    ).to_series()


class Spans:
    """Reads documents into a builder; holds the memos of one input."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        builder.kinds = kinds
        self.meanings = Meanings(builder)
        self.processes: dict[bytes, int] = {}
        self.trace = builder.column("trace_id", "trace", "traceId")
        self.dropped = builder.fact("attributes_dropped")

    def process(self, raw: msgspec.Raw) -> int | None:
        """The number of the process that a raw resource describes."""
        key = bytes(raw)
        number = self.processes.get(key)
        if number is None and key:
            attributes = attributes_of(key)
            number = self.builder.process((kv.key, plain(kv.value)) for kv in attributes)
            self.processes[key] = number
        return number

    def document(self, data: bytes, offset: int, *, snake: bool = False) -> None:
        """Read one export document; raises msgspec.DecodeError when it is none."""
        nth = 0
        for block in document_of(data, snake=snake).resource_spans:
            process = self.process(block.resource)
            for group in block.scope_spans or block.instrumentation_library_spans:
                self.group(group.spans, process, offset, nth)
                nth += len(group.spans)

    def group(self, spans: list[Span], process: int | None, offset: int, nth: int) -> None:
        """Put the spans of one scope: identity in bulk, then each attribute that means something."""
        builder, known = self.builder, self.meanings.known
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
        for row, span in enumerate(spans, first):
            if span.dropped_attributes_count:
                self.dropped.put(row, True)
            for pair in span.attributes:
                try:
                    action = known[pair.key]
                except KeyError:
                    action = self.meanings.learn(pair.key)
                if action is None:
                    continue
                held = pair.value
                value: Any = None if held is None else held.string_value
                if value is None:
                    value = plain(held)
                    if value.__class__ is list and action.__class__ is tuple:
                        value = _flat(value)
                if action.__class__ is tuple:
                    # told apart by class, the cheapest test there is, which no type checker follows
                    action[0](row)  # type: ignore[operator]
                    action[1](value)  # type: ignore[operator]
                else:
                    self.nested(row, action.key, value, action.kind)  # type: ignore[union-attr]

    def nested(self, row: int, key: str, value: Any, kind: str) -> None:
        """Open a container, a captured header, or baggage."""
        if kind == "container":
            put_nested(self.builder, row, key, value, "span")
            return
        if isinstance(value, list):
            value = value[0] if len(value) == 1 else ",".join(map(str, value))
        if kind == "baggage":
            for name, inner in baggage(str(value)).items():
                column = self.builder.keys("client_header", f"{key}→")[name]
                if column is not None:
                    column.put(row, inner)
            return
        name = key.rsplit(".", 1)[-1] if not key.lower().startswith("baggage.") else key[8:]
        for path, _, leaf in leaves(value, name):
            match = self.builder.keys("client_header", key[: len(key) - len(name)])[path]
            if match is not None:
                match.put(row, leaf)


def read(source: Source, builder: Builder, start: int, end: int | None) -> None:
    """Read every document of a source, or those that begin in a byte range of it."""
    spans = Spans(builder)
    snake = b"resource_spans" in source.head
    if container_of(source.head, source.is_short) != "json-lines":
        _whole(source, builder, spans, snake)
        return
    number = 0
    for offset, lines in source.lines(start, end):
        at = offset
        for line in lines:
            number += 1
            if not line.isspace():
                _line(line, at, number, builder, spans, snake)
            at += len(line)


def _line(line: bytes, at: int, number: int, builder: Builder, spans: Spans, snake: bool) -> None:
    try:
        if b"esourceSpans" not in line and b"resource_spans" not in line:
            decode(line)
            builder.skip(number, "no resourceSpans in this line")
            return
        spans.document(line, at, snake=snake)
    except (msgspec.DecodeError, ValueError, RecursionError, UnicodeDecodeError) as error:
        _recover(line, at, number, builder, spans, snake, error)


def _recover(
    line: bytes, at: int, number: int, builder: Builder, spans: Spans, snake: bool, error: Exception
) -> None:
    """A line with a log prefix is read behind it; else it is a skip."""
    brace = line.find(b'{"resource')
    if brace > 0:
        try:
            spans.document(line[brace:], at, snake=snake)
            return
        except (msgspec.DecodeError, ValueError, RecursionError):
            pass
    builder.skip(number, reason_of(error))


def _whole(source: Source, builder: Builder, spans: Spans, snake: bool) -> None:
    data = source.whole()
    try:
        spans.document(data, 0, snake=snake)
        return
    except (msgspec.DecodeError, ValueError, RecursionError) as first:
        from auditor.pieces import json_pieces

        found = False
        for piece in json_pieces(source, builder.skip):
            if isinstance(piece.value, dict) and (
                "resourceSpans" in piece.value or "resource_spans" in piece.value
            ):
                try:
                    spans.document(msgspec.json.encode(piece.value), piece.offset, snake=snake)
                    found = True
                except (msgspec.DecodeError, ValueError, RecursionError) as error:
                    builder.skip(None, reason_of(error))
        if not found and not builder.skipped_total:
            builder.skip(1, reason_of(first))


def sniff(sample: Sample) -> float:
    """The decisive key stands at the top of the document."""
    head = sample.head.lstrip()
    if any(isinstance(o, dict) and ("resourceSpans" in o or "resource_spans" in o) for o in sample.objects):
        return 1.0
    return 0.95 if b'"resourceSpans"' in head[:200] or b'"resource_spans"' in head[:200] else 0.0


READER = Reader(
    name="otlp-json",
    layer="app",
    title="OpenTelemetry traces (OTLP/JSON)",
    carries=dict.fromkeys(
        """tenant_id workflow_id workflow_run_id team_id request_id attempt_id response_id retry_count
        session_id user_id cost_usd model provider region inference_region tokens_input tokens_output
        tokens_cache_read tokens_cache_write tokens_reasoning tokens_total latency_ms status error_code
        cost_center agent""".split(),
        "span",
    )
    | {"trace_id": "trace", "environment": "process", "account_id": "process"},
    get="""Set the Collector's file exporter (`exporters: {file: {path: traces.jsonl}}`) on the traces \
pipeline, or
in Python `OTEL_TRACES_EXPORTER=otlp_json_file`; a captured `POST /v1/traces` body with
`OTEL_EXPORTER_OTLP_PROTOCOL=http/json` is the same document.""",
    sniff=sniff,
    read=read,
    splits=True,
)
