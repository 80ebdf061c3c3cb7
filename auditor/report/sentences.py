"""A report in sentences, shared by every output for people: calls, cost, verdicts, gate, hops, bill, plan."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from auditor.catalogue.words import Cause, Level, Verdict
from auditor.printing.ink import spoken
from auditor.printing.text import FEW, count, money, plural, share

if TYPE_CHECKING:
    from auditor.report.schema import (
        Border,
        DifferenceCause,
        FieldHops,
        FieldReport,
        Gap,
        Hop,
        InputReport,
        Join,
        Projection,
        ReconciledRow,
        Reconciliation,
        Report,
        Step,
    )


PERIODS = {"hour": "hourly", "day": "daily", "week": "weekly", "month": "monthly"}
# how numbers without calls carry a field
CARRIED = {
    "carried": "on each line",
    "aggregate": "as a sum",
    "not_selected": "not in this answer",
    "never": "never",
}
CAUSE_WORDS = {
    "calls_not_logged": "calls that no log has",
    "calls_not_billed": "calls that are not billed",
    "cache_tokens": "cached tokens that the logs count otherwise",
    "model_name": "models that the logs name otherwise",
    "tier": "batch or another tier",
    "routing": "another region or routing",
    "price": "another price",
    "other_meter": "usage that is not metered in tokens",
    "other_period": "time that one side does not cover",
    "spend_without_calls": "provisioned throughput and guardrails",
    "rounding": "rounding",
    "not_explained": "not explained",
}


def asked_fields(report: Report) -> list[FieldReport]:
    """The fields, a required one with its counts over the calls of which it is asked."""
    return [as_asked(field) for field in report.fields]


def as_asked(field: FieldReport) -> FieldReport:
    """A field with its counts over the calls of which the profile asks it, where it asks it of some only."""
    counts = field.asked
    return msgspec.structs.replace(field, **msgspec.structs.asdict(counts)) if counts else field


def shown_verdict(field: FieldReport) -> str:
    """A field's verdict by its share: `partly` where some of the calls have it, and the rest has not."""
    return "partly" if field.present and field.verdict in ("absent", "mis_scoped") else field.verdict


def unasked(report: Report, field: FieldReport) -> str:
    """Of how many calls a required field is not asked, or nothing."""
    outside = distinct_calls(report) - coverage_base(field) - field.not_carried
    return f"not asked of {plural(outside, 'call')}" if field.required and outside else ""


def open_gaps(report: Report) -> list[Gap]:
    """The gaps that are not suppressed, in the report's order."""
    return [gap for gap in report.gaps if gap.suppressed is None]


def volume(report: Report) -> str:
    """How much was audited: `1,600 calls, 8,412,337 tokens, USD 412.10 observed`."""
    totals = report.totals
    distinct = distinct_calls(report)
    parts = [plural(distinct, "call")]
    summed = sum(given.totals for given in report.inputs)
    if not distinct and summed:
        parts += [totals_text(given) for given in report.inputs if given.totals]
    if distinct != totals.calls and len(report.inputs) == 1:
        parts = [f"{parts[0]} in {plural(totals.calls, 'record')}"]
    elif distinct != totals.calls:
        parts = [f"{parts[0]} in {count(totals.calls)} records of {plural(len(report.inputs), 'input')}"]
    if totals.tokens:
        parts.append(plural(totals.tokens, "token"))
    if totals.cost_basis != "none":
        basis = "estimated from tokens" if totals.cost_basis == "estimated" else "observed"
        parts.append(f"{money(totals.cost_usd)} {basis}")
    return ", ".join(parts)


def distinct_calls(report: Report) -> int:
    """How many calls there are; one that is in several inputs counts once."""
    return report.totals.distinct_calls or report.totals.calls


def ownership(report: Report) -> str:
    """The fact that is read first: how much spend has no owner, and how much has two."""
    two = report.totals.two_owners_cost_usd
    return _without_owner(report) + (f"; {money(two)} has two owners, who differ by hop" if two else "")


def totals_text(given: InputReport) -> str:
    """How many totals an input has: `12 daily totals over 430 requests`; empty where it has none."""
    if not given.totals:
        return ""
    period = PERIODS.get((given.sums.period or "") if given.sums else "", "")
    requests = given.sums.requests if given.sums else 0
    text = plural(given.totals, f"{period} total".strip())
    return f"{text} over {plural(requests, 'request')}" if requests else text


def input_counts(given: InputReport) -> str:
    """What an input holds: its calls, and its totals where it has some."""
    return ", ".join(filter(None, (plural(given.calls, "call"), totals_text(given))))


def carried_fields(report: Report, given: InputReport) -> dict[str, list[str]]:
    """The fields of an input without calls by how it carries them, with the totals that have a value."""
    by_state: dict[str, list[str]] = {words: [] for words in CARRIED.values()}
    verdicts = {
        field.field: row for field in report.fields for row in field.inputs if row.input == given.name
    }
    for one in given.answer.fields if given.answer else ():
        row = verdicts.get(one.field)
        able = row.present + row.absent + row.mis_scoped if row else 0
        counted = (
            f" ({count(row.present)} of {count(able)})" if row and able and one.state == "aggregate" else ""
        )
        by_state[CARRIED[one.state]].append(f"{one.field}{counted}")
    return {words: fields for words, fields in by_state.items() if fields}


def _totals_without_owner(report: Report) -> str:
    """The owner of the money of totals, where no input holds a call."""
    totals, ends = report.totals, "totals, no calls"
    owners = [field for field in report.fields if field.field in ("tenant_id", "team_id")]
    if totals.cost_basis == "none" or not totals.cost_usd:
        return f"{ends[0].upper()}{ends[1:]}: no money to tell the owner of"
    spend = f"{money(totals.unattributed_cost_usd)} of {money(totals.cost_usd)}"
    if all(field.verdict == "not_carried" for field in owners):
        return f"{money(totals.cost_usd)} is not grouped by an owner: {ends}"
    if not totals.unattributed_cost_usd:
        return f"All of {money(totals.cost_usd)} has an owner: {ends}"
    return f"{spend} ({share(totals.unattributed_cost)}) has no owner: {ends}"


def _without_owner(report: Report) -> str:
    totals = report.totals
    if not totals.calls and any(given.totals for given in report.inputs):
        return _totals_without_owner(report)
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
    fields = Counter(field.verdict for field in asked_fields(report))
    verdicts = ", ".join(f"{fields[verdict]} {spoken(verdict)}" for verdict in Verdict if fields[verdict])
    return f"{plural(len(report.fields), 'field')}: {verdicts}" if verdicts else "no fields"


def gaps_line(report: Report) -> str:
    """`3 gaps: 1 error, 2 notes`."""
    gaps = open_gaps(report)
    by_level = Counter(gap.level for gap in gaps)
    levels = ", ".join(plural(by_level[level], level) for level in Level if by_level[level])
    return f"{plural(len(gaps), 'gap')}: {levels}" if levels else "no gaps"


def counts(report: Report) -> list[str]:
    """Everything that was counted, so that nothing is silently dropped."""
    parts = [fields_line(report), gaps_line(report)]
    suppressed: Counter[str] = Counter(gap.suppressed.by for gap in report.gaps if gap.suppressed)
    words = (("policy", "suppressed"), ("baseline", "in the baseline"))
    parts += [f"{suppressed[by]} {word}" for by, word in words if suppressed[by]]
    skipped = sum(given.skipped_total for given in report.inputs)
    if skipped:
        parts.append(f"{plural(skipped, 'record')} unreadable")
    look_alikes = sum(given.not_counted for given in report.inputs)
    if look_alikes:
        parts.append(f"{plural(look_alikes, 'record')} like a call not counted")
    if report.score.uncheckable:
        parts.append(f"{len(report.score.uncheckable)} not checkable")
    return parts


def score_text(report: Report) -> str:
    """`score 49 of 100, not chargeable, capped at 49: 69 % of spend has no owner`."""
    score = report.score
    if not report.totals.calls:
        return "no score"
    caps = "; ".join(f"capped at {cap.at}: {cap.reason}" for cap in score.caps if cap.at == score.value)
    return f"score {score.value} of 100, {score.band}{f', {caps}' if caps else ''}"


def gate_text(report: Report) -> str:
    """`gate FAILED: 2 gaps at level error`, or `gate passed`, and what it did not see."""
    if not report.totals.calls and report.gate.passed:
        return "gate not reached"
    if not report.gate.passed:
        return f"gate FAILED: {'; '.join(report.gate.reasons)}"
    unread = sum(given.skipped_total + given.not_counted for given in report.inputs)
    return f"gate passed, {plural(unread, 'record')} not judged" if unread else "gate passed"


def one_line(report: Report) -> str:
    """The whole answer on one line, for standard error."""
    owners = ownership(report)
    owners = owners if owners.startswith("USD") else owners[0].lower() + owners[1:]
    return "; ".join((gate_text(report), owners, gaps_line(report), score_text(report)))


def coverage_base(field: FieldReport) -> int:
    """The calls whose format can carry the field: the denominator of its coverage."""
    return field.present + field.absent + field.mis_scoped


def uncarried(report: Report, field: FieldReport, carriers: str) -> list[str]:
    """Why no call could carry a field: sample, failure, kind of call; or `carriers` for other formats."""
    reasons = []
    if Cause.BY_SAMPLE in field.causes:
        reasons.append("this sample leaves it out")
    if Cause.FAILED_CALL in field.causes:
        reasons.append("the calls failed")
    if Cause.BY_FORMAT in field.causes:
        own = any(given.format in field.carried_by for given in report.inputs)
        reasons += ["calls of this kind have none"] if own else [carriers] if carriers else []
    return reasons


def carriers_hint(field: FieldReport) -> str:
    """Where to find the formats that carry a field. A report names none: a new format changes no report."""
    return f"`auditor explain {field.field}` lists formats that carry it"


def coverage(field: FieldReport, calls: int) -> str:
    """How much of what can carry the field does: `4 of 6`, or a share of the report's weight."""
    base = coverage_base(field)
    if not base:
        return "-"
    if calls < FEW:
        return f"{count(field.present)} of {count(base)}"
    weighed = field.weight.present + field.weight.absent + field.weight.mis_scoped
    part = field.weight.present / weighed if weighed > 0 else field.present / base
    # weight can round to all of it while single calls still lack the field
    if part >= 1 and field.present < base:
        part = 0.999
    return share(part)


# -- several inputs: hops, the bill, the plan ----------------------------------------------------------------


def usd(decimal: str) -> str:
    """A decimal string of the report as money: `-3.20` is `USD -3.20`."""
    return money(float(Decimal(decimal)))


def fields_over_hops(report: Report) -> list[FieldHops]:
    """The fields that were followed over several inputs."""
    return [line for line in report.hops if len(line.hops) > 1]


def hop_coverage(hop: Hop) -> str:
    """How many of an input's calls carry the field: `373 of 1,204`."""
    return (
        "cannot carry it"
        if hop.state == "never" or not hop.of
        else f"{count(hop.carried)} of {count(hop.of)}{_in_header(hop)}"
    )


def _in_header(hop: Hop) -> str:
    if not hop.in_header:
        return ""
    return " in a header" if hop.in_header == hop.carried else f", {count(hop.in_header)} in a header"


def worst_border(line: FieldHops) -> Border | None:
    """The border at which most money loses the field."""
    borders = [border for border in line.borders if border.after == line.dies_at]
    return max(borders, key=lambda border: (border.cost_usd, border.dropped + border.changed), default=None)


def is_intact(line: FieldHops) -> bool:
    """Whether every input that can carry the field does, on every call."""
    return line.dies_at is None and all(hop.carried == hop.of for hop in line.hops)


def border_text(border: Border) -> str:
    """What becomes of a field at a border: `396 of 396 joined calls: 396 dropped, USD 284.35`."""
    parts = (
        (border.dropped, "dropped"),
        (border.changed, "changed"),
        (border.renamed, "renamed"),
        (border.gained, "gained"),
    )
    outcome = ", ".join(f"{count(number)} {word}" for number, word in parts if number) or "all kept"
    spend = f", {money(border.cost_usd)}" if border.cost_usd else ""
    return f"{outcome} of {plural(border.joined, 'joined call')}{spend}"


def join_text(join: Join) -> str:
    """How two inputs were joined and what has no match: `396 of 1,204 calls by request_id`."""
    ids = ", ".join(f"{name} ({count(pairs)})" for name, pairs in join.by.items())
    sides = [
        f"{count(side.joined)} of {plural(side.calls, 'call')} of {side.input}"
        for side in (join.before, join.after)
    ]
    text = f"Joined {' with '.join(sides)}{f' by {ids}' if ids else ''}"
    weak = max(join.before.weak, join.after.weak)
    if weak:
        text += f"; {count(weak)} only weakly"
    unmatched = [
        f"{count(side.unmatched)} of {side.input}"
        f"{f' ({money(side.unmatched_cost_usd)})' if side.unmatched_cost_usd else ''}"
        for side in (join.before, join.after)
        if side.unmatched
    ]
    return f"{text}; alone: {', '.join(unmatched)}" if unmatched else text


def reconciliation_text(reconciliation: Reconciliation) -> str:
    """`3 of 5 rows within 2 %: logs USD 412.10 (observed), bill USD 420.00`."""
    logs = f"logs {usd(reconciliation.log_usd)} ({reconciliation.basis})"
    rows = f"{count(reconciliation.within)} of {plural(len(reconciliation.rows), 'row')}"
    tolerance = f"within {reconciliation.tolerance * 100:g} %"
    return f"{rows} {tolerance}: {logs}, bill {usd(reconciliation.bill_usd)}"


def causes_text(causes: list[DifferenceCause]) -> str:
    """`calls that no log has USD 1.20, another price USD -0.30`, the largest first; empty for none."""
    worth = [cause for cause in causes if Decimal(cause.cost_usd)]
    largest = sorted(worth, key=lambda cause: -abs(Decimal(cause.cost_usd)))
    return ", ".join(f"{_cause(cause)} {usd(cause.cost_usd)}" for cause in largest)


def _cause(cause: DifferenceCause) -> str:
    return CAUSE_WORDS.get(cause.cause, cause.cause.replace("_", " "))


def difference_text(reconciliation: Reconciliation) -> str:
    """`The bill is USD 0.30 above the logs: calls that no log has USD 0.30`; empty where they agree."""
    causes = causes_text(reconciliation.causes)
    if not causes:
        return ""
    difference = Decimal(reconciliation.difference_usd)
    if not difference:
        return f"Bill and logs are equal, of several differences: {causes}"
    where = "above" if difference > 0 else "below"
    return f"The bill is {money(float(abs(difference)))} {where} the logs: {causes}"


def largest_differences(reconciliation: Reconciliation) -> list[ReconciledRow]:
    """The rows outside the tolerance, the largest difference first."""
    rows = (row for row in reconciliation.rows if not row.within)
    return sorted(rows, key=lambda row: -abs(Decimal(row.delta_usd)))


def money_share(report: Report, part: float) -> str:
    """A share of the money in per cent; empty where there are too few calls for one."""
    return "" if distinct_calls(report) < FEW else share(part)


def step_effects(step: Step, report: Report) -> list[str]:
    """What a step moves: `score 49 → 82`, `without an owner 69 % → 4 %`."""
    before, after = step.before, step.after
    if before is None or after is None:
        return []
    moves = [("without an owner", _unowned(before), _unowned(after))]
    moves += [
        (name, before.fields[name], after.fields[name])
        for name in step.fields
        if name in before.fields and name in after.fields
    ]
    shown = [(name, money_share(report, old), money_share(report, new)) for name, old, new in moves]
    shown.insert(0, ("score", str(before.score), str(after.score)))
    return [f"{name} {old} → {new}" for name, old, new in shown if old != new]


def _unowned(projection: Projection) -> float:
    return projection.unattributed_cost or projection.unattributed_calls
