"""Columns that look across a border: what the same call carries one hop earlier or later.

It decides nothing: a record whose call was found in no other hop gets nulls, never a guess.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl

from auditor.evidence.ancestry import nearest
from auditor.evidence.arrays import Ints, Rows, gathered, index_of
from auditor.evidence.assemble import Columns, Evidence, Series
from auditor.relate.joins import BY, Links, links

ENOUGH = 0.9  # of a hop's calls must hold the id that joins, before a missing partner means a missing call
SLACK_NS = 300_000_000_000  # clocks differ, and logs begin and end apart: no call is missed so near an edge


def able(evidence: Evidence, field: str) -> Rows:
    """The records that can carry a field, or do."""
    key = f"able {field}"
    if key not in evidence.kept:
        frame = evidence.frame
        rows = frame[field].is_not_null().to_numpy().copy()
        for number, fmt in frame.select("input", "format").unique(maintain_order=True).rows():
            table = evidence.tables[number]
            known, found = table.columns_known.get(fmt), table.formats.get(fmt)
            if found is None or (found.can_carry(field) and (known is None or field in known)):
                rows |= ((frame["input"] == number) & (frame["format"] == fmt)).to_numpy()
        evidence.kept[key] = rows
    out: Rows = evidence.kept[key]
    return out


def partner(evidence: Evidence, field: str, way: Ints) -> Ints:
    """The nearest record of the call along a way that can carry the field; a blank one ends the search."""
    return nearest(way, able(evidence, field))


def _taken(evidence: Evidence, place: str, field: str, index: Ints) -> Series:
    at, frame = index_of(index), evidence.frame
    return {f"{place}_{field}": frame[field][at], f"{place}_{field}_slot": frame[f"{field}_slot"][at]}


def upstream(evidence: Evidence, field: str) -> Columns:
    """What the call carries in the nearest earlier hop that can carry the field."""
    found = links(evidence)
    return _taken(evidence, "upstream", field, partner(evidence, field, found.up)) if found else {}


def downstream(evidence: Evidence, field: str) -> Columns:
    """What the last later hop that knows says of the call: the nearer the provider, the nearer the bill."""
    found = links(evidence)
    if found is None:
        return {}
    known = evidence.frame[field].is_not_null().to_numpy()
    further = nearest(found.down, known)
    index = further.copy()
    for _ in evidence.hops:
        at = np.flatnonzero(index >= 0)
        beyond = further[index[at]]
        at = at[beyond >= 0]
        if not len(at):
            break
        index[at] = further[index[at]]
    return _taken(evidence, "downstream", field, index)


def joined(evidence: Evidence) -> Series:
    """By which id a record is joined to its call in an earlier hop, and the layers on both sides of it.

    `before_provider` says that the next log on the way is a provider's, whether it holds the call or not.
    """
    found = links(evidence)
    if found is None:
        return {}
    layers = pl.Series([hop.layer for hop in evidence.hops], dtype=pl.String)
    names = pl.Series(BY, dtype=pl.String)
    code = index_of(found.by.astype(np.int64))
    held = [n for n, rows in enumerate(found.logs) if len(rows)]
    next_ = [a for a, b in pairwise(held) if evidence.hops[b].layer == "provider"]
    return {
        "joined_by": names[code],
        "upstream_layer": layers[_hops_of(found, found.up)],
        "downstream_layer": layers[_hops_of(found, found.down)],
        "before_provider": pl.Series(np.isin(found.hop, next_)),
    }


def _hops_of(found: Links, way: Ints) -> pl.Series:
    """The hop of each record's partner, null for none."""
    return index_of(np.where(way >= 0, found.hop[np.maximum(way, 0)], -1))


def changed(evidence: Evidence, field: str) -> Columns:
    """Whether both hops carry the field and say different things.

    Where two hops use two vocabularies throughout, value for value, nothing changed: it was translated.
    """
    found = links(evidence)
    if found is None:
        return {}
    frame = evidence.frame
    index = partner(evidence, field, found.up)
    above = gathered(frame[field], index)
    own = frame[field]
    differs = (own != above).fill_null(False)
    if own.dtype == pl.String:
        differs &= (own.str.to_lowercase() != above.str.to_lowercase()).fill_null(False)
    if own.dtype != pl.String or not differs.any():
        return {f"{field}_changed": differs}
    hops = pl.DataFrame({"here": found.hop, "there": found.hop[np.maximum(index, 0)]})
    pairs = hops.with_columns(own.alias("own"), above.alias("above"), differs.alias("differs"))
    border = ("here", "there")
    both = pl.col("own").is_not_null() & pl.col("above").is_not_null()
    ways = pairs.filter(both).unique([*border, "own", "above"])
    alone = [pl.col(side).n_unique() == pl.len() for side in ("own", "above")]
    translated = pl.col("differs").all() & alone[0] & alone[1] & (pl.len() > 1)
    counted = ways.group_by(border).agg(translated.alias("translated"))
    told = pairs.join(counted, on=border, how="left", maintain_order="left")["translated"]
    return {f"{field}_changed": differs & ~told.fill_null(False)}


def renamed(evidence: Evidence, field: str) -> Columns:
    """Whether a value crossed the border under another name that nobody's format prescribes."""
    found = links(evidence)
    if found is None:
        return {}
    frame, catalogue = evidence.frame, evidence.catalogue
    index = partner(evidence, field, found.up)
    at = index_of(index)
    # a header's `X-` is no other name
    bare = pl.Series([catalogue.bare(s.key).removeprefix("x") for s in evidence.slots], dtype=pl.String)
    free = pl.Series([s.free for s in evidence.slots], dtype=pl.Boolean)
    own = frame[f"{field}_slot"].cast(pl.UInt32)
    above = own[at]
    both = free[own] & free[above] & (frame[field] == frame[field][at])
    # over a hop that has no such record the border is not known
    both &= pl.Series(found.hop[np.maximum(index, 0)] == _before(found)[found.hop])
    return {f"{field}_renamed": (both & (bare[own] != bare[above])).fill_null(False)}


def _before(found: Links) -> Ints:
    """For each hop the nearest earlier one that logs single calls, or -2."""
    out = np.full(len(found.logs), -2)
    held = [n for n, rows in enumerate(found.logs) if len(rows)]
    out[held[1:]] = held[:-1]
    return out


def lost(evidence: Evidence) -> Series:
    """The layer of the neighbouring hop, earlier or later, that should have written this call and did not."""
    found = links(evidence)
    if found is None:
        return {}
    held = [n for n, rows in enumerate(found.logs) if len(rows)]
    size = evidence.frame.height
    up, down = np.full(size, -1), np.full(size, -1)
    for above, below in pairwise(held):
        judged = _Pair(evidence, found, above, below)
        up[judged.missing(found.up, below, above)] = above
        down[judged.missing(found.down, above, below)] = below
    layers = pl.Series([hop.layer for hop in evidence.hops], dtype=pl.String)
    held_up, held_down = (index_of(x) for x in (up, down))
    return {"lost_upstream": layers[held_up], "lost_downstream": layers[held_down]}


class _Pair:
    """Two neighbouring hops, and what must hold before a call without a partner was lost between them."""

    def __init__(self, evidence: Evidence, found: Links, above: int, below: int) -> None:
        self.evidence, self.found = evidence, found
        rows = found.logs[below]
        pairs = rows[(found.up[rows] >= 0) & (found.hop[np.maximum(found.up[rows], 0)] == above)]
        self.code = int(np.bincount(found.by[pairs]).argmax()) if len(pairs) else -1

    def _has_id(self, rows: Ints) -> Rows:
        name = BY[self.code]
        column = {"span": "parent_id"}.get(name, name)
        frame = self.evidence.frame
        if column not in frame:
            return np.zeros(len(rows), dtype=bool)
        out: Rows = frame[column].is_not_null().to_numpy()[rows]
        return out

    def missing(self, way: Ints, here: int, there: int) -> Ints:
        """Calls of `here` that `there` should hold: ids join, time and region are covered, no partner."""
        found, frame = self.found, self.evidence.frame
        mine, theirs = found.logs[here], found.logs[there]
        failed = frame["failed"].to_numpy()
        held = self._has_id(theirs[~failed[theirs]])
        none: Ints = mine[:0]
        if self.code < 0 or not len(held) or held.mean() < ENOUGH:
            return none
        partner = found.hop[np.maximum(way[mine], 0)]
        # a partner beyond the neighbour means that the neighbour itself was passed over
        near = (way[mine] >= 0) & ((partner >= there) if here > there else (partner <= there))
        alike = (found.weak[mine] >= 0) | (found.weak_down[mine] >= 0)
        rows: Ints = mine[~near & ~alike & ~failed[mine] & self._has_id(mine)]
        missed: Ints = rows[self._covered(rows, theirs)]
        return missed

    def _covered(self, rows: Ints, theirs: Ints) -> Rows:
        """Whether the other hop's log covers the time and the region of these calls."""
        frame = self.evidence.frame
        at = frame["started_at"]
        first, last = at.gather(theirs).min(), at.gather(theirs).max()
        mine = at.gather(rows)
        inside: Rows = (
            ((mine >= first - SLACK_NS) & (mine <= last + SLACK_NS)).fill_null(False).to_numpy()
            if isinstance(first, int) and isinstance(last, int)
            else np.zeros(len(rows), dtype=bool)
        )
        if "region" not in frame:
            return inside
        regions = frame["region"].gather(theirs).drop_nulls().unique().to_list()
        own = frame["region"].gather(rows)
        if regions:
            inside = inside & (own.is_in(regions) | own.is_null()).fill_null(True).to_numpy()
        return inside


def region_logged(evidence: Evidence) -> Columns:
    """Whether a provider's log among the inputs holds calls of the region; null without such a log."""
    frame = evidence.frame
    names = [name for name in ("region", "inference_region") if evidence.has(name)]
    logs = frame.select("layer", "kind", *names)
    logs = logs.filter((pl.col("layer") == "provider") & (pl.col("kind") == "call"))
    if not logs.height:
        return {}
    held = pl.concat([logs[name] for name in names]).drop_nulls()
    return {"region_logged": frame["region"].is_in(held.unique().to_list())}


def tags_on_session(evidence: Evidence) -> Columns:
    """Whether another input shows session tags on the principal of a billed line."""
    frame = evidence.frame
    if frame.is_empty("session_tags"):
        return {}
    tagged = (pl.col("layer") != "billing") & pl.col("session_tags").is_not_null()
    held = frame.select(pl.col("iam_principal").filter(tagged))["iam_principal"].drop_nulls().unique()
    return {"tags_on_session": frame["iam_principal"].is_in(held.to_list())}


def profile_called(evidence: Evidence) -> Columns:
    """Whether a log names the application inference profile of a billed line as its model."""
    frame = evidence.frame
    logged = (pl.col("layer") != "billing") & (pl.col("kind") == "call")
    called = frame.select(pl.col("model").filter(logged))["model"].drop_nulls()
    held = called.filter(called.str.contains(":application-inference-profile/", literal=True)).unique()
    return {"profile_called": frame["profile"].is_in(held.to_list())} if evidence.has("profile") else {}
