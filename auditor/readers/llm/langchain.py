"""What LangChain and LangSmith have in common: run metadata, tags, and the usage and ids in an answer.

Prompts, messages and tool results are never read, and no text of an answer is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from auditor.evidence.builder import Builder
from auditor.evidence.schema import Column
from auditor.framing.nested import leaves
from auditor.framing.printed_objects import python_value
from auditor.readers.shared.nested import listing, mapping

Put = tuple[Column, Any]
_PLUMBING = frozenset(
    """ls_model_type ls_temperature ls_max_tokens ls_stop ls_integration ls_method ls_run_depth lc_versions
    usage_metadata run_id parent_run_id trace_id""".split()
)
_SWITCHES = ("LANGSMITH_", "LANGCHAIN_", "__pregel_")
# LangSmith uses these three for the conversation
_CONVERSATION = ("session_id", "thread_id", "conversation_id")
_OWN_PAIRS = ("metadata", "requestMetadata", "request_metadata")
_RETRY = re.compile(r"retry:attempt:(\d+)$")
_STEPS = ("seq:", "map:", "graph:", "branch:", "condition:", "langsmith:")
_ERROR = re.compile(r"[\s'\"]*([A-Za-z_][\w.]*(?:Error|Exception|Timeout|Interrupt|Exit|Warning|Limit\w*))\b")
# field -> its keys in a usage mapping: LangChain's own first, then OpenAI's, Anthropic's and Bedrock's
USAGE = {
    "tokens_input": "input_tokens prompt_tokens inputTokens input_token_count prompt_token_count",
    "tokens_output": "output_tokens completion_tokens outputTokens output_token_count candidates_token_count",
    "tokens_total": "total_tokens totalTokens total_token_count",
    "tokens_cache_read": """input_token_details.cache_read prompt_tokens_details.cached_tokens
        cache_read_input_tokens cacheReadInputTokens cacheReadInputTokenCount""",
    "tokens_cache_write": """input_token_details.cache_creation cache_creation_input_tokens
        cache_write_input_tokens cacheWriteInputTokens cacheWriteInputTokenCount""",
    "tokens_reasoning": "output_token_details.reasoning completion_tokens_details.reasoning_tokens",
    "cost_usd": "total_cost",
}
# with details in these shapes, the input tokens include the cached ones
_INCLUSIVE = ("input_token_details.", "prompt_tokens_details.")


def text_of(value: Any) -> str | None:
    """A text that is not empty; None for any other value."""
    return value if isinstance(value, str) and value else None


def pairs(builder: Builder, value: Any, key: str, scope: str) -> Iterator[Put]:
    """The column and value of every leaf whose key is an alias of a field."""
    keys = builder.keys(scope, f"{key}.")
    for path, _, leaf in leaves(value):
        column = keys[path]
        if column is not None:
            yield column, leaf


def run_metadata(builder: Builder, value: Any, key: str) -> Iterator[Put]:
    """Values in the metadata of a run: model, provider, conversation, and the team's own pairs."""
    rest: dict[str, Any] = {}
    for name, inner in mapping(value).items():
        if name == "ls_model_name":
            yield builder.column("model", "span", f"{key}.{name}"), inner
        elif name == "ls_provider":
            yield builder.column("provider", "span", f"{key}.{name}"), inner
        elif name in _CONVERSATION:
            rank = _CONVERSATION.index(name)
            yield builder.column("session_id", "span", f"{key}.{name}", rank=rank), inner
        elif name == "ls_invocation_params":
            yield from parameters(builder, inner, f"{key}.{name}")
        elif name not in _PLUMBING and not name.startswith(_SWITCHES):
            rest[name] = inner
    yield from pairs(builder, rest, key, "span")


def parameters(builder: Builder, value: Any, key: str) -> Iterator[Put]:
    """Values in the parameters of an invocation: plain ones and its metadata, never tools or schemas."""
    plain = {
        name: inner
        for name, inner in mapping(value).items()
        if not isinstance(inner, (dict, list)) or name in _OWN_PAIRS
    }
    yield from pairs(builder, plain, key, "span")


def run_tags(builder: Builder, value: Any, key: str = "tags") -> Iterator[Put]:
    """Values in the tags of a run: `team:growth`, and the attempt that `with_retry` counts."""
    others: list[str] = []
    for tag in listing(value):
        attempt = _RETRY.fullmatch(tag) if isinstance(tag, str) else None
        if attempt:
            yield builder.column("retry_count", "attempt", f"{key}.retry:attempt"), int(attempt[1]) - 1
        elif isinstance(tag, str) and not tag.startswith(_STEPS):
            others.append(tag)
    yield from pairs(builder, others, key, "span")


def error_of(builder: Builder, text: Any, key: str = "error") -> Iterator[Put]:
    """The class of an error, where its text begins with one; the text itself is not kept."""
    name = _ERROR.match(text) if isinstance(text, str) else None
    if name:
        yield builder.column("error_code", "attempt", key), name[1].rsplit(".", 1)[-1]


def answer(builder: Builder, value: Any, key: str) -> Iterator[Put]:
    """Usage, served model and ids in the answer to a call, in any of its shapes."""
    output = _result(value)
    messages = list(_messages(output, key))
    usages: list[tuple[str, dict[str, Any]]] = []
    for place, message in messages:
        usages += _first_mapping(message, place, ("usage_metadata",))
        metadata = mapping(message.get("response_metadata"))
        usages += _first_mapping(metadata, f"{place}.response_metadata", ("token_usage", "usage"))
        yield from _response_metadata(builder, metadata, f"{place}.response_metadata")
        yield from _response_id(builder, metadata.get("id") or message.get("id"), f"{place}.id")
    whole = mapping(output.get("llm_output"))
    usages += _first_mapping(output, key, ("usage_metadata", "usage", "token_usage"))
    usages += _first_mapping(whole, f"{key}.llm_output", ("usage_metadata", "token_usage", "usage"))
    for metadata, place in ((output, key), (whole, f"{key}.llm_output")):
        yield from _response_metadata(builder, metadata, place)
    if not messages:
        yield from _response_id(builder, output.get("id"), f"{key}.id")
    yield from usage(builder, _sum_of(usages))


def _result(value: Any) -> dict[str, Any]:
    """An answer as a mapping; a bare list of messages is its generations, printed objects are parsed."""
    if isinstance(value, list):
        return {"generations": value}
    output = mapping(value)
    text = value if isinstance(value, str) else output.get("repr")
    printed = python_value(text) if isinstance(text, str) and "generations" not in output else None
    return printed if isinstance(printed, dict) else output


def _messages(output: dict[str, Any], key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The messages of an answer with their places; serialised ones are unwrapped."""
    for i, group in enumerate(listing(output.get("generations"))):
        several = isinstance(group, list)
        for j, generation in enumerate(group if several else [group]):
            place = f"{key}.generations[{i}]" + (f"[{j}]" if several else "")
            if isinstance(generation, dict):
                message = mapping(generation.get("message")) or mapping(generation.get("generation_info"))
                yield _unwrapped(message or generation, f"{place}.message" if message else place)
    for name in ("output", "message"):
        if isinstance(output.get(name), (dict, str)) and mapping(output[name]):
            yield _unwrapped(mapping(output[name]), f"{key}.{name}")
    if "response_metadata" in output or isinstance(output.get("kwargs"), dict):
        yield _unwrapped(output, key)


def _unwrapped(message: dict[str, Any], place: str) -> tuple[str, dict[str, Any]]:
    inner = message.get("kwargs")
    return (f"{place}.kwargs", inner) if isinstance(inner, dict) else (place, message)


def _first_mapping(value: dict[str, Any], key: str, names: Iterable[str]) -> list[tuple[str, dict[str, Any]]]:
    """The first of some names with a mapping that is not empty, and its place; else an empty list."""
    for name in names:
        inner = mapping(value.get(name))
        if inner:
            return [(f"{key}.{name}", inner)]
    return []


def _sum_of(usages: list[tuple[str, dict[str, Any]]]) -> tuple[str, dict[str, Any]] | None:
    """The first usage; where several generations have one each, their sum."""
    if not usages:
        return None
    place, first = usages[0]
    of_messages = [u for at, u in usages if at.endswith(".usage_metadata") and ".generations[" in at]
    if len(of_messages) < 2:
        return place, first
    total = {k: v for k, v in first.items() if not isinstance(v, (int, float))}
    for name in {n for u in of_messages for n, v in u.items() if isinstance(v, (int, float))}:
        total[name] = sum(u.get(name) or 0 for u in of_messages)
    return place, total


def usage(builder: Builder, counts: tuple[str, dict[str, Any]] | None) -> Iterator[Put]:
    """The counts of a usage mapping; cached tokens are subtracted from inputs that include them."""
    if counts is None:
        return
    key, by_name = counts
    values = {field: _first(by_name, names.split()) for field, names in USAGE.items()}
    for field, (name, value) in ((f, v) for f, v in values.items() if v is not None):
        if field == "tokens_input":
            value = _without_cached(value, values)
        yield builder.column(field, "span", f"{key}.{name}" if key else name), value


def _without_cached(value: Any, values: dict[str, tuple[str, Any] | None]) -> Any:
    cached = sum(
        v[1]
        for f in ("tokens_cache_read", "tokens_cache_write")
        if (v := values[f]) is not None and v[0].startswith(_INCLUSIVE) and isinstance(v[1], int)
    )
    return value - cached if isinstance(value, int) and cached <= value else value


def _first(values: dict[str, Any], names: Iterable[str]) -> tuple[str, Any] | None:
    for name in names:
        outer, _, inner = name.partition(".")
        value = mapping(values.get(outer)).get(inner) if inner else values.get(outer)
        if value is not None:
            return name, value
    return None


def _response_metadata(builder: Builder, metadata: dict[str, Any], key: str) -> Iterator[Put]:
    """The served model, and ids, retries, status and latency from the AWS SDK."""
    for name in ("model_name", "model_id", "model"):
        if isinstance(metadata.get(name), str):
            yield builder.column("model", "span", f"{key}.{name}", rank=50), metadata[name]
            break
    aws = mapping(metadata.get("ResponseMetadata"))
    place = f"{key}.ResponseMetadata"
    if aws.get("RequestId"):
        yield builder.column("attempt_id", "attempt", f"{place}.RequestId"), aws["RequestId"]
    elif metadata.get("request_id"):
        yield builder.column("attempt_id", "attempt", f"{key}.request_id"), metadata["request_id"]
    if aws.get("RetryAttempts") is not None:
        column = builder.column("retry_count", "attempt", f"{place}.RetryAttempts", rank=10)
        yield column, aws["RetryAttempts"]
    if aws.get("HTTPStatusCode") is not None:
        yield builder.column("status", "attempt", f"{place}.HTTPStatusCode"), aws["HTTPStatusCode"]
    latency = mapping(metadata.get("metrics")).get("latencyMs")
    if isinstance(latency, list) and len(latency) == 1:
        latency = latency[0]
    if isinstance(latency, (int, float)):
        yield builder.column("latency_ms", "attempt", f"{key}.metrics.latencyMs"), latency


def _response_id(builder: Builder, value: Any, key: str) -> Iterator[Put]:
    """The provider's id of the answer, unless LangChain generated it."""
    if isinstance(value, str) and value and not value.startswith(("run-", "lc_run-", "lc_")):
        yield builder.column("response_id", "attempt", key), value
