"""The command line as a process: its pipes, its terminal, its encodings, its signals."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from auditor.catalogue.resources import folder

GAPPY = folder("samples") / "otlp-json-gappy.json"
ENV = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG", "TMPDIR")} | {
    "LC_ALL": "C.UTF-8"
}


def run(*words: str, stdin: bytes | None = None, **env: str) -> subprocess.CompletedProcess[bytes]:
    """`python -m auditor …` as a user runs it."""
    command = [sys.executable, "-m", "auditor", *words]
    return subprocess.run(command, input=stdin, capture_output=True, env=ENV | env, timeout=60, check=False)


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


# -- streams that are closed or full -------------------------------------------------------------------------


def in_shell(line: str, cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    """One line of a shell in which `auditor` is the command and `$GAPPY` a file."""
    script = f'auditor() {{ "{sys.executable}" -m auditor "$@"; }}\n{line}'
    env = ENV | {"GAPPY": str(GAPPY), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run(
        ["bash", "-c", script], capture_output=True, cwd=cwd, env=env, timeout=60, check=False
    )


@pytest.mark.install
def test_without_standard_output_files_are_written_and_the_gate_decides(tmp_path: Path) -> None:
    """As cron and daemons run it."""
    ran = in_shell('auditor audit "$GAPPY" -o r.json >&-', tmp_path)
    good = in_shell('auditor audit "$GAPPY" --exit-zero -o good.json >&- 2>&- <&-', tmp_path)

    assert (1, b"") == (ran.returncode, ran.stdout)
    assert b"wrote r.json\n" in ran.stderr
    assert "1" == json.loads((tmp_path / "r.json").read_bytes())["schema"]
    assert (0, b"") == (good.returncode, good.stderr)
    assert (tmp_path / "good.json").exists()


@pytest.mark.install
@pytest.mark.parametrize("words", ["audit -", "audit", "redact -", 'diff "$GAPPY" -', "baseline write -"])
def test_a_closed_standard_input_holds_nothing(words: str, tmp_path: Path) -> None:
    """That is an error of its own, with advice."""
    ran = in_shell(f"auditor {words} <&-", tmp_path)

    assert 2 == ran.returncode
    assert b"error: nothing on standard input: it is closed\n" in ran.stderr
    assert b"Traceback" not in ran.stderr
    assert [] == list(tmp_path.iterdir())


def test_a_closed_standard_error_loses_the_messages_only() -> None:
    """Report and exit code are the same."""
    ran = in_shell('auditor audit "$GAPPY" 2>&-')

    assert (1, b"") == (ran.returncode, ran.stderr)
    assert b"gate FAILED" in ran.stdout


COMMANDS = {
    "--help": 0, "audit --help": 0, "--version": 0, "rules": 0, "settings": 0, "explain IDN001": 0,
    "completion bash": 0, 'diff "$GAPPY" "$GAPPY"': 0, 'redact --no-check "$GAPPY"': 0, 'audit "$GAPPY"': 1,
    "explain nothing": 2, "bogus": 2,
}  # fmt: skip


PRINTING = ["--help", "audit --help", "rules", 'diff "$GAPPY" "$GAPPY"', 'redact --no-check "$GAPPY"']


@pytest.mark.install
@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_runs_with_all_streams_closed(words: str, tmp_path: Path) -> None:
    """The exit code is that with open streams."""
    ran = in_shell(f"auditor {words} <&- >&- 2>&-", tmp_path)

    assert COMMANDS[words] == ran.returncode


@pytest.mark.install
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("words", PRINTING)
def test_a_full_standard_output_is_an_error(words: str) -> None:
    """Exit code 2 and the reason, from every command that prints."""
    ran = in_shell(f"auditor {words} >/dev/full")

    assert 2 == ran.returncode
    assert b"No space left on device" in ran.stderr
    assert b"Traceback" not in ran.stderr
    assert b"the audit broke" not in ran.stderr


@pytest.mark.install
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_standard_output_keeps_no_file_from_being_written(tmp_path: Path) -> None:
    """A full standard error changes nothing at all."""
    ran = in_shell('auditor audit "$GAPPY" -o r.json >/dev/full', tmp_path)
    quiet = in_shell('auditor audit "$GAPPY" 2>/dev/full')

    assert 2 == ran.returncode
    assert b"error: standard output: No space left on device\n" in ran.stderr
    assert "1" == json.loads((tmp_path / "r.json").read_bytes())["schema"]
    assert 1 == quiet.returncode
    assert b"gate FAILED" in quiet.stdout


@pytest.mark.install
@pytest.mark.parametrize("words", PRINTING)
def test_a_reader_that_leaves_changes_no_exit_code(words: str) -> None:
    """`auditor rules | true`: no traceback, no message of a broken pipe."""
    ran = in_shell(f"auditor {words} | true; exit ${{PIPESTATUS[0]}}")

    assert COMMANDS[words] == ran.returncode
    assert b"Traceback" not in ran.stderr
    assert b"roken" not in ran.stderr


# -- signals -------------------------------------------------------------------------------------------------

SPLIT = (  # the command line, with files of any size read by several processes
    "import auditor.readers.ingest, auditor.execution.local\n"
    "auditor.execution.local.SPLIT_FROM, auditor.execution.local.RANGE = 0, 1 << 20\n"
    "from auditor.cli.main import main\nmain()"
)


def children(pid: int) -> list[int]:
    """The processes that a process has started and that run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


@pytest.mark.install
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc here")
@pytest.mark.parametrize(
    ("number", "code", "text"),
    [(signal.SIGINT, 130, b"interrupted"), (signal.SIGTERM, 143, b"terminated")],
    ids=["SIGINT", "SIGTERM"],
)
def test_a_signal_ends_the_run_and_its_workers(
    tmp_path: Path, number: signal.Signals, code: int, text: bytes
) -> None:
    """No traceback, no process and no file is left; Ctrl-C reaches every process of the terminal."""
    line = json.dumps(json.loads(GAPPY.read_bytes())).encode() + b"\n"
    (tmp_path / "big.jsonl").write_bytes(line * (40 * 1024 * 1024 // len(line)))
    words = ["audit", "big.jsonl", "--as", "otlp-json", "--jobs", "2", "-o", "r.json"]
    with subprocess.Popen(
        [sys.executable, "-c", SPLIT, *words],
        cwd=tmp_path,
        env=ENV | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        end = time.monotonic() + 50
        while len(workers := children(process.pid)) < 2 and time.monotonic() < end:
            time.sleep(0.02)
        send = os.killpg if number == signal.SIGINT else os.kill
        send(process.pid, number)
        _, err = process.communicate(timeout=60)
    end = time.monotonic() + 10
    while (running := [pid for pid in workers if _runs(pid)]) and time.monotonic() < end:
        time.sleep(0.05)

    assert 2 <= len(workers)
    assert code == process.returncode
    assert b"error: " + text in err
    assert b"Traceback" not in err
    assert [] == running
    assert ["big.jsonl"] == [path.name for path in tmp_path.iterdir()]


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
