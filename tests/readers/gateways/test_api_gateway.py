"""API Gateway's access log: its JSON, CLF, CSV and XML forms, and what an authorizer leaves in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auditor.readers.gateways.api_gateway import invokes, match
from tests.readers import counts, field, keys, report

ID = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


def record(**changes: Any) -> dict[str, Any]:
    """One record of an HTTP API."""
    held: dict[str, Any] = {
        "requestId": ID, "extendedRequestId": "ExtFake=",
        "xrayTraceId": "1-6b00f904-eea0579642620d4b992e318f",
        "httpMethod": "POST", "routeKey": "POST /chat", "status": "200", "responseLatency": "812",
        "integrationLatency": "790", "authorizer_principalId": "user-42", "userAgent": "python-httpx/0.28",
    }  # fmt: skip
    return held | changes


def read(*records: dict[str, Any]) -> Any:
    """The report over some records."""
    return report("\n".join(json.dumps(r) for r in records))


def test_a_record_gives_what_the_gateway_knows() -> None:
    """Ids, trace, latency in milliseconds, status and principal; a header that nobody listed is unknown."""
    found = read(record())

    assert ("api-gateway-access-log", 1) == (found.inputs[0].format, found.inputs[0].calls)
    assert ("requestId", "gateway_record") in keys(found, "request_id")
    assert {("authorizer_principalId", "gateway_record")} == keys(found, "user_id")
    assert (1, 0, 0, 0) == counts(found, "latency_ms")
    assert (1, 0, 0, 0) == counts(found, "trace_id")
    assert (0, 0, 0, 1) == counts(found, "tenant_id")


def test_model_tokens_and_cost_are_never_carried() -> None:
    """The log has no body; only a Bedrock path names its model."""
    proxied = record(path="/prod/model/anthropic.claude-3-haiku-20240307-v1%3A0/invoke")
    found = read(record(), proxied)

    assert (0, 0, 0, 2) == counts(found, "tokens_input")
    assert (0, 0, 0, 2) == counts(found, "cost_usd")
    assert (1, 0, 0, 1) == counts(found, "model")


@pytest.mark.parametrize(
    "label",
    ["tenantId", "authorizer_tenantId", "authorizer.claims.tenant_id", "authorizer.claims.custom:tenant_id"],
)
def test_an_authorizer_leaves_the_tenant(label: str) -> None:
    """Under its own name, or under a claim's."""
    found = read(record(**{label: "acme"}), record(**{label: "-"}))

    assert (1, 1, 0, 0) == counts(found, "tenant_id")
    assert {(label, "gateway_record")} == keys(found, "tenant_id")


def test_nested_context_is_read() -> None:
    """Some formats keep the tree of `$context`."""
    found = read(
        {
            "requestId": ID, "routeKey": "POST /chat", "status": 200, "responseLatency": 812, "stage": "prod",
            "identity": {"userArn": "arn:aws:sts::123456789012:assumed-role/gateway/session"},
            "authorizer": {"claims": {"sub": "u-42", "tenant_id": "acme"}},
            "integration": {"requestId": "9c551ad4-7662-444b-98e8-000000000001"},
        }
    )  # fmt: skip

    assert {("authorizer.claims.tenant_id", "gateway_record")} == keys(found, "tenant_id")
    assert {("authorizer.claims.sub", "gateway_record")} == keys(found, "user_id")
    assert {("identity.userArn", "principal")} == keys(found, "iam_principal")
    assert {("integration.requestId", "attempt")} == keys(found, "attempt_id")


def test_an_api_key_is_only_a_candidate() -> None:
    """Its id names no team."""
    assert (0, 0, 1, 0) == counts(read(record(apiKeyId="k3y1d2")), "team_id")


@pytest.mark.parametrize(
    ("method", "route", "call"),
    [
        ("POST", "/chat", True),
        ("POST", "/v1/chat/completions", True),
        ("POST", "/agents/{id}/invoke", True),
        ("POST", "/tickets/{id}/ai-summary", True),
        ("POST", "/orders", False),
        ("GET", "/chat", False),
        ("GET", "/health", False),
        ("OPTIONS", "/chat", False),
        (None, "/chat", True),
        ("POST", None, False),
    ],
)
def test_a_route_tells_a_call(method: str | None, route: str | None, call: bool) -> None:
    """By its path, or by what it is called."""
    assert call == invokes(method, route)


CLF = f'203.0.113.7 - - [14/Sep/2026:10:00:01 +0000]"POST /chat HTTP/1.1" 200 812 {ID} ExtFakeAAAA='
HTTP = '203.0.113.7 - - [14/Sep/2026:10:00:01 +0000] "POST POST /chat HTTP/1.1" 200 812 JKJaXmPLvHcESHA='
CSV = f"203.0.113.7,-,-,14/Sep/2026:10:00:01 +0000,POST,/chat,HTTP/1.1,200,812,{ID},ExtFakeAAAA="
XML = (
    f'<request id="{ID}"> <ip>203.0.113.7</ip> <caller>-</caller> <user>-</user> '
    "<requestTime>14/Sep/2026:10:00:01 +0000</requestTime> <httpMethod>POST</httpMethod> "
    "<resourcePath>/chat</resourcePath> <status>200</status> <protocol>HTTP/1.1</protocol> "
    "<responseLength>812</responseLength> </request>"
)


@pytest.mark.parametrize("text", [CLF, HTTP, CSV, XML], ids=["clf", "http api", "csv", "xml"])
def test_the_templates_of_the_console_are_read(text: str) -> None:
    """A dash where nobody signed is no lost principal."""
    found = report(f"{text}\n{text.replace('/chat', '/health').replace('POST', 'GET')}\n{text}\n")

    assert ("api-gateway-access-log", 2, 1) == (
        found.inputs[0].format, found.inputs[0].calls, found.inputs[0].context,
    )  # fmt: skip
    assert (1, 0, 0, 0) == counts(found, "request_id")
    assert (0, 0, 0, 1) == counts(found, "iam_principal")


def test_attempts_of_a_client_take_new_ids() -> None:
    """A throttled request and the next on its route."""
    found = read(
        record(status="429"),
        record(requestId="c6af9ac6-7b61-11e6-9a41-000000000002", extendedRequestId="ExtTwo="),
    )

    assert ["CNT002"] == field(found, "request_id").gaps


@pytest.mark.parametrize(
    "other",
    [
        {"requestId": ID, "status": "200", "model": "x"},
        {"requestId": ID, "timestamp": "2026-09-14T10:00:03Z", "schemaType": "ModelInvocationLog"},
        {"httpMethod": "POST", "path": "/chat", "status": 200},
    ],
)
def test_records_of_others_are_left_to_them(other: dict[str, Any]) -> None:
    """A request id alone is everybody's."""
    assert 0.0 == match(other)
