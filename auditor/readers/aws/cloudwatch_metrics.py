"""CloudWatch metrics of Bedrock: `get-metric-data`, `get-metric-statistics`, `list-metrics`, streams.

An aggregate: it holds no calls. Each series is a context row with its model (the `ModelId` or `Model`
dimension, else the label), its tokens as a sum and its latency as a mean. The answer to `get-metric-data`
has neither namespace, metric name nor dimensions: what a series counts is read from its label.
`AWS/BedrockMantle` has a `Project` dimension, the one that can be a cost owner, under a weak name. Metrics
have no tenant, user, request, cost, principal, tag or trace. It never takes a series for a call.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from auditor.evidence.builder import Builder, ReaderState
from auditor.evidence.formats import Answers, Format
from auditor.framing.times import to_ns
from auditor.readers.contract import RecordReader
from auditor.readers.shared.carries import PRICED_TOKENS, at_scope

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


class SeriesTotals(ReaderState):
    """What the series of one input add up to, and the notes on it."""

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder)
        self.sums: dict[str, float] = {}  # by field
        self.models: set[str] = set()
        self.projects: set[str] = set()
        self.series = 0
        self.known = 0  # series of metrics that are Bedrock's
        self.labels = self.names_only = self.throttled = False

    def add(self, series: dict[str, Any], name: str, dimensions: dict[str, str], total: float) -> None:
        """Count one series of the metric `name`, whose values add up to `total`."""
        self.series += 1
        self.known += name in FIELDS or name in COUNTS
        self.labels = self.labels or "Timestamps" in series
        self.names_only = self.names_only or "MetricName" in series
        self.throttled = self.throttled or (name == "InvocationThrottles" and total > 0)
        if dimensions.get("Project"):
            self.projects.add(dimensions["Project"])

    def finish(self) -> None:
        """Note what the metrics show, and what they cannot show."""
        note = self.builder.note
        shown = [f"{total:,.0f} {f.removeprefix('tokens_').replace('_', '-')} tokens" for f, total in
                 sorted(self.sums.items()) if f != "latency_ms"]  # fmt: skip
        if shown:
            note(f"{', '.join(shown)} of {len(self.models)} models in {self.series} series.")
        if self.labels:
            note("Namespace, metric and dimensions are not in this answer: they were read from the labels.")
        if self.names_only and not self.sums:
            note("These are names of metrics without values.")
        if self.projects:
            note(f"{len(self.projects)} projects: the one dimension that can stand for a cost owner.")
        if self.throttled:
            note("Throttled requests count neither as invocations nor as errors.")
        if self.series and not self.known:
            note("None of these metrics is one of Bedrock's.")


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
    totals = builder.state(SeriesTotals)
    base, count = pointer or "", 0
    for where, series in _series(record):
        builder.attempt(None, _put, series, builder, totals, offset, base + where)
        count += 1
    if not count:
        builder.row("context", offset=offset, pointer=pointer, name="metrics without series")


def _series(record: dict[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    for key in ("MetricDataResults", "Metrics"):
        if isinstance(record.get(key), list):
            return [(f"/{key}/{i}", s) for i, s in enumerate(record[key]) if isinstance(s, dict)]
    return [("", record)]


def _put(
    series: dict[str, Any], builder: Builder, totals: SeriesTotals, offset: int | None, pointer: str
) -> None:
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
    total = sum(values)
    totals.add(series, name, dimensions, total)
    if model:
        totals.models.add(model)
        key = "ModelId" if "ModelId" in dimensions else "Label"
        builder.column("model", "metric_aggregate", key).put(row, model)
    project = builder.keys("metric_aggregate", "Dimensions.")["Project"] if "Project" in dimensions else None
    if project is not None:
        project.put(row, dimensions["Project"])
    field = FIELDS.get(name)
    if field and values:
        totals.sums[field] = totals.sums.get(field, 0.0) + total
        value = total / len(values) if field == "latency_ms" else total
        builder.column(field, "metric_aggregate", name).put(row, value)


def _named(series: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """The metric's name and dimensions; from the label where the answer has no name."""
    listed = series.get("Dimensions", series.get("dimensions"))
    dimensions: dict[str, str] = {}
    if isinstance(listed, list):
        dimensions = {str(d.get("Name")): str(d.get("Value")) for d in listed if isinstance(d, dict)}
    elif isinstance(listed, dict):
        dimensions = {str(k): str(v) for k, v in listed.items()}
    name = series.get("MetricName") or series.get("metric_name")
    if name:
        return str(name), dimensions
    words = str(series.get("Label") or "").split()
    last = words[-1] if words else ""
    return next((w for w in reversed(words) if w in FIELDS or w in COUNTS), last), dimensions


def _model_in(label: str, name: str) -> str:
    """The model in a label such as `us.anthropic.claude-sonnet-4-6 InputTokenCount`."""
    words = [w for w in label.split() if w != name and ("." in w or "/" in w)]
    return words[0] if words else ""


def _values(series: dict[str, Any]) -> tuple[list[float], Any]:
    """The values of a series and the time of its first."""
    points = series.get("Datapoints")
    if isinstance(points, list):
        points = [p for p in points if isinstance(p, dict)]
        raw = [next((p[s] for s in _STATISTICS if s in p), None) for p in points]
        first = min((str(p.get("Timestamp")) for p in points), default=None)
    elif isinstance(series.get("value"), dict):
        raw, first = [series["value"].get("sum")], series.get("timestamp")
    else:
        raw = series["Values"] if isinstance(series.get("Values"), list) else []
        times = series.get("Timestamps")
        first = min(map(str, times), default=None) if isinstance(times, list) else None
    return [float(v) for v in raw if isinstance(v, (int, float)) and not isinstance(v, bool)], first


FORMAT = Format(
    name="cloudwatch-metrics",
    layer="provider",
    title="CloudWatch metrics of Bedrock",
    carries=at_scope("metric_aggregate", "team_id", "model", *PRICED_TOKENS, "latency_ms"),
    get="""`aws cloudwatch get-metric-statistics --namespace AWS/Bedrock --metric-name InputTokenCount
--dimensions Name=ModelId,Value=MODEL --start-time 2026-09-14T00:00:00Z --end-time 2026-09-15T00:00:00Z
--period 3600 --statistics Sum` shows volume; for owners bring the invocation log
(`aws logs filter-log-events --log-group-name GROUP`).""",
    aggregate=True,
    answers=Answers(
        can=(
            "Invocations, errors, throttles and tokens of a model in a period, and its mean latency",
            "The volume against which a log or a bill can be checked",
            "With the Project dimension of AWS/BedrockMantle, the tokens of a project, which can be a team's",
        ),
        cannot=(
            "Which tenant, team, workflow or user a token belongs to: no such dimension exists",
            "What it cost, and which principal or tag pays for it",
            "A single request: its id, its trace, its latency, whether it was a retry",
        ),
        collect=(
            "The model invocation log with request metadata, for owner, principal and tokens of each call",
            "The gateway's records, for all eleven fields of each call",
            "CUR 2.0 with caller identity, for the money",
        ),
    ),
)
READERS = (RecordReader(format=FORMAT, match=match, take=take, by_value=frozenset({"Metrics"})),)
