"""Whether a run passes: open gaps at or above the policy's level.

It only reads the gaps; exit codes are the command line's business.
"""

from __future__ import annotations

from collections import Counter

from auditor.model import Gap, Gate, Level
from auditor.settings import FailOn


def gate(gaps: list[Gap], fail_on: FailOn) -> Gate:
    """Passed, or every reason why not."""
    if fail_on == "none":
        return Gate(passed=True, reasons=[])
    bound = Level(fail_on).rank
    open_ = Counter(g.level for g in gaps if g.suppressed is None and Level(g.level).rank <= bound)
    reasons = [
        f"{open_[level]} {'gap' if open_[level] == 1 else 'gaps'} at level {level} (--fail-on {fail_on})"
        for level in Level
        if open_[level]
    ]
    return Gate(passed=not reasons, reasons=reasons)
