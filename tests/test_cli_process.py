"""The command line as a process: what it imports, its pipes, its terminal, its encodings."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

from auditor.resources import folder

GAPPY = folder("samples") / "otlp-json-gappy.json"
HEAVY = ("litestar", "polars", "pydantic", "structlog", "sqlglot")
ENV = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG", "TMPDIR")} | {
    "LC_ALL": "C.UTF-8"
}


def run(*words: str, stdin: bytes | None = None, **env: str) -> subprocess.CompletedProcess[bytes]:
    """`python -m auditor …` as a user runs it."""
    command = [sys.executable, "-m", "auditor", *words]
    return subprocess.run(command, input=stdin, capture_output=True, env=ENV | env, timeout=60, check=False)


def imported(code: str) -> set[str]:
    """The top-level packages that are loaded after some code has run."""
    names = "sorted({name.split('.')[0] for name in sys.modules})"
    told = f"{code}\nimport json, sys\nprint('\\n' + json.dumps({names}))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, env=ENV, timeout=60, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def calling(*words: str) -> str:
    """Code that runs the command line and goes on."""
    return f"from auditor.cli import main\ntry:\n    main({list(words)!r})\nexcept SystemExit:\n    pass"


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("audit", "--help"), ("explain", "--help")])
def test_help_and_version_load_nothing_heavy(words: tuple[str, ...]) -> None:
    """Asking what a command does costs no engine, no service, no models."""
    assert not imported(calling(*words)) & set(HEAVY)


def test_an_audit_loads_no_web_framework() -> None:
    """The service is not on the path of the command line."""
    loaded = imported(calling("audit", str(GAPPY), "--exit-zero"))

    assert "polars" in loaded
    assert not loaded & {"litestar", "uvicorn", "structlog"}


def test_a_reader_that_stops_reading_is_no_error() -> None:
    """`auditor audit … | head -1` ends without a traceback and keeps the gate's exit code."""
    command = [sys.executable, "-m", "auditor", "audit", str(GAPPY)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        err = process.stderr.read()
        code = process.wait(60)

    assert 1 == code
    assert b"Traceback" not in err
    assert b"BrokenPipe" not in err


def test_a_stream_that_knows_only_ascii_gets_only_ascii() -> None:
    """No box glyph and no dash that the stream could not show."""
    ran = run("audit", str(GAPPY), PYTHONIOENCODING="ascii")

    assert 1 == ran.returncode
    assert ran.stdout.isascii()


def test_a_pipe_into_audit_needs_no_path() -> None:
    """Standard input is read when it is no terminal."""
    ran = run("audit", "--exit-zero", stdin=GAPPY.read_bytes())

    assert 0 == ran.returncode
    assert ran.stdout.startswith(b"stdin ")


def test_a_named_pipe_is_read_once(tmp_path: Path) -> None:
    """`<(zcat spans.gz)` can be opened a single time, which is enough."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "auditor", "audit", "--exit-zero", str(pipe)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV) as process:
        pipe.write_bytes(GAPPY.read_bytes())
        out, err = process.communicate(timeout=60)

    assert (0, b"") == (process.returncode, err if process.returncode else b"")
    assert b"otlp-json" in out


def on_terminal(*words: str, columns: int = 90, **env: str) -> tuple[int, str]:
    """A command on a pseudo-terminal of its own: exit code and everything it printed there."""
    import fcntl
    import struct
    import termios

    main, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    command = [sys.executable, "-m", "auditor", *words]
    process = subprocess.Popen(
        command, stdin=other, stdout=other, stderr=other, env=ENV | {"TERM": "xterm"} | env
    )
    os.close(other)
    told = b""
    while select.select([main], [], [], 60)[0]:
        try:
            piece = os.read(main, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        told += piece
    code = process.wait(60)
    os.close(main)
    return code, told.decode()


def test_a_terminal_gets_colour_and_links() -> None:
    """What a person sees: colours, places that open the file, and no second summary."""
    code, told = on_terminal("audit", str(GAPPY), columns=80)

    assert 1 == code
    assert "\x1b[" in told
    assert f"\x1b]8;;{GAPPY.resolve().as_uri()}\x1b\\" in told
    assert "auditor: gate" not in told


def test_no_color_holds_on_a_terminal() -> None:
    """Links stay, colours go."""
    assert "\x1b[" not in on_terminal("audit", str(GAPPY), NO_COLOR="1")[1]


def test_without_input_a_terminal_gets_the_help_at_once() -> None:
    """Nobody is left waiting for a dash they did not type."""
    code, told = on_terminal("audit")

    assert 2 == code
    assert "Usage: auditor audit" in told
