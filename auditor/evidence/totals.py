"""Totals: sums over many calls, which are judged for their money and owners and are never calls.

They are judged one input at a time: two sums over the same calls are never added up.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from auditor.evidence.table import IS_CALL, IS_TOTAL, Evidence


def inputs_with_totals(evidence: Evidence) -> list[int]:
    """The inputs, by number, that hold totals."""
    rows = evidence.frame.select("input", "kind").filter(IS_TOTAL)
    with_totals = set(rows["input"].unique().to_list())
    if evidence.totals_of is not None:
        with_totals.add(evidence.totals_of)
    return sorted(with_totals)


def of_totals(evidence: Evidence, number: int) -> Evidence:
    """The same table with the totals of one input as the records that are judged, and no call among them."""
    if evidence.totals_of == number:
        return evidence
    kind = pl.col("kind")
    if evidence.totals_of is not None:
        kind = pl.when(IS_CALL).then(pl.lit("total")).otherwise(kind)
    else:
        kind = pl.when(IS_CALL).then(pl.lit("context")).otherwise(kind)
    own = pl.col("input") == number
    judged = replace(evidence, slots=list(evidence.slots), results={}, totals_of=number)
    judged.put(pl.when(own & (kind == "total")).then(pl.lit("call")).otherwise(kind).alias("kind"))
    return judged


def without_calls(evidence: Evidence) -> Evidence:
    """The table itself where it holds a call or no total; else with the totals of one input to be judged.

    Of several inputs it is one of the last hop, which is the bill's, and of these the one with most money.
    """
    numbers = inputs_with_totals(evidence)
    if not numbers or bool((evidence.frame["kind"] == "call").any()):
        return evidence
    hop = {n: h for h, group in enumerate(evidence.hops) for n in group.inputs}
    money = dict.fromkeys(numbers, 0)
    if evidence.has("cost_usd"):
        rows = evidence.frame.select("input", "kind", "cost_usd").filter(IS_TOTAL)
        money |= dict(rows.group_by("input").agg(pl.col("cost_usd").sum()).iter_rows())
    return of_totals(evidence, max(numbers, key=lambda n: (hop[n], money[n], evidence.tables[n].input)))
