"""Runs every rule's predicate over the calls, and gives each field of each call one verdict."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial

import numpy as np
import polars as pl

from auditor.catalogue.predicates import check_predicate, demands, guard
from auditor.catalogue.rules import Rule
from auditor.catalogue.words import Cause
from auditor.errors import RuleError
from auditor.evidence.arrays import Codes, Rows, encode
from auditor.evidence.store import Store, is_long
from auditor.evidence.table import Evidence
from auditor.evidence.values import collect
from auditor.judge.coverage import CallCoverage, FieldCoverage
from auditor.judge.rules import at_predicate
from auditor.relate.columns import exists, relate, spread_headers

PRESENT, ABSENT, MIS_SCOPED, NOT_CARRIED = range(4)
CAUSES = tuple(Cause)
GROUP = 8  # how many predicates one query of a long table evaluates
USED_LATER = frozenset({"expected_cost_usd"})  # related columns that later steps read, where present
_CODE = {cause: i for i, cause in enumerate(CAUSES)}


@dataclass
class Hit:
    """The rows (of the calls) on which one rule reports one field."""

    rule: Rule
    field: str
    rows: Rows


@dataclass
class Judgement:
    """Verdict and cause codes, one array a field over the calls, and every hit."""

    calls: Store
    verdicts: dict[str, Codes]
    causes: dict[str, Codes]
    hits: list[Hit]
    by_layer: dict[str, Rows] = dataclasses.field(default_factory=dict)

    def in_layers(self, names: Collection[str]) -> Rows:
        """Whether each call was recorded at one of some layers."""
        if not self.by_layer and self.calls.height:
            layers, codes = encode(self.calls["layer"])
            self.by_layer |= {name: codes == n for n, name in enumerate(layers)}
        out: Rows = np.zeros(self.calls.height, dtype=bool)
        for name in names:
            out |= self.by_layer.get(name, False)
        return out


@lru_cache(maxsize=4096)
def columns_of(predicate: str) -> frozenset[str]:
    """The columns a predicate reads."""
    return check_predicate(predicate)


@lru_cache(maxsize=4096)
def _compiled(predicate: str) -> pl.Expr:
    return (pl.sql_expr(predicate) & pl.lit(True)).fill_null(False).alias(predicate)


def judge(evidence: Evidence, rules: Sequence[Rule], fields: Sequence[str]) -> Judgement:
    """Judge every call of the table on these fields."""
    spread_headers(evidence, fields)
    can_exist = cache(partial(exists, evidence))
    formats = frozenset(evidence.frame["format"].unique().to_list())
    pairs = [
        (rule, field)
        for rule in rules
        if _applies(rule, evidence, formats)
        for field in rule.field
        if field in fields and all(map(can_exist, demands(rule.predicate(field))))
    ]
    relate(evidence, {*fields, "error", "failed"})
    rows = _muted(_matches(evidence, pairs), pairs)
    calls = evidence.frame.filter((evidence.frame["kind"] == "call").to_numpy())
    coverage, hits = CallCoverage(evidence, calls, fields), dict[int, Hit]()
    verdicts, causes = {}, {}
    for field in fields:
        covered = coverage.of(field)
        of_field = {i: Hit(rule, f, covered.judgeable(rule, rows[i]))
                    for i, (rule, f) in enumerate(pairs) if f == field and i in rows}  # fmt: skip
        hits |= {i: hit for i, hit in of_field.items() if hit.rows.any()}
        verdicts[field], causes[field] = _settle(covered, of_field.values())
    return Judgement(calls, verdicts, causes, [hits[i] for i in sorted(hits)])


def _applies(rule: Rule, evidence: Evidence, formats: frozenset[str]) -> bool:
    """Whether a rule applies to any record of the inputs, by kind, by layer and by format."""
    where, kind = rule.applies_to, "call" if evidence.totals_of is None else "total"
    return (
        kind in where.kinds
        and (not where.layers or not evidence.layers.isdisjoint(where.layers))
        and (not where.formats or not formats.isdisjoint(where.formats))
    )


def _matches(evidence: Evidence, pairs: list[tuple[Rule, str]]) -> list[Rows]:
    """The calls that each predicate matches.

    A column that only predicates read is dropped after the last of them: most columns are of this kind. A
    long table has those of one group of predicates at a time.
    """
    own = {*evidence.frame, *USED_LATER}
    reads = [columns_of(rule.predicate(field)) for rule, field in pairs]
    order = sorted(range(len(pairs)), key=lambda i: sorted(reads[i]))
    size = GROUP if is_long(evidence.frame.height) else max(len(pairs), 1)
    out: dict[int, Rows] = {}
    for start in range(0, len(order), size):
        group, later = order[start : start + size], order[start + size :]
        wanted = {"layer", "format"}.union(*(reads[i] for i in group))
        relate(evidence, wanted)
        frame = evidence.frame
        calls = frame.filter((frame["kind"] == "call").to_numpy()).select(sorted(wanted))
        out |= zip(group, _predicates(calls, [pairs[i] for i in group]), strict=True)
        staying = own.union(*(reads[i] for i in later))
        frame = frame.drop(c for c in frame if c not in staying and not c.endswith("_slot"))
        evidence.frame = frame.pack(c for c in frame if c not in own)
    return [out[i] for i in range(len(pairs))]


def _predicates(calls: pl.DataFrame, pairs: list[tuple[Rule, str]]) -> list[Rows]:
    """Some predicates over the calls, in one query or two."""
    texts = list(dict.fromkeys(rule.predicate(field) for rule, field in pairs))
    empty = {c.name for c in calls if c.null_count() == calls.height}
    unmatched = {text: pl.Series([False]) for text in texts if not demands(text).isdisjoint(empty)}
    texts = [text for text in texts if text not in unmatched]
    result = unmatched | _collected(calls, texts, pairs) if calls.height else None
    limits = [encode(calls[name]) for name in ("layer", "format")]
    masks: dict[tuple[str, ...], Rows] = {}
    none, out = np.zeros(calls.height, dtype=bool), []
    for rule, field in pairs:
        column = result[rule.predicate(field)] if result is not None else pl.Series([False])
        if not column.any():
            out.append(none)  # most rules: they share one array, which must not be written to
            continue
        rows = np.broadcast_to(column.to_numpy(), (calls.height,)).copy()
        where: tuple[tuple[str, ...], ...] = (tuple(rule.applies_to.layers), tuple(rule.applies_to.formats))
        for values, (names, codes) in zip(where, limits, strict=True):
            if values and values not in masks:
                masks[values] = np.array([name in values for name in names])[codes]
            if values:
                rows &= masks[values]
        out.append(rows)
    return out


def _collected(calls: pl.DataFrame, texts: list[str], pairs: list[tuple[Rule, str]]) -> dict[str, pl.Series]:
    """All predicates in one query; those with a window only where a row passes the rest of the predicate.

    RuleError names the predicate that does not fit the table's types.
    """
    guards = {text: rest for text in texts if (rest := guard(text)) is not None}
    try:
        out = _values(calls, dict.fromkeys(guards.get(text, text) for text in texts))
        closed = {text for text, rest in guards.items() if not out[rest].any()}
        out |= _values(calls, [text for text in guards if text not in closed])
        return out | {text: pl.Series([False]) for text in closed}
    except pl.exceptions.PolarsError:
        return {text: _checked(calls, text, pairs) for text in texts}


def _checked(calls: pl.DataFrame, text: str, pairs: list[tuple[Rule, str]]) -> pl.Series:
    """One predicate, or the error that names its rule."""
    try:
        return _values(calls, [text])[text]
    except pl.exceptions.PolarsError as error:
        reason = str(error).strip().splitlines()[0]
        rule = next(r for r, field in pairs if r.predicate(field) == text)
        hint = "compare text with text and numbers with numbers"
        raise RuleError(at_predicate(rule, f"when: {text.strip()}: {reason}"), hint) from None


def _values(calls: pl.DataFrame, texts: Iterable[str]) -> dict[str, pl.Series]:
    return {column.name: column for column in collect(calls, map(_compiled, texts))}


def _muted(raw: list[Rows], pairs: list[tuple[Rule, str]]) -> dict[int, Rows]:
    """The rows of each pair that is reported.

    A rule is silent where one that it needs has hit, transitively, and where one that it yields to is
    reported for the same field.
    """
    needed, outranking = _needed(pairs), _outranking(raw, pairs)
    blocked: dict[int, Rows] = {}

    def block(i: int, trail: frozenset[int]) -> Rows:
        if i not in blocked:
            rows = np.zeros_like(raw[i])
            for j in needed[i]:
                if j not in trail:
                    rows |= raw[j] | block(j, trail | {i})
            for j in outranking[i]:
                if j not in trail:
                    rows |= raw[j] & ~block(j, trail | {i})
            blocked[i] = rows
        return blocked[i]

    return {
        i: raw[i] & ~block(i, frozenset({i})) if needed[i] or outranking[i] else raw[i]
        for i in range(len(pairs))
        if raw[i].any()
    }


def _needed(pairs: list[tuple[Rule, str]]) -> list[list[int]]:
    """For each pair those of the rules under `needs`."""
    at: dict[str, dict[str, int]] = {}
    for i, (rule, field) in enumerate(pairs):
        at.setdefault(rule.id, {})[field] = i
    fields_of = {rule.id: rule.field for rule, _ in pairs}
    return [
        # a rule of the same field answers for that field alone, even where it was left out
        [
            j
            for name in rule.needs
            for f, j in at.get(name, {}).items()
            if f == field or field not in fields_of[name]
        ]
        for rule, field in pairs
    ]


def _outranking(raw: list[Rows], pairs: list[tuple[Rule, str]]) -> list[list[int]]:
    """For each pair those of the same field that have hit and whose cause is more specific."""
    hit: dict[str, list[int]] = {}
    for i, (_, field) in enumerate(pairs):
        if raw[i].any():
            hit.setdefault(field, []).append(i)
    return [[j for j in hit.get(field, ()) if rule.yields_to(pairs[j][0])] for rule, field in pairs]


def _settle(cells: FieldCoverage, hits: Iterable[Hit]) -> tuple[Codes, Codes]:
    """One verdict and cause a call. mis-scoped beats absent; then the louder level, then the lower id."""
    verdict = np.where(cells.blank, ABSENT, PRESENT).astype(np.int8)
    cause = np.where(cells.blank, _CODE[Cause.MISSING], -1).astype(np.int8)
    telling = (hit for hit in hits if hit.rule.verdict != "none")
    order = sorted(telling, key=lambda h: (h.rule.verdict == "absent", h.rule.level.rank, h.rule.id))
    for hit in reversed(order):
        code = MIS_SCOPED if hit.rule.verdict == "mis_scoped" else ABSENT
        verdict[hit.rows] = code
        cause[hit.rows] = _CODE[hit.rule.cause] if hit.rule.cause else -1
    for rows, why in ((cells.by_sample, Cause.BY_SAMPLE), (cells.by_format, Cause.BY_FORMAT)):
        bare = rows & (verdict != MIS_SCOPED)
        verdict[bare], cause[bare] = NOT_CARRIED, _CODE[why]
    verdict[cells.failed], cause[cells.failed] = NOT_CARRIED, _CODE[Cause.FAILED_CALL]
    return _once(verdict), _once(cause)


def _once(codes: Codes) -> Codes:
    """Codes that are the same on every call, held once."""
    return np.broadcast_to(codes[0], codes.shape) if len(codes) and (codes == codes[0]).all() else codes
