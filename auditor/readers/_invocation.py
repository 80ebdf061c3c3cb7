"""One Bedrock invocation record as a typed struct, in the spelling of S3 or of Athena.

Bodies stay undecoded: only the latency that the service writes beside them is looked for.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

_LATENCIES = (b'"latencyMs"', b'"invocationLatency"')
_NUMBER = re.compile(rb"\s*:\s*(\d+)")


class Identity(msgspec.Struct, gc=False):
    """Who called."""

    arn: str | None = None


class Input(msgspec.Struct, gc=False, rename="camel"):
    """The request side; its body stays undecoded."""

    input_token_count: int | float | str | None = None
    cache_read_input_token_count: int | None = None
    cache_write_input_token_count: int | None = None


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
            return int(found[1]) if found else None
    return None


def folded(record: dict[str, Any]) -> Record:
    """A record that was decoded already, keys in any case; msgspec.DecodeError when it has another shape."""
    named: dict[str, Any] = {}
    for key, value in record.items():
        name = _CAMEL.get(key.lower())
        if name in ("input", "output", "identity") and isinstance(value, dict):
            value = {_INNER.get(k.lower(), k): v for k, v in value.items()}
        if name:
            named[name] = value
    return decode_record(msgspec.json.encode(named))
