"""Columns that count over all calls of an input: distinct values, spellings, repeats, shares.

It never looks across inputs, and never counts a record that is no call.
"""

from __future__ import annotations

import re

import polars as pl

from auditor import principal
from auditor.assemble import IS_CALL, Columns, Evidence


def distinct(_: Evidence, field: str) -> Columns:
    """How many values the calls of the input hold."""
    seen = pl.when(IS_CALL).then(pl.col(field))
    return {f"{field}_distinct": seen.drop_nulls().n_unique().over("input").cast(pl.Int64)}


def spellings(evidence: Evidence, field: str) -> Columns:
    """How many spellings of this value, case and separators folded, the calls of the input use."""
    if evidence.frame[field].dtype != pl.String:
        return {}
    folded = pl.col(field).str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]", "").fill_null("")
    used = pl.when(IS_CALL).then(pl.col(field))
    return {f"{field}_spellings": used.drop_nulls().n_unique().over(pl.col("input"), folded).cast(pl.Int64)}


def keys(evidence: Evidence, field: str) -> Columns:
    """How many different key spellings carry the field on the calls of the input."""
    names = [re.split(r"[./→]", s.key)[-1] for s in evidence.slots]
    numbers = {n: i for i, n in enumerate(dict.fromkeys(names))}
    codes = pl.lit(pl.Series([numbers[n] for n in names], dtype=pl.Int32))
    used = pl.when(IS_CALL).then(codes.gather(pl.col(f"{field}_slot").cast(pl.UInt32)))
    return {f"{field}_keys": used.drop_nulls().n_unique().over("input").cast(pl.Int64)}


def repeats(_: Evidence, field: str) -> Columns:
    """How many calls of the input bear this row's value."""
    own = pl.when(IS_CALL).then(pl.col(field))
    n = own.count().over("input", field).cast(pl.Int64)
    return {f"{field}_repeats": pl.when(pl.col(field).is_not_null()).then(n)}


def tag_sets(_: Evidence) -> Columns:
    """How many different sets of principal tags the rows of one principal show."""
    own = pl.when(IS_CALL).then(pl.col("principal_tags").fill_null(""))
    n = own.drop_nulls().n_unique().over("input", "iam_principal").cast(pl.Int64)
    return {"principal_tag_sets": pl.when(pl.col("iam_principal").is_not_null()).then(n)}


def input_calls(_: Evidence) -> Columns:
    """How many calls the input holds."""
    return {"input_calls": pl.when(IS_CALL).then(pl.col("weight")).otherwise(0).sum().over("input")}


def mass(evidence: Evidence) -> pl.Expr:
    """What a record weighs within its input: cost where carried, else tokens, else its count."""
    frame = evidence.frame
    for names in (("cost_usd",), ("tokens_input", "tokens_output")):
        held = [n for n in names if n in frame.columns]
        if held and sum(int(frame[n].fill_null(0).sum()) for n in held) > 0:
            return pl.sum_horizontal(pl.col(n).fill_null(0) for n in held).cast(pl.Float64)
    return pl.col("weight").cast(pl.Float64)


def share_of(evidence: Evidence, column: str) -> pl.Expr:
    """The share of its input's mass that the calls with this row's value of a column hold together."""
    part = pl.when(IS_CALL).then(mass(evidence)).otherwise(0.0)
    return pl.when(pl.col(column).is_not_null()).then(
        part.sum().over("input", column) / part.sum().over("input")
    )


def share(evidence: Evidence, field: str) -> Columns:
    """The share of the input's mass that lies on this row's value."""
    return {f"{field}_share": share_of(evidence, field)}


def role(evidence: Evidence) -> Columns:
    """What a role's calls hold together, how many owners the input has, what the role's name says."""
    frame = evidence.frame
    calls = pl.when(IS_CALL).then(pl.col("weight")).otherwise(0).sum().over("input", "principal_role")
    owner = pl.when(IS_CALL).then(pl.coalesce("tenant_id", "team_id"))
    return {
        "role_share": share_of(evidence, "principal_role"),
        "role_calls": pl.when(pl.col("principal_role").is_not_null()).then(calls),
        "owners_in_input": owner.drop_nulls().n_unique().over("input").cast(pl.Int64),
        "role_gateway_like": principal.gateway_like(frame["principal_role"]),
    }
