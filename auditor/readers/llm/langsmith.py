"""LangSmith runs: lists of the API and the SDK, and the bodies that SDKs send, in batches or as multipart.

A run of type `llm` or `embedding` is a call, every other run is context. In ingest bodies what `post` began
and `patch` ended is one run, joined by its id over all bodies of the input. `extra.metadata` and `tags` of a
run stand at `span`; those of a run above it reach a call only where they were inherited. Usage is read where
it stands: on the run, in its metadata, or in the answer. What LangSmith adds up on chains is a sum of their
calls and is not read. The top-level `session_id` is a LangSmith project and `tenant_id` a LangSmith
workspace: neither is a session nor a tenant. A run never carries the IAM principal or AWS tags; its AWS
request id only where the model class copied it from the response. Inputs, answers and attachments are never
kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from auditor.evidence.builder import Builder, ReaderState
from auditor.evidence.formats import Format
from auditor.framing.times import to_ns
from auditor.inputs.source import Source
from auditor.readers.contract import InputSample, RecordReader, SourceReader
from auditor.readers.llm.langchain import (
    USAGE,
    Put,
    answer,
    error_of,
    parameters,
    run_metadata,
    run_tags,
    text_of,
    usage,
)
from auditor.readers.llm.langsmith_bodies import FEED, bodies, pieces, pieces_of, streamed
from auditor.readers.shared.carries import OUTCOME, OWNERS, TOKENS, at_scope
from auditor.readers.shared.nested import listing, mapping

CALLS = frozenset({"llm", "chat_model", "embedding"})
_OWN = frozenset({"dotted_order", "trace_id", "parent_run_id", "session_id", "session_name", "start_time"})
_KEPT = """id name run_type start_time end_time parent_run_id trace_id dotted_order tags status
    prompt_tokens completion_tokens total_tokens prompt_token_details completion_token_details
    prompt_cost completion_cost total_cost""".split()


@dataclass
class PartialRun:
    """A run as known so far, and where it was first seen."""

    offset: int | None
    pointer: str | None
    values: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    answer: list[Put] = field(default_factory=list)
    error: list[Put] | None = None
    streamed: bool = False
    key: str = "extra.metadata"

    def add(self, piece: dict[str, Any], builder: Builder) -> None:
        """Add one piece; its values replace earlier ones, values that it lacks stay."""
        self.values |= {k: piece[k] for k in _KEPT if piece.get(k) not in (None, "")}
        extra = mapping(piece.get("extra"))
        if "metadata" in piece and "metadata" not in extra:
            self.key, extra = "metadata", extra | {"metadata": piece["metadata"]}
        self.metadata |= mapping(extra.get("metadata"))
        self.parameters |= mapping(extra.get("invocation_params"))
        if piece.get("outputs"):
            self.answer = list(answer(builder, piece["outputs"], "outputs")) or self.answer
        if piece.get("error"):
            self.error = list(error_of(builder, piece["error"]))
        self.streamed = self.streamed or streamed(piece)

    def put(self, builder: Builder) -> None:
        """Put the run as a row: a call where a model ran, else context."""
        values = self.values
        call = str(values.get("run_type", "")).lower() in CALLS
        order = str(values.get("dotted_order") or "").split(".")
        row = builder.row(
            "call" if call else "context",
            offset=self.offset,
            pointer=self.pointer,
            span_id=_id(values),
            parent_id=text_of(values.get("parent_run_id")) or _ident(order, -2),
            started_at=to_ns(values.get("start_time")),
            ended_at=to_ns(values.get("end_time")),
            name=text_of(values.get("name")),
            outcome="error" if self.error is not None or values.get("status") == "error" else None,
        )
        trace = text_of(values.get("trace_id")) or _ident(order, 0)
        if trace:
            builder.column("trace_id", "trace", "trace_id").put(row, trace)
        for column, value in self.puts(builder, call=call):
            column.put(row, value)
        if call and self.streamed:
            builder.fact("stream").put(row, True)
        _breakdown(builder, row, values, call=call)

    def puts(self, builder: Builder, *, call: bool) -> list[Put]:
        """Every value of the run; usage and cost only of calls."""
        out = [*run_metadata(builder, self.metadata, self.key), *run_tags(builder, self.values.get("tags"))]
        out += parameters(builder, self.parameters, "extra.invocation_params")
        out += self.error or []
        if not call:
            return out
        out += self.answer
        in_metadata = mapping(self.metadata.get("usage_metadata"))
        for counts in ((f"{self.key}.usage_metadata", in_metadata), ("", _counts(self.values))):
            seen = {column.slot.field for column, _ in out if column.slot.field in USAGE}
            out += [p for p in usage(builder, counts) if p[0].slot.field not in seen]
        return out


def _counts(values: dict[str, Any]) -> dict[str, Any]:
    """The run's own counts with the keys of a usage mapping."""
    details = mapping(values.get("prompt_token_details"))
    counts = {
        k: values[k]
        for k in ("prompt_tokens", "completion_tokens", "total_tokens", "total_cost")
        if k in values
    }
    return counts | ({"input_token_details": details} if details else {})


def _breakdown(builder: Builder, row: int, values: dict[str, Any], *, call: bool) -> None:
    """The sum of the two costs, for comparison with the total."""
    try:
        total = float(values["prompt_cost"]) + float(values["completion_cost"])
    except (KeyError, TypeError, ValueError):
        return
    if call and total < 1e9:
        builder.fact("cost_total").put(row, round(total * 1e9))


def _ident(order: list[str], place: int) -> str | None:
    """The run id in one step of a dotted order (`20260914T100003401504Z<id>`)."""
    if place == -2 and len(order) < 2:
        return None
    return order[place].partition("Z")[2] or None


class PartialRuns(ReaderState):
    """The runs of ingest bodies, by id; they are put after the last record."""

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder)
        self.by_id: dict[str, PartialRun] = {}

    def finish(self) -> None:
        """Put the runs in the order in which they were first seen."""
        for run in self.by_id.values():
            run.put(self.builder)


def gather(
    run: str, piece: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None
) -> None:
    """Add one piece to its run."""
    runs = builder.state(PartialRuns).by_id
    if run not in runs:
        runs[run] = PartialRun(builder.reading.absolute(offset), pointer)
    runs[run].add({"id": run} | piece, builder)


def is_run(record: dict[str, Any]) -> bool:
    """Whether a record is a run, or the second half of one."""
    return ("run_type" in record and bool(_OWN & set(record))) or {"dotted_order", "trace_id"} <= set(record)


def match(record: dict[str, Any]) -> float:
    """A run, a batch of runs, or the API's page of runs."""
    if is_run(record):
        return 1.0
    if record and set(record) <= {"post", "patch"}:
        return 1.0 if all("id" in r or "dotted_order" in r for _, r in pieces_of(record)) else 0.0
    page = record.get("runs")
    return 1.0 if isinstance(page, list) and any(isinstance(r, dict) and is_run(r) for r in page) else 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One run with the runs below it; those of a batch are put at the end: later bodies can add to them."""
    if not is_run(record) and "runs" not in record:
        for at, piece in pieces_of(record):
            where = f"{pointer or ''}{at}"
            builder.attempt(None, gather, _id(piece) or at, piece, builder, offset, where)
        return
    todo = [(record, pointer)]
    while todo:
        run, place = todo.pop()
        if is_run(run):
            builder.attempt(None, _put_or_gather, run, builder, offset, place)
        for name in ("child_runs", "runs"):
            below = enumerate(listing(run.get(name)))
            todo += [(r, f"{place or ''}/{name}/{i}") for i, r in below if isinstance(r, dict)][::-1]


def _put_or_gather(values: dict[str, Any], builder: Builder, offset: int | None, place: str | None) -> None:
    """Put a whole run; one that has not ended waits for its second half."""
    ident = _id(values)
    if ident and (not values.get("end_time") or ident in builder.state(PartialRuns).by_id):
        gather(ident, values, builder, offset, place)
        return
    run = PartialRun(offset, place)
    run.add(values, builder)
    run.put(builder)


def _id(values: dict[str, Any]) -> str | None:
    return text_of(values.get("id")) or _ident(str(values.get("dotted_order") or "").split("."), -1)


def is_multipart(head: bytes) -> bool:
    """Whether bytes begin with ingest parts: a boundary, and a part named after a run."""
    return bool(FEED.search(head)) and next(bodies(head), None) is not None


def sniff(sample: InputSample) -> float:
    """Parts named `post.<id>`, or records that are runs."""
    if is_multipart(sample.head):
        return 1.0
    return max((match(o) for o in sample.objects if isinstance(o, dict)), default=0.0)


def read(source: Source, builder: Builder, start: int, end: int | None) -> None:
    """Read multipart bodies, or every JSON record."""
    if not is_multipart(source.head):
        builder.dispatch.read(source, start, end)
        return
    for piece in pieces(source.whole(), builder):
        builder.attempt(None, gather, piece.run, piece.values, builder, piece.offset, "")


FORMAT = Format(
    name="langsmith-runs",
    layer="app",
    title="LangSmith runs",
    own_keys=frozenset({"name"}),
    carries=at_scope(
        "span",
        *(*OWNERS, "request_id session_id user_id cost_usd model provider", *TOKENS),
        "latency_ms environment cost_center agent",
    )
    | at_scope("attempt", "response_id retry_count", *OUTCOME)
    | {"trace_id": "trace"},
    get="""In Python `from langsmith import Client`, then
`[print(r.json()) for r in Client().list_runs(project_name="PROJECT", run_type="llm")] > runs.jsonl`; or
`curl -H "x-api-key: $LANGSMITH_API_KEY" https://api.smith.langchain.com/api/v1/runs/query -d '{"session":
["PROJECT_ID"]}'`. A captured `POST /runs/batch` or `/runs/multipart` body is read as it is.""",
)
READERS = (
    SourceReader(format=FORMAT, sniff=sniff, read=read),
    RecordReader(
        format=FORMAT, match=match, take=take, by_value=frozenset({"run_type", "post", "patch", "runs"})
    ),
)
