"""Spans put into the table, whatever their format: attributes by their keys, and which spans are calls.

Readers pass ids, times and pairs of attributes; bodies and events must not be among them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from auditor.evidence.builder import MAX_KEYS, Builder, ReaderState
from auditor.evidence.schema import Column
from auditor.framing.nested import baggage, is_body, is_container
from auditor.readers.shared.carries import SPAN_FIELDS, TOKEN_TOTALS, at_scope
from auditor.readers.shared.named_keys import PROMPT_HASH
from auditor.readers.shared.nested import put_nested

HEADER = ("http.request.header.", "http.request.headers.", "rpc.request.metadata.")
RESPONSE_HEADER = ("http.response.header.", "http.response.headers.")
# what spans carry in any format, and where
CARRIES = at_scope("span", *SPAN_FIELDS) | {
    "trace_id": "trace",
    "environment": "process",
    "account_id": "process",
}
# LiteLLM writes its call type where others write the operation; `a…` are its asynchronous twins
_LITELLM = frozenset(
    """completion acompletion text_completion atext_completion embedding aembedding responses aresponses
    anthropic_messages rerank arerank image_generation aimage_generation transcription atranscription
    speech aspeech""".split()
)
# an asynchronous twin is the same operation
TWINS = {f"a{name}": name for name in _LITELLM if f"a{name}" in _LITELLM}
CALL_MARKS: dict[str, frozenset[str]] = {
    "gen_ai.operation.name": _LITELLM | {"chat", "embeddings", "generate_content", "multimodal_completion"},
    "rpc.service": frozenset({"Bedrock Runtime", "BedrockRuntime"}),
    "openinference.span.kind": frozenset({"LLM", "EMBEDDING"}),
    "llm.request.type": _LITELLM | {"chat", "rerank"},
    "langfuse.observation.type": frozenset({"generation", "embedding", "GENERATION", "EMBEDDING"}),
    "mlflow.spanType": frozenset({'"LLM"', '"CHAT_MODEL"', '"EMBEDDING"', "LLM", "CHAT_MODEL", "EMBEDDING"}),
    "langsmith.span.kind": frozenset({"llm", "LLM"}),
    "ai.operationId": frozenset(
        {
            "ai.generateText.doGenerate",
            "ai.streamText.doStream",
            "ai.generateObject.doGenerate",
            "ai.streamObject.doStream",
            "ai.embed.doEmbed",
            "ai.embedMany.doEmbed",
        }
    ),
}
# kinds of span that are no call, even where they repeat a model and the usage of the calls below them
OTHER_MARKS: dict[str, frozenset[str]] = {
    "gen_ai.operation.name": frozenset({"invoke_agent", "create_agent", "execute_tool", "invoke_workflow"}),
    "openinference.span.kind": frozenset(
        {"CHAIN", "AGENT", "TOOL", "RETRIEVER", "RERANKER", "GUARDRAIL", "EVALUATOR", "PROMPT", "DECISION"}
    ),
    "ai.operationId": frozenset(
        {
            "ai.generateText",
            "ai.streamText",
            "ai.generateObject",
            "ai.streamObject",
            "ai.embed",
            "ai.embedMany",
            "ai.toolCall",
        }
    ),
}
# outer spans that repeat the usage of their inner call, or describe a whole agent
NOT_CALL_NAMES = ("invoke_agent", "create_agent", "execute_tool", "invoke_workflow")
# LiteLLM's exchange with the provider: where its own span of the call is missing, the only trace of it
CALL_NAMES = ("raw_gen_ai_request",)
# what that exchange writes of the provider's own body: `llm.openai.usage`, `llm.anthropic.id`
WIRE_KEY = re.compile(r"^llm\.(?!usage\.|request\.|response\.|headers\.)\w+\.(usage|id|user)$")
# operations of the runtime service that invoke no model
NOT_INFERENCE = frozenset({"ApplyGuardrail", "CountTokens", "GetAsyncInvoke", "ListAsyncInvokes"})
# usage and cost that some SDKs write as JSON text
JSON_USAGE = frozenset(
    {
        "langfuse.observation.usage_details",
        "langfuse.observation.cost_details",
        "mlflow.chat.tokenUsage",
        "mlflow.llm.cost",
    }
)
ENDPOINT_KEYS = frozenset(
    {"server.address", "net.peer.name", "url.full", "http.url", "http.host", "rpc.endpoint", "peer.hostname"}
)
MARK = "mark "
# the marks that name an operation, the most exact first
OPERATIONS = [k for k in CALL_MARKS if k != "rpc.service"]


class NestedKey(NamedTuple):
    """An attribute key whose value has values within: a container, a captured header, or baggage."""

    kind: str
    key: str


Put = tuple[Callable[[int], None], Callable[[Any], None]]


def _fact_of(key: str) -> str | None:
    """The property of a record that an attribute is, if it is none of its fields."""
    if key in CALL_MARKS:
        return MARK + key
    if key == "rpc.method":
        return "rpc_method"
    if key in ENDPOINT_KEYS:
        return "endpoint"
    return "prompt_hash" if PROMPT_HASH.search(key) else None


class Meanings:
    """A memo of what each attribute key means: where to put its value, how to open it, or nothing."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        # a plain dictionary, for its look-up is the innermost step of reading
        self.known: dict[str, Put | NestedKey | None] = {}

    def learn(self, key: str) -> Put | NestedKey | None:
        """Resolve a key met for the first time."""
        meaning = self._wire(key) or self._meaning(key)
        if len(self.known) < MAX_KEYS:
            self.known[key] = meaning
        return meaning

    def _wire(self, key: str) -> Put | NestedKey | None:
        """What LiteLLM copied out of the provider's own body."""
        wire = WIRE_KEY.match(key)
        if wire is None:
            return None
        if wire[1] == "usage":
            return NestedKey("container", key)
        field, scope = ("user_id", "span") if wire[1] == "user" else ("response_id", "attempt")
        return _put(self.builder.column(field, scope, key, rank=900))

    def _meaning(self, key: str) -> Put | NestedKey | None:
        lower = key.lower()
        fact = _fact_of(key)
        if fact:
            return _put(self.builder.fact(fact))
        if lower.startswith((*HEADER, "baggage.")):
            return NestedKey("baggage" if lower.endswith(".baggage") else "header", key)
        if lower.startswith(RESPONSE_HEADER):
            return _put(self.builder.column_for(key, "attempt"))
        if is_container(key) or key in JSON_USAGE:
            return NestedKey("container", key)
        # `llm.token_count.prompt` is a count: an exact name of the catalogue is never a body
        if is_body(key, None) and not self.builder.catalogue.names(key):
            return None
        return _put(self.builder.column_for(key, "span") or self.builder.examined(key))


def _put(column: Column | None) -> Put | None:
    return (column.rows.append, column.values.append) if column is not None else None


def kinds(frame: pl.DataFrame) -> pl.Series:
    """Which spans are calls: by their format or operation, or by a model with its usage."""
    usage = [pl.col(n).is_not_null() for n in TOKEN_TOTALS if n in frame.columns]
    call: pl.Expr = pl.lit(False)
    if usage and "model" in frame.columns:
        call = pl.any_horizontal(usage) & pl.col("model").is_not_null()
    marks = [
        (name[len(MARK) :], pl.col(name).cast(pl.String)) for name in frame.columns if name.startswith(MARK)
    ]
    for key, value in marks:
        call = call & ~value.is_in(list(OTHER_MARKS.get(key, ()))).fill_null(False)
    for key, value in marks:
        call = call | value.is_in(list(CALL_MARKS[key])).fill_null(False)
    if "rpc_method" in frame.columns:
        call = call & ~pl.col("rpc_method").is_in(list(NOT_INFERENCE)).fill_null(False)
    named = pl.any_horizontal(pl.col("name").str.starts_with(n) for n in NOT_CALL_NAMES).fill_null(False)
    known = (pl.col("kind") == "call") | pl.col("name").is_in(list(CALL_NAMES)).fill_null(False)
    return frame.select(
        pl.when(known | (call & ~named)).then(pl.lit("call")).otherwise(pl.lit("context")).alias("kind")
    ).to_series()


def operations(frame: pl.DataFrame) -> list[pl.Series]:
    """The operation of each span, by the conventions' own key first; empty where no key names one."""
    keys = [
        pl.col(n) for n in ("operation", *(MARK + k for k in OPERATIONS), "rpc_method") if n in frame.columns
    ]
    if not keys:
        return []
    words = pl.coalesce(key.cast(pl.String).str.strip_chars('"') for key in keys)
    return [frame.select(words.replace(TWINS).alias("operation")).to_series()]


def kinds_and_operations(frame: pl.DataFrame) -> list[pl.Series]:
    """Which spans are calls, and of what operation."""
    return [kinds(frame), *operations(frame)]


class SpanRows(ReaderState):
    """The spans of one builder, with the memos of one input."""

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder)
        builder.classify = kinds_and_operations
        self.meanings = Meanings(builder)
        self.processes: dict[Any, int] = {}
        self.trace = builder.column("trace_id", "trace", "traceId")
        self.dropped = builder.fact("attributes_dropped")

    def add(
        self,
        attributes: Iterable[tuple[str, Any]],
        *,
        trace_id: str | None,
        span_id: str | None,
        parent_id: str | None = None,
        name: str | None = None,
        started_at: int | None = None,
        ended_at: int | None = None,
        error: bool = False,
        process: int | None = None,
        offset: int | None = None,
        pointer: str | None = None,
        nth: int = 0,
        kind: str = "context",
    ) -> int:
        """Put one span and return its row. Times are ns since the epoch."""
        row = self.builder.row(
            kind,
            offset=offset,
            nth=nth,
            pointer=pointer,
            span_id=span_id,
            parent_id=parent_id,
            started_at=started_at,
            ended_at=ended_at,
            process=process,
            name=name,
            outcome="error" if error else None,
        )
        if trace_id is not None:
            self.trace.put(row, trace_id)
        for key, value in attributes:
            self.attribute(row, key, value)
        return row

    def attribute(self, row: int, key: str, value: Any) -> None:
        """Put one attribute of a span into the column of its key."""
        known = self.meanings.known
        action = known[key] if key in known else self.meanings.learn(key)
        if action is None:
            return
        if isinstance(action, NestedKey):
            self.nested(row, action.key, value, action.kind)
            return
        for one in values_of(value) if isinstance(value, (list, tuple)) else (value,):
            action[0](row)
            action[1](one)

    def process_of(
        self, attributes: Mapping[str, Any] | Iterable[tuple[str, Any]], prefix: str = "resource."
    ) -> int:
        """The number of the process with these attributes; equal ones are one process."""
        pairs = list(attributes.items() if isinstance(attributes, Mapping) else attributes)
        key = repr((prefix, pairs))
        number = self.processes.get(key)
        if number is None:
            number = self.processes[key] = self.builder.process(pairs, prefix)
        return number

    def nested(self, row: int, key: str, value: Any, kind: str) -> None:
        """Open a container, a captured header, or baggage."""
        if kind == "container":
            put_nested(self.builder, row, key, value, "span")
            return
        if isinstance(value, list):
            value = value[0] if len(value) == 1 else ",".join(map(str, value))
        if kind == "baggage":
            self.builder.take(row, baggage(str(value)), "client_header", f"{key}→")
            return
        name = key.rsplit(".", 1)[-1] if not key.lower().startswith("baggage.") else key[8:]
        put_nested(self.builder, row, name, value, "client_header", key[: len(key) - len(name)])


def end_of(started_at: int | None, duration: int | None) -> int | None:
    """The end of a span from its start and duration in ns; None where one is missing."""
    return started_at + duration if started_at is not None and duration is not None else None


def values_of(items: Sequence[Any]) -> Sequence[Any]:
    """The different values of a list; a list of lists or objects is one text, an empty one no value."""
    if any(isinstance(item, (dict, list)) for item in items):
        return (str(items),)
    return list(dict.fromkeys(items)) or (None,)
