"""Formats recognised by their signature that have no reader here: refused, with what to bring instead.

A signature is decisive keys or magic bytes only; a sample that a reader claims is never refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from auditor.readers import Reader, Sample

_OTLP = (
    "Export the same spans as OTLP/JSON: the Collector's file exporter, "
    "or OTEL_EXPORTER_OTLP_PROTOCOL=http/json."
)
_BILL = "Create a CUR 2.0 export (AWS Data Exports) with caller identity and pass its CSV or Parquet file."
_LOG = "Pass the same calls as JSON lines: one object a call."


def _keys(*groups: str) -> Callable[[Sample], float]:
    """A sniff that holds when one of the first objects has all keys of one group (space separated)."""
    wanted = [frozenset(g.split()) for g in groups]

    def sniff(sample: Sample) -> float:
        return max(
            (1.0 for o in sample.objects if isinstance(o, dict) and any(w <= set(o) for w in wanted)),
            default=0.0,
        )

    return sniff


def _header(*names: str) -> Callable[[Sample], float]:
    wanted = set(names)

    def sniff(sample: Sample) -> float:
        return 1.0 if wanted <= set(sample.columns) else 0.0

    return sniff


def _protobuf(sample: Sample) -> float:
    head = sample.head
    return 1.0 if sample.container == "binary" and head[:1] == b"\x0a" and b"\x12" in head[:4096] else 0.0


def _console(sample: Sample) -> float:
    return max((1.0 for o in sample.objects if _hex_context(o)), default=0.0)


def _hex_context(value: Any) -> bool:
    context = value.get("context") if isinstance(value, dict) else None
    return isinstance(context, dict) and str(context.get("trace_id", "")).startswith("0x")


def _format(name: str, title: str, advice: str, sniff: Callable[[Sample], float]) -> Reader:
    return Reader(name=name, layer="app", title=title, carries={}, get="", sniff=sniff, unsupported=advice)


SIGNATURES = (
    _format("otlp-protobuf", "OTLP protobuf", _OTLP, _protobuf),
    _format("otlp-logs-json", "OTLP/JSON logs", _OTLP, _keys("resourceLogs", "resource_logs")),
    _format(
        "otlp-metrics-json", "OTLP/JSON metrics, an aggregate without calls", _OTLP, _keys("resourceMetrics")
    ),
    _format("otel-console", "the console exporter's output of an OpenTelemetry SDK", _OTLP, _console),
    _format("tempo", "a Grafana Tempo trace", _OTLP, _keys("batches", "traces metrics")),
    _format(
        "jaeger", "a Jaeger trace", _OTLP, _keys("traceID processes spans", "traceID spanID operationName")
    ),
    _format(
        "zipkin-v2", "Zipkin v2 spans", _OTLP, _keys("traceId id localEndpoint", "traceId id timestamp tags")
    ),
    _format(
        "xray",
        "AWS X-Ray segments",
        _OTLP,
        _keys("Traces UnprocessedTraceIds", "id trace_id name start_time subsegments"),
    ),
    _format(
        "langfuse-export",
        "a Langfuse export",
        _OTLP,
        _keys("projectId traceId type", "projectId observations"),
    ),
    _format("langsmith-runs", "LangSmith runs", _OTLP, _keys("run_type dotted_order trace_id")),
    _format(
        "langchain-callbacks",
        "LangChain callback events",
        _LOG,
        _keys("event run_id serialized", "callback run_id"),
    ),
    _format("mlflow-trace", "an MLflow trace", _OTLP, _keys("info data")),
    _format(
        "datadog-llmobs", "Datadog LLM Observability spans", _OTLP, _keys("meta metrics start_ns duration")
    ),
    _format("phoenix-export", "a Phoenix export", _OTLP, _keys("context span_kind attributes name")),
    _format("portkey-export", "a Portkey log export", _LOG, _keys("ai_org ai_model")),
    _format("cloudtrail", "CloudTrail events", _LOG, _keys("eventVersion eventSource eventName")),
    _format("cur-legacy", "a legacy Cost and Usage Report", _BILL, _header("lineItem/UsageType")),
    _format("focus", "a FOCUS bill", _BILL, _header("BilledCost", "ChargeCategory")),
    _format(
        "cost-explorer", "Cost Explorer output, an aggregate without calls", _BILL, _keys("ResultsByTime")
    ),
)
