"""Gaps of the report: their level and order, where they are, their example records and fingerprints."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from auditor.catalogue.fields import Profile, catalogue
from auditor.catalogue.prices import NANO_USD
from auditor.catalogue.rules import Rule, fitting, load_fixes
from auditor.catalogue.words import SCOPES, Cause, Level
from auditor.evidence.arrays import Rows
from auditor.evidence.schema import Slot
from auditor.inputs.source import Input
from auditor.judge.verdicts import Hit, columns_of
from auditor.locate.excerpts import excerpt
from auditor.locate.marks import Wanted, mark_of
from auditor.locate.places import Locator, Place
from auditor.policy.model import Policy
from auditor.relate.columns import rests_on
from auditor.report import mask
from auditor.report.mask import Masker
from auditor.report.schema import Anchor, Gap, Where
from auditor.tally.ledger import Ledger
from auditor.tally.weights import Weights

MAX_PLACES = 5
MAX_EXAMPLES = 3
_BLANK = (Cause.PLACEHOLDER.value, Cause.EMPTY.value)
LAST = 10_000  # after every scope and every name of the catalogue
POSITION = ("input", "record", "offset", "nth", "pointer", "format")
_CALL = re.compile(r"\bcall(s?)\b")
Row = tuple[int, int, int | None, int | None, str | None, str]  # the columns of POSITION


@dataclass(frozen=True, eq=False)
class Finding:
    """A gap before its examples are located; `rows` and `examples` are rows of the calls."""

    gap: Gap
    rule: Rule
    rows: Rows
    examples: list[int]
    keys: list[str]
    recipes: list[str]  # ids of the fixes that fit where the gap is


def findings(
    ledger: Ledger, required: Mapping[str, Rows], policy: Policy, profile: Profile, inputs: Sequence[Input]
) -> list[Finding]:
    """Gaps in the order of the report: level, money, calls. What nothing requires is a note or left out."""
    tables = ledger.evidence.tables
    names = [given.alias or table.format for given, table in zip(inputs, tables, strict=True)]
    by_hop = [names[hop.inputs[0]] for hop in ledger.evidence.hops]
    out = []
    for hit in ledger.judgement.hits:
        level, rows = level_and_rows(hit, required.get(hit.field), policy, profile)
        # what a border does to a value is mended at that border: one gap each
        parts = [rows & (ledger.hops == n) for n in range(len(by_hop))] if hit.rule.between else [rows]
        out += [_finding(ledger, hit.rule, hit.field, part, level, by_hop) for part in parts if part.any()]
    return sorted(out, key=_order)


def _order(finding: Finding) -> tuple[object, ...]:
    gap = finding.gap
    return Level(gap.level).rank, -gap.cost_usd, -gap.share, -gap.calls, gap.rule, gap.field, gap.fingerprint


def level_and_rows(hit: Hit, required: Rows | None, policy: Policy, profile: Profile) -> tuple[Level, Rows]:
    """At which level a hit is reported, and on which rows, given the calls that require its field."""
    level, rows = policy.levels.get(hit.rule.id, hit.rule.level), hit.rows
    if hit.rule.verdict == "none":
        if required is None and not profile.every_field and level == Level.ERROR:
            level = Level.WARNING
        return level, rows
    needed = rows & required if required is not None else np.zeros_like(rows)
    if hit.rule.between:
        # another hop has the value, so somebody asked for it
        return level if needed.any() else max(level, Level.WARNING, key=lambda level: level.rank), rows
    if hit.rule.verdict == "absent" and hit.rule.cause == Cause.PLACEHOLDER and required is not None:
        # a value that stands for none was meant as one, also where another field answers instead
        other = max(level, Level.WARNING, key=lambda level: level.rank)
        return (level, needed) if needed.any() else (other, rows)
    if hit.rule.verdict == "absent":
        return level, needed
    return level if needed.any() else Level.NOTE, rows


def _finding(
    ledger: Ledger, rule: Rule, field: str, rows: Rows, level: Level, names: Sequence[str]
) -> Finding:
    """One gap: how many calls, how much money, where, which records to show."""
    weights = ledger.weights
    count, cost = weights.calls(rows), weights.money(rows)
    predicate = rule.predicate(field)
    drift = any("_usual_" in name for name in columns_of(predicate))
    # what differs from the usual is named by the usual, and all that differs from it
    counts = _slots(ledger, predicate, rows if not drift else _with_value(ledger, field))
    slots = sorted(counts, key=lambda slot: (-counts[slot], slot.key, slot.scope))
    settled = ledger.shown.key(_best(counts, field)) if drift and slots else None
    scope, keys = slots[0].scope if slots else "", [ledger.shown.key(s) for s in slots]
    hashed = mask.hashed_key(slots[0].key) if slots else ""
    examples = _examples(rows, weights)
    recipes = fitting(rule.fixes, field, ledger.formats_and_layers(rows))
    name = names[int(ledger.hops[rows].min())]
    gap = Gap(
        rule=rule.id,
        name=rule.name,
        field=field,
        verdict=None if rule.verdict == "none" else rule.verdict,
        cause=rule.cause.value if rule.cause else None,
        level=level.value,
        title=_worded(rule.text(rule.title, field), weights),
        message=_worded(rule.text(rule.gap, field), weights),
        why=rule.text(rule.why, field),
        calls=count,
        of=int(weights.count.sum()),
        share=round(weights.share(rows), 6),
        cost_usd=cost / NANO_USD,
        where=_where(ledger, rows, keys),
        anchors=[],
        more=max(0, int(rows.sum()) - len(examples)),
        fixes=_fixes_by_stack(recipes, field, settled),
        fingerprint=fingerprint(rule.id, field, scope, hashed, name),
        suppressed=None,
        records=int(weights.records[rows].sum()),
    )
    return Finding(gap, rule, rows, examples, [s.key for s in slots], recipes)


def _worded(text: str, weights: Weights) -> str:
    """A sentence about calls; about totals where these are judged."""
    return _CALL.sub(r"total\1", text) if weights.totals else text


def fingerprint(rule: str, field: str, scope: str, key: str, name: str) -> str:
    """Stable over lines, values and dates: of rule, field, scope, key and the input's name or format."""
    text = "\x1f".join((rule, field, scope, re.sub(r"\[\d+\]", "[*]", key), name))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _with_value(ledger: Ledger, field: str) -> Rows:
    """The judged records with a value of a field."""
    numbers = ledger.slots.get(field)
    return np.zeros(len(ledger.inputs), dtype=bool) if numbers is None else numbers >= 0


def _slots(ledger: Ledger, predicate: str, rows: Rows) -> Counter[Slot]:
    """The slots that the predicate's columns point to on these rows, and on how many of them."""
    calls: Counter[Slot] = Counter()
    fields, slots = ledger.evidence.catalogue.fields, ledger.evidence.slots
    for column in sorted({rests_on(name, fields) for name in columns_of(predicate)}):
        numbers = ledger.slots.get(column)
        if numbers is not None:
            of_rows = numbers[rows]
            values, n = np.unique(of_rows[of_rows >= 0], return_counts=True)
            for value, calls_with in zip(values.tolist(), n.tolist(), strict=True):
                # inputs number the slots of one key apart
                calls[slots[value]._replace(rank=0, free=False)] += calls_with
    return calls


def _best(counts: Mapping[Slot, int], field: str) -> Slot:
    """Of several keys of a field the commonest; of equally common ones that with the narrowest scope and the
    best name.
    """

    def order(slot: Slot) -> tuple[int, int, int, bool, str]:
        match = catalogue().lookup(slot.key)
        rank = match.rank if match is not None and match.field == field else LAST
        scope = SCOPES.index(slot.scope) if slot.scope in SCOPES else LAST
        return -counts[slot], scope, rank, not slot.key.islower(), slot.key

    return min((slot for slot in counts if slot.field == field), key=order, default=next(iter(counts)))


def _examples(rows: Rows, weights: Weights) -> list[int]:
    """The rows to show: the most money first, then the first ones."""
    picked = np.flatnonzero(rows)
    if len(picked) > MAX_EXAMPLES:
        weight = weights.by_record[picked]
        top = np.argsort(-weight, kind="stable")[:MAX_EXAMPLES]
        unequal = bool((weight != weight[0]).any())
        picked = picked[np.sort(top)] if unequal else picked[:MAX_EXAMPLES]
    return [int(i) for i in picked]


def _where(ledger: Ledger, rows: Rows, keys: list[str]) -> list[Where]:
    """Hops in their order, the services, operations and models with the most calls, then the keys."""
    out: list[Where] = []
    hops = ledger.evidence.hops
    if len(hops) > 1:
        for number, (calls, money) in sorted(ledger.weights.by_name(rows, ledger.hops).items()):
            name = hops[number].name
            out.append(Where(dimension="hop", name=name, calls=calls, cost_usd=money / NANO_USD))
    for dimension, names, codes in ledger.places:
        groups = [(*figures, names[c]) for c, figures in ledger.weights.by_name(rows, codes).items()]
        for calls, money, name in sorted(groups, key=lambda g: (-g[0], g[2]))[:MAX_PLACES]:
            shown = ledger.shown.name(dimension, name)
            out.append(Where(dimension=dimension, name=shown, calls=calls, cost_usd=money / NANO_USD))
    out.extend(
        Where(dimension="key", name=k, calls=0, cost_usd=0.0) for k in dict.fromkeys(keys[:MAX_PLACES])
    )
    return out


def _fixes_by_stack(ids: Iterable[str], field: str, key: str | None) -> dict[str, str]:
    """Recipes by stack, the first one of each; `key` is the usual one of several."""
    out: dict[str, str] = {}
    for fix in ids:
        recipe = load_fixes()[fix]
        out.setdefault(recipe.stack, recipe.text_for(field, key))
    return out


def located(
    findings: Sequence[Finding],
    ledger: Ledger,
    locators: Sequence[Locator],
    inputs: Sequence[Input],
    masker: Masker,
) -> list[Gap]:
    """Gaps with their example records located and masked; the first example gets an excerpt."""
    positions = ledger.judgement.calls.select(POSITION)
    out = []
    for finding in findings:
        anchors = []
        for i, row in enumerate(finding.examples):
            position = positions.row(row)
            anchor, place = _anchor(position, locators, inputs)
            mark = mark_of(place, _question(finding, ledger, row))
            if mark.line is None and finding.gap.cause == Cause.WRONG_RECORD.value:
                column = _column_in_trace(finding, ledger, row, locators)
                mark = mark._replace(line=anchor.line, column=column)
            if mark.column is not None:
                anchor = msgspec.structs.replace(anchor, line=mark.line, column=mark.column)
            if i == 0:
                fmt = ledger.evidence.tables[position[0]].formats.get(position[5])
                line = excerpt(place.record, mark.leaf, masker, fmt.own_keys if fmt else ())
                if line:
                    anchor = msgspec.structs.replace(anchor, excerpt=line[0], caret=line[1])
            anchors.append(anchor)
        out.append(msgspec.structs.replace(finding.gap, anchors=anchors))
    return out


def _column_in_trace(finding: Finding, ledger: Ledger, row: int, locators: Sequence[Locator]) -> int | None:
    """The column of a key that another record of the trace has, where both are on one line."""
    field, calls = finding.gap.field, ledger.judgement.calls
    slots = [s for s in _slots_read(finding, ledger, row) if ledger.evidence.slots[s].field == field]
    trace, frame = calls["trace_id"][row], ledger.evidence.frame
    if not slots or trace is None or f"{field}_slot" not in frame:
        return None
    here = calls.select(POSITION).row(row)
    same = (frame[f"{field}_slot"] == slots[0]) & (frame["trace_id"] == trace) & (frame["input"] == here[0])
    rows = same.arg_true()
    if not len(rows):
        return None
    wanted = Wanted(field, is_blank=False, own=[ledger.evidence.slots[slots[0]].key], others=[])
    places = [_place(position, locators) for position in (here, frame.select(POSITION).row(rows[0]))]
    mark = mark_of(places[1], wanted)
    return mark.column if mark.line == places[0].line else None


def anchors_of(
    ledger: Ledger, locators: Sequence[Locator], inputs: Sequence[Input]
) -> Callable[[int], Anchor]:
    """A function from a row of the table to its place in its input, without an excerpt."""
    positions = ledger.evidence.frame.select(POSITION)
    return lambda row: _anchor(positions.row(row), locators, inputs)[0]


def _anchor(position: Row, locators: Sequence[Locator], inputs: Sequence[Input]) -> tuple[Anchor, Place]:
    place = _place(position, locators)
    anchor = Anchor(
        input=inputs[position[0]].name,
        record=position[1],
        line=place.line,
        column=place.column,
        pointer=mask.pointer(place.pointer),
        excerpt=None,
        caret=None,
    )
    return anchor, place


def _place(position: Row, locators: Sequence[Locator]) -> Place:
    number, record, offset, nth, pointer, fmt = position
    return locators[number].place(record, offset, nth or 0, pointer, fmt)


def fields_to_follow(required: Iterable[str], findings: Sequence[Finding]) -> list[str]:
    """The fields to follow from hop to hop: the required ones, then those with a gap between hops."""
    between = [finding.gap.field for finding in findings if finding.rule.between]
    return list(dict.fromkeys([*required, *between]))


def _question(finding: Finding, ledger: Ledger, row: int) -> Wanted:
    """What to mark in an example: the keys that the rule read on it, those of the gap's field first."""
    field = finding.gap.field
    slots = [ledger.evidence.slots[number] for number in _slots_read(finding, ledger, row)]
    own = [slot.key for slot in slots if slot.field == field]
    others = [slot.key for slot in slots if slot.field != field]
    return Wanted(field, finding.gap.cause in _BLANK, own, others)


def _slots_read(finding: Finding, ledger: Ledger, row: int) -> list[int]:
    """The slots that the rule's predicate read on a call."""
    names, fields = columns_of(finding.rule.predicate(finding.gap.field)), ledger.evidence.catalogue.fields
    columns = sorted({rests_on(name, fields) for name in names})
    numbers = [int(slots[row]) for name in columns if (slots := ledger.slots.get(name)) is not None]
    return [number for number in numbers if number >= 0]
