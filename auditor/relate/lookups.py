"""Columns that look a record's value up in the other inputs: region, session tags and inference profile."""

from __future__ import annotations

from functools import partial

import polars as pl

from auditor.evidence.table import Columns, Evidence
from auditor.relate.related_column import RelatedColumn, several_hops


def region_logged(evidence: Evidence) -> Columns:
    """Whether a provider's log among the inputs has calls of the region; null without such a log."""
    frame = evidence.frame
    names = [name for name in ("region", "inference_region") if evidence.has(name)]
    logs = frame.select("layer", "kind", *names)
    logs = logs.filter((pl.col("layer") == "provider") & (pl.col("kind") == "call"))
    if not logs.height:
        return {}
    logged = pl.concat([logs[name] for name in names]).drop_nulls()
    return {"region_logged": frame["region"].is_in(logged.unique().to_list())}


def tags_on_session(evidence: Evidence) -> Columns:
    """Whether a log has session tags for the principal of a billed line."""
    frame = evidence.frame
    if frame.is_empty("session_tags"):
        return {}
    tagged = (pl.col("layer") != "billing") & pl.col("session_tags").is_not_null()
    principals = frame.select(pl.col("iam_principal").filter(tagged))["iam_principal"].drop_nulls().unique()
    return {"tags_on_session": frame["iam_principal"].is_in(principals.to_list())}


def profile_called(evidence: Evidence) -> Columns:
    """Whether a log names the application inference profile of a billed line as its model."""
    frame = evidence.frame
    logged = (pl.col("layer") != "billing") & (pl.col("kind") == "call")
    called = frame.select(pl.col("model").filter(logged))["model"].drop_nulls()
    profiles = called.filter(called.str.contains(":application-inference-profile/", literal=True)).unique()
    return {"profile_called": frame["profile"].is_in(profiles.to_list())} if evidence.has("profile") else {}


_lookup = partial(RelatedColumn, exists_when=several_hops, dtype=pl.Boolean)
COLUMNS = (
    _lookup("region_logged", region_logged, needs=("region",)),
    _lookup("tags_on_session", tags_on_session, needs=("session_tags", "iam_principal")),
    _lookup("profile_called", profile_called, needs=("model",)),
)
