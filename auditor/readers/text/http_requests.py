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
from auditor.evidence.formats import Format
from auditor.framing.http_messages import Exchange, exchanges, har_exchange, starts_request
from auditor.framing.nested import baggage
from auditor.framing.times import to_ns
from auditor.inputs.source import Source
from auditor.readers.contract import InputSample, RecordReader, SourceReader
from auditor.readers.shared.carries import OUTCOME, TOKEN_DETAILS, TOKEN_TOTALS, TOKENS, at_scope
from auditor.readers.shared.nested import put_nested
from auditor.readers.shared.routes import invocation, trace_of

TRACES = frozenset({"traceparent", "x-amzn-trace-id", "b3", "x-b3-traceid", "x-cloud-trace-context"})
ATTEMPT_IDS = ("x-amzn-requestid", "x-amz-request-id", "apigw-requestid", "request-id", "x-request-id")
ANSWERED = {*TOKENS, "attempt_id", "response_id", "retry_count", *OUTCOME, "cost_usd", "latency_ms"}
CARRIES = (
    at_scope(
        "client_header",
        "tenant_id team_id workflow_id workflow_run_id user_id request_id session_id agent cost_center",
        "environment",
    )
    | {"trace_id": "trace"}
    | at_scope("request", "model region provider")
    | at_scope("attempt", "attempt_id response_id", *OUTCOME)
    | at_scope("gateway_record", "retry_count cost_usd team_budget_remaining latency_ms")
    | at_scope("request", *TOKEN_TOTALS, *TOKEN_DETAILS)
)


def sniff(sample: InputSample) -> float:
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
        builder.dispatch.read(source)
        return
    captured = exchanges(source.whole().decode("utf-8", "replace"))
    for exchange in captured:
        builder.attempt(None, put, exchange, builder, exchange.offset, None)
    if not captured:
        builder.skip(1, "no HTTP request in this text")
    if not any(exchange.status or exchange.response_headers for exchange in captured):
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


def put(exchange: Exchange, builder: Builder, offset: int | None, pointer: str | None) -> int:
    """Put one exchange; returns its row."""
    route = invocation(exchange.method, exchange.path)
    call = route is not None or exchange.path is None
    failed = exchange.status is not None and exchange.status >= 400
    row = builder.row(
        "call" if call else "context",
        offset=offset,
        pointer=pointer,
        name=f"{exchange.method} {route.operation}" if route and exchange.method else exchange.method,
        outcome="error" if failed else None,
    )
    host = exchange.request_headers.get("host") or exchange.request_headers.get(":authority") or exchange.path
    if host:
        builder.fact("endpoint").put(row, host)
    if call and exchange.path:
        # a dump shows one client: what follows a failed request to the same place is its retry
        builder.fact("route_key").put(row, f"{host} {exchange.path}")
    if route is not None:
        builder.fact("operation").put(row, route.operation)
        for field, value in (("model", route.model), ("provider", route.provider)):
            if value:
                builder.column(field, "request", "path").put(row, value)
    for name, value in exchange.request_headers.items():
        _sent(name, value, builder, row)
    if isinstance(exchange.request_body, dict):
        _body(exchange.request_body, builder, row)
    _answer(exchange, builder, row)
    return row


def _sent(name: str, value: str, builder: Builder, row: int) -> None:
    if name in TRACES:
        builder.column("trace_id", "trace", f"header.{name}").put(row, trace_of(value))
        return
    if name == "baggage":
        builder.take(row, baggage(value), "client_header", "header.baggage→")
        return
    put_nested(builder, row, name, value, "client_header", "header.")


def _body(body: dict[str, Any], builder: Builder, row: int) -> None:
    """Put what the caller wrote into the request next to the prompt: proof that it was sent, no more."""
    for name in ("model", "modelId"):
        if isinstance(body.get(name), str):
            builder.column("model", "request", f"body.{name}", rank=10).put(row, body[name])
    for name in ("metadata", "user", "requestMetadata", "tags", "extra_body", "session_id"):
        if name in body:
            put_nested(builder, row, f"body.{name}", body[name], "client_header")


def _answer(exchange: Exchange, builder: Builder, row: int) -> None:
    if exchange.status is not None:
        builder.column("status", "attempt", "response.status").put(row, exchange.status)
    for name, value in exchange.response_headers.items():
        if name in ATTEMPT_IDS:
            rank = ATTEMPT_IDS.index(name)
            builder.column("attempt_id", "attempt", f"response.header.{name}", rank=rank).put(row, value)
        else:
            builder.take(row, {name: value}, "gateway_record", "response.header.")
    if not isinstance(exchange.response_body, dict):
        return
    if isinstance(exchange.response_body.get("id"), str):
        builder.column("response_id", "attempt", "response.body.id").put(row, exchange.response_body["id"])
    if isinstance(exchange.response_body.get("model"), str):
        builder.column("model", "request", "response.body.model", rank=20).put(
            row, exchange.response_body["model"]
        )
    put_nested(builder, row, "response.body.usage", exchange.response_body.get("usage") or {}, "request")


def shown(data: bytes) -> dict[str, Any] | None:
    """The exchange that begins here as a flat record, for an excerpt."""
    first = next(iter(exchanges(data.decode("utf-8", "replace"))), None)
    return (
        {"path": first.path} | {f"header.{k}": v for k, v in first.request_headers.items()} if first else None
    )


FORMAT = Format(
    name="http-headers",
    layer="client",
    title="HTTP requests on the wire",
    carries=CARRIES,
    get="""`curl -v … 2> request.txt`, "Copy as cURL" or "Save all as HAR" in the browser's network tab, or
`kubectl exec deploy/gateway -- tcpdump -A -s0 -i lo port 8080`. Authorization headers are never kept.""",
)
READERS = (
    SourceReader(format=FORMAT, sniff=sniff, read=read, shown=shown),
    RecordReader(format=FORMAT, match=match, take=take, by_value=frozenset({"log"})),
)
