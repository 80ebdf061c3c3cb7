"""Spans put into the table, whatever their format: attributes by their keys, and which spans are calls.

Readers pass ids, times, pairs of attributes, and those of the span's events; bodies are never kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import polars as pl

from auditor.catalogue.fields import METADATA, USAGE
from auditor.evidence.builder import MAX_KEYS, Builder, ReaderState
from auditor.evidence.schema import Column
from auditor.evidence.values import NUMBERS
from auditor.framing.nested import baggage, is_body, is_container, leaves, tag_pairs
from auditor.readers.shared.carries import SPAN_FIELDS, TOKEN_TOTALS, at_scope
from auditor.readers.shared.named_keys import PROMPT_HASH
from auditor.readers.shared.nested import put_nested, put_pairs

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
    "mastra.span.type": frozenset({"model_generation", "llm_generation"}),
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
# kinds of span that are no call, even where they repeat a model and the usage of the calls below them: an
# operation on an agent, a tool, a memory or the like, whoever named it
OTHER_MARKS: dict[str, str] = {
    "gen_ai.operation.name": r"(?i)(?:^|_)(?:agents?|workflow|tools?|hook|memory|memory_store|cycle|crew|task"
    r"|flow|graph|chain|step)(?:_call)?$|^(?:plan|retrieval)$",
    "openinference.span.kind": r"^(?:CHAIN|AGENT|TOOL|RETRIEVER|RERANKER|GUARDRAIL|EVALUATOR|PROMPT"
    r"|DECISION)$",
    "traceloop.span.kind": r"^(?:workflow|task|agent|tool)$",
    "langfuse.observation.type": r"(?i)^(?:agent|tool|chain|retriever|evaluator|guardrail)$",
    "langsmith.span.kind": r"(?i)^(?:chain|tool|retriever|prompt|parser)$",
    "mlflow.spanType": r'^"?(?:CHAIN|AGENT|TOOL|RETRIEVER|RERANKER|PARSER|WORKFLOW|TASK|GUARDRAIL)"?$',
    "mastra.span.type": r"^(?:agent|workflow|tool|mcp|generic|processor)",
    "ai.operationId": r"^ai\.\w+$",
}
# parts of a call, whatever else they say
PART_MARKS: dict[str, str] = {"mastra.span.type": r"^model_(?:step|inference|chunk)$"}
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
# no fields: the operation, where the request went, who wrote the span, and on which side of an exchange
FACT_KEYS = {"rpc.method": "rpc_method", "span.kind": "span_kind"}
FACT_KEYS |= dict.fromkeys(("otel.scope.name", "otel.library.name"), "library")
FACT_KEYS |= dict.fromkeys(
    "server.address net.peer.name url.full http.url http.host rpc.endpoint peer.hostname".split(), "endpoint"
)
SPAN_KINDS = {
    name: kind
    for kind, number in (("internal", 1), ("client", 3))
    for name in (number, kind, kind.upper(), f"SPAN_KIND_{kind.upper()}", f"SpanKind.{kind.upper()}")
}
# what an event of a call can say of it: whose it is and what it used. How it ended is said by its span
EVENT_FIELDS = (METADATA | USAGE | {"request_id", "response_id", "model"}) - {"trace_id"}
AFTER_ATTRIBUTES = 1200  # added to the rank of an event's attribute: those of the span come first
# words of keys under which instrumentation writes what a model or a tool was given, and what it answered
_CONTENT = frozenset(
    """input inputs output outputs prompt prompts message messages completion completions argument arguments
    args parameter parameters params tool tools schema definition definitions document documents variables
    statement template history answer exception response body""".split()
)
_LAST_CONTENT = frozenset("request text content result results query events value".split())
# namespaces of the conventions: no caller has keys of its own there
_CONVENTIONS = tuple(
    """gen_ai. http. rpc. server. client. net. network. url. db. error. exception. thread. code. otel.
    messaging. peer. user_agent. telemetry.""".split()
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_MOST_JSON = 16_384  # characters: longer text under a key of no meaning is a body
MARK = "mark "
# the marks that name an operation, the most exact first
OPERATIONS = [k for k in CALL_MARKS if k != "rpc.service"]


class NestedKey(NamedTuple):
    """An attribute key whose value has values within: a container, a captured header, or baggage."""

    kind: str
    key: str


_OPENING = ("{", "[")
Put = tuple[Callable[[int], None], Callable[[Any], None]]


class FreeKey(NamedTuple):
    """An attribute key of no meaning: only a map, or JSON text of one, can say anything of its call."""

    rows: Callable[[int], None]
    values: Callable[[Any], None]

    @property
    def kind(self) -> str:
        """How its value is opened, as `NestedKey.kind`."""
        return "free"


def names_content(key: str) -> bool:
    """Whether a key is one of those under which instrumentation writes prompts, answers and tool data."""
    words = [word.lower() for word in _WORD.findall(key)]
    last = {word.lower() for word in _WORD.findall(key.rsplit(".", 1)[-1])}
    return not _CONTENT.isdisjoint(words) or not _LAST_CONTENT.isdisjoint(last)


def _fact_of(key: str) -> str | None:
    """The property of a record that an attribute is, if it is none of its fields."""
    if key in CALL_MARKS or key in OTHER_MARKS:
        return MARK + key
    if key in FACT_KEYS:
        return FACT_KEYS[key]
    return "prompt_hash" if PROMPT_HASH.search(key) else None


class Meanings:
    """A memo of what each attribute key means: where to put its value, how to open it, or nothing."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        # a plain dictionary, for its look-up is the innermost step of reading
        self.known: dict[str, Put | NestedKey | FreeKey | None] = {}

    def learn(self, key: str) -> Put | NestedKey | FreeKey | None:
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

    def _meaning(self, key: str) -> Put | NestedKey | FreeKey | None:
        lower = key.lower()
        fact = _fact_of(key)
        if fact:
            return _put(self.builder.fact(fact))
        if lower.startswith((*HEADER, "baggage.")):
            return NestedKey("baggage" if lower.endswith(".baggage") else "header", key)
        if lower.startswith(RESPONSE_HEADER):
            column = self.builder.column_for(key, "attempt")
            return _put(column) if column is not None else None
        if is_container(key) or key in JSON_USAGE:
            return NestedKey("container", key)
        # `llm.token_count.prompt` is a count: an exact name of the catalogue is never a body
        if is_body(key, None) and not self.builder.catalogue.names(key):
            return None
        column = self.builder.column_for(key, "span")
        if column is not None:
            return _put(column)
        examined = self.builder.examined(key)
        if lower.startswith(_CONVENTIONS):
            return _put(examined)
        return None if names_content(key) else FreeKey(*_put(examined))


def _put(column: Column) -> Put:
    return column.rows.append, column.values.append


def kinds(frame: pl.DataFrame) -> list[pl.Series]:
    """Which spans are calls, by what they say of themselves, and which are known to wrap calls.

    A call has the mark of a model operation; or a model and an outcome (its usage, or a provider and a
    failure); or the library, side and name of a call. `library_operation` is what further calls of the
    library are known by.
    """
    columns = frame.columns
    marks = [(name[len(MARK) :], pl.col(name).cast(pl.String)) for name in columns if name.startswith(MARK)]
    failed = _any(
        [pl.col("outcome") == "error", *(pl.col(n).is_not_null() for n in ("error_code",) if n in columns)]
    )
    call = pl.lit(False)
    if "model" in columns:
        outcome = [pl.col(n).is_not_null() for n in TOKEN_TOTALS if n in columns]
        outcome += [failed & pl.col("provider").is_not_null()] if "provider" in columns else []
        call = pl.col("model").is_not_null() & _any(outcome)
    other = _any([value.str.contains(OTHER_MARKS[key]) for key, value in marks if key in OTHER_MARKS])
    call = call & ~other
    marked = _any([value.is_in(list(CALL_MARKS[key])) for key, value in marks if key in CALL_MARKS])
    candidate = pl.lit(False)
    if {"library", "span_kind"} <= set(columns):
        foreign = _any([~value.is_in(list(CALL_MARKS[key])) for key, value in marks if key in CALL_MARKS])
        by_name, candidate = _of_library(failed, foreign | other)
        marked = marked | by_name
    call = call | marked
    if "rpc_method" in columns:
        call = call & ~pl.col("rpc_method").is_in(list(NOT_INFERENCE)).fill_null(False)
    part = _any([value.str.contains(PART_MARKS[key]) for key, value in marks if key in PART_MARKS])
    named = _any([pl.col("name").str.starts_with(n) for n in NOT_CALL_NAMES])
    known = (pl.col("kind") == "call") | pl.col("name").is_in(list(CALL_NAMES)).fill_null(False)
    is_call = known | (call & ~named & ~part)
    out = [
        pl.when(is_call).then(pl.lit("call")).otherwise(pl.lit("context")).alias("kind"),
        pl.when(other & ~is_call).then(True).alias("wrapper"),
    ]
    if "library" in columns:
        key = pl.concat_str("library", pl.lit(" "), _OPERATION).hash(0)
        out.append(pl.when(is_call | (candidate & ~named)).then(key).alias("library_operation"))
        out.append(pl.lit(None, pl.String).alias("library"))
    return list(frame.select(out))


def _any(conditions: list[pl.Expr]) -> pl.Expr:
    """Whether any of these is true; false where there is none."""
    return pl.any_horizontal(c.fill_null(False) for c in conditions) if conditions else pl.lit(False)


_OPERATION = pl.col("name").str.extract(r"^(\S+)", 1)


def _of_library(failed: pl.Expr, foreign: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Which client spans are calls by their library and name, and which are if others of the library are.

    An instrumentation library names a call `<operation> <model>`; one that failed early may lack the model.
    `foreign` are spans that say that they are something else.
    """
    operations = CALL_MARKS["gen_ai.operation.name"]
    called = pl.col("name").str.contains(rf"^(?:{'|'.join(sorted(operations))}) \S*[\d./:-]\S*$")
    bare = failed & pl.col("name").is_in(list(operations))
    candidate = ((pl.col("span_kind") == "client") & (failed | called) & ~foreign).fill_null(False)
    instrumented = pl.col("library").str.contains("(?i)instrument").fill_null(False)
    # a method of HTTP is no operation of a library
    return candidate & instrumented & (called | bare), candidate & ~_OPERATION.str.contains("^[A-Z]+$")


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
    return [*kinds(frame), *operations(frame)]


class SpanRows(ReaderState):
    """The spans of one builder, with the memos of one input."""

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder)
        builder.classify = kinds_and_operations
        self.meanings = Meanings(builder)
        self.processes: dict[Any, int] = {}
        self.trace = builder.column("trace_id", "trace", "traceId")
        self.dropped = builder.fact("attributes_dropped")
        self.library = builder.fact("library")
        self.span_kind = builder.fact("span_kind")
        self.event_columns: dict[str, Column | None] = {}

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
        library: Any = None,
        span_kind: Any = None,
        events: Iterable[tuple[str, Any]] = (),
    ) -> int:
        """Put one span and return its row. Times are ns since the epoch; `events` are their attributes."""
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
        if isinstance(library, str) and library:
            self.library.put(row, library)
        if isinstance(span_kind, (str, int)) and span_kind in SPAN_KINDS:
            self.span_kind.put(row, SPAN_KINDS[span_kind])
        for key, value in attributes:
            self.attribute(row, key, value)
        for key, value in events:
            self.event_attribute(row, key, value)
        return row

    def attribute(self, row: int, key: str, value: Any) -> None:
        """Put one attribute of a span into the column of its key."""
        known = self.meanings.known
        action = known[key] if key in known else self.meanings.learn(key)
        if action is None:
            return
        if isinstance(action, NestedKey):
            self.nested(row, key, value, action.kind)
        elif isinstance(action, FreeKey):
            if isinstance(value, str) and value[:1] not in _OPENING:
                action.rows(row)
                action.values(value)
            elif value is not None:
                self.nested(row, key, value, "free")
        elif isinstance(value, (list, tuple)):
            self.several(row, key, list(value), action)
        else:
            action[0](row)
            action[1](value)

    def several(self, row: int, key: str, values: list[Any], action: Put) -> None:
        """Put the different values of a list under one key; placeholders only where there is nothing else."""
        texts = list(dict.fromkeys(values)) if all(isinstance(v, str) for v in values) else []
        if len(values) == 1 and not isinstance(values[0], (dict, list)):
            texts = values
        elif texts:
            word = self.builder.catalogue.owner_placeholder_word
            texts = [v for v in texts if v.strip() and not re.match(word, v.strip())] or texts[:1]
            match = self.builder.catalogue.lookup(key)
            if len(texts) > 1 and match and self.builder.catalogue.fields[match.field].type in NUMBERS:
                texts = [str(texts)]
        elif values:
            texts = [str(values)]
        for value in texts or [None]:
            action[0](row)
            action[1](value)

    def event_key(self, key: str) -> Column | None:
        """The column of an attribute of an event; None where it is no evidence of the call."""
        if key in self.event_columns:
            return self.event_columns[key]
        catalogue = self.builder.catalogue
        match, column = catalogue.lookup(key), None
        known = match is not None and match.field in EVENT_FIELDS and key not in catalogue.process_keys
        if match and known and (catalogue.names(key) or not is_body(key, None)):
            later = match._replace(rank=match.rank + AFTER_ATTRIBUTES)
            column = self.builder.resolved(later, "span", f"events.{key}", free=True)
        if len(self.event_columns) < MAX_KEYS:
            self.event_columns[key] = column
        return column

    def event_attribute(self, row: int, key: str, value: Any) -> None:
        """Put one attribute of an event of a span, below the span's own."""
        if is_container(key):
            for path, _, leaf in leaves(value, key):
                if (column := self.event_key(path)) is not None:
                    column.put(row, leaf)
        elif (column := self.event_key(key)) is not None:
            self.several(row, key, value if isinstance(value, list) else [value], _put(column))

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
        """Open a map under a key of no meaning, a container, a captured header, or baggage."""
        if kind == "free":
            if isinstance(value, (dict, list)) or (
                isinstance(value, str) and value[:1] in _OPENING and len(value) <= _MOST_JSON
            ):
                put_nested(self.builder, row, key, value, "span")
            return
        if kind == "container":
            pairs = tag_pairs(value) if isinstance(value, str) else []
            if pairs:
                put_pairs(self.builder, row, ((f"{key}.{name}", tag) for name, tag in pairs), "span")
            else:
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
