"""Runs every rule's predicate over the calls in one query and settles one verdict a field and call.

It never writes text and never counts money: it returns codes and hits.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import polars as pl

from auditor.arrays import Codes, Rows
from auditor.assemble import Evidence
from auditor.clean import collected
from auditor.columns import at
from auditor.errors import RuleError
from auditor.gathering import coded
from auditor.model import Cause
from auditor.predicate import check_predicate, demands, guard
from auditor.readers import reader
from auditor.relate import exists, relate, spread_headers
from auditor.rulebook import Rule

PRESENT, ABSENT, MIS_SCOPED, NOT_CARRIED = range(4)
CAUSES = tuple(Cause)
LONG, GROUP = 200_000, 16  # rows of a long table, and how many predicates are asked of it together
KEPT = frozenset({"expected_cost_usd"})  # what later steps take from the table where it is there
_CODE = {cause: i for i, cause in enumerate(CAUSES)}
USAGE = frozenset(
    {"cost_usd", "tokens_input", "tokens_output", "tokens_cache_read", "tokens_cache_write", "tokens_total",
     "tokens_reasoning"}
)  # fmt: skip
# what a caller may send along with a call, where the record repeats it
METADATA = frozenset(
    """tenant_id workflow_id workflow_run_id team_id user_id session_id trace_id cost_center environment
    agent""".split()
)
_TOKEN_KINDS = USAGE - {"cost_usd", "tokens_total"}


@dataclass
class Hit:
    """The rows (of the calls) on which one rule speaks of one field."""

    rule: Rule
    field: str
    rows: Rows


@dataclass
class Carried:
    """The calls on which a field cannot be judged: format or sample leave it out, or the call failed."""

    by_format: Rows
    by_sample: Rows
    failed: Rows

    def heard(self, rule: Rule, rows: Rows) -> Rows:
        """Of a rule's rows those whose field can be judged; only absence needs a format that carries it."""
        able: Rows = rows & ~self.failed
        if rule.verdict == "absent":
            able = able & ~self.by_format & ~self.by_sample
        return able


@dataclass
class Judgement:
    """Verdict and cause codes, one array a field over the calls, and every hit."""

    calls: pl.DataFrame
    verdicts: dict[str, Codes]
    causes: dict[str, Codes]
    hits: list[Hit]
    by_layer: dict[str, Rows] = dataclasses.field(default_factory=dict)

    def in_layers(self, names: Collection[str]) -> Rows:
        """The calls that were recorded at some layers."""
        if not self.by_layer and self.calls.height:
            held, codes = coded(self.calls["layer"])
            self.by_layer |= {name: codes == n for n, name in enumerate(held)}
        out: Rows = np.zeros(self.calls.height, dtype=bool)
        for name in names:
            out |= self.by_layer.get(name, False)
        return out


@lru_cache(maxsize=4096)
def columns_of(predicate: str) -> frozenset[str]:
    """The columns a predicate reads."""
    return check_predicate(predicate)


def _there(evidence: Evidence) -> Callable[[str], bool]:
    """Whether a column can hold anything, asked once a column."""
    memo: dict[str, bool] = {}

    def there(name: str) -> bool:
        if name not in memo:
            memo[name] = exists(evidence, name)
        return memo[name]

    return there


@lru_cache(maxsize=4096)
def _compiled(predicate: str) -> pl.Expr:
    return (pl.sql_expr(predicate) & pl.lit(True)).fill_null(False).alias(predicate)


def judge(evidence: Evidence, rules: Sequence[Rule], fields: Sequence[str]) -> Judgement:
    """Judge every call of the table on these fields."""
    spread_headers(evidence, fields)
    there, asked = _there(evidence), frozenset(fields)
    formats = frozenset(evidence.frame["format"].unique().to_list())
    pairs = [
        (rule, field)
        for rule in rules
        if _speaks(rule, evidence.layers, formats)
        for field in rule.field
        if field in asked and all(there(c) for c in demands(rule.predicate(field)))
    ]
    relate(evidence, {*fields, "error", "failed"})
    raw = _asked(evidence, pairs)
    calls = _calls(evidence)
    empty = calls.select(pl.col(f).is_null() for f in fields)
    carried = _carried(evidence, calls, empty)
    hits = _muted(raw, pairs, calls, carried)
    verdicts, causes = {}, {}
    for field in fields:
        mine = [h for h in hits if h.field == field and h.rule.verdict != "none"]
        verdicts[field], causes[field] = _settle(empty[field].to_numpy(), mine, carried[field])
    return Judgement(calls, verdicts, causes, [h for h in hits if h.rows.any()])


def _speaks(rule: Rule, layers: frozenset[str], formats: frozenset[str]) -> bool:
    """Whether a rule can apply to any input at all: by layer and by format."""
    where = rule.applies_to
    return (not where.layers or not layers.isdisjoint(where.layers)) and (
        not where.formats or not formats.isdisjoint(where.formats)
    )


def _calls(evidence: Evidence, names: Collection[str] | None = None) -> pl.DataFrame:
    """The calls, or some of their columns; where every record is a call the table is not held twice."""
    frame, is_call = evidence.frame, evidence.frame["kind"] == "call"
    frame = frame if names is None else frame.select(sorted(names))
    return frame if is_call.all() else frame.filter(is_call)


def _asked(evidence: Evidence, pairs: list[tuple[Rule, str]]) -> list[Rows]:
    """Each predicate over the calls.

    A column that predicates alone read leaves the table behind the last of them: there are more of those
    than of all others. On a long table they come and go by groups.
    """
    own = {*evidence.frame.columns, *KEPT}
    reads = [columns_of(rule.predicate(field)) for rule, field in pairs]
    order = sorted(range(len(pairs)), key=lambda i: sorted(reads[i]))
    size = GROUP if evidence.frame.height > LONG else max(len(pairs), 1)
    out: dict[int, Rows] = {}
    for start in range(0, len(order), size):
        group, later = order[start : start + size], order[start + size :]
        wanted = {"layer", "format"}.union(*(reads[i] for i in group))
        relate(evidence, wanted)
        out |= zip(group, _predicates(_calls(evidence, wanted), [pairs[i] for i in group]), strict=True)
        staying = own.union(*(reads[i] for i in later))
        frame = evidence.frame
        evidence.frame = frame.drop(c for c in frame.columns if c not in staying and not c.endswith("_slot"))
    return [out[i] for i in range(len(pairs))]


def _predicates(calls: pl.DataFrame, pairs: list[tuple[Rule, str]]) -> list[Rows]:
    """Some predicates over the calls, in one query or two."""
    texts = list(dict.fromkeys(rule.predicate(field) for rule, field in pairs))
    empty = {c.name for c in calls if c.null_count() == calls.height}
    silent = {text: pl.Series([False]) for text in texts if not demands(text).isdisjoint(empty)}
    texts = [text for text in texts if text not in silent]
    result = silent | _collected(calls, texts, pairs) if calls.height else None
    held = [coded(calls[name]) for name in ("layer", "format")]
    masks: dict[tuple[str, ...], Rows] = {}
    out = []
    for rule, field in pairs:
        if result is None:
            out.append(np.zeros(0, dtype=bool))
            continue
        column = result[rule.predicate(field)]
        rows = np.broadcast_to(column.to_numpy(), (calls.height,)).copy()
        where: tuple[tuple[str, ...], ...] = (tuple(rule.applies_to.layers), tuple(rule.applies_to.formats))
        for values, (names, codes) in zip(where, held, strict=True):
            if values and values not in masks:
                masks[values] = np.array([name in values for name in names])[codes]
            if values:
                rows &= masks[values]
        out.append(rows)
    return out


def _collected(calls: pl.DataFrame, texts: list[str], pairs: list[tuple[Rule, str]]) -> dict[str, pl.Series]:
    """All predicates at once, those with a window where a row passes the rest of them.

    RuleError names the predicate that does not fit the table's types.
    """
    guards = {text: held for text in texts if (held := guard(text)) is not None}
    try:
        out = _values(calls, dict.fromkeys(guards.get(text, text) for text in texts))
        closed = {text for text, held in guards.items() if not out[held].any()}
        out |= _values(calls, [text for text in guards if text not in closed])
        return out | {text: pl.Series([False]) for text in closed}
    except pl.exceptions.PolarsError:
        return {text: _alone(calls, text, pairs) for text in texts}


def _alone(calls: pl.DataFrame, text: str, pairs: list[tuple[Rule, str]]) -> pl.Series:
    """One predicate, or the error that names its rule."""
    try:
        return _values(calls, [text])[text]
    except pl.exceptions.PolarsError as error:
        reason = str(error).strip().splitlines()[0]
        rule = next(r for r, field in pairs if r.predicate(field) == text)
        hint = "compare text with text and numbers with numbers"
        raise RuleError(at(rule, f"when: {text.strip()}: {reason}"), hint) from None


def _values(calls: pl.DataFrame, texts: Iterable[str]) -> dict[str, pl.Series]:
    return {column.name: column for column in collected(calls, map(_compiled, texts))}


def _muted(
    raw: list[Rows],
    pairs: list[tuple[Rule, str]],
    calls: pl.DataFrame,
    carried: dict[str, Carried],
) -> list[Hit]:
    """Hits after prerequisites: a rule is silent where one that it needs has hit, transitively."""
    at: dict[str, dict[str, int]] = {}
    for i, (rule, field) in enumerate(pairs):
        at.setdefault(rule.id, {})[field] = i
    fields_of = {rule.id: rule.field for rule, _ in pairs}
    blocked: dict[int, Rows] = {}

    def block(i: int, trail: frozenset[int]) -> Rows:
        if i not in blocked:
            rule, field = pairs[i]
            rows = np.zeros(calls.height, dtype=bool)
            for needed in rule.needs:
                mine = at.get(needed, {})
                # a rule of the same field answers for that field alone, even where it was left out
                of_field = field in fields_of.get(needed, ())
                for j in [mine[f] for f in mine if f == field or not of_field]:
                    if j not in trail:
                        rows |= raw[j] | block(j, trail | {i})
            blocked[i] = rows
        return blocked[i]

    hits = []
    for i, (rule, field) in enumerate(pairs):
        rows = raw[i]
        if rule.needs and rows.any():
            rows = rows & ~block(i, frozenset({i}))
        if field in carried and rule.verdict != "none":
            rows = carried[field].heard(rule, rows)
        hits.append(Hit(rule, field, rows))
    return hits


def _carried(evidence: Evidence, calls: pl.DataFrame, empty: pl.DataFrame) -> dict[str, Carried]:
    """For each field the calls that cannot carry it."""
    none = np.zeros(calls.height, dtype=bool)
    failed = calls["failed"].to_numpy() if calls.height else none
    groups = []
    for number, table in enumerate(evidence.tables):
        mine = (calls["input"] == number).to_numpy()
        formats = calls["format"].filter(pl.Series(mine))
        for fmt in formats.unique().to_list():
            known = table.columns_known.get(fmt)
            groups.append((known, reader(fmt), mine & (calls["format"] == fmt).to_numpy()))
    # what an SDK dropped for its limits may have been there: the sample cannot tell
    dropped = (
        calls["attributes_dropped"].fill_null(False).to_numpy()
        if "attributes_dropped" in calls.columns
        else none
    )
    kind = calls["token_kind"] if "token_kind" in calls.columns else None
    # some records of a format take metadata, although its records in general do not
    open_ = calls["takes_metadata"].fill_null(False).to_numpy() if "takes_metadata" in calls.columns else none
    out = {}
    for field in empty.columns:
        by_format, by_sample = none.copy(), dropped.copy()
        for known, found, rows in groups:
            if found is not None and not found.carries_field(field):
                by_format |= rows & ~open_ if field in METADATA else rows
            elif known is not None and field not in known:
                by_sample |= rows
        if field in _TOKEN_KINDS and kind is not None:
            # a billing row stands for one kind of token and can never carry the others
            by_format |= (kind.is_not_null() & (kind != field.removeprefix("tokens_"))).to_numpy()
        blank = empty[field].to_numpy()
        out[field] = Carried(by_format & blank, by_sample & blank, failed if field in USAGE else none)
    return out


def _settle(empty: Rows, hits: list[Hit], cells: Carried) -> tuple[Codes, Codes]:
    """One verdict and cause a call. mis-scoped beats absent; then the louder level, then the lower id."""
    verdict = np.where(empty, ABSENT, PRESENT).astype(np.int8)
    cause = np.where(empty, _CODE[Cause.MISSING], -1).astype(np.int8)
    order = sorted(hits, key=lambda h: (h.rule.verdict == "absent", h.rule.level.rank, h.rule.id))
    for hit in reversed(order):
        code = MIS_SCOPED if hit.rule.verdict == "mis_scoped" else ABSENT
        verdict[hit.rows] = code
        cause[hit.rows] = _CODE[hit.rule.cause] if hit.rule.cause else -1
    for rows, why in ((cells.by_sample, Cause.BY_SAMPLE), (cells.by_format, Cause.BY_FORMAT)):
        bare = rows & (verdict != MIS_SCOPED)
        verdict[bare], cause[bare] = NOT_CARRIED, _CODE[why]
    verdict[cells.failed], cause[cells.failed] = NOT_CARRIED, _CODE[Cause.FAILED_CALL]
    return verdict, cause
