"""Fields of a process (an OTel resource, a pod) on the records of that process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from auditor.catalogue.fields import Catalogue
from auditor.evidence.table import Evidence
from auditor.evidence.values import clean, prepare, series_of

# one for all calls of a process, where each team deploys its own
OWNERS = ("team_id", "cost_center")
Process = dict[str, tuple[Any, int]]  # field -> its value and the number of its slot; `service` has none


def spread(
    frame: pl.DataFrame, processes: Sequence[Process], catalogue: Catalogue, layer: str
) -> pl.DataFrame:
    """The records with the fields of their processes: as own values where the layer accepts the scope
    `process` and the record has none, else as `process_*` columns.
    """
    names = sorted({name for process in processes for name in process})
    if not names:
        return frame
    values = _frame(processes, names, catalogue)
    joined = frame.with_columns(
        values.select(pl.all().gather(frame["process"].cast(pl.UInt32))) if values.height else values
    )
    fill: list[pl.Expr] = []
    for name in names:
        if name == "service":
            fill.append(pl.col("p service").alias("service"))
            continue
        value, slot = pl.col(f"p {name}"), pl.col(f"p {name}_slot")
        if "process" not in catalogue.fields[name].accepted(layer):
            fill += [value.alias(f"process_{name}"), slot.alias(f"process_{name}_slot")]
        elif name in frame.columns:
            own = pl.col(name).is_not_null()
            fill.append(pl.when(own).then(pl.col(f"{name}_slot")).otherwise(slot).alias(f"{name}_slot"))
            fill.append(pl.coalesce(name, value).alias(name))
        else:
            fill += [value.alias(name), slot.alias(f"{name}_slot")]
    return joined.with_columns(fill).drop(values.columns)


def _frame(processes: Sequence[Process], names: list[str], catalogue: Catalogue) -> pl.DataFrame:
    """One row a process: each field's value and slot."""
    pairs = {name: [process.get(name, (None, -1)) for process in processes] for name in names}
    raw = {f"p {name}": series_of([value for value, _ in pairs[name]]) for name in names}
    raw |= {f"p {name}_slot": pl.Series([slot for _, slot in pairs[name]], dtype=pl.Int32) for name in names}
    kinds = {f"p {n}": catalogue.fields[n].type for n in names if n != "service"}
    frame = prepare(pl.DataFrame(raw), kinds, catalogue, {f"p {n}" for n in catalogue.owner_fields})
    exprs: list[pl.Expr] = []
    for name in names:
        if name == "service":
            exprs.append(pl.col("p service").cast(pl.String))
            continue
        value, _ = clean(frame, f"p {name}", kinds[f"p {name}"], catalogue)
        exprs.append(value.alias(f"p {name}"))
        exprs.append(pl.when(value.is_not_null()).then(pl.col(f"p {name}_slot")).alias(f"p {name}_slot"))
    return frame.select(exprs)


def fill_owners(evidence: Evidence, dedicated: frozenset[str]) -> None:
    """Set the team of calls from their process, for `dedicated` services and where processes differ."""
    for name in OWNERS:
        column = f"process_{name}"
        if not evidence.has(column):
            continue
        known = evidence.frame.select("input", "process", column).filter(pl.col(column).is_not_null())
        counts = known.select(pl.struct("input", "process").n_unique(), pl.col(column).n_unique()).row(0)
        applies = pl.lit(min(counts) >= 2) | pl.col("service").is_in(list(dedicated))
        value: pl.Expr = pl.when(applies).then(pl.col(column))
        slot: pl.Expr = pl.when(applies & pl.col(column).is_not_null()).then(pl.col(f"{column}_slot"))
        if evidence.has(name):
            value, slot = pl.coalesce(name, value), pl.coalesce(f"{name}_slot", slot)
        evidence.put(value.alias(name), slot.alias(f"{name}_slot"))
