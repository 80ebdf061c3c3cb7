"""Columns derived from values of the same record: parts of the principal, expected cost, scope and key."""

from __future__ import annotations

import polars as pl

from auditor.catalogue import prices, principals
from auditor.evidence.table import Columns, Evidence, Series
from auditor.relate.related_column import RelatedColumn


def principal(evidence: Evidence) -> Series:
    """Kind, role and session of the record's IAM principal."""
    return principals.columns(evidence.frame["iam_principal"])


def expected_cost(evidence: Evidence) -> Series:
    """What the record's tokens cost at list prices, in nano-dollars."""
    names = ("started_at", "layer", "model", "provider", *prices.KINDS, "tokens_total")
    return {"expected_cost_usd": prices.expected(evidence.frame.select(n for n in names if evidence.has(n)))}


def slot_part(evidence: Evidence, field: str, part: str) -> Columns:
    """The `scope` or the `key` of the field's value."""
    texts = pl.Series([s.scope if part == "scope" else s.key for s in evidence.slots], dtype=pl.String)
    return {f"{field}_{part}": pl.lit(texts).gather(pl.col(f"{field}_slot").cast(pl.UInt32))}


COLUMNS = (
    RelatedColumn(
        "principal_kind|principal_role|principal_session|session_kind",
        principal,
        needs=("iam_principal",),
        sources=("iam_principal",),
        dtype=pl.String,
        rests_on="iam_principal",
    ),
    RelatedColumn(
        "expected_cost_usd",
        expected_cost,
        needs=("model", "provider", *prices.KINDS),
        sources=("model",),
        dtype=pl.Int64,
    ),
    RelatedColumn(
        "(.+)_(scope|key)", slot_part, ("{}_slot",), sources=("{}",), dtype=pl.String, rests_on="{}"
    ),
)
