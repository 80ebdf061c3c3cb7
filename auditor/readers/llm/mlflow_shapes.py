"""The shapes in which MLflow writes traces: documents, pages, rows of a table, spans of two versions."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from auditor.framing.ids import hex_id
from auditor.framing.json_repair import python_literal
from auditor.framing.json_values import decode
from auditor.readers.shared.nested import listing, mapping

LONGEST = 4_000_000  # characters of a Python list that are read
_INFO = ("info", "trace_info")
_COLUMNS = frozenset({"trace", "spans", "trace_metadata", "request_metadata", "execution_duration", "state"})


class Trace(NamedTuple):
    """One trace: its own values, its spans, and the pointer of their list."""

    info: dict[str, Any]
    spans: list[Any]
    place: str


def match(record: dict[str, Any]) -> float:
    """A trace document, a page or row of traces, or the info of a trace."""
    if any(isinstance(record.get(n), dict) for n in _INFO):
        spans = mapping(record.get("data")).get("spans", record.get("spans"))
        return 1.0 if isinstance(spans, list) else 0.0
    if isinstance(record.get("trace"), dict) and match(record["trace"]):
        return 1.0
    if _is_row(record) or _is_info(record):
        return 1.0
    page = record.get("traces")
    if isinstance(page, list):
        return 1.0 if any(isinstance(t, dict) and match(t) for t in page) else 0.0
    first = next(iter(listing(record.get("spans"))), None)
    of_mlflow = isinstance(first, dict) and "mlflow.traceRequestId" in mapping(first.get("attributes"))
    return 1.0 if of_mlflow else 0.0


def _is_row(record: dict[str, Any]) -> bool:
    """A row of `search_traces`: ids next to the whole trace or its spans."""
    named = "trace_id" in record or "request_id" in record
    return named and len(_COLUMNS & set(record)) >= 2 and ("spans" in record or "trace" in record)


def _is_info(record: dict[str, Any]) -> bool:
    return ("trace_location" in record or "experiment_id" in record) and (
        "trace_metadata" in record or "request_metadata" in record
    )


def trace_of(record: dict[str, Any]) -> Trace:
    """The parts of a trace in any of its shapes."""
    info = next((record[n] for n in _INFO if isinstance(record.get(n), dict)), None)
    if info is not None:
        data = record.get("data")
        if isinstance(data, dict):
            return Trace(info, listing(data.get("spans")), "/data/spans")
        return Trace(info, listing(record.get("spans")), "/spans")
    whole = mapping(record.get("trace"))
    if whole:
        inner = trace_of(whole)
        return inner._replace(place=f"/trace{inner.place}")
    return Trace(record, _listed(record.get("spans")), "/spans")


def _listed(value: Any) -> list[Any]:
    """A list, or one that a table has as Python text of up to `LONGEST` characters."""
    items = listing(value)
    if items or not isinstance(value, str) or len(value) > LONGEST:
        return items
    try:
        plain = json.loads(json.dumps(python_literal(value), default=str, skipkeys=True))
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return []
    return plain if isinstance(plain, list) else []


def hex_of(value: Any) -> str | None:
    """A trace or span id in any form as hex, without `tr-`."""
    return hex_id(value.removeprefix("tr-")) if isinstance(value, str) and value else None


def trace_id_of(span: dict[str, Any]) -> str | None:
    """The trace id of a span."""
    return hex_of(span.get("trace_id") or mapping(span.get("context")).get("trace_id"))


def decoded(value: Any) -> Any:
    """The value of an attribute that is JSON text; any other value unchanged."""
    if isinstance(value, str):
        try:
            return decode(value)
        except ValueError:
            return value
    return value
