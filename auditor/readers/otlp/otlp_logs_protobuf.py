"""OTLP protobuf logs: the body of `POST /v1/logs`, or a file of the Collector with `format: proto`.

Which record is a call, and what counts for it, is as in `otlp-logs-json`. One request, several one after
another, behind 4-byte or variable lengths, and base64 text of these are read. Records have no line; a cut or
damaged one is a counted skip. Bodies hold prompts and answers: no text of a body is ever kept.
"""

from __future__ import annotations

from auditor.readers.contract import Reader
from auditor.readers.otlp.messages import read, sniff_of
from auditor.readers.shared.spans import CARRIES

READER = Reader(
    name="otlp-logs-protobuf",
    layer="app",
    title="OpenTelemetry logs and GenAI events (OTLP protobuf)",
    carries=CARRIES,
    get="""Set the Collector's file exporter (`exporters: {file: {path: logs.bin, format: proto}}`) on the \
logs pipeline,
or keep the body of a `POST /v1/logs` (`OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`).""",
    sniff=sniff_of("logs"),
    read=read,
)
