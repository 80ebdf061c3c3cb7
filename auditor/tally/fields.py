"""Counts what was judged: fields by verdict, gaps with places and examples, totals. Values die here.

It decides no verdict; it turns codes and hits into the report's structs.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
import numpy as np
import polars as pl

from auditor.catalogue.rules import fitting, load_fixes
from auditor.catalogue.words import SCOPES, Verdict
from auditor.evidence.arrays import Codes, Ints, Rows, encode
from auditor.evidence.schema import Slot
from auditor.evidence.store import Store, is_long
from auditor.evidence.table import Evidence, once_per_table
from auditor.judge.verdicts import (
    ABSENT,
    CAUSES,
    MIS_SCOPED,
    NOT_CARRIED,
    PRESENT,
    Hit,
    Judgement,
    columns_of,
)
from auditor.readers.registry import all_formats
from auditor.relate.columns import LISTED_PLACES, rests_on
from auditor.report import mask
from auditor.report.schema import AskedOf, ByVerdict, FieldReport, Found, Gap, Where
from auditor.tally.weights import Weights

NAMES = ("present", "absent", "mis_scoped", "not_carried")
USD = 1e9
_OUTSIDE = np.int8(-1)
TOP = 5
EXAMPLES = 3
DIMENSIONS = ("service", "operation", "model")
IDENTITIES = ("tenant_id", "team_id", "user_id", "account_id", "cost_center")  # whose values name somebody


@dataclass
class Told:
    """One gap before its examples are located: the struct and the rows (of the calls) to show."""

    gap: Gap
    rows: Rows
    examples: list[int]
    keys: list[str]
    recipes: list[str]  # ids of the fixes that fit where the gap is


class _Slots:
    """Which slot each call's value of a column came from, -1 for none; of a long table made when asked."""

    def __init__(self, calls: Store) -> None:
        self._names = frozenset(c for c in calls if c.endswith("_slot") and not calls.is_empty(c))
        self._calls = calls if is_long(calls.height) else _dense(calls, self._names)

    def get(self, name: str) -> Ints | None:
        """The numbers of a column's slots; None where it has none."""
        name = f"{name}_slot"
        if name not in self._names:
            return None
        column = self._calls[name]
        return (column.fill_null(-1) if column.null_count() else column).to_numpy()


def _dense(calls: Store, names: Iterable[str]) -> pl.DataFrame:
    return calls.select(sorted(names)).select(pl.all().fill_null(-1))


class Ledger:
    """What counting needs of the calls, as arrays made once: which slot each column points to, and places."""

    def __init__(self, evidence: Evidence, judgement: Judgement, weights: Weights) -> None:
        self.evidence, self.judgement, self.weights = evidence, judgement, weights
        calls = judgement.calls
        self.slots = _Slots(calls)
        self.places = [(d, *encode(calls[d])) for d in DIMENSIONS if d in calls]
        self.inputs = calls["input"].to_numpy()
        self.formats = [encode(calls[c]) for c in ("format", "layer")]

    def seen_in(self, rows: Rows) -> frozenset[str]:
        """The formats and layers of some calls."""
        return frozenset(names[c] for names, codes in self.formats for c in np.unique(codes[rows]))


def field_report(ledger: Ledger, field: str, *, asked: Rows | None, gaps: list[str]) -> FieldReport:
    """One field's counts, causes, keys found, and who could carry it; `asked` where it is required."""
    layers, kind = ledger.evidence.layers, ledger.evidence.catalogue.fields[field]
    whole = _counts(ledger, field)
    formats = [r.name for r in all_formats() if field in r.carries] if whole.not_carried else []
    return FieldReport(
        field=field,
        required=asked is not None,
        **msgspec.structs.asdict(whole),
        found=found(ledger, field),
        wanted=list(dict.fromkeys(s for layer in sorted(layers) for s in kind.accepted(layer))),
        gaps=gaps,
        carried_by=formats,
        asked=None if asked is None or asked.all() else _counts(ledger, field, asked),
    )


def _counts(ledger: Ledger, field: str, rows: Rows | None = None) -> AskedOf:
    """The counts over all calls, or over some: what lies outside has no verdict here."""
    weights = ledger.weights
    verdict, cause = ledger.judgement.verdicts[field], ledger.judgement.causes[field]
    if rows is not None:
        verdict, cause = np.where(rows, verdict, _OUTSIDE), np.where(rows, cause, _OUTSIDE)
    count, cost, share = _split(verdict, weights)
    return AskedOf(
        verdict=_worst(count),
        present=count[PRESENT],
        absent=count[ABSENT],
        mis_scoped=count[MIS_SCOPED],
        not_carried=count[NOT_CARRIED],
        cost=cost,
        weight=share,
        causes=_causes(cause, weights.count),
    )


def _split(verdict: Codes, weights: Weights) -> tuple[list[int], ByVerdict, ByVerdict]:
    masks = [verdict == code for code in range(4)]
    count = [int(weights.count[m].sum()) for m in masks]
    cost = ByVerdict(**{n: int(weights.cost[m].sum()) / USD for n, m in zip(NAMES, masks, strict=True)})
    share = ByVerdict(**{n: round(weights.share(m), 6) for n, m in zip(NAMES, masks, strict=True)})
    return count, cost, share


def _worst(count: Sequence[int]) -> str:
    if count[MIS_SCOPED] or count[ABSENT]:
        return Verdict.MIS_SCOPED if count[MIS_SCOPED] > count[ABSENT] else Verdict.ABSENT
    return Verdict.PRESENT if count[PRESENT] or not count[NOT_CARRIED] else Verdict.NOT_CARRIED


def _causes(codes: Codes, count: Ints) -> dict[str, int]:
    held = {CAUSES[c].value: int(count[codes == c].sum()) for c in np.unique(codes) if c >= 0}
    return dict(sorted(held.items()))


def found(ledger: Ledger, field: str) -> list[Found]:
    """Every key under which the calls hold the field, accepted scopes first, narrow to wide."""
    seen: Counter[tuple[bool, str, str]] = Counter()
    own = ledger.slots.get(field)
    count = ledger.weights.count
    for place in ("", *(f"{place}_" for place in LISTED_PLACES)):
        numbers = ledger.slots.get(f"{place}{field}")
        if numbers is None:
            continue
        rows = numbers >= 0
        if place in ("parent_", "trace_") and own is not None:
            rows &= own < 0
        for number in np.unique(numbers[rows]):
            slot = ledger.evidence.slots[number]
            scope = {"parent_": "parent_span", "trace_": "trace"}.get(place, slot.scope)
            seen[(not place, scope, shown_key(ledger.evidence, slot))] += int(
                count[rows & (numbers == number)].sum()
            )
    rank = {s: i for i, s in enumerate(SCOPES)}
    order = sorted(seen.items(), key=lambda e: (not e[0][0], rank.get(e[0][1], 99), -e[1], e[0][2]))
    return [Found(key=k, scope=s, calls=n, accepted=ok) for (ok, s, k), n in order[:12]]


def shown_key(evidence: Evidence, slot: Slot) -> str:
    """The key of a slot as the report prints it; what a caller named may hold names of people."""
    if slot.key not in _chosen_keys(evidence):
        return mask.key(slot.key, "own")
    return mask.key(slot.key, "attribute" if slot.scope == "span" else "path", _identities(evidence))


@once_per_table()
def _chosen_keys(evidence: Evidence) -> frozenset[str]:
    """The keys that callers named."""
    return frozenset(slot.key for slot in evidence.slots if slot.free)


def shown_name(evidence: Evidence, dimension: str, text: str) -> str:
    """The name of a service, an operation or a model as the report prints it."""
    return mask.name(text, _identities(evidence)) if dimension == "operation" else mask.name(text)


def _identities(evidence: Evidence) -> Callable[[str], bool]:
    """Whether a text is the value of an owner or a user on any record."""
    return partial(_is_identity, evidence)


@once_per_table()
def _is_identity(evidence: Evidence, text: str) -> bool:
    return bool((_identity_values(evidence) == text).any())


@once_per_table()
def _identity_values(evidence: Evidence) -> pl.Series:
    frame = evidence.frame
    elsewhere = (f"{place}_{field}" for place in LISTED_PLACES for field in IDENTITIES)
    names = (*IDENTITIES, *elsewhere)
    columns = [frame[n] for n in names if n in frame and frame.dtype(n) == pl.String]
    values = [column.unique().alias("value") for column in columns]
    return pl.concat(values).unique() if values else pl.Series("value", [], dtype=pl.String)


def tell(ledger: Ledger, hit: Hit, level: str, names: dict[int, str]) -> Told:
    """One gap: how many calls, how much money, where, which records to show."""
    rule, field, rows = hit.rule, hit.field, hit.rows
    weights = ledger.weights
    count, cost = int(weights.count[rows].sum()), int(weights.cost[rows].sum())
    slots = _slots(ledger, rule.predicate(field), rows)
    scope, keys = slots[0].scope if slots else "", [shown_key(ledger.evidence, s) for s in slots]
    hashed = mask.hashed_key(slots[0].key) if slots else ""
    examples = _examples(rows, weights)
    recipes = fitting(rule.fixes, field, ledger.seen_in(rows))
    name = names[int(ledger.inputs[examples[0]])]
    gap = Gap(
        rule=rule.id,
        name=rule.name,
        field=field,
        verdict=None if rule.verdict == "none" else rule.verdict,
        cause=rule.cause.value if rule.cause else None,
        level=level,
        title=rule.text(rule.title, field),
        message=rule.text(rule.gap, field),
        why=rule.text(rule.why, field),
        calls=count,
        of=int(weights.count.sum()),
        share=round(weights.share(rows), 6),
        cost_usd=cost / USD,
        where=_where(ledger, rows, keys),
        anchors=[],
        more=max(0, int(rows.sum()) - len(examples)),
        fixes=_told_fixes(recipes, field),
        fingerprint=fingerprint(rule.id, field, scope, hashed, name),
        suppressed=None,
    )
    return Told(gap, rows, examples, [s.key for s in slots], recipes)


def fingerprint(rule: str, field: str, scope: str, key: str, name: str) -> str:
    """Stable over lines, values and dates: of rule, field, scope, key and the input's name or format."""
    text = "\x1f".join((rule, field, scope, re.sub(r"\[\d+\]", "[*]", key), name))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _slots(ledger: Ledger, predicate: str, rows: Rows) -> list[Slot]:
    """The slots that the predicate's columns point to on these rows, commonest first."""
    seen: Counter[int] = Counter()
    fields = ledger.evidence.catalogue.fields
    for column in sorted({rests_on(name, fields) for name in columns_of(predicate)}):
        slots = ledger.slots.get(column)
        if slots is not None:
            numbers = slots[rows]
            values, n = np.unique(numbers[numbers >= 0], return_counts=True)
            seen.update(dict(zip(values.tolist(), n.tolist(), strict=True)))
    order = sorted(seen, key=lambda s: (-seen[s], ledger.evidence.slots[s].key))
    return [ledger.evidence.slots[s] for s in order]


def _examples(rows: Rows, weights: Weights) -> list[int]:
    """The rows to show: the most money first, then the first ones."""
    picked = np.flatnonzero(rows)
    if len(picked) > EXAMPLES:
        top = np.argsort(-weights.weight[picked], kind="stable")[:EXAMPLES]
        picked = picked[np.sort(top)] if len(set(weights.weight[picked].tolist())) > 1 else picked[:EXAMPLES]
    return [int(i) for i in picked]


def _where(ledger: Ledger, rows: Rows, keys: list[str]) -> list[Where]:
    """Services, operations and models that hold the most of the gap; keys as found."""
    out: list[Where] = []
    count, cost = ledger.weights.count[rows], ledger.weights.cost[rows]
    for dimension, names, codes in ledger.places:
        mine = codes[rows]
        held = np.unique(mine[mine >= 0])
        groups = [(int(count[mine == c].sum()), int(cost[mine == c].sum()), names[c]) for c in held[:1000]]
        for calls, money, name in sorted(groups, key=lambda g: (-g[0], g[2]))[:TOP]:
            shown = shown_name(ledger.evidence, dimension, name)
            out.append(Where(dimension=dimension, name=shown, calls=calls, cost_usd=money / USD))
    out.extend(Where(dimension="key", name=k, calls=0, cost_usd=0.0) for k in dict.fromkeys(keys[:TOP]))
    return out


def _told_fixes(ids: Iterable[str], field: str) -> dict[str, str]:
    """Recipes by stack; the first of a stack speaks."""
    out: dict[str, str] = {}
    for fix in ids:
        recipe = load_fixes()[fix]
        out.setdefault(recipe.stack, recipe.told(field))
    return out
