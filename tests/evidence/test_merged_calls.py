"""A call told in several records is one call; records that only look like calls are counted as such."""

from __future__ import annotations

import json
from typing import Any

from auditor.audit import Input, audit
from auditor.policy.model import Policy
from auditor.report.schema import Report

START = {
    "time": "2026-11-03T09:14:02Z",
    "event": "llm.request",
    "tenant": "acme",
    "model": "amazon.nova-lite-v1:0",
}
END = {"time": "2026-11-03T09:14:03Z", "event": "llm.response", "input_tokens": 52, "output_tokens": 17}


def report(*records: dict[str, Any]) -> Report:
    """The report of some records, one a line."""
    text = "\n".join(json.dumps(record) for record in records)
    return audit([Input(name="app.jsonl", data=text.encode())], Policy(profile="all"))


def present(found: Report, field: str) -> int:
    """How many calls have a field."""
    return next(f.present for f in found.fields if f.field == field)


def test_a_start_and_an_end_with_one_id_are_one_call() -> None:
    """What only the start says counts for the call, and the time between them is its latency."""
    found = report(START | {"request_id": "r-1"}, END | {"request_id": "r-1"})

    assert (1, 1) == (found.inputs[0].calls, found.inputs[0].context)
    assert {1} == {present(found, f) for f in ("tenant_id", "model", "tokens_input", "latency_ms")}
    assert 0 == found.inputs[0].not_counted


def test_attempts_with_one_id_stay_calls() -> None:
    """A failure and a success are two calls, and what the start says counts for both."""
    failed = {"event": "llm.call", "model": "amazon.nova-lite-v1:0", "error": "ThrottlingException"}

    found = report(START | {"request_id": "r-1"}, failed | {"request_id": "r-1"}, END | {"request_id": "r-1"})

    assert 2 == found.inputs[0].calls
    assert 2 == present(found, "tenant_id")


def test_a_start_of_another_call_is_not_merged_and_is_told() -> None:
    """Another id: the start looks like a call, is not counted, and the score is limited."""
    found = report(START | {"request_id": "r-1"}, END | {"request_id": "r-2", "tenant": "acme"})

    assert 1 == found.inputs[0].calls
    assert 1 == found.inputs[0].not_counted
    assert any("1 record looks like a model call" in note for note in found.inputs[0].notes)
    assert found.score.value <= 89
    assert any("not counted" in cap.reason for cap in found.score.caps)


def test_a_settings_line_is_no_call_and_looks_like_none() -> None:
    """A model among settings is neither."""
    found = report(
        {"event": "settings loaded", "model": "amazon.nova-lite-v1:0", "max_tokens": 4096},
        END | {"model": "amazon.nova-lite-v1:0", "request_id": "r-2"},
    )

    assert (1, 0) == (found.inputs[0].calls, found.inputs[0].not_counted)
