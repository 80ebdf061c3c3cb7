"""audit(inputs, policy) -> Report: the whole flow as one readable function.

It does no I/O beyond reading the inputs, prints nothing, and stores nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from traceback import walk_tb

from auditor import __version__
from auditor.catalogue import prices
from auditor.catalogue.fields import Catalogue, catalogue_with, profiles
from auditor.catalogue.rules import Rule, all_ids, load_fixes, load_rules
from auditor.catalogue.words import Level
from auditor.errors import DEFECT, AuditBroke, AuditError, InputError, PolicyError
from auditor.evidence.assemble import assemble
from auditor.evidence.batch import BROKEN
from auditor.evidence.schema import Table
from auditor.execution.local import read
from auditor.gate.baseline import Baseline, cover, uncovered
from auditor.gate.gate import UNJUDGED, gate, unjudged
from auditor.gate.suppressions import suppress
from auditor.inputs.archives import expand
from auditor.inputs.source import Input, Source
from auditor.judge.columns import check_columns
from auditor.judge.requirements import asked_on, required_on, unasked
from auditor.judge.verdicts import judge
from auditor.locate.places import Locator
from auditor.policy.model import Policy, check_rules, check_until
from auditor.readers.detect import recognise
from auditor.readers.text.mixed import FORMAT as MIXED
from auditor.report.mask import Masker
from auditor.report.schema import Gap, Report, Ruleset, Tool
from auditor.tally.fields import Ledger
from auditor.tally.gaps import anchor, followed, placing, tell_all
from auditor.tally.hops import field_hops, ground, joins
from auditor.tally.owners import spend
from auditor.tally.plan import Court, checked
from auditor.tally.questions import questions
from auditor.tally.reconciliation import reconciliation
from auditor.tally.totals import field_reports, input_report, notes_on, owned_by_someone, score_of, totals
from auditor.tally.weights import weigh


def audit(
    inputs: Sequence[Input],
    policy: Policy | None = None,
    *,
    rules_dir: Path | None = None,
    jobs: int = 1,
    show_values: bool = False,
    date: str | None = None,
    baseline: Baseline | None = None,
    planned: bool = True,
) -> Report:
    """Audit some inputs together. AuditError when one cannot be read; no calls make an empty report.

    Without `planned` the changes are not worked out: most of the time that a short input takes. AuditBroke
    where a step behind the readers fails, which is a defect of the auditor; a reader that fails keeps what it
    read, and the gate does not pass.
    """
    try:
        return _audited(inputs, policy, rules_dir, jobs, show_values, date, baseline, planned)
    except (AuditError, OSError, MemoryError):
        raise
    except BROKEN as error:
        raise AuditBroke(_step(error), [given.name for given in inputs], error) from error


def _step(error: BaseException) -> str:
    """The step of the audit that raised an error: the module that was called first."""
    frames = [frame.f_globals.get("__name__", "") for frame, _ in walk_tb(error.__traceback__)]
    return next(
        (name.split(".")[1] for name in frames if name.startswith("auditor.") and name != __name__), "audit"
    )


def _audited(
    inputs: Sequence[Input],
    policy: Policy | None,
    rules_dir: Path | None,
    jobs: int,
    show_values: bool,
    date: str | None,
    baseline: Baseline | None,
    planned: bool,
) -> Report:
    policy = policy or Policy()
    profile = profiles()[policy.profile]
    fields = catalogue_with(policy.aliases)
    rules = _rules(policy, rules_dir)
    inputs, sources, tables, said = _read(expand(inputs, recognise), fields, jobs)
    failures = _failures(inputs, tables)
    evidence = assemble(tables, fields, policy.dedicated, policy.vocabularies, policy.whole_patterns)
    tables = evidence.tables
    bare = replace(evidence, slots=list(evidence.slots), kept={})
    judgement = judge(evidence, rules, tuple(fields.fields))
    weights = weigh(evidence, judgement.calls)
    asked = required_on(profile, policy, evidence, judgement)
    ledger = Ledger(evidence, judgement, weights)
    told = tell_all(ledger, asked, policy, profile, inputs)
    locators = [Locator(s, mixed=t.format == MIXED.name) for s, t in zip(sources, tables, strict=True)]
    masker = Masker(show=show_values)
    anchored = anchor(told, judgement, locators, inputs, masker)
    lived = suppress(anchored, policy.suppress, [i.name for i in inputs], date)
    gaps, against = cover(lived.gaps, baseline, policy.thresholds.tolerance, gates=policy.new_only)
    owned = owned_by_someone(judgement)
    names = [i.name for i in inputs]
    spent = spend(evidence, judgement, weights, masker, names)
    together = len(evidence.hops) > 1
    lost = spent.share_lost if together else weights.share(~owned)
    score = score_of(judgement, weights, profile, evidence, lost)
    held = ground(evidence, judgement, weights)
    open_ = [t for t in told if t.gap.level != Level.NOTE]
    court = Court(bare, rules, profile, policy, weights, names)
    return Report(
        tool=Tool(name="attribution-gap-auditor", version=__version__),
        ruleset=_ruleset(rules, rules_dir),
        profile=policy.profile,
        date=lived.date,
        inputs=[input_report(given, evidence, n) for n, given in enumerate(inputs)],
        totals=totals(weights, owned, spent, together=together),
        fields=field_reports(ledger, asked, asked_on(profile, policy, evidence, judgement), gaps),
        gaps=gaps,
        hops=field_hops(held, followed(asked, told), placing(evidence, locators, inputs)),
        joins=joins(held),
        reconciliation=reconciliation(evidence, _tolerance(rules), names),
        questions=questions(judgement, weights, names),
        owners=spent.owners,
        plan=checked(open_, evidence, judgement, court, held.hop_at) if planned else [],
        baseline=against,
        score=score,
        gate=unjudged(
            gate(gaps, policy, score.value, lost, against, lived, spent.share_unknown), policy, failures
        ),
        notes=[
            *failures,
            *notes_on(evidence, weights, spent),
            *unasked(policy, asked, evidence),
            *_changed(policy, rules, gaps),
            *_limited(rules, gaps),
            *said,
            *lived.notes,
            *uncovered(against, baseline, policy.profile),
        ],
    )


def _rules(policy: Policy, rules_dir: Path | None) -> tuple[Rule, ...]:
    """The rules as the policy tunes them; an error where it names one that does not exist."""
    check_rules(policy, all_ids(rules_dir))
    rules = tuple(r for r in load_rules(rules_dir) if policy.pedantic or r.status != "preview")
    check_until(policy, {rule.id: rule.level for rule in rules})
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
            table = read(source, one, fields, jobs, by_day=len(given) > 1)
            table.alias = one.alias
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


def _failures(inputs: Sequence[Input], tables: Sequence[Table]) -> list[str]:
    """Which inputs were not read to their end; InputError where none gave a record."""
    out = [
        f"{given.name}: {table.failed}; {UNJUDGED}"
        for given, table in zip(inputs, tables, strict=True)
        if table.failed
    ]
    if out and not any(table.frame.height for table in tables):
        raise InputError(out[0], DEFECT)
    return out


def _tolerance(rules: Sequence[Rule]) -> float:
    """How far logs and bill may be apart: what the rule that compares them allows."""
    return next((r.thresholds["tolerance"] for r in rules if "tolerance" in r.thresholds), 0.01)


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
