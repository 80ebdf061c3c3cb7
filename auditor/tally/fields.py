"""Each field's counts by verdict, with causes, keys and the formats that carry it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from auditor.catalogue.prices import NANO_USD
from auditor.catalogue.words import SCOPES, Verdict
from auditor.evidence.arrays import Codes, Ints, Rows
from auditor.judge.verdicts import ABSENT, CAUSES, MIS_SCOPED, NOT_CARRIED, PRESENT
from auditor.readers.registry import all_formats
from auditor.report.schema import AskedOf, ByVerdict, FieldReport, Found, Gap, InputVerdicts, Shares
from auditor.tally.ledger import PREFIXES, Ledger
from auditor.tally.weights import Weights

NAMES = ("present", "absent", "mis_scoped", "not_carried")
MAX_KEYS = 12
_OUTSIDE = np.int8(-1)


def field_reports(
    ledger: Ledger, required: Mapping[str, Rows], asked: Mapping[str, Rows], gaps: Sequence[Gap]
) -> list[FieldReport]:
    """The profile's fields first, then every other field that was seen.

    `required` and `asked` are calls by field: `required` without those on which an alternative is present.
    """
    rules: dict[str, dict[str, None]] = {}
    for gap in gaps:
        rules.setdefault(gap.field, {})[gap.rule] = None
    first, seen = [], []
    for name in ledger.evidence.catalogue.fields:
        rows = asked[name] if name in required and required[name].any() else None
        report = field_report(ledger, name, asked=rows, rules=list(rules.get(name, ())))
        if report.required:
            first.append(report)
        elif report.present or report.mis_scoped or report.found:
            seen.append(report)
    return first + seen


def field_report(ledger: Ledger, field: str, *, asked: Rows | None, rules: list[str]) -> FieldReport:
    """One field's counts, causes, keys, and the formats that carry it; `asked` where it is required."""
    layers, kind = ledger.evidence.layers, ledger.evidence.catalogue.fields[field]
    whole = _counts(ledger, field)
    # of these layers only: a reader of another layer changes no report
    formats = [r.name for r in all_formats() if field in r.carries and r.layer in layers]
    return FieldReport(
        field=field,
        required=asked is not None,
        **msgspec.structs.asdict(whole),
        found=_keys_found(ledger, field),
        wanted=list(dict.fromkeys(s for layer in sorted(layers) for s in kind.accepted(layer))),
        gaps=rules,
        carried_by=formats if whole.not_carried else [],
        asked=None if asked is None or asked.all() else _counts(ledger, field, asked),
        inputs=_by_input(ledger, field),
    )


def _by_input(ledger: Ledger, field: str) -> list[InputVerdicts]:
    """The verdicts of each input's own calls and totals; none for a single input of calls."""
    names = ledger.input_names
    if len(names) < 2 and not ledger.totals and not ledger.weights.totals:
        return []
    verdict, count = ledger.judgement.verdicts[field], ledger.weights.records
    table = np.zeros((len(names), 4), dtype=np.int64)
    np.add.at(table, (ledger.inputs, verdict), count)
    for number, totals in ledger.totals.items():
        table[number] += np.bincount(totals.verdicts[field], minlength=4)
    return [InputVerdicts(name, *(int(n) for n in counts)) for name, counts in zip(names, table, strict=True)]


def _counts(ledger: Ledger, field: str, rows: Rows | None = None) -> AskedOf:
    """The counts over all calls, or over some: calls outside have no verdict here."""
    weights = ledger.weights
    verdicts, causes = ledger.judgement.verdicts[field], ledger.judgement.causes[field]
    verdict, cause = weights.best(verdicts), weights.cause(verdicts, causes)
    if rows is not None:
        units = weights.units(rows)
        verdict, cause = np.where(units, verdict, _OUTSIDE), np.where(units, cause, _OUTSIDE)
    count, cost, share = _split(verdict, weights)
    return AskedOf(
        verdict=_worst([int(weights.judged[verdict == code].sum()) for code in range(4)]),
        present=count[PRESENT],
        absent=count[ABSENT],
        mis_scoped=count[MIS_SCOPED],
        not_carried=count[NOT_CARRIED],
        cost=cost,
        weight=share,
        causes=_causes(cause, weights.count),
        share=_shares(verdict, weights),
    )


def _shares(verdict: Codes, weights: Weights) -> Shares | None:
    """The present part of what can carry the field, by each weight."""
    able, present = (verdict != NOT_CARRIED) & (verdict != _OUTSIDE), verdict == PRESENT
    if not weights.judged[able].any():
        return None
    parts = []
    for figure in (weights.judged, weights.tokens, weights.cost):
        whole = int(figure[able].sum())
        parts.append(round(int(figure[present].sum()) / whole, 6) if whole else 0.0)
    return Shares(*parts)


def _split(verdict: Codes, weights: Weights) -> tuple[list[int], ByVerdict, ByVerdict]:
    """Calls, USD and share of the weight by verdict."""
    masks = [verdict == code for code in range(4)]
    count = [int(weights.count[m].sum()) for m in masks]
    cost = ByVerdict(**{n: int(weights.cost[m].sum()) / NANO_USD for n, m in zip(NAMES, masks, strict=True)})
    share = ByVerdict(**{n: round(weights.share_of_units(m), 6) for n, m in zip(NAMES, masks, strict=True)})
    return count, cost, share


def _worst(count: Sequence[int]) -> str:
    if count[MIS_SCOPED] or count[ABSENT]:
        return Verdict.MIS_SCOPED if count[MIS_SCOPED] > count[ABSENT] else Verdict.ABSENT
    return Verdict.PRESENT if count[PRESENT] or not count[NOT_CARRIED] else Verdict.NOT_CARRIED


def _causes(codes: Codes, count: Ints) -> dict[str, int]:
    calls = {CAUSES[c].value: int(count[codes == c].sum()) for c in np.unique(codes) if c >= 0}
    return dict(sorted(calls.items()))


def _keys_found(ledger: Ledger, field: str) -> list[Found]:
    """Every key under which the calls have the field, accepted scopes first, narrow to wide."""
    calls: Counter[tuple[bool, str, str]] = Counter()
    own = ledger.slots.get(field)
    for place in ("", *PREFIXES):
        numbers = ledger.slots.get(f"{place}{field}")
        if numbers is None:
            continue
        rows = numbers >= 0
        if place in ("parent_", "trace_") and own is not None:
            rows &= own < 0
        for number in np.unique(numbers[rows]):
            slot = ledger.evidence.slots[number]
            scope = {"parent_": "parent_span", "trace_": "trace"}.get(place, slot.scope)
            calls[(not place, scope, ledger.shown.key(slot))] += ledger.weights.calls(
                rows & (numbers == number)
            )
    rank = {s: i for i, s in enumerate(SCOPES)}
    order = sorted(calls.items(), key=lambda e: (not e[0][0], rank.get(e[0][1], 99), -e[1], e[0][2]))
    return [Found(key=k, scope=s, calls=n, accepted=ok) for (ok, s, k), n in order[:MAX_KEYS]]
