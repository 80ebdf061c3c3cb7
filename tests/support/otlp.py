"""OTLP documents for tests, as JSON and as protobuf of the same content."""

from __future__ import annotations

from typing import Any

from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

TRACE, SPAN, PARENT = "b9aad5fa2bfd511e0b0a7db4812cdd00", "5ce3a8792305be51", "3683342715964f51"
MODEL = "us.anthropic.claude-sonnet-4-6"
START, END = "1795225575401504000", "1795225576313387000"
CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.system": "aws.bedrock",
    "gen_ai.request.model": MODEL,
    "gen_ai.usage.input_tokens": 12,
    "gen_ai.usage.output_tokens": 3,
}
RESOURCE = {"service.name": "support-bot"}


def value(held: Any) -> dict[str, Any]:
    """An AnyValue."""
    if isinstance(held, bool):
        return {"boolValue": held}
    if isinstance(held, int):
        return {"intValue": str(held)}
    if isinstance(held, float):
        return {"doubleValue": held}
    if isinstance(held, list):
        return {"arrayValue": {"values": [value(v) for v in held]}}
    if isinstance(held, dict):
        return {"kvlistValue": {"values": pairs(held)}}
    return {"stringValue": held}


def pairs(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    """Attributes."""
    return [{"key": key, "value": value(held)} for key, held in attributes.items()]


def span(attributes: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """One span; `changed` are fields of the span."""
    return {
        "traceId": TRACE, "spanId": SPAN, "parentSpanId": PARENT, "name": "chat", "kind": 3,
        "startTimeUnixNano": START, "endTimeUnixNano": END, "attributes": pairs(attributes),
    } | changed  # fmt: skip


def log(event: str, attributes: dict[str, Any] | None = None, **changed: Any) -> dict[str, Any]:
    """One log record; `changed` are fields of the record."""
    return {
        "timeUnixNano": START, "observedTimeUnixNano": START, "severityNumber": 9, "eventName": event,
        "attributes": pairs(attributes or {}), "traceId": TRACE, "spanId": SPAN,
        "body": value({"content": "the tenant of this prompt is initech"}),
    } | changed  # fmt: skip


def traces(*spans: dict[str, Any], resource: dict[str, Any] | None = None) -> dict[str, Any]:
    """A request of spans of one process."""
    held = {"attributes": pairs(RESOURCE | (resource or {}))}
    scope = {"name": "opentelemetry.instrumentation.botocore.bedrock-runtime"}
    return {"resourceSpans": [{"resource": held, "scopeSpans": [{"scope": scope, "spans": list(spans)}]}]}


def logs(*records: dict[str, Any], resource: dict[str, Any] | None = None) -> dict[str, Any]:
    """A request of log records of one process."""
    held = {"attributes": pairs(RESOURCE | (resource or {}))}
    return {"resourceLogs": [{"resource": held, "scopeLogs": [{"logRecords": list(records)}]}]}


def metrics() -> dict[str, Any]:
    """A request with the two histograms of the GenAI conventions."""
    labels = {"gen_ai.request.model": MODEL, "gen_ai.operation.name": "chat"}
    point = {"startTimeUnixNano": START, "timeUnixNano": END, "count": "2", "sum": 15.0}
    usage = [point | {"attributes": pairs(labels | {"gen_ai.token.type": t})} for t in ("input", "output")]
    took = [point | {"attributes": pairs(labels)}]
    held = [
        {"name": "gen_ai.client.token.usage", "unit": "{token}", "histogram": {"dataPoints": usage}},
        {"name": "gen_ai.client.operation.duration", "unit": "s", "histogram": {"dataPoints": took}},
    ]
    resource = {"attributes": pairs(RESOURCE)}
    return {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": held}]}]}


def protobuf(document: dict[str, Any]) -> bytes:
    """The same request as protobuf."""
    import base64
    import copy

    requests = {
        "resourceSpans": ExportTraceServiceRequest,
        "resourceLogs": ExportLogsServiceRequest,
        "resourceMetrics": ExportMetricsServiceRequest,
    }
    held = copy.deepcopy(document)
    # protobuf's own JSON writes ids in base64
    for block in held.get("resourceSpans", []) + held.get("resourceLogs", []):
        for group in block.get("scopeSpans", []) + block.get("scopeLogs", []):
            for record in group.get("spans", []) + group.get("logRecords", []):
                for name in ("traceId", "spanId", "parentSpanId"):
                    if name in record:
                        record[name] = base64.b64encode(bytes.fromhex(record[name])).decode()
    (root,) = document
    data: bytes = ParseDict(held, requests[root]()).SerializeToString()
    return data
