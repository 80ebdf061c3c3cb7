"""Spend rows: every dump gives the same row."""

from __future__ import annotations

import json

import pytest

from tests.readers import counts, report
from tests.support.spans import MODEL

SPEND = {
    "request_id": "chatcmpl-fake0001", "call_type": "acompletion", "spend": "0.001035",
    "prompt_tokens": "120", "completion_tokens": "45", "startTime": "2026-09-14 10:00:03.401",
    "endTime": "2026-09-14 10:00:04.313", "model": MODEL, "user": "default_user_id",
    "metadata": '{"spend_logs_metadata": {"tenant_id": "acme", "note": "a|b"}}',
    "request_tags": '["team:growth"]',
    "team_id": "team-growth", "end_user": "", "status": "success",
    "litellm_call_id": "0934d2d1-0000-4564-93a4-486667ad17ac",
}  # fmt: skip


def as_csv() -> str:
    """The row as a spreadsheet or a CSV dump has it."""
    quoted = ['"' + str(v).replace('"', '""') + '"' for v in SPEND.values()]
    return ",".join(SPEND) + "\n" + ",".join(quoted) + "\n"


def as_psql() -> str:
    """The row as psql prints it."""
    widths = [max(len(k), len(v)) for k, v in SPEND.items()]
    head = " | ".join(k.center(w) for k, w in zip(SPEND, widths, strict=True))
    body = " | ".join(v.ljust(w) for v, w in zip(SPEND.values(), widths, strict=True))
    return f" {head} \n{'+'.join('-' * (w + 2) for w in widths)}\n {body} \n(1 row)\n"


def as_expanded() -> str:
    """The row as psql prints it in expanded mode."""
    return "-[ RECORD 1 ]-----\n" + "".join(f"{k.ljust(20)} | {v}\n" for k, v in SPEND.items())


@pytest.mark.parametrize("text", [json.dumps(SPEND), as_csv(), as_psql(), as_expanded()])
def test_a_spend_row_is_read_from_every_dump(text: str) -> None:
    """One call with its tenant, team, cost and tokens, however the table was printed."""
    found = report(text)
    assert ("litellm-spend-logs", 1, 0) == (
        found.inputs[0].format, found.inputs[0].calls, found.inputs[0].skipped_total
    )  # fmt: skip
    for name in ("tenant_id", "team_id", "cost_usd", "tokens_input", "request_id", "latency_ms"):
        assert (1, 0, 0, 0) == counts(found, name), name
    assert 0.001035 == found.totals.cost_usd
