"""The commands that hold a run against an earlier one: `diff` and `baseline`.

They hold no logic, and import what they need only when they run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from auditor.cli import console, options
from auditor.cli.console import PASSED


@click.command(short_help="Compare two audits: what is new, gone or grown.")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@options.diff_options
@options.traced
def diff(before: str, after: str, **switches: Any) -> int:
    """Compare two audits: what is new, gone, grown, shrunk or moved, by field and by money.

    A and B are reports (`auditor audit --format json`) or inputs, which are then audited by one policy: a
    file, a folder or `-`. Gaps are the same when rule, field, scope, key and input are, whatever the values.

    Exit code 0: nothing at the level of --fail-on is new or grew. 1: something is or did. 2: no comparison.
    """
    from auditor.cli.commands.diff import Asked, run

    return run(Asked(before=before, after=after, **switches))


@click.group(short_help="Accept the gaps of today: later runs fail on new ones.")
def baseline() -> None:
    """Accept the gaps of today, so that `audit --new-only` fails on those of tomorrow.

    The file holds each gap's fingerprint, rule, field and share, and no line and no value: commit it.
    """


_WORDS = click.argument("words", metavar="[NAME=]PATH...", nargs=-1, required=True)


@baseline.command()
@_WORDS
@options.accept_options
@click.option("--reason", metavar="TEXT", help="Why they are accepted; kept for those accepted before.")
@click.option("--date", metavar="YYYY-MM-DD", help="The day on which they are accepted; none without it.")
@options.traced
def write(**switches: Any) -> int:
    """Audit inputs, or take a report in JSON, and accept every open gap.

    A gap that was accepted before keeps its day and its reason, and its share when it did not grow.
    """
    from auditor.cli.commands.baseline import Asked, write

    return write(Asked(**switches))


@baseline.command()
@_WORDS
@options.accept_options
@options.traced
def prune(**switches: Any) -> int:
    """Audit again and take out what is gone; the shares of what shrank are lowered, nothing is accepted."""
    from auditor.cli.commands.baseline import Asked, prune

    return prune(Asked(**switches, reason=None, date=None))


@baseline.command()
@options.baseline_file
@options.as_json
@options.colored
@options.traced
def show(file: Path, wants_json: bool, color: str) -> int:
    """Show what was accepted."""
    from auditor.cli.commands.baseline import show

    console.put(show(file, None if wants_json else console.style(color)))
    return PASSED
