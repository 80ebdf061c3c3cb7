"""JUnit XML: a suite an input, a case a gap and a field; gaps fail, what cannot be judged is skipped.

A note fails no case; a suppressed gap is a skipped one with its reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from auditor.catalogue.words import Level, Verdict
from auditor.printing.ink import spoken
from auditor.printing.text import logged, plural
from auditor.report.locations import (
    anchor_address,
    first_anchor,
    gap_size,
    input_of,
    sentence,
    suppression_text,
)
from auditor.report.sentences import asked_fields, carriers_hint, ownership, score_text, uncarried
from auditor.writers import Options, Writer

if TYPE_CHECKING:
    from auditor.report.schema import FieldReport, Gap, Report

ALL_INPUTS = "all inputs"  # the suite of the fields where there are several inputs


def write(report: Report, _: Options) -> bytes:
    """The report as JUnit reads it: no clock, so every time is 0."""
    root = ET.Element("testsuites", {"name": report.tool.name, "time": "0"})
    suites = {
        given.name: ET.SubElement(root, "testsuite", name=logged(given.name)) for given in report.inputs
    }
    names = list(suites)
    fields = suites[names[0]] if len(names) == 1 else ET.SubElement(root, "testsuite", name=ALL_INPUTS)
    _properties(fields, report)
    for gap in report.gaps:
        _gap_case(suites.get(input_of(gap, report), fields), gap)
    for field in asked_fields(report):
        _field_case(fields, field, report)
    for element in [*root, root]:
        _count(element)
    ET.indent(root)
    body: bytes = ET.tostring(root, encoding="utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + body + b"\n"


def _properties(suite: ET.Element, report: Report) -> None:
    properties = ET.SubElement(suite, "properties")
    values = {"profile": report.profile, "score": score_text(report), "owner": ownership(report)}
    for name, value in values.items():
        ET.SubElement(properties, "property", name=name, value=logged(value))


def _case(suite: ET.Element, field: str, name: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=field, name=logged(name), time="0")


def _gap_case(suite: ET.Element, gap: Gap) -> None:
    case = _case(suite, gap.field, f"{gap.rule} {gap.name}")
    ET.SubElement(ET.SubElement(case, "properties"), "property", name="level", value=gap.level)
    message = logged(f"{sentence(gap.message)} {gap_size(gap)}")
    if gap.suppressed:
        reason = suppression_text(gap.suppressed)
        ET.SubElement(case, "skipped", message=logged(f"suppressed: {reason}"))
    elif gap.level == Level.NOTE:
        ET.SubElement(case, "system-out").text = message
    else:
        ET.SubElement(case, "failure", message=message, type=gap.level).text = _body(gap)


def _body(gap: Gap) -> str:
    """Where, what it looks like there, why, and the fixes."""
    anchor = first_anchor(gap)
    lines = [anchor_address(anchor), anchor.excerpt or ""] if anchor else []
    lines += [gap.why, *(f"fix ({stack}): {text}" for stack, text in gap.fixes.items())]
    lines.append(f"auditor explain {gap.rule}")
    return "\n".join(logged(" ".join(line.split())) for line in lines if line)


def _field_case(suite: ET.Element, field: FieldReport, report: Report) -> None:
    """One case a field; none where gaps fail for it already."""
    gaps = [gap for gap in report.gaps if gap.field == field.field and gap.level != Level.NOTE]
    if any(gap.suppressed is None for gap in gaps):
        return
    case = _case(suite, field.field, f"{field.field} is present")
    if field.verdict == Verdict.PRESENT:
        return
    if field.verdict == Verdict.NOT_CARRIED:
        reason = "; ".join(uncarried(report, field, carriers_hint(field))) or "not carried here"
    else:
        state = "suppressed" if gaps else "required, no rule speaks" if field.required else "not required"
        lost = field.absent + field.mis_scoped
        reason = f"{spoken(field.verdict)} on {plural(lost, 'call')}: {state}"
    ET.SubElement(case, "skipped", message=logged(reason))


def _count(element: ET.Element) -> None:
    """The sums that readers expect on a suite and on the whole."""
    cases = list(element.iter("testcase"))
    element.set("tests", str(len(cases)))
    element.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    element.set("errors", "0")
    element.set("skipped", str(sum(case.find("skipped") is not None for case in cases)))
    element.set("time", "0")


WRITER = Writer("junit", ".junit.xml", "application/xml", write, also=(".xml",))
