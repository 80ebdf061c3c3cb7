"""Workflow commands that GitHub shows as annotations: ten gaps at most, as GitHub drops all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.printing.text import count, logged
from auditor.report.locations import first_anchor, gap_size, sentence
from auditor.report.sentences import gaps_line, open_gaps
from auditor.writers import Options, Writer

if TYPE_CHECKING:
    from auditor.report.schema import Gap, Report

MAX_ANNOTATIONS = 10  # of one step
_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def write(report: Report, _: Options) -> bytes:
    """Up to ten commands, in the report's order, and a line that counts the others."""
    gaps = open_gaps(report)
    lines = [_annotation(gap) for gap in gaps[:MAX_ANNOTATIONS]]
    more = len(gaps) - MAX_ANNOTATIONS
    if more > 0:
        lines.append(
            f"{count(more)} more of {gaps_line(report)}; "
            f"GitHub shows {MAX_ANNOTATIONS} a step, the report has them all"
        )
    return "".join(f"{line}\n" for line in lines or ["no gaps"]).encode()


def _annotation(gap: Gap) -> str:
    anchor = first_anchor(gap)
    properties = {"title": f"{gap.rule} {gap.name}"}
    if anchor:
        properties = {"file": anchor.input, **properties}
        if anchor.line:
            # no end: GitHub takes columns only where both ends are on one line
            properties |= {"line": str(anchor.line)} | ({"col": str(anchor.column)} if anchor.column else {})
    pairs = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    fixes = "".join(f"\nFix ({stack}): {text}" for stack, text in list(gap.fixes.items())[:1])
    text = f"{gap.field}: {sentence(gap.message)} {gap_size(gap)}{fixes}"
    return f"::{_COMMANDS[gap.level]} {pairs}::{_data(text)}"


def _data(text: str) -> str:
    """A message: its lines kept, all that could end it or begin a command escaped."""
    return "%0A".join(logged(line).replace("%", "%25") for line in text.split("\n"))


def _property(text: str) -> str:
    return logged(text).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")


WRITER = Writer("github", ".github.txt", "text/plain; charset=utf-8", write)
