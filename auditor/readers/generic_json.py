"""Any JSON log: an object, an array, JSON lines, concatenated values, or JSON inside log lines.

Every key is looked up in the alias index; a record with a model or token counts is a call. Where a path
begins tells the scope: resource, host and label keys stand at `process`, headers at `client_header`,
everything else at `request`. Text JSON inside strings is opened. Prompt and response bodies never count.
"""

from __future__ import annotations

import re
from typing import Any

from auditor.evidence import Builder
from auditor.readers import Reader
from auditor.readers._nested import leaves
from auditor.readers._objects import to_ns

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
END = ("endTime", "end_time", "ended_at", "completed_at", "finished_at")
TOKENS = frozenset({"tokens_input", "tokens_output", "tokens_total"})
OUTCOMES = frozenset({"cost_usd", "latency_ms", "error_code", "attempt_id", "status", "response_id"})
_CONTEXT_LINE = re.compile(r"(?i)\b(llm|bedrock|openai|anthropic|completion|chat)\b")


def match(record: dict[str, Any]) -> float:
    """Anything is generic JSON, with the least claim."""
    return 0.1 if record else 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """Read one record; whether it is a call is told by what it carries."""
    row = builder.row(
        "context",
        offset=offset,
        pointer=pointer,
        started_at=next((ns for k in START if k in record and (ns := to_ns(record[k])) is not None), None),
        ended_at=next((ns for k in END if k in record and (ns := to_ns(record[k])) is not None), None),
        name=_words(record),
        outcome="error" if _is_error(record) else None,
    )
    seen: set[str] = set()
    own_labels = "ecs.version" in record or "ecs" in record
    for path, _, leaf in leaves(record):
        column = builder.keys(scope_of(path, own_labels=own_labels))[path]
        if column is not None:
            column.put(row, leaf)
            if leaf not in (None, "") and column.slot.place != "weak":
                seen.add(column.slot.field)
    _facts(record, builder, row)
    if is_call(record, seen):
        builder.ids["kind"][row] = "call"


def scope_of(path: str, *, own_labels: bool = False) -> str:
    """The scope at which a value of a generic record stands, by where its path begins.

    Labels are the deployment's, unless `own_labels` says that this schema (ECS) writes them per event.
    """
    if HEADERS.search(path):
        return "client_header"
    head = re.split(r"[.→\[]", path, maxsplit=1)[0].lower()
    if head in PROCESS and head != path.lower() and not (own_labels and head == "labels"):
        return "process"
    return "request"


def is_call(record: dict[str, Any], seen: set[str]) -> bool:
    """A model or token counts make a call; a line that only announces one does not."""
    if seen & TOKENS:
        return True
    words = _words(record) or ""
    if "model" in seen:
        if seen & (OUTCOMES - {"status"}) or _is_error(record):
            return not re.search(r"(?i)\b(retrying|will retry|backing off)\b", words)
        return not NOISE.search(words)
    return "cost_usd" in seen and bool(_CONTEXT_LINE.search(words))


def _words(record: dict[str, Any]) -> str | None:
    for key in ("event", "message", "msg", "name", "@message", "event_name"):
        value = record.get(key)
        if isinstance(value, str) and value:
            return value[:200]
    return None


def _is_error(record: dict[str, Any]) -> bool:
    level = str(record.get("level") or record.get("severity") or record.get("levelname") or "").lower()
    return level in ("error", "critical", "fatal") or bool(record.get("error") or record.get("exception"))


def _facts(record: dict[str, Any], builder: Builder, row: int) -> None:
    service = record.get("service") or record.get("service_name") or record.get("logger")
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


READER = Reader(
    name="generic-json",
    layer="app",
    title="JSON logs of an application",
    carries={},
    everything=True,
    get="""Take the lines your application logs for model calls, as JSON: \
`kubectl logs deploy/app | grep llm`,
`aws logs tail LOG_GROUP --since 1h`, or a file of JSON lines.""",
    match=match,
    take=take,
)
