"""Spans and traces as MLflow 3 writes them, for the tests of its reader."""

from __future__ import annotations

import base64
import json
from typing import Any

MODEL = "us.anthropic.claude-sonnet-4-6"
TRACE, TOP, CALL = "eaadc07ec8adbba677ce0dd1e9191f18", "2f61836ef5caa9e3", "2f61836ef5caa9e4"


def code(hexed: str) -> str:
    """An id as version 3 writes it."""
    return base64.b64encode(bytes.fromhex(hexed)).decode()


def span(ident: str, parent: str | None, kind: str, **attributes: Any) -> dict[str, Any]:
    """A span of version 3; `__` in a name stands for a dot."""
    named = {"mlflow.traceRequestId": f"tr-{TRACE}", "mlflow.spanType": kind}
    named |= {k.replace("__", "."): v for k, v in attributes.items()}
    return {
        "trace_id": code(TRACE),
        "span_id": code(ident),
        "parent_span_id": code(parent) if parent else None,
        "name": "BedrockRuntime.converse" if kind != "CHAIN" else "handle",
        "start_time_unix_nano": 1795225821140927748,
        "end_time_unix_nano": 1795225822052810748,
        "events": [],
        "status": {"code": "STATUS_CODE_OK", "message": ""},
        "attributes": {k: json.dumps(v) for k, v in named.items()},
        "links": [],
    }


def model(**attributes: Any) -> dict[str, Any]:
    """The span of a model beneath the topmost one."""
    return span(CALL, TOP, "CHAT_MODEL", mlflow__llm__model=MODEL, **attributes)


def trace(
    *spans: dict[str, Any],
    tags: dict[str, str] | None = None,
    about: dict[str, str] | None = None,
    **info: Any,
) -> dict[str, Any]:
    """A trace document of version 3, as mlflow 3.17.2 writes it."""
    held = {
        "trace_id": f"tr-{TRACE}",
        "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "1"}},
        "request_time": "2026-11-21T07:23:59.549Z",
        "state": "OK",
        "trace_metadata": {"mlflow.user": "root", "mlflow.source.name": "app.py"} | (about or {}),
        "tags": tags or {},
        "execution_duration_ms": 912,
    }
    every = [span(TOP, None, "CHAIN"), *(spans or [model()])]
    return {"info": held | info, "data": {"spans": every}}
