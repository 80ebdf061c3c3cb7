"""Combined and common access logs: fields with a label, fields without, and lines that are another's."""

from __future__ import annotations

import pytest

from auditor.readers.gateways.nginx_combined import line
from tests.readers import counts, field, keys, report

# as nginx 1.22.1 wrote it, in front of a Bedrock endpoint
HEAD = (
    "127.0.0.1 - - [21/Nov/2026:07:23:24 +0000] "
    '"POST /model/anthropic.claude-3-haiku-20240307-v1%3A0/converse HTTP/1.1" 200 2 '
    '"-" "Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.1.0 Botocore/1.44.5"'
)
ID = "6d3ddfb81e8b6062c4a8fce8311236aa"
HEALTH = '127.0.0.1 - - [21/Nov/2026:07:23:24 +0000] "GET /health HTTP/1.1" 200 2 "-" "kube-probe/1.30"'


def test_the_plain_form_shows_the_model_and_no_more() -> None:
    """What it does not log is unknown, not absent."""
    found = report(f"{HEAD}\n{HEAD.replace(' 200 ', ' 429 ')}\n{HEALTH}\n")

    assert ("nginx-combined", 2, 1) == (
        found.inputs[0].format,
        found.inputs[0].calls,
        found.inputs[0].context,
    )
    assert (2, 0, 0, 0) == counts(found, "model")
    assert {("request", "gateway_record")} == keys(found, "model")
    for name in (
        "tenant_id",
        "request_id",
        "latency_ms",
        "tokens_input",
        "cost_usd",
        "user_id",
        "iam_principal",
    ):
        assert (0, 0, 0, 2) == counts(found, name)


@pytest.mark.parametrize(
    "text",
    [
        HEAD,
        HEAD.partition(' "-" ')[0],
        f"gateway.example.com:443 {HEAD}",
        HEAD.replace("127.0.0.1", "2001:db8::7", 1),
        HEAD.replace("- - [", "- svc-legal [", 1),
        HEAD.replace('" 200 2', '" 200 -'),
        f"Nov 21 07:23:24 edge-1 nginx: {HEAD}",
        f"2026-11-21T07:23:24.123456789Z stdout F {HEAD}",
    ],
    ids=["combined", "common", "vhost", "ipv6", "user", "no bytes", "syslog", "container"],
)
def test_every_form_of_the_line_is_read(text: str) -> None:
    """Common, combined, with a virtual host, and behind a collector's prefix."""
    found = report(f"{text}\n{text}\n")

    assert ("nginx-combined", 2) == (found.inputs[0].format, found.inputs[0].calls)


def test_labelled_fields_are_evidence() -> None:
    """Times in seconds, the tries, and headers, quoted or bare."""
    tail = f'rt=0.055 us="429, 200" tenant="acme" team=legal request_id={ID}'
    found = report(f"{HEAD} {tail}\n{HEAD} {tail.replace('acme', '-')}\n")

    assert (1, 1, 0, 0) == counts(found, "tenant_id")
    assert {("team", "gateway_record")} == keys(found, "team_id")
    assert {("request_id", "gateway_record")} == keys(found, "request_id")
    assert (2, 0, 0, 0) == counts(found, "retry_count")
    assert (2, 0, 0, 0) == counts(found, "latency_ms")


def test_unlabelled_words_are_weak_candidates() -> None:
    """Nothing says whose they are; addresses, numbers and dashes are none."""
    tail = '"-" "acme" "legal-ai" 0.002 0.001 "429, 200" ' + ID
    found = report(f"{HEAD} {tail}\n{HEAD} {tail}\n")

    assert (0, 0, 1, 0) == counts(found, "tenant_id")
    assert (0, 0, 1, 0) == counts(found, "team_id")
    assert ["IDN021"] == field(found, "tenant_id").gaps
    assert (1, 0, 0, 0) == counts(found, "request_id")
    assert (1, 0, 0, 0) == counts(found, "retry_count")


def test_the_fields_of_an_ingress_controller_are_no_owners() -> None:
    """Lengths, upstream names and addresses stand behind; only the id speaks."""
    tail = f"480 0.001 [ai-gateway-80] [] 10.0.9.4:8080, 10.0.9.5:8080 0, 2 0.001, 0.004 429, 200 {ID}"
    found = report(f"{HEAD} {tail}\n{HEAD} {tail}\n")

    assert (0, 0, 0, 1) == counts(found, "tenant_id")
    assert {("extra[*]", "gateway_record")} == keys(found, "request_id")
    assert (1, 0, 0, 0) == counts(found, "retry_count")


def test_attempts_are_found_in_the_order_of_the_log() -> None:
    """Times have whole seconds: a slow success behind a quick failure is still the later."""
    failed = HEAD.replace(' 200 2 "', ' 429 2 "') + f" rt=0.051 request_id={ID}"
    found = report(f"{failed}\n{HEAD} rt=0.9 request_id={ID[::-1]}\n")

    assert (0, 0, 2, 0) == counts(found, "request_id")
    assert ["CNT002"] == field(found, "request_id").gaps


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-21 INFO call done model=claude tokens=12",
        '{"request": "POST / HTTP/1.1"}',
        '203.0.113.7 - - [21/Nov/2026:02:01:51 +0000]"POST /chat HTTP/1.1" 200 8 c6af9ac6 Ext=',
        '203.0.113.7 - - [21/Nov/2026:02:01:51 +0000] "POST /chat HTTP/1.1" 200 8 JKJaXmPLvHcESHA=',
    ],
)
def test_lines_of_others_are_left_to_them(text: str) -> None:
    """Application logs, JSON, and API Gateway's common log form."""
    assert line(text) is None
