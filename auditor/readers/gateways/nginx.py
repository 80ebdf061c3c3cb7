"""nginx's variables under the names that log formats give them, in JSON and in combined lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from auditor.evidence.builder import Builder
from auditor.framing.nested import baggage, leaves
from auditor.framing.times import to_ns
from auditor.readers.shared.access_log import ID, AccessRows, Request
from auditor.readers.shared.carries import CALLER_FIELDS, MODEL, OUTCOME, PRICED_TOKENS, at_scope
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
# names that only nginx uses
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
CARRIES = at_scope(
    "gateway_record",
    *(*CALLER_FIELDS, "request_id trace_id retry_count", *MODEL, *PRICED_TOKENS, "cost_usd latency_ms"),
) | at_scope("attempt", "attempt_id response_id", *OUTCOME)
METHODS = frozenset("GET POST PUT PATCH DELETE HEAD OPTIONS".split())


@lru_cache(maxsize=4096)
def flat(name: str) -> str:
    """A key as nginx writes it: `User-Agent` and `$user_agent` are `user_agent`."""
    return name.rsplit(".", 1)[-1].lstrip("$").lower().replace("-", "_")


class Variables:
    """The parts of one record, by any of their names."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self.by_name = {flat(k): (k, v) for k, v in record.items() if v.__class__ is not dict}
        for key, value in record.items():
            if value.__class__ is dict and flat(key) not in ("headers", "request_headers"):
                inner = {flat(k): (f"{key}.{k}", v) for k, v in value.items()}
                self.by_name = inner | self.by_name

    def get(self, part: str) -> tuple[str, Any]:
        """The key and value of a part, under its best name that is not blank; `("", None)` without one."""
        blank: tuple[str, Any] = ("", None)
        for name in NAMES[part]:
            pair = self.by_name.get(name, ("", None))
            if pair[1] not in (None, "", "-"):
                return pair
            blank = blank if blank[0] else pair
        return blank

    def text(self, part: str) -> str | None:
        """The value of a part as text, None where it is blank."""
        value = self.get(part)[1]
        return None if value in (None, "", "-") else str(value)


def request_of(variables: Variables) -> Request:
    """The request that a record describes."""
    method, uri, uri_key = variables.text("method"), variables.text("uri"), variables.get("uri")[0]
    line_key, line = variables.get("request")
    if isinstance(line, str) and " " in line:
        parts = line.split(" ")
        method = method or parts[0]
        if uri is None:
            uri, uri_key = parts[1], line_key
    status_key, status = variables.get("status")
    return Request(
        method=method,
        uri=uri,
        status=None if not status_key else str(status),
        agent=variables.text("agent"),
        client=variables.text("client"),
        started_at=time_of(variables),
        uri_key=uri_key,
        status_key=status_key,
    )


def time_of(variables: Variables) -> int | None:
    """When nginx wrote the line, in ns since the epoch: the end of the request, taken for its start."""
    for name in NAMES["time"]:
        value = variables.by_name.get(name, ("", None))[1]
        if value not in (None, "", "-"):
            common = isinstance(value, str) and "/" in value[:4]
            written_at = clf_ns(value.strip("[]")) if common else to_ns(value)
            if written_at is not None:
                return written_at
    return None


def take(record: Mapping[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One record of either format."""
    rows = builder.state(AccessRows)
    variables = Variables(record)
    request = request_of(variables)
    row = rows.begin(request, offset, pointer)
    _numbers(rows, row, variables)
    user_key, user = variables.get("user")
    if user not in (None, "", "-"):
        rows.put(row, "user_id", "gateway_record", user_key, user, rank=300)
    _labels(rows, row, record)
    extra = record.get("extra")
    if isinstance(extra, list):
        _extra(rows, row, extra)
    host = variables.text("host")
    if host:
        builder.fact("service").put(row, host)
    for part in ("proxy", "upstream_addr", "host"):
        name = variables.text(part)
        if name and "bedrock" in name:
            builder.fact("endpoint").put(row, name)
            break
    rows.put_route_key(row, request)


def _numbers(rows: AccessRows, row: int, variables: Variables) -> None:
    for part, rank in (("latency", 0), ("upstream_time", 50)):
        key, value = variables.get(part)
        if not key:
            continue
        took = seconds(value)
        scale = 1.0 if key.lower().endswith("ms") else 1000.0
        rows.put(row, "latency_ms", "gateway_record", key, took, rank=rank, scale=scale)
        break
    for part in ("upstream_status", "upstream_addr", "upstream_time"):
        key, value = variables.get(part)
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
                rows.put_label(row, f"baggage.{key}", inner)
            continue
        rows.put_label(row, path, value)


def _extra(rows: AccessRows, row: int, extra: list[str]) -> None:
    """Unlabelled fields at the end of a line: an id is nginx's `$request_id`, a list of states its tries."""
    for i, value in enumerate(extra):
        if ID.match(value):
            rows.put(row, "request_id", "gateway_record", f"extra[{i}]", value, rank=40)
            break
    for i, value in enumerate(extra):
        if re.fullmatch(r"\d{3}(?:(?:, ?| : )\d{3})+", value):
            column = rows.builder.column("retry_count", "gateway_record", f"extra[{i}]")
            column.put(row, (tries(value) or 1) - 1)
            break
    rows.put_unlabelled(row, "extra", extra, fixed=False)
