"""What holds for one record of a shape is not taken for granted of another with other values."""

from __future__ import annotations

import json
from typing import Any

from auditor.audit import Input, audit
from auditor.policy.model import Policy
from auditor.report.schema import Report

CALL = {
    "event": "llm.call",
    "tenant_id": "acme",
    "request_id": "r-1",
    "model": "amazon.nova-lite-v1:0",
    "input_tokens": 52,
    "output_tokens": 17,
}


def report(*records: dict[str, Any]) -> Report:
    """The report of some records, one a line."""
    text = "\n".join(json.dumps(record) for record in records)
    return audit([Input(name="x.jsonl", data=text.encode())], Policy(profile="all"))


def present(found: Report) -> dict[str, int]:
    """How many calls have each field."""
    return {field.field: field.present for field in found.fields}


def test_json_in_a_message_below_is_read_behind_a_plain_message() -> None:
    """The first record of the shape has a sentence there, the second a record."""
    plain, call = ({"id": "1", "attributes": {"message": text}} for text in ("started", json.dumps(CALL)))

    assert 1 == report(plain, call).inputs[0].calls
    assert 1 == report(call, plain).inputs[0].calls


def test_a_record_below_a_key_is_read_behind_one_with_blank_values() -> None:
    """Blank texts show no call; the next record of the same shape does."""
    blank = {key: "" if isinstance(value, str) else value for key, value in CALL.items()} | {"event": "tick"}

    found = report({"payload": blank | {"cost": ""}}, {"payload": CALL | {"cost": "0.0004"}})

    assert 1 <= present(found)["cost_usd"]
    assert 1 == present(found)["tenant_id"]
