"""audit(inputs, policy) -> Report: the whole flow as one readable function.

It does no I/O beyond reading the inputs, prints nothing, and stores nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from auditor import __version__, prices
from auditor.archives import expand
from auditor.assemble import assemble
from auditor.columns import check_columns
from auditor.errors import InputError, PolicyError
from auditor.fields import Catalogue, Profile, catalogue, catalogue_with, profiles
from auditor.figures import field_reports, hops_of, input_report, notes_on, owned_by_someone, score_of, totals
from auditor.gate import gate
from auditor.ingest import ingest
from auditor.judge import Hit, Judgement, judge
from auditor.locate import Locator, excerpt
from auditor.mask import Masker
from auditor.model import (
    Anchor,
    Gap,
    Level,
    Report,
    Ruleset,
    Tool,
)
from auditor.money import weigh
from auditor.parts import MIXED
from auditor.plan import plan
from auditor.required import Asked, required_on, unasked
from auditor.rulebook import Rule, all_ids, load_fixes, load_rules
from auditor.settings import Policy, check_rules
from auditor.source import Input, Source
from auditor.suppress import suppress
from auditor.table import Table
from auditor.tally import Ledger, Told, tell


def audit(
    inputs: Sequence[Input],
    policy: Policy | None = None,
    *,
    rules_dir: Path | None = None,
    jobs: int = 1,
    show_values: bool = False,
    date: str | None = None,
) -> Report:
    """Audit some inputs together. AuditError when one cannot be read; no calls make an empty report."""
    policy = policy or Policy()
    profile = profiles()[policy.profile]
    fields = catalogue_with(policy.aliases)
    rules = _rules(policy, rules_dir)
    inputs, sources, tables, said = _read(expand(inputs), fields, jobs)
    evidence = assemble(tables, fields, policy.dedicated, policy.vocabularies, policy.whole_patterns)
    judgement = judge(evidence, rules, tuple(fields.fields))
    weights = weigh(evidence, judgement.calls)
    asked = required_on(profile, policy, evidence, judgement)
    ledger = Ledger(evidence, judgement, weights)
    told = _tell(ledger, asked, policy, profile, inputs)
    locators = [Locator(s, mixed=t.format == MIXED) for s, t in zip(sources, tables, strict=True)]
    anchored = _anchor(told, judgement, locators, inputs, Masker(show=show_values))
    gaps, used_date, notes = suppress(anchored, policy.suppress, [i.name for i in inputs], date)
    owned = owned_by_someone(judgement)
    score = score_of(judgement, weights, profile, evidence, owned)
    return Report(
        tool=Tool(name="attribution-gap-auditor", version=__version__),
        ruleset=_ruleset(rules, rules_dir),
        profile=policy.profile,
        date=used_date,
        inputs=[input_report(given, evidence, n) for n, given in enumerate(inputs)],
        totals=totals(weights, owned),
        fields=field_reports(ledger, asked, gaps),
        gaps=gaps,
        hops=hops_of(evidence, judgement, asked, inputs),
        plan=plan([t for t in told if t.gap.level != Level.NOTE], weights, set(asked)),
        score=score,
        gate=gate(gaps, policy.fail_on, policy.thresholds, score.value, weights.share(~owned)),
        notes=[
            *notes_on(evidence, weights),
            *unasked(policy, asked, evidence),
            *_changed(policy, rules, gaps),
            *_limited(rules, gaps),
            *said,
            *notes,
        ],
    )


def _rules(policy: Policy, rules_dir: Path | None) -> tuple[Rule, ...]:
    """The rules as the policy tunes them; an error where it names one that does not exist."""
    check_rules(policy, all_ids(rules_dir))
    rules = load_rules(rules_dir)
    check_columns([rule for rule in rules if rule.place[1]])
    bounds = policy.thresholds.rules
    try:
        return tuple(r.tuned(bounds[r.id]) if r.id in bounds else r for r in rules) if bounds else rules
    except ValueError as error:
        raise PolicyError(f"thresholds: {error}", "`auditor explain RULE` shows its thresholds") from None


def _changed(policy: Policy, rules: Sequence[Rule], gaps: Sequence[Gap]) -> list[str]:
    """What the policy changed of the rules that spoke."""
    told = {gap.rule for gap in gaps}
    out = []
    for rule in rules:
        level = policy.levels.get(rule.id, rule.level)
        if rule.id in told and level != rule.level:
            out.append(f"The policy makes {rule.id} a {level.value}; its own level is {rule.level.value}.")
        for name, value in policy.thresholds.rules.get(rule.id, {}).items():
            out.append(f"The policy sets {name} of {rule.id} to {value:g}.")
    return out


def _limited(rules: Sequence[Rule], gaps: Sequence[Gap]) -> list[str]:
    """Which advice on errors and warnings depends on dates or versions."""
    told = {gap.rule for gap in gaps if gap.level != Level.NOTE}
    return [
        f"The advice of {rule.id} holds: {rule.holds}." for rule in rules if rule.valid and rule.id in told
    ]


def _read(
    given: Sequence[Input], fields: Catalogue, jobs: int
) -> tuple[list[Input], list[Source], list[Table], list[str]]:
    """Every input read, and what to say of that; a file of an archive that cannot be read is left out."""
    inputs: list[Input] = []
    sources: list[Source] = []
    tables: list[Table] = []
    left_out: list[str] = []
    for one in given:
        try:
            source = Source(one)
            table = ingest(source, one, fields, jobs)
        except InputError as error:
            if one.archive is None or (one is given[-1] and not inputs):
                raise
            left_out.append(f"left out: {error.message}")
            continue
        inputs.append(one)
        sources.append(source)
        tables.append(table)
    said = [note for one, source in zip(inputs, sources, strict=True) for note in (*one.notes, *source.notes)]
    return inputs, sources, tables, [*said, *left_out]


def _tell(
    ledger: Ledger, asked: Asked, policy: Policy, profile: Profile, inputs: Sequence[Input]
) -> list[Told]:
    """Gaps in the order of the report: level, money, calls. What nobody asked for is a note or untold."""
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
    told: list[Told], judgement: Judgement, locators: list[Locator], inputs: Sequence[Input], masker: Masker
) -> list[Gap]:
    """Gaps with their example records located and masked; the first example gets an excerpt."""
    import msgspec

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
