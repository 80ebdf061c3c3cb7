"""Spans in OTLP/JSON, built by hand: what tests of traces are made of."""

from __future__ import annotations

import base64
import json
from typing import Any

TRACE, SPAN, PARENT = "b9aad5fa2bfd511e0b0a7db4812cdd00", "5ce3a8792305be51", "3683342715964f51"
MODEL = "us.anthropic.claude-sonnet-4-6"


def attribute(key: str, value: Any) -> dict[str, Any]:
    """One OTLP attribute."""
    kind = {str: "stringValue", int: "intValue", float: "doubleValue", bool: "boolValue"}.get(type(value))
    if kind is None:
        return {"key": key, "value": {"arrayValue": {"values": [{"stringValue": v} for v in value]}}}
    return {"key": key, "value": {kind: value}}


def span(span_id: str = SPAN, parent: str = PARENT, name: str = "chat", **attributes: Any) -> dict[str, Any]:
    """One span; `__` in an attribute stands for a dot."""
    return {
        "traceId": TRACE, "spanId": span_id, "parentSpanId": parent, "name": name, "kind": 3,
        "startTimeUnixNano": "1795225575401504000", "endTimeUnixNano": "1795225576313387000",
        "attributes": [attribute(k.replace("__", "."), v) for k, v in attributes.items()], "status": {},
    }  # fmt: skip


def call(**attributes: Any) -> dict[str, Any]:
    """A model span."""
    held: dict[str, Any] = {
        "gen_ai__operation__name": "chat",
        "gen_ai__request__model": MODEL,
        "gen_ai__usage__input_tokens": 12,
        "gen_ai__usage__output_tokens": 3,
    }
    return span(**(held | attributes))


def traces(*spans: dict[str, Any], resource: dict[str, Any] | None = None) -> dict[str, Any]:
    """An export document."""
    held = [attribute(k, v) for k, v in (resource or {"service.name": "support-bot"}).items()]
    return {"resourceSpans": [{"resource": {"attributes": held}, "scopeSpans": [{"spans": list(spans)}]}]}


def snake(value: Any) -> Any:
    """The same document with the field names of the protobuf definition."""
    if isinstance(value, dict):
        return {"".join(f"_{c.lower()}" if c.isupper() else c for c in k): snake(v) for k, v in value.items()}
    return [snake(v) for v in value] if isinstance(value, list) else value


def base64_ids(document: dict[str, Any]) -> dict[str, Any]:
    """The same document as generic protobuf-to-JSON conversion writes it."""
    text = json.dumps(document)
    for old in (TRACE, SPAN, PARENT):
        text = text.replace(old, base64.b64encode(bytes.fromhex(old)).decode())
    return json.loads(text)  # type: ignore[no-any-return]
