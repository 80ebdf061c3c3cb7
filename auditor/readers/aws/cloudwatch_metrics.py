"""CloudWatch metrics of Bedrock: `get-metric-data`, `get-metric-statistics`, `list-metrics`, streams.

An aggregate: it holds no calls. Each series is a context row with its model (the `ModelId` or `Model`
dimension, else the label), its tokens as a sum and its latency as a mean. The answer to `get-metric-data`
has neither namespace, metric name nor dimensions: what a series counts is read from its label.
`AWS/BedrockMantle` has a `Project` dimension, the one that can stand for a cost owner. Metrics have no
tenant, user, request, cost, principal, tag or trace. It never takes a series for a call.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from auditor.evidence.builder import Builder, ReaderState
from auditor.evidence.formats import Format
from auditor.framing.times import to_ns
from auditor.readers.contract import RecordReader

# metric -> field, and how its values are put together
FIELDS = {
    "InputTokenCount": "tokens_input", "TotalInputTokens": "tokens_input", "InputTokens": "tokens_input",
    "OutputTokenCount": "tokens_output", "TotalOutputTokens": "tokens_output",
    "OutputTokens": "tokens_output",
    "CacheReadInputTokens": "tokens_cache_read", "CacheReadInputTokenCount": "tokens_cache_read",
    "CacheWriteInputTokens": "tokens_cache_write", "CacheWriteInputTokenCount": "tokens_cache_write",
    "InvocationLatency": "latency_ms",
}  # fmt: skip
COUNTS = frozenset(
    """Invocations InvocationClientErrors InvocationServerErrors InvocationThrottles OutputImageCount
    LegacyModelInvocations TimeToFirstToken EstimatedTPMQuotaUsage Inferences InferenceClientErrors
    ModelInvocationLogsCloudWatchDeliverySuccess ModelInvocationLogsCloudWatchDeliveryFailure
    ModelInvocationLogsS3DeliverySuccess ModelInvocationLogsS3DeliveryFailure
    ModelInvocationLargeDataS3DeliverySuccess ModelInvocationLargeDataS3DeliveryFailure""".split()
)
_STREAM = frozenset({"metric_stream_name", "metric_name", "namespace"})
_STATISTICS = ("Sum", "Average", "Maximum", "Minimum", "SampleCount")


@dataclass
class Told:
    """What the series of one input say together."""

    sums: dict[str, float] = field(default_factory=dict)
    models: set[str] = field(default_factory=set)
    projects: set[str] = field(default_factory=set)
    series: int = 0
    known: int = 0
    labels: bool = False
    names_only: bool = False
    throttled: bool = False


def match(record: dict[str, Any]) -> float:
    """The lists of the three answers, one series cut out of them, or a line of a metric stream."""
    keys = record.keys()
    if isinstance(record.get("MetricDataResults"), list) or keys >= _STREAM:
        return 1.0
    if isinstance(record.get("Datapoints"), list) and "Label" in keys:
        return 1.0
    listed = record.get("Metrics")
    if isinstance(listed, list) and all(isinstance(m, dict) and "MetricName" in m for m in listed) and listed:
        return 1.0
    if {"Label", "Timestamps", "Values"} <= keys or {"Namespace", "MetricName", "Dimensions"} <= keys:
        return 0.95
    return 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One answer: a context row for each series."""
    told = builder.state(_Notes).told
    base, count = pointer or "", 0
    for where, series in _series(record):
        builder.attempt(None, _put, series, builder, told, offset, base + where)
        count += 1
    if not count:
        builder.row("context", offset=offset, pointer=pointer, name="metrics without series")


def _series(record: dict[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    for key in ("MetricDataResults", "Metrics"):
        if isinstance(record.get(key), list):
            return [(f"/{key}/{i}", s) for i, s in enumerate(record[key]) if isinstance(s, dict)]
    return [("", record)]


def _put(series: dict[str, Any], builder: Builder, told: Told, offset: int | None, pointer: str) -> None:
    name, dimensions = _named(series)
    model = (
        dimensions.get("ModelId")
        or dimensions.get("Model")
        or _model_in(str(series.get("Label") or ""), name)
    )
    values, first = _values(series)
    row = builder.row(
        "context", offset=offset, pointer=pointer, started_at=to_ns(first), name=name or "metric"
    )
    told.series += 1
    told.known += name in FIELDS or name in COUNTS
    told.labels = told.labels or "Timestamps" in series
    told.names_only = told.names_only or "MetricName" in series
    told.throttled = told.throttled or (name == "InvocationThrottles" and sum(values) > 0)
    if dimensions.get("Project"):
        told.projects.add(dimensions["Project"])
    if model:
        told.models.add(model)
        builder.column("model", "metric_aggregate", "ModelId" if "ModelId" in dimensions else "Label").put(
            row, model
        )
    found = FIELDS.get(name)
    if found and values:
        total = sum(values)
        told.sums[found] = told.sums.get(found, 0.0) + total
        builder.column(found, "metric_aggregate", name).put(
            row, total / len(values) if found == "latency_ms" else total
        )


def _named(series: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """The metric's name and dimensions; from the label where the answer has no name."""
    held = series.get("Dimensions", series.get("dimensions"))
    dimensions: dict[str, str] = {}
    if isinstance(held, list):
        dimensions = {str(d.get("Name")): str(d.get("Value")) for d in held if isinstance(d, dict)}
    elif isinstance(held, dict):
        dimensions = {str(k): str(v) for k, v in held.items()}
    name = series.get("MetricName") or series.get("metric_name")
    if name:
        return str(name), dimensions
    words = str(series.get("Label") or "").split()
    return next(
        (w for w in reversed(words) if w in FIELDS or w in COUNTS), words[-1] if words else ""
    ), dimensions


def _model_in(label: str, name: str) -> str:
    """The model in a label such as `us.anthropic.claude-sonnet-4-6 InputTokenCount`."""
    words = [w for w in label.split() if w != name and ("." in w or "/" in w)]
    return words[0] if words else ""


def _values(series: dict[str, Any]) -> tuple[list[float], Any]:
    """The values of a series and the time of its first."""
    points = series.get("Datapoints")
    if isinstance(points, list):
        held = [p for p in points if isinstance(p, dict)]
        raw = [next((p[s] for s in _STATISTICS if s in p), None) for p in held]
        first = min((str(p.get("Timestamp")) for p in held), default=None)
    elif isinstance(series.get("value"), dict):
        raw, first = [series["value"].get("sum")], series.get("timestamp")
    else:
        raw = series["Values"] if isinstance(series.get("Values"), list) else []
        times = series.get("Timestamps")
        first = min(map(str, times), default=None) if isinstance(times, list) else None
    return [float(v) for v in raw if isinstance(v, (int, float)) and not isinstance(v, bool)], first


class _Notes(ReaderState):
    """What the series of one input add up to, and the notes on it."""

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder)
        self.told = Told()

    def finish(self) -> None:
        """Say what the metrics can show and what they never can."""
        _note(self.builder, self.told)


def _note(builder: Builder, told: Told) -> None:
    builder.note(
        "Metrics add up by model and period and hold no calls: they never show a tenant, user, request id, "
        "cost, principal, tag or trace. Bring the invocation log with request metadata, or the gateway's "
        "records."
    )
    shown = [f"{total:,.0f} {f.removeprefix('tokens_').replace('_', '-')} tokens" for f, total in
             sorted(told.sums.items()) if f != "latency_ms"]  # fmt: skip
    if shown:
        builder.note(f"{', '.join(shown)} of {len(told.models)} models in {told.series} series.")
    if told.labels:
        builder.note(
            "Namespace, metric and dimensions are not in this answer: they were read from the labels."
        )
    if told.names_only and not told.sums:
        builder.note("These are names of metrics without values.")
    if told.projects:
        builder.note(f"{len(told.projects)} projects: the one dimension that can stand for a cost owner.")
    if told.throttled:
        builder.note("Throttled requests count neither as invocations nor as errors.")
    if told.series and not told.known:
        builder.note("None of these metrics is one of Bedrock's.")


FORMAT = Format(
    name="cloudwatch-metrics",
    layer="provider",
    title="CloudWatch metrics of Bedrock",
    carries={
        "model": "metric_aggregate",
        "tokens_input": "metric_aggregate",
        "tokens_output": "metric_aggregate",
        "tokens_cache_read": "metric_aggregate",
        "tokens_cache_write": "metric_aggregate",
        "latency_ms": "metric_aggregate",
    },
    get="""`aws cloudwatch get-metric-statistics --namespace AWS/Bedrock --metric-name InputTokenCount
--dimensions Name=ModelId,Value=MODEL --start-time 2026-09-14T00:00:00Z --end-time 2026-09-15T00:00:00Z
--period 3600 --statistics Sum` shows volume; for owners bring the invocation log
(`aws logs filter-log-events --log-group-name GROUP`).""",
    aggregate=True,
)
READERS = (RecordReader(format=FORMAT, match=match, take=take, by_value=frozenset({"Metrics"})),)
