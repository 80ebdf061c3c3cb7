"""Markdown for the job summary of GitHub Actions: append it to the file that GITHUB_STEP_SUMMARY names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.writers import Options, Writer
from auditor.writers.markdown.report import page

if TYPE_CHECKING:
    from auditor.report.schema import Report

MAX_BYTES = 1_000_000  # GitHub accepts 1 MiB a step
MAX_GAPS = 1000


def write(report: Report, _: Options) -> bytes:
    """The report with every gap."""
    return page(report, limit=MAX_BYTES, gaps=MAX_GAPS)


WRITER = Writer("github-summary", ".summary.md", "text/markdown; charset=utf-8", write)
