"""SARIF 2.1.0: one result a gap, every rule that ran, fingerprints that outlive lines and values.

What GitHub misreads (`kind`, `suppressions`, suppressed gaps) is written with the option `full` only.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from auditor.catalogue.words import Verdict
from auditor.printing.text import logged, plural
from auditor.report.locations import gap_size, input_of, sentence, suppression_text
from auditor.report.sentences import asked_fields, open_gaps
from auditor.writers import Options, Writer
from auditor.writers.json import document
from auditor.writers.sarif.rules import descriptors

if TYPE_CHECKING:
    from auditor.report.schema import Anchor, Gap, Report, Suppressed

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
MAX_RESULTS = 5000  # GitHub shows no more of one run
MAX_RELATED = 100
MAX_CATEGORY = 200


def write(report: Report, options: Options) -> bytes:
    """Always one run, also without a gap, so that alerts of fixed gaps close."""
    return document({"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(report, options)]})


def _run(report: Report, options: Options) -> dict[str, Any]:
    rules = descriptors(report, options.handbook)
    places = {rule["id"]: n for n, rule in enumerate(rules)}
    gaps = report.gaps if options.full else open_gaps(report)
    seen: Counter[str] = Counter()
    results = [_result(gap, report, places, seen, options.full) for gap in gaps[:MAX_RESULTS]]
    if options.full:
        results += _passed(report, rules, places)
    return {
        "tool": {
            "driver": {
                "name": report.tool.name,
                "version": report.tool.version,
                "semanticVersion": report.tool.version,
                "rules": rules,
            }
        },
        "automationDetails": {"id": _category(report)},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report, len(gaps) - MAX_RESULTS, options.full)],
        "results": results,
    }


def _category(report: Report) -> str:
    """What distinguishes this upload from those of other inputs."""
    names = "+".join(logged(given.name) for given in report.inputs)
    return f"attribution/{names[:MAX_CATEGORY]}/"


def _invocation(report: Report, over: int, full: bool) -> dict[str, Any]:
    """That the run went through, and what of the inputs it could not read."""
    texts = [
        f"{given.name}: {plural(given.skipped_total, 'record')} could not be read"
        for given in report.inputs
        if given.skipped_total
    ]
    if over > 0:
        texts.append(f"{plural(over, 'gap')} left out: GitHub shows {MAX_RESULTS} results of a run")
    if full:  # no results of their own: some readers want a rule on each
        texts += [
            f"{field.field} is not carried by these inputs"
            for field in asked_fields(report)
            if field.verdict == Verdict.NOT_CARRIED
        ]
    notes = [{"level": "warning", "message": {"text": logged(text)}} for text in texts]
    return {"executionSuccessful": True, "toolExecutionNotifications": notes}


def _result(
    gap: Gap, report: Report, places: dict[str, int], seen: Counter[str], full: bool
) -> dict[str, Any]:
    seen[gap.fingerprint] += 1
    anchors = gap.anchors[: MAX_RELATED + 1]
    related = [{"id": n, **_location(anchor, full)} for n, anchor in enumerate(anchors[1:], 1)]
    result: dict[str, Any] = {
        "ruleId": gap.rule,
        "ruleIndex": places[gap.rule],
        "level": gap.level,
        "message": {"text": logged(f"{sentence(gap.message)} {gap.field}: {gap_size(gap)}")},
        "locations": [_location(anchors[0], full) if anchors else _whole(input_of(gap, report), full)],
        "partialFingerprints": {
            "primaryLocationLineHash": f"{gap.fingerprint}:{seen[gap.fingerprint]}",
            "gapFingerprint/v1": gap.fingerprint,
        },
        "properties": {"field": gap.field, "calls": gap.calls, "of": gap.of, "costUsd": gap.cost_usd},
    }
    if related:
        result["relatedLocations"] = related
    if full:
        result["kind"] = "fail"
        result["suppressions"] = [_suppression(gap.suppressed)] if gap.suppressed else []
    return result


def _suppression(mark: Suppressed) -> dict[str, Any]:
    return {"kind": "external", "status": "accepted", "justification": logged(suppression_text(mark))}


def _location(anchor: Anchor, full: bool) -> dict[str, Any]:
    location = _whole(anchor.input, full)
    if anchor.line:
        column = anchor.column or 1
        location["physicalLocation"]["region"] = {
            "startLine": anchor.line,
            "startColumn": column,
            "endLine": anchor.line,
            "endColumn": column + 1,
        }
    if anchor.pointer:
        location["logicalLocations"] = [{"fullyQualifiedName": logged(anchor.pointer)}]
    return location


def _whole(name: str, full: bool) -> dict[str, Any]:
    """An input as a whole; GitHub wants a region even where there are no lines."""
    uri = quote(name.removeprefix("./"), safe="/", errors="backslashreplace")
    place: dict[str, Any] = {"artifactLocation": {"uri": uri}}
    if not full:
        place["region"] = {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 2}
    return {"physicalLocation": place}


def _passed(report: Report, rules: list[dict[str, Any]], places: dict[str, int]) -> list[dict[str, Any]]:
    """The rules that ran and found nothing."""
    with_gaps = {gap.rule for gap in report.gaps}
    return [
        {
            "ruleId": rule["id"],
            "ruleIndex": places[rule["id"]],
            "kind": "pass",
            "level": "none",
            "message": {"text": f"{rule['id']} found nothing in {plural(report.totals.calls, 'call')}."},
        }
        for rule in rules
        if rule["id"] not in with_gaps
    ]


WRITER = Writer("sarif", ".sarif", "application/sarif+json", write, also=(".sarif.json",))
