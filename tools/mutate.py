"""Break each rule's predicate and see that one of its examples notices: `make mutate`.

A predicate is broken by negating it and by leaving out each part of an AND or an OR, one at a time.
A mutant that no example notices is a survivor: an example is missing, or the part does nothing.
It changes no file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import sqlglot
from sqlglot import exp

from auditor.catalogue.fields import catalogue, catalogue_with
from auditor.catalogue.rules import Example, Rule, load_rules
from auditor.cli.checks import inputs_of, policy_of
from auditor.evidence.assemble import assemble
from auditor.evidence.table import Evidence
from auditor.inputs.source import Source
from auditor.judge.verdicts import judge
from auditor.readers.ingest import ingest

JUNCTIONS = (exp.And, exp.Or)
FIELD = "field__"  # stands for `{field}` while a predicate is a tree


@dataclass(frozen=True)
class Survivor:
    """A broken predicate that every example of its rule takes for the rule itself."""

    rule: str
    broken: str
    predicate: str


def mutants(predicate: str) -> Iterator[tuple[str, str]]:
    """What was done and the predicate that came of it: negated, then without each part of an AND or OR."""
    yield "negated", f"NOT COALESCE(({predicate}), FALSE)"
    tree = sqlglot.parse_one(predicate.replace("{field}", FIELD), read="postgres")
    for number, node in enumerate(tree.walk()):
        if not isinstance(node, JUNCTIONS):
            continue
        for gone, kept in (("this", "expression"), ("expression", "this")):
            if isinstance(node.args[gone].unnest(), JUNCTIONS):
                continue  # its own parts are left out one at a time
            yield f"without {_sql(node.args[gone])}", _sql(_without(tree, number, kept))


def _sql(tree: exp.Expr) -> str:
    return str(tree.sql("postgres")).replace(FIELD, "{field}")


def _without(tree: exp.Expr, number: int, kept: str) -> exp.Expr:
    """The tree with a junction replaced by the one side that is kept."""
    copy = tree.copy()
    node = next(n for i, n in enumerate(copy.walk()) if i == number)
    other: exp.Expr = node.args[kept]
    if node is copy:
        return other
    node.replace(exp.paren(other) if isinstance(other, JUNCTIONS) else other)
    return copy


def evidence_of(example: Example) -> Evidence:
    """The evidence table of an example, as the audit would make it."""
    policy = policy_of(example)
    fields = catalogue_with(policy.aliases)
    tables = [ingest(Source(given), given, fields) for given in inputs_of(example)]
    return assemble(tables, fields, policy.dedicated, policy.vocabularies, policy.whole_patterns)


def hits(rule: Rule, rules: Sequence[Rule], evidence: Evidence) -> dict[str, int]:
    """How many calls a rule speaks of, by verdict, where these rules run."""
    fields = tuple(catalogue().fields)
    judged = judge(replace(evidence, slots=list(evidence.slots)), rules, fields)
    weight = judged.calls["weight"].to_numpy()
    counted: dict[str, int] = {}
    for hit in judged.hits:
        if hit.rule.id == rule.id:
            what = "told" if rule.verdict == "none" else rule.verdict
            counted[what] = counted.get(what, 0) + int(weight[hit.rows].sum())
    return counted


def needed(rule: Rule, known: dict[str, Rule]) -> list[Rule]:
    """The rules that can silence a rule, at any distance."""
    found: dict[str, Rule] = {}
    queue = [rule]
    while queue:
        last = queue.pop()
        for other in known.values():
            shared = set(last.field) & set(other.field)
            silences = other.id in last.needs or (shared and last.yields_to(other))
            if silences and other.id not in found and other.id != rule.id:
                found[other.id] = other
                queue.append(other)
    return list(found.values())


def survivors(rule: Rule, known: dict[str, Rule]) -> tuple[int, list[Survivor]]:
    """How many ways a rule was broken, and those that none of its examples noticed."""
    tables = [(example, evidence_of(example)) for example in rule.examples]
    beside = needed(rule, known)
    total, alive = 0, []
    for broken, predicate in mutants(rule.when):
        total += 1
        mutant = rule.model_copy(update={"when": predicate})
        if not any(_noticed(mutant, beside, example, table) for example, table in tables):
            alive.append(Survivor(rule.id, broken, predicate))
    return total, alive


def _noticed(mutant: Rule, beside: list[Rule], example: Example, table: Evidence) -> bool:
    expected = {what: number for what, number in example.expect.items() if number}
    return hits(mutant, [mutant, *beside], table) != expected


def main(arguments: list[str]) -> int:
    """Every rule, or those named; 1 when a mutant survived."""
    known = {rule.id: rule for rule in load_rules()}
    total, alive = 0, 0
    for name in arguments or list(known):
        tried, survived = survivors(known[name], known)
        total, alive = total + tried, alive + len(survived)
        for one in survived:
            print(f"{one.rule} survived {one.broken}")
    print(f"{total} mutants of {len(arguments or known)} rules: {total - alive} noticed, {alive} survived")
    return 1 if alive else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
