"""The gateway's log: LiteLLM's standard logging payloads, one line for each try that it ended.

Shape and names are those that litellm 1.106.2 writes behind its proxy with request correlation on; keys that
it leaves null are left out. It never writes messages or answers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from tools.scenario.calls import KINDS, MS, Call, Kind
from tools.scenario.lanes import Defect
from tools.scenario.wire import Wire, usd

_PARTS: dict[Kind, str] = {
    "input": "input_cost",
    "output": "output_cost",
    "cache_read": "cache_read_cost",
    "cache_write": "cache_creation_cost",
}


def litellm_jsonl(wire: Wire, calls: Iterable[Call]) -> bytes:
    """Every try by the time it ended."""
    rows: list[dict[str, Any]] = []
    for call in calls:
        if call.retry == "gateway":
            rows.append(_refused(wire, call))
        if wire.reaches_gateway_log(call):
            rows.append(_answered(wire, call))
    rows.sort(key=lambda r: (r["endTime"], r["id"]))
    return b"".join(json.dumps(row, separators=(",", ":")).encode() + b"\n" for row in rows)


def _common(wire: Wire, call: Call, start: int, end: int) -> dict[str, Any]:
    """What both outcomes of a try have."""
    model = call.lane.model
    host = f"https://bedrock-runtime.{model.region}.amazonaws.com"
    verb = "converse-stream" if call.lane.stream else "converse"
    path = f"/model/{quote(wire.invoked(call), safe='')}/{verb}"
    return {
        "litellm_call_id": wire.request_id(call),
        "trace_id": call.trace_id,
        "session_id": call.session,
        "call_type": "acompletion",
        "stream": call.lane.stream,
        "custom_llm_provider": "bedrock",
        "model": f"bedrock/{model.id}",
        "model_group": model.group,
        "api_base": host + path,
        "startTime": start / 1e9,
        "endTime": end / 1e9,
        "response_time": (end - start) / 1e9,
        "request_tags": [],
        "end_user": call.user,
    }


def _metadata(wire: Wire, call: Call, usage: dict[str, Any]) -> dict[str, Any]:
    key = f"{call.tenant}-{call.lane.team}"
    return {
        "user_api_key_hash": hashlib.sha256(key.encode()).hexdigest(),
        "user_api_key_alias": f"{key}-prod",
        "user_api_key_team_id": call.lane.team,
        "user_api_key_end_user_id": call.user,
        "spend_logs_metadata": wire.spend_metadata(call),
        "usage_object": usage,
    }


def _answered(wire: Wire, call: Call) -> dict[str, Any]:
    """The payload of a success."""
    lost = wire.hits(call, Defect.CACHE_LOST)
    kinds = KINDS[:2] if lost else KINDS
    costs = {kind: call.cost(kind) for kind in kinds}
    prompt = call.input if lost else call.input + call.cache_read + call.cache_write
    usage: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": call.output,
        "total_tokens": prompt + call.output,
    }
    if call.lane.model.caches and not lost:
        usage |= {"cache_read_input_tokens": call.cache_read, "cache_creation_input_tokens": call.cache_write}
    total = usd(sum(costs.values()))
    again = call.retry == "gateway"
    return {
        "id": call.response_id,
        **_common(wire, call, call.started + 3 * MS, call.ended - 2 * MS),
        "status": "success",
        "response_cost": total,
        "cost_breakdown": {_PARTS[k]: usd(n) for k, n in costs.items() if n} | {"total_cost": total},
        **usage,
        "metadata": _metadata(wire, call, usage),
        "hidden_params": {
            "litellm_model_name": f"bedrock/{call.lane.model.id}",
            "additional_headers": {
                "llm_provider-x-amzn-requestid": call.aws_ids[0],
                "x-litellm-attempted-retries": int(again),
            },
        },
    }


def _refused(wire: Wire, call: Call) -> dict[str, Any]:
    """The payload of a first try that Bedrock refused."""
    return {
        "id": wire.request_id(call),
        **_common(wire, call, call.started + 3 * MS, call.started + 90 * MS),
        "status": "failure",
        "response_cost": 0.0,
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "total_tokens": 0,
        "metadata": _metadata(wire, call, {}),
        "hidden_params": {"additional_headers": {"x-amzn-requestid": call.aws_ids[1]}},
        "error_information": {
            "error_code": "503",
            "error_class": "ServiceUnavailableError",
            "llm_provider": "bedrock",
            "error_message": "Bedrock is unable to process your request.",
        },
    }
