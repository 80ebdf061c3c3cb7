"""The gaps as a table for spreadsheets, one row a gap, suppressed ones with their reason."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from auditor.printing.text import logged
from auditor.report.locations import first_anchor, input_of
from auditor.writers import Options, Writer

if TYPE_CHECKING:
    from auditor.report.schema import Gap, Report

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_Cell = str | int | float | None
_COLUMNS: dict[str, Callable[[Gap], _Cell]] = {
    "rule": lambda gap: gap.rule,
    "name": lambda gap: gap.name,
    "level": lambda gap: gap.level,
    "field": lambda gap: gap.field,
    "verdict": lambda gap: gap.verdict,
    "cause": lambda gap: gap.cause,
    "message": lambda gap: gap.message,
    "calls": lambda gap: gap.calls,
    "of": lambda gap: gap.of,
    "share": lambda gap: gap.share,
    "cost_usd": lambda gap: gap.cost_usd,
    "services": lambda gap: _names(gap, "service"),
    "keys": lambda gap: _names(gap, "key"),
    "models": lambda gap: _names(gap, "model"),
    "record": lambda gap: anchor.record if (anchor := first_anchor(gap)) else None,
    "line": lambda gap: anchor.line if (anchor := first_anchor(gap)) else None,
    "column": lambda gap: anchor.column if (anchor := first_anchor(gap)) else None,
    "fixes": lambda gap: "; ".join(gap.fixes),
    "fingerprint": lambda gap: gap.fingerprint,
    "suppressed": lambda gap: gap.suppressed.reason if gap.suppressed else None,
    "until": lambda gap: gap.suppressed.until if gap.suppressed else None,
}


def write(report: Report, _: Options) -> bytes:
    """A header and a row a gap, in the report's order; shares run from 0 to 1, money is in USD."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow([*_COLUMNS, "input"])
    for gap in report.gaps:
        table.writerow(
            [_cell(value) for value in (*(of(gap) for of in _COLUMNS.values()), input_of(gap, report))]
        )
    return out.getvalue().encode()


def _names(gap: Gap, dimension: str) -> str:
    return "; ".join(place.name for place in gap.where if place.dimension == dimension)


def _cell(value: _Cell) -> str | int | None:
    """A cell on one line that no spreadsheet takes for a formula."""
    if isinstance(value, float):
        return f"{value:.9f}".rstrip("0").rstrip(".") or "0"
    if not isinstance(value, str):
        return value
    safe = logged(value)
    return f"'{safe}" if safe.lstrip().startswith(_FORMULA) else safe


WRITER = Writer("csv", ".csv", "text/csv; charset=utf-8", write)
