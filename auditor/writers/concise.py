"""One line a gap, `input:line:column: level rule field message`: for editors, hooks and grep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.printing.text import logged, plain
from auditor.report.locations import first_anchor, input_of
from auditor.report.sentences import open_gaps
from auditor.writers import Options, Writer

if TYPE_CHECKING:
    from auditor.report.schema import Gap, Report


def write(report: Report, options: Options) -> bytes:
    """The open gaps, one a line; one without a line in its input is at the input."""
    lines = "".join(f"{_line(gap, report)}\n" for gap in open_gaps(report))
    return (lines if options.style.unicode else plain(lines)).encode()


def _line(gap: Gap, report: Report) -> str:
    anchor = first_anchor(gap)
    numbers = [str(n) for n in (anchor.line, anchor.column) if n] if anchor and anchor.line else []
    place = ":".join([input_of(gap, report), *numbers])
    return logged(f"{place}: {gap.level} {gap.rule} {gap.field} {gap.message}")


WRITER = Writer("concise", ".concise.txt", "text/plain; charset=utf-8", write)
