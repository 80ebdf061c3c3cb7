"""The tables of all inputs stacked into one, with what follows for a record from other columns or records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import polars as pl

from auditor.catalogue.fields import Catalogue
from auditor.evidence.ancestry import parents
from auditor.evidence.calls import (
    add_calls_of_libraries,
    add_outcomes,
    add_token_kind,
    count_retries,
    fill_request_ids,
    without_wrappers,
)
from auditor.evidence.hops import chain
from auditor.evidence.processes import fill_owners
from auditor.evidence.schema import ALWAYS, IDENTITY, Slot, Table
from auditor.evidence.store import stack
from auditor.evidence.table import Evidence, hop_of

UNPACKED = frozenset({"input", "kind", "layer", "format"})  # what every step reads
_REQUIRED = UNPACKED | {"record"}
_HOST = r"bedrock(?:-runtime|-mantle|-agent-runtime)?(?:-fips)?\.([a-z]{2}(?:-[a-z]+)+-\d)\.(?:amazonaws|api)"


def assemble(
    tables: list[Table],
    catalogue: Catalogue,
    dedicated: Iterable[str] = (),
    vocabularies: Mapping[str, Sequence[str]] | None = None,
    patterns: Mapping[str, str] | None = None,
) -> Evidence:
    """Stack the tables, which are left without rows; slot numbers are made unique over all inputs.

    `dedicated` names services that serve one team: the team that their process names is their calls' team.
    `vocabularies` and `patterns` are the policy's, by field.
    """
    slots: list[Slot] = []
    frames: list[pl.DataFrame] = []
    for number, table in enumerate(tables):
        frames.append(_moved(table, number, len(slots)))
        slots.extend(table.slots)
    evidence = Evidence(
        stack(frames, UNPACKED),
        slots,
        tables,
        catalogue,
        hops=chain(tables),
        vocabularies=vocabularies or {},
        patterns=patterns or {},
    )
    evidence.put(*((name, dtype()) for name, dtype in (IDENTITY | ALWAYS).items() if not evidence.has(name)))
    evidence.put(pl.col("weight").fill_null(1))
    _fill_latency(evidence)
    _fill_region(evidence)
    add_outcomes(evidence)
    add_calls_of_libraries(evidence)
    add_token_kind(evidence)
    fill_request_ids(evidence)
    count_retries(evidence)
    _find_parents(evidence)
    fill_owners(evidence, frozenset(dedicated))
    return evidence


def _moved(table: Table, number: int, base: int) -> pl.DataFrame:
    """The rows of a table, which keeps none of them, so that memory holds them once."""
    frame, table.frame = table.frame, table.frame.clear()
    frame = frame.select(c for c in frame if c.name in _REQUIRED or c.null_count() < len(c))
    slotted = [c for c in frame.columns if c.endswith("_slot")] if base else []
    shift = [(pl.col(c).cast(pl.Int32) + base).alias(c) for c in slotted]
    layer = [] if "layer" in frame.columns else [pl.lit(table.layer).alias("layer")]
    return frame.with_columns(*shift, *layer, pl.lit(number, pl.Int32).alias("input"))


def _fill_latency(evidence: Evidence) -> None:
    if not evidence.frame.is_empty("ended_at"):
        span = (pl.col("ended_at") - pl.col("started_at")) / 1e6
        slot = Slot("latency_ms", "own", "span", "end time - start time", 0)
        evidence.fill("latency_ms", pl.when(span >= 0).then(span), slot)


def _fill_region(evidence: Evidence) -> None:
    if evidence.has("endpoint"):
        values = pl.col("endpoint").cast(pl.String).str.extract(_HOST, 1)
        evidence.fill("region", values, Slot("region", "own", "span", "endpoint host", 50))


def _find_parents(evidence: Evidence) -> None:
    """Set `parent` and `caller`, and take spans that wrap a call out of the calls.

    A parent record that another hop wrote is the caller: its values have yet to be passed on to this hop.
    """
    if evidence.frame.is_empty("parent_id"):
        return
    parent = parents(evidence.frame)
    if len(evidence.hops) > 1:
        hop = hop_of(evidence)
        across = (parent >= 0) & (hop[np.maximum(parent, 0)] != hop)
        evidence.caller = np.where(across, parent, -1)
        parent = np.where(across, -1, parent)
    evidence.parent = parent
    evidence.put(*without_wrappers(evidence.frame, parent))
