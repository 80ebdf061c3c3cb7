"""Records in which any key may be an alias of a field: how they are put, and which of them are calls.

The beginning of a path decides the scope: resource, host and label keys are `process`, headers
`client_header`, everything else `request`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from auditor.evidence.builder import MAX_KEYS, Builder
from auditor.evidence.schema import Column
from auditor.framing.json_repair import ELIDED
from auditor.framing.log_lines import PREFIX
from auditor.framing.nested import is_body, leaves
from auditor.framing.times import to_ns
from auditor.readers.shared.carries import TOKEN_TOTALS
from auditor.readers.shared.routes import clf_ns

PROCESS = frozenset(
    """resource service host k8s kubernetes labels env environment container docker ecs cloud process os
    function_name function_arn function_version lambda_context aws_lambda pod node deployment""".split()
)
HEADERS = re.compile(r"(^|[.→])(request_?)?headers?[.→]", re.I)
NOISE = re.compile(
    r"(?i)\b(start(ed|ing|s)?|begin(ning)?|load(ed|ing)?|config(ured)?|init\w*|retry(ing)?|sleep(ing)?|"
    r"back(ing )?off|queued|scheduled|selected|routing|warm\w*|listening|request\.?(received|sent)|"
    r"received request)\b"
)
START = tuple(
    """startTime start_time started_at timestamp @timestamp time ts eventTime created_at datetime date
    _time asctime""".split()
)
ERROR_LEVELS = ("error", "critical", "fatal", "severe")
FUNCTIONS = ("function_name", "functionName", "funcName", "func_name")
OPENING = frozenset('{["')  # text that begins so may be opened
EXACT = 2**53  # above it a float has no room for every whole number
END = ("endTime", "end_time", "ended_at", "completed_at", "finished_at")
OUTCOMES = frozenset({"cost_usd", "latency_ms", "error_code", "attempt_id", "status", "response_id"})
_CONTEXT_LINE = re.compile(r"(?i)\b(llm|bedrock|openai|anthropic|completion|chat)\b")


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """Read one record; its fields decide whether it is a call."""
    row, seen = put(record, builder, offset, pointer)
    if is_call(record, seen):
        builder.ids["kind"][row] = "call"


def put(
    record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None
) -> tuple[int, set[str]]:
    """Put one record as context; returns its row and the fields that it has a value of."""
    prefix = record.pop(PREFIX, {})
    columns = builder.state(Columns, "ecs.version" in record or "ecs" in record)
    started = next((ns for k in START if k in record and (ns := to_ns(record[k])) is not None), None)
    if started is None:
        started = to_ns(prefix.get("time")) or clf_ns(prefix.get("when"))
    level = str(prefix.get("level", "")).lower()
    row = builder.row(
        "context",
        offset=offset,
        pointer=pointer,
        started_at=started,
        ended_at=next((ns for k in END if k in record and (ns := to_ns(record[k])) is not None), None),
        name=_message(record),
        outcome="error" if _is_error(record) or level in ERROR_LEVELS else None,
    )
    seen: set[str] = set()
    for path, leaf in _pairs(record):
        if leaf == ELIDED or path == ELIDED:
            builder.fact("attributes_dropped").put(row, True)
            continue
        column = columns[path]
        if column is not None and column.slot.field in ("workflow_id", "iam_principal"):
            column = _checked(column, leaf, record, builder, path)
        if column is not None:
            column.rows.append(row)
            column.values.append(leaf)
            if leaf not in (None, "") and column.slot.place != "weak":
                seen.add(column.slot.field)
    for key in ("pod", "container", "host"):
        column = builder.keys("process", "log prefix.")[key] if key in prefix else None
        if column is not None:
            column.put(row, prefix[key])
    _facts(record, builder, row, prefix)
    _clocks(record, builder, row)
    return row, seen


def _checked(column: Column, leaf: Any, record: dict[str, Any], builder: Builder, path: str) -> Column | None:
    """The column, unless its value is the logging function (no workflow) or no ARN (no principal)."""
    if column.slot.field == "iam_principal":
        return column if leaf in (None, "") or str(leaf).startswith("arn:") else None
    own = leaf in (None, "") or all(record.get(key) != leaf for key in FUNCTIONS)
    return column if own else builder.keys("process")[path]


class Columns(dict[str, Column | None]):
    """A memo from a path to its column, at the scope that its beginning decides."""

    def __init__(self, builder: Builder, own_labels: bool) -> None:
        super().__init__()
        self.builder, self.own_labels = builder, own_labels

    def __missing__(self, path: str) -> Column | None:
        column = self.builder.keys(scope_of(path, own_labels=self.own_labels))[path]
        if len(self) < MAX_KEYS:
            self[path] = column
        return column


def _pairs(record: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """(path, leaf) of a record; plain values at its top are not walked."""
    for key, value in record.items():
        kind = value.__class__
        if kind is int or kind is float or value is None:
            yield key, value
        elif kind is str and value[:1] not in OPENING and len(value) < 512:
            if not is_body(key, None):
                yield key, value
        else:
            for path, _, leaf in leaves({key: value}):
                yield path, leaf


def _clocks(record: dict[str, Any], builder: Builder, row: int) -> None:
    """Note how numeric times were read; take no duration from those that lost their last digits."""
    for key in (*START, *END):
        value = record.get(key)
        if isinstance(value, float) and value > EXACT:
            builder.note("Nanoseconds written as floats are not exact: no latency is taken from them.")
            builder.ids["ended_at"][row] = None
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            builder.note("Numeric times were read by their magnitude as seconds, ms, µs or ns since 1970.")


def scope_of(path: str, *, own_labels: bool = False) -> str:
    """The scope of a value of a generic record, by the beginning of its path.

    Labels are the deployment's, unless `own_labels`: this schema (ECS) writes them on each event.
    """
    if HEADERS.search(path):
        return "client_header"
    head = re.split(r"[.→\[]", path, maxsplit=1)[0].lower()
    if head in PROCESS and head != path.lower() and not (own_labels and head == "labels"):
        return "process"
    return "request"


def is_call(record: dict[str, Any], seen: set[str]) -> bool:
    """Whether a record is a call: it has a model or token counts, and does not only announce a call."""
    if not seen.isdisjoint(TOKEN_TOTALS):
        return True
    message = _message(record) or ""
    if "model" in seen:
        if seen & (OUTCOMES - {"status"}) or _is_error(record):
            return not re.search(r"(?i)\b(retrying|will retry|backing off)\b", message)
        return not NOISE.search(message)
    return "cost_usd" in seen and bool(_CONTEXT_LINE.search(message))


def _message(record: dict[str, Any]) -> str | None:
    for key in ("event", "message", "msg", "name", "@message", "event_name"):
        value = record.get(key)
        if isinstance(value, str) and value:
            return value[:200]
    return None


def _is_error(record: dict[str, Any]) -> bool:
    level = str(record.get("level") or record.get("severity") or record.get("levelname") or "").lower()
    return level in ERROR_LEVELS or bool(record.get("error") or record.get("exception"))


def _facts(record: dict[str, Any], builder: Builder, row: int, prefix: dict[str, str]) -> None:
    service = (
        record.get("service") or record.get("service_name") or record.get("logger") or prefix.get("service")
    )
    if isinstance(service, dict):
        service = service.get("name")
    if isinstance(service, str):
        builder.fact("service").put(row, service)
    for key in ("operation", "call_type", "rpc.method", "endpoint_type"):
        if isinstance(record.get(key), str):
            builder.fact("operation").put(row, record[key])
            break
    for key in ("api_base", "base_url", "endpoint", "host", "url"):
        if isinstance(record.get(key), str):
            builder.fact("endpoint").put(row, record[key])
            break
