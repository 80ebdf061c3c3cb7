"""What the Collector's `debug` exporter (formerly `logging`) prints at verbosity `detailed`.

Each `Span #n` is a span and each `LogRecord #n` a log record; which is a call, and where its fields are, is
as in `otlp-json` and `otlp-logs-json`. A resource is printed once and is that of all spans up to the next.
Metrics are context. At verbosity `basic` only counts are printed: there is nothing to judge. Lines may have
the prefix of `docker compose` or `kubectl`. Prompt bodies are never kept.
"""

from __future__ import annotations

from typing import Any

import msgspec

from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.collector_blocks import BEGINS, Block, blocks, plain_value
from auditor.framing.times import to_ns
from auditor.inputs.source import Source
from auditor.readers.contract import InputSample, SourceReader
from auditor.readers.otlp.logs import LogRows
from auditor.readers.otlp.shapes import LogRecord, pairs_of, typed
from auditor.readers.shared.spans import CARRIES


def sniff(sample: InputSample) -> float:
    """The heading of a resource in the first lines."""
    if sample.container == "binary":
        return 0.0
    return 1.0 if BEGINS.search(sample.head[:65536].decode("utf-8", "replace")) else 0.0


def read(source: Source, builder: Builder, start: int, end: int | None) -> None:  # noqa: ARG001
    """Read every span and log record of the printed output."""
    rows = builder.state(LogRows)
    data = source.whole()
    for block in blocks(data):
        put = _span if block.kind == "Span" else _log_record
        builder.attempt(block.line, put, block, rows)
    if b"ResourceMetrics #" in data:
        builder.note("metrics are totals over a period, not calls; they say nothing of who a call was for")


def shown(data: bytes) -> dict[str, Any] | None:
    """The attributes of the span or log record that begins here, for an excerpt."""
    block = next(blocks(data[:65536]), None)
    return dict(block.attributes) if block else None


def _span(block: Block, rows: LogRows) -> None:
    facts = block.facts
    rows.add(
        block.attributes,
        trace_id=_id(facts.get("Trace ID")),
        span_id=_id(facts.get("ID")),
        parent_id=_id(facts.get("Parent ID")),
        name=facts.get("Name") or None,
        started_at=_time(facts.get("Start time")),
        ended_at=_time(facts.get("End time")),
        error=facts.get("Status code") == "Error",
        library=block.scope,
        span_kind=facts.get("Kind", "").lower() or None,
        events=block.events,
        process=rows.process_of(block.resource) if block.resource else None,
        offset=block.offset,
    )
    if facts.get("DroppedAttributesCount", "0") != "0":
        rows.dropped.put(rows.builder.n - 1, True)


def _log_record(block: Block, rows: LogRows) -> None:
    facts = block.facts
    event = facts.get("EventName", "")
    body = plain_value(facts.get("Body", ""))
    number = facts.get("SeverityNumber", "").rpartition("(")[2].strip(")")
    record = LogRecord(
        _time(facts.get("Timestamp")) or 0,
        observed_time_unix_nano=_time(facts.get("ObservedTimestamp")) or 0,
        severity_number=number if number.isdigit() else 0,
        body=msgspec.Raw() if event.startswith("gen_ai.") else msgspec.Raw(msgspec.json.encode(typed(body))),
        attributes=pairs_of(dict(block.attributes)),
        trace_id=_id(facts.get("Trace ID")) or "",
        span_id=_id(facts.get("Span ID")) or "",
        event_name=event,
    )
    process = rows.process_of(block.resource) if block.resource else None
    rows.record(record, process, block.offset, 0, None)


def _id(text: str | None) -> str | None:
    """An id; all zeros is none."""
    return text if text and text.strip("0") else None


def _time(text: str | None) -> int | None:
    """A time as Go prints it: `2026-09-14 10:00:03.4 +0000 UTC`."""
    return to_ns(text.removesuffix(" UTC").replace(" +0000", "+00:00")) if text else None


FORMAT = Format(
    name="otel-collector-debug",
    layer="app",
    title="OpenTelemetry Collector debug exporter",
    carries=CARRIES,
    get="""Add the exporter to the pipeline and keep what the Collector prints:

```yaml
exporters:
  debug: {verbosity: detailed}
```

`kubectl logs deploy/otel-collector > spans.txt`, `docker compose logs otel-collector > spans.txt`. The `file`
exporter writes the same as OTLP JSON.""",
)
READERS = (SourceReader(format=FORMAT, sniff=sniff, read=read, shown=shown),)
