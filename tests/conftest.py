"""What every test stands on: a clean environment, no network, and the command line as a function.

It never hides a failure: nothing here retries or skips.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from tests.support.web_service import Client

# `push`: the same few draws for the same code, so that a failure is that of the change.
# `fuzz`: thousands of new ones (`make fuzz`, by --hypothesis-profile).
settings.register_profile("base", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("push", settings.get_profile("base"), max_examples=25, derandomize=True)
settings.register_profile("fuzz", settings.get_profile("base"), max_examples=2_000)
settings.load_profile("push")

_NAMES = (
    "CI",
    "NO_COLOR",
    "FORCE_COLOR",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "COLUMNS",
    "LINES",
    "PYTHONIOENCODING",
)
_FAMILIES = ("AUDITOR_", "GITHUB_", "GITLAB_")

# before any module of the package is imported: some read the environment when they load
for _name in list(os.environ):
    if _name in _NAMES or _name.startswith(_FAMILIES):
        del os.environ[_name]


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """Standard output as text; a command that wrote nothing there shows why."""
        assert self.out or not self.err, self.err
        return self.out.decode()


Cli = Callable[..., Ran]
Put = Callable[[str, str], Path]
GOOD = (
    b'{"time":"2026-11-21T10:00:00Z","event":"llm_call","model":"anthropic.claude-sonnet-4-5","input_tokens":100,'
    b'"output_tokens":20,"tenant_id":"acme","team_id":"search","request_id":"r-1"}\n'
)
GAPPY = (
    b'{"time":"2026-11-21T10:00:00Z","event":"llm_call","model":"anthropic.claude-sonnet-4-5","input_tokens":100,'
    b'"output_tokens":20,"request_id":"r-1"}\n'
)


@pytest.fixture
def cli() -> Cli:
    """The command line in this process: words in, exit code and both streams out."""

    def run(*words: object, stdin: bytes = b"", **env: str) -> Ran:
        from auditor.cli.main import main

        code: Any = None
        with CliRunner().isolation(input=stdin, env=env) as (out, err, _):
            try:
                main([str(word) for word in words])
            except SystemExit as left:
                code = left.code
        return Ran(int(code or 0), out.getvalue(), err.getvalue().decode())

    return run


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    """The service behind a test client; starting its worker costs seconds, so one serves all tests."""
    from tests.support.web_service import service

    with service() as client:
        yield client


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A file with one call that lacks nothing."""
    path = tmp_path / "good.jsonl"
    path.write_bytes(GOOD)
    return path


@pytest.fixture
def gappy(tmp_path: Path) -> Path:
    """A file with one call that has no owner."""
    path = tmp_path / "gappy.jsonl"
    path.write_bytes(GAPPY)
    return path


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Writes a file below an empty repository, in which the test then stands."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


def _is_near(address: Any) -> bool:
    if not isinstance(address, tuple):  # a path of a local socket
        return True
    host = str(address[0])
    return host in ("localhost", "::1", "") or host.startswith("127.")


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Connections leave this machine in no test."""
    real = {name: getattr(socket.socket, name) for name in ("connect", "connect_ex")}

    def guarded(name: str) -> Callable[[socket.socket, Any], Any]:
        def connect(self: socket.socket, address: Any) -> Any:
            if not _is_near(address):
                raise RuntimeError(f"a test tried to reach {address!r}")
            return real[name](self, address)

        return connect

    with pytest.MonkeyPatch.context() as patch:
        for name in real:
            patch.setattr(socket.socket, name, guarded(name))
        yield
