"""The note on what the spend without an owner consists of."""

from __future__ import annotations

import json
from typing import Any

from auditor.audit import Input, audit

LARGE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
SMALL = "amazon.nova-lite-v1:0"
NAME = "Of the USD "


def call(n: int, model: str, cost: float, **more: Any) -> dict[str, Any]:
    """A call of its own minute."""
    at = {"timestamp": f"2026-09-14T1{n // 60}:{n % 60:02d}:01Z", "request_id": f"req-{n:04d}"}
    usage = {"model": model, "input_tokens": 1000 + n, "output_tokens": 45, "cost_usd": cost}
    return {"event": "llm.call"} | at | usage | more


def note(calls: list[dict[str, Any]], *others: Input) -> list[str]:
    """The notes on the parts of the spend without an owner."""
    text = "\n".join(map(json.dumps, calls))
    report = audit([Input(name="x", data=text.encode(), format="generic-json"), *others])
    return [one for one in report.notes if one.startswith(NAME)]


def test_the_note_names_the_largest_model_its_routing_and_retries() -> None:
    """The parts are of the money without an owner, which the headline names; they overlap."""
    calls = [call(n, LARGE, 0.03) for n in range(20)]
    calls += [call(n, SMALL, 0.01) for n in range(20, 40)]
    calls += [call(n, LARGE, 5, tenant_id="acme") for n in range(40, 60)]
    failed = call(19, LARGE, 0, status="429", timestamp="2026-09-14T10:18:55Z", request_id="req-0099")
    del failed["output_tokens"]

    (text,) = note([*calls, failed])
    assert text.startswith(f"Of the USD 0.80 without an owner, USD 0.60 (75 %) is {LARGE}, ")
    assert text.endswith(
        " USD 0.60 (75 %) goes through cross-region profiles, USD 0.03 (4 %) repeats calls that failed."
    )


def test_there_is_no_note_where_all_spend_has_an_owner_or_calls_are_few() -> None:
    """Nor where there is one model only, which is said elsewhere."""
    owned = [call(n, LARGE, 0.03, tenant_id="acme") for n in range(40)]

    assert [] == note(owned)
    assert [] == note([call(n, LARGE if n % 2 else SMALL, 0.03) for n in range(20)])
    assert [] == note([call(n, SMALL, 0.03) for n in range(40)])
