"""LangChain callback events, as a handler writes them: one JSON object a line, or `astream_events` as JSON.

A model's start and its end or error are joined by `run_id` to one call: metadata, tags and the requested
model stand on the start, ids and usage on the answer. A half without the other is a call of its own. The
arguments may stand in a mapping of the line (`kwargs`, `args`, `data`), and the answer may be Python text.
The end events, chains, tools, prompts and stream chunks are context. The trace is told by the topmost run.
Where the events have no time, that of a time-ordered run id is taken. Metadata and tags of the start stand at
`span`, the AWS request id of the answer at `attempt`. The events carry no cost and no IAM principal. Prompts,
chunks and generated text are never kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from auditor.evidence.builder import Builder, ReaderState
from auditor.evidence.formats import Format
from auditor.framing.times import to_ns
from auditor.readers.contract import RecordReader
from auditor.readers.llm.langchain import (
    Put,
    answer,
    error_of,
    parameters,
    run_metadata,
    run_tags,
)
from auditor.readers.shared.carries import MODEL, OUTCOME, OWNERS, TOKENS, at_scope
from auditor.readers.shared.nested import listing, mapping

NAMES = ("event", "callback", "event_type", "type", "hook", "method", "message", "name")
# keys under which a handler puts the arguments of its call
WRAPS = ("kwargs", "args", "arguments", "payload", "data")
TIMES = ("timestamp", "ts", "time", "@timestamp", "start_time", "created_at")
_KINDS = "llm|chat_model|chain|tool|retriever|prompt|parser|agent|text|retry|custom"
_EVENT = re.compile(rf"on_({_KINDS})(_\w+)?|({_KINDS})_(start|end|error|finish|action|new_token|event)")
_STARTS = frozenset({"on_llm_start", "on_chat_model_start"})
_ENDS = frozenset({"on_llm_end", "on_chat_model_end", "on_llm_error", "on_chat_model_error"})
Arguments = list[tuple[str, dict[str, Any]]]  # prefix of the keys, and the mapping


@dataclass
class Half:
    """The start or the end of a model's run, or another event."""

    event: str
    name: str | None
    parent_id: str | None
    at: int | None
    offset: int | None
    pointer: str | None
    puts: list[Put]


class CallbackRuns(ReaderState):
    """The runs of an input: those of which one half is known, and the topmost run of every run."""

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder)
        self.started: dict[str, list[Half]] = {}
        self.ended: dict[str, list[Half]] = {}
        self.roots: dict[str, str] = {}
        self.trace = builder.column("trace_id", "trace", "run_id")

    def finish(self) -> None:
        """Put halves without the other as calls: the sample was cut, or the call hangs."""
        for run, halves in [*self.started.items(), *self.ended.items()]:
            for half in halves:
                self.call(run, half, None)

    def root(self, run: str | None, parent: str | None, ancestors: list[Any]) -> str | None:
        """The topmost run above a run, remembered for the runs below it."""
        if run is None:
            return None
        if run not in self.roots:
            first = ancestors[0] if ancestors and isinstance(ancestors[0], str) else None
            self.roots[run] = first or (self.roots.get(parent, parent) if parent else run)
        return self.roots[run]

    def join(self, run: str, half: Half) -> None:
        """Put the call where its other half is known, else keep this one. Lines may be in any order."""
        same, others = self.started, self.ended
        if half.event in _ENDS:
            same, others = others, same
        waiting = others.get(run)
        if not waiting:
            same.setdefault(run, []).append(half)
            return
        other = waiting.pop(0)
        if not waiting:
            del others[run]
        start, end = (other, half) if half.event in _ENDS else (half, other)
        self.call(run, start, end)
        self.context(end, None, self.roots.get(run))

    def call(self, run: str, start: Half, end: Half | None) -> None:
        """Put one call with the values of its start and its end."""
        last = end or start
        row = self.builder.row(
            "call",
            offset=start.offset,
            pointer=start.pointer,
            span_id=run,
            parent_id=start.parent_id,
            started_at=start.at if start.event in _STARTS else None,
            ended_at=last.at if last.event in _ENDS else None,
            name=start.name,
            outcome="error" if last.event.endswith("_error") else None,
        )
        self.trace.put(row, self.roots.get(run, run))
        for column, value in [*start.puts, *(end.puts if end else ())]:
            column.put(row, value)

    def context(self, half: Half, run: str | None, root: str | None) -> None:
        """Put an event that is no call, with the id of its run where it is a start."""
        row = self.builder.row(
            "context",
            offset=half.offset,
            pointer=half.pointer,
            span_id=run,
            parent_id=half.parent_id if run else None,
            started_at=half.at,
            name=half.event,
            outcome="error" if half.event.endswith("_error") else None,
        )
        if root is not None:
            self.trace.put(row, root)
        for column, value in half.puts if run else ():
            column.put(row, value)


def event_of(record: dict[str, Any]) -> str:
    """The name of the event of a record; empty without one."""
    for key in NAMES:
        value = record.get(key)
        if isinstance(value, str) and _EVENT.fullmatch(value):
            return value if value.startswith("on_") else f"on_{value}"
    return ""


def arguments(record: dict[str, Any]) -> Arguments:
    """The mappings that may hold the arguments of the callback, each with the prefix of its keys."""
    inner = [(f"{key}.", mapping(record.get(key))) for key in WRAPS]
    return [("", record), *((prefix, values) for prefix, values in inner if values)]


def _argument(mappings: Arguments, key: str) -> Any:
    return next((values[key] for _, values in mappings if values.get(key)), None)


def match(record: dict[str, Any]) -> float:
    """A callback's name next to the id of a run."""
    return 1.0 if event_of(record) and any("run_id" in values for _, values in arguments(record)) else 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One event: the two halves of a model's run make one row, any other event is a row of its own."""
    runs, event = builder.state(CallbackRuns), event_of(record)
    mappings = arguments(record)
    run, parent = _argument(mappings, "run_id"), _argument(mappings, "parent_run_id")
    run = run if isinstance(run, str) else None
    ancestors = listing(_argument(mappings, "parent_ids"))
    parent = parent or (ancestors[-1] if ancestors else None)
    parent = parent if isinstance(parent, str) else None
    root = runs.root(run, parent, ancestors)
    begins, ends = event.endswith("_start"), event in _ENDS
    name = _argument(mappings, "name")
    half = Half(
        event,
        name if isinstance(name, str) else None,
        parent,
        _time(record, run if begins else None),
        builder.reading.absolute(offset),
        pointer,
        _run_values(mappings, builder) if begins else _end_values(mappings, builder) if ends else [],
    )
    if run is not None and (ends or event in _STARTS):
        runs.join(run, half)
    else:
        runs.context(half, run if begins else None, root)


def _time(record: dict[str, Any], run: str | None) -> int | None:
    for key in TIMES:
        if key in record and (ns := to_ns(record[key])) is not None:
            return ns
    return _time_of(run) if run else None


def _time_of(run: str) -> int | None:
    """The time in a time-ordered id (UUID version 7)."""
    try:
        ident = UUID(run)
    except ValueError:
        return None
    return (ident.int >> 80) * 10**6 if ident.version == 7 else None


def _run_values(mappings: Arguments, builder: Builder) -> list[Put]:
    """The values of a run in an event: metadata, tags, and the parameters of the invocation."""
    out: list[Put] = []
    for key, values in mappings:
        out += run_metadata(builder, values.get("metadata"), f"{key}metadata")
        out += run_tags(builder, values.get("tags"), f"{key}tags")
        out += parameters(builder, values.get("invocation_params"), f"{key}invocation_params")
    return out


def _end_values(mappings: Arguments, builder: Builder) -> list[Put]:
    """The values in the end of a model's run: the answer or error, and metadata again."""
    out = _run_values(mappings, builder)
    for key, values in mappings:
        if key and "output" in values:
            out += answer(builder, {"output": values["output"]}, key.rstrip("."))
        out += answer(builder, values.get("response"), f"{key}response")
    return [*out, *error_of(builder, _argument(mappings, "error"))]


FORMAT = Format(
    name="langchain-callbacks",
    layer="app",
    title="LangChain callback events",
    own_keys=frozenset({"event", "extra.invocation_params._type", "invocation_params._type"}),
    carries=at_scope(
        "span",
        *(*OWNERS, "request_id session_id user_id", *MODEL, *TOKENS),
        "environment cost_center agent",
    )
    | at_scope("attempt", "attempt_id response_id retry_count", *OUTCOME, "latency_ms")
    | {"trace_id": "trace"},
    get="""Write every callback of a `BaseCallbackHandler` as a line of JSON: the event's name, `run_id`,
`parent_run_id`, `tags`, `metadata`, and on the end `response.model_dump()` (`usage_metadata` only survives
in `dumpd(response)`); or dump `async for event in chain.astream_events(…, version="v2")` with
`json.dumps(event, default=dumpd)`.""",
)
READERS = (RecordReader(format=FORMAT, match=match, take=take, by_value=frozenset(NAMES)),)
