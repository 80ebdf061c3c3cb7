"""Whether a run passes: open gaps at or above the policy's level, the score, the spend without an owner.

It only reads what was found; exit codes are the command line's business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from auditor.catalogue.words import Level
from auditor.gate.suppressions import Lived
from auditor.policy.model import FailOn, Policy, Thresholds
from auditor.printing.text import share
from auditor.report.schema import Against, Gap, Gate

UNJUDGED = "what follows was not judged"  # how the reason ends that an input was not read to its end


def gate(
    gaps: list[Gap],
    policy: Policy,
    score: int = 100,
    lost: float = 0.0,
    against: Against | None = None,
    lived: Lived | None = None,
    unknown: float = 0.0,
) -> Gate:
    """Passed, or every reason why not; `lost` is the share of spend that nobody owns.

    `unknown` is the share of calls without an owner whose cost and tokens nobody knows.
    """
    reasons = []
    if policy.fail_on != "none":
        reasons = _loud(gaps, policy.fail_on, against) + (lived.expired if lived else [])
    if policy.strict and lived:
        reasons += [f"{text} (--strict)" for text in lived.unused]
    reasons += _bounds(policy.thresholds, score, lost, against, unknown)
    return Gate(passed=not reasons, reasons=reasons)


def unjudged(judged: Gate, policy: Policy, failures: Sequence[str]) -> Gate:
    """The gate over inputs of which some were not read to their end: it does not pass."""
    bounds = policy.thresholds
    bound = any(b is not None for b in (bounds.min_score, bounds.max_unattributed, bounds.max_drop))
    if not failures or (policy.fail_on == "none" and not bound):
        return judged
    return Gate(passed=False, reasons=[*failures, *judged.reasons])


def fell(before: int | None, after: int, most: int | None) -> list[str]:
    """The reason when a score fell by more points than `most`; nothing without a bound or a score before."""
    if most is None or before is None or before - after <= most:
        return []
    return [f"score fell from {before} to {after}, by more than {most} (max_drop)"]


def grown(gap: Gap) -> str:
    """What a gap did since the baseline."""
    if gap.accepted is None:
        return f"{gap.rule} on {gap.field} is new"
    return f"{gap.rule} on {gap.field} grew from {share(gap.accepted)} to {share(gap.share)}"


def _bounds(
    bounds: Thresholds, score: int, lost: float, against: Against | None, unknown: float
) -> list[str]:
    reasons = []
    if bounds.min_score is not None and score < bounds.min_score:
        reasons.append(f"score {score} is under {bounds.min_score} (min_score)")
    most = bounds.max_unattributed
    if most is not None and lost > most:
        reasons.append(f"{share(lost)} of spend has no owner, more than {most:.4g} (max_unattributed)")
    elif most is not None and unknown > most:
        reasons.append(
            f"{share(unknown)} of the calls have no owner, and neither cost nor tokens to weigh them by: "
            f"more than {most:.4g} (max_unattributed)"
        )
    return reasons + fell(against.score if against else None, score, bounds.max_drop)


def _loud(gaps: list[Gap], fail_on: FailOn, against: Against | None) -> list[str]:
    bound = Level(fail_on).rank
    loud = [g for g in gaps if g.suppressed is None and Level(g.level).rank <= bound]
    held = Counter(gap.level for gap in loud)
    gates = against is not None and against.gates
    since = " --new-only" if gates else ""
    reasons = [
        f"{held[level]} {'gap' if held[level] == 1 else 'gaps'} at level {level} (--fail-on {fail_on}{since})"
        for level in Level
        if held[level]
    ]
    return reasons + [grown(gap) for gap in loud] if gates else reasons
