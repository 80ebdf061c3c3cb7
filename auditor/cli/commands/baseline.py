"""The commands `baseline write`, `prune` and `show`: the file of accepted gaps."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from auditor.cli import console, options
from auditor.cli.commands.diff import report_of
from auditor.cli.console import PASSED
from auditor.cli.files import is_file, write_file
from auditor.errors import UsageError
from auditor.printing.page import Page
from auditor.printing.text import plural, share


@dataclass(frozen=True, kw_only=True)
class BaselineSwitches(options.InputSwitches):
    """The arguments and switches of `write` and `prune`."""

    words: tuple[str, ...]
    file: Path
    date: str | None = None  # of `write`: the day of acceptance
    reason: str | None = None


_WORDS = click.argument("words", metavar="[NAME=]PATH...", nargs=-1, required=True)


@click.group("baseline", short_help="Accept the gaps of today: later runs fail on new ones.")
def command() -> None:
    """Accept the gaps of today, so that `audit --new-only` fails on those of tomorrow.

    The file holds each gap's fingerprint, rule, field and share, and no line and no value: commit it.
    """


@command.command()
@_WORDS
@options.policy
@options.inputs
@options.jobs
@options.baseline_file
@click.option("--reason", metavar="TEXT", help="Why they are accepted; kept for those accepted before.")
@click.option("--date", metavar="YYYY-MM-DD", help="The day on which they are accepted; none without it.")
@options.tracebacks
def write(**given: Any) -> int:
    """Audit inputs, or take a report in JSON, and accept every open gap.

    A gap that was accepted before keeps its day and its reason, and its share when it did not grow.
    """
    from auditor.gate.baseline import accept, document, read
    from auditor.policy.settings import effective_policy

    switches = BaselineSwitches(**given)
    _check_date(switches.date)
    policy, _ = effective_policy(switches)
    before = read(switches.file) if is_file(switches.file) else None
    report = report_of(switches.words, switches, policy)
    tolerance = policy.thresholds.tolerance
    accepted = accept(report, before, tolerance=tolerance, date=switches.date, reason=switches.reason)
    write_file(switches.file, document(accepted))
    old = {entry.fingerprint for entry in before.gaps} if before else set()
    again = sum(entry.fingerprint in old for entry in accepted.gaps)
    console.message(
        f"wrote {switches.file}: {plural(len(accepted.gaps), 'gap')} accepted, {again} of them before, "
        f"{len(old) - again} dropped; `auditor audit --new-only` holds a run against it"
    )
    return PASSED


def _check_date(date: str | None) -> None:
    try:
        if date is not None:
            datetime.date.fromisoformat(date)
    except ValueError:
        raise UsageError(f"--date: {date!r} is no date", "write it as YYYY-MM-DD") from None


@command.command("prune")
@_WORDS
@options.policy
@options.inputs
@options.jobs
@options.baseline_file
@options.tracebacks
def prune_command(**given: Any) -> int:
    """Audit again and take out what is gone; the shares of what shrank are lowered, nothing is accepted."""
    from auditor.gate.baseline import document, prune, read
    from auditor.policy.settings import effective_policy

    switches = BaselineSwitches(**given)
    before = read(switches.file)
    policy, _ = effective_policy(switches)
    left = prune(before, report_of(switches.words, switches, policy))
    write_file(switches.file, document(left))
    gone = len(before.gaps) - len(left.gaps)
    console.message(f"wrote {switches.file}: {plural(gone, 'gap')} gone, {len(left.gaps)} left")
    return PASSED


@command.command()
@options.baseline_file
@options.as_json
@options.color
@options.tracebacks
def show(file: Path, wants_json: bool, color: str) -> int:
    """Show what was accepted."""
    from auditor.gate.baseline import document, read

    baseline = read(file)
    if wants_json:
        console.write(document(baseline))
        return PASSED
    page = Page(console.style(color))
    accepted = plural(len(baseline.gaps), "gap")
    page.prose(f"{file}: {accepted} accepted, profile {baseline.profile}, score {baseline.score}")
    if baseline.gaps:
        rows = [(e.rule, e.field, share(e.share), e.date or "-", e.reason or "-") for e in baseline.gaps]
        page.add()
        page.table(("rule", "field", "share", "accepted", "reason"), rows)
    console.write(page.bytes())
    return PASSED
