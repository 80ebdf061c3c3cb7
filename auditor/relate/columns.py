"""Columns with facts that span several rows, made on demand, so that a rule stays a predicate over one."""

from __future__ import annotations

from collections.abc import Container, Iterable
from functools import lru_cache

import numpy as np
import polars as pl

from auditor.evidence.ancestry import nearest
from auditor.evidence.arrays import index_of
from auditor.evidence.schema import FACTS
from auditor.evidence.store import Store
from auditor.evidence.table import Columns, Evidence, hop_of, values_dtype
from auditor.relate import (
    bill,
    bill_tags,
    counts,
    derived,
    hops,
    lookups,
    models,
    possible_retries,
    price_differences,
    retries,
    traces,
    vocabulary,
)
from auditor.relate.related_column import RelatedColumn

# where several patterns match a name, the first one counts
COLUMNS: tuple[RelatedColumn, ...] = (
    *hops.COLUMNS,
    *lookups.COLUMNS,
    *bill.COLUMNS,
    *bill_tags.COLUMNS,
    *traces.COLUMNS,
    *retries.COLUMNS,
    *possible_retries.COLUMNS,
    *models.COLUMNS,
    *price_differences.COLUMNS,
    *counts.COLUMNS,
    *derived.COLUMNS,
    *vocabulary.COLUMNS,
)
# prefixes of the columns with the value that a field has elsewhere, nearest first: each `place` of COLUMNS,
# and scopes of readers that the field does not accept
NEAREST_PLACES = ("upstream", "header", "parent", "root", "trace", "downstream", "session_tag", "process",
                  "session", "credential", "principal", "weak", "attempt")  # fmt: skip
# those whose keys a report lists as found: none of another hop, and a root is a parent
LISTED_PLACES = (*(p for p in NEAREST_PLACES if p not in ("upstream", "downstream", "root")), "account")


@lru_cache(maxsize=4096)
def related(name: str) -> tuple[tuple[RelatedColumn, tuple[str, ...]], ...]:
    """The declarations whose pattern matches a column's name, with the groups of the pattern."""
    matches = ((column, column.groups(name)) for column in COLUMNS)
    return tuple((column, groups) for column, groups in matches if groups is not None)


def relate(evidence: Evidence, names: Iterable[str]) -> None:
    """Add every column of `names` that the table lacks; a name that nothing provides becomes a null column.

    What needs the whole trace is computed first; plain expressions then run together in one query.
    """
    lacking = [n for n in sorted(names) if not evidence.has(n)]
    later: dict[str, pl.Expr] = {}
    for name in lacking:
        if not evidence.has(name):
            made = _made(evidence, name)
            eager = {k: v for k, v in made.items() if isinstance(v, pl.Series)}
            evidence.put(*(values.alias(k) for k, values in eager.items()))
            later |= {k: v for k, v in made.items() if isinstance(v, pl.Expr) and not evidence.has(k)}
    nulls = [n for n in lacking if not evidence.has(n) and n not in later]
    evidence.put(
        *(v.alias(k) for k, v in later.items()),
        *((n, _dtype(evidence, n)) for n in nulls),
    )


def need(evidence: Evidence, *names: str) -> Store:
    """The table, with these columns in it."""
    relate(evidence, names)
    return evidence.frame


def _made(evidence: Evidence, name: str) -> Columns:
    if name in FACTS:
        return {}
    for column, groups in related(name):
        need(evidence, *(needed.format(*groups) for needed in column.needs))
        made = column.make(evidence, *groups)
        if name in made or evidence.has(name):
            return made
    return {}


def exists(evidence: Evidence, name: str) -> bool:
    """Whether a column can have a value in any row, before it is computed."""
    frame, fields = evidence.frame, evidence.catalogue.fields
    if name in frame:
        return not frame.is_empty(name)
    if name in FACTS or name in fields:
        return False
    for column, groups in related(name)[:1]:
        sources = (source.format(*groups) for source in column.sources)
        return column.exists_when(evidence, *groups) and all(exists(evidence, source) for source in sources)
    if name.endswith("_slot"):
        return exists(evidence, name.removesuffix("_slot"))
    return not name.endswith(("_blank", "_conflict", "_several", *(f"_{field}" for field in fields)))


def rests_on(column: str, fields: Container[str]) -> str:
    """The column whose slot says where the value of a column was found; the column itself if none."""
    if column not in FACTS and column not in fields:
        for match, groups in related(column)[:1]:
            return match.rests_on.format(*groups) if match.rests_on else column
    return column.removesuffix("_slot")


def _dtype(evidence: Evidence, name: str) -> pl.DataType:
    """The type of a column of nulls."""
    fields = evidence.catalogue.fields
    if name in FACTS:
        return FACTS[name]()
    if name in fields:
        return values_dtype(evidence, name)
    if name.endswith("_slot"):
        return pl.Int32()
    for column, groups in related(name)[:1]:
        return column.dtype() if column.dtype else _dtype(evidence, groups[0])
    if name in ("error", "failed") or name.endswith(("_conflict", "_several")):
        return pl.Boolean()
    field = next((field for field in fields if name.endswith(f"_{field}")), None)
    return values_dtype(evidence, field) if field else pl.String()


def spread_headers(evidence: Evidence, fields: Iterable[str]) -> None:
    """Give calls without a header the header values of their ancestors, or else of their trace."""
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
