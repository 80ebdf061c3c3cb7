"""One line a request and nothing of what was sent in it: the real server, sent words found nowhere else."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from auditor.web import log
from tests.support.web_service import RECORD, Client, Server, server

CANARY = "zq7canary"


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with server() as one:
        yield one


def send(
    running: Server, address: str, body: bytes | None = None, method: str | None = None, **headers: str
) -> int:
    """Ask the running server; the status of whatever it answers."""
    request = urllib.request.Request(running.origin + address, data=body, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def lines(running: Server) -> list[dict[str, object]]:
    """The canonical lines so far."""
    found = [json.loads(line) for line in running.log().splitlines() if line.startswith("{")]
    return [line for line in found if line["event"] == "request"]


def test_no_word_of_a_request_reaches_the_log(running: Server) -> None:
    """Values, keys, names, queries, paths, headers and methods leave no trace, in success and in failure."""
    record = RECORD.replace('"acme"', f'"{CANARY}-value"').replace('"request_id"', f'"{CANARY}_request_id"')
    head = f'--b\r\nContent-Disposition: form-data; name="{CANARY}"; filename="{CANARY}.json"'
    named = f"{head}\r\n\r\n{record}\r\n--b--\r\n"
    form = urllib.parse.urlencode({"text": record, "profile": f"{CANARY}-profile"}).encode()
    sample = urllib.parse.urlencode({"sample": CANARY}).encode()
    envelope = json.dumps({"inputs": [{"name": CANARY, "text": record}], "policy": {CANARY: 1}}).encode()
    urlencoded = "application/x-www-form-urlencoded"
    statuses = [
        send(running, f"/api/v1/audits?name={CANARY}", record.encode(), Cookie=CANARY),
        send(running, f"/api/v1/audits?profile={CANARY}", record.encode()),
        send(running, f"/api/v1/audits?format={CANARY}", record.encode()),
        send(running, "/api/v1/audits", named.encode(), Content_Type="multipart/form-data; boundary=b"),
        send(running, "/api/v1/audits", envelope),
        send(running, "/api/v1/audits", f'{{"{CANARY}": '.encode()),
        send(running, "/api/v1/audits", f'["{CANARY}"]'.encode()),
        send(running, "/api/v1/audits", CANARY.encode() + b"\x00\xff"),
        send(running, "/audit", form, Content_Type=urlencoded),
        send(running, "/audit", sample, Content_Type=urlencoded),
        send(running, f"/rules?q={CANARY}"),
        send(running, f"/rules/{CANARY}"),
        send(running, f"/static/{CANARY}"),
        send(
            running,
            f"/{CANARY}?{CANARY}={CANARY}",
            User_Agent=CANARY,
            Referer=f"http://{CANARY}.example/",
        ),
        send(running, "/", method=CANARY.upper()),
    ]

    assert {200, 400, 404, 405, 422} == set(statuses)
    assert len(statuses) <= len(lines(running))
    assert CANARY not in running.log().lower()


def test_a_line_says_what_an_operator_needs(running: Server) -> None:
    """Method, route template, status, time, size, formats, calls and gaps, and nothing else."""
    send(running, "/rules/XXX000")
    send(running, "/api/v1/audits", RECORD.encode())
    found = lines(running)

    assert "/rules/{rule_id}" in {line["route"] for line in found}
    audited = next(line for line in reversed(found) if "calls" in line)
    facts = {"method", "route", "status", "ms", "bytes", "inputs", "formats", "calls", "gaps"}
    assert facts | {"event", "level", "timestamp"} == set(audited)
    assert (len(RECORD), 1, ["generic-json"]) == (audited["bytes"], audited["calls"], audited["formats"])


def test_the_server_does_not_name_itself(running: Server) -> None:
    """No Server header tells which software answers."""
    with urllib.request.urlopen(f"{running.origin}/health", timeout=10) as answer:
        assert "server" not in {name.lower() for name in answer.headers}


def test_metrics_count_without_naming(running: Server) -> None:
    """/metrics has requests by route, audits by outcome and times, and no word of a request."""
    send(running, f"/{CANARY}")
    with urllib.request.urlopen(f"{running.origin}/metrics", timeout=10) as answer:
        text = answer.read().decode()

    assert 'auditor_audits_total{outcome="done"}' in text
    assert 'auditor_inputs_total{format="generic-json"}' in text
    assert re.search(r'auditor_http_requests_total\{method="GET",route="\(none\)",status="404"\} \d', text)
    assert CANARY not in text.lower()


def test_one_request_is_one_line(client: Client) -> None:
    """Each request leaves exactly one event."""
    with capture_logs() as events:
        client.get("/privacy")

    assert ["request"] == [one["event"] for one in events]


def test_an_exception_in_a_line_loses_its_words() -> None:
    """A line with an exception keeps its type and places, not its message."""
    try:
        raise KeyError(CANARY)
    except KeyError as error:
        line = log.drop_exception_text(None, "error", {"event": "x", "exc_info": error})

    assert "KeyError" == line["error"]
    assert CANARY not in str(line)
