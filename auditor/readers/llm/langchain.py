"""What LangChain and LangSmith have in common: run metadata, tags, and what an answer says of usage and ids.

It never reads prompts, messages or tool results, and keeps no text of an answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from auditor.evidence.builder import Builder
from auditor.evidence.schema import Column
from auditor.framing.nested import leaves, opened_text
from auditor.framing.printed_objects import python_value

Put = tuple[Column, Any]
_PLUMBING = frozenset(
    """ls_model_type ls_temperature ls_max_tokens ls_stop ls_integration ls_method ls_run_depth lc_versions
    usage_metadata run_id parent_run_id trace_id""".split()
)
_SWITCHES = ("LANGSMITH_", "LANGCHAIN_", "__pregel_")
# LangSmith takes these three for the conversation
_CONVERSATION = ("session_id", "thread_id", "conversation_id")
_OWN_PAIRS = ("metadata", "requestMetadata", "request_metadata")
_RETRY = re.compile(r"retry:attempt:(\d+)$")
_STEPS = ("seq:", "map:", "graph:", "branch:", "condition:", "langsmith:")
_ERROR = re.compile(r"[\s'\"]*([A-Za-z_][\w.]*(?:Error|Exception|Timeout|Interrupt|Exit|Warning|Limit\w*))\b")
# field -> where usage says it: LangChain's own names first, then OpenAI's, Anthropic's and Bedrock's
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
# details within a sum: the input tokens of these shapes hold the cached ones too
_INCLUSIVE = ("input_token_details.", "prompt_tokens_details.")


def mapping(value: Any) -> dict[str, Any]:
    """A mapping that may be JSON text or a Python dictionary as text; else an empty one."""
    if isinstance(value, str):
        value = opened_text(value)
    return value if isinstance(value, dict) else {}


def listing(value: Any) -> list[Any]:
    """A list that may be JSON text or a Python list as text; else an empty one."""
    if isinstance(value, str):
        value = opened_text(value)
    return value if isinstance(value, list) else []


def pairs(builder: Builder, value: Any, key: str, scope: str) -> Iterator[Put]:
    """The columns and values of every leaf whose key stands for a field."""
    keys = builder.keys(scope, f"{key}.")
    for path, _, leaf in leaves(value):
        column = keys[path]
        if column is not None:
            yield column, leaf


def run_metadata(builder: Builder, value: Any, key: str) -> Iterator[Put]:
    """What the metadata of a run says: model, provider, conversation, and the team's own pairs."""
    rest: dict[str, Any] = {}
    for name, held in mapping(value).items():
        if name == "ls_model_name":
            yield builder.column("model", "span", f"{key}.{name}"), held
        elif name == "ls_provider":
            yield builder.column("provider", "span", f"{key}.{name}"), held
        elif name in _CONVERSATION:
            rank = _CONVERSATION.index(name)
            yield builder.column("session_id", "span", f"{key}.{name}", rank=rank), held
        elif name == "ls_invocation_params":
            yield from parameters(builder, held, f"{key}.{name}")
        elif name not in _PLUMBING and not name.startswith(_SWITCHES):
            rest[name] = held
    yield from pairs(builder, rest, key, "span")


def parameters(builder: Builder, value: Any, key: str) -> Iterator[Put]:
    """The parameters of an invocation: plain ones and its metadata, never tools or schemas."""
    plain = {
        name: held
        for name, held in mapping(value).items()
        if not isinstance(held, (dict, list)) or name in _OWN_PAIRS
    }
    yield from pairs(builder, plain, key, "span")


def run_tags(builder: Builder, value: Any, key: str = "tags") -> Iterator[Put]:
    """What the tags of a run say: `team:growth`, and the attempt that `with_retry` counts."""
    own: list[str] = []
    for tag in listing(value):
        attempt = _RETRY.fullmatch(tag) if isinstance(tag, str) else None
        if attempt:
            yield builder.column("retry_count", "attempt", f"{key}.retry:attempt"), int(attempt[1]) - 1
        elif isinstance(tag, str) and not tag.startswith(_STEPS):
            own.append(tag)
    yield from pairs(builder, own, key, "span")


def error_of(builder: Builder, text: Any, key: str = "error") -> Iterator[Put]:
    """The class of an error, where its text begins with one; the text itself is not kept."""
    name = _ERROR.match(text) if isinstance(text, str) else None
    if name:
        yield builder.column("error_code", "attempt", key), name[1].rsplit(".", 1)[-1]


def answer(builder: Builder, value: Any, key: str) -> Iterator[Put]:
    """What the answer to a call says of usage, served model and ids, in any of the shapes it is kept in."""
    output = _result(value)
    messages = list(_messages(output, key))
    found: list[tuple[str, dict[str, Any]]] = []
    for place, message in messages:
        found += _held(message, place, ("usage_metadata",))
        about = mapping(message.get("response_metadata"))
        found += _held(about, f"{place}.response_metadata", ("token_usage", "usage"))
        yield from _about(builder, about, f"{place}.response_metadata")
        yield from _response_id(builder, about.get("id") or message.get("id"), f"{place}.id")
    whole = mapping(output.get("llm_output"))
    found += _held(output, key, ("usage_metadata", "usage", "token_usage"))
    found += _held(whole, f"{key}.llm_output", ("usage_metadata", "token_usage", "usage"))
    for held, place in ((output, key), (whole, f"{key}.llm_output")):
        yield from _about(builder, held, place)
    if not messages:
        yield from _response_id(builder, output.get("id"), f"{key}.id")
    yield from usage(builder, _summed(found))


def _result(value: Any) -> dict[str, Any]:
    """An answer as a mapping: bare lists of messages are its generations, and Python text of it is read."""
    if isinstance(value, list):
        return {"generations": value}
    output = mapping(value)
    text = value if isinstance(value, str) else output.get("repr")
    found = python_value(text) if isinstance(text, str) and "generations" not in output else None
    return found if isinstance(found, dict) else output


def _messages(output: dict[str, Any], key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The messages of an answer with where they stand; serialised ones are opened."""
    for i, group in enumerate(listing(output.get("generations"))):
        several = isinstance(group, list)
        for j, one in enumerate(group if several else [group]):
            place = f"{key}.generations[{i}]" + (f"[{j}]" if several else "")
            if isinstance(one, dict):
                message = mapping(one.get("message")) or mapping(one.get("generation_info"))
                yield _unpacked(message or one, f"{place}.message" if message else place)
    for name in ("output", "message"):
        if isinstance(output.get(name), (dict, str)) and mapping(output[name]):
            yield _unpacked(mapping(output[name]), f"{key}.{name}")
    if "response_metadata" in output or isinstance(output.get("kwargs"), dict):
        yield _unpacked(output, key)


def _unpacked(message: dict[str, Any], place: str) -> tuple[str, dict[str, Any]]:
    inner = message.get("kwargs")
    return (f"{place}.kwargs", inner) if isinstance(inner, dict) else (place, message)


def _held(value: dict[str, Any], key: str, names: Iterable[str]) -> list[tuple[str, dict[str, Any]]]:
    """The first of some names that holds a mapping."""
    for name in names:
        inner = mapping(value.get(name))
        if inner:
            return [(f"{key}.{name}", inner)]
    return []


def _summed(found: list[tuple[str, dict[str, Any]]]) -> tuple[str, dict[str, Any]] | None:
    """The first usage; where several generations have one each, their sum."""
    if not found:
        return None
    place, first = found[0]
    of_messages = [u for at, u in found if at.endswith(".usage_metadata") and ".generations[" in at]
    if len(of_messages) < 2:
        return place, first
    total = {k: v for k, v in first.items() if not isinstance(v, (int, float))}
    for name in {n for u in of_messages for n, v in u.items() if isinstance(v, (int, float))}:
        total[name] = sum(u.get(name) or 0 for u in of_messages)
    return place, total


def usage(builder: Builder, found: tuple[str, dict[str, Any]] | None) -> Iterator[Put]:
    """The counts of a usage mapping; cached tokens are taken out of inputs that hold them."""
    if found is None:
        return
    key, held = found
    values = {field: _first(held, names.split()) for field, names in USAGE.items()}
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


def _first(held: dict[str, Any], names: Iterable[str]) -> tuple[str, Any] | None:
    for name in names:
        outer, _, inner = name.partition(".")
        value = mapping(held.get(outer)).get(inner) if inner else held.get(outer)
        if value is not None:
            return name, value
    return None


def _about(builder: Builder, about: dict[str, Any], key: str) -> Iterator[Put]:
    """Served model, and what the AWS SDK says of the try."""
    for name in ("model_name", "model_id", "model"):
        if isinstance(about.get(name), str):
            yield builder.column("model", "span", f"{key}.{name}", rank=50), about[name]
            break
    aws = mapping(about.get("ResponseMetadata"))
    place = f"{key}.ResponseMetadata"
    if aws.get("RequestId"):
        yield builder.column("attempt_id", "attempt", f"{place}.RequestId"), aws["RequestId"]
    elif about.get("request_id"):
        yield builder.column("attempt_id", "attempt", f"{key}.request_id"), about["request_id"]
    if aws.get("RetryAttempts") is not None:
        column = builder.column("retry_count", "attempt", f"{place}.RetryAttempts", rank=10)
        yield column, aws["RetryAttempts"]
    if aws.get("HTTPStatusCode") is not None:
        yield builder.column("status", "attempt", f"{place}.HTTPStatusCode"), aws["HTTPStatusCode"]
    took = mapping(about.get("metrics")).get("latencyMs")
    if isinstance(took, list) and len(took) == 1:
        took = took[0]
    if isinstance(took, (int, float)):
        yield builder.column("latency_ms", "attempt", f"{key}.metrics.latencyMs"), took


def _response_id(builder: Builder, value: Any, key: str) -> Iterator[Put]:
    """The provider's id of the answer; an id that LangChain made up is none."""
    if isinstance(value, str) and value and not value.startswith(("run-", "lc_run-", "lc_")):
        yield builder.column("response_id", "attempt", key), value
