"""Columns about the same call in another hop: values, layers, changes, and hops that miss the call."""

from __future__ import annotations

import re
from functools import partial
from itertools import pairwise

import numpy as np
import polars as pl

from auditor.evidence.ancestry import nearest
from auditor.evidence.arrays import Ints, Rows, gather, index_of
from auditor.evidence.table import Columns, Evidence, Series, once_per_table
from auditor.relate.joins import BY, Links, links
from auditor.relate.related_column import RelatedColumn, several_hops, value_at

MIN_ID_SHARE = 0.9  # of a hop's calls with the joining id, from which a missing partner means a missing call
CLOCK_SLACK_NS = 1_000_000_000  # clocks differ: a log covers so much more at both ends


@once_per_table()
def can_carry(evidence: Evidence, field: str) -> Rows:
    """The records whose format can carry a field, or that have it."""
    frame = evidence.frame
    rows: Rows = frame[field].is_not_null().to_numpy().copy()
    for number, fmt in frame.select("input", "format").unique(maintain_order=True).rows():
        table = evidence.tables[number]
        known, format_ = table.columns_known.get(fmt), table.formats.get(fmt)
        if format_ is None or (format_.can_carry(field) and (known is None or field in known)):
            rows |= ((frame["input"] == number) & (frame["format"] == fmt)).to_numpy()
    return rows


def partner(evidence: Evidence, field: str, way: Ints) -> Ints:
    """The nearest record of the call in one direction that can carry the field, whether it has it or not."""
    return nearest(way, can_carry(evidence, field))


def known(evidence: Evidence, field: str) -> tuple[pl.Series, pl.Series]:
    """The value that a record has of a field, in whatever place, and its slot: its own, else a header's.

    A value that is only in a header is known at this hop, though it is no evidence for its own call.
    """
    frame = evidence.frame

    def at(name: str) -> pl.Series | None:
        if name not in frame:
            return None
        return frame[name]

    value, slot = at(field), at(f"{field}_slot")
    header, header_slot = at(f"header_{field}"), at(f"header_{field}_slot")
    if value is None or slot is None:
        none = pl.Series([None] * frame.height, dtype=pl.Int32)
        return (header, header_slot) if header is not None and header_slot is not None else (none, none)
    if header is None or header_slot is None:
        return value, slot
    lacking = value.is_null()
    return header.zip_with(lacking, value), header_slot.zip_with(lacking, slot)


def _columns_at(evidence: Evidence, place: str, field: str, index: Ints) -> Series:
    at = index_of(index)
    value, slot = known(evidence, field)
    return {f"{place}_{field}": value[at], f"{place}_{field}_slot": slot[at]}


def upstream(evidence: Evidence, field: str) -> Columns:
    """What the call carries in the nearest earlier hop that can carry the field."""
    joins = links(evidence)
    return _columns_at(evidence, "upstream", field, partner(evidence, field, joins.up)) if joins else {}


def downstream(evidence: Evidence, field: str) -> Columns:
    """The value in the last later hop that has one: the one nearest to the provider, and so to the bill."""
    joins = links(evidence)
    if joins is None:
        return {}
    known = evidence.frame[field].is_not_null().to_numpy()
    further = nearest(joins.down, known)
    index = further.copy()
    for _ in evidence.hops:
        at = np.flatnonzero(index >= 0)
        beyond = further[index[at]]
        at = at[beyond >= 0]
        if not len(at):
            break
        index[at] = further[index[at]]
    return _columns_at(evidence, "downstream", field, index)


def joined(evidence: Evidence) -> Series:
    """The id that joins a record to its call in an earlier hop, and the layers of both neighbouring hops.

    `before_provider` is true where the next hop is a provider's, whether its log has the call or not.
    """
    joins = links(evidence)
    if joins is None:
        return {}
    layers = pl.Series([hop.layer for hop in evidence.hops], dtype=pl.String)
    names = pl.Series(BY, dtype=pl.String)
    code = index_of(joins.by.astype(np.int64))
    logging = [n for n, rows in enumerate(joins.logs) if len(rows)]
    next_ = [a for a, b in pairwise(logging) if evidence.hops[b].layer == "provider"]
    return {
        "joined_by": names[code],
        "upstream_layer": layers[_hops_of(joins, joins.up)],
        "downstream_layer": layers[_hops_of(joins, joins.down)],
        "before_provider": pl.Series(np.isin(joins.hop, next_)),
    }


def _hops_of(joins: Links, way: Ints) -> pl.Series:
    """The hop of each record's partner, null for none."""
    return index_of(np.where(way >= 0, joins.hop[np.maximum(way, 0)], -1))


def changed(evidence: Evidence, field: str, *, spelling: bool = False) -> Columns:
    """Whether both hops have the field with different values; with `spelling`, also other capitals.

    Where two hops use two vocabularies throughout, value for value, the field was translated, not changed.
    """
    joins = links(evidence)
    if joins is None:
        return {}
    frame = evidence.frame
    index = partner(evidence, field, joins.up)
    above = gather(frame[field], index)
    own = frame[field]
    differs = (own != above).fill_null(False)
    if own.dtype == pl.String and not spelling:
        differs &= (own.str.to_lowercase() != above.str.to_lowercase()).fill_null(False)
    if own.dtype != pl.String or not differs.any():
        return {f"{field}_changed": differs}
    hops = pl.DataFrame({"here": joins.hop, "there": joins.hop[np.maximum(index, 0)]})
    pairs = hops.with_columns(own.alias("own"), above.alias("above"), differs.alias("differs"))
    border = ("here", "there")
    both = pl.col("own").is_not_null() & pl.col("above").is_not_null()
    ways = pairs.filter(both).unique([*border, "own", "above"])
    alone = [pl.col(side).n_unique() == pl.len() for side in ("own", "above")]
    translated = pl.col("differs").all() & alone[0] & alone[1] & (pl.len() > 1)
    translations = ways.group_by(border).agg(translated.alias("translated"))
    is_translated = pairs.join(translations, on=border, how="left", maintain_order="left")["translated"]
    return {f"{field}_changed": differs & ~is_translated.fill_null(False)}


def renamed(evidence: Evidence, field: str) -> Columns:
    """Whether the earlier hop has the same value under another key, both keys chosen by callers."""
    joins = links(evidence)
    # a trace has a name of its own in each standard that carries it
    if joins is None or field == "trace_id":
        return {}
    frame, catalogue = evidence.frame, evidence.catalogue
    index = partner(evidence, field, joins.up)
    at = index_of(index)
    bare = pl.Series([_without_header(catalogue.bare(s.key)) for s in evidence.slots], dtype=pl.String)
    free = pl.Series([s.free for s in evidence.slots], dtype=pl.Boolean)
    own = frame[f"{field}_slot"].cast(pl.UInt32)
    above = own[at]
    both = free[own] & free[above] & (frame[field] == frame[field][at])
    # the partner has to be in the nearest earlier hop that logs the field
    both &= pl.Series(
        joins.hop[np.maximum(index, 0)] == _before(joins, can_carry(evidence, field))[joins.hop]
    )
    return {f"{field}_renamed": (both & (bare[own] != bare[above])).fill_null(False)}


def _before(joins: Links, carries: Rows) -> Ints:
    """For each hop the nearest earlier one that logs calls and can carry a field, or -2."""
    out = np.full(len(joins.logs), -2)
    logging = [n for n, rows in enumerate(joins.logs) if len(rows) and carries[rows].any()]
    out[logging[1:]] = logging[:-1]
    return out


def _without_header(name: str) -> str:
    """A name without what says that a header has it: `http_x_tenant` and `x-tenant` are one header."""
    return re.sub("^(?:(?:sent_|upstream_)?http_|headers?_)?(?:x_)?", "", name)


def lost(evidence: Evidence) -> Series:
    """The layer of the neighbouring hop, earlier or later, whose log should have this call and has not."""
    joins = links(evidence)
    if joins is None:
        return {}
    logging = [n for n, rows in enumerate(joins.logs) if len(rows)]
    size = evidence.frame.height
    up, down = np.full(size, -1), np.full(size, -1)
    for above, below in pairwise(logging):
        pair = _NeighbouringHops(evidence, joins, above, below)
        up[pair.missing(joins.up, below, above)] = above
        down[pair.missing(joins.down, above, below)] = below
    layers = pl.Series([hop.layer for hop in evidence.hops], dtype=pl.String)
    at_up, at_down = (index_of(x) for x in (up, down))
    return {
        "lost_upstream": layers[at_up],
        "lost_downstream": layers[at_down],
        "passed_by": pl.Series(_passed_by(evidence, joins, up)),
    }


def _passed_by(evidence: Evidence, joins: Links, lost_at: Ints) -> Rows:
    """The calls that went round the hop that has no record of them: no earlier hop knows them either.

    Where there is no earlier hop, a principal that no call of that hop has says the same.
    """
    rows = np.flatnonzero(lost_at >= 0)
    out = np.zeros(len(lost_at), dtype=bool)
    earlier = np.array([any(len(joins.logs[m]) for m in range(n)) for n in range(len(joins.logs))])
    unknown = joins.up[rows] < 0
    out[rows] = unknown & earlier[lost_at[rows]]
    if evidence.has("iam_principal"):
        principal = evidence.frame["iam_principal"]
        joined = np.flatnonzero((joins.up >= 0) & (evidence.frame["kind"] == "call").to_numpy())
        known = principal.gather(joined).drop_nulls().unique().to_list()
        other = (~principal.gather(rows).is_in(known)).fill_null(False).to_numpy()
        out[rows] |= unknown & other & ~earlier[lost_at[rows]] & bool(known)
    return out


def retried_before(evidence: Evidence) -> Series:
    """How many tries of this call an earlier hop made, and whether it gave this one up and made another."""
    joins = links(evidence)
    if joins is None:
        return {}
    frame = evidence.frame
    attempts = frame["attempts"].fill_null(0).to_numpy()
    given_up = (frame["error"] & (frame["attempt"] < frame["attempts"])).fill_null(False).to_numpy()
    most, again = np.zeros(frame.height, dtype=np.int64), np.zeros(frame.height, dtype=bool)
    above = joins.up
    for _ in evidence.hops:
        known, row = above >= 0, np.maximum(above, 0)
        most = np.where(known, np.maximum(most, attempts[row]), most)
        again |= known & given_up[row]
        above = np.where(known, joins.up[row], -1)
    return {"earlier_attempts": pl.Series(most), "tried_again": pl.Series(again)}


def outside(evidence: Evidence) -> list[tuple[int, int, int]]:
    """Hops `here` and `there`, and how many calls of `here` lie outside of the time that `there` covers."""
    joins = links(evidence)
    if joins is None:
        return []
    logging = [n for n, rows in enumerate(joins.logs) if len(rows)]
    out = []
    for above, below in pairwise(logging):
        pair = _NeighbouringHops(evidence, joins, above, below)
        if pair.code < 0:
            continue
        for here, there, way in ((below, above, joins.up), (above, below, joins.down)):
            rows = joins.logs[here]
            timed = evidence.frame["started_at"].is_not_null().to_numpy()
            alone = rows[(way[rows] < 0) & timed[rows]]
            count = int((~pair.in_time(alone, joins.logs[there])).sum())
            if count:
                out.append((here, there, count))
    return out


class _NeighbouringHops:
    """Two neighbouring hops, and the conditions under which a call without a partner is missing from one."""

    def __init__(self, evidence: Evidence, joins: Links, above: int, below: int) -> None:
        self.evidence, self.joins = evidence, joins
        rows = joins.logs[below]
        pairs = rows[(joins.up[rows] >= 0) & (joins.hop[np.maximum(joins.up[rows], 0)] == above)]
        self.code = int(np.bincount(joins.by[pairs]).argmax()) if len(pairs) else -1  # of the commonest join

    def missing(self, way: Ints, here: int, there: int) -> Ints:
        """Calls of `here` that `there` should have: ids join, its log covers time and region, no partner."""
        joins, failed = self.joins, self.evidence.frame["failed"].to_numpy()
        rows, others = joins.logs[here], joins.logs[there]
        others_with_id = self._has_id(others[~failed[others]])
        none: Ints = rows[:0]
        if self.code < 0 or not len(others_with_id) or others_with_id.mean() < MIN_ID_SHARE:
            return none
        partner_hop = joins.hop[np.maximum(way[rows], 0)]
        # a partner beyond the neighbour means that the call passed the neighbour too
        joined = (way[rows] >= 0) & ((partner_hop >= there) if here > there else (partner_hop <= there))
        alike = (joins.weak[rows] >= 0) | (joins.weak_down[rows] >= 0)
        alone: Ints = rows[~joined & ~alike & ~failed[rows] & self._has_id(rows)]
        missing: Ints = alone[self._covered(alone, others)]
        return missing

    def _has_id(self, rows: Ints) -> Rows:
        name = BY[self.code]
        column = {"span": "parent_id"}.get(name, name)
        frame = self.evidence.frame
        if column not in frame:
            return np.zeros(len(rows), dtype=bool)
        out: Rows = frame[column].is_not_null().to_numpy()[rows]
        return out

    def _covered(self, rows: Ints, others: Ints) -> Rows:
        """Whether the other hop's log covers the time and the region of these calls."""
        frame, inside = self.evidence.frame, self.in_time(rows, others)
        if "region" not in frame:
            return inside
        regions = frame["region"].gather(others).drop_nulls().unique().to_list()
        own = frame["region"].gather(rows)
        if regions:
            inside = inside & (own.is_in(regions) | own.is_null()).fill_null(True).to_numpy()
        return inside

    def in_time(self, rows: Ints, others: Ints) -> Rows:
        """Whether the other hop's log covers the time of these calls."""
        started = self.evidence.frame["started_at"]
        first, last = started.gather(others).min(), started.gather(others).max()
        times = started.gather(rows)
        inside: Rows = (
            ((times >= first - CLOCK_SLACK_NS) & (times <= last + CLOCK_SLACK_NS)).fill_null(False).to_numpy()
            if isinstance(first, int) and isinstance(last, int)
            else np.zeros(len(rows), dtype=bool)
        )
        return inside


_between_hops = partial(RelatedColumn, exists_when=several_hops)
_crossing = partial(_between_hops, needs=("{}", "{}_slot"), sources=("{}",), dtype=pl.Boolean, rests_on="{}")
COLUMNS = (
    _between_hops("(?:up|down)stream_layer|joined_by", joined, dtype=pl.String),
    _between_hops("before_provider", joined, dtype=pl.Boolean),
    _between_hops(
        "lost_(?:up|down)stream", lost, needs=("request_id", "attempt_id", "failed"), dtype=pl.String
    ),
    _between_hops("passed_by", lost, needs=("request_id", "attempt_id", "failed"), dtype=pl.Boolean),
    _between_hops("earlier_attempts", retried_before, needs=("attempts", "error"), dtype=pl.Int64),
    _between_hops("tried_again", retried_before, needs=("attempts", "error"), dtype=pl.Boolean),
    value_at("upstream", upstream, sources=(), exists_when=several_hops),
    value_at("downstream", downstream, sources=(), exists_when=several_hops),
    _crossing("(.+)_changed", changed),
    _crossing("(.+)_renamed", renamed),
)
