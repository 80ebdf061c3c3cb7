"""The command `audit`: inputs and policy in, a report to standard output and files, an exit code."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auditor.cli import console, options
from auditor.cli.console import ERROR, FAILED, PASSED
from auditor.cli.files import write_file
from auditor.errors import AuditError, NothingToAudit
from auditor.printing.text import count, plural
from auditor.writers import Options, Writer, by_suffix, writer

if TYPE_CHECKING:
    from auditor.gate.baseline import Baseline
    from auditor.inputs.source import Input
    from auditor.policy.model import Policy
    from auditor.report.schema import InputReport, Report


@dataclass(frozen=True, kw_only=True)
class AuditSwitches(options.InputSwitches):
    """The arguments and switches of one run."""

    words: tuple[str, ...]
    fmt: str
    sarif: str
    outputs: tuple[Path, ...]
    show_values: bool
    baseline: Path | None
    exit_zero: bool
    allow_empty: bool
    color: str
    quiet: bool
    verbose: int


@click.command("audit")
@click.argument("words", metavar="[NAME=]PATH...", nargs=-1)
@options.policy
@options.inputs
@options.report_format
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    type=options.PATH,
    metavar="FILE",
    help="Write the report here as well, the format by the suffix. Repeatable.",
)
@click.option(
    "--sarif",
    type=click.Choice(["github", "full"]),
    default="github",
    show_default=True,
    help="What SARIF holds: what GitHub reads, or all of it: passed rules, suppressed gaps.",
)
@options.jobs
@click.option("--show-values", is_flag=True, help="Show values in excerpts instead of masking them.")
@options.gate
@options.baseline
@options.tolerance
@options.exit_zero
@click.option("--allow-empty", is_flag=True, help="Exit 0 when there is nothing to audit.")
@options.date
@options.color
@click.option("-q", "--quiet", is_flag=True, help="Print the last two lines only: counts, score and gate.")
@options.verbose("Tell how each input was read and how long it took; -vv adds tracebacks.")
@click.pass_context
def command(ctx: click.Context, /, words: Sequence[str], **switches: Any) -> int:
    """Audit telemetry, gateway logs and bills together.

    PATH is a file, a folder or `-` for standard input. With NAME= the inputs are hops of one system,
    followed over them: auditor audit app=spans.json gateway=spend.jsonl bill=cur.csv

    Exit code 0: the gate passed. 1: it failed. 2: the audit could not run, or there was nothing to audit.
    """
    if not words:
        if sys.stdin is not None and sys.stdin.isatty():
            console.to_stderr(ctx.get_help())
            return ERROR
        words = ("-",)
    return _run(AuditSwitches(words=tuple(words), **switches))


def _run(switches: AuditSwitches) -> int:
    from auditor.audit import audit
    from auditor.cli.paths import inputs_of
    from auditor.policy.settings import effective_policy

    if switches.verbose > 1:
        console.show_tracebacks()
    files = {path: by_suffix(path.name) for path in switches.outputs}
    policy, policy_file = effective_policy(switches)
    baseline = _baseline(switches.baseline, policy)
    start = time.monotonic()
    try:
        inputs, left_out = inputs_of(switches.words, switches.formats, switches.stdin_name)
        with console.Progress(f"auditing {plural(len(inputs), 'input')}", switches.color):
            report = audit(
                inputs,
                policy,
                rules_dir=switches.rules_dir,
                jobs=switches.processes,
                show_values=switches.show_values,
                date=switches.date,
                baseline=baseline,
            )
    except NothingToAudit as error:
        if not switches.allow_empty:
            raise
        console.message(f"{error.message}: allowed by --allow-empty")
        return PASSED
    for reason in left_out:
        console.message(f"left out: {reason}")
    if switches.verbose:
        if policy_file.path:
            console.message(f"policy: {policy_file.path}")
        _log_reading(report, time.monotonic() - start)
    _write(report, inputs, switches, files)
    return _exit_code(report, switches)


def _baseline(path: Path | None, policy: Policy) -> Baseline | None:
    """The baseline that was named, or the default one when the gate needs one."""
    from auditor.gate.baseline import read

    needed = policy.new_only or policy.thresholds.max_drop is not None
    return read(path or Path(options.BASELINE)) if path or needed else None


def _log_reading(report: Report, seconds: float) -> None:
    for given in report.inputs:
        console.message(f"{given.name}: {_reading(given)}")
    rules = report.ruleset
    console.message(
        f"{plural(len(rules.rules), 'rule')}, ruleset {rules.version} ({rules.digest}), {seconds:.2f} s"
    )


def _reading(given: InputReport) -> str:
    also = f" (or {given.also})" if given.also else ""
    counts = (plural(given.bytes, "byte"), plural(given.records, "record"), plural(given.calls, "call"))
    skipped = f", {count(given.skipped_total)} unreadable" if given.skipped_total else ""
    return f"read as {given.format}{also}, layer {given.layer}: {', '.join(counts)}{skipped}"


def _write(
    report: Report, inputs: Sequence[Input], switches: AuditSwitches, files: Mapping[Path, Writer]
) -> None:
    from auditor.report.quotes import handbook
    from auditor.report.sentences import one_line

    links = {given.name: given.path.resolve().as_uri() for given in inputs if given.path}
    file_options = Options(handbook=handbook(switches.rules_dir), full=switches.sarif == "full")
    style = console.style(switches.color, quiet=switches.quiet, links=links)
    failure: AuditError | None = None
    try:
        console.write(writer(switches.fmt).write(report, replace(file_options, style=style)))
    except AuditError as error:
        failure = error  # the files may still be written
    for path, file_writer in files.items():
        write_file(path, file_writer.write(report, file_options))
        console.message(f"wrote {path}")
    if failure is not None:
        raise failure
    if not console.is_terminal():
        console.message(f"auditor: {one_line(report)}")


def _exit_code(report: Report, switches: AuditSwitches) -> int:
    from auditor.gate.gate import UNJUDGED

    if report.totals.calls:
        return PASSED if report.gate.passed or switches.exit_zero else FAILED
    if any(reason.endswith(UNJUDGED) for reason in report.gate.reasons):
        return ERROR
    if switches.allow_empty:
        return PASSED
    names = ", ".join(f"{given.name} ({given.format})" for given in report.inputs)
    hint = "bring records of single calls: spans, gateway rows, invocation logs; --allow-empty accepts this"
    console.error_message(f"nothing to audit: no model call in {names}", hint)
    return ERROR
