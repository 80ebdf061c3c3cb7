"""What processes carry (an OTel resource, a pod), spread over their records.

It never overrides what a record says itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from auditor.catalogue.fields import Catalogue
from auditor.evidence.values import clean, prepared, series_of

Process = dict[str, tuple[Any, int]]  # field -> its value and the number of its slot; `service` has none


def spread(
    frame: pl.DataFrame, processes: Sequence[Process], catalogue: Catalogue, layer: str
) -> pl.DataFrame:
    """Spread what the processes carry over their records; an accepted scope counts as the record's own."""
    names = sorted({name for held in processes for name in held})
    if not names:
        return frame
    held = _frame(processes, names, catalogue)
    joined = frame.with_columns(
        held.select(pl.all().gather(frame["process"].cast(pl.UInt32))) if held.height else held
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
    return joined.with_columns(fill).drop(held.columns)


def _frame(processes: Sequence[Process], names: list[str], catalogue: Catalogue) -> pl.DataFrame:
    """One row a process: each field's value and slot."""
    held = [[h.get(name, (None, -1)) for h in processes] for name in names]
    raw = {f"p {n}": series_of([v for v, _ in found]) for n, found in zip(names, held, strict=True)}
    raw |= {
        f"p {n}_slot": pl.Series([slot for _, slot in found], dtype=pl.Int32)
        for n, found in zip(names, held, strict=True)
    }
    kinds = {f"p {n}": catalogue.fields[n].type for n in names if n != "service"}
    frame = prepared(pl.DataFrame(raw), kinds, catalogue, {f"p {n}" for n in catalogue.owner_fields})
    exprs: list[pl.Expr] = []
    for name in names:
        if name == "service":
            exprs.append(pl.col("p service").cast(pl.String))
            continue
        value, _ = clean(frame, f"p {name}", kinds[f"p {name}"], catalogue)
        exprs.append(value.alias(f"p {name}"))
        exprs.append(pl.when(value.is_not_null()).then(pl.col(f"p {name}_slot")).alias(f"p {name}_slot"))
    return frame.select(exprs)
