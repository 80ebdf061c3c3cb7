"""Suppressions of the policy: gaps marked with reason and expiry date, still counted, never dropped.

Only this step reads today's date, and only when a suppression can expire; the report names the date it used.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from fnmatch import fnmatch
from typing import NamedTuple

import msgspec

from auditor.errors import UsageError
from auditor.policy.model import Suppression
from auditor.report.schema import Gap, Suppressed


class SuppressionResult(NamedTuple):
    """The gaps with suppressions marked, the date used (None when none was needed), and what went wrong."""

    gaps: list[Gap]
    date: str | None
    expired: list[str]  # suppressions past their date whose gap is still there
    unused: list[str]  # suppressions that matched nothing

    @property
    def notes(self) -> list[str]:
        """What went wrong, as sentences."""
        return [f"{text[0].upper()}{text[1:]}." for text in (*self.expired, *self.unused)]


def suppress(
    gaps: list[Gap], suppressions: Sequence[Suppression], inputs: Sequence[str], date: str | None
) -> SuppressionResult:
    """Mark the gaps that are suppressed; of several suppressions of one gap the first applies.

    `inputs` are the names in the report: a suppression applies to a run that has an input of its pattern.
    """
    today = _today(date) if any(entry.until for entry in suppressions) else None
    used: set[int] = set()
    expired: list[str] = []
    out = []
    for gap in gaps:
        mark = None
        for n, entry in enumerate(suppressions):
            if not _covers(entry, gap, inputs):
                continue
            used.add(n)
            if entry.until and today and entry.until < today:
                expired.append(
                    f"the suppression of {_target(entry)} expired on {entry.until}: {_reason(entry)}"
                )
            elif mark is None:
                mark = Suppressed(reason=entry.reason, until=entry.until.isoformat() if entry.until else None)
        out.append(msgspec.structs.replace(gap, suppressed=mark) if mark else gap)
    unused = [
        f"the suppression of {_target(entry)} matched nothing: {_reason(entry)}"
        for n, entry in enumerate(suppressions)
        if n not in used
    ]
    return SuppressionResult(out, today.isoformat() if today else None, list(dict.fromkeys(expired)), unused)


def _today(date: str | None) -> datetime.date:
    try:
        return datetime.date.fromisoformat(date) if date else datetime.date.today()
    except ValueError:
        raise UsageError(f"--date: {date!r} is no date", "write it as YYYY-MM-DD") from None


def _covers(entry: Suppression, gap: Gap, inputs: Sequence[str]) -> bool:
    if entry.rule != gap.rule or entry.field not in (None, gap.field):
        return False
    return any(fnmatch(name, entry.input) for name in inputs)


def _target(entry: Suppression) -> str:
    return f"{entry.rule} on {entry.field}" if entry.field else entry.rule


def _reason(entry: Suppression) -> str:
    return entry.reason.strip().rstrip(".")
