"""What names somebody is not in a redacted copy: under any key, in keys, addresses, messages and headers."""

from __future__ import annotations

import json
import re

import pytest

from auditor.catalogue.samples import Sample
from tests.support.each_format import one_of_each_format
from tests.support.redact_canaries import left_in, planted
from tests.support.redacting import CALL, copy, one, plain, told

SPAN = {
    "traceId": "a" * 32,
    "spanId": "b" * 16,
    "name": "GET /tenants/kqzjvtenant/chat?api_key=kqzjvsecret",
    "kind": 3,
    "startTimeUnixNano": "1767225600000000000",
    "endTimeUnixNano": "1767225601000000000",
    "attributes": [
        {"key": "gen_ai.request.model", "value": {"stringValue": "gpt-4o"}},
        {"key": "tenant.id", "value": {"stringValue": "kqzjvtenant"}},
        {"key": "exception.message", "value": {"stringValue": "no access for kqzjvperson"}},
    ],
    "status": {"code": 2, "message": "denied for kqzjvperson"},
}


def otlp(span: dict[str, object]) -> str:
    """One span in its envelope."""
    service = [{"key": "service.name", "value": {"stringValue": "desk"}}]
    return json.dumps(
        {"resourceSpans": [{"resource": {"attributes": service}, "scopeSpans": [{"spans": [span]}]}]}
    )


@pytest.mark.parametrize("sample", one_of_each_format(), ids=lambda s: s.name)
def test_no_planted_word_is_left(sample: Sample) -> None:
    """Words in identity fields, under unknown keys, in keys, headers and lines; verdicts are the same."""
    data, count = planted(sample.path)
    copied = copy(data)

    assert count
    assert not left_in(plain(copied))
    assert told(data) == told(copied)


def test_names_under_any_key_are_replaced() -> None:
    """A key that ends in `name` is no word of a format for that."""
    names = {
        "end_user_name": "Kqzjv Miller",
        "organization_name": "Kqzjvorg",
        "department_name": "Kqzjvdept",
        "cost_center_name": "Kqzjvcc",
        "host.name": "kqzjvhost-17",
        "client_name": "Kqzjvclient",
        "api_key_name": "kqzjvkey",
        "session_name": "kqzjvsess",
        "file_name": "kqzjv-salaries.xlsx",
        "login": "kqzjv.miller",
        "model_owner_type": "kqzjv-claude",
        "zone_owner": "us-kqzjv",
    }
    data = json.dumps(CALL | names)
    copied = copy(data)

    assert b"kqzjv" not in copied.lower()
    assert b"miller" not in copied.lower()
    assert told(data.encode()) == told(copied)


def test_names_of_accounts_in_a_bill_are_replaced() -> None:
    """FOCUS has them beside their ids; the columns keep their names."""
    header = (
        "BillingAccountId,BillingAccountName,SubAccountId,SubAccountName,ServiceName,ChargeCategory,BilledCost,"
        "EffectiveCost,BillingCurrency,ChargePeriodStart,ChargePeriodEnd,ConsumedQuantity,ConsumedUnit,"
        "ProviderName,InvoiceIssuerName,PublisherName,ChargeFrequency"
    )
    row = (
        "123456789012,Kqzjvholding,210987654321,Kqzjvbranch,Amazon Bedrock,Usage,0.1,0.1,USD,"
        "2026-01-01T00:00:00Z,2026-01-02T00:00:00Z,1000,Tokens,AWS,AWS,AWS,Usage-Based"
    )
    copied = copy(f"{header}\n{row}\n").decode()

    assert "kqzjv" not in copied.lower()
    assert header == copied.splitlines()[0]
    assert "Amazon Bedrock" in copied


def test_a_header_that_is_a_mail_address_is_replaced() -> None:
    """A column may be called by a person; the other columns keep their names."""
    copied = copy("model,input_tokens,output_tokens,cost_usd,kqzjv@mail.example\ngpt-4o,5,5,0.1,b\n").decode()

    assert re.match(r"model,input_tokens,output_tokens,cost_usd,[a-z]{5}@example\.com\n", copied)


def test_addresses_and_messages_of_spans_are_replaced() -> None:
    """The tenant in a path, a secret in a query, the person in two messages; the words around them stay."""
    copied = copy(otlp(SPAN))
    span = json.loads(copied)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    tenant = span["attributes"][1]["value"]["stringValue"]

    assert b"kqzjv" not in copied
    assert f"GET /tenants/{tenant}/chat?api_key=redacted" == span["name"]
    assert re.fullmatch(r"denied for [a-z]{11}", span["status"]["message"])
    assert span["status"]["message"].split()[-1] == span["attributes"][2]["value"]["stringValue"].split()[-1]


def test_a_map_keyed_by_tenants_is_replaced() -> None:
    """A key that is a value is replaced as the value is; keys of the format stay."""
    record = CALL | {"users": {"acme": {"input_tokens": 5}, "Kqzjv GmbH": {"input_tokens": 6}}}
    found = one(record)

    assert CALL.keys() | {"users"} == found.keys()
    assert found["tenant_id"] in found["users"]
    assert "kqzjv" not in json.dumps(found).lower()


def test_names_of_services_spans_and_models_stay() -> None:
    """They are under whole keys of the formats: a copy without them would show nothing."""
    span = SPAN | {"name": "chat gpt-4o contract review"}
    copied = copy(otlp(span)).decode()

    assert "chat gpt-4o contract review" in copied
    assert '"stringValue": "desk"' in copied


def test_a_dotted_name_is_no_host() -> None:
    """The last part of `jane.doe` is a family name, the last part of a host is not."""
    found = one(CALL | {"user_id": "jane.doe", "host": "pod-7.kqzjv.internal"})

    assert "doe" not in found["user_id"]
    assert re.fullmatch(r"[a-z]{3}-\d\.[a-z]{5}\.internal", found["host"])


def test_one_letter_after_a_tag_changes_nothing_else() -> None:
    """The value of `tenant:t` is replaced, not every `t` of it."""
    assert re.fullmatch(r"tenant:[a-z]", one(CALL | {"tags": ["tenant:t"]})["tags"][0])


def test_an_address_of_a_machine_is_no_number() -> None:
    """Who called is replaced under every key, and stays the same caller."""
    caller = "203.0.113.77"
    found = one(CALL | {"remote_addr": caller, "client": caller, "xff": f"{caller}, 203.0.113.78"})

    assert caller not in json.dumps(found)
    assert found["remote_addr"] == found["client"] == found["xff"].split(",")[0]
