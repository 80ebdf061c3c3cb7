"""nginx's JSON access log: calls by path, headers that the log format names, and attempts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from auditor.readers.gateways.nginx_json import match
from tests.readers import counts, field, keys, report

HAIKU = "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse"
CAPTURE = Path(__file__).parents[1] / "data" / "nginx-json-dropped-tenant.log"


def record(**changes: Any) -> dict[str, Any]:
    """One record of a usual format."""
    held: dict[str, Any] = {
        "time": "2026-09-14T10:00:01+00:00", "request_id": "0121e6b722fba99ef9216471c68f8e1c",
        "remote_addr": "10.0.3.17", "method": "POST", "uri": HAIKU, "status": 200, "request_time": 0.055,
        "upstream_status": "200", "user_agent": "Boto3/1.44.5",
    }  # fmt: skip
    return held | changes


def log(*records: dict[str, Any]) -> str:
    """The records as lines."""
    return "\n".join(json.dumps(r) for r in records)


def test_a_real_log_is_read_as_it_is() -> None:
    """A capture of nginx 1.22.1 before a Bedrock endpoint: 14 attempts of 12 calls, and no header logged."""
    found = report(CAPTURE.read_bytes())

    assert ("nginx-json", 14, 0) == (
        found.inputs[0].format,
        found.inputs[0].calls,
        found.inputs[0].skipped_total,
    )
    assert (10, 0, 4, 0) == counts(found, "request_id")
    assert (13, 0, 1, 0) == counts(found, "model")
    assert (0, 0, 0, 14) == counts(found, "tenant_id")
    assert (0, 0, 0, 14) == counts(found, "tokens_input")
    assert (0, 0, 0, 14) == counts(found, "iam_principal")
    assert any("writes no header of the caller" in n for n in found.inputs[0].notes)


def test_a_health_check_is_context() -> None:
    """Only requests that invoke a model are calls."""
    found = report(log(record(), record(method="GET", uri="/health"), record(method="GET", uri="/v1/models")))

    assert (1, 2) == (found.inputs[0].calls, found.inputs[0].context)


def test_a_logged_header_is_evidence() -> None:
    """Under the variable's own name as under the operator's."""
    found = report(
        log(record(http_x_tenant_id="acme", team="legal"), record(http_x_tenant_id="globex", team="growth"))
    )

    assert (2, 0, 0, 0) == counts(found, "tenant_id")
    assert {("http_x_tenant_id", "gateway_record")} == keys(found, "tenant_id")
    assert {("team", "gateway_record")} == keys(found, "team_id")


@pytest.mark.parametrize("blank", ["-", ""])
def test_a_logged_header_that_was_not_sent_is_absent(blank: str) -> None:
    """A dash is nginx's empty value."""
    found = report(log(record(tenant=blank), record(tenant=blank)))

    assert (0, 1, 0, 0) == counts(found, "tenant_id")
    assert "IDN007" in field(found, "tenant_id").gaps


def test_the_time_of_a_request_is_in_seconds() -> None:
    """Also under a name of the operator's; `_ms` says otherwise."""
    for name, value in (("request_time", 0.055), ("rt", "0.055"), ("duration", "0.055"), ("took_ms", "55")):
        one = {k: v for k, v in record().items() if k != "request_time"} | {
            name: value,
            "msec": "1789380001.1",
        }
        found = report(log(one))

        assert (1, 0, 0, 0) == counts(found, "latency_ms")


def test_a_try_again_within_nginx_is_a_retry() -> None:
    """`429, 200` took one retry, and one record."""
    found = report(log(record(upstream_status="429, 200"), record()))

    assert (2, 0, 0, 0) == counts(found, "retry_count")
    assert (2, 0, 0, 0) == counts(found, "request_id")


def test_attempts_without_an_id_of_their_own_call_are_found() -> None:
    """A throttled request and the next on its path by the same agent are one call."""
    found = report(log(record(status=429, request_id="a" * 32), record(request_id="b" * 32)))

    assert (0, 0, 2, 0) == counts(found, "request_id")
    assert ["CNT002"] == field(found, "request_id").gaps


@pytest.mark.parametrize(
    "second",
    [
        {"user_agent": "Boto3/1.0"},
        {"remote_addr": "10.0.3.18"},
        {"uri": "/v1/chat/completions"},
        {"tenant": "globex"},
        {"time": "2026-09-14T10:09:01+00:00"},
    ],
    ids=["agent", "client", "path", "tenant", "later"],
)
def test_requests_of_others_are_no_attempts(second: dict[str, Any]) -> None:
    """Another agent, client, path or tenant, or a later hour, is another call."""
    first = record(status=429, request_id="a" * 32, tenant="acme")
    found = report(log(first, record(request_id="b" * 32, tenant="acme") | second))

    assert 0 == counts(found, "request_id")[2]


def test_a_refusal_is_not_tried_again() -> None:
    """What follows a 403 is another call."""
    found = report(log(record(status=403, request_id="a" * 32), record(request_id="b" * 32)))

    assert (2, 0, 0, 0) == counts(found, "request_id")


def test_an_id_of_the_caller_outlives_its_attempts() -> None:
    """Where the caller's own id is logged it is the request's."""
    found = report(
        log(
            record(status=429, request_id="a" * 32, x_request_id="req-1"),
            record(request_id="b" * 32, x_request_id="req-1"),
        )
    )

    assert (2, 0, 0, 0) == counts(found, "request_id")


def test_headers_of_the_answer_are_read() -> None:
    """Bedrock tells its request id and, behind InvokeModel, the tokens in headers."""
    found = report(
        log(
            record(
                upstream_http_x_amzn_requestid="9c551ad4-7662-444b-98e8-000000000001",
                upstream_http_x_amzn_bedrock_input_token_count="120",
                sent_http_x_amzn_bedrock_output_token_count="45",
            )
        )
    )

    assert {("upstream_http_x_amzn_requestid", "attempt")} == keys(found, "attempt_id")
    assert (1, 0, 0, 0) == counts(found, "tokens_input")
    assert (1, 0, 0, 0) == counts(found, "tokens_output")


def test_headers_of_sdks_tell_their_attempt() -> None:
    """The SDK's own id and attempt number, where the proxy logs them."""
    found = report(
        log(
            record(
                http_amz_sdk_invocation_id="inv-0001",
                http_amz_sdk_request="attempt=2; max=3",
                upstream_status="-",
            )
        )
    )

    assert {("http_amz_sdk_request", "gateway_record")} == keys(found, "retry_count")
    assert ("http_amz_sdk_invocation_id", "gateway_record") in keys(found, "request_id")


def test_a_user_agent_is_no_agent() -> None:
    """The names of a log format's own parts stand for no field."""
    found = report(log(record(agent="curl/8", client="10.0.0.9", host="api.example.com", user="-")))

    for name in ("agent", "workflow_id", "tenant_id", "user_id"):
        assert (0, 0, 0, 1) == counts(found, name)


def test_other_variables_of_the_format_are_known() -> None:
    """A request line, epoch milliseconds, and Azure's deployments."""
    found = report(
        log(
            {
                "msec": "1789380001.123", "remote_addr": "10.0.3.17", "status": "200",
                "body_bytes_sent": "12",
                "request": "POST /openai/deployments/gpt-4o/chat/completions?api-version=1 HTTP/1.1",
                "http_user_agent": "x",
                "http_traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                "http_baggage": "tenant.id=acme,user.id=u-1",
            }
        )
    )  # fmt: skip

    assert "nginx-json" == found.inputs[0].format
    assert {("request", "gateway_record")} == keys(found, "model")
    assert (1, 0, 0, 0) == counts(found, "trace_id")
    assert {("baggage.tenant.id", "gateway_record")} == keys(found, "tenant_id")


@pytest.mark.parametrize(
    "other",
    [
        {
            "event": "http.request",
            "method": "POST",
            "path": "/v1/chat/completions",
            "status": 200,
            "request_time": 1,
        },
        {"method": "POST", "path": "/x", "status": 200, "remote_addr": "10.0.0.1", "duration_ms": 3},
        {"method": "POST", "path": "/x", "response_code": 200, "response_flags": "-", "request_time": 1},
    ],
)
def test_records_of_others_are_left_to_them(other: dict[str, Any]) -> None:
    """An application's request log is not nginx's."""
    assert 0.0 == match(other)
