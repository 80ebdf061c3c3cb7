"""What a value, or the key beside it, says about a key: accounts, placeholders, tools, several values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auditor.audit import Input, audit
from auditor.policy.model import Policy

CALL = {
    "event": "llm.call",
    "model": "anthropic.claude-3-haiku-20240307-v1:0",
    "input_tokens": 1,
    "output_tokens": 1,
}


def verdicts(field: str, *records: dict[str, Any]) -> tuple[int, int, int]:
    """Present, absent and mis-scoped calls of a field, over generic records of one call each."""
    lines = "\n".join(json.dumps(CALL | record) for record in records)
    report = audit(
        [Input(name="x", data=lines.encode(), format="generic-json")],
        Policy.model_validate({"profile": "all"}),
    )
    counts = next(f for f in report.fields if f.field == field)
    return counts.present, counts.absent, counts.mis_scoped


@pytest.mark.parametrize(
    ("record", "tenant", "account"),
    [
        ({"account_id": "123456789012"}, (0, 1, 0), (1, 0, 0)),
        ({"account": 123456789012}, (0, 1, 0), (1, 0, 0)),
        ({"account_id": "globex"}, (0, 0, 1), (0, 1, 0)),
        ({"account": {"id": "globex"}}, (0, 0, 1), (0, 1, 0)),
        ({"x_account_id": "12345"}, (0, 0, 1), (0, 1, 0)),
        ({"account_id": "***"}, (0, 1, 0), (1, 0, 0)),
        ({"workspace": "globex"}, (0, 0, 1), (0, 1, 0)),
    ],
)
def test_an_account_is_twelve_digits(
    record: dict[str, Any], tenant: tuple[int, int, int], account: tuple[int, int, int]
) -> None:
    """Any other value of an account is a weak name of the tenant."""
    assert (tenant, account) == (verdicts("tenant_id", record), verdicts("account_id", record))


def test_accounts_are_told_apart_record_by_record() -> None:
    """One key has an AWS account on one record and a customer's on the other."""
    records = {"account_id": "globex"}, {"account_id": "123456789012"}

    assert (0, 1, 1) == verdicts("tenant_id", *records)
    assert (1, 1, 0) == verdicts("account_id", *records)


@pytest.mark.parametrize(
    "value",
    ["Unassigned", "not set", "NOT_SET", "(not set)", "<no value>", "$TENANT", "$TENANT_OF_THE_CALL",
     "%TENANT%", "tbd", "<unknown>", "[none]", "Test", "foo", "example", "changeme", "string", "N/A"],
)  # fmt: skip
def test_a_placeholder_is_no_tenant(value: str) -> None:
    """Words that stand for no value are none, in brackets and with any separator too."""
    assert (0, 1, 0) == verdicts("tenant_id", {"tenant_id": value})


@pytest.mark.parametrize("value", ["testing-co", "not-settled", "$9-store", "unknown-pleasures", "fooled"])
def test_a_name_that_begins_like_a_placeholder_is_a_tenant(value: str) -> None:
    """Only a whole value is a placeholder."""
    assert (1, 0, 0) == verdicts("tenant_id", {"tenant_id": value})


def test_some_words_are_placeholders_of_owners_only() -> None:
    """`test` is an environment and no tenant."""
    assert (1, 0, 0) == verdicts("environment", {"environment": "test"})


@pytest.mark.parametrize(
    ("field", "name", "beside"),
    [
        ("tenant_id", "TenantId", {"TimeGenerated": "2026-09-14T10:00:00Z"}),
        ("workflow_id", "agent.name", {"agent.ephemeral_id": "5f041117"}),
        ("workflow_id", "agent.name", {"data_stream": {"dataset": "aws_bedrock.invocation"}}),
        ("workflow_id", "appName", {"entityGuid": "5f041117"}),
    ],
)
def test_a_name_of_a_tool_is_no_owner(field: str, name: str, beside: dict[str, str]) -> None:
    """A key beside it shows that it is the tool's; without one it is the caller's."""
    assert (0, 1, 0) == verdicts(field, {name: "acme"} | beside)
    assert (1, 0, 0) == verdicts(field, {name: "acme"})


@pytest.mark.parametrize(
    ("value", "expected"),
    [(["acme", "globex"], (0, 0, 1)), (["acme", "acme"], (1, 0, 0)), (["acme"], (1, 0, 0)), ([], (0, 1, 0))],
)
def test_a_list_of_two_tenants_is_no_tenant(value: list[str], expected: tuple[int, int, int]) -> None:
    """Different values in one key cannot be charged; equal ones are one."""
    assert expected == verdicts("tenant_id", {"tenant_id": value})
    assert expected == verdicts("tenant_id", {"tags": [f"tenant:{one}" for one in value]})
