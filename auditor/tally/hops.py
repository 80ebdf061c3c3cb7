"""Each field followed from hop to hop: which calls carry it, what each border does to it, how hops join."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import polars as pl

from auditor.catalogue.prices import NANO_USD
from auditor.catalogue.rules import fitting, load_fixes
from auditor.evidence.arrays import Ints, Rows
from auditor.evidence.store import Store
from auditor.evidence.table import Evidence
from auditor.judge.verdicts import NOT_CARRIED, PRESENT, Judgement
from auditor.relate.columns import need
from auditor.relate.hops import can_carry, changed, known, partner, renamed
from auditor.relate.joins import BY, Links, first_delivery, links
from auditor.report.schema import Anchor, Border, FieldHops, Hop, Join, Side
from auditor.tally.gaps import Finding
from auditor.tally.ledger import Ledger, ShownNames
from auditor.tally.weights import Weights

AnchorOf = Callable[[int], Anchor]  # an example record (its row in the table) as the report shows it
MAX_KEYS = 3


@dataclass(frozen=True)
class HopCalls:
    """The hop of each judged record and its row in the table; `once` leaves out second deliveries."""

    evidence: Evidence
    judgement: Judgement
    weights: Weights
    shown: ShownNames
    hop: Ints
    row: Ints
    once: Rows
    formats_and_layers: Callable[[Rows], frozenset[str]]

    def hop_at(self, finding: Finding) -> tuple[int, str]:
        """The hop with most of a gap, by weight: its number and name, which is empty for a single hop."""
        hops, weight = self.hop[finding.rows], self.weights.by_record[finding.rows]
        if not weight.any():
            weight = self.weights.records[finding.rows]
        number = int(np.bincount(hops, weights=weight).argmax())
        return number, self.evidence.hops[number].name if len(self.evidence.hops) > 1 else ""

    def parts(self, finding: Finding) -> list[Finding]:
        """A gap at each hop by itself, with the recipes that change something there.

        A setting of a gateway reaches no call that goes round it.
        """
        hops = self.evidence.hops
        if len(hops) < 2:
            return [finding]
        out = []
        for number in np.unique(self.hop[finding.rows]):
            rows = finding.rows & (self.hop == number)
            seen_in = self.formats_and_layers(rows)
            by_reach: dict[bool, list[str]] = {}
            for fix in fitting(finding.rule.fixes, finding.gap.field, seen_in):
                by_reach.setdefault(self._is_gateways(fix), []).append(fix)
            for at_gateway, recipes in by_reach.items():
                reached = rows & self._through_gateway if at_gateway else rows
                if reached.any():
                    out.append(replace(finding, rows=reached, recipes=recipes))
        return out

    def _is_gateways(self, fix: str) -> bool:
        """Whether a recipe changes a gateway that is among the hops."""
        return any(
            fmt.startswith(load_fixes()[fix].stack)
            for hop in self.evidence.hops
            if hop.layer == "gateway"
            for number in hop.inputs
            for fmt in self.evidence.tables[number].formats
        )

    @cached_property
    def _through_gateway(self) -> Rows:
        """The judged records of calls that some gateway has a record of."""
        return self.weights.joined(self.judgement.in_layers(["gateway"]))

    def money(self, rows: Ints) -> float:
        """USD of the calls that some rows of the table show."""
        wanted = np.zeros(self.evidence.frame.height, dtype=bool)
        wanted[rows] = True
        return self.weights.money(wanted[self.row]) / NANO_USD


def hop_calls(ledger: Ledger) -> HopCalls:
    """The judged records by hop."""
    evidence = ledger.evidence
    row = np.flatnonzero((evidence.frame["kind"] == "call").to_numpy())
    first = first_delivery(evidence)[row] == row
    return HopCalls(
        evidence,
        ledger.judgement,
        ledger.weights,
        ledger.shown,
        ledger.hops,
        row,
        first,
        ledger.formats_and_layers,
    )


def field_hops(calls: HopCalls, fields: Iterable[str], anchor_of: AnchorOf) -> list[FieldHops]:
    """Every field over all hops, in the order of the chain; one hop has no borders."""
    evidence = calls.evidence
    if len(evidence.hops) < 2:
        return []
    joined = links(evidence)
    out = []
    for field in fields:
        borders = _borders(calls, joined, field, anchor_of) if joined else []
        borders += _borders_of_bills(calls, field)
        # where most money is lost; what a hop measures for itself is never lost between two
        travels = evidence.catalogue.fields[field].travels
        worst = max(
            borders if travels else (), key=lambda b: (b.cost_usd, b.dropped + b.changed), default=None
        )
        lost_at = worst.after if worst and worst.dropped + worst.changed else None
        hops = [_hop(calls, number, field) for number in range(len(evidence.hops))]
        out.append(FieldHops(field=field, hops=hops, borders=borders, dies_at=lost_at))
    return out


def _hop(calls: HopCalls, number: int, field: str) -> Hop:
    hop, verdict = calls.evidence.hops[number], calls.judgement.verdicts[field]
    rows, count = (calls.hop == number) & calls.once, calls.weights.records
    able = verdict != NOT_CARRIED
    has = _values(calls, field) & able
    carried, of = int(count[rows & has].sum()), int(count[rows & able].sum())
    return Hop(
        layer=hop.layer,
        input=hop.name,
        carried=carried,
        of=of,
        state="never" if not of else "carried" if carried == of else "partly" if carried else "lost",
        keys=_keys(calls, rows & has, field),
        in_header=int(count[rows & has & ~_own_values(calls, field)].sum()),
    )


def _values(calls: HopCalls, field: str) -> Rows:
    """The judged records on which a value of the field stands, accepted or not."""
    has = known(calls.evidence, field)[0].is_not_null().to_numpy()
    out: Rows = has[calls.row]
    return out


def _own_values(calls: HopCalls, field: str) -> Rows:
    """The judged records that have the field themselves, not in a header only."""
    frame = calls.evidence.frame
    if field not in frame:
        return np.zeros(len(calls.row), dtype=bool)
    out: Rows = frame[field].is_not_null().to_numpy()[calls.row]
    return out


def _keys(calls: HopCalls, rows: Rows, field: str) -> list[str]:
    """The keys that hold a field on some calls, commonest first."""
    slots = known(calls.evidence, field)[1].gather(calls.row[rows]).drop_nulls()
    by_key: Counter[str] = Counter()
    for number, n in slots.value_counts().iter_rows():
        # several inputs may use one key
        by_key[calls.shown.key(calls.evidence.slots[number])] += n
    return [key for key, _ in sorted(by_key.items(), key=lambda item: (-item[1], item[0]))[:MAX_KEYS]]


def _borders(calls: HopCalls, joined: Links, field: str, anchor_of: AnchorOf) -> list[Border]:
    """What happens to a field wherever two hops were joined and the later one can carry it."""
    evidence = calls.evidence
    frame = need(evidence, field, f"{field}_slot")
    above = partner(evidence, field, joined.up)
    rows = calls.row[above[calls.row] >= 0]
    verdict = np.full(frame.height, NOT_CARRIED)
    verdict[calls.row] = calls.judgement.verdicts[field]
    has = known(evidence, field)[0].is_not_null().to_numpy()
    able = verdict != NOT_CARRIED
    is_changed, is_renamed = _differences(evidence, field, frame)
    out = []
    for before, after in sorted(
        set(zip(joined.hop[above[rows]].tolist(), joined.hop[rows].tolist(), strict=True))
    ):
        below = rows[(joined.hop[rows] == after) & (joined.hop[above[rows]] == before) & able[rows]]
        up = above[below]
        dropped, gained = has[up] & ~has[below], has[below] & ~has[up]
        differs, new_name = is_changed[below], is_renamed[below]
        lost = below[dropped | differs]
        if not len(below):
            continue
        out.append(
            Border(
                before=evidence.hops[before].name,
                after=evidence.hops[after].name,
                joined=len(below),
                kept=int((has[below] & has[up] & ~differs).sum()),
                renamed=int(new_name.sum()),
                changed=int(differs.sum()),
                dropped=int(dropped.sum()),
                gained=int(gained.sum()),
                cost_usd=calls.money(lost),
                examples=[anchor_of(int(above[lost[0]])), anchor_of(int(lost[0]))] if len(lost) else [],
            )
        )
    return out


def _borders_of_bills(calls: HopCalls, field: str) -> list[Border]:
    """What becomes of a field between the last log of the calls and the lines of a bill that they explain.

    A line has a field where it has an accepted value: it is of many calls, so values are not compared.
    """
    evidence, members = calls.evidence, calls.weights.members
    if members is None or members.billed is None or not evidence.catalogue.fields[field].travels:
        return []
    billed, verdicts = members.billed, calls.judgement.verdicts[field]
    has_value, able = _values(calls, field), can_carry(evidence, field)[calls.row]
    lines = billed.record[able[billed.record]]
    out = []
    for number in np.unique(calls.hop[lines]):
        at = calls.hop[billed.record] == number
        groups = np.zeros(len(billed.total) + 1, dtype=bool)
        groups[billed.line_group[at & able[billed.record]]] = True
        named = np.zeros(len(billed.total) + 1, dtype=bool)
        named[billed.line_group[at & (verdicts[billed.record] == PRESENT)]] = True
        groups[-1] = named[-1] = False
        # pairs are sorted by unit, then by hop: the last one of a unit is its last log
        logs = ~np.isin(members.record, billed.record)
        record, unit = members.record[logs], members.unit[logs]
        last = np.append(unit[1:] != unit[:-1], True) if len(unit) else np.zeros(0, dtype=bool)
        record, unit = record[last], unit[last]
        inside = groups[billed.group[unit]]
        record, unit = record[inside], unit[inside]
        for before in np.unique(calls.hop[record]):
            of = calls.hop[record] == before
            has, kept = has_value[record[of]], named[billed.group[unit[of]]]
            dropped = np.zeros(len(calls.row), dtype=bool)
            dropped[record[of][has & ~kept]] = True
            out.append(
                Border(
                    before=evidence.hops[before].name,
                    after=evidence.hops[number].name,
                    joined=int(of.sum()),
                    kept=int((has & kept).sum()),
                    renamed=0,
                    changed=0,
                    dropped=int((has & ~kept).sum()),
                    gained=int((~has & kept).sum()),
                    cost_usd=calls.weights.money(dropped) / NANO_USD,
                )
            )
    return out


def _differences(evidence: Evidence, field: str, frame: Store) -> tuple[Rows, Rows]:
    """The rows on which a field's value changed, and those on which its key did, since the hop before."""
    is_changed = is_renamed = np.zeros(frame.height, dtype=bool)
    if evidence.catalogue.fields[field].travels:
        is_changed = _flag(changed(evidence, field, spelling=True), f"{field}_changed", frame.height)
        is_renamed = _flag(renamed(evidence, field), f"{field}_renamed", frame.height)
    if field == "request_id":
        # a provider's own id is no changed one
        is_changed = is_changed & (frame["layer"] != "provider").to_numpy()
    return is_changed, is_renamed


def _flag(columns: object, name: str, height: int) -> Rows:
    column = columns.get(name) if isinstance(columns, dict) else None
    return column.to_numpy() if isinstance(column, pl.Series) else np.zeros(height, dtype=bool)


def joins(calls: HopCalls) -> list[Join]:
    """How each hop that logs single calls was joined to the one before it."""
    joined = links(calls.evidence)
    if joined is None:
        return []
    logging = [n for n, rows in enumerate(joined.logs) if len(rows)]
    return [_join(calls, joined, above, below) for above, below in pairwise(logging)]


def _join(calls: HopCalls, joined: Links, above: int, below: int) -> Join:
    rows = joined.logs[below]
    linked = rows[(joined.up[rows] >= 0) & (joined.hop[np.maximum(joined.up[rows], 0)] == above)]
    codes, n = np.unique(joined.by[linked], return_counts=True)
    weak = rows[(joined.weak[rows] >= 0) & (joined.hop[np.maximum(joined.weak[rows], 0)] == above)]
    return Join(
        by={BY[code]: int(k) for code, k in zip(codes, n, strict=True)},
        before=_side(calls, joined, above, joined.up[linked], joined.weak[weak]),
        after=_side(calls, joined, below, linked, weak),
    )


def _side(calls: HopCalls, joined: Links, hop: int, linked: Ints, weak: Ints) -> Side:
    rows = joined.logs[hop]
    is_linked = np.zeros(calls.evidence.frame.height, dtype=bool)
    is_linked[linked] = True
    is_weak = np.zeros(calls.evidence.frame.height, dtype=bool)
    is_weak[weak] = True
    unmatched = rows[~is_linked[rows] & ~is_weak[rows]]
    return Side(
        input=calls.evidence.hops[hop].name,
        calls=len(rows),
        joined=int(is_linked[rows].sum()),
        weak=int((is_weak & ~is_linked)[rows].sum()),
        unmatched=len(unmatched),
        unmatched_cost_usd=calls.money(unmatched),
    )
