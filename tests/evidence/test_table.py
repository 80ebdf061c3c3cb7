"""Results that are computed once for a table, and which of them also hold for a copy of it."""

from __future__ import annotations

import json

from auditor.audit import Input
from auditor.catalogue.fields import catalogue
from auditor.evidence.assemble import assemble
from auditor.evidence.table import Evidence, once_per_table
from auditor.inputs.source import Source
from auditor.readers.ingest import ingest

computed: list[str] = []


@once_per_table()
def models(evidence: Evidence, prefix: str) -> list[str]:
    """The models of a table that begin with a prefix."""
    computed.append(prefix)
    return [m for m in evidence.frame["model"].to_list() if m.startswith(prefix)]


@once_per_table(of_joins=True)
def pairs(evidence: Evidence) -> int:
    """A result about joins."""
    computed.append("pairs")
    return evidence.frame.height


def table() -> Evidence:
    """One call."""
    line = json.dumps({"model": "gpt-4o", "prompt_tokens": 3})
    given = Input(name="x", data=line.encode(), format="generic-json")
    return assemble([ingest(Source(given), given, catalogue())], catalogue())


def test_a_result_is_computed_once_for_each_argument() -> None:
    """A second call with the same argument takes the first result, another argument has one of its own."""
    computed.clear()
    evidence = table()

    assert [["gpt-4o"], ["gpt-4o"], []] == [models(evidence, prefix) for prefix in ("gpt", "gpt", "claude")]
    assert ["gpt", "claude"] == computed


def test_only_results_about_joins_hold_for_other_values() -> None:
    """A table with a fix applied takes over which records are one call, and computes the rest anew."""
    computed.clear()
    evidence, fixed = table(), table()
    models(evidence, "gpt"), pairs(evidence)
    joined = fixed.with_joins_of(evidence)

    models(joined, "gpt"), pairs(joined)
    assert ["gpt", "pairs", "gpt"] == computed


def test_results_of_a_copy_stay_out_of_the_table() -> None:
    """A copy has the results so far; later ones, and its columns and slots, are its own."""
    computed.clear()
    evidence = table()
    copy = evidence.copy()

    assert pairs(copy) == pairs(evidence) == 1
    assert ["pairs", "pairs"] == computed
