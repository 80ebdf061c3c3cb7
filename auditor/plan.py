"""The ordered changes that close the required gaps, largest effect first.

It counts what each change touches that no earlier step has fixed; it changes nothing.
"""

from __future__ import annotations

import numpy as np

from auditor.judge import Judgement
from auditor.model import Step
from auditor.money import Weights
from auditor.rulebook import load_fixes, load_rules
from auditor.tally import Told

MAX_STEPS = 8


def plan(told: list[Told], judgement: Judgement, weights: Weights, required: set[str]) -> list[Step]:
    """Greedy cover: at each step the recipe that fixes the most weight of what is still open."""
    open_ = {
        (t.gap.rule, t.gap.field): t.rows.copy() for t in told if t.gap.verdict and t.gap.field in required
    }
    by_fix: dict[str, list[tuple[str, str]]] = {}
    recipes, rules = load_fixes(), {r.id: r for r in load_rules()}
    for rule, field in open_:
        for fix in rules[rule].fixes if rule in rules else ():
            if fix in recipes:
                by_fix.setdefault(fix, []).append((rule, field))
    steps: list[Step] = []
    while by_fix and len(steps) < MAX_STEPS:
        gains = {fix: sum(_mass(open_[g], weights) for g in gaps) for fix, gaps in by_fix.items()}
        best = max(sorted(gains), key=lambda f: gains[f])
        if gains[best] <= 0:
            break
        gaps = [g for g in by_fix.pop(best) if open_[g].any()]
        rows = np.any([open_[g] for g in gaps], axis=0)
        first = next(t for t in told if (t.gap.rule, t.gap.field) == gaps[0])
        place = next(
            (w.name for w in first.gap.where if w.dimension == "service"),
            first.gap.where[0].name if first.gap.where else "",
        )
        steps.append(
            Step(
                step=len(steps) + 1,
                change=recipes[best].title.replace("{field}", gaps[0][1]),
                where=place,
                fields=sorted({field for _, field in gaps}),
                calls_fixed=int(weights.count[rows].sum()),
                cost_fixed=int(weights.cost[rows].sum()) / 1e9,
                rules=sorted({rule for rule, _ in gaps}),
            )
        )
        for gap in gaps:
            open_[gap][:] = False
    return steps


def _mass(rows: np.ndarray, weights: Weights) -> int:
    return int(weights.weight[rows].sum()) + int(weights.count[rows].sum())
