"""Columns that let a rule stay a plain row predicate although the fact spans rows; computed only on demand.

It adds columns to the table and changes none; a column that cannot be known is null, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable
from typing import NamedTuple

import numpy as np
import polars as pl

from auditor.catalogue import prices
from auditor.catalogue import principals as principal
from auditor.evidence.ancestry import nearest
from auditor.evidence.arrays import index_of
from auditor.evidence.assemble import Columns, Evidence, Series, hop_of, values_dtype
from auditor.evidence.schema import FACTS
from auditor.evidence.store import Store
from auditor.relate import bill as bills
from auditor.relate import counts as census
from auditor.relate import hops as crossing
from auditor.relate import models as served
from auditor.relate import retries, traces, vocabulary


class Provider(NamedTuple):
    """Which columns a function makes, and which it reads; `{}` is the field in the column's name."""

    pattern: re.Pattern[str]
    needs: tuple[str, ...]
    make: Callable[..., Columns]


def _provider(pattern: str, needs: tuple[str, ...], make: Callable[..., Columns]) -> Provider:
    return Provider(re.compile(pattern), needs, make)


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
            evidence.put(*(values.alias(k) for k, values in eager.items()))
            later |= {k: v for k, v in provided.items() if isinstance(v, pl.Expr) and not evidence.has(k)}
    nulls = [n for n in lacking if not evidence.has(n) and n not in later]
    evidence.put(
        *(v.alias(k) for k, v in later.items()),
        *((n, _dtype(evidence, n)) for n in nulls),
    )


def _provided(evidence: Evidence, name: str) -> Columns:
    if name in FACTS:
        return {}
    for provider in PROVIDERS:
        match = provider.pattern.fullmatch(name)
        if match:
            need(evidence, *(needed.format(*match.groups()) for needed in provider.needs))
            new = provider.make(evidence, *match.groups())
            if name in new or evidence.has(name):
                return new
    return {}


def exists(evidence: Evidence, name: str) -> bool:
    """Whether a column can hold anything but null; told by what its values would come from."""
    frame = evidence.frame
    if name in frame:
        return not frame.is_empty(name)
    fields = evidence.catalogue.fields
    held = vocabulary.known(evidence, name)
    if held is not None:
        return held
    for pattern, sources in _SOURCES:
        match = pattern.fullmatch(name)
        if match:
            if sources == ("tree",):
                return evidence.parent is not None and exists(evidence, match[1])
            if sources == ("hops",):
                return len(evidence.hops) > 1 and (match[1] is None or exists(evidence, match[1]))
            if sources == ("trace",):
                return exists(evidence, "trace_id") and exists(evidence, match[1])
            if not sources:
                return match[1] not in fields or exists(evidence, match[1])
            return all(exists(evidence, s) for s in sources)
    stored = name in FACTS or name in fields or name.endswith(("_blank", "_conflict"))
    placed = any(name.endswith(f"_{field}") for field in fields)
    return not stored and not placed


_OF_PRINCIPAL = re.compile(r"principal_(?:kind|role|session|tag_sets)|session_kind|role_.+")
_OF_FIELD = re.compile(
    r"(.+)_(?:scope|key|distinct|spellings|keys|repeats|share|slot|unlisted|unmatched|near_miss)"
)
# what only a second hop can fill
_BETWEEN = re.compile(
    r"(?:up|down)stream_.+|joined_by|before_provider|lost_(?:up|down)stream|(.+)_(?:changed|renamed)"
    r"|region_logged|tags_on_session|profile_called|logged_cost_usd|billed_cost_usd"
)
_SOURCES: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (_BETWEEN, ("hops",)),
    (re.compile(r"(?:parent|root|children)_((?!missing).+)"), ("tree",)),
    (re.compile(r"trace_((?!id$|key$).+)"), ("trace",)),
    (_OF_PRINCIPAL, ("iam_principal",)),
    (re.compile(r"expected_cost_usd"), ("model",)),
    (re.compile(r"model_swapped"), ("served_model",)),
    (_OF_FIELD, ()),
)


def rests_on(column: str, fields: Container[str]) -> str:
    """The column whose slot tells where a related column's value was found; the column itself if none."""
    if _OF_PRINCIPAL.fullmatch(column):
        return "iam_principal"
    if column == "model_swapped":
        return "model"
    if column.endswith(("_changed", "_renamed")):
        return column.rsplit("_", 1)[0]
    match = _OF_FIELD.fullmatch(column)
    return match[1] if match and match[1] in fields else column


def need(evidence: Evidence, *names: str) -> Store:
    """The table, with these columns in it."""
    relate(evidence, names)
    return evidence.frame


_TYPES: dict[str, type[pl.DataType]] = FACTS | dict.fromkeys(
    ("expected_cost_usd", "logged_cost_usd", "billed_cost_usd"), pl.Int64
)


_NULLS: tuple[tuple[re.Pattern[str], pl.DataType], ...] = (
    (re.compile(r"_slot$"), pl.Int32()),
    (
        re.compile(
            r"_conflict$|^is_root$|^has_parent$|^parent_missing$|^failed$|^error$|_like$|^inside_|_swapped$|_unlisted$"
            r"|_unmatched$|_near_miss$|_changed$|_renamed$|_logged$|^tags_on_|_called$|^before_"
        ),
        pl.Boolean(),
    ),
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
        return _TYPES[name]()
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


def _scope(evidence: Evidence, field: str, part: str) -> Columns:
    texts = pl.Series([s.scope if part == "scope" else s.key for s in evidence.slots], dtype=pl.String)
    return {f"{field}_{part}": pl.lit(texts).gather(pl.col(f"{field}_slot").cast(pl.UInt32))}


def spread_headers(evidence: Evidence, fields: Iterable[str]) -> None:
    """Let calls see header values captured on their ancestors and elsewhere in their trace."""
    for field in fields:
        name = f"header_{field}"
        if not evidence.has(name):
            continue
        frame = evidence.frame
        own, slot = frame[name], frame[f"{name}_slot"]
        has = own.is_not_null().to_numpy()
        rows = np.where(has, np.arange(frame.height), -1)
        if evidence.parent is not None:
            index = index_of(np.where(has, rows, nearest(evidence.parent, has)))
        elif not frame.is_empty("trace_id"):
            seen = frame.select("trace_id", index_of(rows).alias("i"), pl.Series("hop", hop_of(evidence)))
            index = seen.select(
                pl.when(pl.col("trace_id").is_not_null() & pl.col("i").is_null())
                .then(pl.col("i").drop_nulls().first().over("hop", "trace_id"))
                .otherwise(pl.col("i"))
            ).to_series()
        else:
            continue
        evidence.put(own[index].alias(name), slot[index].alias(f"{name}_slot"))


def _principal(evidence: Evidence) -> Series:
    return principal.columns(evidence.frame["iam_principal"])


def _expected(evidence: Evidence) -> Series:
    names = ("started_at", "layer", "model", "provider", *prices.KINDS, "tokens_total")
    return {"expected_cost_usd": prices.expected(evidence.frame.select(n for n in names if evidence.has(n)))}


PROVIDERS = (
    _provider("(?:up|down)stream_layer|joined_by|before_provider", (), crossing.joined),
    _provider("lost_(?:up|down)stream", ("request_id", "attempt_id", "failed"), crossing.lost),
    _provider("region_logged", ("region",), crossing.region_logged),
    _provider("tags_on_session", ("session_tags", "iam_principal"), crossing.tags_on_session),
    _provider("profile_called", ("model",), crossing.profile_called),
    _provider("logged_cost_usd|billed_cost_usd", ("model", "region"), bills.compared),
    _provider("upstream_(.+?)(?:_slot)?", ("{}", "{}_slot"), crossing.upstream),
    _provider("downstream_(.+?)(?:_slot)?", ("{}", "{}_slot"), crossing.downstream),
    _provider("(.+)_changed", ("{}", "{}_slot"), crossing.changed),
    _provider("(.+)_renamed", ("{}", "{}_slot"), crossing.renamed),
    _provider("trace_key", (), traces.trace_key),
    _provider(
        "logical_call|attempt|attempts|call_request_ids",
        ("request_id", "trace_key", "operation"),
        retries.attempts,
    ),
    _provider("is_root|has_parent|parent_missing", (), traces.tree),
    _provider("calls_in_trace", ("trace_key",), traces.calls_in_trace),
    _provider("inside_sibling", ("service",), traces.inside_sibling),
    _provider("model_swapped", ("asked_model", "served_model"), served.swapped),
    _provider("input_calls", (), census.input_calls),
    _provider("expected_cost_usd", ("model", "provider", *prices.KINDS), _expected),
    _provider(
        "role_share|role_calls|owners_in_input|role_gateway_like",
        ("principal_role", "tenant_id", "team_id"),
        census.role,
    ),
    _provider("principal_kind|principal_role|principal_session|session_kind", ("iam_principal",), _principal),
    _provider("children_(.+)", ("{}",), traces.children_sum),
    _provider("parent_(.+)_slot", ("{}", "{}_slot"), traces.parent_value),
    _provider("parent_(.+)", ("{}", "{}_slot"), traces.parent_value),
    _provider("root_(.+)_slot", ("{}", "{}_slot"), traces.root_value),
    _provider("root_(.+)", ("{}", "{}_slot"), traces.root_value),
    _provider("trace_(?!id)(.+)_slot", ("{}", "{}_slot"), traces.trace_value),
    _provider("trace_(?!id|key)(.+)", ("{}", "{}_slot"), traces.trace_value),
    _provider("(.+)_(scope|key)", ("{}_slot",), _scope),
    _provider("(.+)_distinct", ("{}",), census.distinct),
    _provider("(.+)_spellings", ("{}",), census.spellings),
    _provider("(.+)_keys", ("{}_slot",), census.keys),
    _provider("(.+)_repeats", ("{}",), census.repeats),
    _provider("principal_tag_sets", ("iam_principal", "principal_tags"), census.tag_sets),
    _provider("(.+)_share", ("{}",), census.share),
    _provider("(.+)_unlisted", ("{}",), vocabulary.unlisted),
    _provider("(.+)_unmatched", ("{}",), vocabulary.unmatched),
    _provider("(.+)_near_miss", ("{}",), vocabulary.near_miss),
)
