"""The command `redact`: one input in, its redacted copy out, and whether an audit judges both the same."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auditor.cli import console, options
from auditor.cli.console import FAILED, PASSED
from auditor.cli.files import write_file
from auditor.errors import InputError, UsageError
from auditor.inputs.source import Input
from auditor.printing.text import plural

if TYPE_CHECKING:
    from auditor.report.schema import Report


@dataclass(frozen=True, kw_only=True)
class RedactSwitches:
    """The argument and switches of one run."""

    word: str
    output: Path | None
    formats: tuple[str, ...]
    stdin_name: str
    salt: str | None
    check: bool


@click.command("redact")
@click.argument("word", metavar="FILE")
@click.option(
    "-o",
    "--output",
    type=options.PATH,
    metavar="FILE",
    help="Write the copy here, packed when it ends in .gz.  [default: standard output]",
)
@click.option(
    "--as",
    "formats",
    multiple=True,
    metavar="FORMAT",
    help="Read as this format instead of recognising it.",
)
@options.stdin_name
@options.option(
    "--salt",
    metavar="TEXT",
    env="AUDITOR_SALT",
    help="A secret: copies made with the same one use the same pseudonyms.  [default: drawn anew]",
)
@click.option("--check/--no-check", default=True, help="Audit both and compare.  [default: --check]")
@options.tracebacks
def command(**given: Any) -> int:
    """Copy an input so that it can be shared.

    Values that name somebody (tenants, teams, users, accounts, request and trace ids, hosts, mails) are
    replaced, equal ones by equal pseudonyms of their own shape; prompts, answers and secrets are removed.
    Models, regions, operations, names of services and spans, numbers and times stay, and so does the format:
    an audit of the copy gives the same verdicts, which is checked. Of messages, lines of prose, paths and
    keys only the words of the formats and common ones stay. FILE is `-` for standard input.
    Read the copy before you share it.

    Exit code 0: the copy is judged as the input is. 1: it is not, and what differs was said. 2: no copy.
    """
    return _run(RedactSwitches(**given))


def _run(switches: RedactSwitches) -> int:
    from auditor.redact import redact

    given = _input(switches)
    copy = redact(given, switches.salt)
    changed = _differences(given, copy) if switches.check else []
    _write(copy, switches)
    if not changed:
        return PASSED
    shown = f"{', '.join(changed[:6])}{' …' if len(changed) > 6 else ''}"
    console.error_message(
        f"{given.name}: the copy is judged differently: {shown}",
        "it is safe to share as far as it goes, but it no longer shows what the input shows",
    )
    return FAILED


def _input(switches: RedactSwitches) -> Input:
    from auditor.cli.paths import inputs_of
    from auditor.inputs.archives import is_archive

    if Path(switches.word).is_dir():
        raise UsageError(f"{switches.word}: a folder", "redact its files one by one")
    (given, *more), _ = inputs_of([switches.word], switches.formats, switches.stdin_name)
    if more or given.archive or is_archive(given):
        raise UsageError(
            f"{switches.word}: more than one file", "unpack archives, and redact files one by one"
        )
    output = switches.output
    if output is not None and given.path is not None and output.exists() and output.samefile(given.path):
        raise UsageError(f"{output}: the input itself", "name another file with -o")
    return given


def _differences(given: Input, copy: bytes) -> list[str]:
    """The names of the counts in which the audits of the input and of the copy differ."""
    before = _counts(given)
    after = _counts(Input(given.name, data=copy, format=given.format, layer=given.layer))
    return [name for name in {**before, **after} if before.get(name) != after.get(name)]


def _counts(given: Input) -> Mapping[str, tuple[object, ...]]:
    """Counts of records and of every field and gap, all fields required; empty when the audit is refused."""
    from auditor.audit import audit
    from auditor.policy.model import Policy

    try:
        report = audit([given], Policy(profile="all"), planned=False)
    except InputError:
        return {}
    return _report_counts(report)


def _report_counts(report: Report) -> dict[str, tuple[object, ...]]:
    first = report.inputs[0]
    return {
        "records": (first.format, first.records, first.calls, first.skipped_total),
        **{f.field: (f.present, f.absent, f.mis_scoped, f.not_carried) for f in report.fields},
        **{f"{g.rule} {g.field}": (g.calls,) for g in report.gaps},
    }


def _write(copy: bytes, switches: RedactSwitches) -> None:
    if switches.output is None:
        console.write(copy)
        return
    packed = switches.output.suffix == ".gz"
    write_file(switches.output, gzip.compress(copy, mtime=0) if packed else copy)
    console.message(f"wrote {switches.output}, {plural(len(copy), 'byte')}; read it before you share it")
