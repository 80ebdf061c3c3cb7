"""Tables of all inputs put together, and the few facts about a record that no reader can know alone.

It settles which records are calls, whether they failed, and which id stands for the request; it never judges.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from auditor.catalogue.fields import Catalogue
from auditor.evidence.ancestry import parents, without_wrappers
from auditor.evidence.arrays import Ints
from auditor.evidence.hops import Hop, chain
from auditor.evidence.schema import IDENTITY, Slot, Table
from auditor.evidence.store import Store, stacked
from auditor.evidence.tokens import token_kinds

USAGE = ("tokens_input", "tokens_output", "tokens_total")
_HOST = r"bedrock(?:-runtime|-mantle|-agent-runtime)?(?:-fips)?\.([a-z]{2}(?:-[a-z]+)+-\d)\.(?:amazonaws|api)"
_FAILED = r"(?i)^(error|failure|failed|fault|exception|timeout|[45]\d\d)$"
_STATUS_OK = r"(?i)^(0|ok|success|succeeded|none|200|201)$"
IS_CALL = pl.col("kind") == "call"
# columns that every table has, whatever its readers put
ALWAYS: dict[str, Any] = {
    "weight": pl.Int64,
    "service": pl.String,
    "trace_id": pl.String,
    "operation": pl.String,
    "stream": pl.Boolean,
    "provider_name": pl.String,
}
PLAIN = frozenset({"input", "kind", "layer", "format"})  # what every step asks for
_OWN = PLAIN | {"record"}  # what no table is without
BY_PROCESS = ("team_id", "cost_center")  # what one deployment a team can carry for all its calls
_OPEN_RESPONSE_ID = r"^(chatcmpl-|resp_|gen-|cmpl-)"

Series = dict[str, pl.Series]
Columns = Mapping[str, pl.Series | pl.Expr]


@dataclass
class Evidence:
    """The one table that rules see, with the slots its `*_slot` columns point to."""

    frame: Store
    slots: list[Slot]
    tables: list[Table]
    catalogue: Catalogue
    parent: Ints | None = None
    caller: Ints | None = None  # as `parent`, where the record above stands in another hop
    hops: list[Hop] = field(default_factory=list)
    kept: dict[str, Any] = field(default_factory=dict)  # what a step computes once of the whole table
    vocabularies: Mapping[str, Sequence[str]] = field(default_factory=dict)  # the policy's, by field
    patterns: Mapping[str, str] = field(default_factory=dict)  # for whole values

    @cached_property
    def layers(self) -> frozenset[str]:
        """The layers at which anything in the table was recorded."""
        return frozenset(t.layer for t in self.tables) | set(self.frame["layer"].unique().to_list())

    def add_slot(self, slot: Slot) -> int:
        """Register a slot that no reader made; returns its number."""
        self.slots.append(slot)
        return len(self.slots) - 1

    def has(self, column: str) -> bool:
        """Whether the table has a column."""
        return column in self.frame

    def put(self, *columns: pl.Series | pl.Expr | tuple[str, pl.DataType]) -> None:
        """Add columns to the table, or replace such as it has; a name and a type: one without values."""
        made = [one for one in columns if isinstance(one, pl.Expr)]
        given = [one for one in columns if not isinstance(one, pl.Expr)]
        self.frame = self.frame.plus([*given, *(self.frame.made(made) if made else ())])


def assemble(
    tables: list[Table],
    catalogue: Catalogue,
    dedicated: Iterable[str] = (),
    vocabularies: Mapping[str, Sequence[str]] | None = None,
    patterns: Mapping[str, str] | None = None,
) -> Evidence:
    """Concatenate the tables, which are left without rows; slot numbers are made unique over all inputs.

    `dedicated` names services that serve one team: what their process says of the team counts.
    `vocabularies` and `patterns` are what the policy says of the values of a field.
    """
    slots: list[Slot] = []
    frames: list[pl.DataFrame] = []
    for number, table in enumerate(tables):
        frames.append(_taken(table, number, len(slots)))
        slots.extend(table.slots)
    evidence = Evidence(
        stacked(frames, PLAIN),
        slots,
        tables,
        catalogue,
        hops=chain(tables),
        vocabularies=vocabularies or {},
        patterns=patterns or {},
    )
    lacking = [name for name in IDENTITY | ALWAYS if not evidence.has(name)]
    evidence.put(*((name, (IDENTITY | ALWAYS)[name]()) for name in lacking))
    evidence.put(pl.col("weight").fill_null(1))
    _settle(evidence)
    _dedicated(evidence, frozenset(dedicated))
    return evidence


def _taken(table: Table, number: int, base: int) -> pl.DataFrame:
    """The rows of a table, which keeps none of them: they are held once from here on."""
    frame, table.frame = table.frame, table.frame.clear()
    frame = frame.select(c for c in frame if c.name in _OWN or c.null_count() < len(c))
    slotted = [c for c in frame.columns if c.endswith("_slot")] if base else []
    shift = [(pl.col(c).cast(pl.Int32) + base).alias(c) for c in slotted]
    layer = [] if "layer" in frame.columns else [pl.lit(table.layer).alias("layer")]
    return frame.with_columns(*shift, *layer, pl.lit(number, pl.Int32).alias("input"))


def _settle(evidence: Evidence) -> None:
    frame = evidence.frame
    _times(evidence)
    _endpoints(evidence)
    _outcomes(evidence)
    evidence.put(*token_kinds(evidence.frame))
    _ids(evidence)
    if not frame.is_empty("parent_id"):
        evidence.parent = parents(evidence.frame)
        if len(evidence.hops) > 1:
            _apart(evidence)
        evidence.put(*without_wrappers(evidence.frame, evidence.parent))


def _apart(evidence: Evidence) -> None:
    """A record above that another hop wrote is no parent: what it carries has still to cross the border."""
    hop = hop_of(evidence)
    parent = evidence.parent
    assert parent is not None
    across = (parent >= 0) & (hop[np.maximum(parent, 0)] != hop)
    evidence.caller = np.where(across, parent, -1)
    evidence.parent = np.where(across, -1, parent)


def hop_of(evidence: Evidence) -> Ints:
    """For each row the number of its hop."""
    numbers = np.zeros(len(evidence.tables), dtype=np.int32)
    for n, hop in enumerate(evidence.hops):
        numbers[list(hop.inputs)] = n
    out: Ints = numbers[evidence.frame["input"].to_numpy()]
    return out


def _fill(evidence: Evidence, name: str, values: pl.Expr, slot: Slot) -> None:
    """Give a field a derived value where it has none of its own."""
    frame = evidence.frame
    number = evidence.add_slot(slot)
    own = pl.col(name) if name in frame else pl.lit(None, values_dtype(evidence, name))
    marks = pl.col(f"{name}_slot") if name in frame else pl.lit(None, pl.Int32)
    evidence.put(
        pl.when(own.is_null() & values.is_not_null())
        .then(pl.lit(number, pl.Int32))
        .otherwise(marks)
        .alias(f"{name}_slot"),
        own.fill_null(values).alias(name),
    )
    if f"{name}_blank" in frame:
        evidence.put(pl.when(pl.col(name).is_null()).then(pl.col(f"{name}_blank")).alias(f"{name}_blank"))


def values_dtype(evidence: Evidence, name: str) -> pl.DataType:
    """The Polars type of a field's column."""
    kind = evidence.catalogue.fields[name].type
    return {"int": pl.Int64(), "money": pl.Int64(), "duration": pl.Float64()}.get(kind, pl.String())


def _times(evidence: Evidence) -> None:
    frame = evidence.frame
    if frame.is_empty("ended_at"):
        return
    span = (pl.col("ended_at") - pl.col("started_at")) / 1e6
    values = pl.when(span >= 0).then(span)
    _fill(evidence, "latency_ms", values, Slot("latency_ms", "own", "span", "end time - start time", 0))


def _endpoints(evidence: Evidence) -> None:
    if evidence.has("endpoint"):
        values = pl.col("endpoint").cast(pl.String).str.extract(_HOST, 1)
        _fill(evidence, "region", values, Slot("region", "own", "span", "endpoint host", 50))


def _outcomes(evidence: Evidence) -> None:
    """Whether a call failed: its own outcome, an error code, or a status that says so."""
    bad = pl.col("outcome").fill_null("") == "error"
    if evidence.has("error_code"):
        code = pl.col("error_code").cast(pl.String)
        bad = bad | (code.is_not_null() & ~code.str.contains(_STATUS_OK))
    if evidence.has("status"):
        bad = bad | pl.col("status").cast(pl.String).str.contains(_FAILED).fill_null(False)
    used: pl.Expr = pl.lit(False)
    for name in USAGE:
        if evidence.has(name):
            used = used | (pl.col(name).fill_null(0) > 0)
    evidence.put(bad.alias("error"))
    evidence.put((pl.col("error") & ~used).alias("failed"))


def _ids(evidence: Evidence) -> None:
    """A call whose only id is an attempt's (or an open vendor's response id) goes by that id."""
    for name, pattern in (("attempt_id", None), ("response_id", _OPEN_RESPONSE_ID)):
        if not evidence.has(name):
            continue
        values = pl.col(name)
        if pattern:
            values = pl.when(values.str.contains(pattern)).then(values)
        key = _commonest_key(evidence, name)
        _fill(evidence, "request_id", values, Slot("request_id", "own", "attempt", key, 900))


def _commonest_key(evidence: Evidence, name: str) -> str:
    numbers = evidence.frame[f"{name}_slot"].drop_nulls()
    if numbers.is_empty():
        return name
    top = numbers.value_counts().sort("count", f"{name}_slot", descending=[True, False])[f"{name}_slot"][0]
    return evidence.slots[int(top)].key


def _dedicated(evidence: Evidence, services: frozenset[str]) -> None:
    """Where several processes bear a team each, or the policy dedicates a service, the process speaks."""
    for name in BY_PROCESS:
        column = f"process_{name}"
        if not evidence.has(column):
            continue
        frame = evidence.frame
        held = frame.select("input", "process", column).filter(pl.col(column).is_not_null())
        apart = (
            min(held.select(pl.struct("input", "process").n_unique(), pl.col(column).n_unique()).row(0)) >= 2
        )
        speaks = pl.lit(apart) | pl.col("service").is_in(list(services))
        take: pl.Expr = pl.when(speaks).then(pl.col(column))
        slot: pl.Expr = pl.when(speaks & pl.col(column).is_not_null()).then(pl.col(f"{column}_slot"))
        if evidence.has(name):
            take, slot = pl.coalesce(name, take), pl.coalesce(f"{name}_slot", slot)
        evidence.put(take.alias(name), slot.alias(f"{name}_slot"))
