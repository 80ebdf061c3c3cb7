"""Markdown for a comment on a pull request: a hidden marker in its first line lets a bot find and update it.

It never grows past what GitHub takes for a comment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.writers import Options, Writer
from auditor.writers.markdown.report import page

if TYPE_CHECKING:
    from auditor.report.schema import Report

MARKER = "<!-- attribution-gap-auditor -->"
LIMIT = 60_000  # bytes; GitHub refuses a comment of more than 65,536 characters
MOST = 25  # gaps


def write(report: Report, _: Options) -> bytes:
    """The report as a comment."""
    return page(report, limit=LIMIT, gaps=MOST, marker=MARKER)


WRITER = Writer("markdown", ".md", "text/markdown; charset=utf-8", write)
