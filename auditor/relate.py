"""Columns that let a rule stay a plain row predicate although the fact spans rows; computed only on demand.

It adds columns to the table and changes none; a column that cannot be known is null, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import polars as pl

from auditor import prices, principal
from auditor.assemble import Evidence, nearest, values_dtype
from auditor.evidence import FACTS

Series = dict[str, pl.Series]
Columns = Mapping[str, pl.Series | pl.Expr]
_IS_CALL = pl.col("kind") == "call"
MAX_GAP_NS = 120 * 1_000_000_000  # a retry follows its failed attempt within two minutes


def relate(evidence: Evidence, names: Iterable[str]) -> None:
    """Add every column of `names` that the table lacks; a name that nothing provides becomes a null column.

    What needs the whole trace is computed first; plain expressions then run together in one query.
    """
    lacking = [n for n in sorted(names) if not evidence.has(n)]
    later: dict[str, pl.Expr] = {}
    for name in lacking:
        if not evidence.has(name):
            provided = _provided(evidence, name)
            eager = {k: v for k, v in provided.items() if isinstance(v, pl.Series)}
            if eager:
                evidence.frame = evidence.frame.with_columns(**eager)
            later |= {k: v for k, v in provided.items() if isinstance(v, pl.Expr) and not evidence.has(k)}
    nulls = [n for n in lacking if not evidence.has(n) and n not in later]
    if later or nulls:
        evidence.frame = evidence.frame.with_columns(
            *(v.alias(k) for k, v in later.items()),
            *(pl.lit(None, _dtype(evidence, n)).alias(n) for n in nulls),
        )


def _provided(evidence: Evidence, name: str) -> Columns:
    if name in FACTS:
        return {}
    for pattern, provide in PROVIDERS:
        match = pattern.fullmatch(name)
        if match:
            new = provide(evidence, *match.groups())
            if name in new or evidence.has(name):
                return new
    return {}


def exists(evidence: Evidence, name: str) -> bool:
    """Whether a column can hold anything but null; told by what its values would come from."""
    frame = evidence.frame
    if name in frame.columns:
        return frame[name].null_count() < frame.height
    fields = evidence.catalogue.fields
    for pattern, sources in _SOURCES:
        match = pattern.fullmatch(name)
        if match:
            if sources == ("tree",):
                return evidence.parent is not None and exists(evidence, match[1])
            if sources == ("trace",):
                return exists(evidence, "trace_id") and exists(evidence, match[1])
            if not sources:
                return match[1] not in fields or exists(evidence, match[1])
            return all(exists(evidence, s) for s in sources)
    stored = name in FACTS or name in fields or name.endswith(("_blank", "_conflict"))
    placed = any(name.endswith(f"_{field}") for field in fields)
    return not stored and not placed


_SOURCES: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (re.compile(r"(?:parent|root|children)_((?!missing).+)"), ("tree",)),
    (re.compile(r"trace_((?!id$|key$).+)"), ("trace",)),
    (re.compile(r"principal_(kind|role|session)|session_kind|role_.+"), ("iam_principal",)),
    (re.compile(r"principal_tag_sets"), ("iam_principal",)),
    (re.compile(r"expected_cost_usd"), ("model",)),
    (re.compile(r"(.+)_(?:scope|key|distinct|spellings|keys|repeats|share|slot)"), ()),
)


def need(evidence: Evidence, *names: str) -> pl.DataFrame:
    """The table, with these columns in it."""
    relate(evidence, names)
    return evidence.frame


_TYPES: dict[str, Any] = FACTS | {"expected_cost_usd": pl.Int64}


_NULLS: tuple[tuple[re.Pattern[str], pl.DataType], ...] = (
    (re.compile(r"_slot$"), pl.Int32()),
    (re.compile(r"_conflict$|^is_root$|^has_parent$|^parent_missing$|^failed$|^error$|_like$"), pl.Boolean()),
    (
        re.compile(
            r"_(spellings|keys|distinct|repeats|sets|calls|input)$|^attempts?$|^logical_call$|^call_request_ids$"
        ),
        pl.Int64(),
    ),
    (re.compile(r"_share$"), pl.Float64()),
    (re.compile(r"_(scope|key|blank)$"), pl.String()),
)


def _dtype(evidence: Evidence, name: str) -> pl.DataType:
    if name in _TYPES:
        return _TYPES[name]()  # type: ignore[no-any-return]
    fields = evidence.catalogue.fields
    if name in fields:
        return values_dtype(evidence, name)
    for pattern, dtype in _NULLS:
        if pattern.search(name):
            return dtype
    for field in fields:
        if name.endswith(f"_{field}"):
            return values_dtype(evidence, field)
    return pl.String()


# -- one record's own columns --------------------------------------------------------------------------------


def _scope(evidence: Evidence, field: str, part: str) -> Columns:
    need(evidence, f"{field}_slot")
    texts = pl.Series([s.scope if part == "scope" else s.key for s in evidence.slots], dtype=pl.String)
    return {f"{field}_{part}": pl.lit(texts).gather(pl.col(f"{field}_slot").cast(pl.UInt32))}


# -- traces --------------------------------------------------------------------------------------------------


def _trace_key(evidence: Evidence) -> Series:
    frame = evidence.frame
    if frame["trace_id"].null_count() == frame.height:
        return {"trace_key": pl.int_range(frame.height, eager=True).cast(pl.String)}
    row = pl.format("row {}", pl.int_range(pl.len()))
    return {"trace_key": frame.select(pl.col("trace_id").fill_null(row)).to_series()}


def _lacking(evidence: Evidence) -> bool:
    return evidence.parent is None


def _parent_value(evidence: Evidence, field: str) -> Series:
    frame = need(evidence, field, f"{field}_slot")
    if _lacking(evidence):
        return {}
    own = frame[field]
    up = nearest(evidence.parent, own.is_not_null().to_numpy())  # type: ignore[arg-type]
    index = pl.Series(up).set(pl.Series(up < 0), None)
    return {
        f"parent_{field}": own.gather(index),
        f"parent_{field}_slot": frame[f"{field}_slot"].gather(index),
    }


def _root_value(evidence: Evidence, field: str) -> Series:
    frame = need(evidence, field, f"{field}_slot")
    if _lacking(evidence):
        return {}
    root = nearest(evidence.parent, evidence.parent < 0)  # type: ignore[arg-type, operator]
    index = pl.Series(root).set(pl.Series(root < 0), None)
    return {
        f"root_{field}": frame[field].gather(index),
        f"root_{field}_slot": frame[f"{field}_slot"].gather(index),
    }


def _trace_value(evidence: Evidence, field: str) -> Series:
    """The first value on another record of the trace; own values are no news."""
    frame = need(evidence, field, f"{field}_slot", "trace_key")
    if frame["trace_id"].null_count() == frame.height or frame[field].null_count() == frame.height:
        return {}
    first = (
        frame.filter(pl.col(field).is_not_null() & pl.col("trace_id").is_not_null())
        .group_by("trace_id", maintain_order=True)
        .agg(pl.col(field).first().alias("v"), pl.col(f"{field}_slot").first().alias("s"))
    )
    joined = frame.select("trace_id").join(first, on="trace_id", how="left", maintain_order="left")
    return {f"trace_{field}": joined["v"], f"trace_{field}_slot": joined["s"]}


def spread_headers(evidence: Evidence, fields: Iterable[str]) -> None:
    """Let calls see header values captured on their ancestors and elsewhere in their trace."""
    for field in fields:
        name = f"header_{field}"
        if not evidence.has(name):
            continue
        frame = need(evidence, "trace_key")
        own, slot = frame[name], frame[f"{name}_slot"]
        index = pl.Series(np.arange(frame.height)).set(own.is_null(), None)
        if evidence.parent is not None:
            up = nearest(evidence.parent, own.is_not_null().to_numpy())
            index = index.zip_with(index.is_not_null(), pl.Series(up).set(pl.Series(up < 0), None))
        elif frame["trace_id"].null_count() < frame.height:
            rows = frame.select("trace_id", index.alias("i")).with_columns(
                pl.when(pl.col("trace_id").is_not_null())
                .then(pl.col("i").drop_nulls().first().over("trace_id"))
                .alias("t")
            )
            index = index.zip_with(index.is_not_null(), rows["t"])
        evidence.frame = frame.with_columns(
            own.gather(index).alias(name), slot.gather(index).alias(f"{name}_slot")
        )


def _tree(evidence: Evidence) -> Series:
    frame = evidence.frame
    has = frame["parent_id"].is_not_null()
    up = evidence.parent
    known = pl.Series(up >= 0) if up is not None else pl.Series(np.zeros(frame.height, dtype=bool))
    return {"is_root": ~has, "has_parent": has, "parent_missing": has & ~known}


def _calls_in_trace(evidence: Evidence) -> Columns:
    need(evidence, "trace_key")
    return {"calls_in_trace": _IS_CALL.cast(pl.Int64).sum().over("input", "trace_key")}


def _children_sum(evidence: Evidence, field: str) -> Series:
    """Sums over the model calls below a record, at any depth."""
    frame = need(evidence, field)
    total = np.zeros(frame.height, dtype=np.int64)
    some = np.zeros(frame.height, dtype=bool)
    if evidence.parent is not None:
        values = frame[field].fill_null(0).to_numpy()
        known = (frame[field].is_not_null() & (frame["kind"] == "call")).to_numpy()
        at, carry = evidence.parent.copy(), np.flatnonzero(known)
        for _ in range(100):
            carry = carry[at[carry] >= 0]
            if not len(carry):
                break
            np.add.at(total, at[carry], values[carry])
            some[at[carry]] = True
            at[carry] = evidence.parent[at[carry]]
    return {f"children_{field}": pl.Series(total).set(pl.Series(~some), None)}


# -- retries -------------------------------------------------------------------------------------------------


def _attempts(evidence: Evidence) -> Series:
    """Attempts of one logical call: a failed call and what follows it with the same parent, trace or id."""
    frame = need(evidence, "request_id", "trace_key", "operation")
    calls = frame.with_row_index("row").filter(pl.col("kind") == "call")
    same_id = pl.col("request_id") if "request_id" in calls.columns else pl.lit(None, pl.String)
    key = (
        pl.when(pl.col("parent_id").is_not_null())
        .then(pl.format("{} {}", "trace_key", "parent_id"))
        .when(pl.col("trace_id").is_not_null() & pl.col("span_id").is_null())
        .then(pl.col("trace_key"))
        .otherwise(pl.coalesce(same_id, pl.format("row {}", "row")))
    )
    ordered = calls.select(
        "row", "input", "operation", "started_at", "ended_at", "error", key.alias("key")
    ).sort("input", "key", "started_at", "row", nulls_last=True)
    same = (pl.col("key") == pl.col("key").shift(1)) & (pl.col("input") == pl.col("input").shift(1))
    soon = (pl.col("started_at") - pl.coalesce("ended_at", "started_at").shift(1)).abs() <= MAX_GAP_NS
    alike = pl.col("operation").fill_null("") == pl.col("operation").shift(1).fill_null("")
    follows = (same & alike & pl.col("error").shift(1) & soon.fill_null(True)).fill_null(False)
    chained = ordered.with_columns((~follows).cum_sum().alias("logical_call")).with_columns(
        pl.int_range(1, pl.len() + 1).over("logical_call").alias("attempt"),
        pl.len().over("logical_call").cast(pl.Int64).alias("attempts"),
    )
    whole = pl.DataFrame({"row": pl.Series(range(frame.height), dtype=calls["row"].dtype)}).join(
        chained.select("row", "logical_call", "attempt", "attempts"),
        on="row",
        how="left",
        maintain_order="left",
    )
    out = {c: whole[c] for c in ("logical_call", "attempt", "attempts")}
    ids = pl.DataFrame({"g": whole["logical_call"], "id": frame["request_id"]})
    out["call_request_ids"] = (
        ids.select(pl.col("id").drop_nulls().n_unique().over("g")).to_series().cast(pl.Int64)
    )
    return out


# -- the whole input -----------------------------------------------------------------------------------------


def _distinct(evidence: Evidence, field: str) -> Columns:
    need(evidence, field)
    seen = pl.when(_IS_CALL).then(pl.col(field))
    return {f"{field}_distinct": seen.drop_nulls().n_unique().over("input").cast(pl.Int64)}


def _spellings(evidence: Evidence, field: str) -> Columns:
    """How many spellings of this value, case and separators folded, the calls of the input use."""
    if need(evidence, field)[field].dtype != pl.String:
        return {}
    folded = pl.col(field).str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]", "").fill_null("")
    used = pl.when(_IS_CALL).then(pl.col(field))
    return {f"{field}_spellings": used.drop_nulls().n_unique().over(pl.col("input"), folded).cast(pl.Int64)}


def _keys(evidence: Evidence, field: str) -> Columns:
    """How many different key spellings carry the field on the calls of the input."""
    need(evidence, f"{field}_slot")
    names = [re.split(r"[./→]", s.key)[-1] for s in evidence.slots]
    numbers = {n: i for i, n in enumerate(dict.fromkeys(names))}
    codes = pl.lit(pl.Series([numbers[n] for n in names], dtype=pl.Int32))
    used = pl.when(_IS_CALL).then(codes.gather(pl.col(f"{field}_slot").cast(pl.UInt32)))
    return {f"{field}_keys": used.drop_nulls().n_unique().over("input").cast(pl.Int64)}


def _repeats(evidence: Evidence, field: str) -> Columns:
    """How many calls of the input bear this row's value."""
    need(evidence, field)
    own = pl.when(_IS_CALL).then(pl.col(field))
    n = own.count().over("input", field).cast(pl.Int64)
    return {f"{field}_repeats": pl.when(pl.col(field).is_not_null()).then(n)}


def _tag_sets(evidence: Evidence) -> Columns:
    """How many different sets of principal tags the rows of one principal show."""
    need(evidence, "iam_principal", "principal_tags")
    own = pl.when(_IS_CALL).then(pl.col("principal_tags").fill_null(""))
    n = own.drop_nulls().n_unique().over("input", "iam_principal").cast(pl.Int64)
    return {"principal_tag_sets": pl.when(pl.col("iam_principal").is_not_null()).then(n)}


def _input_calls(evidence: Evidence) -> Columns:
    return {"input_calls": pl.when(_IS_CALL).then(pl.col("weight")).otherwise(0).sum().over("input")}


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
    part = pl.when(_IS_CALL).then(mass(evidence)).otherwise(0.0)
    return pl.when(pl.col(column).is_not_null()).then(
        part.sum().over("input", column) / part.sum().over("input")
    )


def _share(evidence: Evidence, field: str) -> Columns:
    need(evidence, field)
    return {f"{field}_share": share_of(evidence, field)}


def _principal(evidence: Evidence) -> Series:
    return principal.columns(need(evidence, "iam_principal")["iam_principal"])


def _role(evidence: Evidence) -> Columns:
    frame = need(evidence, "principal_role", "tenant_id", "team_id")
    calls = pl.when(_IS_CALL).then(pl.col("weight")).otherwise(0).sum().over("input", "principal_role")
    owner = pl.when(_IS_CALL).then(pl.coalesce("tenant_id", "team_id"))
    return {
        "role_share": share_of(evidence, "principal_role"),
        "role_calls": pl.when(pl.col("principal_role").is_not_null()).then(calls),
        "owners_in_input": owner.drop_nulls().n_unique().over("input").cast(pl.Int64),
        "role_gateway_like": principal.gateway_like(frame["principal_role"]),
    }


def _expected(evidence: Evidence) -> Series:
    frame = need(
        evidence,
        "model",
        "provider",
        "tokens_input",
        "tokens_output",
        "tokens_cache_read",
        "tokens_cache_write",
    )
    return {"expected_cost_usd": prices.expected(frame)}


PROVIDERS: list[tuple[re.Pattern[str], Callable[..., Columns]]] = [
    (re.compile(r"trace_key"), _trace_key),
    (re.compile(r"logical_call|attempt|attempts|call_request_ids"), _attempts),
    (re.compile(r"is_root|has_parent|parent_missing"), _tree),
    (re.compile(r"calls_in_trace"), _calls_in_trace),
    (re.compile(r"input_calls"), _input_calls),
    (re.compile(r"expected_cost_usd"), _expected),
    (re.compile(r"role_share|role_calls|owners_in_input|role_gateway_like"), _role),
    (re.compile(r"principal_kind|principal_role|principal_session|session_kind"), _principal),
    (re.compile(r"children_(.+)"), _children_sum),
    (re.compile(r"parent_(.+)_slot"), lambda e, f: _parent_value(e, f)),
    (re.compile(r"parent_(.+)"), _parent_value),
    (re.compile(r"root_(.+)_slot"), lambda e, f: _root_value(e, f)),
    (re.compile(r"root_(.+)"), _root_value),
    (re.compile(r"trace_(?!id)(.+)_slot"), lambda e, f: _trace_value(e, f)),
    (re.compile(r"trace_(?!id|key)(.+)"), _trace_value),
    (re.compile(r"(.+)_(scope|key)"), _scope),
    (re.compile(r"(.+)_distinct"), _distinct),
    (re.compile(r"(.+)_spellings"), _spellings),
    (re.compile(r"(.+)_keys"), _keys),
    (re.compile(r"(.+)_repeats"), _repeats),
    (re.compile(r"principal_tag_sets"), _tag_sets),
    (re.compile(r"(.+)_share"), _share),
]
