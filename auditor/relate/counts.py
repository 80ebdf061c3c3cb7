"""Columns that count over all calls of an input: distinct values, spellings, repeats, shares.

It never looks across inputs, and never counts a record that is no call.
"""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import polars as pl

from auditor.catalogue import principals as principal
from auditor.evidence.assemble import IS_CALL, Columns, Evidence


def over(evidence: Evidence, total: pl.Expr, *keys: str) -> pl.Expr:
    """A total over each input, and over some keys within it; one input needs no grouping by it."""
    groups = keys if len(evidence.tables) == 1 else ("input", *keys)
    return total.over(groups) if groups else total


_REDACTED = r"(?i)^(?:\*{2,}|x{4,}|[\[<({]?redacted[\])>}]?)$"


def real(evidence: Evidence, field: str) -> pl.Expr:
    """A field's values without what somebody redacted: equal masks say nothing of what they hide."""
    values = pl.col(field)
    if evidence.frame.dtype(field) != pl.String:
        return values
    return pl.when(~values.str.contains(_REDACTED)).then(values)


def distinct(evidence: Evidence, field: str) -> Columns:
    """How many values the calls of the input hold."""
    seen = pl.when(IS_CALL).then(real(evidence, field))
    return {f"{field}_distinct": over(evidence, seen.drop_nulls().n_unique()).cast(pl.Int64)}


def spellings(evidence: Evidence, field: str) -> Columns:
    """How many spellings of this value, case and separators folded, the calls of the input use."""
    frame = evidence.frame
    if frame.dtype(field) != pl.String:
        return {}
    own = pl.when(IS_CALL).then(pl.col(field))
    first = pl.col("row").first().over("input", own)
    calls = frame.select("input", "kind", field).with_row_index("row")
    rows = calls.select(pl.when(own.is_not_null()).then(first)).to_series()
    # each value is folded once, not once a call
    held = rows.drop_nulls().unique().to_list()
    inputs, values = calls["input"][held].to_list(), calls[field][held].to_list()
    folded = [
        (number, "".join(filter(str.isalnum, value.lower())))
        for number, value in zip(inputs, values, strict=True)
    ]
    count = Counter(folded)
    spelt = np.zeros(frame.height, dtype=np.int64)
    spelt[held] = [count[one] for one in folded]
    return {f"{field}_spellings": pl.Series(spelt)[rows]}


def keys(evidence: Evidence, field: str) -> Columns:
    """How many different key spellings carry the field on the calls of one format in the input."""
    names = [re.split(r"[./→]", s.key)[-1] for s in evidence.slots]
    numbers = {n: i for i, n in enumerate(dict.fromkeys(names))}
    codes = pl.lit(pl.Series([numbers[n] for n in names], dtype=pl.Int32))
    used = pl.when(IS_CALL).then(codes.gather(pl.col(f"{field}_slot").cast(pl.UInt32)))
    # what several tools wrote has as many vocabularies
    mixed = ("format",) if evidence.frame["format"].n_unique() > 1 else ()
    return {f"{field}_keys": over(evidence, used.drop_nulls().n_unique(), *mixed).cast(pl.Int64)}


def repeats(evidence: Evidence, field: str) -> Columns:
    """How many calls of the input bear this row's value."""
    own = pl.when(IS_CALL).then(real(evidence, field))
    n = over(evidence, own.count(), field).cast(pl.Int64)
    return {f"{field}_repeats": pl.when(pl.col(field).is_not_null()).then(n)}


def tag_sets(evidence: Evidence) -> Columns:
    """How many different sets of principal tags the rows of one principal show."""
    own = pl.when(IS_CALL).then(pl.col("principal_tags").fill_null(""))
    n = over(evidence, own.drop_nulls().n_unique(), "iam_principal").cast(pl.Int64)
    return {"principal_tag_sets": pl.when(pl.col("iam_principal").is_not_null()).then(n)}


def input_calls(evidence: Evidence) -> Columns:
    """How many calls the input holds."""
    return {"input_calls": over(evidence, pl.when(IS_CALL).then(pl.col("weight")).otherwise(0).sum())}


def mass(evidence: Evidence) -> pl.Expr:
    """What a record weighs within its input: cost where carried, else tokens, else its count."""
    frame = evidence.frame
    for names in (("cost_usd",), ("tokens_input", "tokens_output")):
        held = [n for n in names if n in frame]
        if held and sum(int(frame[n].fill_null(0).sum()) for n in held) > 0:
            return pl.sum_horizontal(pl.col(n).fill_null(0) for n in held).cast(pl.Float64)
    return pl.col("weight").cast(pl.Float64)


def share_of(evidence: Evidence, column: str) -> pl.Expr:
    """The share of its input's mass that the calls with this row's value of a column hold together."""
    part = pl.when(IS_CALL).then(mass(evidence)).otherwise(0.0)
    return pl.when(pl.col(column).is_not_null()).then(
        over(evidence, part.sum(), column) / over(evidence, part.sum())
    )


def share(evidence: Evidence, field: str) -> Columns:
    """The share of the input's mass that lies on this row's value."""
    return {f"{field}_share": share_of(evidence, field)}


def role(evidence: Evidence) -> Columns:
    """What a role's calls hold together, how many owners the input has, what the role's name says."""
    frame = evidence.frame
    calls = over(evidence, pl.when(IS_CALL).then(pl.col("weight")).otherwise(0).sum(), "principal_role")
    owner = pl.when(IS_CALL).then(pl.coalesce("tenant_id", "team_id"))
    return {
        "role_share": share_of(evidence, "principal_role"),
        "role_calls": pl.when(pl.col("principal_role").is_not_null()).then(calls),
        "owners_in_input": over(evidence, owner.drop_nulls().n_unique()).cast(pl.Int64),
        "role_gateway_like": principal.gateway_like(frame["principal_role"]),
    }
