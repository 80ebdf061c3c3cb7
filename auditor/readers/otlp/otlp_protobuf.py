"""OTLP protobuf traces: the body of `POST /v1/traces`, or a file of the Collector with `format: proto`.

One request or stored trace, several one after another, behind 4-byte or variable lengths, and base64 text of
these are read. Which span is a call and where its fields stand is as in `otlp-json`. Records have no line;
a cut or damaged one is a counted skip, and what is whole around it is read. Events and prompt bodies are
never kept.
"""

from __future__ import annotations

from auditor.readers.contract import Reader
from auditor.readers.otlp.messages import read, sniff_of
from auditor.readers.shared.spans import CARRIES

READER = Reader(
    name="otlp-protobuf",
    layer="app",
    title="OpenTelemetry traces (OTLP protobuf)",
    carries=CARRIES,
    get="""Set the Collector's file exporter (`exporters: {file: {path: traces.bin, format: proto}}`) on the \
traces pipeline,
or keep the body of a `POST /v1/traces`, which is what SDKs send by default \
(`OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`). A file can be uploaded; to paste it, `base64 traces.bin`.""",
    sniff=sniff_of("traces"),
    read=read,
)
