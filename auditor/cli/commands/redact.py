"""What `redact` does with its switches: one input in, its redacted copy out, and whether both tell the same.

It writes over nothing that it reads.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from auditor.audit import audit
from auditor.cli import console
from auditor.cli.console import FAILED, PASSED
from auditor.cli.outputs import write_file
from auditor.cli.paths import inputs_of
from auditor.errors import InputError, UsageError
from auditor.inputs.archives import is_archive
from auditor.inputs.source import Input
from auditor.policy.model import Policy
from auditor.printing.text import plural
from auditor.redact import redact
from auditor.report.schema import Report

Seen = Mapping[str, tuple[object, ...]]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The switches of one run, as they were given."""

    word: str
    output: Path | None
    formats: tuple[str, ...]
    stdin_name: str
    salt: str | None
    check: bool


def run(asked: Asked) -> int:
    """One copy from word to exit code: 1 when an audit of it would not give the same verdicts."""
    given = _input(asked)
    copy = redact(given, asked.salt)
    changed = _differences(given, copy) if asked.check else []
    _write(copy, asked)
    if not changed:
        return PASSED
    shown = f"{', '.join(changed[:6])}{' …' if len(changed) > 6 else ''}"
    console.complain(
        f"{given.name}: the copy is judged differently: {shown}",
        "it is safe to share as far as it goes, but it no longer shows what the input shows",
    )
    return FAILED


def _input(asked: Asked) -> Input:
    if Path(asked.word).is_dir():
        raise UsageError(f"{asked.word}: a folder", "redact its files one by one")
    (given, *more), _ = inputs_of([asked.word], asked.formats, asked.stdin_name)
    if more or given.archive or is_archive(given):
        raise UsageError(f"{asked.word}: more than one file", "unpack archives, and redact files one by one")
    over = asked.output is not None and given.path is not None and asked.output.exists()
    if over and asked.output.samefile(given.path):  # type: ignore[union-attr,arg-type]
        raise UsageError(f"{asked.output}: the input itself", "name another file with -o")
    return given


def _differences(given: Input, copy: bytes) -> list[str]:
    """What an audit tells of the input and not of the copy, or the other way round."""
    before, after = _seen(given), _seen(Input(given.name, data=copy, format=given.format, layer=given.layer))
    return [name for name in {**before, **after} if before.get(name) != after.get(name)]


def _seen(given: Input) -> Seen:
    """Counts of every field and gap under the widest profile; nothing where the audit is refused."""
    try:
        report = audit([given], Policy(profile="all"), planned=False)
    except InputError:
        return {}
    return {**_read(report), **_judged(report)}


def _read(report: Report) -> Seen:
    one = report.inputs[0]
    return {"records": (one.format, one.records, one.calls, one.skipped_total)}


def _judged(report: Report) -> Seen:
    fields = {f.field: (f.present, f.absent, f.mis_scoped, f.not_carried) for f in report.fields}
    return fields | {f"{g.rule} {g.field}": (g.calls,) for g in report.gaps}


def _write(copy: bytes, asked: Asked) -> None:
    if asked.output is None:
        console.put(copy)
        return
    packed = asked.output.suffix == ".gz"
    write_file(asked.output, gzip.compress(copy, mtime=0) if packed else copy)
    console.tell(f"wrote {asked.output}, {plural(len(copy), 'byte')}; read it before you share it")
