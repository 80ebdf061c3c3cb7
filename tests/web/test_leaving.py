"""A client that leaves stops its audit: its process ends, and its place in the queue is free.

The service runs as in production; its audits are stand-ins that take ten seconds and then write a file.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from tests.doors.test_process import children
from tests.support.web_service import RECORD, Server, server
from tests.web.test_workers import alive, until

pytestmark = pytest.mark.install
AUDITS = "/api/v1/audits"
Body = tuple[bytes, str]


def multipart(field: str) -> Callable[[str], Body]:
    """A form with one field."""

    def body(text: str) -> Body:
        lines = ("--edge", f'Content-Disposition: form-data; name="{field}"', "", text, "--edge--", "")
        return "\r\n".join(lines).encode(), "multipart/form-data; boundary=edge"

    return body


def envelope(text: str) -> Body:
    """Inputs as one JSON document."""
    return msgspec.json.encode({"inputs": [{"text": text}]}), "application/json"


def sides(text: str) -> Body:
    """Two sides of a comparison, the first of them slow."""
    return msgspec.json.encode({"before": text, "after": RECORD}), "application/json"


REQUESTS: dict[str, tuple[str, Callable[[str], Body]]] = {
    "raw body": (AUDITS, lambda text: (text.encode(), "text/plain")),
    "files": (AUDITS, multipart("app")),
    "envelope": (AUDITS, envelope),
    "page": ("/audit", multipart("text")),
    "page, urlencoded": (
        "/audit",
        lambda text: (f"text={text}".encode(), "application/x-www-form-urlencoded"),
    ),
    "diff": ("/api/v1/diffs", sides),
    "compare": ("/compare", lambda text: multipart("before")(text)),
}


@pytest.fixture(scope="module")
def slow() -> Iterator[Server]:
    """A service whose audits take ten seconds where the input is a path, with two workers."""
    with server("sleep") as running:
        yield running


def figure(running: Server, name: str) -> float:
    """One figure of /metrics, 0 where it is not there yet."""
    lines = [line for line in running.get("/metrics").splitlines() if line.startswith(f"{name} ")]
    return float(lines[0].rpartition(" ")[2]) if lines else 0.0


def abandoned(running: Server) -> float:
    """How many audits were stopped as their client had left."""
    return figure(running, 'auditor_audits_total{outcome="abandoned"}')


def idle(running: Server) -> bool:
    """Whether no audit runs or waits."""
    return not figure(running, "auditor_audits_running") and not figure(running, "auditor_audits_waiting")


def audited(running: Server) -> int:
    """The calls of a short audit that is asked for now."""
    request = urllib.request.Request(f"{running.origin}{AUDITS}", RECORD.encode(), method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        calls: int = msgspec.json.decode(answer.read())["totals"]["calls"]
        return calls


@pytest.mark.parametrize("door", REQUESTS)
def test_a_client_that_leaves_stops_its_audit(slow: Server, tmp_path: Path, door: str) -> None:
    """By every door: its process is gone before its work is done."""
    path, body = REQUESTS[door]
    mark, before = tmp_path / "done", abandoned(slow)
    connection = slow.send(path, *body(str(mark)))
    assert until(lambda: Path(f"{mark}.pid").exists() and Path(f"{mark}.pid").read_text())
    assert 1 == figure(slow, "auditor_audits_running")
    connection.close()

    assert until(lambda: idle(slow))
    assert until(lambda: not alive(int(Path(f"{mark}.pid").read_text())))
    assert before + 1 == abandoned(slow)
    assert not mark.exists()


def test_ten_clients_that_leave_hold_up_no_eleventh(slow: Server, tmp_path: Path) -> None:
    """Neither those whose audits ran nor those that waited take a worker or a place in the queue."""
    before = abandoned(slow)
    marks = [tmp_path / str(number) for number in range(10)]
    connections = [slow.send(AUDITS, str(mark).encode(), "text/plain") for mark in marks]
    assert until(lambda: figure(slow, "auditor_audits_waiting") == 8)
    assert 2 == figure(slow, "auditor_audits_running")
    for connection in connections:
        connection.close()

    assert 1 == audited(slow)
    assert until(lambda: idle(slow))
    assert before + 10 == abandoned(slow)
    assert not [mark for mark in marks if mark.exists()]
    assert len([mark for mark in marks if Path(f"{mark}.pid").exists()]) < 5


def test_clients_that_leave_one_after_another_use_nothing_up(slow: Server, tmp_path: Path) -> None:
    """Workers are replaced as often as it takes."""
    for number in range(4):
        mark = tmp_path / str(number)
        connection = slow.send(AUDITS, str(mark).encode(), "text/plain")
        assert until(lambda mark=mark: Path(f"{mark}.pid").exists())
        connection.close()
        assert until(lambda: idle(slow))

    assert 1 == audited(slow)


def test_a_client_that_stays_gets_its_answer(slow: Server, tmp_path: Path) -> None:
    """A connection that is open and silent is no client that left."""
    connection = slow.send(AUDITS, RECORD.encode(), "text/plain")
    answer = connection.recv(65536)
    connection.close()

    assert answer.startswith(b"HTTP/1.1 200")


def test_an_upload_that_breaks_off_is_no_fault_of_the_service(slow: Server) -> None:
    """The log counts the request as 499, and nothing crashed."""
    before = slow.log().count('"status": 499')
    slow.send(AUDITS, b'{"model": "m"', "text/plain", length=1000).close()

    assert until(lambda: slow.log().count('"status": 499') == before + 1)
    assert '"event": "crashed"' not in slow.log()


def test_the_log_names_the_route_and_no_value(slow: Server, tmp_path: Path) -> None:
    """One line for an audit that was stopped: sizes and times."""
    mark = tmp_path / "kqzjv"
    lines = len(slow.log().splitlines())
    connection = slow.send(AUDITS, str(mark).encode(), "text/plain")
    assert until(lambda: Path(f"{mark}.pid").exists())
    connection.close()
    assert until(lambda: '"status": 499' in "".join(slow.log().splitlines()[lines:]))
    line = next(text for text in slow.log().splitlines()[lines:] if '"status": 499' in text)

    assert f'"route": "{AUDITS}"' in line
    assert "kqzjv" not in slow.log()


def test_the_service_stops_without_waiting_for_who_left(tmp_path: Path) -> None:
    """A stop right after a client has left: its audit never comes to its end, and no process is left."""
    mark = tmp_path / "done"
    with server("sleep", AUDITOR_WEB_WORKERS="1") as running:
        connection = running.send(AUDITS, str(mark).encode(), "text/plain")
        assert until(lambda: Path(f"{mark}.pid").exists() and Path(f"{mark}.pid").read_text())
        connection.close()
        running.stop()

    assert not alive(int(Path(f"{mark}.pid").read_text()))
    assert not mark.exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 0)])
def test_a_signal_stops_the_service_and_its_workers(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    """Also with all streams closed: every process ends, and nothing but lines of the log is written."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = f'exec "{sys.executable}" -m auditor serve --port {port} <&- >&- 2>log'
    with subprocess.Popen(
        ["bash", "-c", words],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "AUDITOR_WEB_WORKERS": "1"},
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert until(lambda: is_ready(port))
        workers = children(process.pid)
        (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
        process.wait(60)
    log = (tmp_path / "log").read_text()

    assert code == process.returncode
    assert workers
    assert until(lambda: not any(map(alive, workers)))
    assert "Traceback" not in log
    assert all(line.startswith("{") for line in log.splitlines())


def is_ready(port: int) -> bool:
    """Whether the service on this port is."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=2):
            return True
    except OSError:
        return False
