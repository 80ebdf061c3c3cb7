"""One record in embedded metric format taken apart: its root keys, metric definitions, units and values.

It never adds up what several records say.
"""

from __future__ import annotations

from typing import Any, NamedTuple

# the unit of a metric and what its numbers are multiplied by to become milliseconds
MILLISECONDS = {"Seconds": 1000.0, "Microseconds": 0.001, "Milliseconds": 1.0}
_STATISTICS = frozenset({"Values", "Counts", "Max", "Min", "Sum", "Count"})


class Emf(NamedTuple):
    """What one record says: dimensions and metrics by name, and its other root keys."""

    timestamp: Any
    namespace: str
    units: dict[str, str]
    dimensions: frozenset[str]
    values: dict[str, Any]


def taken_apart(record: dict[str, Any]) -> Emf | None:
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
    return Emf(head.get("Timestamp"), namespace, units, frozenset(dimensions), values)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def measured(value: Any) -> list[Any] | None:
    """The single values of a metric, one a call; None for statistics, which hold no single value."""
    if isinstance(value, dict):
        return None if value.keys() & _STATISTICS else [value]
    return list(value) if isinstance(value, list) else [value]
