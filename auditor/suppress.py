"""Gaps that the policy lives with: marked with reason and expiry, still counted, never dropped.

The only step that reads today's date, and only when a suppression expires; the report says which it used.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from fnmatch import fnmatch

import msgspec

from auditor.errors import UsageError
from auditor.model import Gap, Suppressed
from auditor.settings import Suppression


def suppress(
    gaps: list[Gap], rules: Sequence[Suppression], inputs: Sequence[str], date: str | None
) -> tuple[list[Gap], str | None, list[str]]:
    """The gaps with suppressions marked, the date used (null when none was needed), and what to tell."""
    today = None
    if any(rule.until for rule in rules):
        try:
            today = datetime.date.fromisoformat(date) if date else datetime.date.today()
        except ValueError:
            raise UsageError(f"--date: {date!r} is no date", "write it as YYYY-MM-DD") from None
    notes, used = [], set()
    out = []
    for gap in gaps:
        mark = None
        for i, rule in enumerate(rules):
            if rule.rule != gap.rule or rule.field not in (None, gap.field):
                continue
            if not any(fnmatch(name, rule.input) for name in inputs):
                continue
            used.add(i)
            if rule.until and today and rule.until < today:
                notes.append(f"The suppression of {rule.rule} expired on {rule.until}: {rule.reason}")
                continue
            mark = Suppressed(reason=rule.reason, until=rule.until.isoformat() if rule.until else None)
        out.append(msgspec.structs.replace(gap, suppressed=mark) if mark else gap)
    notes += [
        f"The suppression of {r.rule} matched nothing: {r.reason}"
        for i, r in enumerate(rules)
        if i not in used
    ]
    return out, today.isoformat() if today else None, list(dict.fromkeys(notes))
