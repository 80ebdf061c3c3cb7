"""Records of one call in several hops, joined by the ids that they share: the strongest id first.

Pairs that only look alike are kept apart as weak; no verdict uses them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from auditor.evidence.ancestry import nearest
from auditor.evidence.arrays import Codes, Ints
from auditor.evidence.schema import ALWAYS, FACTS, IDENTITY, Slot
from auditor.evidence.store import Store
from auditor.evidence.table import Evidence, hop_of, once_per_table

# ids that join two records, the most reliable first; the trace is last, because it can have many calls
BY = ("attempt_id", "response_id", "request_id", "span", "trace_id")
# ids with which one call of the earlier hop may be several attempts in the later one
FANS = frozenset({"attempt_id", "response_id", "request_id", "span"})
MOST_ALIKE = 1_000  # records of one hop with the same value: a value of more records is no id
WEAK_WINDOW_NS = 60_000_000_000
SHORTEST = 4  # characters of an id


@dataclass(frozen=True)
class Links:
    """For each row of the table the row of the same call in another hop, or -1; `by` is an index into BY."""

    hop: Ints
    up: Ints  # in the nearest earlier hop
    down: Ints  # in the nearest later hop: the last of several tries
    by: Codes
    weak: Ints  # a record of an earlier hop that only looks like the same call
    weak_down: Ints
    order: Ints  # the same whatever order the inputs were given in
    logs: tuple[Ints, ...]  # the calls of each hop that is no bill; empty for a bill


# what a record that was delivered twice has twice: an id of its own, or a request's id at the same time
OWN_IDS = ("attempt_id", "response_id", "span_id", "request_id")
MOST_COMPARED = 400  # records whose whole text is looked at; of more the facts must do
_POSITION = frozenset({"record", "offset", "nth", "pointer", "process"})  # numbers of one range of a file


@once_per_table(of_joins=True)
def first_delivery(evidence: Evidence) -> Ints:
    """For each row the first one of its hop that is the same record with the same ids: mostly itself."""
    frame = evidence.frame
    rows = np.arange(frame.height, dtype=np.int64)
    ids = [name for name in OWN_IDS if name in frame and not frame.is_empty(name)]
    if not ids or frame.height < 2:
        return rows
    # bills have equal lines, which their readers count as one row of a higher weight
    own = frame.select("layer", "kind", "started_at", *ids).with_columns(pl.Series("hop", hop_of(evidence)))
    timed = pl.col("started_at").is_not_null()
    has_id = [pl.col(n).is_not_null() & (timed if n == "request_id" else pl.lit(True)) for n in ids]
    is_log = (pl.col("layer") != "billing") & (pl.col("kind") == "call")
    known = own.select((pl.any_horizontal(has_id) & is_log).alias("known"))["known"]
    again = np.flatnonzero((known & own.hash_rows().is_duplicated()).to_numpy())
    if not len(again):
        return rows
    whole = _as_read(evidence)[again]
    keyed = pl.DataFrame({"row": again, "hop": hop_of(evidence)[again], "key": whole.hash_rows()})
    keyed = keyed.filter(pl.len().over("hop", "key") > 1)
    if evidence.record_at is not None and keyed.height <= MOST_COMPARED:
        # what no field is read from tells records apart too
        texts = [str(evidence.record_at(row)) for row in keyed["row"].to_list()]
        keyed = keyed.with_columns(pl.Series("text", texts, dtype=pl.String))
    same = [name for name in ("hop", "key", "text") if name in keyed.columns]
    firsts = keyed.select("row", pl.col("row").first().over(same).alias("first"))
    rows[firsts["row"].to_numpy()] = firsts["first"].to_numpy()
    return rows


def _as_read(evidence: Evidence) -> pl.DataFrame:
    """All records as their readers gave them: facts, values and keys, without positions."""
    frame, fields = evidence.frame, evidence.catalogue.fields
    facts = ({*IDENTITY, *ALWAYS, *FACTS} - _POSITION) | set(fields)
    names = [name for name in frame if name in facts]
    # ranges of one file have slots of their own
    first: dict[Slot, int] = {}
    numbers = pl.Series([first.setdefault(slot, n) for n, slot in enumerate(evidence.slots)], dtype=pl.Int32)
    slots = [f"{name}_slot" for name in fields if f"{name}_slot" in frame]
    same = [pl.lit(numbers).gather(pl.col(name).cast(pl.UInt32)).alias(name) for name in slots]
    return frame.select(*names, *same)


@once_per_table(of_joins=True)
def links(evidence: Evidence) -> Links | None:
    """The links of a table; None where fewer than two hops log single calls."""
    if len(evidence.hops) < 2:
        return None
    frame, hop = evidence.frame, hop_of(evidence)
    single = ((frame["kind"] == "call") & (frame["layer"] != "billing")).to_numpy()
    first = first_delivery(evidence)
    single &= first == np.arange(len(first))
    logs = tuple(np.flatnonzero(single & (hop == n)) for n in range(len(evidence.hops)))
    if sum(len(rows) > 0 for rows in logs) < 2:
        return None
    none = np.full(frame.height, -1, dtype=np.int32)
    ids = _Ids(evidence)
    out = Links(hop, none, none.copy(), none.astype(np.int8), none.copy(), none.copy(), ids.order, logs)
    for later in range(1, len(logs)):
        for earlier in range(later - 1, -1, -1):
            for code, name in enumerate(BY):
                rows = logs[later][out.up[logs[later]] < 0]
                if len(rows) and len(logs[earlier]):
                    below, above = ids.matched(name, logs[earlier], rows)
                    out.up[below], out.by[below] = above, code
    for later in range(len(logs) - 1, 0, -1):  # the nearest hop is written last
        below = logs[later][out.up[logs[later]] >= 0]
        below = below[np.argsort(ids.order[below])]
        out.down[out.up[below]] = below
    _weak(frame, out)
    again = np.flatnonzero(first != np.arange(len(first)))
    for way in (out.up, out.down, out.by, out.weak, out.weak_down):
        way[again] = way[first[again]]
    return out


class _Ids:
    """The ids of all records as numbers, to find records of two hops that share an id."""

    def __init__(self, evidence: Evidence) -> None:
        frame = evidence.frame
        hashed = {}
        for name in ("attempt_id", "response_id", "request_id", "request_id_also", "header_request_id"):
            if evidence.has(name):
                values = frame[name]
                hashed[name] = _hashed(values.set(values.str.len_bytes() < SHORTEST, None))
        self.of = hashed
        self.trace = _hashed(frame["trace_id"])
        self.caller = evidence.caller if evidence.caller is not None else np.full(frame.height, -1)
        self.parent = evidence.parent
        self.started = frame["started_at"].fill_null(0).to_numpy()
        self.order = _order(evidence)
        tokens = "tokens_output" if evidence.has("tokens_output") else "tokens_input"
        self.detail = (
            frame[tokens] if evidence.has(tokens) else pl.Series([None] * frame.height, dtype=pl.Int64)
        )

    def matched(self, name: str, above: Ints, below: Ints) -> tuple[Ints, Ints]:
        """Rows of `below` and of `above` that share an id of one kind."""
        if name == "span":
            return self._called(above, below)
        if name == "trace_id":
            here, there = self._keyed(self.trace, below), self._keyed(self.trace, above)
        else:
            names = (
                ("request_id", "request_id_also", "header_request_id") if name == "request_id" else (name,)
            )
            here = self._any(names, below)
            # the same value counts whatever role it plays in the other record
            there = self._any(tuple(self.of), above)
        if not (here.height and there.height):
            return _NOTHING
        rows, tops = _paired(there, here, fans=name in FANS)
        # of several pairs of a record the one counts whose partner is the first
        first = np.lexsort((self.order[tops], rows))
        kept = first[np.append(True, rows[first][1:] != rows[first][:-1])] if len(first) else first
        return rows[kept], tops[kept]

    def _any(self, names: Sequence[str], rows: Ints) -> pl.DataFrame:
        frames = [self._keyed(self.of[n], rows) for n in names if n in self.of]
        if not frames:
            return self._keyed(self.trace.clear(), rows[:0])
        return pl.concat(frames).unique(["key", "row"], keep="first", maintain_order=True)

    def _keyed(self, keys: pl.Series, rows: Ints) -> pl.DataFrame:
        frame = pl.DataFrame(
            {
                "key": keys.gather(rows),
                "row": rows,
                "at": self.started[rows],
                "order": self.order[rows],
                "detail": self.detail.gather(rows),
            }
        )
        return frame.filter(pl.col("key").is_not_null()).sort("at", "order")

    def _called(self, above: Ints, below: Ints) -> tuple[Ints, Ints]:
        """Calls whose span lies below the span of an earlier hop's call."""
        if self.parent is None:
            return _NOTHING
        wanted = np.zeros(len(self.parent), dtype=bool)
        wanted[above] = True
        up = np.where(self.caller >= 0, self.caller, self.parent)
        top = nearest(up, wanted)[below]
        return below[top >= 0], top[top >= 0]


def _order(evidence: Evidence) -> Ints:
    """A number for each row that does not depend on the order in which the inputs were given."""
    names = sorted(range(len(evidence.tables)), key=lambda n: evidence.tables[n].input)
    rank = np.empty(len(names), dtype=np.int64)
    rank[names] = np.arange(len(names))
    order = np.lexsort((np.arange(evidence.frame.height), rank[evidence.frame["input"].to_numpy()]))
    out = np.empty(evidence.frame.height, dtype=np.int64)
    out[order] = np.arange(evidence.frame.height)
    return out


_NOTHING: tuple[Ints, Ints] = (np.zeros(0, np.int64), np.zeros(0, np.int64))


def _hashed(values: pl.Series) -> pl.Series:
    """Text as numbers that are quick to join; null stays null."""
    return values.str.to_lowercase().hash().set(values.is_null(), None)


def _counted(above: pl.DataFrame, below: pl.DataFrame) -> pl.DataFrame:
    """The records below whose key is above too, with the number of records of each side that have it."""
    counts = above.group_by("key").agg(pl.len().alias("n_above"), pl.col("row").last().alias("last"))
    return below.join(counts, on="key").with_columns(pl.len().over("key").alias("n_below"))


def _paired(above: pl.DataFrame, below: pl.DataFrame, *, fans: bool) -> tuple[Ints, Ints]:
    """Pairs of rows (below, above) that share a key, without ambiguous ones.

    One to one; one above to its attempts below; several to several by their tokens, else by their order where
    both sides have as many.
    """
    counted = _counted(above, below).filter(pl.col("n_above") <= MOST_ALIKE, pl.col("n_below") <= MOST_ALIKE)
    sure = (pl.col("n_above") == 1) & (pl.lit(fans) | (pl.col("n_below") == 1))
    last = pl.lit(fans) & (pl.col("n_above") > 1) & (pl.col("n_below") == 1)
    parts = [counted.filter(sure | last).select("row", pl.col("last").alias("above"))]
    left = counted.filter((pl.col("n_above") > 1) & (pl.col("n_below") > 1))
    if left.height:
        below = left.select("key", "row", "at", "order", "detail")
        above = above.join(below.select("key").unique(), on="key", how="semi")
        exact = _once(below).join(_once(above), on=["key", "detail"], suffix="_above")
        parts.append(exact.select("row", pl.col("row_above").alias("above")))
        below = below.join(exact, on="row", how="anti")
        above = above.join(exact.select(pl.col("row_above").alias("row")), on="row", how="anti")
        ranked = [f.sort("at", "order").with_columns(pl.int_range(pl.len()).over("key").alias("nth"),
                  pl.len().over("key").alias("n")) for f in (below, above)]  # fmt: skip
        inorder = ranked[0].join(ranked[1], on=["key", "n", "nth"], suffix="_above")
        parts.append(inorder.select("row", pl.col("row_above").alias("above")))
    pairs = pl.concat(parts)
    return pairs["row"].to_numpy(), pairs["above"].to_numpy()


def _once(frame: pl.DataFrame) -> pl.DataFrame:
    """The records of which the key and the number of tokens are shared by no other."""
    known = frame.filter(pl.col("detail") > 0)
    return known.filter(pl.len().over("key", "detail") == 1).select("key", "detail", "row")


def _weak(frame: Store, out: Links) -> None:
    """Records without a partner that agree in tokens, and lie within a minute: they may be the same call."""
    kinds = [c for c in ("tokens_input", "tokens_output") if c in frame]
    if len(kinds) < 2:
        return
    open_up, open_down = out.up < 0, out.down < 0
    for later in range(1, len(out.logs)):
        for earlier in range(later - 1, -1, -1):
            below = out.logs[later][(open_up & (out.weak < 0))[out.logs[later]]]
            above = out.logs[earlier][(open_down & (out.weak_down < 0))[out.logs[earlier]]]
            here, there = (_alike(frame, kinds, rows) for rows in (below, above))
            pairs = here.join(there, on=kinds, suffix="_above").filter(
                (pl.col("at") - pl.col("at_above")).abs() <= WEAK_WINDOW_NS
            )
            rows, tops = pairs["row"].to_numpy(), pairs["row_above"].to_numpy()
            out.weak[rows], out.weak_down[tops] = tops, rows


def _alike(frame: Store, kinds: Sequence[str], rows: Ints) -> pl.DataFrame:
    calls = frame.select(*kinds, pl.col("started_at").alias("at"))[rows].with_columns(pl.Series("row", rows))
    calls = calls.filter(pl.col(kinds[0]) > 0, pl.col(kinds[1]) > 0, pl.col("at").is_not_null())
    return calls.filter(pl.len().over(kinds) == 1)
