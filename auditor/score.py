"""The score, formula "1": how much of the weight of each required field is present, capped by lost owners.

It reads counts only; `docs/scoring.md` explains it and is tested against these constants.
"""

from __future__ import annotations

from auditor.model import Cap, Score

FORMULA = "1"
BANDS = ((90, "ready"), (75, "minor gaps"), (50, "needs work"), (0, "not chargeable"))
CAPS = ((0.20, 49), (0.02, 74))  # share of spend without an owner above which the score is capped


def score(shares: list[tuple[int, float, float]], unattributed: float, uncheckable: list[str]) -> Score:
    """`shares`: for each requirement its weight, the share present and the share that is checkable (0 to 1).

    A requirement of which nothing is checkable is left out; with none left the score is 0.
    """
    total = sum(weight for weight, _, checkable in shares if checkable > 0)
    gained = sum(weight * present / checkable for weight, present, checkable in shares if checkable > 0)
    value = int(100 * gained / total + 0.5) if total else 0
    caps = []
    for bound, cap in CAPS:
        if unattributed > bound:
            lost, most = f"{100 * unattributed:.0f} %", f"{100 * bound:.0f} %"
            caps.append(Cap(at=cap, reason=f"{lost} of spend has no owner (more than {most})"))
            break
    for cap_ in caps:
        value = min(value, cap_.at)
    band = next(name for least, name in BANDS if value >= least)
    return Score(value=value, band=band, formula=FORMULA, caps=caps, uncheckable=uncheckable)
