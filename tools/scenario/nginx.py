"""nginx's JSON access log in front of the gateway: the owner's headers as they came in, one line a request.

Lines are in the order in which requests ended; health checks stand between them. It never logs a body or a
credential.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from tools.scenario.calls import DAYS, FIRST_DAY, MS, Call
from tools.scenario.lanes import LANES, Defect
from tools.scenario.wire import Wire

AGENT = "OpenAI/Python 2.8.1"
CHECKS = (9, 13, 17)  # the hours of a health check
_LABELS = {
    "tenant_id": "X-Tenant-ID",
    "team_id": "X-Team-ID",
    "workflow_id": "X-Workflow-ID",
    "session_id": "X-Session-ID",
    "user_id": "X-User-ID",
}
_SQUAD = {"squad": "X-Squad"}


def nginx_log(wire: Wire, calls: Iterable[Call]) -> bytes:
    """Every request by the time it ended."""
    lines: list[tuple[int, dict[str, Any]]] = []
    for call in calls:
        if call.retry == "client":
            lines.append((call.started - MS, _line(wire, call, 502, 0, MS)))
        left = wire.hits(call, Defect.STREAMS_LOST)
        lines.append((call.ended, _line(wire, call, 499 if left else 200, 1, call.took)))
    for number, at in enumerate(_checks()):
        lines.append((at, _check(number, at, wire)))
    return b"".join(
        json.dumps(line, separators=(",", ":")).encode() + b"\n" for _, line in sorted(lines, key=_by_time)
    )


def _by_time(timed: tuple[int, dict[str, Any]]) -> tuple[int, str]:
    return timed[0], timed[1]["request_id"]


def _labels(wire: Wire) -> dict[str, str]:
    """The labels of the log format; a second one for the team where callers call it otherwise."""
    return _LABELS | (_SQUAD if Defect.TEAM_RENAMED in wire.defects else {})


def _line(wire: Wire, call: Call, status: int, tried: int, took: int) -> dict[str, Any]:
    """One request; `tried` is 0 for a first request that never reached the gateway."""
    sent = wire.headers(call)
    own = call.proxy_ids[1 - tried]
    span = call.http_spans[tried] if call.lane.agent else call.chat_span
    at = call.ended if tried else call.started - MS
    return {
        "time": _iso(at),
        "request_id": own,
        "remote_addr": f"10.0.{LANES.index(call.lane)}.17",
        "method": "POST",
        "uri": f"{call.lane.route}/v1/chat/completions",
        "status": status,
        "request_time": round(took / 1e9, 3),
        "upstream_status": "502" if status == 502 else "200",
        "user_agent": AGENT,
        **{label: sent.get(header, "") for label, header in _labels(wire).items()},
        "x_request_id": wire.request_id(call),
        "traceparent": f"00-{call.trace_id}-{span}-01",
    }


def _checks() -> list[int]:
    opened = int(FIRST_DAY.timestamp()) * 10**9
    return [opened + (day * 24 + hour) * 3600 * 10**9 for day in range(DAYS) for hour in CHECKS]


def _check(number: int, at: int, wire: Wire) -> dict[str, Any]:
    return {
        "time": _iso(at),
        "request_id": f"{number + 1:032x}",
        "remote_addr": "10.0.255.2",
        "method": "GET",
        "uri": "/health/liveliness",
        "status": 200,
        "request_time": 0.001,
        "upstream_status": "200",
        "user_agent": "kube-probe/1.34",
        **dict.fromkeys(_labels(wire), ""),
        "x_request_id": "",
        "traceparent": "",
    }


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at // 10**9, UTC).isoformat()
