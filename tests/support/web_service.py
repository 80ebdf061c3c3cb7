"""The service for tests: in this process behind a test client, or as the real server in a process.

It never reaches another machine.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from litestar import Litestar
from litestar.testing import TestClient

from auditor.web.app import create_app
from auditor.web.settings import Settings

Client = TestClient[Litestar]
PAGE = {"Accept": "text/html"}
FRAGMENT = {"Accept": "text/html", "HX-Request": "true"}
RECORD = (
    '{"model": "claude-sonnet-4", "tenant_id": "acme", "request_id": "r-1", '
    '"input_tokens": 10, "output_tokens": 2}'
)


@contextmanager
def service(**limits: float) -> Iterator[Client]:
    """The application with these limits and one worker, started and stopped around the block."""
    settings = Settings(**{"workers": 1} | limits)  # type: ignore[arg-type]
    with TestClient(create_app(settings), base_url="http://auditor.local") as client:
        yield client


class Server:
    """`auditor serve` as it runs in production: uvicorn in a process of its own, its lines in a file.

    With `work`, the name of a function of `web_work`, the worker processes call that instead of an audit.
    """

    def __init__(self, work: str = "", **environment: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        self._lines = Path(tempfile.mkdtemp()) / "stderr"
        code = f"from auditor.web.serve import run; run('127.0.0.1', {self.port})"
        if work:
            code = (
                f"from auditor.web import workers; from tests.support.web_work import {work}; "
                f"workers.work = {work}; {code}"
            )
        with self._lines.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-c", code], stdout=out, stderr=out, env=os.environ | environment
            )

    def wait(self, seconds: float = 120) -> None:
        """Return once the service says that it is ready."""
        until = time.monotonic() + seconds
        while True:
            try:
                with urllib.request.urlopen(f"{self.origin}/ready", timeout=2):
                    return
            except OSError:
                if time.monotonic() > until or self._process.poll() is not None:
                    raise AssertionError(f"the server did not become ready:\n{self.log()}") from None
                time.sleep(0.1)

    def get(self, path: str) -> str:
        """What the service answers at a path."""
        with urllib.request.urlopen(f"{self.origin}{path}", timeout=10) as answer:
            text: str = answer.read().decode()
            return text

    def send(self, path: str, body: bytes, content_type: str, length: int | None = None) -> socket.socket:
        """Post a body on a connection that is left open; `length` is what is announced of it."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Type: {content_type}\r\n"
        announced = len(body) if length is None else length
        connection.sendall(f"{head}Content-Length: {announced}\r\n\r\n".encode() + body)
        return connection

    def log(self) -> str:
        """Everything that the server has written."""
        return self._lines.read_text("utf-8")

    def stop(self) -> None:
        """End the server's process."""
        self._process.terminate()
        self._process.wait(20)


@contextmanager
def server(work: str = "", **environment: str) -> Iterator[Server]:
    """A running server, ready to answer."""
    running = Server(work, **environment)
    try:
        running.wait()
        yield running
    finally:
        running.stop()
