"""On which calls a field can be judged at all: what format and sample leave out, and calls that failed.

It reads no rule's predicate and settles no verdict.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from auditor.catalogue.rules import Rule
from auditor.evidence.arrays import Rows
from auditor.evidence.assemble import Evidence
from auditor.evidence.formats import Format
from auditor.evidence.store import Store, is_long

USAGE = frozenset(
    {"cost_usd", "tokens_input", "tokens_output", "tokens_cache_read", "tokens_cache_write", "tokens_total",
     "tokens_reasoning"}
)  # fmt: skip
# what a caller may send along with a call, where the record repeats it
METADATA = frozenset(
    """tenant_id workflow_id workflow_run_id team_id user_id session_id trace_id cost_center environment
    agent""".split()
)
_TOKEN_KINDS = USAGE - {"cost_usd", "tokens_total"}


@dataclass
class Carried:
    """The calls on which a field cannot be judged: format or sample leave it out, or the call failed."""

    blank: Rows  # the calls without a value
    by_format: Rows
    by_sample: Rows
    failed: Rows

    def heard(self, rule: Rule, rows: Rows) -> Rows:
        """Of a rule's rows those whose field can be judged; only absence needs a format that carries it."""
        if rule.verdict == "none":
            return rows
        able: Rows = rows & ~self.failed
        if rule.verdict == "absent":
            able = able & ~self.by_format & ~self.by_sample
        return able


class Reach:
    """What of the calls can be judged, one field after the other."""

    def __init__(self, evidence: Evidence, calls: Store, fields: Iterable[str]) -> None:
        self._calls = calls
        self._blanks = {} if is_long(calls.height) else _blanks(calls, fields)
        self._none = np.zeros(calls.height, dtype=bool)
        self._groups: list[tuple[frozenset[str] | None, Format | None, Rows]] = []
        for number, table in enumerate(evidence.tables):
            mine = (calls["input"] == number).to_numpy()
            formats = calls["format"].filter(pl.Series(mine))
            for fmt in formats.unique().to_list():
                known = table.columns_known.get(fmt)
                self._groups.append(
                    (known, table.formats.get(fmt), mine & (calls["format"] == fmt).to_numpy())
                )
        self._failed = self._flag("failed")
        # what an SDK dropped for its limits may have been there: the sample cannot tell
        self._dropped = self._flag("attributes_dropped")
        # some records of a format take metadata, although its records in general do not
        self._open = self._flag("takes_metadata")

    def _flag(self, name: str) -> Rows:
        if name not in self._calls or not self._calls.height:
            return self._none
        return self._calls[name].fill_null(False).to_numpy()

    def of(self, field: str) -> Carried:
        """One field's."""
        by_format, by_sample = self._none.copy(), self._dropped.copy()
        for known, found, rows in self._groups:
            if found is not None and not found.can_carry(field):
                by_format |= rows & ~self._open if field in METADATA else rows
            elif known is not None and field not in known:
                by_sample |= rows
        if field in _TOKEN_KINDS and "token_kind" in self._calls:
            # a billing row stands for one kind of token and can never carry the others
            kind = self._calls["token_kind"]
            by_format |= (kind.is_not_null() & (kind != field.removeprefix("tokens_"))).to_numpy()
        blank = self._blank(field)
        return Carried(
            blank, by_format & blank, by_sample & blank, self._failed if field in USAGE else self._none
        )

    def _blank(self, field: str) -> Rows:
        if self._calls.is_empty(field):
            return np.ones(self._calls.height, dtype=bool)
        held = self._blanks.get(field)
        return (self._calls[field].is_null() if held is None else held).to_numpy()


def _blanks(calls: Store, fields: Iterable[str]) -> dict[str, pl.Series]:
    """Where each field holds no value, asked at once."""
    held = [field for field in fields if not calls.is_empty(field)]
    return {c.name: c for c in calls.made([pl.col(field).is_null() for field in held])} if held else {}
