"""A report in sentences: what was read, what it costs, what was found, whether it passes.

It never lays out, colours or shortens; every writer for people says the same words.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from auditor.catalogue.words import Cause
from auditor.printing.text import FEW, count, money, plural, share

if TYPE_CHECKING:
    from auditor.report.schema import FieldReport, Gap, Report

VERDICTS = (
    ("present", "present"),
    ("absent", "absent"),
    ("mis_scoped", "mis-scoped"),
    ("not_carried", "not carried"),
)


def asked_fields(report: Report) -> list[FieldReport]:
    """The fields, a required one with its counts over the calls of which it is asked."""
    return [as_asked(field) for field in report.fields]


def as_asked(field: FieldReport) -> FieldReport:
    """A field with its counts over the calls of which the profile asks it, where it asks it of some only."""
    counts = field.asked
    return msgspec.structs.replace(field, **msgspec.structs.asdict(counts)) if counts else field


def unasked(report: Report, field: FieldReport) -> str:
    """Of how many calls a required field is not asked, or nothing."""
    outside = report.totals.calls - carried(field) - field.not_carried
    return f"not asked of {plural(outside, 'call')}" if field.required and outside else ""


def open_gaps(report: Report) -> list[Gap]:
    """The gaps that are not suppressed, in the report's order."""
    return [gap for gap in report.gaps if gap.suppressed is None]


def read(report: Report) -> str:
    """How much was audited: `1,600 calls, 8,412,337 tokens, USD 412.10 observed`."""
    totals = report.totals
    distinct = distinct_calls(report)
    parts = [plural(distinct, "call")]
    if distinct != totals.calls:
        parts = [f"{parts[0]} in {count(totals.calls)} records of {plural(len(report.inputs), 'input')}"]
    if totals.tokens:
        parts.append(plural(totals.tokens, "token"))
    if totals.cost_basis != "none":
        said = "estimated from tokens" if totals.cost_basis == "estimated" else "observed"
        parts.append(f"{money(totals.cost_usd)} {said}")
    return ", ".join(parts)


def distinct_calls(report: Report) -> int:
    """How many calls there are, those that stand in several inputs once."""
    return report.totals.distinct_calls or report.totals.calls


def ownership(report: Report) -> str:
    """The one fact that is read first: how much spend has no owner."""
    totals = report.totals
    if not totals.calls:
        return "No model calls: nothing to audit"
    whole = distinct_calls(report)
    lost = round(totals.unattributed_calls * whole)
    if not lost and totals.unattributed_cost_usd:
        spend = f"{money(totals.unattributed_cost_usd)} of {money(totals.cost_usd)}"
        return f"Every call has an owner, but {spend} has none"
    if not lost:
        return "Every call has an owner"
    priced = totals.cost_basis != "none" and totals.cost_usd > 0
    if lost == whole:
        return f"No call has an owner{f': {money(totals.cost_usd)}' if priced else ''}"
    calls = f"{count(lost)} of {plural(whole, 'call')} {'has' if lost == 1 else 'have'} no owner"
    spend = f"{money(totals.unattributed_cost_usd)} of {money(totals.cost_usd)}"
    if not priced:
        return calls if whole < FEW else f"{calls} ({share(totals.unattributed_calls)})"
    if whole < FEW:
        return f"{calls}: {spend}"
    return f"{spend} ({share(totals.unattributed_cost)}) has no owner: {calls.removesuffix(' no owner')} none"


def fields_line(report: Report) -> str:
    """`9 fields: 4 present, 2 absent, 3 mis-scoped`."""
    held = Counter(field.verdict for field in asked_fields(report))
    told = ", ".join(f"{held[verdict]} {word}" for verdict, word in VERDICTS if held[verdict])
    return f"{plural(len(report.fields), 'field')}: {told}" if told else "no fields"


def gaps_line(report: Report) -> str:
    """`3 gaps: 1 error, 2 notes`."""
    gaps = open_gaps(report)
    held = Counter(gap.level for gap in gaps)
    told = ", ".join(plural(held[level], level) for level in ("error", "warning", "note") if held[level])
    return f"{plural(len(gaps), 'gap')}: {told}" if told else "no gaps"


def counts(report: Report) -> list[str]:
    """Everything that was counted, so that nothing is silently dropped."""
    parts = [fields_line(report), gaps_line(report)]
    living: Counter[str] = Counter(gap.suppressed.by for gap in report.gaps if gap.suppressed)
    said = (("policy", "suppressed"), ("baseline", "in the baseline"))
    parts += [f"{living[by]} {word}" for by, word in said if living[by]]
    skipped = sum(given.skipped_total for given in report.inputs)
    if skipped:
        parts.append(f"{plural(skipped, 'record')} unreadable")
    if report.score.uncheckable:
        parts.append(f"{len(report.score.uncheckable)} not checkable")
    return parts


def scored(report: Report) -> str:
    """`score 49 of 100, not chargeable, capped at 49: 69 % of spend has no owner`."""
    score = report.score
    if not report.totals.calls:
        return "no score"
    caps = "; ".join(f"capped at {cap.at}: {cap.reason}" for cap in score.caps if cap.at == score.value)
    return f"score {score.value} of 100, {score.band}{f', {caps}' if caps else ''}"


def gated(report: Report) -> str:
    """`gate FAILED: 2 gaps at level error`, or `gate passed`."""
    if not report.totals.calls and report.gate.passed:
        return "gate not reached"
    return "gate passed" if report.gate.passed else f"gate FAILED: {'; '.join(report.gate.reasons)}"


def one_line(report: Report) -> str:
    """The whole answer on one line, for standard error."""
    owned = ownership(report)
    owned = owned if owned.startswith("USD") else owned[0].lower() + owned[1:]
    return "; ".join((gated(report), owned, gaps_line(report), scored(report)))


def carried(field: FieldReport) -> int:
    """The calls whose format can carry the field: the denominator of its coverage."""
    return field.present + field.absent + field.mis_scoped


def uncarried(report: Report, field: FieldReport, carriers: str) -> list[str]:
    """Why no call could carry a field: sample, failure, kind of call; or `carriers` for other formats."""
    said = []
    if Cause.BY_SAMPLE in field.causes:
        said.append("this sample leaves it out")
    if Cause.FAILED_CALL in field.causes:
        said.append("the calls failed")
    if Cause.BY_FORMAT in field.causes:
        own = any(given.format in field.carried_by for given in report.inputs)
        said += ["calls of this kind have none"] if own else [carriers] if carriers else []
    return said


def carriers_hint(field: FieldReport) -> str:
    """Where to find the formats that carry a field. A report names none: a new format changes no report."""
    return f"`auditor explain {field.field}` lists formats that carry it"


def coverage(field: FieldReport, calls: int) -> str:
    """How much of what can carry the field does: `4 of 6`, or a share of the report's weight."""
    of = carried(field)
    if not of:
        return "-"
    if calls < FEW:
        return f"{count(field.present)} of {count(of)}"
    weighed = field.weight.present + field.weight.absent + field.weight.mis_scoped
    part = field.weight.present / weighed if weighed > 0 else field.present / of
    # weight can round to all of it while single calls still lack the field
    if part >= 1 and field.present < of:
        part = 0.999
    return share(part)
