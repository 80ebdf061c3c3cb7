"""What the tests of `redact` share: a call with names in it, its copy, and what an audit tells of both.

It tests nothing itself.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from auditor.audit import Input, audit
from auditor.policy.model import Policy
from auditor.redact import redact
from auditor.report.schema import Report

TENANTS = re.compile(rb"(?i)(?<![\w.])(acme|globex|initech)(?![\w.])")
ACCOUNT = b"123456789012"
CALL = {
    "time": "2026-11-21T10:00:00Z",
    "model": "anthropic.claude-sonnet-4-5",
    "input_tokens": 100,
    "output_tokens": 20,
    "tenant_id": "acme",
    "team_id": "Search Ops",
    "request_id": "3f0a5b1c-9d2e-4f6a-8b7c-1d2e3f4a5b6c",
}


def copy(data: bytes | str, salt: str = "pepper", **more: Any) -> bytes:
    """The redacted copy of some bytes."""
    held = data.encode() if isinstance(data, str) else data
    return redact(Input("x", data=held, **more), salt)


def one(record: dict[str, Any]) -> Any:
    """A record's copy, decoded."""
    return json.loads(copy(json.dumps(record)))


def told(data: bytes) -> dict[str, Any]:
    """Everything that an audit counts."""
    report: Report = audit([Input("x", data=data)], Policy(profile="all"), planned=False)
    given = report.inputs[0]
    counted: dict[str, Any] = {"read": (given.format, given.records, given.calls, given.skipped_total)}
    counted |= {f.field: (f.verdict, f.present, f.absent, f.mis_scoped, f.not_carried) for f in report.fields}
    counted |= {f"{g.rule} {g.field}": (g.calls, g.cause) for g in report.gaps}
    return counted | {"score": report.score.value, "money": report.totals.cost_usd}


def plain(data: bytes) -> bytes:
    """A copy without the base64 around it."""
    return base64.b64decode(data) if re.fullmatch(rb"[A-Za-z0-9+/=\s]+", data) else data
