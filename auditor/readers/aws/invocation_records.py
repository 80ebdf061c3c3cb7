"""One Bedrock invocation record as a typed struct, in the spelling of S3 or of Athena.

Bodies stay undecoded: only the latency that the service writes beside them is looked for.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

from auditor.framing.nested import opened_text

_LATENCIES = (b'"latencyMs"', b'"invocationLatency"')
_NUMBER = re.compile(rb"\s*:\s*(\d+)")


class Identity(msgspec.Struct, gc=False):
    """Who called."""

    arn: str | None = None


class Input(msgspec.Struct, gc=False, rename="camel"):
    """The request side; its body stays undecoded."""

    input_token_count: int | float | str | None = None
    cache_read_input_token_count: int | float | str | None = None
    cache_write_input_token_count: int | float | str | None = None


class Output(msgspec.Struct, gc=False, rename="camel"):
    """The response side; its body stays undecoded."""

    output_token_count: int | float | str | None = None


class Record(msgspec.Struct, gc=False, rename="camel"):
    """One invocation."""

    schema_type: str = ""
    timestamp: str | int | None = None
    account_id: str | int | None = None
    region: str | None = None
    request_id: str | None = None
    operation: str | None = None
    model_id: str | None = None
    identity: Identity | list[Identity] | None = None
    request_metadata: dict[str, Any] | str | None = None
    inference_region: str | None = None
    error_code: str | None = None
    status: str | int | None = None
    input: Input | None = None
    output: Output | None = None


_decoder = msgspec.json.Decoder(Record)
decode_record = _decoder.decode
_CAMEL = {f.encode_name.lower(): f.encode_name for f in msgspec.structs.fields(Record)}
_INNER = {
    f.encode_name.lower(): f.encode_name for s in (Identity, Input, Output) for f in msgspec.structs.fields(s)
}


def latency_of(text: bytes) -> int | None:
    """The latency that the service wrote, in ms; such words inside a prompt are escaped and do not match."""
    for mark in _LATENCIES:
        at = text.rfind(mark)
        if at >= 0:
            found = _NUMBER.match(text, at + len(mark))
            return int(found[1]) if found and len(found[1]) < 19 else None
    return None


def folded(record: dict[str, Any]) -> Record:
    """A record that was decoded already, keys in any case; msgspec.DecodeError when it has another shape.

    A query writes structures as text, as JSON or `{k=v}`: they are opened.
    """
    named: dict[str, Any] = {}
    for key, value in record.items():
        name = _CAMEL.get(key.lower())
        if name in ("input", "output", "identity"):
            opened = opened_text(value) if isinstance(value, str) else value
            value = {_INNER.get(k.lower(), k): v for k, v in opened.items()} if _is_map(opened) else opened
            if isinstance(value, str):
                value = None
        if name:
            named[name] = value
    return decode_record(msgspec.json.encode(named))


def _is_map(value: Any) -> bool:
    return isinstance(value, dict)


class Usage(NamedTuple):
    """Tokens that stand in a body alone."""

    tokens_input: Any
    tokens_output: Any
    tokens_cache_read: Any
    tokens_cache_write: Any
    path: str


_METRICS = "amazon-bedrock-invocationMetrics"
_COUNTS = (
    ("inputTokens", "inputTokenCount", "input_tokens"),
    ("outputTokens", "outputTokenCount", "output_tokens"),
    ("cacheReadInputTokens", "cacheReadInputTokenCount", "cache_read_input_tokens"),
    ("cacheWriteInputTokens", "cacheWriteInputTokenCount", "cache_creation_input_tokens"),
)


def usage_of(body: Any) -> Usage | None:
    """The usage in a response body: of Converse, of the model itself, or of the last chunk of a stream."""
    path = "output.outputBodyJson."
    if isinstance(body, list):
        chunks = [c for c in body if isinstance(c, dict)]
        body = next((c for c in reversed(chunks) if _METRICS in c or _is_map(c.get("usage"))), None)
        path = "output.outputBodyJson[]."
    if not isinstance(body, dict):
        return None
    name = _METRICS if _is_map(body.get(_METRICS)) else "usage"
    held = body.get(name)
    if not isinstance(held, dict):
        return None
    taken, made, cached, stored = [next((held[k] for k in names if k in held), None) for names in _COUNTS]
    found = Usage(taken, made, cached, stored, path + name)
    return found if any(count is not None for count in found[:-1]) else None


class _Answer(msgspec.Struct, gc=False, rename="camel"):
    output_body_json: Any = None


class _Answered(msgspec.Struct, gc=False):
    output: _Answer | None = None


_answers = msgspec.json.Decoder(_Answered)


def body_of(line: bytes) -> Any:
    """The response body of a record, decoded only where the record's own counts are missing."""
    try:
        answer = _answers.decode(line).output
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return answer.output_body_json if answer is not None else None
