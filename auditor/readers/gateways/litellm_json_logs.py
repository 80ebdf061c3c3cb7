"""LiteLLM's own standard output with `json_logs: true`: operational lines, not records of calls.

The line whose message starts `LiteLLM completion() model=` is written once for each try at a model: it is
the call, and it carries the model and the provider and nothing else. Where the proxy correlates its logs
(`request_correlation_in_logs`) a line has `trace_id` and `session_id` too. All other lines (start-up,
routing, access, retries) are context. The text log (`10:00:03 - LiteLLM:INFO: utils.py:1 - …`) says the
same. Tenant, team, user, request id, tokens and cost are never in these lines: bring the spend logs or the
standard logging payload of the same hours.

The reader never reads stack traces, and never takes the words of other messages for values.
"""

from __future__ import annotations

import re
from typing import Any

from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.json_values import pieces
from auditor.framing.log_lines import split_prefix
from auditor.framing.times import to_ns
from auditor.inputs.source import Source
from auditor.readers.contract import InputSample, LineReader, RecordReader, SourceReader

NAME = "litellm-json-logs"
CALL = re.compile(r"^\s*LiteLLM completion\(\) model= ?(.*?); provider = ?(\S*)\s*$")
_OWN = re.compile(r"^LiteLLM\b")
_TEXT = re.compile(r"^\d\d:\d\d:\d\d - (LiteLLM[\w ]*):([A-Z]+): ?([\w.-]+\.py:\d+) - ?(.*)$")
_LISTS = "Proxy initialized with Config, Set models:"
_LOGGER = re.compile(r"^[\w.-]+\.py:\d+$")


def match(record: dict[str, Any]) -> float:
    """A line of LiteLLM's formatter: by its component, or by the message that announces a call."""
    message = record.get("message")
    if not isinstance(message, str) or "level" not in record or "timestamp" not in record:
        return 0.0
    if CALL.match(message):
        return 1.0
    component, logger = record.get("component"), record.get("logger")
    if not isinstance(component, str) or not _LOGGER.match(str(logger)):
        return 0.0
    return 1.0 if _OWN.match(component) else 0.6


def line(text: str) -> dict[str, Any] | None:
    """A line of the text log: LiteLLM's prefix and the message, or the announcement of a call alone."""
    if CALL.match(text):
        return {"message": text}
    parts = _TEXT.match(text)
    if parts is None:
        return None
    return {"component": parts[1], "level": parts[2], "logger": parts[3], "message": parts[4]}


def sniff(sample: InputSample) -> float:
    """The claim of its best record, or the share of its lines."""
    best = max((match(o) for o in sample.objects if isinstance(o, dict)), default=0.0)
    seen = len(sample.lines) + len(sample.objects)
    return max(best, sample.by_format.get(NAME, 0) / seen if seen else 0.0)


def read(source: Source, builder: Builder, start: int, end: int | None) -> None:
    """Hand every record to the reader that claims it; the proxy's list of models at start-up is no call."""
    dispatch = builder.dispatch
    listing = False
    for piece in pieces(source, builder.skip, start, end, builder.note):
        if not isinstance(piece.value, str):
            listing = False
            dispatch.piece(piece)
        elif listing and len(split_prefix(piece.value).text.split()) == 1:
            builder.skip(piece.line, "a model that the proxy was started with")
        else:
            listing = _LISTS in piece.value
            dispatch.piece(piece)


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One line."""
    message = record.get("message")
    call = CALL.match(message) if isinstance(message, str) else None
    row = builder.row(
        "call" if call else "context",
        offset=offset,
        pointer=pointer,
        started_at=to_ns(record.get("timestamp")),
        name="completion" if call else str(record.get("component") or record.get("logger") or ""),
    )
    if call:
        builder.column("model", "request", "message").put(row, call[1])
        builder.column("provider", "request", "message").put(row, call[2])
        for field, scope in (("trace_id", "trace"), ("session_id", "session")):
            if field in record:
                builder.column(field, scope, field).put(row, record[field])


FORMAT = Format(
    name=NAME,
    layer="gateway",
    title="LiteLLM JSON logs",
    carries={"model": "request", "provider": "request"},
    get="""`docker logs litellm 2>&1 | grep '^{' > litellm.log`, with `json_logs: true` in the proxy's
`litellm_settings`; better `/spend/logs?summarize=false` or a callback, which carry who called.""",
)
READERS = (
    SourceReader(format=FORMAT, sniff=sniff, read=read),
    RecordReader(format=FORMAT, match=match, take=take, by_value=frozenset({"message"})),
    LineReader(format=FORMAT, line=line, take=take),
)
