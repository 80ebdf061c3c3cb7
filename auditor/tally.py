"""Counts what was judged: fields by verdict, gaps with places and examples, totals. Values die here.

It decides no verdict; it turns codes and hits into the report's structs.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from auditor import mask
from auditor.assemble import Evidence
from auditor.judge import ABSENT, CAUSES, MIS_SCOPED, NOT_CARRIED, PRESENT, Hit, Judgement, columns_of
from auditor.model import SCOPES, ByVerdict, FieldReport, Found, Gap, Verdict, Where
from auditor.money import Weights
from auditor.readers import all_readers
from auditor.rulebook import load_fixes

NAMES = ("present", "absent", "mis_scoped", "not_carried")
USD = 1e9
TOP = 5
EXAMPLES = 3
_PLACED = re.compile(r"^(own|header|process|session|credential|principal|attempt|weak|parent|root|trace|account)_")


@dataclass
class Told:
    """One gap before its examples are located: the struct and the rows (of the calls) to show."""

    gap: Gap
    rows: np.ndarray
    examples: list[int]
    keys: list[str]


def field_report(
    evidence: Evidence, judgement: Judgement, weights: Weights, field: str, *, required: bool, gaps: list[str]
) -> FieldReport:
    """One field's counts, causes, keys found, and who could carry it."""
    verdict = judgement.verdicts[field]
    count, cost, share = _split(verdict, weights)
    layers = {t.layer for t in evidence.tables}
    kind = evidence.catalogue.fields[field]
    formats = [r.name for r in all_readers() if field in r.carries] if count[NOT_CARRIED] else []
    return FieldReport(
        field=field,
        required=required,
        verdict=_worst(count),
        present=count[PRESENT],
        absent=count[ABSENT],
        mis_scoped=count[MIS_SCOPED],
        not_carried=count[NOT_CARRIED],
        cost=cost,
        weight=share,
        causes=_causes(judgement.causes[field], weights.count),
        found=found(evidence, judgement.calls, field, weights.count),
        wanted=list(dict.fromkeys(s for layer in sorted(layers) for s in kind.accepted(layer))),
        gaps=gaps,
        carried_by=formats,
    )


def _split(verdict: np.ndarray, weights: Weights) -> tuple[list[int], ByVerdict, ByVerdict]:
    masks = [verdict == code for code in range(4)]
    count = [int(weights.count[m].sum()) for m in masks]
    cost = ByVerdict(**{n: int(weights.cost[m].sum()) / USD for n, m in zip(NAMES, masks, strict=True)})
    share = ByVerdict(**{n: round(weights.share(m), 6) for n, m in zip(NAMES, masks, strict=True)})
    return count, cost, share


def _worst(count: Sequence[int]) -> str:
    if count[MIS_SCOPED] or count[ABSENT]:
        return Verdict.MIS_SCOPED if count[MIS_SCOPED] > count[ABSENT] else Verdict.ABSENT
    return Verdict.PRESENT if count[PRESENT] or not count[NOT_CARRIED] else Verdict.NOT_CARRIED


def _causes(codes: np.ndarray, count: np.ndarray) -> dict[str, int]:
    held = {CAUSES[c].value: int(count[codes == c].sum()) for c in np.unique(codes) if c >= 0}
    return dict(sorted(held.items()))


def found(evidence: Evidence, calls: pl.DataFrame, field: str, count: np.ndarray) -> list[Found]:
    """Every key under which the calls hold the field, accepted scopes first, narrow to wide."""
    seen: Counter[tuple[bool, str, str]] = Counter()
    for column in calls.columns:
        if not column.endswith("_slot"):
            continue
        name = column.removesuffix("_slot")
        if name != field and (not name.endswith(f"_{field}") or not _PLACED.match(name)):
            continue
        if name != field and name.removesuffix(f"_{field}") + "_" not in _PLACES:
            continue
        numbers = calls[column].to_numpy(allow_copy=True) if calls[column].null_count() == 0 else None
        if numbers is None:
            known = calls[column].is_not_null().to_numpy()
            numbers, held = calls[column].drop_nulls().to_numpy(), count[known]
        else:
            held = count
        for number in np.unique(numbers):
            slot = evidence.slots[number]
            scope = _seen_scope(name, field, slot.scope)
            seen[(name == field, scope, mask.key(slot.key))] += int(held[numbers == number].sum())
    rank = {s: i for i, s in enumerate(SCOPES)}
    order = sorted(seen.items(), key=lambda e: (not e[0][0], rank.get(e[0][1], 99), -e[1], e[0][2]))
    return [Found(key=k, scope=s, calls=n, accepted=ok) for (ok, s, k), n in order[:12]]


_PLACES = frozenset(
    {"header_", "process_", "session_", "credential_", "principal_", "attempt_", "weak_", "parent_", "trace_", "account_"}
)


def _seen_scope(name: str, field: str, scope: str) -> str:
    place = name.removesuffix(field).rstrip("_")
    return {"parent": "parent_span", "root": "parent_span", "trace": "trace"}.get(place, scope)


# -- gaps ----------------------------------------------------------------------------------------------------


def tell(
    evidence: Evidence, judgement: Judgement, weights: Weights, hit: Hit, level: str, names: dict[int, str]
) -> Told:
    """One gap: how many calls, how much money, where, which records to show."""
    rule, field, rows = hit.rule, hit.field, hit.rows
    calls = judgement.calls
    count, cost = int(weights.count[rows].sum()), int(weights.cost[rows].sum())
    scope, keys = _evidence_key(evidence, calls, rule.predicate(field), rows)
    examples = _examples(rows, weights)
    name = names[int(calls["input"][examples[0]])]
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
        where=_where(calls, rows, weights, keys),
        anchors=[],
        more=max(0, int(rows.sum()) - len(examples)),
        fixes=_fixes(rule.fixes, field),
        fingerprint=fingerprint(rule.id, field, scope, keys[0] if keys else "", name),
        suppressed=None,
    )
    return Told(gap, rows, examples, [s.key for s in _slots(evidence, calls, rule.predicate(field), rows)])


def fingerprint(rule: str, field: str, scope: str, key: str, name: str) -> str:
    """Stable over lines, values and dated file names: rule, field, scope, key and the input's name or format."""
    text = "\x1f".join((rule, field, scope, re.sub(r"\[\d+\]", "[*]", key), name))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _slots(evidence: Evidence, calls: pl.DataFrame, predicate: str, rows: np.ndarray) -> list:  # type: ignore[type-arg]
    """The slots that the predicate's columns point to on these rows, commonest first."""
    seen: Counter[int] = Counter()
    picked = pl.Series(rows)
    for column in sorted(columns_of(predicate)):
        if f"{column}_slot" in calls.columns:
            numbers = calls[f"{column}_slot"].filter(picked).drop_nulls().to_numpy()
            values, n = np.unique(numbers, return_counts=True)
            seen.update(dict(zip(values.tolist(), n.tolist(), strict=True)))
    order = sorted(seen, key=lambda s: (-seen[s], evidence.slots[s].key))
    return [evidence.slots[s] for s in order]


def _evidence_key(evidence: Evidence, calls: pl.DataFrame, predicate: str, rows: np.ndarray) -> tuple[str, list[str]]:
    slots = _slots(evidence, calls, predicate, rows)
    return (slots[0].scope if slots else "", [mask.key(s.key) for s in slots])


def _examples(rows: np.ndarray, weights: Weights) -> list[int]:
    """The rows to show: the most money first, then the first ones."""
    picked = np.flatnonzero(rows)
    if len(picked) > EXAMPLES:
        top = np.argsort(-weights.weight[picked], kind="stable")[:EXAMPLES]
        picked = picked[np.sort(top)] if len(set(weights.weight[picked].tolist())) > 1 else picked[:EXAMPLES]
    return [int(i) for i in picked]


def _where(calls: pl.DataFrame, rows: np.ndarray, weights: Weights, keys: list[str]) -> list[Where]:
    """Services, operations and models that hold the most of the gap; keys as found."""
    out: list[Where] = []
    index = np.flatnonzero(rows)
    for dimension in ("service", "operation", "model"):
        if dimension not in calls.columns:
            continue
        values = calls[dimension].gather(index)
        if values.null_count() == len(values):
            continue
        ranks = values.rank("dense").fill_null(0).cast(pl.Int64).to_numpy()
        size = int(ranks.max()) + 1
        n = np.bincount(ranks, weights=weights.count[index], minlength=size)
        first = {int(r): int(i) for i, r in reversed(list(enumerate(ranks[: 100_000])))}
        groups = [(int(n[r]), r, values[i]) for r, i in first.items() if r]
        for calls_n, r, name in sorted(groups, key=lambda g: (-g[0], str(g[2])))[:TOP]:
            money = int(weights.cost[index[ranks == r]].sum()) / USD
            out.append(Where(dimension=dimension, name=mask.clean_text(str(name))[:120], calls=calls_n, cost_usd=money))
    out.extend(Where(dimension="key", name=k, calls=0, cost_usd=0.0) for k in dict.fromkeys(keys[:TOP]))
    return out


def _fixes(ids: Iterable[str], field: str) -> dict[str, str]:
    """The recipes a rule names, by stack; the first of a stack speaks."""
    recipes = load_fixes()
    out: dict[str, str] = {}
    for fix_id in ids:
        fix = recipes.get(fix_id)
        if fix is not None:
            out.setdefault(fix.stack, fix.told(field))
    return out
