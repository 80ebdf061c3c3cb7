"""What `diff` does with its switches: two reports, read or made by one policy, and what changed between them.

It compares nothing itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from auditor.audit import audit
from auditor.cli import console
from auditor.cli.commands.audit import processors
from auditor.cli.console import FAILED, PASSED
from auditor.cli.paths import inputs_of
from auditor.diff.compare import Diff, diff
from auditor.diff.text import gated, headline, markdown_of, text_of
from auditor.errors import NothingToAudit
from auditor.inputs.source import Input
from auditor.policy.model import FailOn, Policy
from auditor.policy.settings import Switches, settle
from auditor.report.load import MAX_REPORT, is_report, read_report
from auditor.report.schema import Report
from auditor.writers.json import document

_SWITCHES = [field.name for field in fields(Switches)]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How inputs are read and judged, as it was asked."""

    profile: str | None
    policy_file: Path | None
    no_config: bool
    no_suppress: bool
    pedantic: bool
    rules_dir: Path | None
    formats: tuple[str, ...]
    stdin_name: str
    jobs: int | None
    date: str | None

    def policy(self) -> Policy:
        """The policy that holds; a switch that a command does not have says nothing."""
        return settle(Switches(**{n: getattr(self, n) for n in _SWITCHES if hasattr(self, n)}))[0]


@dataclass(frozen=True, kw_only=True)
class Asked(Reading):
    """The switches of one comparison, as they were given."""

    before: str
    after: str
    fmt: str
    fail_on: FailOn | None
    max_drop: int | None
    tolerance: str | None
    exit_zero: bool
    color: str


def run(asked: Asked) -> int:
    """One comparison from words to exit code."""
    policy = asked.policy()
    before, after = (report_of((word,), asked, policy) for word in (asked.before, asked.after))
    bounds = policy.thresholds
    held = diff(before, after, tolerance=bounds.tolerance, fail_on=policy.fail_on, max_drop=bounds.max_drop)
    console.put(_shown(held, asked))
    if not console.is_terminal():
        console.tell(f"auditor: {gated(held)}; {headline(held)}")
    return PASSED if held.gate.passed or asked.exit_zero else FAILED


def _shown(held: Diff, asked: Asked) -> bytes:
    if asked.fmt == "terminal":
        return text_of(held, console.style(asked.color))
    return markdown_of(held) if asked.fmt == "markdown" else document(held)


def report_of(words: Sequence[str], asked: Reading, policy: Policy) -> Report:
    """The report that one word names, or that the audit of all of them gives."""
    inputs, left_out = inputs_of(words, asked.formats, asked.stdin_name)
    for reason in left_out:
        console.tell(f"left out: {reason}")
    saved = _saved(inputs[0]) if len(inputs) == 1 else None
    if saved is not None:
        return read_report(saved, inputs[0].name)
    report = audit(
        inputs, policy, rules_dir=asked.rules_dir, jobs=asked.jobs or processors(), date=asked.date
    )
    if not report.totals.calls:
        held = ", ".join(f"{given.name} ({given.format})" for given in report.inputs)
        raise NothingToAudit(f"nothing to audit: no model call in {held}", "bring records of single calls")
    return report


def _saved(given: Input) -> bytes | None:
    """The bytes of an input that is a report of ours."""
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
