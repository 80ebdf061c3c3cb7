"""Kong AI Gateway: the JSON that Kong's log plugins write (file-log, http-log, …), with its `ai` object.

Each plugin under `ai` that reached a model (`ai.proxy`, in older versions `ai.ai-proxy`,
`ai.ai-request-transformer`) is a call with `usage` and `meta` of its own; a request whose path invokes a
model is one too where `log_statistics` is off, every other request is context. `request.id` is Kong's id. The
team comes from the consumer, so it is as wide as a credential. Request headers stand in the record as they
came: persisted, so evidence, but a caller's claim. `usage.cost` needs prices in the plugin's configuration
and is 0 without. `tries` counts what Kong tried. The format never carries the IAM principal, AWS's tags nor
cache writes. The reader never reads payloads, nor credentials in headers.
"""

from __future__ import annotations

from typing import Any

from auditor.catalogue.fields import Match
from auditor.evidence.batch import OWN_ID
from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.nested import leaves
from auditor.framing.times import to_ns
from auditor.readers.contract import RecordReader
from auditor.readers.shared.access_log import AccessRows, Request
from auditor.readers.shared.carries import MODEL, TOKEN_TOTALS, at_scope
from auditor.readers.shared.nested import mapping_at
from auditor.readers.shared.routes import invocation

# what Kong writes itself; any other key is a custom field of the operator
OWN = frozenset(
    """ai request response route service consumer consumer_groups authenticated_entity credential tries
    latencies started_at client_ip upstream_uri upstream_status workspace workspace_name source threats stream
    session""".split()
)
SECRET = frozenset("authorization proxy-authorization cookie set-cookie x-api-key apikey".split())
META = (
    ("model", "request_model", 0),
    ("model", "response_model", 1),
    ("provider", "provider_name", 0),
    ("latency_ms", "llm_latency", 0),
)
USAGE = (
    ("tokens_input", "prompt_tokens", 0),
    ("tokens_input", "prompt_token", 1),
    ("tokens_input", "input_tokens", 2),
    ("tokens_output", "completion_tokens", 0),
    ("tokens_output", "completion_token", 1),
    ("tokens_output", "output_tokens", 2),
    ("tokens_total", "total_tokens", 0),
    ("cost_usd", "cost", 0),
)


def match(record: dict[str, Any]) -> float:
    """Kong's own objects: latencies and the request, with or without `ai`."""
    if not isinstance(record.get("request"), dict):
        return 0.0
    own = {k for k in ("latencies", "tries", "started_at", "upstream_uri", "service", "route") if k in record}
    if isinstance(record.get("ai"), dict):
        return 1.0 if own else 0.0
    latencies = record.get("latencies")
    return 1.0 if len(own) >= 3 and isinstance(latencies, dict) and "kong" in latencies else 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One request: a row for each plugin that called a model, else a single row."""
    rows = builder.state(AccessRows, False)
    sent, response = mapping_at(record, "request"), mapping_at(record, "response")
    headers = mapping_at(sent, "headers")
    latencies = mapping_at(record, "latencies")
    started = to_ns(record.get("started_at"))
    took = _milliseconds(latencies.get("request"))
    request = Request(
        method=sent.get("method"),
        uri=sent.get("uri"),
        status=str(response["status"]) if "status" in response else None,
        agent=str(headers.get("user-agent") or "") or None,
        client=record.get("client_ip"),
        started_at=started,
        ended_at=started + round(took * 1e6) if started is not None and took is not None else None,
        uri_key="request.uri",
        status_key="response.status",
    )
    plugins = _plugins(record.get("ai"))
    for nth, (path, plugin) in enumerate(plugins or [("ai", {})]):
        is_call = bool(plugins) or invocation(request.method, request.uri) is not None
        row = rows.begin(request, offset, pointer, call=is_call, nth=nth)
        _plugin(rows, row, path, plugin)
        _caller(rows, row, record)
        _request(rows, row, record, headers)
        rows.put_route_key(row, request)


def _milliseconds(value: Any) -> float | None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if number and 0 <= value < 1e9 else None


def _plugins(ai: Any) -> list[tuple[str, dict[str, Any]]]:
    """The objects one level under `ai` (or `ai` itself) that have usage or meta."""
    if not isinstance(ai, dict):
        return []
    candidates = [("ai", ai), *((f"ai.{name}", value) for name, value in ai.items())]
    return [
        (path, value)
        for path, value in candidates
        if isinstance(value, dict) and any(isinstance(value.get(k), dict) for k in ("usage", "meta"))
    ]


def _plugin(rows: AccessRows, row: int, path: str, plugin: dict[str, Any]) -> None:
    usage, meta = mapping_at(plugin, "usage"), mapping_at(plugin, "meta")
    for part, values, names in (("meta", meta, META), ("usage", usage, USAGE)):
        for field, name, rank in names:
            if name in values:
                rows.put(row, field, "gateway_record", f"{path}.{part}.{name}", values[name], rank=rank)
    details = mapping_at(usage, "prompt_tokens_details")
    if "cached_tokens" in details:
        key = f"{path}.usage.prompt_tokens_details.cached_tokens"
        rows.put(row, "tokens_cache_read", "gateway_record", key, details["cached_tokens"])
    details = mapping_at(usage, "completion_tokens_details")
    if "reasoning_tokens" in details:
        key = f"{path}.usage.completion_tokens_details.reasoning_tokens"
        rows.put(row, "tokens_reasoning", "gateway_record", key, details["reasoning_tokens"])
    if "request_mode" in meta:
        rows.builder.fact("stream").put(row, meta["request_mode"] == "stream")
    cached = mapping_at(plugin, "cache").get("cache_status")
    if isinstance(cached, str):
        rows.builder.fact("cache_hit").put(row, cached.lower() == "hit")


def _caller(rows: AccessRows, row: int, record: dict[str, Any]) -> None:
    """Who Kong knew the caller to be: one consumer for all that it does."""
    consumer = mapping_at(record, "consumer")
    for rank, name in enumerate(("username", "custom_id")):
        if consumer.get(name):
            rows.put(row, "team_id", "credential", f"consumer.{name}", consumer[name], rank=rank)
    groups = record.get("consumer_groups")
    if isinstance(groups, list) and groups and isinstance(groups[0], dict) and groups[0].get("name"):
        rows.put(row, "team_id", "credential", "consumer_groups[*].name", groups[0]["name"], rank=2)
    if isinstance(record.get("workspace_name"), str):
        match = Match("team_id", 450, True)
        column = rows.builder.resolved(match, "credential", "workspace_name")
        column.put(row, record["workspace_name"])
    entity = mapping_at(record, "authenticated_entity")
    for key, value in (
        ("consumer.custom_id", consumer.get("custom_id")),
        ("authenticated_entity.consumer_id", entity.get("consumer_id")),
    ):
        if value:
            rows.put(row, "user_id", "credential", key, value, rank=300)


def _request(rows: AccessRows, row: int, record: dict[str, Any], headers: dict[str, Any]) -> None:
    request, latencies = mapping_at(record, "request"), mapping_at(record, "latencies")
    tries = record.get("tries")
    if "id" in request:
        rows.put(row, "request_id", "gateway_record", "request.id", request["id"], rank=OWN_ID)
    if "request" in latencies:
        rows.put(row, "latency_ms", "gateway_record", "latencies.request", latencies["request"], rank=5)
    if isinstance(tries, list) and tries:
        rows.put(row, "retry_count", "gateway_record", "tries", len(tries) - 1)
    answer = mapping_at(mapping_at(record, "response"), "headers")
    labels = {f"request.headers.{k}": v for k, v in headers.items() if k.lower() not in SECRET}
    labels |= {f"response.headers.{k}": v for k, v in answer.items() if k.lower().startswith("x-amzn-")}
    labels |= {k: v for k, v in record.items() if k not in OWN}
    for key, value in labels.items():
        for path, _, leaf in leaves(value, key):
            rows.put_label(row, path, leaf, milliseconds=True)
    _places(rows, row, record)


def _places(rows: AccessRows, row: int, record: dict[str, Any]) -> None:
    service, tries = mapping_at(record, "service"), record.get("tries")
    if service.get("name"):
        rows.builder.fact("service").put(row, str(service["name"]))
    hosts = [record.get("upstream_uri"), service.get("host")]
    hosts += [t.get("hostname") for t in tries if isinstance(t, dict)] if isinstance(tries, list) else []
    for host in hosts:
        if "bedrock" in str(host or ""):
            rows.builder.fact("endpoint").put(row, str(host))
            break


FORMAT = Format(
    name="kong-ai",
    layer="gateway",
    title="Kong AI Gateway log",
    own_keys=frozenset({"route.name"}),
    carries=at_scope(
        "gateway_record",
        "tenant_id workflow_id user_id session_id request_id trace_id retry_count",
        *(*MODEL, *TOKEN_TOTALS, "tokens_cache_read tokens_reasoning cost_usd latency_ms"),
        "cost_center environment agent workflow_run_id",
    )
    | {"team_id": "credential"}
    | at_scope("attempt", "attempt_id status"),
    get="""Switch the statistics on and log to a file:

```yaml
plugins:
  - name: ai-proxy
    config: {logging: {log_statistics: true, log_payloads: false}}
  - name: file-log
    config:
      path: /tmp/kong.log
      custom_fields_by_lua: {tenant_id: "return kong.request.get_header('x-tenant-id')"}
```

`tail -n 1000 /tmp/kong.log`. Costs need `input_cost` and `output_cost` (a million tokens) at the model.""",
)
READERS = (RecordReader(format=FORMAT, match=match, take=take),)
