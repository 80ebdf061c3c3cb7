"""What counting needs of the judged calls: slots, places and names as the report prints them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np
import polars as pl

from auditor.evidence.arrays import Ints, Rows, encode
from auditor.evidence.schema import Slot
from auditor.evidence.store import Store, is_long
from auditor.evidence.table import Evidence, hop_of
from auditor.judge.verdicts import Judgement
from auditor.relate.columns import LISTED_PLACES
from auditor.report import mask
from auditor.tally.input_totals import InputTotals
from auditor.tally.weights import Weights

DIMENSIONS = ("service", "operation", "model")
# before a field: the columns that have its value from another place
PREFIXES = tuple(f"{place}_" for place in LISTED_PLACES)
IDENTITIES = ("tenant_id", "team_id", "user_id", "account_id", "cost_center")  # whose values name somebody


class Ledger:
    """The calls with verdicts and weights, and arrays over them that are made once.

    `totals` are those of inputs beside the calls, by the number of the input.
    """

    def __init__(
        self,
        evidence: Evidence,
        judgement: Judgement,
        weights: Weights,
        names: Sequence[str],
        totals: Mapping[int, InputTotals] | None = None,
    ) -> None:
        self.evidence, self.judgement, self.weights = evidence, judgement, weights
        self.input_names, self.totals = names, totals or {}
        calls = judgement.calls
        self.slots = SlotColumns(calls)
        self.shown = ShownNames(evidence)
        self.places = [(d, *encode(calls[d])) for d in DIMENSIONS if d in calls]
        self.inputs = calls["input"].to_numpy()
        self.hops = hop_of(evidence)[np.flatnonzero((evidence.frame["kind"] == "call").to_numpy())]
        self._formats = [encode(calls[c]) for c in ("format", "layer")]

    def formats_and_layers(self, rows: Rows) -> frozenset[str]:
        """The names of the formats and of the layers of some calls."""
        return frozenset(names[c] for names, codes in self._formats for c in np.unique(codes[rows]))


class SlotColumns:
    """Which slot each call's value of a column came from, -1 for none; in a long table made when used."""

    def __init__(self, calls: Store) -> None:
        self._names = frozenset(c for c in calls if c.endswith("_slot") and not calls.is_empty(c))
        self._calls = calls if is_long(calls.height) else _dense(calls, self._names)

    def get(self, name: str) -> Ints | None:
        """The numbers of a column's slots; None where it has none."""
        name = f"{name}_slot"
        if name not in self._names:
            return None
        column = self._calls[name]
        return (column.fill_null(-1) if column.null_count() else column).to_numpy()


def _dense(calls: Store, names: Iterable[str]) -> pl.DataFrame:
    return calls.select(sorted(names)).select(pl.all().fill_null(-1))


class ShownNames:
    """Keys, services and operations as the report prints them; such as a caller chose may name people."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._identity: dict[str, bool] = {}

    def key(self, slot: Slot) -> str:
        """The key of a slot."""
        if slot.key not in self._chosen_keys:
            return mask.key(slot.key, "own")
        return mask.key(slot.key, "attribute" if slot.scope == "span" else "path", self._is_identity)

    def name(self, dimension: str, text: str) -> str:
        """The name of a service, an operation or a model."""
        return mask.name(text, self._is_identity) if dimension == "operation" else mask.name(text)

    @cached_property
    def _chosen_keys(self) -> frozenset[str]:
        return frozenset(slot.key for slot in self._evidence.slots if slot.free)

    @cached_property
    def _identity_values(self) -> pl.Series:
        frame = self._evidence.frame
        names = (f"{place}{field}" for field in IDENTITIES for place in ("", *PREFIXES))
        columns = [frame[n] for n in names if n in frame and frame.dtype(n) == pl.String]
        values = [column.unique().alias("value") for column in columns]
        return pl.concat(values).unique() if values else pl.Series("value", [], dtype=pl.String)

    def _is_identity(self, text: str) -> bool:
        """Whether a text is the value of an owner or a user on any record."""
        if text not in self._identity:
            self._identity[text] = bool((self._identity_values == text).any())
        return self._identity[text]
