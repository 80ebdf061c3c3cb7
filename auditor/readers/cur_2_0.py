"""AWS Cost and Usage Report 2.0 (Data Exports): CSV, gzipped CSV, Parquet, and tables pasted from a console.

Usage rows of Bedrock tokens are calls; tax, credits and other products are context. A row is an aggregate:
it never carries a request id, a session or latency. Tags stand under `iamPrincipal/` (principal or session),
`resourceTags/` and other prefixes of the `tags` map. Identical rows are counted together, never dropped.
"""

from __future__ import annotations

import polars as pl

from auditor.errors import InputError
from auditor.evidence import Builder
from auditor.readers import Reader, Sample
from auditor.readers._cur_rows import Rows
from auditor.readers._cur_table import GROSS, NET, canonical, frame_of, grouped, is_cur
from auditor.readers._usage_type import kind, model, region
from auditor.source import Source

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


def sniff(sample: Sample) -> float:
    """By the header; a Parquet file by its schema."""
    if sample.container == "parquet":
        return 0.6 if b"line_item_" in sample.head or not sample.objects else 0.0
    if sample.container == "table":
        return is_cur(sample.columns)
    shapes = [is_cur(list(o)) for o in sample.objects[:3] if isinstance(o, dict)]
    return max((s for s in shapes if s >= 0.8), default=0.0)


def read(source: Source, builder: Builder, _start: int, _end: int | None) -> None:
    """Read all rows; the byte range is not used, for a table is read at once by Polars."""
    try:
        lazy, names = frame_of(source, builder.skip)
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
    """What a fragment leaves out cannot be judged; a whole export without a column was made without it."""
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
