"""Gaps that the policy lives with: marked with reason and expiry, still counted, never dropped.

The only step that reads today's date, and only when a suppression expires; the report says which it used.
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


class Lived(NamedTuple):
    """The gaps with suppressions marked, the date used (null when none was needed), and what went wrong."""

    gaps: list[Gap]
    date: str | None
    expired: list[str]  # suppressions past their date whose gap is still there
    unused: list[str]  # suppressions that matched nothing

    @property
    def notes(self) -> list[str]:
        """What to tell, as sentences."""
        return [f"{text[0].upper()}{text[1:]}." for text in (*self.expired, *self.unused)]


def suppress(gaps: list[Gap], rules: Sequence[Suppression], inputs: Sequence[str], date: str | None) -> Lived:
    """Mark what the rules cover; of several that cover one gap the first holds.

    `inputs` are the names in the report: a suppression holds for a run that has an input of its pattern.
    """
    today = _today(date) if any(rule.until for rule in rules) else None
    used: set[int] = set()
    expired: list[str] = []
    out = []
    for gap in gaps:
        mark = None
        for n, rule in enumerate(rules):
            if not _covers(rule, gap, inputs):
                continue
            used.add(n)
            if rule.until and today and rule.until < today:
                expired.append(f"the suppression of {_named(rule)} expired on {rule.until}: {_reason(rule)}")
            elif mark is None:
                mark = Suppressed(reason=rule.reason, until=rule.until.isoformat() if rule.until else None)
        out.append(msgspec.structs.replace(gap, suppressed=mark) if mark else gap)
    unused = [
        f"the suppression of {_named(rule)} matched nothing: {_reason(rule)}"
        for n, rule in enumerate(rules)
        if n not in used
    ]
    return Lived(out, today.isoformat() if today else None, list(dict.fromkeys(expired)), unused)


def _today(date: str | None) -> datetime.date:
    try:
        return datetime.date.fromisoformat(date) if date else datetime.date.today()
    except ValueError:
        raise UsageError(f"--date: {date!r} is no date", "write it as YYYY-MM-DD") from None


def _covers(rule: Suppression, gap: Gap, inputs: Sequence[str]) -> bool:
    if rule.rule != gap.rule or rule.field not in (None, gap.field):
        return False
    return any(fnmatch(name, rule.input) for name in inputs)


def _named(rule: Suppression) -> str:
    return f"{rule.rule} on {rule.field}" if rule.field else rule.rule


def _reason(rule: Suppression) -> str:
    return rule.reason.strip().rstrip(".")
