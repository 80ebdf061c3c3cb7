"""The terminal as it is: whether it shows colour, how wide it is, where reports and messages go.

It never decides what is said, and writes a report nowhere but to standard output.
"""

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
from typing import NoReturn, TextIO

import click

from auditor.errors import AuditError
from auditor.printing.ink import Ink, Style
from auditor.printing.text import visible

PASSED, FAILED, COULD_NOT = 0, 1, 2  # every exit code of a command that came to its end
INTERRUPTED = 128 + signal.SIGINT
PIPED = 100  # columns where nobody can be asked
PATIENCE = 1.0  # seconds before anything moves on the screen
_OFF = ("", "0", "false", "no")


def wants_color(choice: str, stream: TextIO) -> bool:
    """`always` and `never` are orders; else NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE, then the terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if any(os.environ.get(name, "").lower() not in _OFF for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return os.environ.get("TERM") != "dumb" and stream.isatty()


def style(color: str = "auto", *, quiet: bool = False, links: Mapping[str, str] | None = None) -> Style:
    """How standard output wants its report."""
    out = sys.stdout
    return Style(
        width=shutil.get_terminal_size().columns if out.isatty() else PIPED,
        color=wants_color(color, out),
        unicode=shows_unicode(out),
        quiet=quiet,
        links=(links or {}) if out.isatty() else {},
    )


def ink(color: str = "auto") -> Ink:
    """The ink for lines on standard output."""
    return Ink(wants_color(color, sys.stdout), shows_unicode(sys.stdout))


def is_terminal() -> bool:
    """Whether a person reads standard output as it comes."""
    return sys.stdout.isatty()


def shows_unicode(stream: TextIO) -> bool:
    """Whether the stream is UTF-8: box glyphs on any other would be noise or an error."""
    try:
        return codecs.lookup(stream.encoding or "ascii").name.startswith("utf")
    except LookupError:
        return False


def put(data: bytes) -> None:
    """A report to standard output; a reader that stops reading (`| head`) is no error."""
    try:
        out = sys.stdout.buffer
        out.write(data)
        out.flush()
    except OSError as error:
        unwritten(error)


def unwritten(error: OSError) -> None:
    """Standard output could not be written: AuditError, but for a reader that stopped reading."""
    _end(sys.stdout)
    if not isinstance(error, BrokenPipeError):
        hint = "check where it goes, or name a file with -o"
        raise AuditError(f"standard output: {error.strerror or error}", hint) from None


def flush() -> None:
    """Nothing may be left for the interpreter's own flush: where that fails the exit code is lost."""
    try:
        sys.stdout.flush()
    except OSError:
        _end(sys.stdout)


def _end(stream: TextIO) -> None:
    """Let the rest go nowhere: the interpreter flushes once more at exit."""
    with suppress(OSError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def to_stderr(text: str, *, nl: bool = True, color: bool | None = None) -> None:
    """Text to standard error as it is; where nobody can read it, it is lost and nothing else is."""
    try:
        click.echo(text, err=True, nl=nl, color=color)
    except OSError:
        _end(sys.stderr)


def tell(text: str) -> None:
    """One message to standard error, on one line, inert."""
    to_stderr(visible(text))


def complain(message: str, hint: str = "", *, error: BaseException | None = None) -> None:
    """What went wrong and what to do next; the traceback only of an `error` that is given."""
    if error is not None:
        to_stderr("".join(traceback.format_exception(error)), nl=False)
    lead = click.style("error:", fg="red", bold=True) if wants_color("auto", sys.stderr) else "error:"
    for n, line in enumerate(message.splitlines() or [""]):
        to_stderr(f"{'      ' if n else lead} {visible(line)}", color=True)
    if hint:
        tell(f"hint:  {hint}")


def trace() -> None:
    """Show the tracebacks of what went wrong and did not end the audit."""
    logger = logging.getLogger("auditor")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(logging.StreamHandler())


def open_closed_streams() -> None:
    """Put the null device where a standard stream was closed (`>&-`): else the next file gets its number.

    A closed standard input stays None, as it differs from an empty one.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number is this one
        if number and getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - open to the end


class Terminated(SystemExit):
    """Another process asked this one to end: unfinished files are removed and workers end on the way out."""

    def __init__(self, signal_number: int) -> None:
        self.exit_code = 128 + signal_number
        super().__init__(self.exit_code)


@contextmanager
def ending_on_signals() -> Iterator[None]:
    """Within the block SIGTERM and SIGHUP raise Terminated, so that nothing is left behind."""

    def end(number: int, _: object) -> NoReturn:
        raise Terminated(number)

    names = ("SIGTERM", "SIGHUP") if threading.current_thread() is threading.main_thread() else ()
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    # one that is ignored, as by nohup, stays ignored
    before = {n: signal.signal(n, end) for n in numbers if signal.getsignal(n) is signal.SIG_DFL}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Waiting:
    """Says that work goes on: only on a terminal with colour, only after a second, and wiped at the end."""

    def __init__(self, what: str, color: str) -> None:
        self._what = visible(what)
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
        begun = time.monotonic()
        if self._done.wait(PATIENCE):
            return
        while not self._done.wait(0.2):
            to_stderr(f"\r{self._what}, {time.monotonic() - begun:.0f} s", nl=False, color=True)
        to_stderr("\r\x1b[K", nl=False, color=True)
