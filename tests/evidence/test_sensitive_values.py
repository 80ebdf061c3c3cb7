"""Secrets and personal data in any value: what counts as one, under which keys, and that it is not shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auditor.audit import Input, audit
from auditor.catalogue.sensitive_values import SUSPECT, kind_of
from auditor.evidence.values import texts_of
from auditor.policy.model import Policy
from auditor.writers.json import document

SECRET = "AKIAIOSFODNN7EXAMPLE"
CALL: dict[str, Any] = {"event": "llm.call", "model": "gpt-4o", "input_tokens": 1, "output_tokens": 1}
KINDS = {
    "secret": [
        SECRET,
        "sk-proj-abcdefghijklmnopqrstuvwx",
        "ghp_a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
        "-----BEGIN RSA PRIVATE KEY-----",
        "Bearer abcdefghijklmnopqrst",
        f"key={SECRET}",
    ],
    "mail": ["dana@example.com"],
    "telephone": ["+49 30 1234567", "+1 (212) 555-0142", "212-555-0142", "(212) 555-0142"],
    "identity number": [
        "123-45-6789",
        "4111 1111 1111 1111",
        "4111111111111111",
        "378282246310005",
        "DE89370400440532013000",
        "GB29 NWBK 6016 1331 9268 19",
        "529.982.247-25",
        "12345678Z",
    ],
    None: [
        "acme",
        "sk-1234",
        "sk-growth-team",
        "123456789012",
        "1789380000000000000",
        "4111111111111112",
        "DE89370400440532013001",
        "529.982.247-26",
        "12345678A",
        "000-45-6789",
        "2026-09-14",
        "2026-09-14T10:00:00Z",
        "+02:00",
        "10.0.3.17",
        "54af0210-d8e4-4221-a871-67e27df2e73b",
        "5b8efff798038103d269b633813fc601",
        "arn:aws:iam::123456789012:role/growth",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "team@growth",
    ],
}


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in KINDS.items() for text in texts])
def test_a_value_is_of_the_kind_that_its_grammar_shows(kind: str | None, text: str) -> None:
    """Prefixes, checksums and separators tell; the test that runs over columns first misses none."""
    assert kind == kind_of(text)
    assert kind is None or texts_of([text]).str.contains(SUSPECT).all()


def rules_of(*records: dict[str, Any]) -> tuple[set[str], str]:
    """The rules that report a value of generic records, and the whole report."""
    lines = "\n".join(json.dumps(CALL | {"request_id": f"r{n}"} | r) for n, r in enumerate(records))
    given = Input(name="x", data=lines.encode(), format="generic-json")
    report = audit([given], Policy.model_validate({"profile": "all"}))
    return {gap.rule for gap in report.gaps} & {"TAG005", "TAG050", "TAG051"}, document(report).decode()


@pytest.mark.parametrize(
    ("record", "rules"),
    [
        ({"metadata": {"note": SECRET}}, {"TAG050"}),
        ({"tags": [f"caller:{SECRET}"]}, {"TAG050"}),
        ({"tenant_id": SECRET}, {"TAG050"}),
        ({"tenant_id": "+49 30 1234567"}, {"TAG051"}),
        ({"labels": {"contact": "123-45-6789"}}, {"TAG051"}),
        ({"metadata": {"approver": "dana@example.com"}}, {"TAG051"}),
        ({"user_id": "dana@example.com"}, {"TAG005"}),
        ({"prompt": f"my key is {SECRET}"}, set()),
    ],
)
def test_a_value_is_reported_under_any_key(record: dict[str, Any], rules: set[str]) -> None:
    """Metadata, tags, labels and known fields are examined, prompts are not; the value is never shown."""
    found, text = rules_of(record)

    assert rules == found
    for value in (SECRET, "1234567", "45-6789", "dana@"):
        assert value not in text


def test_a_few_numbers_among_many_are_chance() -> None:
    """Where most values of a key have no checksum, one that has is an id like the others."""
    ids = [{"metadata": {"order": f"411111111111111{n}"}} for n in (1, 2, 3, 4, 5)]

    assert set() == rules_of(*ids)[0]


def test_attributes_of_spans_and_captured_headers_are_examined() -> None:
    """A header with credentials that an instrumentation captured is a secret in the trace."""
    attributes = CALL | {
        "gen_ai.operation.name": "chat",
        "http.request.header.authorization": "Bearer " + "a1" * 12,
    }
    pairs = [{"key": key, "value": {"stringValue": str(value)}} for key, value in attributes.items()]
    span = {"traceId": "5b8efff798038103d269b633813fc601", "spanId": "eee19b7ec3c1b101", "attributes": pairs}
    data = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()

    report = audit([Input(name="x", data=data, format="otlp-json")], Policy(profile="all"))

    (gap,) = [gap for gap in report.gaps if gap.rule == "TAG050"]
    assert ["http.request.header.authorization"] == [w.name for w in gap.where if w.dimension == "key"]
