"""Whether a run passes: open gaps at or above the policy's level, the score, the spend without an owner.

It only reads the gaps; exit codes are the command line's business.
"""

from __future__ import annotations

from collections import Counter

from auditor.model import Gap, Gate, Level
from auditor.settings import FailOn, Thresholds
from auditor.text import share


def gate(
    gaps: list[Gap], fail_on: FailOn, bounds: Thresholds | None = None, score: int = 100, lost: float = 0.0
) -> Gate:
    """Passed, or every reason why not; `lost` is the share of spend that nobody owns."""
    reasons = [] if fail_on == "none" else _loud(gaps, fail_on)
    bounds = bounds or Thresholds()
    if bounds.min_score is not None and score < bounds.min_score:
        reasons.append(f"score {score} is under {bounds.min_score} (min_score)")
    most = bounds.max_unattributed
    if most is not None and lost > most:
        reasons.append(f"{share(lost)} of spend has no owner, more than {most:.4g} (max_unattributed)")
    return Gate(passed=not reasons, reasons=reasons)


def _loud(gaps: list[Gap], fail_on: str) -> list[str]:
    bound = Level(fail_on).rank
    open_ = Counter(g.level for g in gaps if g.suppressed is None and Level(g.level).rank <= bound)
    return [
        f"{open_[level]} {'gap' if open_[level] == 1 else 'gaps'} at level {level} (--fail-on {fail_on})"
        for level in Level
        if open_[level]
    ]
