"""What the billing readers share: a whole bill, or its records found between others, read by a layout.

A row is an aggregate of usage type and hour: it never stands for one request.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from auditor.errors import InputError
from auditor.evidence.builder import Builder, ReaderState
from auditor.inputs.source import Source
from auditor.readers.billing.columns import Found, Layout, found, grouped
from auditor.readers.billing.rows import Rows
from auditor.readers.billing.table import BROKEN, Bill, columns_in, columns_of, of_records, opened, unreadable
from auditor.readers.contract import Sample

SELECTION = "A selection of columns: fields whose columns are missing cannot be judged from this sample."
HEADLESS = (
    "Rows without a header: columns were told by what their cells look like, which is likely, not certain. "
    "Pass the header line too."
)
TAGGED = ("tenant_id", "team_id", "workflow_id", "cost_center", "environment")
# what every bill carries, and where
CARRIES = (
    dict.fromkeys(TAGGED, "resource_tag")
    | dict.fromkeys(
        """cost_usd model provider region tokens_input tokens_output tokens_cache_read
        tokens_cache_write""".split(),
        "billing_aggregate",
    )
    | {"principal_tags": "principal_tag", "resource_tags": "resource_tag", "account_id": "account"}
)
# the fields that a column can show, by what it holds
SHOWN: dict[str, tuple[str, ...]] = {
    "principal": ("iam_principal", "user_id"),
    "tags": ("principal_tags", "resource_tags", *TAGGED),
    "resource_tags": ("resource_tags", *TAGGED),
    "cost_category": TAGGED,
    "usage": ("model", "region", "tokens_input", "tokens_output", "tokens_cache_read", "tokens_cache_write"),
    "meter": ("model",),
    "details": ("model",),
    "description": ("model",),
    "model": ("model",),
    "product": ("model", "region", "provider"),
    "provider": ("provider",),
    "region": ("region",),
    "account": ("account_id",),
    "identifier": ("user_id",),
}


@dataclass(frozen=True, eq=False)
class Billing:
    """One billing format: how its header is known, where its columns are, what a whole export has."""

    name: str
    layout: Layout
    claims: Callable[[list[str]], float]
    whole: Callable[[Collection[str]], bool]
    carries: frozenset[str]
    unsure: frozenset[str] = frozenset()  # carried, but only seen where it is: its absence says nothing

    def sniff(self, sample: Sample) -> float:
        """By the header of a table, or by the records where all are a bill's; others are told one by one."""
        if sample.container in ("table", "parquet"):
            return max((self.claims(names) for names in columns_in(sample)), default=0.0)
        header = max((self.claims(names) for names in columns_in(sample) if names), default=0.0)
        scores = [self.claims(columns_of(o)) for o in sample.objects]
        records = max(scores) if scores and all(scores) and not sample.lines else 0.0
        found = max(header, records)
        return found if found >= 0.8 else 0.0

    def match(self, record: dict[str, Any]) -> float:
        """One record of a bill among others."""
        score = self.claims(list(record))
        return score if score >= 0.8 else 0.0

    def read(self, source: Source, builder: Builder, _start: int, _end: int | None) -> None:
        """Read all rows; the byte range is not used, for a table is read at once."""
        bill = opened(source, builder.skip, lambda names: self.claims(names) > 0)
        if not self.claims(bill.names):
            raise InputError(
                f"{source.name}: a table without the columns of {self.name}",
                "`auditor formats` lists what can be read",
            )
        try:
            self.put_all(bill, builder)
        except BROKEN as error:
            raise unreadable(source, error) from None

    def take(
        self, record: dict[str, Any], builder: Builder, _offset: int | None, _pointer: str | None
    ) -> None:
        """Keep a record until all are there: rows are grouped."""
        builder.state(_Records, self).records.append(record)

    def put_all(self, bill: Bill, builder: Builder) -> None:
        """Put the rows of a bill, grouped."""
        have = found(bill, self.layout)
        frame = grouped(bill, have, by_day=builder.reading.by_day)
        if bill.headless:
            builder.note(HEADLESS)
        rows = Rows(builder, have)
        rows.put_all(frame)
        self._known(builder, bill, have, rows)

    def _known(self, builder: Builder, bill: Bill, have: Found, rows: Rows) -> None:
        """What a fragment leaves out cannot be judged; a whole export without a column was made so."""
        seen = {"principal_tags"} if rows.tags.principal else set()
        if self.whole(bill.names):
            if self.unsure - seen:
                builder.columns_known = self.carries - (self.unsure - seen)
            return
        known = {f for role in have.texts for f in SHOWN.get(role, ())} - (self.unsure - seen) | seen
        known |= {"cost_usd"} if have.costs else set()
        known |= {"resource_tags", *TAGGED} if have.tags else set()
        if have.amount is None or not have.has("usage", "meter", "inference"):
            known -= {"tokens_input", "tokens_output", "tokens_cache_read", "tokens_cache_write"}
        builder.columns_known = frozenset(known & self.carries)
        builder.note(SELECTION)


class _Records(ReaderState):
    """Records of a bill found one by one: they are grouped when all are there."""

    def __init__(self, builder: Builder, billing: Billing) -> None:
        super().__init__(builder)
        self.billing = billing
        self.records: list[dict[str, Any]] = []

    def finish(self) -> None:
        """Read the records that were kept."""
        if self.records:
            self.billing.put_all(of_records(self.records), self.builder)
