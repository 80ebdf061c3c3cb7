"""Whether a run passes: open gaps at or above the policy's level, the score, the spend without an owner."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from auditor.catalogue.words import Level
from auditor.gate.suppressions import SuppressionResult
from auditor.policy.model import FailOn, Policy, Thresholds
from auditor.printing.text import plural, share
from auditor.report.schema import Against, Gap, Gate

UNJUDGED = "what follows was not judged"  # how the reason ends that an input was not read to its end


def gate(
    gaps: list[Gap],
    policy: Policy,
    *,
    score: int,
    lost: float,
    unknown: float,
    against: Against | None,
    suppressions: SuppressionResult,
    failures: Sequence[str] = (),
) -> Gate:
    """Passed, or every reason why not.

    `lost` is the share of spend without an owner, `unknown` the share of calls that have no owner, cost or
    tokens; `failures` name the inputs that were not read to their end.
    """
    reasons = []
    if policy.fail_on != "none":
        reasons = _gaps_at_level(gaps, policy.fail_on, against) + suppressions.expired
    if policy.strict:
        reasons += [f"{text} (--strict)" for text in suppressions.unused]
    reasons += _bounds(policy.thresholds, score, lost, unknown, against)
    if failures and (policy.fail_on != "none" or _has_bound(policy.thresholds)):
        reasons = [*failures, *reasons]
    return Gate(passed=not reasons, reasons=reasons)


def _has_bound(bounds: Thresholds) -> bool:
    return any(b is not None for b in (bounds.min_score, bounds.max_unattributed, bounds.max_drop))


def score_drop(before: int | None, after: int, most: int | None) -> list[str]:
    """The reason when a score fell by more than `most` points; empty without a bound or a score before."""
    if most is None or before is None or before - after <= most:
        return []
    return [f"score fell from {before} to {after}, by more than {most} (max_drop)"]


def growth(rule: str, field: str, before: float | None, after: float) -> str:
    """That a gap is new, or from which share (0 to 1) to which it grew."""
    what = f"{rule} on {field}"
    return f"{what} is new" if before is None else f"{what} grew from {share(before)} to {share(after)}"


def _bounds(
    bounds: Thresholds, score: int, lost: float, unknown: float, against: Against | None
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
    return reasons + score_drop(against.score if against else None, score, bounds.max_drop)


def _gaps_at_level(gaps: list[Gap], fail_on: FailOn, against: Against | None) -> list[str]:
    bound = Level(fail_on).rank
    failing = [g for g in gaps if g.suppressed is None and Level(g.level).rank <= bound]
    by_level = Counter(gap.level for gap in failing)
    gates = against is not None and against.gates
    since = " --new-only" if gates else ""
    reasons = [
        f"{plural(by_level[level], 'gap')} at level {level} (--fail-on {fail_on}{since})"
        for level in Level
        if by_level[level]
    ]
    return (
        reasons + [growth(gap.rule, gap.field, gap.accepted, gap.share) for gap in failing]
        if gates
        else reasons
    )
