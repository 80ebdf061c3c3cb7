"""Which change to make next: the recipe, at one hop, that makes most attributable.

It counts what a change touches; it changes nothing, and whether it helps is for the rules to say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from auditor.catalogue.rules import load_fixes
from auditor.evidence.arrays import Rows
from auditor.report.schema import Step
from auditor.tally.fields import Told
from auditor.tally.weights import Weights

MAX_STEPS = 8


@dataclass(frozen=True)
class Planned:
    """One step and the gaps that it closes."""

    step: Step
    closes: list[Told]


@dataclass(frozen=True)
class Ground:
    """What a change is weighed by: `place` gives the hop of a gap and its name, `reach` what it gets to."""

    weights: Weights
    place: Callable[[Told], tuple[int, str]]
    reach: Callable[[Told], Rows]


def next_step(left: Sequence[Told], number: int, ground: Ground) -> Planned | None:
    """The change that weighs most; of equals the one at the earlier hop, then the recipe named first."""
    by_fix: dict[tuple[str, int, str], list[Told]] = {}
    for item in left:
        for fix in item.recipes:
            by_fix.setdefault((fix, *ground.place(item)), []).append(item)
    if not by_fix:
        return None
    best = max(by_fix, key=lambda change: (*_mass(by_fix[change], ground), -change[1]))
    return Planned(_step(number, best[0], best[2], by_fix[best], ground.weights), by_fix[best])


def _step(number: int, fix: str, hop: str, closed: list[Told], weights: Weights) -> Step:
    rows: Rows = np.any([t.rows for t in closed], axis=0)
    where = closed[0].gap.where
    service = next((w.name for w in where if w.dimension == "service"), where[0].name if where else "")
    return Step(
        step=number,
        change=load_fixes()[fix].title.replace("{field}", closed[0].gap.field),
        where=hop or service,
        fields=sorted({t.gap.field for t in closed}),
        calls_fixed=int(weights.count[rows].sum()),
        cost_fixed=int(weights.cost[rows].sum()) / 1e9,
        rules=sorted({t.gap.rule for t in closed}),
        fix=fix,
    )


def _mass(told: list[Told], ground: Ground) -> tuple[int, int]:
    rows: Rows = np.any([ground.reach(t) for t in told], axis=0)
    return int(ground.weights.weight[rows].sum()), int(ground.weights.count[rows].sum())
