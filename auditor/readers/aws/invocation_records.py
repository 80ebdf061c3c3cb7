"""One Bedrock invocation record as a typed struct, in the spelling of S3 or of Athena.

Bodies stay undecoded: only the latency that the service writes into them is looked for.
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


class RecordInput(msgspec.Struct, gc=False, rename="camel"):
    """The request side; its body stays undecoded."""

    input_token_count: int | float | str | None = None
    cache_read_input_token_count: int | float | str | None = None
    cache_write_input_token_count: int | float | str | None = None


class RecordOutput(msgspec.Struct, gc=False, rename="camel"):
    """The response side; its body stays undecoded."""

    output_token_count: int | float | str | None = None


class InvocationRecord(msgspec.Struct, gc=False, rename="camel"):
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
    input: RecordInput | None = None
    output: RecordOutput | None = None


_decoder = msgspec.json.Decoder(InvocationRecord)
decode_record = _decoder.decode
_CAMEL = {f.encode_name.lower(): f.encode_name for f in msgspec.structs.fields(InvocationRecord)}
_INNER = {
    f.encode_name.lower(): f.encode_name
    for s in (Identity, RecordInput, RecordOutput)
    for f in msgspec.structs.fields(s)
}


def latency_of(text: bytes) -> int | None:
    """The latency that the service wrote, in ms; the same words inside a prompt are escaped."""
    for mark in _LATENCIES:
        at = text.rfind(mark)
        if at >= 0:
            number = _NUMBER.match(text, at + len(mark))
            return int(number[1]) if number and len(number[1]) < 19 else None
    return None


def folded(record: dict[str, Any]) -> InvocationRecord:
    """A decoded record, keys in any case, as a typed one; msgspec.DecodeError when it has another shape.

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


class BodyUsage(NamedTuple):
    """Token counts of a response body by field, and where in the record they are."""

    path: str
    counts: dict[str, Any]


_METRICS = "amazon-bedrock-invocationMetrics"
_COUNTS = {
    "tokens_input": ("inputTokens", "inputTokenCount", "input_tokens"),
    "tokens_output": ("outputTokens", "outputTokenCount", "output_tokens"),
    "tokens_cache_read": ("cacheReadInputTokens", "cacheReadInputTokenCount", "cache_read_input_tokens"),
    "tokens_cache_write": (
        "cacheWriteInputTokens",
        "cacheWriteInputTokenCount",
        "cache_creation_input_tokens",
    ),
}


def usage_of(body: Any) -> BodyUsage | None:
    """The usage in a response body: of Converse, of the model itself, or of the last chunk of a stream."""
    path = "output.outputBodyJson."
    if isinstance(body, list):
        chunks = [c for c in body if isinstance(c, dict)]
        body = next((c for c in reversed(chunks) if _METRICS in c or _is_map(c.get("usage"))), None)
        path = "output.outputBodyJson[]."
    if not isinstance(body, dict):
        return None
    name = _METRICS if _is_map(body.get(_METRICS)) else "usage"
    usage = body.get(name)
    if not isinstance(usage, dict):
        return None
    counts = {f: next((usage[k] for k in keys if k in usage), None) for f, keys in _COUNTS.items()}
    counts = {field: count for field, count in counts.items() if count is not None}
    return BodyUsage(path + name, counts) if counts else None


class _BodyOutput(msgspec.Struct, gc=False, rename="camel"):
    output_body_json: Any = None


class _BodyRecord(msgspec.Struct, gc=False):
    output: _BodyOutput | None = None


_body_decoder = msgspec.json.Decoder(_BodyRecord)


def body_of(line: bytes) -> Any:
    """The response body of a record, decoded only where the record's own counts are missing."""
    try:
        output = _body_decoder.decode(line).output
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return output.output_body_json if output is not None else None
