"""Markdown for the job summary of GitHub Actions: append it to the file that GITHUB_STEP_SUMMARY names.

It never grows past what GitHub takes for one step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.writers import Options, Writer
from auditor.writers.markdown.report import page

if TYPE_CHECKING:
    from auditor.report.schema import Report

LIMIT = 1_000_000  # bytes; GitHub takes 1 MiB a step
MOST = 1000  # gaps


def write(report: Report, _: Options) -> bytes:
    """The report with every gap."""
    return page(report, limit=LIMIT, gaps=MOST)


WRITER = Writer("github-summary", ".summary.md", "text/markdown; charset=utf-8", write)
