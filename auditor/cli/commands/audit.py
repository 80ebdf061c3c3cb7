"""What `audit` does with its switches: inputs and policy in, report to output and files, an exit code.

It judges nothing: verdicts, score and gate are in the report.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from auditor.audit import audit
from auditor.cli import console
from auditor.cli.console import COULD_NOT, FAILED, PASSED
from auditor.cli.outputs import write_file
from auditor.cli.paths import inputs_of
from auditor.errors import AuditError, NothingToAudit
from auditor.gate.baseline import FILE, Baseline, read
from auditor.gate.gate import UNJUDGED
from auditor.inputs.source import Input
from auditor.policy.model import FailOn, Policy
from auditor.policy.settings import Switches, settle
from auditor.printing.text import count, plural
from auditor.report.quotes import handbook
from auditor.report.schema import InputReport, Report
from auditor.report.sentences import one_line
from auditor.writers import Options, Writer, by_suffix, writer

_SWITCHES = [field.name for field in fields(Switches)]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The switches of one run, as they were given."""

    words: tuple[str, ...]
    profile: str | None
    policy_file: Path | None
    no_config: bool
    rules_dir: Path | None
    formats: tuple[str, ...]
    stdin_name: str
    fmt: str
    sarif: str
    outputs: tuple[Path, ...]
    jobs: int | None
    show_values: bool
    fail_on: FailOn | None
    min_score: int | None
    max_unattributed: str | None
    max_drop: int | None
    tolerance: str | None
    new_only: bool
    strict: bool
    pedantic: bool
    no_suppress: bool
    baseline: Path | None
    exit_zero: bool
    allow_empty: bool
    date: str | None
    color: str
    quiet: bool
    verbose: int


def run(asked: Asked) -> int:
    """One audit from words to exit code."""
    if asked.verbose > 1:
        console.trace()
    files = [(path, by_suffix(path.name)) for path in asked.outputs]
    policy, file = settle(Switches(**{name: getattr(asked, name) for name in _SWITCHES}))
    baseline = held_against(asked.baseline, policy)
    begun = time.monotonic()
    try:
        inputs, left_out = inputs_of(asked.words, asked.formats, asked.stdin_name)
        with console.Waiting(f"auditing {plural(len(inputs), 'input')}", asked.color):
            report = audit(
                inputs,
                policy,
                rules_dir=asked.rules_dir,
                jobs=asked.jobs or processors(),
                show_values=asked.show_values,
                date=asked.date,
                baseline=baseline,
            )
    except NothingToAudit as error:
        if not asked.allow_empty:
            raise
        console.tell(f"{error.message}: allowed by --allow-empty")
        return PASSED
    for reason in left_out:
        console.tell(f"left out: {reason}")
    if asked.verbose:
        if file.path:
            console.tell(f"policy: {file.path}")
        _how(report, time.monotonic() - begun)
    _write(report, inputs, asked, files)
    return _leave(report, asked)


def held_against(path: Path | None, policy: Policy) -> Baseline | None:
    """The baseline that was named, or the usual one where the gate asks for it."""
    needed = policy.new_only or policy.thresholds.max_drop is not None
    return read(path or Path(FILE)) if path or needed else None


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _how(report: Report, seconds: float) -> None:
    for given in report.inputs:
        console.tell(f"{given.name}: {_read(given)}")
    rules = report.ruleset
    console.tell(
        f"{plural(len(rules.rules), 'rule')}, ruleset {rules.version} ({rules.digest}), {seconds:.2f} s"
    )


def _read(given: InputReport) -> str:
    also = f" (or {given.also})" if given.also else ""
    parts = (plural(given.bytes, "byte"), plural(given.records, "record"), plural(given.calls, "call"))
    skipped = f", {count(given.skipped_total)} unreadable" if given.skipped_total else ""
    return f"read as {given.format}{also}, layer {given.layer}: {', '.join(parts)}{skipped}"


def _write(
    report: Report, inputs: Sequence[Input], asked: Asked, files: Sequence[tuple[Path, Writer]]
) -> None:
    links = {given.name: given.path.resolve().as_uri() for given in inputs if given.path}
    filed = Options(handbook=handbook(asked.rules_dir), full=asked.sarif == "full")
    shown = console.style(asked.color, quiet=asked.quiet, links=links)
    lost: AuditError | None = None
    try:
        console.put(writer(asked.fmt).write(report, replace(filed, style=shown)))
    except AuditError as error:
        lost = error  # the files may still be written
    for path, kind in files:
        write_file(path, kind.write(report, filed))
        console.tell(f"wrote {path}")
    if lost is not None:
        raise lost
    if not console.is_terminal():
        console.tell(f"auditor: {one_line(report)}")


def _leave(report: Report, asked: Asked) -> int:
    if not report.totals.calls:
        if any(reason.endswith(UNJUDGED) for reason in report.gate.reasons):
            return COULD_NOT
        if asked.allow_empty:
            return PASSED
        held = ", ".join(f"{given.name} ({given.format})" for given in report.inputs)
        hint = (
            "bring records of single calls: spans, gateway rows, invocation logs; --allow-empty accepts this"
        )
        console.complain(f"nothing to audit: no model call in {held}", hint)
        return COULD_NOT
    return PASSED if report.gate.passed or asked.exit_zero else FAILED
