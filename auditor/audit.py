"""audit(inputs, policy) -> Report: read, judge, count, settle, report. It prints and stores nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from traceback import walk_tb

from auditor import __version__
from auditor.catalogue.fields import Catalogue, Profile, catalogue_with, profiles
from auditor.catalogue.rules import Rule, ruleset_digest
from auditor.catalogue.words import Level
from auditor.errors import DEFECT, AuditBroke, AuditError, InputError
from auditor.evidence.arrays import Rows
from auditor.evidence.assemble import assemble
from auditor.evidence.batch import BROKEN
from auditor.evidence.schema import Table
from auditor.evidence.table import Evidence
from auditor.evidence.totals import without_calls
from auditor.execution.local import read as read_input
from auditor.gate.baseline import Baseline, baseline_notes, cover
from auditor.gate.gate import UNJUDGED, gate
from auditor.gate.suppressions import SuppressionResult, suppress
from auditor.inputs.archives import expand
from auditor.inputs.source import Input, Source
from auditor.judge.requirements import applicable_on, nothing_required, required_on
from auditor.judge.rules import active_rules
from auditor.judge.verdicts import Judgement, judge
from auditor.locate.places import Locator
from auditor.policy.model import Policy
from auditor.readers.detect import recognise
from auditor.relate.distinct_calls import alternatives
from auditor.report.mask import Masker
from auditor.report.schema import Against, Gap, Gate, Report, Ruleset, Score, Step, Tool, Totals
from auditor.tally.bill_notes import bill_notes
from auditor.tally.cost_drivers import cost_drivers
from auditor.tally.fields import field_reports
from auditor.tally.gaps import POSITION, Finding, anchors_of, fields_to_follow, findings, located
from auditor.tally.hops import HopCalls, field_hops, hop_calls, joins
from auditor.tally.input_totals import InputTotals, totals_by_input, totals_notes
from auditor.tally.ledger import Ledger
from auditor.tally.notes import figure_notes, rule_notes
from auditor.tally.owners import Spend, spend_by_owner, worst
from auditor.tally.plan import Replay, plan
from auditor.tally.price_notes import price_notes
from auditor.tally.principals import principal_ledger, principal_records
from auditor.tally.questions import questions
from auditor.tally.reconciliation import reconciliation
from auditor.tally.totals import Doubts, input_report, score_of, totals, with_doubts
from auditor.tally.weights import Weights, weigh


@dataclass(frozen=True)
class Setup:
    """What to audit by: the policy with its profile, fields and rules, and the caller's options."""

    policy: Policy
    profile: Profile
    fields: Catalogue
    rules: tuple[Rule, ...]
    rules_dir: Path | None
    masker: Masker
    jobs: int
    date: str | None
    baseline: Baseline | None
    planned: bool


@dataclass(frozen=True)
class Records:
    """The inputs that were read, a locator for each, and the evidence of all together."""

    inputs: list[Input]
    locators: list[Locator]
    evidence: Evidence
    notes: list[str]
    failures: list[str]  # inputs that were not read to their end

    @property
    def names(self) -> list[str]:
        """The inputs' names, by number."""
        return [given.name for given in self.inputs]


@dataclass(frozen=True)
class Verdicts:
    """The calls judged: `required` and `asked` hold calls by field; `assembled` is the table before.

    `totals` are those of each input, judged by themselves.
    """

    assembled: Evidence
    judgement: Judgement
    required: dict[str, Rows]
    asked: dict[str, Rows]
    totals: dict[int, InputTotals]


@dataclass(frozen=True)
class Figures:
    """What the verdicts add up to; `lost` is the share of spend without an owner, 0 to 1."""

    ledger: Ledger
    findings: list[Finding]
    suppressions: SuppressionResult
    hops: HopCalls
    spend: Spend
    lost: float
    totals: Totals
    score: Score
    plan: list[Step]


@dataclass(frozen=True)
class Outcome:
    """The gaps as the policy and the baseline accept them, and whether the run passes."""

    gaps: list[Gap]
    against: Against | None
    suppressions: SuppressionResult
    gate: Gate


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

    Without `planned` the plan is left out, which takes most of the time of a short input. AuditBroke where a
    step after the readers fails, which is a defect of the auditor; where a reader fails, what it read counts,
    and the gate does not pass.
    """
    try:
        masker = Masker(show=show_values)
        setup = _setup(policy or Policy(), rules_dir, masker, jobs, date, baseline, planned)
        records = _read(inputs, setup)
        verdicts = _judge(records, setup)
        figures = _count(records, verdicts, setup)
        outcome = _settle(records, figures, setup)
        return _report(records, verdicts, figures, outcome, setup)
    except (AuditError, OSError, MemoryError):
        raise
    except BROKEN as error:
        raise AuditBroke(_step(error), [given.name for given in inputs], error) from error


def _step(error: BaseException) -> str:
    """The step of the audit that raised an error: the package that was called first."""
    frames = [frame.f_globals.get("__name__", "") for frame, _ in walk_tb(error.__traceback__)]
    return next(
        (name.split(".")[1] for name in frames if name.startswith("auditor.") and name != __name__), "audit"
    )


def _setup(
    policy: Policy,
    rules_dir: Path | None,
    masker: Masker,
    jobs: int,
    date: str | None,
    baseline: Baseline | None,
    planned: bool,
) -> Setup:
    fields, rules = catalogue_with(policy.aliases), active_rules(policy, rules_dir)
    profile = profiles()[policy.profile]
    return Setup(policy, profile, fields, rules, rules_dir, masker, jobs, date, baseline, planned)


def _read(given: Sequence[Input], setup: Setup) -> Records:
    """Every input read and put into one table; InputError where none of the readable ones gave a record."""
    read, left_out = _tables(expand(given, recognise), setup)
    inputs = [one for one, _, _ in read]
    tables = [table for _, _, table in read]
    locators = [Locator(source, table.read_as, table.parts) for _, source, table in read]
    notes = [note for one, source, _ in read for note in (*one.notes, *source.notes)]
    failures = _failures(inputs, tables)
    policy = setup.policy
    evidence = assemble(tables, setup.fields, policy.dedicated, policy.vocabularies, policy.whole_patterns)
    evidence = without_calls(evidence)
    evidence.record_at = _record_at(evidence, locators)
    return Records(inputs, locators, evidence, [*notes, *left_out], failures)


def _record_at(evidence: Evidence, locators: Sequence[Locator]) -> Callable[[int], object]:
    """A function from a row of the table to its record, as the input has it."""
    positions = evidence.frame.select(POSITION)

    def record(row: int) -> object:
        number, which, offset, nth, pointer, fmt = positions.row(row)
        return locators[number].place(which, offset, nth or 0, pointer, fmt).record

    return record


def _tables(inputs: Sequence[Input], setup: Setup) -> tuple[list[tuple[Input, Source, Table]], list[str]]:
    """Each input with its source and table, and notes on the files of archives that cannot be read."""
    read: list[tuple[Input, Source, Table]] = []
    left_out: list[str] = []
    for given in inputs:
        try:
            source = Source(given)
            table = read_input(source, given, setup.fields, setup.jobs, by_day=len(inputs) > 1)
        except InputError as error:
            if given.archive is None or (given is inputs[-1] and not read):
                raise
            left_out.append(f"left out: {error.message}")
            continue
        table.alias = given.alias
        read.append((given, source, table))
    return read, left_out


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


def _judge(records: Records, setup: Setup) -> Verdicts:
    """Every call judged on every field, and the calls of which the profile and policy require each."""
    evidence = records.evidence
    assembled = evidence.copy()
    judgement = judge(evidence, setup.rules, tuple(setup.fields.fields))
    required = required_on(setup.profile, setup.policy, evidence, judgement)
    asked = applicable_on(setup.profile, setup.policy, evidence, judgement)
    totals = totals_by_input(assembled, judgement, setup.rules, records.names)
    return Verdicts(assembled, judgement, required, asked, totals)


def _count(records: Records, verdicts: Verdicts, setup: Setup) -> Figures:
    """Gaps, spend, totals and score, and the plan to close the gaps."""
    evidence, judgement = records.evidence, verdicts.judgement
    ways = _ways(records, verdicts)
    ledger, left_out = _ledger(records, verdicts, ways)
    weights = ledger.weights
    hits = findings(ledger, verdicts.required, setup.policy, setup.profile, records.inputs)
    # before the owners: masked values are numbered in the order in which the report shows them
    gaps = located(hits, ledger, records.locators, records.inputs, setup.masker)
    hops = hop_calls(ledger)
    spend = spend_by_owner(evidence, judgement, weights, setup.masker, records.names, left_out)
    lost = spend.share_lost
    sums = totals(weights, spend)
    unread = sum(table.skipped_total for table in evidence.tables)
    not_counted = sum(table.look_like_calls for table in evidence.tables)
    score = score_of(judgement, weights, setup.profile, evidence, lost)
    suppressions = suppress(gaps, setup.policy.suppress, records.names, setup.date)
    open_ = [gap for gap in suppressions.gaps if gap.suppressed is None]
    errors = sum(gap.level == Level.ERROR for gap in open_)
    doubtful = [gap for gap in open_ if gap.verdict and gap.field in verdicts.required]
    warnings = sum(gap.level == Level.WARNING for gap in doubtful)
    score = with_doubts(score, Doubts(errors, warnings, unread, not_counted))
    replay = Replay(
        verdicts.assembled,
        setup.rules,
        setup.profile,
        setup.policy,
        [way for way, _ in ways],
        records.inputs,
        unread,
        not_counted,
        frozenset(gap.fingerprint for gap in suppressions.gaps if gap.suppressed),
    )
    steps = plan(hits, hops, replay) if setup.planned else []
    return Figures(ledger, hits, suppressions, hops, spend, lost, sums, score, steps)


def _ways(records: Records, verdicts: Verdicts) -> list[tuple[Weights, frozenset[int]]]:
    """The weights of each way to leave out hops that may show the same traffic, with these hops by number."""
    evidence, calls = records.evidence, verdicts.judgement.calls
    return [(weigh(evidence, calls, without), without) for without in alternatives(evidence)]


def _ledger(
    records: Records, verdicts: Verdicts, ways: Sequence[tuple[Weights, frozenset[int]]]
) -> tuple[Ledger, frozenset[int]]:
    """The judged records with their weights, and the hops (by number) that the weights leave out.

    Of hops that may show the same traffic one counts: that of which most has no owner.
    """
    evidence, judgement, names = records.evidence, verdicts.judgement, records.names
    weights, left_out = ways[-1]
    if len(ways) > 1:
        weights = worst([way for way, _ in ways], evidence, judgement, names)
        left_out = next(hops for way, hops in ways if way is weights)
    beside = {n: totals for n, totals in verdicts.totals.items() if n != evidence.totals_of}
    return Ledger(evidence, judgement, weights, names, beside), left_out


def _settle(records: Records, figures: Figures, setup: Setup) -> Outcome:
    """The gaps checked against suppressions and baseline, and the gate."""
    policy = setup.policy
    suppressions = figures.suppressions
    tolerance = policy.thresholds.tolerance
    gaps, against = cover(suppressions.gaps, setup.baseline, tolerance, gates=policy.new_only)
    totals_only = figures.ledger.weights.totals  # the gate is one of calls
    passed = gate(
        [] if totals_only else gaps,
        policy,
        score=figures.score.value,
        lost=0.0 if totals_only else figures.lost,
        unknown=figures.spend.share_unknown,
        against=against,
        suppressions=suppressions,
        failures=records.failures,
    )
    return Outcome(gaps, against, suppressions, passed)


def _report(records: Records, verdicts: Verdicts, figures: Figures, outcome: Outcome, setup: Setup) -> Report:
    evidence, names, ledger = records.evidence, records.names, figures.ledger
    fields = field_reports(ledger, verdicts.required, verdicts.asked, outcome.gaps)
    followed = fields_to_follow(verdicts.required, figures.findings)
    anchor_of = anchors_of(ledger, records.locators, records.inputs)
    digest = ruleset_digest(setup.rules_dir)
    principals = principal_records(verdicts.judgement, ledger.weights)
    return Report(
        tool=Tool(name="attribution-gap-auditor", version=__version__),
        ruleset=Ruleset(version=__version__, digest=digest, rules=[rule.id for rule in setup.rules]),
        profile=setup.policy.profile,
        date=outcome.suppressions.date,
        inputs=[
            input_report(given, evidence, n, verdicts.totals.get(n)) for n, given in enumerate(records.inputs)
        ],
        totals=figures.totals,
        fields=fields,
        gaps=outcome.gaps,
        hops=field_hops(figures.hops, followed, anchor_of),
        joins=joins(figures.hops),
        reconciliation=reconciliation(evidence, setup.rules, names),
        questions=questions(verdicts.judgement, ledger.weights, principals, names),
        owners=figures.spend.owners,
        principals=principal_ledger(principals, verdicts.judgement, ledger.weights, setup.masker),
        plan=figures.plan,
        baseline=outcome.against,
        score=figures.score,
        gate=outcome.gate,
        notes=_notes(records, verdicts, figures, outcome, setup),
    )


def _notes(
    records: Records, verdicts: Verdicts, figures: Figures, outcome: Outcome, setup: Setup
) -> list[str]:
    policy = setup.policy
    return [
        *records.failures,
        *figure_notes(records.evidence, figures.ledger.weights, figures.spend),
        *totals_notes(verdicts.totals, records.evidence, records.names),
        *cost_drivers(figures.ledger, figures.spend),
        *bill_notes(figures.ledger),
        *price_notes(figures.ledger),
        *nothing_required(policy, verdicts.required, records.evidence),
        *rule_notes(policy, setup.rules, outcome.gaps),
        *records.notes,
        *outcome.suppressions.notes,
        *baseline_notes(outcome.against, setup.baseline, policy.profile),
    ]


__all__ = ["Input", "audit"]
