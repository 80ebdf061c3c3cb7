"""HAProxy access log: `option httplog`, with or without a syslog prefix, as one request a line.

A request whose path invokes a model is a call, any other is context; a Bedrock path names the model. `Ta`,
the last timer, is the latency in milliseconds; the last of the five connection counts is how often HAProxy
itself tried again. Captured headers stand in braces without their names (`{acme|legal-ai}`): a word is a
weak candidate for an owner, an id for the request; nothing in the line says which header it was. A failed
request and the next on the same path by the same client are attempts of one call. Fields with a label behind
the request, and `%ID`, come from an own `log-format`. The format has no tokens, no cost and no IAM principal.
The reader never reads bodies.
"""

from __future__ import annotations

import re
from typing import Any

from auditor.catalogue.fields import Match
from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.readers.contract import LineReader
from auditor.readers.shared.access_log import ID, LONGEST, AccessRows, Request, extra_fields
from auditor.readers.shared.carries import at_scope
from auditor.readers.shared.routes import clf_ns

_TIME = re.compile(r"\[(\d\d/[A-Za-z]{3}/\d{4}:\d\d:\d\d:\d\d\.\d{3,6})\] ")
_REST = re.compile(
    r"(?P<frontend>\S+) (?P<backend>[^\s/]+)/(?P<server>\S+) "
    r"(?P<timers>[+-]?\d{1,12}(?:/[+-]?\d{1,12}){4}) (?P<status>-?\d{1,3}) (?P<bytes>\+?\d+) "
    r"(?P<cookies>\S+ \S+) (?P<state>[\w-]{2,4}) "
    r"(?P<counts>\d+(?:/\d+){3}/\+?\d{1,9}) (?P<queues>\d+/\d+) "
    r"(?:\{(?P<asked>[^{}]*)\} ?)?(?:\{(?P<answered>[^{}]*)\} ?)?"
    r'"(?P<request>(?:[^"\\]|\\.)*)(?:"(?: (?P<tail>.*))?)?$'
)


def line(text: str) -> dict[str, Any] | None:
    """One line by the names of its fields."""
    if len(text) > LONGEST:
        return None
    when = _TIME.search(text)
    fields_after = _REST.match(text, when.end()) if when else None
    if when is None or fields_after is None:
        return None
    client = text[: when.start()].split()
    out: dict[str, Any] = {k: v for k, v in fields_after.groupdict().items() if v is not None}
    out["accept_date"] = when[1]
    out["client"] = client[-1].rpartition(":")[0] if client else ""
    return out


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One request."""
    rows = builder.state(AccessRows)
    parts = str(record.get("request", "")).split(" ")
    took = _number(str(record["timers"]).rsplit("/", 1)[-1])
    started = clf_ns(record["accept_date"])
    request = Request(
        method=parts[0] if len(parts) > 1 else None,
        uri=parts[1] if len(parts) > 1 else None,
        status=str(record["status"]),
        client=str(record["client"]),
        started_at=started,
        ended_at=started + took * 10**6 if started is not None and took is not None else None,
        uri_key="request",
    )
    row = rows.begin(request, offset, pointer)
    rows.put(row, "latency_ms", "gateway_record", "Ta", took)
    retries = _number(str(record["counts"]).rsplit("/", 1)[-1])
    rows.put(row, "retry_count", "gateway_record", "retries", retries)
    builder.fact("service").put(row, str(record["backend"]))
    for name in ("asked", "answered"):
        if record.get(name):
            _captured(rows, row, name, str(record[name]).split("|"))
    _tail(rows, row, str(record.get("tail") or ""))
    rows.put_route_key(row, request)


def _number(text: str) -> int | None:
    """A timer or count; None for -1, a phase that was never reached. `+` marks one that had not ended."""
    value = int(text.lstrip("+"))
    return value if value >= 0 else None


def _captured(rows: AccessRows, row: int, name: str, values: list[str]) -> None:
    key = "captured request headers" if name == "asked" else "captured response headers"
    for i, value in enumerate(values):
        if ID.match(value):
            match = Match("request_id", 450, True)
            rows.builder.resolved(match, "gateway_record", f"{key}[{i}]").put(row, value)
            rows.add_known("request_id")
            break
    if name == "asked":
        rows.put_unlabelled(row, key, values, fixed=True)
        rows.builder.note(
            "HAProxy writes captured headers without their names: values in braces are candidates only. "
            "Name them in a log-format, such as `tenant_id=%[capture.req.hdr(0)]`."
        )


def _tail(rows: AccessRows, row: int, tail: str) -> None:
    named, others = extra_fields(tail)
    for label, value in named.items():
        rows.put_label(row, label, value, milliseconds=True)
    for value, _ in others:
        if ID.match(value):
            rows.put(row, "request_id", "gateway_record", "%ID", value)
            break


FORMAT = Format(
    name="haproxy-http",
    layer="gateway",
    title="HAProxy HTTP access log",
    carries=at_scope(
        "gateway_record",
        "tenant_id workflow_id team_id user_id session_id",
        "request_id trace_id retry_count model provider latency_ms",
    )
    | at_scope("attempt", "attempt_id status"),
    get="""Name the owner's headers in a log format of your own, then take the file:

```haproxy
http-request capture req.hdr(X-Tenant-Id) len 64
http-request capture req.hdr(X-Request-Id) len 64
log-format "${HAPROXY_HTTP_LOG_FMT} tenant_id=%[capture.req.hdr(0)] request_id=%[capture.req.hdr(1)]"
```

`tail -n 1000 /var/log/haproxy.log`, or `journalctl -u haproxy -o cat`.""",
    proxy=True,
)
READERS = (LineReader(format=FORMAT, line=line, take=take),)
