"""OTLP/JSON traces: one export document, or one a line as the Collector's file exporter writes them.

A span that names a model operation is a call; every other span is context. Resource attributes stand at
`process`, span attributes at `span`, captured HTTP headers and baggage at `client_header`. Hex and base64
ids, camel and snake case names, numbers as text or as numbers are read; logs and metrics that share the file
are read as what they are. Events and prompt bodies are never kept.
"""

from __future__ import annotations

from auditor.readers.contract import Reader
from auditor.readers.otlp.json_spans import claim, read, sniff_of, take
from auditor.readers.shared.spans import CARRIES

READER = Reader(
    name="otlp-json",
    layer="app",
    title="OpenTelemetry traces (OTLP/JSON)",
    carries=CARRIES,
    get="""Set the Collector's file exporter (`exporters: {file: {path: traces.jsonl}}`) on the traces \
pipeline, or
in Python `OTEL_TRACES_EXPORTER=otlp_json_file`; a captured `POST /v1/traces` body with
`OTEL_EXPORTER_OTLP_PROTOCOL=http/json` is the same document.""",
    match=claim("resourceSpans"),
    take=take,
    sniff=sniff_of("resourceSpans"),
    read=read,
    splits=True,
)
