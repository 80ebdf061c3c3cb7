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
from auditor.readers.contract import RecordReader, Sample, SourceReader
from auditor.readers.llm.langchain import (
    USAGE,
    Put,
    answer,
    error_of,
    listing,
    mapping,
    parameters,
    run_metadata,
    run_tags,
    usage,
)
from auditor.readers.llm.langsmith_bodies import FEED, bodies, parts, pieces_of, streamed

NAME = "langsmith-runs"
CALLS = frozenset({"llm", "chat_model", "embedding"})
_OWN = frozenset({"dotted_order", "trace_id", "parent_run_id", "session_id", "session_name", "start_time"})
_KEPT = """id name run_type start_time end_time parent_run_id trace_id dotted_order tags status
    prompt_tokens completion_tokens total_tokens prompt_token_details completion_token_details
    prompt_cost completion_cost total_cost""".split()


@dataclass
class Run:
    """What is known of a run so far, and where it was first seen."""

    offset: int | None
    pointer: str | None
    said: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    answer: list[Put] = field(default_factory=list)
    error: list[Put] | None = None
    streamed: bool = False
    key: str = "extra.metadata"

    def add(self, said: dict[str, Any], builder: Builder) -> None:
        """Take in one piece; what is said later holds, what is left out stays."""
        self.said |= {k: said[k] for k in _KEPT if said.get(k) not in (None, "")}
        extra = mapping(said.get("extra"))
        if "metadata" in said and "metadata" not in extra:
            self.key, extra = "metadata", extra | {"metadata": said["metadata"]}
        self.metadata |= mapping(extra.get("metadata"))
        self.parameters |= mapping(extra.get("invocation_params"))
        if said.get("outputs"):
            self.answer = list(answer(builder, said["outputs"], "outputs")) or self.answer
        if said.get("error"):
            self.error = list(error_of(builder, said["error"]))
        self.streamed = self.streamed or streamed(said)

    def put(self, builder: Builder) -> None:
        """Put the run as a row: a call where a model ran, else context."""
        said = self.said
        call = str(said.get("run_type", "")).lower() in CALLS
        order = str(said.get("dotted_order") or "").split(".")
        row = builder.row(
            "call" if call else "context",
            offset=self.offset,
            pointer=self.pointer,
            span_id=_id(said),
            parent_id=_text(said.get("parent_run_id")) or _ident(order, -2),
            started_at=to_ns(said.get("start_time")),
            ended_at=to_ns(said.get("end_time")),
            name=_text(said.get("name")),
            outcome="error" if self.error is not None or said.get("status") == "error" else None,
        )
        trace = _text(said.get("trace_id")) or _ident(order, 0)
        if trace:
            builder.column("trace_id", "trace", "trace_id").put(row, trace)
        for column, value in self.puts(builder, call=call):
            column.put(row, value)
        if call and self.streamed:
            builder.fact("stream").put(row, True)
        _breakdown(builder, row, said, call=call)

    def puts(self, builder: Builder, *, call: bool) -> list[Put]:
        """Every value the run carries; usage and cost only of calls."""
        out = [*run_metadata(builder, self.metadata, self.key), *run_tags(builder, self.said.get("tags"))]
        out += parameters(builder, self.parameters, "extra.invocation_params")
        out += self.error or []
        if not call:
            return out
        out += self.answer
        held = mapping(self.metadata.get("usage_metadata"))
        for found in ((f"{self.key}.usage_metadata", held), ("", _counts(self.said))):
            seen = {column.slot.field for column, _ in out if column.slot.field in USAGE}
            out += [p for p in usage(builder, found) if p[0].slot.field not in seen]
        return out


def _counts(said: dict[str, Any]) -> dict[str, Any]:
    """The run's own counts in the words of a usage mapping."""
    details = mapping(said.get("prompt_token_details"))
    counts = {
        k: said[k] for k in ("prompt_tokens", "completion_tokens", "total_tokens", "total_cost") if k in said
    }
    return counts | ({"input_token_details": details} if details else {})


def _breakdown(builder: Builder, row: int, said: dict[str, Any], *, call: bool) -> None:
    """The sum of the two costs, for comparison with the total."""
    try:
        total = float(said["prompt_cost"]) + float(said["completion_cost"])
    except (KeyError, TypeError, ValueError):
        return
    if call and total < 1e9:
        builder.fact("cost_total").put(row, round(total * 1e9))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _ident(order: list[str], place: int) -> str | None:
    """The run id in one step of a dotted order (`20260914T100003401504Z<id>`)."""
    if place == -2 and len(order) < 2:
        return None
    return order[place].partition("Z")[2] or None


class Runs(ReaderState):
    """The runs of ingest bodies, by id; they are put after the last record."""

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder)
        self.by_id: dict[str, Run] = {}

    def finish(self) -> None:
        """Put the runs in the order in which they were first seen."""
        for run in self.by_id.values():
            run.put(self.builder)


def gather(run: str, said: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """Add one piece to the run it belongs to."""
    runs = builder.state(Runs).by_id
    if run not in runs:
        runs[run] = Run(offset, pointer)
    runs[run].add({"id": run} | said, builder)


def is_run(record: dict[str, Any]) -> bool:
    """Whether a record is a run, or the second half of one."""
    return ("run_type" in record and bool(_OWN & set(record))) or {"dotted_order", "trace_id"} <= set(record)


def match(record: dict[str, Any]) -> float:
    """A run, a batch of runs, or the API's page of runs."""
    if is_run(record):
        return 1.0
    if record and set(record) <= {"post", "patch"}:
        held = [r for _, r in pieces_of(record)]
        return 1.0 if all("id" in r or "dotted_order" in r for r in held) else 0.0
    page = record.get("runs")
    return 1.0 if isinstance(page, list) and any(isinstance(r, dict) and is_run(r) for r in page) else 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One run, with the runs below it; the runs of a batch wait for what later bodies add."""
    if not is_run(record) and "runs" not in record:
        for at, said in pieces_of(record):
            where = f"{pointer or ''}{at}"
            builder.attempt(None, gather, _id(said) or at, said, builder, offset, where)
        return
    todo = [(record, pointer)]
    while todo:
        said, place = todo.pop()
        if is_run(said):
            builder.attempt(None, _one, said, builder, offset, place)
        for name in ("child_runs", "runs"):
            below = listing(said.get(name))
            todo += [(r, f"{place or ''}/{name}/{i}") for i, r in enumerate(below) if isinstance(r, dict)][
                ::-1
            ]


def _one(said: dict[str, Any], builder: Builder, offset: int | None, place: str | None) -> None:
    """A whole run is put at once; one that has not ended waits for its second half."""
    ident = _id(said)
    if ident and (not said.get("end_time") or ident in builder.state(Runs).by_id):
        gather(ident, said, builder, offset, place)
        return
    run = Run(offset, place)
    run.add(said, builder)
    run.put(builder)


def _id(said: dict[str, Any]) -> str | None:
    return _text(said.get("id")) or _ident(str(said.get("dotted_order") or "").split("."), -1)


def is_multipart(head: bytes) -> bool:
    """Whether bytes begin with ingest parts: a boundary, and a part named after a run."""
    return bool(FEED.search(head)) and next(bodies(head), None) is not None


def sniff(sample: Sample) -> float:
    """Parts named `post.<id>`, or records that are runs."""
    if is_multipart(sample.head):
        return 1.0
    return max((match(o) for o in sample.objects if isinstance(o, dict)), default=0.0)


def read(source: Source, builder: Builder, start: int, end: int | None) -> None:
    """Read multipart bodies, or every JSON record."""
    if not is_multipart(source.head):
        builder.dispatch.read(source, start, end)
        return
    for part in parts(source.whole(), builder):
        builder.attempt(None, gather, part.run, part.said, builder, part.offset, "")


FORMAT = Format(
    name=NAME,
    layer="app",
    title="LangSmith runs",
    own_keys=frozenset({"name"}),
    carries=dict.fromkeys(
        """tenant_id workflow_id workflow_run_id team_id request_id session_id user_id cost_usd model provider
        tokens_input tokens_output tokens_cache_read tokens_cache_write tokens_reasoning tokens_total
        latency_ms environment cost_center agent""".split(),
        "span",
    )
    | dict.fromkeys("response_id retry_count status error_code".split(), "attempt")
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
