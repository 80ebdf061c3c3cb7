"""On which calls a field can be judged: the format carries it, the sample shows it, the call succeeded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from auditor.catalogue.fields import METADATA, USAGE
from auditor.catalogue.rules import Rule
from auditor.evidence.arrays import Rows
from auditor.evidence.formats import Format
from auditor.evidence.store import Store, is_long
from auditor.evidence.table import Evidence

_TOKEN_KINDS = USAGE - {"cost_usd", "tokens_total"}


@dataclass
class FieldCoverage:
    """The calls on which a field cannot be judged: the format or the sample lacks it, or the call failed."""

    blank: Rows  # the calls without a value
    by_format: Rows
    by_sample: Rows
    failed: Rows

    def judgeable(self, rule: Rule, rows: Rows) -> Rows:
        """Those of a rule's rows whose field can be judged; only absence needs a format that carries it."""
        if rule.verdict == "none":
            return rows
        judgeable: Rows = rows & ~self.failed
        if rule.verdict == "absent":
            judgeable = judgeable & ~self.by_format & ~self.by_sample
        return judgeable


class CallCoverage:
    """What formats and samples carry on each of the calls; `of` gives it for one field."""

    def __init__(self, evidence: Evidence, calls: Store, fields: Iterable[str]) -> None:
        self._calls = calls
        self._totals = evidence.totals_of is not None
        self._blanks = {} if is_long(calls.height) else _blanks(calls, fields)
        self._none = np.zeros(calls.height, dtype=bool)
        self._groups: list[tuple[frozenset[str] | None, Format | None, Rows]] = []
        for number, table in enumerate(evidence.tables):
            of_table = (calls["input"] == number).to_numpy()
            formats = calls["format"].filter(pl.Series(of_table))
            for fmt in formats.unique().to_list():
                known = table.columns_known.get(fmt)
                of_format = of_table & (calls["format"] == fmt).to_numpy()
                self._groups.append((known, table.formats.get(fmt), of_format))
        self._failed = self._flag("failed")
        # a span that dropped attributes for its SDK's limits may have had the field
        self._dropped = self._flag("attributes_dropped")
        # some records take metadata although other records of their format do not
        self._takes_metadata = self._flag("takes_metadata")

    def _flag(self, name: str) -> Rows:
        if name not in self._calls or not self._calls.height:
            return self._none
        return self._calls[name].fill_null(False).to_numpy()

    def of(self, field: str) -> FieldCoverage:
        """The coverage of one field."""
        by_format, by_sample = self._none.copy(), self._dropped.copy()
        for known, found, rows in self._groups:
            if found is not None and not found.can_carry(field):
                by_format |= rows & ~self._takes_metadata if field in METADATA else rows
            elif known is not None and field not in known:
                by_sample |= rows
        if field in _TOKEN_KINDS and "token_kind" in self._calls:
            # a billing row is of one kind of token and never carries the others
            kind = self._calls["token_kind"]
            by_format |= (kind.is_not_null() & (kind != field.removeprefix("tokens_"))).to_numpy()
        blank = self._blank(field)
        if self._totals:
            # a sum shows what it was grouped by: a key that it lacks was not asked for
            mark = f"{field}_blank"
            by_sample |= self._calls[mark].is_null().to_numpy() if mark in self._calls else True
        return FieldCoverage(
            blank, by_format & blank, by_sample & blank, self._failed if field in USAGE else self._none
        )

    def _blank(self, field: str) -> Rows:
        if self._calls.is_empty(field):
            return np.ones(self._calls.height, dtype=bool)
        blank = self._blanks.get(field)
        return (self._calls[field].is_null() if blank is None else blank).to_numpy()


def _blanks(calls: Store, fields: Iterable[str]) -> dict[str, pl.Series]:
    """Where each field has no value, in one query; fields without any value are left out."""
    exprs = [pl.col(field).is_null() for field in fields if not calls.is_empty(field)]
    return {column.name: column for column in calls.evaluate(exprs)} if exprs else {}
