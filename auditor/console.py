"""The terminal as it is: whether it shows colour, how wide it is, where reports and messages go.

It never decides what is said, and writes a report nowhere but to standard output.
"""

from __future__ import annotations

import codecs
import logging
import os
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import TextIO

import click

from auditor.paint import Ink, Style
from auditor.text import visible

PASSED, FAILED, COULD_NOT = 0, 1, 2  # every exit code there is
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
    except BrokenPipeError:
        # the interpreter flushes once more at exit: let that go nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def tell(text: str) -> None:
    """One message to standard error, on one line, inert."""
    try:
        click.echo(visible(text), err=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def complain(message: str, hint: str = "", *, error: BaseException | None = None) -> None:
    """What went wrong and what to do next; the traceback only of an `error` that is given."""
    if error is not None:
        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    lead = click.style("error:", fg="red", bold=True) if wants_color("auto", sys.stderr) else "error:"
    for n, line in enumerate(message.splitlines() or [""]):
        click.echo(f"{'      ' if n else lead} {visible(line)}", err=True, color=True)
    if hint:
        tell(f"hint:  {hint}")


def trace() -> None:
    """Show the tracebacks of what went wrong and did not end the audit."""
    logger = logging.getLogger("auditor")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(logging.StreamHandler())


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
            click.echo(f"\r{self._what}, {time.monotonic() - begun:.0f} s", err=True, nl=False, color=True)
        click.echo("\r\x1b[K", err=True, nl=False, color=True)
