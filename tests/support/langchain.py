"""LangChain callback events as the tests make them: the start, the end and the failure of a model's run."""

from __future__ import annotations

import json
from typing import Any

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
ROOT, CALL, AGAIN = (f"01a1fbd9-aa7{n}-7000-8000-00000000000{n}" for n in (1, 2, 3))
AWS = "51b2c72b-3d8f-4611-b988-b798cbf98f37"
LS: dict[str, Any] = {
    "ls_provider": "amazon_bedrock",
    "ls_model_name": MODEL,
    "ls_max_tokens": 256,
    "ls_invocation_params": {"provider": "anthropic", "region_name": "us-east-1"},
}


def start(run: str = CALL, parent: str | None = None, **more: Any) -> dict[str, Any]:
    """The start of a chat model's run, as langchain-aws 1.9.1 calls its handlers."""
    event: dict[str, Any] = {"event": "on_chat_model_start", "run_id": run, "parent_run_id": parent}
    parameters = {"model": MODEL, "_type": "amazon_bedrock_converse_chat", "stop": None}
    return event | {"tags": [], "name": None, "metadata": LS, "invocation_params": parameters} | more


def message(**more: Any) -> dict[str, Any]:
    """An answer of the Converse API."""
    aws = {"RequestId": AWS, "HTTPStatusCode": 200, "RetryAttempts": 0}
    about = {"ResponseMetadata": aws, "metrics": {"latencyMs": [1341]}, "model_name": MODEL}
    return {"content": "text", "response_metadata": about, "id": f"lc_run--{CALL}-0", "type": "ai"} | more


def end(run: str = CALL, parent: str | None = None, **more: Any) -> dict[str, Any]:
    """The end of a model's run with one answer."""
    response = {"generations": [[{"text": "text", "message": message(**more)}]], "llm_output": None}
    return {"event": "on_llm_end", "run_id": run, "parent_run_id": parent, "response": response}


def failed(run: str = CALL, parent: str | None = None) -> dict[str, Any]:
    """A model's run that was throttled."""
    error = "ThrottlingException('An error occurred (ThrottlingException) when calling Converse')"
    return {"event": "on_llm_error", "run_id": run, "parent_run_id": parent, "error": error}


def lines(*events: dict[str, Any]) -> str:
    """JSON lines."""
    return "\n".join(json.dumps(e) for e in events) + "\n"
