"""The ordered changes that close the required gaps: at each step the one that makes most attributable.

It counts what each change touches that no earlier step has fixed; it changes nothing.
"""

from __future__ import annotations

import numpy as np

from auditor.arrays import Rows
from auditor.model import Step
from auditor.money import Weights
from auditor.rulebook import load_fixes
from auditor.tally import Told

MAX_STEPS = 8


def plan(told: list[Told], weights: Weights, required: set[str]) -> list[Step]:
    """Greedy cover of the required gaps by the recipes that fit them."""
    left = [t for t in told if t.gap.verdict and t.gap.field in required]
    steps: list[Step] = []
    while left and len(steps) < MAX_STEPS:
        by_fix: dict[str, list[Told]] = {}
        for item in left:
            for fix in item.recipes:
                by_fix.setdefault(fix, []).append(item)
        if not by_fix:
            break
        # what it weighs decides, then what it touches, then the recipe that was named first
        best = max(by_fix, key=lambda fix: _mass(by_fix[fix], weights))
        closed = by_fix[best]
        steps.append(_step(len(steps) + 1, best, closed, weights))
        left = [t for t in left if t not in closed]
    return steps


def _step(number: int, fix: str, closed: list[Told], weights: Weights) -> Step:
    rows = _rows(closed)
    where = closed[0].gap.where
    place = next((w.name for w in where if w.dimension == "service"), where[0].name if where else "")
    return Step(
        step=number,
        change=load_fixes()[fix].title.replace("{field}", closed[0].gap.field),
        where=place,
        fields=sorted({t.gap.field for t in closed}),
        calls_fixed=int(weights.count[rows].sum()),
        cost_fixed=int(weights.cost[rows].sum()) / 1e9,
        rules=sorted({t.gap.rule for t in closed}),
    )


def _rows(told: list[Told]) -> Rows:
    rows: Rows = np.any([t.rows for t in told], axis=0)
    return rows


def _mass(told: list[Told], weights: Weights) -> tuple[int, int]:
    rows = _rows(told)
    return int(weights.weight[rows].sum()), int(weights.count[rows].sum())
