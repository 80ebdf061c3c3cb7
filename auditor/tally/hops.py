"""Each field followed from hop to hop: who carries it, what each border does to it, and how hops were joined.

It judges nothing: a border is told from the same links and values that the rules saw.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from auditor.evidence.arrays import Ints, Rows
from auditor.evidence.table import Evidence, hop_of
from auditor.judge.verdicts import NOT_CARRIED, PRESENT, Judgement
from auditor.relate.columns import need
from auditor.relate.hops import changed, partner, renamed
from auditor.relate.joins import BY, Links, links
from auditor.report.schema import Anchor, Border, FieldHops, Hop, Join, Side
from auditor.tally.fields import Told, shown_key
from auditor.tally.weights import Weights

USD = 1e9
Place = Callable[[int], Anchor]  # an example record (its row in the table) as the report shows it
TOP = 3
# what bears the same value at every hop; models have other names there, and tokens other conventions
NAMED = frozenset(
    """tenant_id team_id workflow_id workflow_run_id user_id session_id cost_center request_id
    trace_id""".split()
)


@dataclass(frozen=True)
class Ground:
    """What every field's hops are counted from; arrays run over the calls, `row` over the table."""

    evidence: Evidence
    judgement: Judgement
    weights: Weights
    hop: Ints
    row: Ints
    cost: Ints  # by row of the table

    def hop_at(self, told: Told) -> tuple[int, str]:
        """The hop at which most of a gap is, by weight: its number and name; one alone has none."""
        hops, weight = self.hop[told.rows], self.weights.weight[told.rows]
        if not weight.any():
            weight = self.weights.count[told.rows]
        number = int(np.bincount(hops, weights=weight).argmax())
        return number, self.evidence.hops[number].name if len(self.evidence.hops) > 1 else ""


def ground(evidence: Evidence, judgement: Judgement, weights: Weights) -> Ground:
    """The calls by hop, and their money by row of the table."""
    row = np.flatnonzero((evidence.frame["kind"] == "call").to_numpy())
    cost = np.zeros(evidence.frame.height, dtype=np.int64)
    cost[row] = weights.cost
    return Ground(evidence, judgement, weights, hop_of(evidence)[row], row, cost)


def field_hops(held: Ground, fields: Iterable[str], place: Place) -> list[FieldHops]:
    """Every field over all hops, in the order of the chain; one hop has no borders."""
    evidence = held.evidence
    if len(evidence.hops) < 2:
        return []
    found = links(evidence)
    out = []
    for field in fields:
        borders = _borders(held, found, field, place) if found else []
        # where most money is lost; a border that loses the field on no call is not where it dies
        worst = max(borders, key=lambda b: (b.cost_usd, b.dropped + b.changed), default=None)
        dies = worst.after if worst and worst.dropped + worst.changed else None
        hops = [_hop(held, number, field) for number in range(len(evidence.hops))]
        out.append(FieldHops(field=field, hops=hops, borders=borders, dies_at=dies))
    return out


def _hop(held: Ground, number: int, field: str) -> Hop:
    hop, verdict = held.evidence.hops[number], held.judgement.verdicts[field]
    mine, count = held.hop == number, held.weights.count
    carried = int(count[mine & (verdict == PRESENT)].sum())
    of = int(count[mine & (verdict != NOT_CARRIED)].sum())
    return Hop(
        layer=hop.layer,
        input=hop.name,
        carried=carried,
        of=of,
        state="never" if not of else "carried" if carried == of else "partly" if carried else "lost",
        keys=_keys(held, mine & (verdict == PRESENT), field),
    )


def _keys(held: Ground, rows: Rows, field: str) -> list[str]:
    """The keys under which a field stands on some calls, commonest first."""
    column = f"{field}_slot"
    if column not in held.judgement.calls:
        return []
    slots = held.judgement.calls[column].filter(pl.Series(rows)).drop_nulls()
    seen: Counter[str] = Counter()
    for number, n in slots.value_counts().iter_rows():
        # several inputs may hold the field under one name
        seen[shown_key(held.evidence, held.evidence.slots[number])] += n
    return [key for key, _ in sorted(seen.items(), key=lambda item: (-item[1], item[0]))[:TOP]]


def _borders(held: Ground, found: Links, field: str, place: Place) -> list[Border]:
    """What happens to a field wherever two hops were joined and the later one can carry it."""
    evidence = held.evidence
    frame = need(evidence, field, f"{field}_slot")
    above = partner(evidence, field, found.up)
    rows = held.row[above[held.row] >= 0]
    verdict = np.full(frame.height, NOT_CARRIED)
    verdict[held.row] = held.judgement.verdicts[field]
    has = frame[field].is_not_null().to_numpy()
    able = verdict != NOT_CARRIED
    other = {name: _flag(make(evidence, field) if field in NAMED else {}, f"{field}_{name}", frame.height)
             for name, make in (("changed", changed), ("renamed", renamed))}  # fmt: skip
    if field == "request_id":
        # a provider's own id is no changed one
        other["changed"] &= (frame["layer"] != "provider").to_numpy()
    out = []
    for before, after in sorted(
        set(zip(found.hop[above[rows]].tolist(), found.hop[rows].tolist(), strict=True))
    ):
        mine = rows[(found.hop[rows] == after) & (found.hop[above[rows]] == before) & able[rows]]
        up = above[mine]
        dropped, gained = has[up] & ~has[mine], has[mine] & ~has[up]
        differs, new_name = other["changed"][mine], other["renamed"][mine]
        hit = mine[dropped | differs]
        if not len(mine):
            continue
        out.append(
            Border(
                before=evidence.hops[before].name,
                after=evidence.hops[after].name,
                joined=len(mine),
                kept=int((has[mine] & has[up] & ~differs).sum()),
                renamed=int(new_name.sum()),
                changed=int(differs.sum()),
                dropped=int(dropped.sum()),
                gained=int(gained.sum()),
                cost_usd=int(held.cost[hit].sum()) / USD,
                examples=[place(int(above[hit[0]])), place(int(hit[0]))] if len(hit) else [],
            )
        )
    return out


def _flag(columns: object, name: str, height: int) -> Rows:
    held = columns.get(name) if isinstance(columns, dict) else None
    return held.to_numpy() if isinstance(held, pl.Series) else np.zeros(height, dtype=bool)


def joins(held: Ground) -> list[Join]:
    """How each hop that logs single calls was joined to the one before it."""
    evidence, found = held.evidence, links(held.evidence)
    if found is None:
        return []
    logging = [n for n, rows in enumerate(found.logs) if len(rows)]
    return [_join(held, evidence, found, a, b) for a, b in pairwise(logging)]


def _join(held: Ground, evidence: Evidence, found: Links, above: int, below: int) -> Join:
    rows = found.logs[below]
    mine = rows[(found.up[rows] >= 0) & (found.hop[np.maximum(found.up[rows], 0)] == above)]
    codes, n = np.unique(found.by[mine], return_counts=True)
    weak = rows[(found.weak[rows] >= 0) & (found.hop[np.maximum(found.weak[rows], 0)] == above)]
    return Join(
        by={BY[code]: int(k) for code, k in zip(codes, n, strict=True)},
        before=_side(held, evidence, found, above, found.up[mine], found.weak[weak]),
        after=_side(held, evidence, found, below, mine, weak),
    )


def _side(held: Ground, evidence: Evidence, found: Links, hop: int, joined: Ints, weak: Ints) -> Side:
    rows = found.logs[hop]
    some = np.zeros(evidence.frame.height, dtype=bool)
    some[joined] = True
    maybe = np.zeros(evidence.frame.height, dtype=bool)
    maybe[weak] = True
    left = rows[~some[rows] & ~maybe[rows]]
    return Side(
        input=evidence.hops[hop].name,
        calls=len(rows),
        joined=int(some[rows].sum()),
        weak=int((maybe & ~some)[rows].sum()),
        unmatched=len(left),
        unmatched_cost_usd=int(held.cost[left].sum()) / USD,
    )
