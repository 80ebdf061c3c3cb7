"""Columns that count over all calls of one input: distinct values, spellings, repeats, shares."""

from __future__ import annotations

import re
from collections import Counter
from functools import partial

import numpy as np
import polars as pl

from auditor.catalogue import principals
from auditor.evidence.table import IS_CALL, Columns, Evidence
from auditor.relate.related_column import RelatedColumn


def over(evidence: Evidence, total: pl.Expr, *keys: str) -> pl.Expr:
    """A total over each input, and over some keys within it; one input needs no grouping by it."""
    groups = keys if len(evidence.tables) == 1 else ("input", *keys)
    return total.over(groups) if groups else total


_REDACTED = r"(?i)^(?:\*{2,}|x{4,}|[\[<({]?redacted[\])>}]?)$"


def real(evidence: Evidence, field: str) -> pl.Expr:
    """A field's values without redacted ones: equal masks can hide different values."""
    values = pl.col(field)
    if evidence.frame.dtype(field) != pl.String:
        return values
    return pl.when(~values.str.contains(_REDACTED)).then(values)


def distinct(evidence: Evidence, field: str) -> Columns:
    """How many different values the calls of the input have."""
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
    firsts = rows.drop_nulls().unique().to_list()
    inputs, values = calls["input"][firsts].to_list(), calls[field][firsts].to_list()
    folded = [
        (number, "".join(filter(str.isalnum, value.lower())))
        for number, value in zip(inputs, values, strict=True)
    ]
    count = Counter(folded)
    counts = np.zeros(frame.height, dtype=np.int64)
    counts[firsts] = [count[key] for key in folded]
    groups = {key: n for n, key in enumerate(count)}
    numbers = np.zeros(frame.height, dtype=np.int64)
    numbers[firsts] = [groups[key] for key in folded]
    spelled = pl.DataFrame({"input": frame["input"], "group": pl.Series(numbers)[rows], "first": rows})
    return {
        f"{field}_spellings": pl.Series(counts)[rows],
        f"{field}_usual_spelling": _usual(spelled, ["input", "group"], "first"),
    }


def keys(evidence: Evidence, field: str) -> Columns:
    """How many different key spellings carry the field on the calls of one format in the input."""
    names = [_name_of(s.key) for s in evidence.slots]
    numbers = {n: i for i, n in enumerate(dict.fromkeys(names))}
    codes = pl.lit(pl.Series([numbers[n] for n in names], dtype=pl.Int32))
    used = pl.when(IS_CALL).then(codes.gather(pl.col(f"{field}_slot").cast(pl.UInt32)))
    # each format has key names of its own
    mixed = ("format",) if evidence.frame["format"].n_unique() > 1 else ()
    frame = evidence.frame.select("input", "format", used.alias("key"))
    return {
        f"{field}_keys": over(evidence, used.drop_nulls().n_unique(), *mixed).cast(pl.Int64),
        f"{field}_usual_key": _usual(frame, ["input", *mixed], "key"),
    }


def _name_of(key: str) -> str:
    """The last part of a key; `X-Tenant-Id` and `http_x_tenant_id` are the header of the name `tenant_id`."""
    last = re.split(r"[./→]", key)[-1]
    header = re.match(r"(?i)(?:http_)?x[-_](.+)", last)
    return header[1].lower().replace("-", "_") if header else last


def _usual(frame: pl.DataFrame, within: list[str], name: str) -> pl.Series:
    """Whether each row's value is the commonest of its group, and no other is as common; null for none."""
    counts = frame.filter(pl.col(name).is_not_null()).group_by(*within, name).len("calls")
    most = pl.col("calls") == pl.col("calls").max().over(within)
    usual = counts.with_columns((most & (most.sum().over(within) == 1)).alias("usual"))
    return frame.join(usual.drop("calls"), on=[*within, name], how="left", maintain_order="left")["usual"]


def repeats(evidence: Evidence, field: str) -> Columns:
    """How many calls of the input have this row's value."""
    own = pl.when(IS_CALL).then(real(evidence, field))
    n = over(evidence, own.count(), field).cast(pl.Int64)
    return {f"{field}_repeats": pl.when(pl.col(field).is_not_null()).then(n)}


def tag_sets(evidence: Evidence) -> Columns:
    """How many different sets of principal tags the rows of one principal show."""
    own = pl.when(IS_CALL).then(pl.col("principal_tags").fill_null(""))
    n = over(evidence, own.drop_nulls().n_unique(), "iam_principal").cast(pl.Int64)
    return {"principal_tag_sets": pl.when(pl.col("iam_principal").is_not_null()).then(n)}


def input_calls(evidence: Evidence) -> Columns:
    """How many calls the input has."""
    return {"input_calls": over(evidence, pl.when(IS_CALL).then(pl.col("weight")).otherwise(0).sum())}


def mass(evidence: Evidence) -> pl.Expr:
    """What a record weighs in its input: its cost if any record has one, else its tokens, else its count."""
    frame = evidence.frame
    for names in (("cost_usd",), ("tokens_input", "tokens_output")):
        present = [name for name in names if name in frame]
        if sum(int(frame[name].fill_null(0).sum()) for name in present) > 0:
            return pl.sum_horizontal(pl.col(name).fill_null(0) for name in present).cast(pl.Float64)
    return pl.col("weight").cast(pl.Float64)


def share_of(evidence: Evidence, column: str) -> pl.Expr:
    """The share of its input's mass that the calls with this row's value of a column have together."""
    part = pl.when(IS_CALL).then(mass(evidence)).otherwise(0.0)
    return pl.when(pl.col(column).is_not_null()).then(
        over(evidence, part.sum(), column) / over(evidence, part.sum())
    )


def share(evidence: Evidence, field: str) -> Columns:
    """The share of the input's mass that the calls with this row's value have."""
    return {f"{field}_share": share_of(evidence, field)}


def role(evidence: Evidence) -> Columns:
    """A role's calls, their share of the input's mass, and whether the role is named like a gateway's."""
    calls = over(evidence, pl.when(IS_CALL).then(pl.col("weight")).otherwise(0).sum(), "principal_role")
    return {
        "role_share": share_of(evidence, "principal_role"),
        "role_calls": pl.when(pl.col("principal_role").is_not_null()).then(calls),
        "role_gateway_like": principals.gateway_like(evidence.frame["principal_role"]),
    }


def role_sessions(evidence: Evidence) -> Columns:
    """How many sessions a role's calls were made in, by the credentials that each session is issued."""
    keys = pl.when(IS_CALL).then(pl.col("access_key_id"))
    n = over(evidence, keys.drop_nulls().n_unique(), "principal_role").cast(pl.Int64)
    return {"role_sessions": pl.when(pl.col("principal_role").is_not_null()).then(n)}


def owners(evidence: Evidence) -> Columns:
    """How many tenants, or teams where a call has no tenant, the calls of the input name."""
    owner = pl.when(IS_CALL).then(pl.coalesce("tenant_id", "team_id"))
    return {"owners_in_input": over(evidence, owner.drop_nulls().n_unique()).cast(pl.Int64)}


_of_role = partial(
    RelatedColumn,
    make=role,
    needs=("principal_role",),
    sources=("iam_principal",),
    rests_on="iam_principal",
)
_of_values = partial(RelatedColumn, sources=("{}",), dtype=pl.Int64, rests_on="{}")
COLUMNS = (
    RelatedColumn("input_calls", input_calls, dtype=pl.Int64),
    RelatedColumn("owners_in_input", owners, needs=("tenant_id", "team_id"), dtype=pl.Int64),
    _of_role("role_share", dtype=pl.Float64),
    _of_role("role_calls", dtype=pl.Int64),
    _of_role("role_gateway_like", dtype=pl.Boolean),
    RelatedColumn(
        "role_sessions",
        role_sessions,
        needs=("principal_role", "access_key_id"),
        sources=("iam_principal", "access_key_id"),
        dtype=pl.Int64,
        rests_on="iam_principal",
    ),
    RelatedColumn(
        "principal_tag_sets",
        tag_sets,
        needs=("iam_principal", "principal_tags"),
        sources=("iam_principal",),
        dtype=pl.Int64,
        rests_on="iam_principal",
    ),
    _of_values("(.+)_distinct", distinct, ("{}",)),
    _of_values("(.+)_spellings", spellings, ("{}",)),
    _of_values("(.+)_usual_spelling", spellings, ("{}",), dtype=pl.Boolean),
    _of_values("(.+)_usual_key", keys, ("{}_slot",), dtype=pl.Boolean),
    _of_values("(.+)_repeats", repeats, ("{}",)),
    _of_values("(.+)_share", share, ("{}",), dtype=pl.Float64),
    _of_values("(.+)_keys", keys, ("{}_slot",)),
)
