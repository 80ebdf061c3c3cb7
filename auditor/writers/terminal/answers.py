"""The terminal section about inputs without calls: the fields they carry, what they tell, what to collect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.printing.text import cells
from auditor.report.sentences import CARRIED, carried_fields

if TYPE_CHECKING:
    from auditor.printing.page import Page
    from auditor.report.schema import Report

_GUTTER = max(map(cells, CARRIED.values())) + 2


def answers(page: Page, report: Report) -> None:
    """For each such input its fields by how it carries them, then what it can and cannot say."""
    for given in report.inputs:
        if given.answer is None:
            continue
        page.heading(page.safe(f"what {given.name} carries"))
        for words, fields in carried_fields(report, given).items():
            page.labelled(words, ", ".join(fields), gutter=_GUTTER)
        sections = (
            ("answers", given.answer.can),
            ("cannot tell", given.answer.cannot),
            ("collect next", given.answer.collect),
        )
        for label, texts in sections:
            for n, text in enumerate(texts):
                page.labelled("" if n else label, text, gutter=_GUTTER)
