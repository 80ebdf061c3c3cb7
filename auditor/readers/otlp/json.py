"""OTLP/JSON of all signals: whole documents, documents in lines, documents among other text."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from typing import Any

import msgspec

from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.json_values import Piece, container_of, decode, json_pieces
from auditor.framing.wrappers import unwrapped
from auditor.inputs.source import Source
from auditor.readers.contract import InputSample, RecordReader, SourceReader
from auditor.readers.otlp import metrics
from auditor.readers.otlp.documents import Otlp, Signals
from auditor.readers.otlp.shapes import camel_names, document_of, enclosed, reason_of
from auditor.readers.shared.spans import CARRIES

ROOTS = {
    "resourceSpans": "resource_spans",
    "resourceLogs": "resource_logs",
    "resourceMetrics": "resource_metrics",
}
_NAMES = frozenset((*ROOTS, *ROOTS.values()))
_FIRST = re.compile(rb'\s*+(?:\[\s*+)?\{\s*+"(resource\w++)"')
_BYTES = tuple(name.encode() for name in ("esourceSpans", "esourceLogs", "esourceMetrics", *ROOTS.values()))
PART = 0.95  # the claim on a part of a document
_UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)
TRACES = Format(
    name="otlp-json",
    layer="app",
    title="OpenTelemetry traces (OTLP/JSON)",
    own_keys=frozenset({"kind", "name"}),
    carries=CARRIES,
    get="""Set the Collector's file exporter (`exporters: {file: {path: traces.jsonl}}`) on the traces \
pipeline, or
in Python `OTEL_TRACES_EXPORTER=otlp_json_file`; a captured `POST /v1/traces` body with
`OTEL_EXPORTER_OTLP_PROTOCOL=http/json` is the same document.""",
    doc="""\
OTLP/JSON traces: one export document, or one a line as the Collector's file exporter writes them.

A span that names a model operation is a call; every other span is context. Resource attributes stand at
`process`, span attributes at `span`, captured HTTP headers and baggage at `client_header`. Hex and base64
ids, camel and snake case names, numbers as text or as numbers are read; logs and metrics that share the file
are read as what they are. So are spans without the document around them: one a line, lists of them, the
spans of one scope or process. Attributes of a span's events stand at `span` too, below its own. An attribute
that is called a trace id is an attribute: the tree is built from the ids of the spans. Prompt bodies are
never kept.
""",
)
LOGS = Format(
    name="otlp-logs-json",
    layer="app",
    title="OpenTelemetry logs and GenAI events (OTLP/JSON)",
    own_keys=frozenset({"event.name", "event_name", "eventname"}),
    carries=CARRIES,
    get="""Set the Collector's file exporter (`exporters: {file: {path: logs.jsonl}}`) on the logs pipeline, \
or in
Python `OTEL_LOGS_EXPORTER=otlp_json_file`; a captured `POST /v1/logs` body with
`OTEL_EXPORTER_OTLP_PROTOCOL=http/json` is the same document.""",
    doc="""\
OTLP/JSON logs: the events that GenAI instrumentation writes of a call, and log records of applications.

A `gen_ai.choice` record, or the newer `gen_ai.client.inference.operation.details`, is the call; message
events of the same span are context, and what their attributes say counts for the call where it is silent
itself. Any other record is a call when its attributes name a model and its tokens, as coding agents write
them. A trace and span id join these records to spans, but are no request id. Bodies hold prompts and answers:
those of GenAI events are not even decoded, and no text of a body is ever kept.
""",
)
METRICS = Format(
    name="otlp-metrics-json",
    layer="app",
    title="OpenTelemetry metrics (OTLP/JSON), totals without calls",
    carries=metrics.CARRIES,
    get="""Set the Collector's file exporter (`exporters: {file: {path: metrics.jsonl}}`) on the metrics \
pipeline; it shows
which labels your token and cost metrics have. For verdicts on calls pass traces of the same period.""",
    aggregate=True,
    doc="""\
OTLP/JSON metrics: totals over a period, which hold no calls.

Every point is context. The report says by which labels each metric can be split (`gen_ai.client.token.usage`
by model and token kind, `gen_ai.client.operation.duration`), and what to bring for what no metric can tell:
which request, user or retry a token belongs to. The numbers themselves are never kept.
""",
)
SIGNALS = Signals(TRACES, LOGS, METRICS)


def claim(root: str) -> Callable[[dict[str, Any]], float]:
    """A match for records with the decisive key at the top, and for parts of a document of traces."""

    def match(record: dict[str, Any]) -> float:
        if root in record or ROOTS[root] in record:
            return 1.0
        return PART if root == "resourceSpans" and enclosed(record) is not None else 0.0

    return match


def sniff_of(root: str) -> Callable[[InputSample], float]:
    """A sniff for documents with the decisive key at the top; traces win where signals share a file."""

    def sniff(sample: InputSample) -> float:
        if sample.container == "binary":
            return 0.0
        roots = _roots(sample)
        if root not in roots:
            return 0.0
        return 0.8 if root != "resourceSpans" and "resourceSpans" in roots else 1.0

    return sniff


def _roots(sample: InputSample) -> set[str]:
    in_objects = {
        root for root in ROOTS if any(isinstance(o, dict) and claim(root)(o) for o in sample.objects)
    }
    first = _FIRST.match(sample.head)
    return in_objects | {
        root for root, snake in ROOTS.items() if first and first[1].decode() in (root, snake)
    }


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """Read one document, or a part of one, that was decoded already, at an offset and pointer."""
    if _NAMES.isdisjoint(record) and (part := enclosed(record)) is not None:
        _take_part(*part, builder.state(Otlp, SIGNALS), offset, pointer or "")
        return
    try:
        data = msgspec.json.encode(record)
        snake = not _NAMES.isdisjoint(record) and ROOTS.keys().isdisjoint(record)
        _put(builder.state(Otlp, SIGNALS), camel_names(data) if snake else data, offset, None, pointer or "")
    except _UNREADABLE as error:
        builder.skip(None, reason_of(error))


def _take_part(document: dict[str, Any], within: str, otlp: Otlp, offset: int | None, pointer: str) -> None:
    """Put a part of a document, which is at `within` in the whole one and at `pointer` in the input."""
    builder, before = otlp.traces.builder, otlp.builder.records
    try:
        data = msgspec.json.encode(document)
        _put(otlp, data if b'"spanId"' in data else camel_names(data), offset, None, "")
    except _UNREADABLE as error:
        otlp.builder.skip(None, reason_of(error))
    pointers = builder.ids["pointer"]
    for row in range(bisect_left(builder.ids["record"], before), builder.n):
        pointers[row] = pointer + (pointers[row] or "").removeprefix(within)


def read(source: Source, builder: Builder, start: int, end: int | None) -> None:
    """Read every document of a source, or those that begin in a byte range of it."""
    otlp = builder.state(Otlp, SIGNALS)
    snake = any(name.encode() in source.head for name in ROOTS.values())
    if container_of(source.head, source.is_short) != "json-lines":
        _whole(source, builder, otlp, snake)
        return
    number = 0
    for offset, lines in source.lines(start, end):
        at = offset
        for line in lines:
            number += 1
            if not line.isspace():
                _line(line, at, number, otlp, snake)
            at += len(line)


def _put(otlp: Otlp, data: bytes, offset: int | None, line: int | None, within: str | None = None) -> None:
    """Put one document; where a record in it is malformed, one record after another."""
    before = otlp.builder.records
    try:
        otlp.put(document_of(data), offset, within=within)
    except msgspec.ValidationError:
        if not otlp.put_each(data, offset, line, within or ""):
            raise
    except (msgspec.DecodeError, UnicodeError):
        raise  # no JSON
    except Exception as error:  # noqa: BLE001 - one of its records is malformed
        otlp.builder.undo(before)
        if not otlp.put_each(data, offset, line, within or ""):
            otlp.builder.fail(before, line, error)


def _line(line: bytes, at: int, number: int, otlp: Otlp, snake: bool) -> None:
    try:
        if not any(name in line for name in _BYTES):
            value = decode(line)
            if isinstance(value, dict) and enclosed(value) is not None:
                take(value, otlp.builder, at, "")
            else:
                otlp.builder.skip(number, "no resourceSpans in this line")
            return
        before = _read_so_far(otlp.builder)
        _put(otlp, camel_names(line) if snake else line, at, number)
        if _read_so_far(otlp.builder) == before:
            _below(Piece(decode(line), at, ""), otlp.builder)
    except _UNREADABLE as error:
        _recover(line, at, number, otlp, snake, error)


def _recover(line: bytes, at: int, number: int, otlp: Otlp, snake: bool, error: Exception) -> None:
    """A line with a log prefix is read after the prefix; any other is a skip."""
    brace = line.find(b'{"resource')
    if brace > 0:
        try:
            data = line[brace:]
            _put(otlp, camel_names(data) if snake else data, at, number)
            return
        except _UNREADABLE:
            pass
    otlp.builder.skip(number, reason_of(error))


def _whole(source: Source, builder: Builder, otlp: Otlp, snake: bool) -> None:
    try:
        data = source.whole()
        _put(otlp, camel_names(data) if snake else data, 0, None)
        if _read_so_far(builder):
            return
        first: Exception = ValueError("no resourceSpans in it")
    except _UNREADABLE as error:
        first = error
    found = [_below(piece, builder) for piece in json_pieces(source, builder.skip)]
    if not any(found) and not builder.skipped_total:
        builder.skip(1, reason_of(first))


def _read_so_far(builder: Builder) -> int:
    """How many records were read or skipped: a document inside another value gives none by itself."""
    return builder.records + builder.skipped_total


def _below(piece: Piece, builder: Builder) -> bool:
    """Read the documents inside a value, under any keys; False where there is none."""
    documents = [
        p for p in unwrapped(piece, _is_document) if isinstance(p.value, dict) and _is_document(p.value)
    ]
    for document in documents:
        take(document.value, builder, document.offset, document.pointer)
    return bool(documents)


def _is_document(value: dict[str, Any]) -> bool:
    """Whether a value is a document of some signal, or a part of one."""
    return not _NAMES.isdisjoint(value) or enclosed(value) is not None


def span_pointer(value: Any, nth: int) -> str | None:
    """The pointer of the nth span of an OTLP document, in the order in which it was read."""
    if not isinstance(value, dict):
        return None
    for outer in ("resourceSpans", "resource_spans"):
        for i, block in enumerate(value.get(outer) or []):
            for middle in (
                "scopeSpans",
                "scope_spans",
                "instrumentationLibrarySpans",
                "instrumentation_library_spans",
            ):
                for j, group in enumerate(block.get(middle) or []):
                    spans = group.get("spans") or []
                    if nth < len(spans):
                        return f"/{outer}/{i}/{middle}/{j}/spans/{nth}"
                    nth -= len(spans)
    return None


READERS = (
    SourceReader(format=TRACES, sniff=sniff_of("resourceSpans"), read=read, splits=True),
    RecordReader(format=TRACES, match=claim("resourceSpans"), take=take, pointer=span_pointer),
    SourceReader(format=LOGS, sniff=sniff_of("resourceLogs"), read=read),
    RecordReader(format=LOGS, match=claim("resourceLogs"), take=take, pointer=span_pointer),
    SourceReader(format=METRICS, sniff=sniff_of("resourceMetrics"), read=read),
    RecordReader(format=METRICS, match=claim("resourceMetrics"), take=take, pointer=span_pointer),
)
