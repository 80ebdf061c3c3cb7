"""Any table with columns that tell of model calls: CSV, TSV, markdown, psql, box-drawing, a saved web page.

Every column name is looked up in the alias index; a row with the outcome of a model call is a call. Where `;`
parts the cells, a comma within one is a decimal point. Columns that are not there cannot be judged: a table
is a selection that somebody made. Cells are never read as sentences.
"""

from __future__ import annotations

from typing import Any

from auditor.catalogue.fields import catalogue
from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.nested import is_container
from auditor.readers.contract import InputSample, RecordReader
from auditor.readers.shared import free_form
from auditor.readers.shared.carries import TOKEN_TOTALS

# what a column of pairs (tags, metadata) can hold
FREE_FORM = frozenset(
    {"tenant_id", "team_id", "workflow_id", "user_id", "request_id", "session_id", "cost_center"}
)


def sniff(sample: InputSample) -> float:
    """A table whose columns name a model or tokens."""
    if sample.container != "table":
        return 0.0
    fields = {m.field for c in sample.columns if (m := catalogue().lookup(c)) is not None}
    return 0.3 if fields & {"model", *TOKEN_TOTALS} else 0.0


def match(_record: dict[str, Any]) -> float:
    """Never: a row is known by the header of its table."""
    return 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """Read one row by the alias index; a field without a column is unknown, not missing."""
    free_form.take({name: cell for name, cell in record.items() if name}, builder, offset, pointer)
    if builder.columns_known is None:
        named = (builder.catalogue.lookup(name) for name in record)
        builder.columns_known = frozenset(m.field for m in named if m is not None) | _in_pairs(record)


def _in_pairs(record: dict[str, Any]) -> frozenset[str]:
    """The fields that a column of pairs in this table can hold."""
    return FREE_FORM if any(is_container(name) for name in record) else frozenset()


FORMAT = Format(
    name="table",
    layer="app",
    title="Tables of model calls",
    get="""Save the query's result as CSV (`\\copy (SELECT …) TO 'calls.csv' CSV HEADER`, "Export as CSV"), or
paste the table as the console prints it.""",
    generic=True,
)
READERS = (RecordReader(format=FORMAT, match=match, take=take, sniff=sniff),)
