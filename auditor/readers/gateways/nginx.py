"""nginx's variables under the names that log formats give them, in JSON and in combined lines alike.

It never reads a cookie or an authorization header, and takes no user agent for an agent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from auditor.evidence.builder import Builder
from auditor.framing.nested import baggage, leaves
from auditor.framing.times import to_ns
from auditor.readers.shared.access_log import ID, AccessRows, Request
from auditor.readers.shared.routes import clf_ns, seconds, tries

# what each part of a request is called, the best name first
NAMES: dict[str, tuple[str, ...]] = {
    "method": ("request_method", "method", "http_method", "verb"),
    "uri": ("request_uri", "uri", "request_url", "url", "request_path", "path", "uri_path", "document_uri"),
    "request": ("request", "request_line"),
    "status": ("status", "status_code", "response_status", "http_status", "response_code", "code"),
    "agent": ("http_user_agent", "user_agent", "agent", "useragent", "ua"),
    "client": ("remote_addr", "client_ip", "remote_ip", "clientip", "client", "ip", "x_real_ip", "realip"),
    "time": (
        "msec",
        "time_iso8601",
        "timestamp",
        "time",
        "time_local",
        "ts",
        "datetime",
        "date",
        "@timestamp",
    ),
    "latency": ("request_time", "rt", "req_time", "request_duration", "duration", "response_time", "latency"),
    "upstream_time": ("upstream_response_time", "urt", "upstream_time"),
    "upstream_status": ("upstream_status", "ups_status", "us", "ups", "upstream_response_status"),
    "upstream_addr": ("upstream_addr", "upstream", "ua_addr", "upstream_host"),
    "host": ("host", "http_host", "server_name", "vhost", "server", "domain"),
    "proxy": ("proxy_host", "upstream_name", "proxy_upstream_name"),
    "user": ("remote_user", "user"),
}
# nobody but nginx calls these so
OWN = frozenset(
    """remote_addr remote_user time_local time_iso8601 body_bytes_sent bytes_sent request_time request_length
    upstream_status upstream_addr upstream_response_time upstream_connect_time upstream_header_time
    http_user_agent http_referer http_referrer http_x_forwarded_for http_host request_uri server_name
    server_protocol server_port msec connection_requests gzip_ratio ssl_protocol ssl_cipher proxy_host
    upstream_cache_status request_completion rt urt uct uht ups_status""".split()
)
OTHERS = frozenset(
    """referer http_referer referrer http_referrer bytes bytes_sent body_bytes_sent size protocol
    server_protocol scheme args query query_string xff http_x_forwarded_for x_forwarded_for request_length
    pipe connection connection_requests msec uct uht upstream_connect_time upstream_header_time pid
    hostname level logger http_cookie http_authorization extra ident""".split()
)
STANDARD = frozenset(n for names in NAMES.values() for n in names) | OTHERS
CARRIES = dict.fromkeys(
    """tenant_id workflow_id workflow_run_id team_id user_id session_id cost_center environment agent
    request_id trace_id retry_count model provider region tokens_input tokens_output tokens_cache_read
    tokens_cache_write cost_usd latency_ms""".split(),
    "gateway_record",
) | {"attempt_id": "attempt", "response_id": "attempt", "status": "attempt", "error_code": "attempt"}
METHODS = frozenset("GET POST PUT PATCH DELETE HEAD OPTIONS".split())


@lru_cache(maxsize=4096)
def flat(name: str) -> str:
    """A key as nginx would write it: `User-Agent` and `$user_agent` are `user_agent`."""
    return name.rsplit(".", 1)[-1].lstrip("$").lower().replace("-", "_")


class Variables:
    """The parts of one record, found by any of their names."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self.held = {flat(k): (k, v) for k, v in record.items() if v.__class__ is not dict}
        for key, value in record.items():
            if value.__class__ is dict and flat(key) not in ("headers", "request_headers"):
                inner = {flat(k): (f"{key}.{k}", v) for k, v in value.items()}
                self.held = inner | self.held

    def get(self, part: str) -> tuple[str, Any]:
        """The key and value of a part; the best name that holds something wins."""
        seen: tuple[str, Any] = ("", None)
        for name in NAMES[part]:
            found = self.held.get(name)
            if found is not None and found[1] not in (None, "", "-"):
                return found
            seen = seen if seen[0] or found is None else found
        return seen

    def text(self, part: str) -> str | None:
        """The value of a part as text, None where it is blank."""
        value = self.get(part)[1]
        return None if value in (None, "", "-") else str(value)


def request_of(held: Variables) -> Request:
    """The request that a record tells of."""
    method, uri, uri_key = held.text("method"), held.text("uri"), held.get("uri")[0]
    line_key, line = held.get("request")
    if isinstance(line, str) and " " in line:
        parts = line.split(" ")
        method = method or parts[0]
        if uri is None:
            uri, uri_key = parts[1], line_key
    status_key, status = held.get("status")
    return Request(
        method=method,
        uri=uri,
        status=None if not status_key else str(status),
        agent=held.text("agent"),
        client=held.text("client"),
        started_at=time_of(held),
        uri_key=uri_key,
        status_key=status_key,
    )


def time_of(held: Variables) -> int | None:
    """When nginx wrote the line; what stands there is the order of the log, whatever the request took."""
    for name in NAMES["time"]:
        value = held.held.get(name, ("", None))[1]
        if value not in (None, "", "-"):
            found = clf_ns(value.strip("[]")) if isinstance(value, str) and "/" in value[:4] else to_ns(value)
            if found is not None:
                return found
    return None


def take(record: Mapping[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One record of either format."""
    rows = builder.state(AccessRows)
    held = Variables(record)
    request = request_of(held)
    row = rows.begin(request, offset, pointer)
    _numbers(rows, row, held)
    user_key, user = held.get("user")
    if user not in (None, "", "-"):
        rows.put(row, "user_id", "gateway_record", user_key, user, rank=300)
    _labels(rows, row, record)
    extra = record.get("extra")
    if isinstance(extra, list):
        _extra(rows, row, extra)
    host = held.text("host")
    if host:
        builder.fact("service").put(row, host)
    for part in ("proxy", "upstream_addr", "host"):
        name = held.text(part)
        if name and "bedrock" in name:
            builder.fact("endpoint").put(row, name)
            break
    rows.relate(row, request)


def _numbers(rows: AccessRows, row: int, held: Variables) -> None:
    for part, rank in (("latency", 0), ("upstream_time", 50)):
        key, value = held.get(part)
        if not key:
            continue
        took = seconds(value)
        scale = 1.0 if key.lower().endswith("ms") else 1000.0
        rows.put(row, "latency_ms", "gateway_record", key, took, rank=rank, scale=scale)
        break
    for part in ("upstream_status", "upstream_addr", "upstream_time"):
        key, value = held.get(part)
        count = tries(value) if key else None
        if count is not None:
            rows.put(row, "retry_count", "gateway_record", key, count - 1)
            break


def _labels(rows: AccessRows, row: int, record: Mapping[str, Any]) -> None:
    for path, _, value in leaves({k: v for k, v in record.items() if k != "extra"}):
        name = flat(path)
        if name in STANDARD and "→" not in path and not (name == "user" and "." in path):
            continue
        if name.endswith("baggage"):
            for key, inner in baggage(str(value)).items():
                rows.labelled(row, f"baggage.{key}", inner)
            continue
        rows.labelled(row, path, value)


def _extra(rows: AccessRows, row: int, extra: list[str]) -> None:
    """Unlabelled fields behind a line: an id is nginx's `$request_id`, a list of states its tries."""
    for i, value in enumerate(extra):
        if ID.match(value):
            rows.put(row, "request_id", "gateway_record", f"extra[{i}]", value, rank=40)
            break
    for i, value in enumerate(extra):
        if re.fullmatch(r"\d{3}(?:(?:, ?| : )\d{3})+", value):
            column = rows.builder.column("retry_count", "gateway_record", f"extra[{i}]")
            column.put(row, (tries(value) or 1) - 1)
            break
    rows.unlabelled(row, "extra", extra, fixed=False)
