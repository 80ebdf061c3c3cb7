"""OTLP metrics put into the table: each point is context, as a total over a period is no call.

Their numbers are never kept.
"""

from __future__ import annotations

import polars as pl

from auditor.evidence.builder import Builder
from auditor.readers.otlp.shapes import Metric, Points, Processes, ResourceMetrics, nanoseconds, plain
from auditor.readers.shared.carries import at_scope
from auditor.report import mask

KINDS = ("gauge", "sum", "histogram", "exponential_histogram", "summary")
OF_MODELS = ("gen_ai", "llm", "token", "cost", "bedrock")
MAX_NAMES, MAX_LABELS, SHOWN = 1_000, 40, 8
CARRIES = at_scope(
    "metric_aggregate",
    "tenant_id team_id user_id model provider tokens_input tokens_output cost_usd latency_ms",
) | {"environment": "process"}


def no_calls(frame: pl.DataFrame) -> list[pl.Series]:
    """No point is a call."""
    return [pl.Series("kind", ["context"] * frame.height)]


class MetricRows:
    """Puts the points of metrics into one builder; remembers the labels of each metric."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        builder.classify = no_calls
        self.resources = Processes(builder)
        self.labels: dict[str, set[str]] = {}

    def put(
        self, blocks: list[ResourceMetrics], offset: int | None, nth: int, root: str | None = None
    ) -> int:
        """Put the points of some processes; `root` is the pointer of the document."""
        for i, block in enumerate(blocks):
            process = self.resources.number(block.resource)
            for j, group in enumerate(block.scope_metrics):
                for k, metric in enumerate(group.metrics):
                    pointer = f"{root}/resourceMetrics/{i}/scopeMetrics/{j}/metrics/{k}"
                    nth = self.metric(metric, process, offset, nth, None if root is None else pointer)
        return nth

    def metric(
        self, metric: Metric, process: int | None, offset: int | None, nth: int, pointer: str | None
    ) -> int:
        """Put the points of one metric."""
        labels = self.labels.setdefault(metric.name, set()) if len(self.labels) < MAX_NAMES else set()
        keys = self.builder.keys("metric_aggregate")
        points: Points | None = next((p for n in KINDS if (p := getattr(metric, n)) is not None), None)
        for point in points.data_points if points is not None else ():
            row = self.builder.row(
                "context",
                offset=offset,
                nth=nth,
                pointer=pointer,
                started_at=nanoseconds(point.start_time_unix_nano),
                ended_at=nanoseconds(point.time_unix_nano),
                process=process,
                name=metric.name,
            )
            nth += 1
            for pair in point.attributes:
                if len(labels) < MAX_LABELS:
                    labels.add(pair.key)
                column = keys[pair.key]
                if column is not None:
                    column.put(row, plain(pair.value))
        return nth

    def finish(self) -> None:
        """Add notes on what these metrics show, and what no metric can."""
        listed = [
            f"{mask.key(name, 'attribute')} by {_listed(labels)}"
            for name, labels in sorted(self.labels.items())
            if any(word in name for word in OF_MODELS)
        ]
        shown = "; ".join(listed[:SHOWN]) if listed else "nothing of model calls"
        self.builder.note(f"metrics are totals over a period, not calls; these show {shown}")
        self.builder.note(
            "a metric never tells which request a token belongs to, nor what is no label of it: "
            "pass the traces or the gateway's log of the same period"
        )


def _listed(labels: set[str]) -> str:
    return ", ".join(mask.key(label, "attribute") for label in sorted(labels)) or "no label"
