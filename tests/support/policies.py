"""What the tests of policies share: one whole call, and an audit of some under a policy.

It tests nothing itself.
"""

from __future__ import annotations

import json
from typing import Any

from auditor.audit import Input, audit
from auditor.policy.model import parse_policy
from auditor.report.schema import Report

CALL = {
    "event": "llm_call",
    "model": "anthropic.claude-sonnet-4-5",
    "input_tokens": 100,
    "output_tokens": 20,
    "tenant_id": "acme",
    "request_id": "r-1",
}


def audited(policy: dict[str, Any], *calls: dict[str, Any]) -> Report:
    """The audit of some calls under a policy."""
    text = "\n".join(json.dumps({**CALL, **call}) for call in calls)
    return audit([Input(name="input", data=text.encode())], parse_policy(policy), planned=False)
