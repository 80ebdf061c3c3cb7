"""HAProxy's http log: prefixes, captures in braces, timers, and its own retries."""

from __future__ import annotations

import pytest

from tests.readers import counts, field, keys, report

# as HAProxy 2.6.12 wrote it, in front of a Bedrock endpoint
URI = "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse"
HEAD = "127.0.0.1:55958 [21/Nov/2026:07:23:25.165] ai bedrock/b1 0/0/0/3/3 200 183 - - ---- 1/1/0/0/0 0/0"
LINE = f'{HEAD} {{acme|legal-ai}} "POST {URI} HTTP/1.1"'


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "<134>Nov 21 07:23:25 haproxy[17943]: ",
        "Nov 21 07:23:25 edge-1 haproxy[17943]: ",
        "<134>1 2026-11-21T07:23:25.165Z edge-1 haproxy 17943 - - ",
        "2026-11-21T07:23:25.165000+00:00 edge-1 haproxy[17943]: ",
    ],
)
def test_a_line_is_read_behind_any_prefix(prefix: str) -> None:
    """Raw, syslog old and new, and journald's."""
    found = report(f"{prefix}{LINE}\n{prefix}{LINE.replace(URI, '/health').replace('POST', 'GET')}\n")

    assert ("haproxy-http", 1, 1) == (found.inputs[0].format, found.inputs[0].calls, found.inputs[0].context)


def test_captured_headers_are_candidates_only() -> None:
    """They stand without their names: weak, and said so."""
    found = report(f"{LINE}\n{LINE.replace('acme', 'globex').replace('legal-ai', 'growth')}\n")

    assert (0, 0, 2, 0) == counts(found, "tenant_id")
    assert (0, 0, 2, 0) == counts(found, "team_id")
    assert ["IDN021"] == field(found, "tenant_id").gaps
    assert any("without their names" in n for n in found.inputs[0].notes)


def test_a_capture_that_was_not_sent_is_absent() -> None:
    """Empty places keep their place."""
    found = report(f"{LINE}\n{LINE.replace('acme|legal-ai', '|')}\n{LINE.replace('acme|', '|')}\n")

    assert (0, 2, 1, 0) == counts(found, "tenant_id")
    assert (0, 1, 2, 0) == counts(found, "team_id")


def test_hosts_agents_and_ids_are_no_owners() -> None:
    """A captured id is a candidate for the request; a host name is nothing."""
    held = "api.example.com|acme|9c551ad4-7662-444b-98e8-000000000001|Boto3/1.44.5 Botocore"
    text = LINE.replace("acme|legal-ai", held)
    found = report(f"{text}\n{text}\n")

    assert (0, 0, 2, 0) == counts(found, "tenant_id")
    assert (0, 0, 0, 2) == counts(found, "team_id")
    assert (0, 0, 2, 0) == counts(found, "request_id")


def test_a_line_without_captures_says_nothing_of_owners() -> None:
    """What HAProxy was not told to capture it may have forwarded: unknown."""
    text = LINE.replace("{acme|legal-ai} ", "")
    found = report(f"{text}\n{text}\n")

    assert (0, 0, 0, 2) == counts(found, "tenant_id")
    assert (0, 0, 0, 2) == counts(found, "request_id")
    assert (0, 0, 0, 2) == counts(found, "tokens_input")


def test_timers_and_retries_are_read() -> None:
    """The last timer is the latency in milliseconds; `+1` is a retry that went elsewhere."""
    text = LINE.replace("0/0/0/3/3", "1/0/2/905/+908").replace("1/1/0/0/0", "1/1/0/0/+1")
    found = report(f"{text}\n{text}\n")

    assert {("Ta", "gateway_record")} == keys(found, "latency_ms")
    assert {("retries", "gateway_record")} == keys(found, "retry_count")
    assert (2, 0, 0, 0) == counts(found, "model")


def test_a_request_that_never_got_through_failed() -> None:
    """Timers of -1, no server, a cut line, a bad request."""
    broken = LINE.replace(
        "bedrock/b1 0/0/0/3/3 200 183 - - ----", "bedrock/<NOSRV> 0/-1/-1/-1/0 503 212 - - SC--"
    )
    cut = LINE.partition(" HTTP/1.1")[0]
    bad = LINE.replace(f"POST {URI} HTTP/1.1", "<BADREQ>")
    found = report(f"{broken}\n{cut}\n{bad}\n")

    assert (2, 1, 0) == (found.inputs[0].calls, found.inputs[0].context, found.inputs[0].skipped_total)


def test_fields_named_behind_the_request_are_evidence() -> None:
    """An own log format can say whose the captures are; `%ID` is the request's."""
    text = f'{HEAD} "POST {URI} HTTP/1.1" tenant_id=acme team_id=- 6d3ddfb81e8b6062c4a8fce8311236aa'
    found = report(f"{text}\n{text}\n")

    assert (1, 0, 0, 0) == counts(found, "tenant_id")
    assert (0, 1, 0, 0) == counts(found, "team_id")
    assert {("%ID", "gateway_record")} == keys(found, "request_id")
