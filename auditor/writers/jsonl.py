"""The report as JSON lines, each with a `type`, for log shippers, jq and tables.

The first line has the single facts of the JSON report; each item of its lists is a line.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from auditor.writers import Options, Writer
from auditor.writers.json import escaped

if TYPE_CHECKING:
    from auditor.report.schema import Report

# the lists of the report and what one item of each is called; notes and rules stay in the first line
_ITEMS = {
    "inputs": "input",
    "fields": "field",
    "gaps": "gap",
    "hops": "hops",
    "joins": "join",
    "questions": "question",
    "owners": "owner",
    "plan": "step",
}


def write(report: Report, _: Options) -> bytes:
    """One JSON object a line, `report` first."""
    return b"".join(
        escaped(msgspec.json.encode(line)) + b"\n" for line in _lines(msgspec.to_builtins(report))
    )


def _lines(report: dict[str, Any]) -> Iterator[dict[str, Any]]:
    lists = {name: report.pop(name) for name in _ITEMS}
    yield {"type": "report", **report}
    for name, items in lists.items():
        for item in items:
            yield {"type": _ITEMS[name], **item}


WRITER = Writer("jsonl", ".jsonl", "application/jsonl", write)
