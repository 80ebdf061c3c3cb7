"""AWS Cost and Usage Report 2.0 (Data Exports): CSV, gzipped CSV, Parquet, and tables pasted from a console.

Usage rows of Bedrock tokens are calls; tax, credits and other products are context. A row is an aggregate:
it never carries a request id, a session or latency. Tags stand under `iamPrincipal/` (principal or session),
`resourceTags/` and other prefixes of the `tags` map. Identical rows are counted together, never dropped.
"""

from __future__ import annotations

import io
import re
from typing import Any

import polars as pl

from auditor.errors import InputError
from auditor.evidence import Builder
from auditor.principal import user_of
from auditor.readers import Reader, Sample
from auditor.readers._nested import opened_text
from auditor.readers._objects import to_ns
from auditor.readers._tables import delimiter_of, is_pipe_table, rows_of
from auditor.readers._usage_type import kind, model, region
from auditor.source import Source

USAGE = ("Usage", "DiscountedUsage", "SavingsPlanCoveredUsage")
NET, GROSS = "line_item_net_unblended_cost", "line_item_unblended_cost"
MAPS = ("tags", "resource_tags", "product", "cost_category")
KEYS = (
    "line_item_iam_principal", "line_item_usage_type", "line_item_line_item_type", "line_item_product_code",
    "line_item_usage_account_id", "line_item_resource_id", "line_item_currency_code", "line_item_operation",
    "line_item_user_identifier", "pricing_unit", "product_pricing_unit", "product_region_code",
    "product_product_family", "product_product_name", *MAPS,
)  # fmt: skip
SIGNS = {"tags", "resource_tags", "cost_category", "product", "line_item_iam_principal", "line_item_user_identifier",
         "line_item_usage_account_name", "bill_payer_account_name"}  # fmt: skip
FAMILIES = (("iamPrincipal/", "principal_tag"), ("resourceTags/", "resource_tag"), ("userAttribute/", "principal_tag"),
            ("accountTag/", "account"), ("costCategory/", "billing_aggregate"))  # fmt: skip
UNITS = {"1k tokens": 1_000, "1m tokens": 1_000_000, "tokens": 1, "units": 1}
FIELDS_OF = {
    "line_item_iam_principal": ("iam_principal", "user_id"),
    "tags": (
        "principal_tags",
        "resource_tags",
        "tenant_id",
        "team_id",
        "workflow_id",
        "cost_center",
        "environment",
    ),
    "resource_tags": ("resource_tags", "tenant_id", "team_id", "workflow_id"),
    "line_item_usage_amount": ("tokens_input", "tokens_output", "tokens_cache_read", "tokens_cache_write"),
    "line_item_usage_type": ("model", "region"),
    "product_region_code": ("region",),
    "product": ("model", "region", "provider"),
    GROSS: ("cost_usd",),
    NET: ("cost_usd",),
    "line_item_usage_account_id": ("account_id",),
}
_BEDROCK = r"(?i)bedrock"


def canonical(name: str) -> str:
    """A header as CUR 2.0 writes it: trimmed, lower case."""
    return name.strip().strip('"`').lower()


def is_cur(columns: list[str]) -> float:
    """How sure the header is CUR 2.0 (1), a fragment of it (0.7 to 0.9), or something else (0)."""
    names = {canonical(c) for c in columns}
    items = [n for n in names if n.startswith("line_item_")]
    if any(n.startswith(("resource_tags_user_", "resource_tags_aws_")) for n in names):
        return 0.0
    if "line_item_usage_type" in names and names & SIGNS:
        return 1.0
    if len(items) >= 2:
        return 0.8
    return 0.75 if names & {"line_item_iam_principal", GROSS} else 0.0


def sniff(sample: Sample) -> float:
    """By the header; a Parquet file by its schema."""
    if sample.container == "parquet":
        return 0.6 if b"line_item_" in sample.head or not sample.objects else 0.0
    if sample.container == "table":
        return is_cur(sample.columns)
    shapes = [is_cur(list(o)) for o in sample.objects[:3] if isinstance(o, dict)]
    return max((s for s in shapes if s >= 0.8), default=0.0)


def frame_of(source: Source) -> tuple[pl.LazyFrame, list[str]]:
    """The rows as text columns (maps as structs or text), lazily, with the original header."""
    if source.head[:4] == b"PAR1":
        lazy = pl.scan_parquet(source.path or io.BytesIO(source.whole()))
    else:
        text_head = source.head.decode("utf-8", "replace")
        if text_head.lstrip()[:1] in "{[":
            lazy = _from_json(source)
        elif is_pipe_table(text_head):
            rows = rows_of(source.whole().decode("utf-8", "replace"))
            names = list(rows[0][1]) if rows else []
            lazy = pl.LazyFrame(
                {n: [r.get(n) for _, r in rows] for n in names}, schema=dict.fromkeys(names, pl.String)
            )
        else:
            first = next((line for line in text_head.splitlines() if line.strip()), "")
            given: Any = source.path or io.BytesIO(source.whole())
            lazy = pl.scan_csv(
                given, separator=delimiter_of(first) or ",", infer_schema=False, truncate_ragged_lines=True
            )
    names = lazy.collect_schema().names()
    return lazy.rename({n: canonical(n) for n in names}, strict=False), names


def _from_json(source: Source) -> pl.LazyFrame:
    from auditor.source import json_pieces

    rows = [p.value for p in json_pieces(source, lambda line, reason: None) if isinstance(p.value, dict)]
    names = list(dict.fromkeys(k for r in rows for k in r))
    import msgspec

    def text(value: Any) -> str | None:
        if value is None or isinstance(value, str):
            return value
        return msgspec.json.encode(value).decode()

    return pl.LazyFrame(
        {n: [text(r.get(n)) for r in rows] for n in names}, schema=dict.fromkeys(names, pl.String)
    )


def grouped(lazy: pl.LazyFrame) -> pl.DataFrame:
    """Identical rows together: how many they are, the sums of cost and amount, the first row and its hour."""
    schema = lazy.collect_schema()
    have = set(schema.names())
    keys = [_key(k, schema[k]) for k in KEYS if k in have]
    cost = (
        pl.coalesce([_number(c, schema[c]) for c in (NET, GROSS) if c in have])
        if {NET, GROSS} & have
        else None
    )
    sums = [pl.len().alias("weight"), pl.col("row").min().alias("row")]
    if cost is not None:
        lazy = lazy.with_columns(cost.alias("cost"))
        sums += [pl.col("cost").sum().alias("cost"), pl.col("cost").null_count().alias("no_cost")]
        sums.append((pl.col("cost") < 0).any().alias("negative"))
    if "line_item_usage_amount" in have:
        lazy = lazy.with_columns(
            _number("line_item_usage_amount", schema["line_item_usage_amount"]).alias("amount")
        )
        sums += [pl.col("amount").sum().alias("amount"), pl.col("amount").null_count().alias("no_amount")]
    if "line_item_usage_start_date" in have:
        sums.append(pl.col("line_item_usage_start_date").min().cast(pl.String).alias("start"))
    return (
        lazy.with_row_index("row")
        .with_columns(keys)
        .group_by([k.meta.output_name() for k in keys])
        .agg(sums)
        .sort("row")
        .collect(engine="streaming")
    )


def _key(name: str, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.String:
        return pl.col(name).fill_null("").str.strip_chars().alias(name)
    if dtype.is_nested():  # Parquet's maps, as they are: they group by their content
        return pl.col(name)
    return pl.col(name).cast(pl.String).fill_null("").alias(name)


def _number(name: str, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.String:
        return pl.col(name).str.replace_all(r"[$,\s]|USD", "").cast(pl.Float64, strict=False)
    return pl.col(name).cast(pl.Float64)


def read(source: Source, builder: Builder, start: int, end: int | None) -> None:
    """Read all rows; `start` and `end` are not used, for a table is read at once by Polars."""
    try:
        lazy, names = frame_of(source)
        columns = {canonical(n) for n in names}
        if not is_cur(list(columns)):
            raise InputError(
                f"{source.name}: a table without CUR 2.0 columns", "`auditor formats` lists what can be read"
            )
        frame = grouped(lazy)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(
            f"{source.name}: not readable as a table ({type(error).__name__})", "export it again"
        ) from None
    _known(builder, columns)
    types = pl.col("line_item_usage_type") if "line_item_usage_type" in columns else pl.lit(None, pl.String)
    frame = frame.with_columns(
        kind(types).alias("token_kind"),
        model(types).alias("usage_model"),
        region(types).alias("usage_region"),
    )
    rows = Rows(builder, columns)
    for record in frame.iter_rows(named=True):
        rows.put(record)
    rows.finish()


def _known(builder: Builder, columns: set[str]) -> None:
    """What a fragment leaves out cannot be judged; a whole export without the principal was made without it."""
    whole = sum(c.startswith("line_item_") for c in columns) >= 8 and any(
        c.startswith("bill_") for c in columns
    )
    if whole:
        return
    known = {f for c in columns for f in FIELDS_OF.get(c, ())}
    builder.columns_known = frozenset(known)
    builder.note(
        "A selection of columns: fields whose columns are missing cannot be judged from this sample."
    )


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
        """Whether the row is model inference: a token kind, or a model in the product map, on a Bedrock row."""
        code = record.get("line_item_product_code") or ""
        texts = (code, record.get("product_product_family"), record.get("product_product_name"),
                 product.get("servicename"), product.get("product_name"))  # fmt: skip
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
        for rank, (key, value) in enumerate(
            (("product_region_code", record.get("product_region_code")), ("product['region']", product.get("region")),
             ("line_item_usage_type", record.get("usage_region")))
        ):  # fmt: skip
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
        place = self.builder.catalogue.place(match, scope, self.builder.layer)
        self.builder._column(match.field, place, scope, shown.format(key), match.rank).put(row, value)

    def finish(self) -> None:
        """Tell what was left out of coverage, and which currencies were not summed."""
        for reason, cost in sorted(self.excluded.items()):
            self.builder.note(f"Not model usage, left out of coverage: {reason} (USD {cost:.2f}).")
        if self.currencies:
            self.builder.note(f"Costs in {', '.join(sorted(self.currencies))} are not read as USD.")


READER = Reader(
    name="cur-2.0",
    layer="billing",
    title="AWS Cost and Usage Report 2.0",
    carries={
        "tenant_id": "principal_tag",
        "team_id": "principal_tag",
        "workflow_id": "resource_tag",
        "cost_center": "principal_tag",
        "environment": "resource_tag",
        "user_id": "principal",
        "cost_usd": "billing_aggregate",
        "model": "billing_aggregate",
        "provider": "billing_aggregate",
        "region": "billing_aggregate",
        "tokens_input": "billing_aggregate",
        "tokens_output": "billing_aggregate",
        "tokens_cache_read": "billing_aggregate",
        "tokens_cache_write": "billing_aggregate",
        "iam_principal": "principal",
        "principal_tags": "principal_tag",
        "resource_tags": "resource_tag",
        "account_id": "account",
    },
    get="""Create the export with caller identity (`aws bcm-data-exports create-export`, table configuration
`INCLUDE_IAM_PRINCIPAL_DATA=TRUE`, `INCLUDE_RESOURCES=TRUE`), then
`aws s3 cp s3://BUCKET/PREFIX/EXPORT/data/BILLING_PERIOD=2026-09/EXPORT-00001.snappy.parquet .`""",
    sniff=sniff,
    read=read,
)
