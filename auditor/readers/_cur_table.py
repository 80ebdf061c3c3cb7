"""CUR 2.0 as a lazy table of text columns from CSV, Parquet, JSON or a pasted table, identical rows grouped.

It reads headers and sums; what a row means is decided by the reader, and no cell is changed.
"""

from __future__ import annotations

import io
from typing import Any

import msgspec
import polars as pl

from auditor.pieces import SkipFn, json_pieces
from auditor.readers._tables import delimiter_of, is_pipe_table, rows_of
from auditor.source import Source

NET, GROSS = "line_item_net_unblended_cost", "line_item_unblended_cost"
MAPS = ("tags", "resource_tags", "product", "cost_category")
KEYS = (
    *"""line_item_iam_principal line_item_usage_type line_item_line_item_type line_item_product_code
    line_item_usage_account_id line_item_resource_id line_item_currency_code line_item_operation
    line_item_user_identifier pricing_unit product_pricing_unit product_region_code product_product_family
    product_product_name""".split(),
    *MAPS,
)
SIGNS = frozenset(
    """tags resource_tags cost_category product line_item_iam_principal line_item_user_identifier
    line_item_usage_account_name bill_payer_account_name""".split()
)


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


def frame_of(source: Source, skip: SkipFn) -> tuple[pl.LazyFrame, list[str]]:
    """The rows as text columns (maps as structs or text), lazily, with the original header."""
    if source.head[:4] == b"PAR1":
        lazy = pl.scan_parquet(source.path or io.BytesIO(source.whole()))
    else:
        text_head = source.head.decode("utf-8", "replace")
        if text_head.lstrip()[:1] in "{[":
            lazy = _from_json(source, skip)
        elif is_pipe_table(text_head):
            rows = rows_of(source.whole().decode("utf-8", "replace"), skip=skip)
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


def _from_json(source: Source, skip: SkipFn) -> pl.LazyFrame:
    rows = [p.value for p in json_pieces(source, skip) if isinstance(p.value, dict)]
    names = list(dict.fromkeys(k for r in rows for k in r))

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
