"""What `baseline` does with its switches: write, prune and show the file of accepted gaps.

It judges nothing: what is accepted is what an audit found.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from auditor.cli import console
from auditor.cli.commands.diff import Reading, report_of
from auditor.cli.console import PASSED
from auditor.cli.outputs import is_file, write_file
from auditor.errors import UsageError
from auditor.gate.baseline import accept, document, read
from auditor.gate.baseline import prune as pruned
from auditor.printing.ink import Style
from auditor.printing.page import Page
from auditor.printing.text import plural, share


@dataclass(frozen=True, kw_only=True)
class Asked(Reading):
    """The switches of `write` or `prune`, as they were given."""

    words: tuple[str, ...]
    file: Path
    reason: str | None


def write(asked: Asked) -> int:
    """Accept every open gap of what was named."""
    if asked.date is not None:
        _checked(asked.date)
    policy = asked.policy()
    before = read(asked.file) if is_file(asked.file) else None
    report = report_of(asked.words, asked, policy)
    tolerance = policy.thresholds.tolerance
    held = accept(report, before, tolerance=tolerance, date=asked.date, reason=asked.reason)
    write_file(asked.file, document(held))
    kept = {entry.fingerprint for entry in before.gaps} if before else set()
    again = sum(entry.fingerprint in kept for entry in held.gaps)
    console.tell(
        f"wrote {asked.file}: {plural(len(held.gaps), 'gap')} accepted, {again} of them before, "
        f"{len(kept) - again} dropped; `auditor audit --new-only` holds a run against it"
    )
    return PASSED


def prune(asked: Asked) -> int:
    """Take out what is gone."""
    before = read(asked.file)
    held = pruned(before, report_of(asked.words, asked, asked.policy()))
    write_file(asked.file, document(held))
    gone = len(before.gaps) - len(held.gaps)
    console.tell(f"wrote {asked.file}: {plural(gone, 'gap')} gone, {len(held.gaps)} left")
    return PASSED


def show(path: Path, style: Style | None) -> bytes:
    """The baseline as a table, or as JSON without a style."""
    held = read(path)
    if style is None:
        return document(held)
    page = Page(style)
    page.prose(
        f"{path}: {plural(len(held.gaps), 'gap')} accepted, profile {held.profile}, score {held.score}"
    )
    if held.gaps:
        rows = [(e.rule, e.field, share(e.share), e.date or "-", e.reason or "-") for e in held.gaps]
        page.add()
        page.table(("rule", "field", "share", "accepted", "reason"), rows)
    return page.bytes()


def _checked(date: str) -> None:
    try:
        datetime.date.fromisoformat(date)
    except ValueError:
        raise UsageError(f"--date: {date!r} is no date", "write it as YYYY-MM-DD") from None
