"""Gaps as the report tells them: at which level, in which order, and where their example records stand.

It decides no verdict and opens no input but to find the place of an example.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from auditor.catalogue.fields import Profile, catalogue
from auditor.catalogue.words import Level
from auditor.evidence.assemble import Evidence
from auditor.inputs.source import Input
from auditor.judge.requirements import Asked
from auditor.judge.verdicts import Hit, Judgement
from auditor.locate.excerpts import excerpt
from auditor.locate.places import Locator
from auditor.policy.model import Policy
from auditor.report import mask
from auditor.report.mask import Masker
from auditor.report.schema import Anchor, Gap
from auditor.tally.fields import Ledger, Told, tell
from auditor.tally.hops import Place

BETWEEN = "HOP"  # the family of rules that look across a border


def tell_all(
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
            if hit.rule.id.startswith(BETWEEN):
                # what another hop knows was asked for by somebody
                if not needed.any():
                    level = max(level, Level.WARNING, key=lambda one: one.rank)
            elif hit.rule.verdict == "absent":
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


def anchor(
    told: list[Told], judgement: Judgement, locators: list[Locator], inputs: Sequence[Input], masker: Masker
) -> list[Gap]:
    """Gaps with their example records located and masked; the first example gets an excerpt."""
    columns = judgement.calls.select("input", "record", "offset", "nth", "pointer", "format")
    out = []
    for item in told:
        anchors = []
        for i, row in enumerate(item.examples):
            number, record, offset, nth, pointer, fmt = columns.row(row)
            place = locators[number].place(offset, nth or 0, pointer, fmt)
            means = _means(item.gap.field)
            shown = excerpt(place.record, item.keys, means, masker, fmt) if i == 0 else None
            anchors.append(
                Anchor(
                    input=inputs[number].name,
                    record=record,
                    line=place.line,
                    column=place.column,
                    pointer=mask.pointer(place.pointer),
                    excerpt=shown[0] if shown else None,
                    caret=shown[1] if shown else None,
                )
            )
        out.append(msgspec.structs.replace(item.gap, anchors=anchors))
    return out


def followed(asked: Asked, told: Sequence[Told]) -> list[str]:
    """The fields to follow from hop to hop: what is asked for, then what was told of a border."""
    between = [t.gap.field for t in told if t.gap.rule.startswith(BETWEEN)]
    return list(dict.fromkeys([*asked, *between]))


def placing(evidence: Evidence, locators: list[Locator], inputs: Sequence[Input]) -> Place:
    """Where a row of the table stands in its input."""
    frame = evidence.frame.select("input", "record", "offset", "nth", "pointer", "format")

    def place(row: int) -> Anchor:
        number, record, offset, nth, pointer, fmt = frame.row(row)
        found = locators[number].place(offset, nth or 0, pointer, fmt)
        return Anchor(
            input=inputs[number].name,
            record=record,
            line=found.line,
            column=found.column,
            pointer=mask.pointer(found.pointer),
            excerpt=None,
            caret=None,
        )

    return place


def _means(field: str) -> Callable[[str], bool]:
    """Whether a key stands for a field."""

    def means(key: str) -> bool:
        match = catalogue().lookup(key)
        return match is not None and match.field == field

    return means
