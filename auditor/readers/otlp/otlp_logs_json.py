"""OTLP/JSON logs: the events that GenAI instrumentation writes of a call, and log records of applications.

A `gen_ai.choice` record, or the newer `gen_ai.client.inference.operation.details`, is the call; message
events of the same span are context, and what their attributes say counts for the call where it is silent
itself. Any other record is a call when its attributes name a model and its tokens, as coding agents write
them. A trace and span id join these records to spans, but are no request id. Bodies hold prompts and answers:
those of GenAI events are not even decoded, and no text of a body is ever kept.
"""

from __future__ import annotations

from auditor.readers.contract import Reader
from auditor.readers.otlp.json_spans import claim, finish, read, sniff_of, take
from auditor.readers.shared.spans import CARRIES

READER = Reader(
    name="otlp-logs-json",
    layer="app",
    title="OpenTelemetry logs and GenAI events (OTLP/JSON)",
    carries=CARRIES,
    get="""Set the Collector's file exporter (`exporters: {file: {path: logs.jsonl}}`) on the logs pipeline, \
or in
Python `OTEL_LOGS_EXPORTER=otlp_json_file`; a captured `POST /v1/logs` body with
`OTEL_EXPORTER_OTLP_PROTOCOL=http/json` is the same document.""",
    match=claim("resourceLogs"),
    take=take,
    finish=finish,
    sniff=sniff_of("resourceLogs"),
    read=read,
)
