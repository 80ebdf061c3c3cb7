"""The reader of a billing format: a whole bill, or records of a bill among others, read by a layout.

A row is an aggregate of usage type and hour, not one request.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from auditor.errors import InputError
from auditor.evidence.builder import Builder, ReaderState
from auditor.evidence.formats import Answers, Format
from auditor.inputs.source import Source
from auditor.readers.billing.columns import DAY, BillHeaders, Layout, first_days, grouped, headers_of
from auditor.readers.billing.rows import BillRows
from auditor.readers.billing.table import (
    BROKEN,
    BillTable,
    RecordPlace,
    columns_in,
    columns_of,
    of_records,
    opened,
    rows_in,
    unreadable,
)
from auditor.readers.billing.tags import Tags
from auditor.readers.contract import InputSample, RecordReader, SourceReader
from auditor.readers.shared.carries import MODEL, PRICED_TOKENS, at_scope

SELECTION = "A selection of columns: fields whose columns are missing cannot be judged from this sample."
HEADLESS = (
    "Rows without a header: columns were told by what their cells look like, which is likely, not certain. "
    "Pass the header line too."
)
TAGGED = ("tenant_id", "team_id", "workflow_id", "cost_center", "environment")
# what every bill carries, and where
CARRIES = (
    at_scope("resource_tag", *TAGGED)
    | at_scope("billing_aggregate", "cost_usd", *MODEL, *PRICED_TOKENS)
    | {"principal_tags": "principal_tag", "resource_tags": "resource_tag", "account_id": "account"}
)
ANSWERS = Answers(
    can=("What the account was billed for other products; no line of this bill is usage of a model",),
    cannot=(
        "Which tenant, team or user called a model: no line is there to attribute",
        "A request, its latency or its metadata: a line adds up usage by hour or day",
    ),
    collect=(
        "The bill of the account and the month in which models are called, without a filter on products",
        "The gateway's records or the invocation log, for each call",
    ),
)
# the fields that a column can show, by what it holds
SHOWN: dict[str, tuple[str, ...]] = {
    "principal": ("iam_principal", "user_id"),
    "tags": ("principal_tags", "resource_tags", *TAGGED),
    "resource_tags": ("resource_tags", *TAGGED),
    "cost_category": TAGGED,
    "usage": ("model", "region", *PRICED_TOKENS),
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
class BillReader:
    """Reads one billing format, by its headers, the layout of its columns, and what a whole export has."""

    format: Format
    layout: Layout
    claims: Callable[[list[str]], float]  # how sure a header is that of the format: 0 to 1
    is_whole: Callable[[Collection[str]], bool]  # whether columns are those of a whole export
    unsure: frozenset[str] = frozenset()  # fields whose absence says nothing: only some exports have them

    def readers(self) -> tuple[SourceReader, RecordReader]:
        """The readers of whole bills and of single records."""
        return (
            SourceReader(format=self.format, sniff=self.sniff, read=self.read, rows=rows_in),
            RecordReader(format=self.format, match=self.match, take=self.take),
        )

    def sniff(self, sample: InputSample) -> float:
        """By the header of a table, or by the records where all are a bill's; others are claimed singly."""
        if sample.container in ("table", "parquet"):
            return max((self.claims(names) for names in columns_in(sample)), default=0.0)
        header = max((self.claims(names) for names in columns_in(sample) if names), default=0.0)
        scores = [self.claims(columns_of(o)) for o in sample.objects]
        records = max(scores) if scores and all(scores) and not sample.lines else 0.0
        score = max(header, records)
        return score if score >= 0.8 else 0.0

    def match(self, record: dict[str, Any]) -> float:
        """How sure the keys of one record among others are those of a bill."""
        score = self.claims(list(record))
        return score if score >= 0.8 else 0.0

    def read(self, source: Source, builder: Builder, _start: int, _end: int | None) -> None:
        """Read all rows; the byte range is not used, for a table is read at once."""
        bill = opened(source, builder.skip, lambda names: self.claims(names) > 0)
        if not self.claims(bill.names):
            raise InputError(
                f"{source.name}: a table without the columns of {self.format.name}",
                "`auditor formats` lists what can be read",
            )
        try:
            self.put_all(bill, builder)
        except BROKEN as error:
            raise unreadable(source, error) from None

    def take(self, record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
        """Keep a record until all are there: rows are grouped."""
        records = builder.state(BillRecords, self)
        records.records.append(record)
        records.places.append((builder.reading.absolute(offset), pointer))

    def put_all(self, bill: BillTable, builder: Builder) -> None:
        """Put the rows of a bill, grouped."""
        headers = headers_of(bill, self.layout)
        by_day = builder.reading.by_day or _owner_tags_start_late(bill, headers, builder)
        frame = grouped(bill, headers, by_day=by_day)
        if bill.headless:
            builder.note(HEADLESS)
        rows = BillRows(builder, headers, bill.places)
        rows.put_all(frame)
        self._set_columns_known(builder, bill, headers, has_principal_tags=rows.tags.principal)

    def _set_columns_known(
        self, builder: Builder, bill: BillTable, headers: BillHeaders, *, has_principal_tags: bool
    ) -> None:
        """What a fragment leaves out cannot be judged; a whole export without a column was made so."""
        seen = {"principal_tags"} if has_principal_tags else set()
        unsure, carried = self.unsure - seen, frozenset(self.format.carries)
        if self.is_whole(bill.names):
            if unsure:
                builder.columns_known = carried - unsure
            return
        known = {f for role in headers.texts for f in SHOWN.get(role, ())} - unsure | seen
        known |= {"cost_usd"} if headers.costs else set()
        known |= {"resource_tags", *TAGGED} if headers.tags else set()
        if headers.amount is None or not headers.has("usage", "meter", "inference"):
            known.difference_update(PRICED_TOKENS)
        builder.columns_known = frozenset(known & carried)
        builder.note(SELECTION)


def _owner_tags_start_late(bill: BillTable, headers: BillHeaders, builder: Builder) -> bool:
    """Whether an owner's tag first appears after the bill's first day: then its days are kept apart."""
    days = first_days(bill, headers)
    if days is None or days[DAY].n_unique() < 2:
        return False
    days = days.drop_nulls(DAY).sort(DAY)
    tags, first, start = Tags(builder, headers), dict[str, str](), days[DAY][0]
    for record in days.iter_rows(named=True):
        for key in tags.owner_keys(record):
            first.setdefault(key, record[DAY])
    return any(day > start for day in first.values())


class BillRecords(ReaderState):
    """Records of a bill among others: they are grouped when all are there."""

    def __init__(self, builder: Builder, reader: BillReader) -> None:
        super().__init__(builder)
        self.reader = reader
        self.records: list[dict[str, Any]] = []
        self.places: list[RecordPlace] = []

    def finish(self) -> None:
        """Put the records that were kept."""
        if self.records:
            self.reader.put_all(of_records(self.records, self.places), self.builder)
