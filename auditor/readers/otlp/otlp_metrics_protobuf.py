"""OTLP protobuf metrics: totals over a period, which hold no calls.

What the report says of them is as in `otlp-metrics-json`: by which labels each metric can be split, and what
to bring for the rest. One request, several one after another, behind 4-byte or variable lengths, and base64
text of these are read. The numbers themselves are never kept.
"""

from __future__ import annotations

from auditor.readers.contract import Reader
from auditor.readers.otlp.messages import read, sniff_of
from auditor.readers.otlp.metrics import CARRIES

READER = Reader(
    name="otlp-metrics-protobuf",
    layer="app",
    title="OpenTelemetry metrics (OTLP protobuf), totals without calls",
    carries=CARRIES,
    get="""Keep the body of a `POST /v1/metrics` (`OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`), or set the \
Collector's
file exporter with `format: proto` on the metrics pipeline. For verdicts on calls pass traces of the same
period.""",
    sniff=sniff_of("metrics"),
    read=read,
    aggregate=True,
)
