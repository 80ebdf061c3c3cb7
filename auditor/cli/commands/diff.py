"""The command `diff`: two reports, read or made by one policy, and what changed between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from auditor.cli import console, options
from auditor.cli.console import FAILED, PASSED
from auditor.errors import NothingToAudit

if TYPE_CHECKING:
    from auditor.inputs.source import Input
    from auditor.policy.model import Policy
    from auditor.report.schema import Report


@dataclass(frozen=True, kw_only=True)
class DiffSwitches(options.InputSwitches):
    """The arguments and switches of one comparison."""

    before: str
    after: str
    fmt: str
    exit_zero: bool
    color: str


@click.command("diff", short_help="Compare two audits: what is new, gone or grown.")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@options.policy
@options.inputs
@click.option(
    "--format",
    "fmt",
    type=click.Choice(["terminal", "markdown", "json"]),
    default="terminal",
    show_default=True,
    help="What standard output gets.",
)
@options.fail_on
@options.max_drop
@options.tolerance
@options.exit_zero
@options.jobs
@options.date
@options.color
@options.tracebacks
def command(**given: Any) -> int:
    """Compare two audits: what is new, gone, grown, shrunk or moved, by field and by money.

    A and B are reports (`auditor audit --format json`) or inputs, which are then audited by one policy: a
    file, a folder or `-`. Gaps are the same when rule, field, scope, key and input are, whatever the values.

    Exit code 0: nothing at the level of --fail-on is new or grew. 1: something is or did. 2: no comparison.
    """
    from auditor.diff.compare import diff
    from auditor.diff.text import gated, headline, markdown_of, text_of
    from auditor.policy.settings import effective_policy

    switches = DiffSwitches(**given)
    policy, _ = effective_policy(switches)
    before, after = (report_of((word,), switches, policy) for word in (switches.before, switches.after))
    bounds = policy.thresholds
    changes = diff(
        before, after, tolerance=bounds.tolerance, fail_on=policy.fail_on, max_drop=bounds.max_drop
    )
    if switches.fmt == "json":
        console.write_json(changes)
    elif switches.fmt == "markdown":
        console.write(markdown_of(changes))
    else:
        console.write(text_of(changes, console.style(switches.color)))
    if not console.is_terminal():
        console.message(f"auditor: {gated(changes)}; {headline(changes)}")
    return PASSED if changes.gate.passed or switches.exit_zero else FAILED


def report_of(words: Sequence[str], switches: options.InputSwitches, policy: Policy) -> Report:
    """The JSON report that a single word names, else the report of an audit of all words.

    NothingToAudit when that audit has no call.
    """
    from auditor.audit import audit
    from auditor.cli.paths import inputs_of
    from auditor.report.load import read_report

    inputs, left_out = inputs_of(words, switches.formats, switches.stdin_name)
    for reason in left_out:
        console.message(f"left out: {reason}")
    saved = _saved_report(inputs[0]) if len(inputs) == 1 else None
    if saved is not None:
        return read_report(saved, inputs[0].name)
    report = audit(inputs, policy, rules_dir=switches.rules_dir, jobs=switches.processes, date=switches.date)
    if not report.totals.calls:
        names = ", ".join(f"{given.name} ({given.format})" for given in report.inputs)
        raise NothingToAudit(f"nothing to audit: no model call in {names}", "bring records of single calls")
    return report


def _saved_report(given: Input) -> bytes | None:
    """The bytes of an input that is a JSON report; None when it is not."""
    from auditor.report.load import MAX_REPORT, is_report

    if given.data is not None:
        return given.data if is_report(given.data) else None
    path = given.path
    if path is None or path.stat().st_size > MAX_REPORT:
        return None
    with path.open("rb") as file:
        head = file.read(64)
        if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
            return None
        data = head + file.read()
    return data if is_report(data) else None
