"""OTLP/JSON metrics: totals over a period, which hold no calls.

Every point is context. The report says by which labels each metric can be split (`gen_ai.client.token.usage`
by model and token kind, `gen_ai.client.operation.duration`), and what to bring for what no metric can tell:
which request, user or retry a token belongs to. The numbers themselves are never kept.
"""

from __future__ import annotations

from auditor.readers.contract import Reader
from auditor.readers.otlp.json_spans import claim, finish, read, sniff_of, take
from auditor.readers.otlp.metrics import CARRIES

READER = Reader(
    name="otlp-metrics-json",
    layer="app",
    title="OpenTelemetry metrics (OTLP/JSON), totals without calls",
    carries=CARRIES,
    get="""Set the Collector's file exporter (`exporters: {file: {path: metrics.jsonl}}`) on the metrics \
pipeline; it shows
which labels your token and cost metrics have. For verdicts on calls pass traces of the same period.""",
    match=claim("resourceMetrics"),
    take=take,
    finish=finish,
    sniff=sniff_of("resourceMetrics"),
    read=read,
    aggregate=True,
)
