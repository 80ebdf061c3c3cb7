"""Checks of the installed copy: the examples of every rule and the shipped samples, audited and compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from auditor.audit import Input, audit
from auditor.catalogue.rules import Example, Rule, load_rules
from auditor.catalogue.samples import Sample, samples
from auditor.catalogue.words import Verdict
from auditor.errors import AuditError
from auditor.policy.model import Policy, parse_policy
from auditor.printing.ink import Ink
from auditor.printing.text import plural, visible
from auditor.readers.registry import format_of
from auditor.report.schema import Report
from auditor.report.sentences import asked_fields


@dataclass(frozen=True)
class Result:
    """One check: its name, the expected and the actual outcome."""

    name: str
    expected: str
    got: str

    @property
    def passed(self) -> bool:
        """Whether both outcomes are equal."""
        return self.expected == self.got

    def line(self, ink: Ink) -> bytes:
        """The check on a line, with both outcomes when it failed."""
        if self.passed:
            return ink.encode(f"{ink('pass', 'green')}  {visible(self.name)}\n")
        return ink.encode(
            f"{ink('FAIL', 'error')}  {visible(f'{self.name}: expected {self.expected}; got {self.got}')}\n"
        )


def summary(results: Sequence[Result], ink: Ink, rules_dir: Path | None = None) -> bytes:
    """One line: how many checks ran and how many failed."""
    failed = sum(not result.passed for result in results)
    rules = len(load_rules(rules_dir)) - (len(load_rules()) if rules_dir else 0)
    of_samples = "" if rules_dir else f" and {plural(len(samples()), 'sample')}"
    checks = f"{plural(len(results), 'check')} of {plural(rules, 'rule')}{of_samples}"
    verdict = ink(f"{failed} failed", "error") if failed else ink("all passed", "green")
    return ink.encode(f"selftest: {checks}: {verdict}\n")


def run_all(rules_dir: Path | None = None) -> Iterator[Result]:
    """Every example of every rule, then every sample; with a folder, only the examples of its rules."""
    shipped = load_rules()
    for rule in load_rules(rules_dir):
        for example in rule.examples if rules_dir is None or rule not in shipped else ():
            yield run_example(rule, example, rules_dir)
    for sample in samples() if rules_dir is None else ():
        yield run_sample(sample)


def run_example(rule: Rule, example: Example, rules_dir: Path | None = None) -> Result:
    """Audit one example by its policy, and compare how many calls the rule reports with what is expected."""
    name = f"{rule.id} {example.name}"
    expected = {str(what): number for what, number in example.expect.items() if number}
    try:
        report = audit(inputs_of(example), policy_of(example), rules_dir=rules_dir, planned=False)
    except AuditError as error:
        return Result(name, _outcome(expected), f"error: {error.message}")
    return Result(name, _outcome(expected), _outcome(hits(report, rule)))


def policy_of(example: Example) -> Policy:
    """The policy under which an example is audited."""
    return parse_policy(example.settings, f"example {example.name!r}")


def inputs_of(example: Example) -> list[Input]:
    """The inputs of an example: its own and those that it needs as well."""
    own = Input(name=example.name, data=example.input.encode(), format=example.format)
    return [own, *(Input(name=b.format, data=b.input.encode(), format=b.format) for b in example.beside)]


def hits(report: Report, rule: Rule) -> dict[str, int]:
    """How many records a rule reports, by verdict, over all its fields; `told` for a rule without verdict."""
    counts: dict[str, int] = {}
    for gap in report.gaps:
        if gap.rule == rule.id:
            verdict = gap.verdict or "told"
            counts[verdict] = counts.get(verdict, 0) + gap.records
    return counts


def _outcome(counts: dict[str, int]) -> str:
    return ", ".join(f"{verdict} {counts[verdict]}" for verdict in sorted(counts)) or "silent"


def run_sample(sample: Sample) -> Result:
    """Audit one sample, and compare its format, its rules and whether it is good with its description."""
    expected = f"{sample.format}, {sample.kind}"
    try:
        report = audit([Input(name=sample.file, path=sample.path)], planned=False)
    except AuditError as error:
        return Result(sample.name, expected, f"error: {error.message}")
    if not any(given.calls or given.totals for given in report.inputs):
        sample_format = format_of(sample.format)
        # metrics have neither calls nor totals: they only have to be recognised
        kind = sample.kind if sample_format is not None and sample_format.aggregate else "no calls"
        return Result(sample.name, expected, f"{report.inputs[0].format}, {kind}")
    reported = {gap.rule for gap in report.gaps}
    silent = [rule for rule in sample.rules if rule not in reported]
    if silent:
        return Result(sample.name, expected, f"silent: {', '.join(silent)}")
    return Result(sample.name, expected, f"{report.inputs[0].format}, {_kind(report)}")


def _kind(report: Report) -> str:
    fine = (Verdict.PRESENT, Verdict.NOT_CARRIED)
    open_fields = [
        field.field for field in asked_fields(report) if field.required and field.verdict not in fine
    ]
    return "gappy" if open_fields or not report.gate.passed else "good"
