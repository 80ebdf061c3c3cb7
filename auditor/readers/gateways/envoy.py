"""Envoy AI Gateway: the JSON access log, whose labels the operator chose, and plain Envoy's before a model.

A record with a model or token counts from the gateway's dynamic metadata (`gen_ai.*`, `genai_*`, `llm_*`), or
whose path invokes a model, is a call; MCP requests and every other are context. `x-request-id` is one for all
of Envoy's own retries; `duration` is milliseconds; unset operators print `-` or null. Headers that the format
logs (`%REQ(X-TENANT-ID)%`) are evidence. `quota_cost` is a rate limit's unit, never dollars: the gateway
computes no cost. It never carries cost, IAM principal nor AWS's tags; user and team are there only where a
header is logged. Envoy's default line of text is read too: it names no caller. The reader never reads bodies.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.nested import leaves
from auditor.framing.times import to_ns
from auditor.readers.contract import LineReader, RecordReader
from auditor.readers.shared.access_log import LONGEST, AccessRows, Request
from auditor.readers.shared.carries import CALLER_FIELDS, MODEL, OUTCOME, PRICED_TOKENS, at_scope
from auditor.readers.shared.routes import invocation

ENVOY = frozenset(
    """response_flags response_code response_code_details upstream_cluster upstream_host route_name start_time
    x_envoy_origin_path x_envoy_original_path x_envoy_upstream_service_time upstream_service_time authority
    downstream_remote_address upstream_local_address upstream_transport_failure_reason bytes_received
    upstream_request_attempt_count connection_termination_details requested_server_name""".split()
)
DECISIVE = frozenset(
    "response_flags upstream_cluster x_envoy_origin_path x_envoy_original_path response_code_details".split()
)
# the operator's usual labels for the gateway's metadata, and the names of OpenTelemetry
METADATA: dict[str, tuple[str, int]] = {
    "gen_ai_request_model": ("model", 0),
    "genai_model_name": ("model", 1),
    "x_ai_eg_model": ("model", 2),
    "request_model": ("model", 3),
    "model": ("model", 4),
    "gen_ai_response_model": ("model", 5),
    "response_model": ("model", 6),
    "served_model": ("model", 7),
    "genai_model_name_override": ("model", 8),
    "model_name_override": ("model", 9),
    "genai_response_model": ("model", 10),
    "gen_ai_provider_name": ("provider", 0),
    "gen_ai_usage_input_tokens": ("tokens_input", 0),
    "genai_tokens_input": ("tokens_input", 1),
    "llm_input_token": ("tokens_input", 2),
    "llm_input_tokens": ("tokens_input", 3),
    "input_token": ("tokens_input", 4),
    "input_tokens": ("tokens_input", 5),
    "gen_ai_usage_output_tokens": ("tokens_output", 0),
    "genai_tokens_output": ("tokens_output", 1),
    "llm_output_token": ("tokens_output", 2),
    "llm_output_tokens": ("tokens_output", 3),
    "output_token": ("tokens_output", 4),
    "output_tokens": ("tokens_output", 5),
    "gen_ai_usage_total_tokens": ("tokens_total", 0),
    "genai_tokens_total": ("tokens_total", 1),
    "llm_total_token": ("tokens_total", 2),
    "total_tokens": ("tokens_total", 3),
    "llm_cached_input_token": ("tokens_cache_read", 1),
    "genai_tokens_cached_input": ("tokens_cache_read", 2),
    "llm_cache_creation_input_token": ("tokens_cache_write", 1),
    "genai_tokens_cache_creation_input": ("tokens_cache_write", 2),
    "llm_error_code": ("error_code", 0),
    "llm_error_type": ("error_code", 1),
    "x_request_id": ("request_id", 0),
    "request_id": ("request_id", 1),
    "duration": ("latency_ms", 0),
    "duration_ms": ("latency_ms", 1),
}
_TEXT = re.compile(
    r'\[(?P<start_time>\d{4}-\d\d-\d\dT[0-9:.]{8,16}Z)\] "(?P<request>[^"]*)" (?P<response_code>\d{1,3}) '
    r'(?P<response_flags>[\w,-]+)(?: [\w-]+(?:\{[^}]*\})? \S+ "[^"]*")? '
    r"\d+ \d+ (?P<duration>\d{1,12}) (?:\d+|-) "
    r'"(?P<x_forwarded_for>[^"]*)" "(?P<user_agent>[^"]*)" "(?P<x_request_id>[^"]*)" "(?P<authority>[^"]*)" '
    r'"(?P<upstream_host>[^"]*)"'
)
AI = re.compile(r"^(?:gen_?ai_|llm_|x_ai_eg_model)")
STANDARD = ENVOY | frozenset(
    """method path protocol user_agent x_forwarded_for bytes_sent downstream_local_address status
    service endpoint host upstream_request_attempt_count quota_cost genai_backend_name backend_name agent_id
    caller ai_service_backend_name x_envoy_upstream_service_time mcp_session_id mcp_request_id""".split()
)


@lru_cache(maxsize=8192)
def flat(name: str) -> str:
    """A label as one word: `gen_ai.usage.input_tokens` and `x-request-id` with underscores."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def match(record: dict[str, Any]) -> float:
    """Envoy's labels with one of the AI gateway's, or many of Envoy's own."""
    return _claim(tuple(record))


@lru_cache(maxsize=4096)
def _claim(keys: tuple[str, ...]) -> float:
    names = {flat(k) for k in keys}
    envoy = len(ENVOY & names)
    if not DECISIVE & names and not (envoy >= 3 and names & {"x_request_id", "response_code"}):
        return 0.0
    if any(AI.match(n) for n in names):
        return 1.0
    return 1.0 if envoy >= 4 and names & {"path", "x_envoy_origin_path", "x_envoy_original_path"} else 0.0


def line(text: str) -> dict[str, Any] | None:
    """A line in Envoy's or Istio's default text format, by the names of its JSON form."""
    fields = _TEXT.match(text) if len(text) <= LONGEST else None
    if fields is None:
        return None
    request = fields["request"].split(" ")
    others = {k: v for k, v in fields.groupdict().items() if k != "request"}
    return {"method": request[0], "path": request[1] if len(request) > 1 else "-"} | others


def _filled(value: Any) -> bool:
    return value not in (None, "", "-", "null")


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One request."""
    rows = builder.state(AccessRows)
    labels = {flat(k): (k, v) for k, v in record.items()}

    def first(*names: str) -> tuple[str, Any]:
        return next((labels[n] for n in names if n in labels and _filled(labels[n][1])), ("", None))

    path = first("x_envoy_origin_path", "x_envoy_original_path", "path")
    status = first("response_code", "status", "http_response_status_code")
    started = to_ns(first("start_time", "timestamp", "time")[1])
    took = _milliseconds(first("duration", "duration_ms")[1])
    request = Request(
        method=first("method")[1],
        uri=str(path[1]) if path[0] else None,
        status=str(status[1]) if status[0] else None,
        agent=first("user_agent")[1],
        client=str(first("x_forwarded_for", "downstream_remote_address")[1] or "").rsplit(":", 1)[0] or None,
        started_at=started,
        ended_at=started + round(took * 1e6) if started is not None and took is not None else None,
        uri_key=path[0],
        status_key=status[0],
    )
    row = rows.begin(request, offset, pointer, call=_is_call(labels, request))
    for key, value in record.items():
        _label(rows, row, key, value)
    key, attempts = first("upstream_request_attempt_count")
    if str(attempts or "").isdigit() and int(attempts) > 0:
        rows.put(row, "retry_count", "gateway_record", key, int(attempts) - 1)
    _places(builder, row, first)
    rows.put_route_key(row, request)


def _milliseconds(value: Any) -> float | None:
    try:
        took = float(value)
    except (TypeError, ValueError):
        return None
    return took if 0 <= took < 1e9 else None


def _is_call(labels: dict[str, tuple[str, Any]], request: Request) -> bool:
    """A model or tokens from the gateway, or a path that invokes one."""
    if any(n.startswith("mcp_method") and _filled(v) for n, (_, v) in labels.items()):
        return False
    from_gateway = any(
        n in labels and _filled(labels[n][1])
        for n, (field, _) in METADATA.items()
        if field == "model" or field.startswith("tokens")
    )
    return from_gateway or invocation(request.method, request.uri) is not None


def _label(rows: AccessRows, row: int, key: str, value: Any) -> None:
    """One label: what the gateway's metadata is usually called, else a header of the operator's choice."""
    name = flat(key)
    target = METADATA.get(name)
    if target is not None:
        field, rank = target
        scope = "attempt" if field == "error_code" else "gateway_record"
        if field != "error_code" or _filled(value):
            rows.put(row, field, scope, key, value, rank=rank)
    elif name not in STANDARD:
        for path, _, leaf in leaves(value, key):
            rows.put_label(row, path, leaf, milliseconds=True)


def _places(builder: Builder, row: int, first: Any) -> None:
    service = first("route_name", "upstream_cluster", "genai_backend_name", "backend_name")[1]
    if isinstance(service, str):
        builder.fact("service").put(row, service)
    for name in ("authority", "upstream_host", "upstream_cluster"):
        value = first(name)[1]
        if isinstance(value, str) and "bedrock" in value:
            builder.fact("endpoint").put(row, value)
            break


FORMAT = Format(
    name="envoy-ai-gateway",
    layer="gateway",
    title="Envoy AI Gateway access log",
    own_keys=frozenset({"route_name"}),
    carries=at_scope(
        "gateway_record",
        *(
            *CALLER_FIELDS,
            "request_id trace_id retry_count",
            *MODEL,
            *PRICED_TOKENS,
            "tokens_total latency_ms",
        ),
    )
    | at_scope("attempt", "attempt_id", *OUTCOME),
    get="""Name the metadata keys in `llmRequestCosts` of the `AIGatewayRoute`, and log them and the owner:

```yaml
kind: EnvoyProxy
spec:
  telemetry:
    accessLog:
      settings:
        - sinks: [{type: File, file: {path: /dev/stdout}}]
          format:
            type: JSON
            json:
              start_time: "%START_TIME%"
              method: "%REQ(:METHOD)%"
              x-envoy-origin-path: "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%"
              response_code: "%RESPONSE_CODE%"
              response_flags: "%RESPONSE_FLAGS%"
              duration: "%DURATION%"
              x-request-id: "%REQ(X-REQUEST-ID)%"
              upstream_request_attempt_count: "%UPSTREAM_REQUEST_ATTEMPT_COUNT%"
              gen_ai.request.model: "%REQ(X-AI-EG-MODEL)%"
              gen_ai.usage.input_tokens: "%DYNAMIC_METADATA(io.envoy.ai_gateway:llm_input_token)%"
              gen_ai.usage.output_tokens: "%DYNAMIC_METADATA(io.envoy.ai_gateway:llm_output_token)%"
              tenant_id: "%REQ(X-TENANT-ID)%"
              team_id: "%REQ(X-TEAM-ID)%"
```

`kubectl logs -n envoy-gateway-system deploy/envoy-… -c envoy`.""",
)
READERS = (
    RecordReader(format=FORMAT, match=match, take=take),
    LineReader(format=FORMAT, line=line, take=take),
)
