"""A report as the page shows it: in reading order, with the texts of the shipped rules.

It arranges nothing itself: `auditor.view` does, for the page and for the report as a file alike.
"""

from __future__ import annotations

from auditor import view
from auditor.library import handbook, recipe, say
from auditor.model import Report
from auditor.view import VERDICT_WORDS, View

__all__ = ["VERDICT_WORDS", "View", "arrange", "recipe", "say"]


def arrange(report: Report) -> View:
    """The report in the order in which it is read."""
    return view.arrange(report, handbook())
