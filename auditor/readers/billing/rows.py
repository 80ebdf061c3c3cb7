"""Grouped rows of a bill put into a builder: calls and context, model, place, money, tokens, principal.

Costs in other currencies than USD are left out; what is no model usage is summed in a note.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from auditor.catalogue.principals import user_of
from auditor.evidence.builder import Builder
from auditor.evidence.schema import Column
from auditor.framing.times import to_ns
from auditor.readers.billing import line_items
from auditor.readers.billing.columns import AMOUNT, COST, PAID_BY, START, WEIGHT, BillHeaders
from auditor.readers.billing.line_items import LineItem
from auditor.readers.billing.models import model_of
from auditor.readers.billing.table import ROW, RecordPlace
from auditor.readers.billing.tag_maps import pairs
from auditor.readers.billing.tags import Tags
from auditor.readers.billing.usage_types import kind, kind_of, region, routing, tier

UNITS = {"tokens": 1, "token": 1, "units": 1, "1k tokens": 1e3, "1000 tokens": 1e3, "thousand tokens": 1e3,
         "1m tokens": 1e6, "1000000 tokens": 1e6, "million tokens": 1e6}  # fmt: skip
# since when a bill can name the caller
CALLERS_SINCE = "2026-04-08"
DAMAGED = (
    "An account id such as 1.23457E+11 lost its digits in a spreadsheet: pass the file as it was exported"
)
SHORT = "An account id of fewer than 12 digits lost its leading zeros in a spreadsheet"
DEFAULT = "The account's default project is billed, which belongs to no team"
MANTLE = "A bedrock-mantle line names no caller: whether the bill ever does is not known"
EARLY = f"A line of before {CALLERS_SINCE} names no caller: bills hold callers only since then"
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_SPREADSHEET = re.compile(r"\d(?:[.,]\d+)?[Ee]\+?\d+")
_EMPTY: Mapping[str, str] = {}


class BillRows:
    """Puts the rows of one bill into a builder."""

    def __init__(
        self, builder: Builder, headers: BillHeaders, places: Sequence[RecordPlace] | None = None
    ) -> None:
        self.builder, self.headers, self.places = builder, headers, places
        self.tags = Tags(builder, headers)
        self.excluded: dict[tuple[str, str], float] = {}
        self.capacity: dict[tuple[str, str], float] = {}
        self.currencies: set[str] = set()
        self.users: dict[str, tuple[str, str] | None] = {}
        self.odd: dict[str, int] = {}
        self.columns: dict[tuple[str, str, str, int, float], Column] = {}

    def put_all(self, frame: pl.DataFrame) -> None:
        """Put every group of a bill, then the notes on all of them."""
        usage = self.headers.texts.get("usage", [])
        words = (
            pl.coalesce([pl.when(pl.col(h) != "").then(pl.col(h)) for h in usage]) if usage else pl.lit(None)
        )
        words = words.cast(pl.String)
        frame = frame.with_columns(
            kind(words).alias("bill kind"),
            region(words).alias("bill region"),
            tier(words).alias("bill tier"),
            routing(words).alias("bill routing"),
        )
        for record in frame.iter_rows(named=True):
            self.builder.attempt(None, self.put, record)
        self.finish()

    def column(self, name: str, scope: str, key: str, *, rank: int = 0, scale: float = 1.0) -> Column:
        """The builder's column, looked up once a key."""
        memo = (name, scope, key, rank, scale)
        column = self.columns.get(memo)
        if column is None:
            column = self.columns[memo] = self.builder.column(name, scope, key, rank=rank, scale=scale)
        return column

    def put(self, record: dict[str, Any]) -> None:
        """Put one group of identical rows: a call when it is usage of a model."""
        builder = self.builder
        product = self._product(record)
        token_kind = self._token_kind(record, product)
        item = self._line_item(record, product, token_kind)
        is_call = line_items.is_call(item)
        capacity = None if is_call else line_items.capacity(item)
        operation = self.headers.first(record, "operation")[0]
        offset, pointer = self.places[record[ROW]] if self.places else (None, None)
        builder.reading.table_row = record[ROW]
        row = builder.row(
            "call" if is_call else "context",
            offset=offset,
            pointer=pointer,
            started_at=to_ns(record.get(START)),
            name=operation or item.type,
        )
        facts = {
            "weight": record[WEIGHT],
            "line_item_type": item.type or "Usage",
            "usage_type": item.usage or None,
            "token_kind": token_kind if is_call else None,
            "operation": operation or None,
            "pricing_unit": self.headers.first(record, "unit")[0] or None,
            "tier": record["bill tier"] if is_call else None,
            "routing": record["bill routing"] if is_call else None,
            "profile": self._profile(record) if is_call else None,
            "billed_resource": self._resource(record) if is_call or capacity else None,
            "capacity": capacity,
        }
        for name, value in facts.items():
            if value is not None:
                builder.fact(name).put(row, value)
        self._cost(row, record)
        if not is_call:
            if capacity:
                self.tags.put(row, record)
            self._leave_out(record, capacity or line_items.left_out(item), counted=bool(capacity))
            return
        self._place(row, record, product)
        self._tokens(row, record, token_kind)
        self._oddities(record, item)
        self._principal(row, record)
        self.tags.put(row, record)

    def _product(self, record: dict[str, Any]) -> Mapping[str, str]:
        headers = self.headers.texts.get("product", [])
        return pairs(record[headers[0]]) if headers else _EMPTY

    def _token_kind(self, record: dict[str, Any], product: Mapping[str, str]) -> str | None:
        """The kind of token: from the inference type, the usage type, or a description."""
        first = self.headers.first
        named = kind_of(first(record, "inference")[0]) or kind_of(product.get("inference_type", ""))
        usage_kind: str | None = record["bill kind"]
        if named or usage_kind:
            return named or usage_kind
        texts = (first(record, role)[0] for role in ("meter", "description", "details"))
        return next(filter(None, map(kind_of, texts)), None)

    def _line_item(
        self, record: dict[str, Any], product: Mapping[str, str], token_kind: str | None
    ) -> LineItem:
        unit = self.headers.first(record, "unit")[0]
        names = [record[h] or "" for role in ("family", "name") for h in self.headers.texts.get(role, ())]
        return LineItem(
            type=self.headers.first(record, "type")[0],
            code=self.headers.first(record, "code")[0],
            names=(*names, product.get("servicename", ""), product.get("product_name", "")),
            usage=self.headers.first(record, "usage")[0],
            tokens=token_kind is not None or "token" in unit.lower(),
            model=bool(product.get("model") or self.headers.first(record, "model")[0]),
            principal=bool(self.headers.first(record, "principal")[0]),
            shows_kind=self.headers.has("usage", "meter", "description", "inference", "unit"),
        )

    def _resource(self, record: dict[str, Any]) -> str | None:
        """The ARN that a line names as its resource."""
        resource = self.headers.first(record, "resource")[0]
        return resource if resource.startswith("arn:") else None

    def _profile(self, record: dict[str, Any]) -> str | None:
        """The application inference profile that a line names as its resource."""
        resource = self.headers.first(record, "resource")[0]
        return resource if ":application-inference-profile/" in resource else None

    def _leave_out(self, record: dict[str, Any], reason: str, *, counted: bool) -> None:
        sums = self.capacity if counted else self.excluded
        key = (reason, self.headers.first(record, "currency")[0] or "USD")
        sums[key] = sums.get(key, 0.0) + (record.get(COST) or 0.0)

    def _place(self, row: int, record: dict[str, Any], product: Mapping[str, str]) -> None:
        put = self.column
        model = model_of(record, product, self.headers, self.builder.catalogue)
        if model is not None:
            put("model", "billing_aggregate", model.key, rank=model.rank).put(row, model.name)
        provider, header = self.headers.first(record, "provider")
        if product.get("provider"):
            put("provider", "billing_aggregate", "product['provider']").put(row, product["provider"])
        elif provider:
            put("provider", "billing_aggregate", header).put(row, provider)
        code, header = self.headers.first(record, "region")
        usage = (self.headers.texts.get("usage") or [""])[0]
        places = (
            (header, code),
            ("product['region']", product.get("region")),
            (usage, record["bill region"]),
        )
        rank, key, value = next(((i, k, v) for i, (k, v) in enumerate(places) if v), (0, "", None))
        if value:
            put("region", "billing_aggregate", key, rank=rank).put(row, value)
        account, header = self.headers.first(record, "account")
        if account:
            lost = _SPREADSHEET.fullmatch(account)
            put("account_id", "account", header).put(row, None if lost else account)

    def _oddities(self, record: dict[str, Any], item: LineItem) -> None:
        """Count the calls with doubtful cells, by the note on them."""
        account = self.headers.first(record, "account")[0]
        no_caller = self.headers.has("principal") and not item.principal
        start = str(record.get(START) or "")
        odd = {
            DAMAGED: bool(_SPREADSHEET.fullmatch(account)),
            SHORT: account.isdigit() and len(account) < 12,
            DEFAULT: self.headers.first(record, "resource")[0].endswith(":project/default"),
            MANTLE: no_caller and "-mantle-" in item.usage,
            EARLY: no_caller and bool(_DATE.match(start)) and start[:10] < CALLERS_SINCE,
        }
        for text in (t for t, is_odd in odd.items() if is_odd):
            self.odd[text] = self.odd.get(text, 0) + record[WEIGHT]

    def _cost(self, row: int, record: dict[str, Any]) -> None:
        if record.get(COST) is None:
            return
        currency = self.headers.first(record, "currency")[0] or "USD"
        if currency.upper() != "USD":
            self.currencies.add(currency)
            return
        key = record.get(PAID_BY) or self.headers.costs[0]
        self.column("cost_usd", "billing_aggregate", key).put(row, record[COST])

    def _tokens(self, row: int, record: dict[str, Any], token_kind: str | None) -> None:
        amount, unit = record.get(AMOUNT), self.headers.first(record, "unit")[0].lower()
        if amount is None or self.headers.amount is None:
            return
        if token_kind is None and "token" not in unit:
            return
        name = f"tokens_{token_kind}" if token_kind else "tokens_total"
        scale = float(UNITS.get(unit.replace(",", ""), 1))
        self.column(name, "billing_aggregate", self.headers.amount, scale=scale).put(row, amount)

    def _principal(self, row: int, record: dict[str, Any]) -> None:
        headers = self.headers.texts.get("principal", [])
        self.builder.fact("has_principal_column").put(row, bool(headers))
        if headers:
            arn = self.headers.first(record, "principal")[0]
            self.column("iam_principal", "principal", headers[0]).put(row, arn or None)
            if arn:
                if arn not in self.users:
                    self.users[arn] = user_of(arn)
                user = self.users[arn]
                if user:
                    key = f"{headers[0]} ({user[0]} name)"
                    self.column("user_id", "principal", key, rank=500).put(row, user[1])
        identifier, header = self.headers.first(record, "identifier")
        if identifier:
            self.column("user_id", "billing_aggregate", header, rank=50).put(row, identifier)

    def finish(self) -> None:
        """Note what was left out of coverage, and what of the rest is doubtful."""
        note = self.builder.note
        for (reason, currency), cost in sorted(self.excluded.items()):
            note(f"Not model usage, left out of coverage: {reason} ({currency} {cost:.2f}).")
        for (name, currency), cost in sorted(self.capacity.items()):
            note(f"Model spend without calls, which no coverage counts: {name} ({currency} {cost:.2f}).")
        if self.currencies:
            note(f"Costs in {', '.join(sorted(self.currencies))} are not read as USD.")
        for text, count in self.odd.items():
            note(f"{text} ({count} {'row' if count == 1 else 'rows'}).")
