"""CloudWatch embedded metric format: log records that CloudWatch also turns into metrics.

A record that holds a token count, a cost or a model is a call; where its metrics are lists of one length
(Powertools flushes once an invocation), each position is a call of its own. Root keys, dimensions or not,
stand at `request` in the log record; once CloudWatch has made a metric of it, only the dimensions are left.
A record of statistics (`Values` and `Counts`, `Sum`) stands for many calls and is context. The format never
carries an IAM principal or a tag of AWS, and the CloudWatch metric itself is never read here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.evidence.schema import Column
from auditor.framing.nested import leaves
from auditor.framing.times import to_ns
from auditor.readers.contract import RecordReader
from auditor.readers.shared.carries import LOG_FIELDS, at_scope
from auditor.readers.shared.free_form import scope_of
from auditor.report import mask

MARKS = frozenset({"tokens_input", "tokens_output", "tokens_total", "cost_usd", "model"})
OWNER_FIELDS = ("tenant_id", "team_id", "workflow_id")
UNIQUE_FIELDS = frozenset({"request_id", "attempt_id", "trace_id", "session_id", "workflow_run_id"})
MAX_VALUES = 100  # of one metric of a record
# the unit of a metric and what its numbers are multiplied by to become milliseconds
MILLISECONDS = {"Seconds": 1000.0, "Microseconds": 0.001, "Milliseconds": 1.0}
_STATISTICS = frozenset({"Values", "Counts", "Max", "Min", "Sum", "Count"})


def match(record: dict[str, Any]) -> float:
    """The `_aws` member that makes a log record a metric."""
    return 1.0 if emf_of(record) is not None else 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One record: a call, several calls of one invocation, or context."""
    emf = emf_of(record)
    if emf is None:
        builder.skip(None, "an _aws member without CloudWatchMetrics")
        return
    metrics = {name: single_values(emf.values[name]) for name in emf.units if name in emf.values}
    marks = [n for n in metrics if _field(builder, n) in MARKS]
    whole = all(metrics[n] is not None for n in marks)
    size = max((len(metrics[n] or ()) for n in marks), default=1)
    if not whole or size > MAX_VALUES:
        builder.row("context", offset=offset, pointer=pointer, started_at=to_ns(emf.timestamp))
        builder.note("Metrics of statistics stand for many calls at once: they cannot be told apart.")
        return
    call = bool(marks) or any(_field(builder, k) in MARKS for k in emf.values if k not in emf.units)
    for position in range(size if call else 1):
        _row(emf, metrics, position, builder, offset, pointer, call=call)
    if call:
        _note_dimensions(emf, builder)


def _row(
    emf: EmfRecord,
    metrics: dict[str, list[Any] | None],
    position: int,
    builder: Builder,
    offset: int | None,
    pointer: str | None,
    *,
    call: bool,
) -> None:
    row = builder.row(
        "call" if call else "context",
        offset=offset,
        pointer=pointer,
        started_at=to_ns(emf.timestamp),
        name=emf.namespace or None,
    )
    for name, values in metrics.items():
        column = _column(builder, name, emf.units[name])
        if column is not None and values and position < len(values):
            column.put(row, values[position])
    others = {key: value for key, value in emf.values.items() if key not in emf.units}
    for path, _, leaf in leaves(others):
        column = builder.keys(scope_of(path))[path]
        if column is not None:
            column.put(row, leaf)
    service = others.get("service")
    if isinstance(service, str):
        builder.fact("service").put(row, service)
    if isinstance(others.get("operation"), str):
        builder.fact("operation").put(row, others["operation"])


def _field(builder: Builder, name: str) -> str | None:
    alias = builder.catalogue.lookup(name)
    return alias.field if alias is not None and not alias.weak else None


def _column(builder: Builder, name: str, unit: str) -> Column | None:
    """The column of a metric; durations become milliseconds by the unit in the record."""
    alias = builder.catalogue.lookup(name)
    if alias is None:
        return None
    scale = MILLISECONDS.get(unit, 1.0) if alias.field == "latency_ms" else 1.0
    return builder.resolved(alias, "request", name, scale)


def _note_dimensions(emf: EmfRecord, builder: Builder) -> None:
    """Note what a record loses, or costs, when CloudWatch makes metrics of it."""
    for key in emf.values:
        field, shown = _field(builder, key), mask.key(key)
        if field in UNIQUE_FIELDS and key in emf.dimensions:
            builder.note(f"`{shown}` is a dimension: every request makes a metric of its own, and a charge.")
        elif field in OWNER_FIELDS and key not in emf.dimensions:
            builder.note(f"`{shown}` is no dimension: the log record has it, the CloudWatch metric has not.")


class EmfRecord(NamedTuple):
    """The parts of one record: the units of its metrics, its dimensions, and the values of its root keys."""

    timestamp: Any
    namespace: str
    units: dict[str, str]
    dimensions: frozenset[str]
    values: dict[str, Any]


def emf_of(record: dict[str, Any]) -> EmfRecord | None:
    """The parts of a record; None when its `_aws` member is not what the format asks for."""
    head = record.get("_aws")
    directives = head.get("CloudWatchMetrics") if isinstance(head, dict) else None
    if not isinstance(head, dict) or not isinstance(directives, list):
        return None
    units: dict[str, str] = {}
    dimensions: set[str] = set()
    namespace = ""
    for directive in directives:
        if not isinstance(directive, dict):
            continue
        namespace = namespace or str(directive.get("Namespace") or "")
        for metric in _listed(directive.get("Metrics")):
            if isinstance(metric, dict) and isinstance(metric.get("Name"), str):
                units[metric["Name"]] = str(metric.get("Unit") or "")
        for group in _listed(directive.get("Dimensions")):
            dimensions.update(name for name in _listed(group) if isinstance(name, str))
    values = {key: value for key, value in record.items() if key != "_aws"}
    return EmfRecord(head.get("Timestamp"), namespace, units, frozenset(dimensions), values)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def single_values(value: Any) -> list[Any] | None:
    """The values of a metric, one a call; None for statistics, which have no single values."""
    if isinstance(value, dict):
        return None if value.keys() & _STATISTICS else [value]
    return list(value) if isinstance(value, list) else [value]


FORMAT = Format(
    name="cloudwatch-emf",
    layer="app",
    title="CloudWatch embedded metric format",
    carries=at_scope("request", *LOG_FIELDS),
    get="""`aws logs filter-log-events --log-group-name /aws/lambda/FUNCTION --filter-pattern \
'{ $._aws.Timestamp = * }'`,
or the same log group in Logs Insights with `fields @message | filter ispresent(_aws.Timestamp)`.""",
)
READERS = (RecordReader(format=FORMAT, match=match, take=take, by_value=frozenset({"_aws"})),)
