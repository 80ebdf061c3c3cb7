"""Which change to make next: the recipe, at one hop, that makes most of the spend attributable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from auditor.catalogue.prices import NANO_USD
from auditor.catalogue.rules import load_fixes
from auditor.evidence.arrays import Rows
from auditor.report.schema import Step
from auditor.tally.gaps import Finding
from auditor.tally.weights import Weights

MAX_STEPS = 8
HopOf = Callable[[Finding], tuple[int, str]]  # the number and the name of the hop with most of a gap


@dataclass(frozen=True)
class PlannedStep:
    """One step and the gaps that it closes."""

    step: Step
    closes: list[Finding]


@dataclass(frozen=True)
class Impact:
    """What a change is weighed by: the hop of a gap, and the calls that its fix affects."""

    weights: Weights
    hop_of: HopOf
    affected: Callable[[Finding], Rows]


def next_step(left: Sequence[Finding], number: int, impact: Impact) -> PlannedStep | None:
    """The change that weighs most; of equals the one at the earlier hop, then the recipe named first."""
    by_change: dict[tuple[str, int, str], list[Finding]] = {}
    for finding in left:
        for fix in finding.recipes:
            by_change.setdefault((fix, *impact.hop_of(finding)), []).append(finding)
    if not by_change:
        return None
    best = max(by_change, key=lambda change: (*_weight(by_change[change], impact), -change[1]))
    return PlannedStep(_step(number, best[0], best[2], by_change[best], impact.weights), by_change[best])


def _step(number: int, fix: str, hop: str, closed: list[Finding], weights: Weights) -> Step:
    rows: Rows = np.any([finding.rows for finding in closed], axis=0)
    where = closed[0].gap.where
    service = next((w.name for w in where if w.dimension == "service"), where[0].name if where else "")
    return Step(
        step=number,
        change=load_fixes()[fix].title.replace("{field}", closed[0].gap.field),
        where=hop or service,
        fields=sorted({finding.gap.field for finding in closed}),
        calls_fixed=weights.calls(rows),
        cost_fixed=weights.money(rows) / NANO_USD,
        rules=sorted({finding.gap.rule for finding in closed}),
        fix=fix,
    )


def _weight(findings: list[Finding], impact: Impact) -> tuple[int, int]:
    rows: Rows = np.any([impact.affected(finding) for finding in findings], axis=0)
    return impact.weights.weighed(rows), impact.weights.calls(rows)
