"""Markdown for a comment on a pull request; a bot finds its comment by a hidden marker in the first line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.writers import Options, Writer
from auditor.writers.markdown.report import page

if TYPE_CHECKING:
    from auditor.report.schema import Report

MARKER = "<!-- attribution-gap-auditor -->"
MAX_BYTES = 60_000  # GitHub refuses a comment of more than 65,536 characters
MAX_GAPS = 25


def write(report: Report, _: Options) -> bytes:
    """The report as a comment."""
    return page(report, limit=MAX_BYTES, gaps=MAX_GAPS, marker=MARKER)


WRITER = Writer("markdown", ".md", "text/markdown; charset=utf-8", write)
