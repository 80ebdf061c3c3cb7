"""Where a gap is, for formats of other tools: an input, a line, a column; and short texts about a gap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.printing.text import count, money, plural

if TYPE_CHECKING:
    from auditor.report.schema import Anchor, Gap, Report, Suppressed


def first_anchor(gap: Gap) -> Anchor | None:
    """The example that a gap is shown at."""
    return gap.anchors[0] if gap.anchors else None


def input_of(gap: Gap, report: Report) -> str:
    """The input that a gap is filed under: that of its first example, else the first of all."""
    anchor = first_anchor(gap)
    if anchor:
        return anchor.input
    return report.inputs[0].name if report.inputs else ""


def anchor_address(anchor: Anchor) -> str:
    """`spans.json:2041:17`, or the record where there are no lines."""
    if anchor.line is None:
        return f"{anchor.input}, record {count(anchor.record)}"
    return f"{anchor.input}:{anchor.line}{f':{anchor.column}' if anchor.column else ''}"


def gap_calls(gap: Gap) -> str:
    """`830 of 1,204 calls`; where it touches no single call, the records: `12 records`, `12 totals`."""
    if not gap.calls and gap.records:
        return plural(gap.records, "record" if gap.of else "total")
    return f"{count(gap.calls)} of {plural(gap.of, 'call')}"


def gap_size(gap: Gap) -> str:
    """`830 of 1,204 calls, USD 284.35`."""
    spend = f", {money(gap.cost_usd)}" if gap.cost_usd else ""
    return f"{gap_calls(gap)}{spend}"


def suppression_text(mark: Suppressed) -> str:
    """Why a gap does not gate: `batch jobs are billed to the platform (until 2026-12-31)`."""
    who = "in the baseline: " if mark.by == "baseline" else ""
    return f"{who}{mark.reason}{f' (until {mark.until})' if mark.until else ''}"


def sentence(text: str) -> str:
    """`text` with a full stop at its end."""
    return text if text.endswith((".", "!", "?")) else f"{text}."
