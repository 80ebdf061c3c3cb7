"""What a report says beyond single gaps, in phrases: borders, logs against the bill, what the plan changes.

It never lays out, colours or shortens; every writer for people says the same words.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from auditor.printing.text import FEW, count, money, plural, share

if TYPE_CHECKING:
    from auditor.report.schema import (
        Border,
        FieldHops,
        Hop,
        Join,
        Projection,
        ReconciledRow,
        Reconciliation,
        Report,
        Step,
    )


def usd(decimal: str) -> str:
    """A decimal string of the report as money: `-3.20` is `USD -3.20`."""
    return money(float(Decimal(decimal)))


def followed(report: Report) -> list[FieldHops]:
    """The fields that were followed over several inputs."""
    return [line for line in report.hops if len(line.hops) > 1]


def carried(hop: Hop) -> str:
    """How many of an input's calls carry the field: `373 of 1,204`."""
    return (
        "cannot carry it"
        if hop.state == "never" or not hop.of
        else f"{count(hop.carried)} of {count(hop.of)}"
    )


def lost_at(line: FieldHops) -> Border | None:
    """The border at which most money loses the field."""
    borders = [one for one in line.borders if one.after == line.dies_at]
    return max(borders, key=lambda one: (one.cost_usd, one.dropped + one.changed), default=None)


def intact(line: FieldHops) -> bool:
    """Whether every input that can carry the field does, on every call."""
    return line.dies_at is None and all(hop.carried == hop.of for hop in line.hops)


def crossing(border: Border) -> str:
    """What becomes of a field at a border: `396 of 396 joined calls: 396 dropped, USD 284.35`."""
    parts = (
        (border.dropped, "dropped"),
        (border.changed, "changed"),
        (border.renamed, "renamed"),
        (border.gained, "gained"),
    )
    told = ", ".join(f"{count(number)} {word}" for number, word in parts if number) or "all kept"
    spend = f", {money(border.cost_usd)}" if border.cost_usd else ""
    return f"{told} of {plural(border.joined, 'joined call')}{spend}"


def joined(join: Join) -> str:
    """How two inputs were joined and what stands alone: `396 of 1,204 calls by request_id`."""
    ids = ", ".join(f"{name} ({count(pairs)})" for name, pairs in join.by.items())
    sides = [
        f"{count(side.joined)} of {plural(side.calls, 'call')} of {side.input}"
        for side in (join.before, join.after)
    ]
    told = f"Joined {' with '.join(sides)}{f' by {ids}' if ids else ''}"
    weak = max(join.before.weak, join.after.weak)
    if weak:
        told += f"; {count(weak)} only weakly"
    alone = [
        f"{count(side.unmatched)} of {side.input}"
        f"{f' ({money(side.unmatched_cost_usd)})' if side.unmatched_cost_usd else ''}"
        for side in (join.before, join.after)
        if side.unmatched
    ]
    return f"{told}; alone: {', '.join(alone)}" if alone else told


def reconciled(held: Reconciliation) -> str:
    """`3 of 5 rows within 2 %: logs USD 412.10 (observed), bill USD 420.00`."""
    logs = f"logs {usd(held.log_usd)} ({held.basis})"
    rows = f"{count(held.within)} of {plural(len(held.rows), 'row')} within {held.tolerance * 100:g} %"
    return f"{rows}: {logs}, bill {usd(held.bill_usd)}"


def deltas(held: Reconciliation) -> list[ReconciledRow]:
    """The rows outside the tolerance, the largest difference first."""
    return sorted((row for row in held.rows if not row.within), key=lambda row: -abs(Decimal(row.delta_usd)))


def part(report: Report, of_it: float) -> str:
    """A share of the money in per cent; nothing where there are too few calls for one."""
    return "" if report.totals.calls < FEW else share(of_it)


def projected(step: Step, report: Report) -> list[str]:
    """What a step moves: `score 49 → 82`, `without an owner 69 % → 4 %`."""
    before, after = step.before, step.after
    if before is None or after is None:
        return []
    moves = [("without an owner", _unowned(before), _unowned(after))]
    moves += [
        (name, before.fields[name], after.fields[name])
        for name in step.fields
        if name in before.fields and name in after.fields
    ]
    told = [(name, part(report, old), part(report, new)) for name, old, new in moves]
    told.insert(0, ("score", str(before.score), str(after.score)))
    return [f"{name} {old} → {new}" for name, old, new in told if old != new]


def _unowned(held: Projection) -> float:
    return held.unattributed_cost or held.unattributed_calls
