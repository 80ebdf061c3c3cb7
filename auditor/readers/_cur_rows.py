"""Grouped billing rows put into a builder: calls and context, model, place, cost, tokens, principal and tags.

It never adds currencies together and never drops a row: what is no model usage is told in a note.
"""

from __future__ import annotations

import re
from typing import Any

from auditor.evidence import Builder
from auditor.principal import user_of
from auditor.readers._cur_table import GROSS, NET
from auditor.readers._nested import opened_text
from auditor.readers._objects import to_ns

USAGE = ("Usage", "DiscountedUsage", "SavingsPlanCoveredUsage")
FAMILIES = (
    ("iamPrincipal/", "principal_tag"),
    ("resourceTags/", "resource_tag"),
    ("userAttribute/", "principal_tag"),
    ("accountTag/", "account"),
    ("costCategory/", "billing_aggregate"),
)
UNITS = {"1k tokens": 1_000, "1m tokens": 1_000_000, "tokens": 1, "units": 1}
_BEDROCK = r"(?i)bedrock"


class Rows:
    """Puts grouped billing rows into a builder."""

    def __init__(self, builder: Builder, columns: set[str]) -> None:
        self.builder, self.columns = builder, columns
        self.excluded: dict[str, float] = {}
        self.currencies: set[str] = set()
        self.maps: dict[Any, dict[str, str]] = {}
        self.users: dict[str, tuple[str, str] | None] = {}

    def opened(self, value: Any) -> dict[str, str]:
        """A map column: JSON text, `{k=v}` as Athena prints it, or Parquet's list of pairs."""
        if isinstance(value, list):
            return {
                str(p["key"]): str(p["value"])
                for p in value
                if isinstance(p, dict) and p.get("value") is not None
            }
        if isinstance(value, dict):
            return {str(k): str(v) for k, v in value.items() if v is not None}
        if not value:
            return {}
        if value not in self.maps:
            held = opened_text(value)
            self.maps[value] = {str(k): str(v) for k, v in held.items()} if isinstance(held, dict) else {}
        return self.maps[value]

    def put(self, record: dict[str, Any]) -> None:
        """One group of identical rows: a call when it is Bedrock token usage."""
        product = self.opened(record.get("product"))
        kind_ = record.get("line_item_line_item_type") or "Usage"
        is_usage = kind_ in USAGE and self.is_inference(record, product)
        builder = self.builder
        row = builder.row(
            "call" if is_usage else "context",
            nth=record["row"],
            started_at=to_ns(record.get("start")),
            name=record.get("line_item_operation") or kind_,
        )
        fact = builder.fact
        fact("weight").put(row, record["weight"])
        fact("line_item_type").put(row, kind_)
        fact("usage_type").put(row, record.get("line_item_usage_type") or None)
        fact("token_kind").put(row, record.get("token_kind"))
        fact("operation").put(row, record.get("line_item_operation") or None)
        fact("pricing_unit").put(
            row, record.get("pricing_unit") or record.get("product_pricing_unit") or None
        )
        if not is_usage:
            reason = kind_ if kind_ not in USAGE else "other usage"
            self.excluded[reason] = self.excluded.get(reason, 0.0) + (record.get("cost") or 0.0)
        self._place(row, record, product)
        self._usage(row, record)
        self._principal(row, record)
        self._tags(row, record)

    def is_inference(self, record: dict[str, Any], product: dict[str, str]) -> bool:
        """Whether the row is model inference: a token kind or a mapped model, on a Bedrock row."""
        code = record.get("line_item_product_code") or ""
        texts = (
            code,
            record.get("product_product_family"),
            record.get("product_product_name"),
            product.get("servicename"),
            product.get("product_name"),
        )
        bedrock = any(t and re.search(_BEDROCK, t) for t in texts) or bool(
            record.get("line_item_iam_principal")
        )
        token = record.get("token_kind") is not None
        if "line_item_usage_type" not in self.columns:
            return bedrock or not code
        known = bedrock or not any(texts)
        return (
            (token and known) or (token and code[:1] not in "A") or (bedrock and bool(product.get("model")))
        )

    def _place(self, row: int, record: dict[str, Any], product: dict[str, str]) -> None:
        column = self.builder.column
        if product.get("model"):
            column("model", "billing_aggregate", "product['model']").put(row, product["model"])
        elif record.get("usage_model"):
            column("model", "billing_aggregate", "line_item_usage_type", rank=10).put(
                row, record["usage_model"]
            )
        elif "Bedrock Edition" in (product.get("product_name") or ""):
            name = product["product_name"].replace("(Amazon Bedrock Edition)", "").strip()
            column("model", "billing_aggregate", "product['product_name']", rank=20).put(row, name)
        elif "application-inference-profile" in (record.get("line_item_resource_id") or ""):
            column("model", "billing_aggregate", "line_item_resource_id", rank=30).put(
                row, record["line_item_resource_id"]
            )
        if product.get("provider"):
            column("provider", "billing_aggregate", "product['provider']").put(row, product["provider"])
        regions = (
            ("product_region_code", record.get("product_region_code")),
            ("product['region']", product.get("region")),
            ("line_item_usage_type", record.get("usage_region")),
        )
        for rank, (key, value) in enumerate(regions):
            if value:
                column("region", "billing_aggregate", key, rank=rank).put(row, value)
                break
        if record.get("line_item_usage_account_id"):
            key = "line_item_usage_account_id"
            column("account_id", "account", key).put(row, record[key])

    def _usage(self, row: int, record: dict[str, Any]) -> None:
        column = self.builder.column
        key = NET if NET in self.columns else GROSS
        if "cost" in record and record["no_cost"] < record["weight"]:
            currency = record.get("line_item_currency_code") or "USD"
            if currency == "USD":
                column("cost_usd", "billing_aggregate", key).put(row, record["cost"])
            else:
                self.currencies.add(currency)
        if record.get("token_kind") and "amount" in record and record["no_amount"] < record["weight"]:
            unit = (record.get("pricing_unit") or record.get("product_pricing_unit") or "units").lower()
            name = f"tokens_{record['token_kind']}"
            column(name, "billing_aggregate", "line_item_usage_amount", scale=float(UNITS.get(unit, 1))).put(
                row, record["amount"]
            )

    def _principal(self, row: int, record: dict[str, Any]) -> None:
        has = "line_item_iam_principal" in self.columns
        self.builder.fact("has_principal_column").put(row, has)
        arn = record.get("line_item_iam_principal")
        if has:
            self.builder.column("iam_principal", "principal", "line_item_iam_principal").put(row, arn)
        if arn:
            if arn not in self.users:
                self.users[arn] = user_of(arn)
            who = self.users[arn]
            if who:
                key = f"line_item_iam_principal ({who[0]} name)"
                self.builder.column("user_id", "principal", key, rank=500).put(row, who[1])
        identifier = record.get("line_item_user_identifier")
        if identifier:
            self.builder.column("user_id", "billing_aggregate", "line_item_user_identifier", rank=50).put(
                row, identifier
            )

    def _tags(self, row: int, record: dict[str, Any]) -> None:
        builder = self.builder
        tags = self.opened(record.get("tags"))
        own = {k: v for k, v in tags.items() if k.startswith("iamPrincipal/") and v}
        resource = {k: v for k, v in tags.items() if k.startswith("resourceTags/") and v}
        resource |= {
            f"resource_tags.{k}": v for k, v in self.opened(record.get("resource_tags")).items() if v
        }
        builder.fact("has_tags_column").put(row, "tags" in self.columns)
        builder.fact("principal_tag_keys").put(row, len(own))
        builder.fact("resource_tag_keys").put(row, len(resource))
        for name, held, scope in (
            ("principal_tags", own, "principal_tag"),
            ("resource_tags", resource, "resource_tag"),
        ):
            if held:
                builder.column(
                    name, scope, "tags" if scope == "principal_tag" else "tags['resourceTags/']"
                ).put(row, ",".join(sorted(f"{k}={v}" for k, v in held.items())))
        for key, value in tags.items():
            prefix, scope = next(
                ((p, s) for p, s in FAMILIES if key.startswith(p)), ("", "billing_aggregate")
            )
            self._tag(row, key[len(prefix) :], value, scope, f"tags['{prefix}{{}}']")
        for key, value in self.opened(record.get("resource_tags")).items():
            self._tag(row, key.removeprefix("user_"), value, "resource_tag", "resource_tags['user_{}']")
        for key, value in self.opened(record.get("cost_category")).items():
            self._tag(row, key, value, "billing_aggregate", "cost_category['{}']")

    def _tag(self, row: int, key: str, value: str, scope: str, shown: str) -> None:
        match = self.builder.catalogue.lookup(key)
        if match is None:
            return
        self.builder.resolved(match, scope, shown.format(key)).put(row, value)

    def finish(self) -> None:
        """Tell what was left out of coverage, and which currencies were not summed."""
        for reason, cost in sorted(self.excluded.items()):
            self.builder.note(f"Not model usage, left out of coverage: {reason} (USD {cost:.2f}).")
        if self.currencies:
            self.builder.note(f"Costs in {', '.join(sorted(self.currencies))} are not read as USD.")
