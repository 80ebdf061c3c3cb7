"""Workflow commands that GitHub shows as annotations: the ten loudest gaps, by level and then by money.

It never emits more than ten, because GitHub drops the rest of a step without a word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.printing.text import count, logged
from auditor.report.locations import first_anchor, gap_size, sentence
from auditor.report.sentences import gaps_line, open_gaps
from auditor.writers import Options, Writer

if TYPE_CHECKING:
    from auditor.report.schema import Gap, Report

MOST = 10  # annotations of one step
_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def write(report: Report, _: Options) -> bytes:
    """Up to ten commands, in the report's order, and a line that says what is not annotated."""
    gaps = open_gaps(report)
    lines = [_annotation(gap) for gap in gaps[:MOST]]
    more = len(gaps) - MOST
    if more > 0:
        lines.append(
            f"{count(more)} more of {gaps_line(report)}; GitHub shows {MOST} a step, the report has them all"
        )
    return "".join(f"{line}\n" for line in lines or ["no gaps"]).encode()


def _annotation(gap: Gap) -> str:
    held = first_anchor(gap)
    properties = {"title": f"{gap.rule} {gap.name}"}
    if held:
        properties = {"file": held.input, **properties}
        if held.line:
            # no end: GitHub takes columns only where both ends are on one line
            properties |= {"line": str(held.line)} | ({"col": str(held.column)} if held.column else {})
    told = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    fixes = "".join(f"\nFix ({stack}): {text}" for stack, text in list(gap.fixes.items())[:1])
    text = f"{gap.field}: {sentence(gap.message)} {gap_size(gap)}{fixes}"
    return f"::{_COMMANDS[gap.level]} {told}::{_data(text)}"


def _data(text: str) -> str:
    """A message: its lines kept, all that could end it or begin a command escaped."""
    return "%0A".join(logged(line).replace("%", "%25") for line in text.split("\n"))


def _property(text: str) -> str:
    return logged(text).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")


WRITER = Writer("github", ".github.txt", "text/plain; charset=utf-8", write)
