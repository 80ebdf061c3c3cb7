"""HTTP requests as they were on the wire: `curl -v`, raw dumps, "copy as cURL", header blocks, HAR files.

A request whose path invokes a model is a call, and so is a block of headers without a request line. What a
request header or its body says of an owner stands at `client_header`: it proves that the value was sent, not
that anybody kept it. Answer headers are the attempt's (`x-amzn-requestid`) or the gateway's record
(`x-litellm-call-id`, `x-litellm-response-cost`); tokens come from an answer's body where it was captured. A
dump never shows the IAM principal. Secrets and bodies are never kept.
"""

from __future__ import annotations

from typing import Any

from auditor.evidence.builder import Builder
from auditor.framing.http_messages import Exchange, exchanges, har_exchange, starts_request
from auditor.framing.nested import baggage, leaves
from auditor.inputs.source import Source
from auditor.readers.contract import Reader, Sample
from auditor.readers.dispatch import to_ns
from auditor.readers.shared.nested import put_nested
from auditor.readers.shared.routes import invocation, trace_of

TRACES = frozenset({"traceparent", "x-amzn-trace-id", "b3", "x-b3-traceid", "x-cloud-trace-context"})
ATTEMPT_IDS = ("x-amzn-requestid", "x-amz-request-id", "apigw-requestid", "request-id", "x-request-id")
ANSWERED = frozenset(
    """tokens_input tokens_output tokens_total tokens_cache_read tokens_cache_write tokens_reasoning cost_usd
    attempt_id response_id status error_code latency_ms retry_count""".split()
)
CARRIES = dict.fromkeys(
    """tenant_id team_id workflow_id workflow_run_id user_id request_id session_id agent cost_center
    environment""".split(),
    "client_header",
) | {
    "trace_id": "trace",
    "model": "request",
    "region": "request",
    "provider": "request",
    "attempt_id": "attempt",
    "response_id": "attempt",
    "status": "attempt",
    "error_code": "attempt",
    "retry_count": "gateway_record",
    "cost_usd": "gateway_record",
    "team_budget_remaining": "gateway_record",
    "latency_ms": "gateway_record",
    "tokens_input": "request",
    "tokens_output": "request",
    "tokens_total": "request",
    "tokens_cache_read": "request",
    "tokens_cache_write": "request",
    "tokens_reasoning": "request",
}


def sniff(sample: Sample) -> float:
    """A HAR file, a request line or a curl command near the top, or a block of headers."""
    if any(isinstance(o, dict) and match(o) for o in sample.objects[:1]):
        return 1.0
    if sample.container in ("parquet", "binary", "table", "json"):
        return 0.0
    text = sample.head[:65536].decode("utf-8", "replace")
    opening = [line for line in text.split("\n")[:40] if line.strip()][:12]
    if any(starts_request(line.rstrip("\r")) for line in opening):
        return 0.9
    return 0.6 if exchanges("\n".join(opening)) else 0.0


def read(source: Source, builder: Builder, _start: int, _end: int | None) -> None:
    """Read every exchange of a text or of a HAR file."""
    if source.head.lstrip()[:1] == b"{":
        from auditor.readers.dispatch import read_objects

        read_objects(source, builder, READER)
        return
    found = exchanges(source.whole().decode("utf-8", "replace"))
    for one in found:
        builder.attempt(None, put, one, builder, one.offset, None)
    if not found:
        builder.skip(1, "no HTTP request in this text")
    if not any(one.status or one.answered for one in found):
        builder.columns_known = frozenset(set(CARRIES) - ANSWERED)


def match(record: dict[str, Any]) -> float:
    """An entry of a HAR file, or the whole file."""
    log = record.get("log")
    if isinstance(log, dict) and isinstance(log.get("entries"), list):
        return 1.0
    return 1.0 if {"startedDateTime", "request", "response"} <= set(record) else 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One entry, or every entry of a file."""
    log = record.get("log")
    entries = log["entries"] if isinstance(log, dict) and isinstance(log.get("entries"), list) else [record]
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict):
            builder.skip(None, "an entry that is no request")
            continue
        at = f"{pointer or ''}/log/entries/{number}" if log is not None else pointer
        builder.attempt(None, _entry, entry, builder, offset, at)


def _entry(entry: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One entry of a HAR file."""
    row = put(har_exchange(entry), builder, offset, pointer)
    builder.ids["started_at"][row] = to_ns(entry.get("startedDateTime"))
    if isinstance(entry.get("time"), (int, float)):
        builder.column("latency_ms", "request", "time").put(row, entry["time"])


def put(one: Exchange, builder: Builder, offset: int | None, pointer: str | None) -> int:
    """Put one exchange; returns its row."""
    route = invocation(one.method, one.path)
    call = route is not None or one.path is None
    failed = one.status is not None and one.status >= 400
    row = builder.row(
        "call" if call else "context",
        offset=offset,
        pointer=pointer,
        name=f"{one.method} {route.operation}" if route and one.method else one.method,
        outcome="error" if failed else None,
    )
    host = one.sent.get("host") or one.sent.get(":authority") or one.path
    if host:
        builder.fact("endpoint").put(row, host)
    if call and one.path:
        # a dump shows one client: what follows a failed request to the same place is its retry
        builder.fact("attempt_key").put(row, f"{host} {one.path}")
    if route is not None:
        builder.fact("operation").put(row, route.operation)
        for field, value in (("model", route.model), ("provider", route.provider)):
            if value:
                builder.column(field, "request", "path").put(row, value)
    for name, value in one.sent.items():
        _sent(name, value, builder, row)
    if isinstance(one.body, dict):
        _body(one.body, builder, row)
    _answer(one, builder, row)
    return row


def _sent(name: str, value: str, builder: Builder, row: int) -> None:
    if name in TRACES:
        builder.column("trace_id", "trace", f"header.{name}").put(row, trace_of(value))
        return
    if name == "baggage":
        for key, inner in baggage(value).items():
            column = builder.keys("client_header", "header.baggage→")[key]
            if column is not None:
                column.put(row, inner)
        return
    for path, _, leaf in leaves(value, name):
        column = builder.keys("client_header", "header.")[path]
        if column is not None:
            column.put(row, leaf)


def _body(body: dict[str, Any], builder: Builder, row: int) -> None:
    """What the caller wrote into the request beside the prompt: it was sent, no more."""
    for name in ("model", "modelId"):
        if isinstance(body.get(name), str):
            builder.column("model", "request", f"body.{name}", rank=10).put(row, body[name])
    for name in ("metadata", "user", "requestMetadata", "tags", "extra_body", "session_id"):
        if name in body:
            put_nested(builder, row, f"body.{name}", body[name], "client_header")


def _answer(one: Exchange, builder: Builder, row: int) -> None:
    if one.status is not None:
        builder.column("status", "attempt", "response.status").put(row, one.status)
    for name, value in one.answered.items():
        if name in ATTEMPT_IDS:
            rank = ATTEMPT_IDS.index(name)
            builder.column("attempt_id", "attempt", f"response.header.{name}", rank=rank).put(row, value)
            continue
        column = builder.keys("gateway_record", "response.header.")[name]
        if column is not None:
            column.put(row, value)
    if not isinstance(one.answer, dict):
        return
    if isinstance(one.answer.get("id"), str):
        builder.column("response_id", "attempt", "response.body.id").put(row, one.answer["id"])
    if isinstance(one.answer.get("model"), str):
        builder.column("model", "request", "response.body.model", rank=20).put(row, one.answer["model"])
    put_nested(builder, row, "response.body.usage", one.answer.get("usage") or {}, "request")


def shown(data: bytes) -> dict[str, Any] | None:
    """The exchange that begins here as a flat record, for an excerpt."""
    found = exchanges(data.decode("utf-8", "replace"))[:1]
    return {"path": found[0].path} | {f"header.{k}": v for k, v in found[0].sent.items()} if found else None


READER = Reader(
    name="http-headers",
    layer="client",
    title="HTTP requests on the wire",
    carries=CARRIES,
    get="""`curl -v … 2> request.txt`, "Copy as cURL" or "Save all as HAR" in the browser's network tab, or
`kubectl exec deploy/gateway -- tcpdump -A -s0 -i lo port 8080`. Authorization headers are never kept.""",
    sniff=sniff,
    read=read,
    match=match,
    by_value=frozenset({"log"}),
    take=take,
    record=shown,
)
