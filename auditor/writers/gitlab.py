"""GitLab's Code Quality report: the open gaps, each with a fingerprint that outlives lines and values."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from auditor.printing.text import logged
from auditor.report.locations import first_anchor, gap_size, input_of, sentence
from auditor.report.sentences import open_gaps
from auditor.writers import Options, Writer
from auditor.writers.json import document

if TYPE_CHECKING:
    from auditor.report.schema import Gap, Report

_SEVERITIES = {"error": "major", "warning": "minor", "note": "info"}


def write(report: Report, _: Options) -> bytes:
    """One finding a gap; the description names the rule, since GitLab does not show `check_name`."""
    seen: Counter[str] = Counter()
    return document([_finding(gap, report, seen) for gap in open_gaps(report)])


def _finding(gap: Gap, report: Report, seen: Counter[str]) -> dict[str, Any]:
    seen[gap.fingerprint] += 1  # GitLab shows one finding a fingerprint: a repeated one gets a number
    nth = seen[gap.fingerprint]
    anchor = first_anchor(gap)
    return {
        "description": logged(f"{gap.rule} {gap.field}: {sentence(gap.message)} {gap_size(gap)}"),
        "check_name": gap.rule,
        "fingerprint": gap.fingerprint if nth == 1 else f"{gap.fingerprint}-{nth}",
        "severity": _SEVERITIES[gap.level],
        "location": {
            "path": logged(input_of(gap, report).removeprefix("./")),
            # GitLab wants a line; what has none (Parquet) is shown at the first
            "lines": {"begin": (anchor.line if anchor else None) or 1},
        },
    }


WRITER = Writer(
    "gitlab",
    ".gitlab.json",
    "application/json",
    write,
    also=("code-quality-report.json", ".codequality.json"),
)
