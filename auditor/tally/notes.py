"""What a reader must know before trusting the figures of a report, as sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from auditor.catalogue.prices import NANO_USD
from auditor.catalogue.rules import Rule
from auditor.catalogue.words import Level
from auditor.evidence.table import IS_CALL, Evidence
from auditor.policy.model import Policy
from auditor.printing.text import FEW, count, money, plural
from auditor.relate.columns import need
from auditor.relate.distinct_calls import look_alikes, strangers
from auditor.relate.hops import outside
from auditor.report.schema import Gap
from auditor.tally.owners import Spend
from auditor.tally.weights import Weights


def figure_notes(evidence: Evidence, weights: Weights, spend: Spend) -> list[str]:
    """How calls were counted and weighed, and what the inputs cannot show."""
    notes = _hops_without_a_link(evidence, spend)
    notes += _past_the_gateway(evidence, weights)
    if weights.basis == "estimated":
        notes.append(
            "Cost is estimated from tokens and the public price list where no cost was recorded; "
            "discounts and batch prices are not in it."
        )
    if weights.by == "tokens":
        notes.append("Shares are weighted by tokens: too few calls carry or allow a cost.")
    elif weights.by == "calls" and len(weights.records):
        notes.append("Shares are weighted by calls: no call carries a cost or tokens.")
    if 0 < int(weights.count.sum()) < FEW:
        notes.append(f"Under {FEW} calls: read the counts, not the percentages.")
    if any(t.layer == "app" and "trace_id" in t.frame.columns for t in evidence.tables):
        notes.append(
            "Coverage computed from traces is coverage of the sample: "
            "traces that were not sampled are invisible."
        )
    return notes


def _hops_without_a_link(evidence: Evidence, spend: Spend) -> list[str]:
    """Hops without a call in common, and whether the calls of both are counted."""

    def named(hops: Iterable[int]) -> str:
        return " and ".join(evidence.hops[n].name for n in hops)

    notes = [
        f"{named(pair.before)} and {named(pair.after)} agree in model, tokens and minute on {pair.pairs} of "
        f"{plural(pair.calls, 'call')} that no ID joins. They may be the same traffic, so their figures are "
        f"not added up: the totals leave out {named(sorted(spend.left_out & {*pair.before, *pair.after}))}. "
        "Log one request ID at both."
        for pair in look_alikes(evidence)
    ]
    notes += [
        f"{named([before])} and {named([after])} share no ID: the calls of both are counted."
        for before, after in strangers(evidence)
    ]
    return notes + [
        f"{plural(calls, 'call')} of {named([here])} lie outside of the time that {named([there])} covers: "
        "nobody can say whether it has them."
        for here, there, calls in outside(evidence)
    ]


def _past_the_gateway(evidence: Evidence, weights: Weights) -> list[str]:
    """What the provider answered and the gateway has no record of, by its cause and in dollars."""
    if len(evidence.hops) < 2:
        return []
    names = ("kind", "layer", "lost_upstream", "passed_by", "stream", "operation")
    calls = need(evidence, *names).select(names).filter(IS_CALL)
    lost = (calls["lost_upstream"] == "gateway") & (calls["layer"] == "provider")
    rows = lost.fill_null(False).to_numpy()
    if not rows.any():
        return []
    round_it = rows & calls["passed_by"].fill_null(False).to_numpy()
    by_name = calls["operation"].str.contains("(?i)stream").fill_null(False)
    unlogged = rows & ~round_it
    streams = weights.calls(unlogged & (calls["stream"].fill_null(False) | by_name).to_numpy())
    # a stream that is broken off never reaches the code that logs its end
    broken = f", {count(streams)} of them in streams" if streams else ""
    parts = [
        f"{plural(weights.calls(part), 'call')} ({money(weights.money(part) / NANO_USD)}) {text}"
        for part, text in ((round_it, "went round it"), (unlogged, f"it did not log{broken}"))
        if part.any()
    ]
    return [f"The provider answered calls that the gateway has no record of: {'; '.join(parts)}."]


def rule_notes(policy: Policy, rules: Sequence[Rule], gaps: Sequence[Gap]) -> list[str]:
    """What the policy changed of the rules that fired, and which advice depends on dates or versions."""
    fired = {gap.rule for gap in gaps}
    loud = {gap.rule for gap in gaps if gap.level != Level.NOTE}
    notes = []
    for rule in rules:
        level = policy.levels.get(rule.id, rule.level)
        if rule.id in fired and level != rule.level:
            notes.append(f"The policy makes {rule.id} a {level.value}; its own level is {rule.level.value}.")
        for name, value in policy.thresholds.rules.get(rule.id, {}).items():
            notes.append(f"The policy sets {name} of {rule.id} to {value:g}.")
    advice = [rule for rule in rules if rule.valid and rule.id in loud]
    return notes + [f"The advice of {rule.id} holds: {rule.holds}." for rule in advice]
