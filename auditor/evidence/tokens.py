"""Which kinds of tokens a call can have: an embedding has no output, a re-ranking is sold by the search.

It never doubts what a record says: a count that stands on a call stays.
"""

from __future__ import annotations

import polars as pl

from auditor.evidence.store import Store

# by what operation or model are called; the first that fits holds
KINDS = (("(?i)rerank", "search"), ("(?i)embed", "input"))


def token_kinds(frame: Store) -> list[pl.Series]:
    """The column `token_kind` for calls that have one kind only, if any; a bill's own word for it stays."""
    said = [pl.col(name).cast(pl.String) for name in ("operation", "model") if name in frame]
    found = [
        pl.when(pl.any_horizontal(one.str.contains(pattern).fill_null(False) for one in said)).then(
            pl.lit(kind)
        )
        for pattern, kind in KINDS
    ]
    told = [pl.col("token_kind")] if "token_kind" in frame else []
    calls = pl.when(pl.col("kind") == "call")
    kinds = frame.select(calls.then(pl.coalesce(*told, *found)).alias("token_kind")).to_series()
    return [] if kinds.null_count() == len(kinds) else [kinds]
