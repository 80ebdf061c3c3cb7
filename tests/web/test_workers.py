"""Audits run in processes that can be stopped, behind a queue that ends somewhere."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from auditor.errors import AuditError, PolicyError, UsageError
from auditor.web import worker, workers
from auditor.web.settings import Settings
from tests.support import web_work
from tests.support.web_service import RECORD, service

AUDITS = "/api/v1/audits"


def alive(pid: int) -> bool:
    """Whether a process still runs (a killed one that waits to be reaped does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(fact, seconds: float = 120.0) -> bool:
    """Wait for a fact to become true."""
    end = time.monotonic() + seconds
    while not fact() and time.monotonic() < end:
        time.sleep(0.05)
    return bool(fact())


@pytest.mark.install
def test_a_slow_audit_is_killed_at_its_time_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the limit the answer is 504, its process is dead, its work undone, and the next audit runs."""
    monkeypatch.setattr(workers, "work", web_work.sleep)
    mark = tmp_path / "done"
    with service(time_limit=1.5, workers=1) as client:
        assert until(lambda: client.get("/ready").status_code == 200)
        started = time.monotonic()
        answer = client.post(AUDITS, content=str(mark))
        took = time.monotonic() - started
        pid = int(Path(f"{mark}.pid").read_text())

        assert (504, "The audit took too long") == (answer.status_code, answer.json()["title"])
        assert "1.5 seconds" in answer.json()["detail"]
        assert took > 1.4
        assert until(lambda: not alive(pid))
        assert not mark.exists()
        assert until(lambda: client.post(AUDITS, content=RECORD).status_code == 200)


@pytest.mark.install
def test_a_full_queue_sends_the_next_one_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one worker and one place to wait, the third audit gets 503 and is told when to come back."""
    monkeypatch.setattr(workers, "work", web_work.sleep)
    with service(time_limit=2, workers=1, queue=1) as client, ThreadPoolExecutor() as pool:
        assert until(lambda: client.get("/ready").status_code == 200)
        running = pool.submit(client.post, AUDITS, content=str(tmp_path / "a"))
        assert until(lambda: (tmp_path / "a.pid").exists())
        waiting = pool.submit(client.post, AUDITS, content=str(tmp_path / "b"))
        assert until(lambda: "auditor_audits_waiting 1.0" in client.get("/metrics").text)
        answer = client.post(AUDITS, content=RECORD)

        assert (503, "Too many audits at once") == (answer.status_code, answer.json()["title"])
        assert int(answer.headers["retry-after"]) > 0
        assert {504} == {running.result().status_code, waiting.result().status_code}


@pytest.mark.install
def test_a_worker_that_dies_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that ends without an answer is a 500 for its audit only."""
    monkeypatch.setattr(workers, "work", web_work.die)
    with service(workers=1) as client:
        assert until(lambda: client.get("/ready").status_code == 200)
        answer = client.post(AUDITS, content=RECORD)
        monkeypatch.setattr(workers, "work", worker.work)

        assert (500, "The audit broke") == (answer.status_code, answer.json()["title"])
        assert 200 == client.post(AUDITS, content=RECORD).status_code


@pytest.mark.install
def test_the_workers_end_with_the_service() -> None:
    """After the service has stopped no process of it is left."""
    others = _children()
    with service(workers=2) as client:
        assert until(lambda: client.get("/ready").status_code == 200)
        ours = [pid for pid in _children() if pid not in others]
        assert ours
    assert until(lambda: not [pid for pid in ours if alive(pid)])


def _children() -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid():
            found.append(int(stat.parent.name))
    return found


def test_readiness_means_a_worker_answered() -> None:
    """/ready is 503 until a worker has answered; /health is 200 at once."""
    with service() as client:
        assert 200 == client.get("/health").status_code
        assert until(lambda: client.get("/ready").status_code == 200)
        assert {"status": "ready"} == client.get("/ready").json()


def test_an_exception_leaves_its_words_in_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """What crosses the border of a crash is a type and places, never the exception's words."""

    def broken(*_: object, **__: object) -> None:
        raise ValueError("acme-secret")

    monkeypatch.setattr("auditor.audit.audit", broken)
    order = msgspec.msgpack.encode(worker.Order(inputs=[worker.OrderInput(name="a", data=b"{}")]))
    answer = worker.run_order(order)
    outcome = msgspec.msgpack.decode(answer, type=worker.Outcome)

    assert b"acme-secret" not in answer
    assert isinstance(outcome, worker.Crashed)
    assert "ValueError" == outcome.error
    assert outcome.frames[-1].startswith("test_workers.py:")


@pytest.mark.parametrize("error", [PolicyError("m", "h"), UsageError("m", "h"), AuditError("m")])
def test_an_error_comes_back_as_itself(error: AuditError) -> None:
    """Class, title, status, message and hint survive the border."""
    outcome = worker.Refused(type(error).__name__, error.title, error.status, error.message, error.hint)
    back = workers.refusal(outcome)

    assert type(error) is type(back)
    assert (error.title, error.status, error.message, error.hint) == (
        back.title,
        back.status,
        back.message,
        back.hint,
    )


def test_settings_come_from_the_environment() -> None:
    """Each limit has a variable; what is no number is refused with the default in the hint."""
    given = {"AUDITOR_WEB_MAX_BODY": "5", "AUDITOR_WEB_TIME_LIMIT": "1.5", "AUDITOR_WEB_WORKERS": "3"}

    assert Settings(max_body=5, time_limit=1.5, workers=3) == Settings.from_environment(given)
    for wrong in ("many", "-1", "nan", "inf"):
        with pytest.raises(UsageError, match="AUDITOR_WEB_TIME_LIMIT"):
            Settings.from_environment({"AUDITOR_WEB_TIME_LIMIT": wrong})
