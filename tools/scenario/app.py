"""The services' spans as OTLP/JSON: HTTP server, agent, chat and HTTP client spans, one file for all.

The chat spans are those of the GenAI instrumentation of an OpenAI client that talks to the gateway, with the
owner's attributes that a span processor of the services adds. It never writes prompts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from tools.scenario.calls import KINDS, MS, Call
from tools.scenario.lanes import Defect
from tools.scenario.wire import Wire, usd

HOST = "llm.example.com"
FASTAPI = {"name": "opentelemetry.instrumentation.fastapi", "version": "0.66b2"}
OPENAI = {"name": "opentelemetry.instrumentation.openai_v2", "version": "2.4b0"}
HTTPX = {"name": "opentelemetry.instrumentation.httpx", "version": "0.66b2"}
AGENTS = {"name": "opentelemetry.instrumentation.openai_agents", "version": "0.66b2"}
Span = dict[str, Any]


def app_json(wire: Wire, calls: Iterable[Call]) -> bytes:
    """All spans, grouped by service and instrumentation as an exporter does."""
    by_service = sorted(calls, key=lambda c: (c.lane.service, c.trace_id, c.started))
    blocks = []
    for service, of_service in groupby(by_service, key=lambda c: c.lane.service):
        blocks.append(_service(service, list(of_service), wire))
    return json.dumps({"resourceSpans": blocks}, separators=(",", ":")).encode() + b"\n"


def _service(service: str, calls: list[Call], wire: Wire) -> dict[str, Any]:
    spans: list[tuple[dict[str, str], list[Span]]] = [(FASTAPI, []), (AGENTS, []), (OPENAI, []), (HTTPX, [])]
    for _, same in groupby(calls, key=lambda c: c.trace_id):
        steps = list(same)
        spans[0][1].append(_server(steps))
        if steps[0].lane.agent:
            spans[1][1].append(_agent(steps))
        for call in steps:
            spans[2][1].append(_chat(call, wire))
            spans[3][1].extend(_client(call) if call.lane.agent else [])
    resource = {
        "service.name": service,
        "service.version": "4.2.0",
        "deployment.environment.name": "prod",
        "telemetry.sdk.language": "python",
    }
    scoped = [{"scope": scope, "spans": held} for scope, held in spans if held]
    return {"resource": {"attributes": _attributes(resource)}, "scopeSpans": scoped}


def _server(steps: list[Call]) -> Span:
    first, last = steps[0], steps[-1]
    route = f"/v1/{first.lane.workflow}"
    held = {"http.request.method": "POST", "http.route": route, "http.response.status_code": 200}
    times = (first.started - 9 * MS, last.ended + 4 * MS)
    return _span(first, first.root_span, None, f"POST {route}", 2, times, held)


def _agent(steps: list[Call]) -> Span:
    first, last = steps[0], steps[-1]
    held = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": first.lane.agent}
    times = (first.started - 5 * MS, last.ended + 2 * MS)
    return _span(first, first.agent_span, first.root_span, f"invoke_agent {first.lane.agent}", 1, times, held)


def _chat(call: Call, wire: Wire) -> Span:
    group = call.lane.model.group
    held: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": group,
        "gen_ai.response.model": group,
        "gen_ai.response.id": call.response_id,
        "tenant.id": call.tenant,
        "team.id": call.lane.team,
        "workflow.id": call.lane.workflow,
        "session.id": call.session,
        "user.id": call.user,
        "app.request_id": call.request_id,
    }
    broken = wire.hits(call, Defect.STREAMS_LOST)
    if broken:
        held["error.type"] = "asyncio.exceptions.CancelledError"
    else:
        held |= _usage(call)
    if wire.hits(call, Defect.TWO_COSTS):
        held["gen_ai.usage.cost"] = usd(sum(call.cost(kind) for kind in KINDS))
    parent = call.agent_span if call.lane.agent else call.root_span
    times = (call.started - 2 * MS, call.ended + MS)
    return _span(call, call.chat_span, parent, f"chat {group}", 3, times, held, failed=broken)


def _usage(call: Call) -> dict[str, Any]:
    """What the gateway's answer says: its prompt tokens include the cached ones."""
    held: dict[str, Any] = {
        "gen_ai.usage.input_tokens": call.input + call.cache_read + call.cache_write,
        "gen_ai.usage.output_tokens": call.output,
    }
    if call.lane.model.caches:
        held["gen_ai.usage.cache_read.input_tokens"] = call.cache_read
        held["gen_ai.usage.cache_creation.input_tokens"] = call.cache_write
    return held


def _client(call: Call) -> list[Span]:
    """The HTTP requests of one chat span; a request that was sent again says so."""
    tries = [(call.started, call.ended, 200)]
    if call.retry == "client":
        tries.insert(0, (call.started - 2 * MS, call.started - MS, 502))
    out = []
    for number, (start, end, status) in enumerate(tries):
        held: dict[str, Any] = {
            "http.request.method": "POST",
            "url.full": f"https://{HOST}{call.lane.route}/v1/chat/completions",
            "http.response.status_code": status,
        }
        if number:
            held["http.request.resend_count"] = number
        failed = status >= 400
        name = call.http_spans[number + 2 - len(tries)]
        out.append(_span(call, name, call.chat_span, "POST", 3, (start, end), held, failed=failed))
    return out


def _span(
    call: Call,
    span_id: str,
    parent: str | None,
    name: str,
    kind: int,
    times: tuple[int, int],
    attributes: Mapping[str, Any],
    *,
    failed: bool = False,
) -> Span:
    return {
        "traceId": call.trace_id,
        "spanId": span_id,
        **({"parentSpanId": parent} if parent else {}),
        "name": name,
        "kind": kind,
        "startTimeUnixNano": str(times[0]),
        "endTimeUnixNano": str(times[1]),
        "attributes": _attributes(attributes),
        "status": {"code": 2} if failed else {},
    }


def _attributes(held: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in held.items()]


def _value(value: str | int | float) -> dict[str, Any]:
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}
