"""The terminal: colours, width, the standard streams, exit codes, signals."""

from __future__ import annotations

import codecs
import logging
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, NoReturn, TextIO

import click

from auditor.errors import AuditError
from auditor.printing.ink import Ink, Style
from auditor.printing.text import visible

PASSED, FAILED, ERROR = 0, 1, 2  # the exit codes of a command that ran to its end
INTERRUPTED = 128 + signal.SIGINT
DEFAULT_WIDTH = 100  # columns, where standard output is no terminal
PROGRESS_DELAY = 1.0  # seconds before progress is shown
_OFF = ("", "0", "false", "no")


def wants_color(choice: str, stream: TextIO) -> bool:
    """Whether to colour: by `always` or `never`, else NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE, the terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if any(os.environ.get(name, "").lower() not in _OFF for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return os.environ.get("TERM") != "dumb" and stream.isatty()


def style(color: str = "auto", *, quiet: bool = False, links: Mapping[str, str] | None = None) -> Style:
    """The width, colours and glyphs that standard output can show; `links` only where it is a terminal."""
    out = sys.stdout
    return Style(
        width=shutil.get_terminal_size().columns if out.isatty() else DEFAULT_WIDTH,
        color=wants_color(color, out),
        unicode=shows_unicode(out),
        quiet=quiet,
        links=(links or {}) if out.isatty() else {},
    )


def ink(color: str = "auto") -> Ink:
    """The ink for lines on standard output."""
    return Ink(wants_color(color, sys.stdout), shows_unicode(sys.stdout))


def is_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()


def shows_unicode(stream: TextIO) -> bool:
    """Whether the encoding of the stream is UTF-8: any other cannot encode the glyphs."""
    try:
        return codecs.lookup(stream.encoding or "ascii").name.startswith("utf")
    except LookupError:
        return False


def write(data: bytes) -> None:
    """Write a report to standard output; a reader that stops reading (`| head`) is no error."""
    try:
        out = sys.stdout.buffer
        out.write(data)
        out.flush()
    except OSError as error:
        write_failed(error)


def write_json(value: Any) -> None:
    """Write a value as JSON to standard output."""
    from auditor.writers.json import document

    write(document(value))


def write_failed(error: OSError) -> None:
    """Standard output could not be written: AuditError, unless the reader stopped reading."""
    _discard(sys.stdout)
    if not isinstance(error, BrokenPipeError):
        hint = "check where it goes, or name a file with -o"
        raise AuditError(f"standard output: {error.strerror or error}", hint) from None


def flush() -> None:
    """Flush standard output: where the interpreter's own flush at exit fails, the exit code is lost."""
    try:
        sys.stdout.flush()
    except OSError:
        _discard(sys.stdout)


def _discard(stream: TextIO) -> None:
    """Send what is left to the null device: the interpreter flushes once more at exit."""
    with suppress(OSError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def to_stderr(text: str, *, nl: bool = True, color: bool | None = None) -> None:
    """Write text to standard error as it is; a closed one is no error."""
    try:
        click.echo(text, err=True, nl=nl, color=color)
    except OSError:
        _discard(sys.stderr)


def message(text: str) -> None:
    """Write one line to standard error, control characters escaped."""
    to_stderr(visible(text))


def error_message(text: str, hint: str = "", *, error: BaseException | None = None) -> None:
    """Write what went wrong and what to do next to standard error; with `error`, its traceback first."""
    if error is not None:
        to_stderr("".join(traceback.format_exception(error)), nl=False)
    lead = click.style("error:", fg="red", bold=True) if wants_color("auto", sys.stderr) else "error:"
    for n, line in enumerate(text.splitlines() or [""]):
        to_stderr(f"{'      ' if n else lead} {visible(line)}", color=True)
    if hint:
        message(f"hint:  {hint}")


def show_tracebacks() -> None:
    """Log to standard error, with tracebacks, the errors that do not end the audit."""
    logger = logging.getLogger("auditor")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(logging.StreamHandler())


def open_closed_streams() -> None:
    """Open the null device in place of a closed standard stream (`>&-`): else the next file gets its number.

    `sys.stdin` stays None when it was closed: a closed standard input is not an empty one.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number is this one
        if number and getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - open to the end


class Terminated(SystemExit):
    """SIGTERM or SIGHUP as an exception, so that unfinished files are removed and workers end."""

    def __init__(self, signal_number: int) -> None:
        self.exit_code = 128 + signal_number
        super().__init__(self.exit_code)


@contextmanager
def exit_on_signals() -> Iterator[None]:
    """Within the block SIGTERM and SIGHUP raise Terminated."""

    def terminate(number: int, _: object) -> NoReturn:
        raise Terminated(number)

    names = ("SIGTERM", "SIGHUP") if threading.current_thread() is threading.main_thread() else ()
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    # a signal that is ignored, as by nohup, stays ignored
    before = {n: signal.signal(n, terminate) for n in numbers if signal.getsignal(n) is signal.SIG_DFL}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Progress:
    """A line with the elapsed seconds on a terminal with colour, after a second, removed at the end."""

    def __init__(self, text: str, color: str) -> None:
        self._text = visible(text)
        self._shown = sys.stderr.isatty() and wants_color(color, sys.stderr) and not os.environ.get("CI")
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        if self._shown:
            self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._done.set()
        if self._shown:
            self._thread.join()

    def _run(self) -> None:
        start = time.monotonic()
        if self._done.wait(PROGRESS_DELAY):
            return
        while not self._done.wait(0.2):
            to_stderr(f"\r{self._text}, {time.monotonic() - start:.0f} s", nl=False, color=True)
        to_stderr("\r\x1b[K", nl=False, color=True)
