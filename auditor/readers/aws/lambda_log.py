"""AWS Lambda logs: records of Powertools for AWS Lambda, and what the platform writes around them.

A record of the function that names a model with an outcome, or token counts, is a call; START, END, REPORT
and `platform.*` records are context. Appended keys, and the keys of a `message` that is an object, stand at
`request`; a key that one invocation appended and did not clear is still there in the next. The id of an
invocation covers every call of it and outlives an asynchronous retry: a weak request id. The ARN of the
function tells the region of the function, not that of the call. A log never carries an IAM principal or a
tag of AWS unless the function writes it, and no text of an exception is ever kept.
"""

from __future__ import annotations

import re
from typing import Any

from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.evidence.recognition import put_words
from auditor.framing.call_words import call_words, error_of
from auditor.framing.nested import leaves, opened_text
from auditor.framing.times import to_ns
from auditor.readers.contract import LineReader, RecordReader
from auditor.readers.shared import free_form
from auditor.readers.shared.carries import LOG_FIELDS, at_scope
from auditor.readers.shared.nested import put_pairs

_UUID = r"(?P<id>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"
_LINE = re.compile(
    rf"(?:(?P<kind>START|END|REPORT) RequestId: {_UUID}\b(?P<rest>.*)"
    r"|(?P<other>INIT_START|INIT_REPORT|EXTENSION|TELEMETRY|LOGS)\b\s(?>.*?(?:Runtime|Name|State|Init|Status)).*"
    r"|(?P<xray>XRAY TraceId): 1-.*)"
)
_REGION = re.compile(r"arn:[\w-]+:lambda:([a-z0-9-]+):")
_POWERTOOLS = frozenset({"function_arn", "function_name", "function_memory_size", "cold_start"})


def match(record: dict[str, Any]) -> float:
    """Keys that `inject_lambda_context` writes, or a record of the platform's own."""
    if "function_request_id" in record:
        return 1.0 if record.keys() & _POWERTOOLS else 0.8
    if {"function_arn", "function_name"} <= record.keys():
        return 0.7
    return 1.0 if _platform(record) else 0.0


def _platform(record: dict[str, Any]) -> bool:
    kind = record.get("type")
    return isinstance(kind, str) and kind.startswith("platform.") and "record" in record


def line(text: str) -> dict[str, Any] | None:
    """A line of text that the platform writes, as a record of its own kind; None for any other."""
    parts = _LINE.fullmatch(text.strip()) if text[:1] in "SERITLX" else None
    if parts is None:
        return None
    return {"type": f"platform.{(parts['kind'] or parts['other'] or 'xray').lower()}", "record": {}}


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One record of the function, or one of the platform's."""
    if _platform(record):
        builder.row(
            "context",
            offset=offset,
            pointer=pointer,
            started_at=to_ns(record.get("time")),
            name=str(record["type"]),
        )
        return
    row, _ = free_form.put(record, builder, offset, pointer)
    message = record.get("message")
    if isinstance(message, str) and message[:1] == "{":
        message = opened_text(message)
    inner = message if isinstance(message, dict) else {}
    put_pairs(builder, row, ((path, leaf) for path, _, leaf in leaves(inner, "message")), "request")
    words = [inner[key] for key in ("event", "message", "msg") if isinstance(inner.get(key), str)]
    put_words(builder, row, call_words(" ".join(words)))
    if error_of(inner):
        builder.ids["outcome"][row] = "error"
    _region(record, builder, row)


def _region(record: dict[str, Any], builder: Builder, row: int) -> None:
    """Where the function ran: it may call a model in another region."""
    arn = _REGION.match(str(record.get("function_arn") or ""))
    if arn:
        builder.column("region", "process", "function_arn").put(row, arn[1])


FORMAT = Format(
    name="lambda-log",
    layer="app",
    title="AWS Lambda logs",
    own_keys=frozenset({"function_name", "type"}),
    carries=at_scope("request", *LOG_FIELDS),
    get="""`aws logs tail /aws/lambda/FUNCTION --since 1h --format short > function.log`, or
`aws logs filter-log-events --log-group-name /aws/lambda/FUNCTION > function.json`.""",
)
READERS = (
    RecordReader(format=FORMAT, match=match, take=take, by_value=frozenset({"type"})),
    LineReader(format=FORMAT, line=line, take=take),
)
