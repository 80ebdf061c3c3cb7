"""audit(inputs, policy) -> Report: the whole flow as one readable function.

It does no I/O beyond reading the inputs, prints nothing, and stores nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl

from auditor import __version__, prices
from auditor.assemble import Evidence, assemble
from auditor.fields import Profile, Requirement, catalogue, catalogue_with, profiles
from auditor.gate import gate
from auditor.ingest import ingest
from auditor.judge import NOT_CARRIED, PRESENT, Hit, Judgement, columns_of, judge
from auditor.locate import Locator, excerpt
from auditor.mask import Masker
from auditor.model import (
    LAYERS,
    Anchor,
    FieldHops,
    FieldReport,
    Gap,
    Hop,
    InputReport,
    Level,
    Report,
    Ruleset,
    Score,
    Tool,
    Totals,
)
from auditor.money import Weights, weigh
from auditor.plan import plan
from auditor.relate import relate
from auditor.rulebook import Rule, load_fixes, load_rules
from auditor.score import score
from auditor.settings import Policy
from auditor.source import Input, Source
from auditor.suppress import suppress
from auditor.tally import Ledger, Told, field_report, tell


def audit(
    inputs: Sequence[Input],
    policy: Policy | None = None,
    *,
    rules_dir: Path | None = None,
    jobs: int = 1,
    show_values: bool = False,
    date: str | None = None,
) -> Report:
    """Audit some inputs together. AuditError when one cannot be read at all; no calls is a report of zero calls."""
    policy = policy or Policy()
    profile = profiles()[policy.profile]
    fields = catalogue_with(policy.aliases)
    rules = load_rules(rules_dir)
    sources = [Source(given) for given in inputs]
    tables = [ingest(source, given, fields, jobs) for source, given in zip(sources, inputs, strict=True)]
    evidence = assemble(tables, fields)
    judgement = judge(evidence, rules, tuple(fields.fields))
    weights = weigh(evidence, judgement.calls)
    asked = _asked(profile, policy, evidence, judgement)
    ledger = Ledger(evidence, judgement, weights)
    told = _tell(ledger, asked, policy, profile, inputs)
    anchored = _anchor(told, judgement, sources, inputs, Masker(show=show_values))
    gaps, used_date, notes = suppress(anchored, policy.suppress, [i.name for i in inputs], date)
    owned = _owned(judgement)
    return Report(
        tool=Tool(name="attribution-gap-auditor", version=__version__),
        ruleset=_ruleset(rules, rules_dir),
        profile=policy.profile,
        date=used_date,
        inputs=[_input_report(given, evidence, n) for n, given in enumerate(inputs)],
        totals=_totals(weights, owned),
        fields=_fields(ledger, asked, gaps),
        gaps=gaps,
        hops=_hops(evidence, judgement, asked, inputs),
        plan=plan([t for t in told if t.gap.level != Level.NOTE], weights, set(asked)),
        score=_score(judgement, weights, asked, profile, evidence, owned),
        gate=gate(gaps, policy.fail_on),
        notes=[*_notes(evidence, judgement, weights), *notes],
    )


Asked = dict[str, np.ndarray]  # field -> the calls on which the profile requires it


def requirements(profile: Profile, policy: Policy, evidence: Evidence) -> list[Requirement]:
    """The profile's requirements and the policy's own; `all` asks for every field."""
    own = [Requirement(any_of=[name]) for name in policy.required]
    if profile.every_field:
        return [Requirement(any_of=[name]) for name in evidence.catalogue.fields] + own
    return [*profile.required, *own]


def _asked(profile: Profile, policy: Policy, evidence: Evidence, judgement: Judgement) -> Asked:
    """Where each field is required: by layer, by condition, and not where an alternative is present."""
    layer = judgement.calls["layer"]
    out: Asked = {}
    for need in requirements(profile, policy, evidence):
        holds = [name for name in LAYERS if need.holds_in(name)]
        rows = layer.is_in(holds).to_numpy().copy()
        if need.when:
            relate(evidence, columns_of(need.when))
            calls = evidence.frame.filter(evidence.frame["kind"] == "call")
            rows &= calls.select(pl.sql_expr(need.when).fill_null(False).alias("when"))["when"].to_numpy()
        for name in need.any_of:
            others = [judgement.verdicts[n] == PRESENT for n in need.any_of if n != name]
            mine = rows & ~np.any(others, axis=0) if others else rows
            out[name] = out.get(name, np.zeros(len(rows), dtype=bool)) | mine
    return out


def _tell(
    ledger: Ledger, asked: Asked, policy: Policy, profile: Profile, inputs: Sequence[Input]
) -> list[Told]:
    """Gaps in the order of the report: by level, by money, by calls. What nobody asked for is a note or untold."""
    tables = ledger.evidence.tables
    names = {
        n: given.alias or table.format for n, (given, table) in enumerate(zip(inputs, tables, strict=True))
    }
    out = []
    for hit in ledger.judgement.hits:
        wanted = asked.get(hit.field)
        level = policy.levels.get(hit.rule.id, hit.rule.level)
        rows = hit.rows
        if hit.rule.verdict != "none":
            needed = rows & wanted if wanted is not None else np.zeros_like(rows)
            if hit.rule.verdict == "absent":
                rows = needed
            elif not needed.any():
                level = Level.NOTE
        elif wanted is None and not profile.every_field and level == Level.ERROR:
            level = Level.WARNING
        if rows.any():
            out.append(tell(ledger, Hit(hit.rule, hit.field, rows), level.value, names))
    return sorted(
        out,
        key=lambda t: (
            Level(t.gap.level).rank,
            -t.gap.cost_usd,
            -t.gap.share,
            -t.gap.calls,
            t.gap.rule,
            t.gap.field,
        ),
    )


def _anchor(
    told: list[Told], judgement: Judgement, sources: list[Source], inputs: Sequence[Input], masker: Masker
) -> list[Gap]:
    """Gaps with their example records located and masked; the first example gets an excerpt."""
    import msgspec

    locators = [Locator(source) for source in sources]
    columns = judgement.calls.select("input", "record", "offset", "nth", "pointer", "format")
    out = []
    for item in told:
        anchors = []
        for i, row in enumerate(item.examples):
            number, record, offset, nth, pointer, fmt = columns.row(row)
            place = locators[number].place(offset, nth or 0, pointer, fmt)
            shown = excerpt(place.record, item.keys, _means(item.gap.field), masker) if i == 0 else None
            anchors.append(
                Anchor(
                    input=inputs[number].name,
                    record=record,
                    line=place.line,
                    column=place.column,
                    pointer=place.pointer,
                    excerpt=shown[0] if shown else None,
                    caret=shown[1] if shown else None,
                )
            )
        out.append(msgspec.structs.replace(item.gap, anchors=anchors))
    return out


def _means(field: str) -> Callable[[str], bool]:
    """Whether a key stands for a field."""

    def means(key: str) -> bool:
        match = catalogue().lookup(key)
        return match is not None and match.field == field

    return means


def _owned(judgement: Judgement) -> np.ndarray:
    owned: np.ndarray = (judgement.verdicts["tenant_id"] == PRESENT) | (
        judgement.verdicts["team_id"] == PRESENT
    )
    return owned


def _totals(weights: Weights, owned: np.ndarray) -> Totals:
    calls = int(weights.count.sum())
    lost = int(weights.count[~owned].sum())
    cost = int(weights.cost.sum()) if weights.basis != "none" else 0
    lost_cost = int(weights.cost[~owned].sum()) if weights.basis != "none" else 0
    return Totals(
        calls=calls,
        tokens=int(weights.tokens.sum()),
        cost_usd=cost / 1e9,
        cost_basis=weights.basis,
        weighted_by=weights.by,
        unattributed_calls=lost / calls if calls else 0.0,
        unattributed_cost=lost_cost / cost if cost else 0.0,
        unattributed_cost_usd=lost_cost / 1e9,
    )


def _fields(ledger: Ledger, asked: Asked, gaps: list[Gap]) -> list[FieldReport]:
    """The profile's fields first, then every other field that was seen."""
    by_field: dict[str, list[str]] = {}
    for gap in gaps:
        by_field.setdefault(gap.field, []).append(gap.rule)
    required, seen = [], []
    for name in ledger.evidence.catalogue.fields:
        is_asked = name in asked and bool(asked[name].any())
        report = field_report(
            ledger, name, required=is_asked, gaps=list(dict.fromkeys(by_field.get(name, [])))
        )
        if is_asked:
            required.append(report)
        elif report.present or report.mis_scoped or report.found:
            seen.append(report)
    return required + seen


def _hops(evidence: Evidence, judgement: Judgement, asked: Asked, inputs: Sequence[Input]) -> list[FieldHops]:
    """How many calls of each input carry each required field, in the order of the layers; one input has no hops."""
    if len(inputs) < 2:
        return []
    number = judgement.calls["input"].to_numpy()
    order = sorted(range(len(inputs)), key=lambda n: (LAYERS.index(evidence.tables[n].layer), n))
    out = []
    for name in asked:
        verdict = judgement.verdicts[name]
        hops = [
            Hop(
                layer=evidence.tables[n].layer,
                input=inputs[n].name,
                carried=int(((number == n) & (verdict == PRESENT)).sum()),
                of=int(((number == n) & (verdict != NOT_CARRIED)).sum()),
            )
            for n in order
        ]
        out.append(FieldHops(field=name, hops=hops))
    return out


def _score(
    judgement: Judgement,
    weights: Weights,
    asked: Asked,
    profile: Profile,
    evidence: Evidence,
    owned: np.ndarray,
) -> Score:
    layer = judgement.calls["layer"]
    shares, uncheckable = [], []
    needs = requirements(profile, Policy(), evidence)
    for need in needs:
        rows = layer.is_in([name for name in LAYERS if need.holds_in(name)]).to_numpy()
        weight = max(evidence.catalogue.fields[name].weight for name in need.any_of)
        present = np.any([judgement.verdicts[n] == PRESENT for n in need.any_of], axis=0) & rows
        lacking = np.all([judgement.verdicts[n] == NOT_CARRIED for n in need.any_of], axis=0)
        checkable = rows & ~lacking
        shares.append((weight, weights.share(present & checkable), weights.share(checkable)))
        if rows.any() and not checkable.any():
            uncheckable.extend(need.any_of)
    lost = weights.share(~owned)
    return score(shares, lost, list(dict.fromkeys(uncheckable)))


def _input_report(given: Input, evidence: Evidence, number: int) -> InputReport:
    table = evidence.tables[number]
    mine = evidence.frame.filter(evidence.frame["input"] == number)
    calls = mine.filter(mine["kind"] == "call")
    held = int(calls["weight"].sum()) if calls.height else 0
    records = int(mine["weight"].sum()) if mine.height and "weight" in mine.columns else mine.height
    return InputReport(
        name=given.name,
        format=table.format,
        layer=table.layer,
        bytes=table.bytes,
        records=records,
        calls=held,
        context=records - held,
        skipped=table.skips,
        skipped_total=table.skipped_total,
        also=table.also,
        notes=table.notes,
    )


def _notes(evidence: Evidence, judgement: Judgement, weights: Weights) -> list[str]:
    notes = []
    if weights.basis == "estimated":
        notes.append(
            "Cost is estimated from tokens and the public price list where no cost was recorded; "
            "discounts and batch prices are not in it."
        )
    if weights.by == "tokens":
        notes.append("Shares are weighted by tokens: too few calls carry or allow a cost.")
    elif weights.by == "calls" and len(weights.count):
        notes.append("Shares are weighted by calls: no call carries a cost or tokens.")
    if 0 < int(weights.count.sum()) < 30:
        notes.append("Under 30 calls: read the counts, not the percentages.")
    if any(t.layer == "app" and "trace_id" in t.frame.columns for t in evidence.tables):
        notes.append(
            "Coverage computed from traces is coverage of the sample: traces that were not sampled are invisible."
        )
    return notes


def _ruleset(rules: Sequence[Rule], extra: Path | None) -> Ruleset:
    return Ruleset(version=__version__, digest=_digest(extra), rules=[r.id for r in rules])


@lru_cache(maxsize=8)
def _digest(extra: Path | None) -> str:
    """Over rules, fields, profiles, fixes and the price list's version."""
    held = hashlib.sha256()
    for rule in load_rules(extra):
        held.update(rule.model_dump_json(exclude={"examples"}).encode())
    for fix in load_fixes().values():
        held.update(fix.model_dump_json().encode())
    for field in catalogue_with({}).fields.values():
        held.update(field.model_dump_json().encode())
    for profile in profiles().values():
        held.update(profile.model_dump_json().encode())
    held.update(prices.list_version().encode())
    return held.hexdigest()[:16]


__all__ = ["Input", "audit"]
