"""Any table with columns that tell of model calls: CSV, TSV, markdown, psql, box-drawing, a saved web page.

Every column name is looked up in the alias index; a row with a model or token counts is a call. Where `;`
parts the cells, a comma within one is a decimal point. Columns that are not there cannot be judged: a table
is a selection that somebody made. Cells are never read as sentences.
"""

from __future__ import annotations

from typing import Any

from auditor.catalogue.fields import catalogue
from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.readers.contract import RecordReader, Sample
from auditor.readers.shared import free_form


def sniff(sample: Sample) -> float:
    """A table whose columns name a model or tokens, and nothing better is known of it."""
    if sample.container != "table":
        return 0.0
    found = {m.field for c in sample.columns if (m := catalogue().lookup(c)) is not None}
    return 0.3 if found & ({"model"} | free_form.TOKENS) else 0.0


def match(_record: dict[str, Any]) -> float:
    """Never: a row is known by the header of its table."""
    return 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """Read one row by the alias index; what the table has no column for is not known."""
    free_form.take({name: cell for name, cell in record.items() if name}, builder, offset, pointer)
    if builder.columns_known is None:
        named = (builder.catalogue.lookup(name) for name in record)
        builder.columns_known = frozenset(m.field for m in named if m is not None) | _within(record)


def _within(record: dict[str, Any]) -> frozenset[str]:
    """A column of free-form pairs can hold any owner."""
    from auditor.framing.nested import is_container

    owners = {"tenant_id", "team_id", "workflow_id", "user_id", "request_id", "session_id", "cost_center"}
    return frozenset(owners) if any(is_container(name) for name in record) else frozenset()


FORMAT = Format(
    name="table",
    layer="app",
    title="Tables of model calls",
    get="""Save the query's result as CSV (`\\copy (SELECT …) TO 'calls.csv' CSV HEADER`, "Export as CSV"), or
paste the table as the console prints it.""",
    generic=True,
)
READERS = (RecordReader(format=FORMAT, match=match, take=take, sniff=sniff),)
