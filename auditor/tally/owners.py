"""Spend by owner, each call and each dollar counted once, and the spend without an owner.

The owner of a call is the one that the earliest hop names. A billed dollar whose call has none has the owner
of its line; where two hops name different owners, or the bill another than the logs, it has two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from auditor.catalogue.prices import NANO_USD
from auditor.evidence.arrays import Ints, Rows
from auditor.evidence.table import Evidence
from auditor.judge.verdicts import PRESENT, Judgement
from auditor.relate.columns import need
from auditor.relate.hops import changed
from auditor.report.mask import Masker
from auditor.report.schema import Owner
from auditor.tally.weights import Billed, Weights

FIELDS = ("tenant_id", "team_id")
MAX_OWNERS = 20
_OWNED = ("owner", "field", "other", "owner_input")


@dataclass(frozen=True)
class Spend:
    """Calls, tokens and money (nano-dollars) counted once, by owner; `lost_*` has no owner, `two_*` has two.

    `unknown_calls` are calls without an owner, cost or tokens: no share of the spend counts them. `left_out`
    are hops whose calls other hops show too. `unowned` are the units whose whole money has no owner.
    """

    owners: list[Owner]
    calls: int
    tokens: int
    cost: int
    lost_calls: int
    lost_tokens: int
    lost_cost: int
    by: str
    two_calls: int = 0
    two_cost: int = 0
    unknown_calls: int = 0
    left_out: frozenset[int] = frozenset()
    unowned: Rows | None = None

    @property
    def share_lost(self) -> float:
        """The part of all spend without an owner, 0 to 1: of cost, else tokens, else calls."""
        parts = {"cost": (self.lost_cost, self.cost), "tokens": (self.lost_tokens, self.tokens)}
        lost, whole = parts.get(self.by, (self.lost_calls, self.calls))
        return lost / whole if whole else 0.0

    @property
    def share_unknown(self) -> float:
        """The part of all calls that has no owner and is not in the spend, 0 to 1."""
        return self.unknown_calls / self.calls if self.calls else 0.0

    @property
    def badness(self) -> tuple[float, float, int, int]:
        """How much of the spend has no owner, to compare ways of counting it."""
        return self.share_lost, self.share_unknown, self.calls, self.cost


def spend_by_owner(
    evidence: Evidence,
    judgement: Judgement,
    weights: Weights,
    masker: Masker,
    names: Sequence[str],
    left_out: frozenset[int] = frozenset(),
) -> Spend:
    """Every call once with its owner, and every dollar once."""
    units = _units(evidence, judgement, weights)
    billed = weights.members.billed if weights.members else None
    lines = None if billed is None else _lines(judgement, billed)
    parts = units if billed is None or lines is None else _with_lines(units, lines, billed)
    by = next((n for n in (str(weights.by), "cost", "tokens") if n == "calls" or parts[n].sum()), "calls")
    lost = parts.filter(pl.col("owner").is_null())
    two = parts.filter(pl.col("other").is_not_null())
    whole, lacking, both = (
        {name: int(frame[name].sum()) for name in ("calls", "tokens", "cost")} for frame in (parts, lost, two)
    )
    weightless = pl.col("cost") == 0 if by == "cost" else pl.col("tokens") == 0
    unknown = units.filter(pl.col("owner").is_null(), ~pl.col("failed"), weightless, pl.lit(by != "calls"))
    basis = next((name for name in ("cost", "tokens", "calls") if whole[name]), "calls")
    owners = [
        _owner(row, row[basis] / (whole[basis] or 1), masker, names)
        for row in _by_owner(parts).iter_rows(named=True)
    ]
    return Spend(
        _shortened(owners), **whole, **{f"lost_{name}": n for name, n in lacking.items()}, by=by,
        two_calls=both["calls"], two_cost=both["cost"], unknown_calls=int(unknown["calls"].sum()),
        left_out=left_out, unowned=_unowned(units, lines, billed),
    )  # fmt: skip


def _unowned(units: pl.DataFrame, lines: pl.DataFrame | None, billed: Billed | None) -> Rows:
    """The units without an owner whose dollars are on no line of a bill that names one."""
    out: Rows = units["owner"].is_null().to_numpy()
    return out if billed is None or lines is None else out & ~np.isin(billed.group, _named(lines))


def _named(lines: pl.DataFrame) -> list[int]:
    """The groups in which a line names an owner."""
    return lines.filter(pl.col("line_owner").is_not_null())["group"].unique().to_list()


def worst(ways: Sequence[Weights], evidence: Evidence, judgement: Judgement, names: Sequence[str]) -> Weights:
    """Of several ways to count the same traffic the one by which most of the spend has no owner."""
    if len(ways) == 1:
        return ways[0]
    return sorted(ways, key=lambda way: spend_by_owner(evidence, judgement, way, Masker(), names).badness)[-1]


def _by_owner(parts: pl.DataFrame) -> pl.DataFrame:
    """The spend by owner, largest first."""
    grouped = parts.group_by("field", "owner", "other").agg(
        pl.col("calls").sum(), pl.col("tokens").sum(), pl.col("cost").sum(),
        pl.col("owner_input").drop_nulls().unique().sort(),
    )  # fmt: skip
    some = pl.any_horizontal(pl.col("calls", "tokens", "cost") != 0)
    return grouped.filter(some).sort(
        ["cost", "tokens", "calls", "owner", "other"], descending=[True, True, True, False, False]
    )


def _owner(row: dict[str, object], share: float, masker: Masker, names: Sequence[str]) -> Owner:
    owner, field, other, inputs = row["owner"], row["field"], row["other"], row["owner_input"]
    shown = [masker.value(str(field), text).strip('"') for text in (owner, other) if text is not None]
    return Owner(
        owner=" or ".join(shown) or None,
        field=None if owner is None else str(field),
        calls=int(str(row["calls"])),
        tokens=int(str(row["tokens"])),
        cost_usd=int(str(row["cost"])) / NANO_USD,
        share=round(share, 6),
        inputs=[names[n] for n in inputs] if isinstance(inputs, list) else [],
        two_owners=other is not None,
    )


def _shortened(owners: list[Owner]) -> list[Owner]:
    """The largest owners, and always the row of the spend without an owner."""
    return owners[:MAX_OWNERS] + [o for o in owners[MAX_OWNERS:] if o.owner is None]


def _units(evidence: Evidence, judgement: Judgement, weights: Weights) -> pl.DataFrame:
    """Each unit's owner by the earliest hop that names one, with its figures; `failed` by its records."""
    calls, members = judgement.calls, weights.members
    size = len(weights.count)
    record = np.arange(size) if members is None else members.record
    unit = record if members is None else members.unit
    failed = (
        calls["failed"].fill_null(False) if "failed" in calls else pl.repeat(False, calls.height, eager=True)
    )
    pairs = _owners(evidence, judgement).with_columns(failed.alias("failed"))[record]
    pairs = pairs.with_columns(pl.Series("unit", unit))
    by_unit = pairs if members is None else _earliest(pairs)
    if members is not None and len(members.capacity):
        by_unit = pl.concat([by_unit, _of_capacity(evidence, members.capacity, size)], how="diagonal")
    figures = {"calls": weights.count, "tokens": weights.tokens, "cost": weights.cost}
    return by_unit.sort("unit").select(
        "unit", "failed", *_chosen(), *(pl.Series(name, values) for name, values in figures.items())
    )


def _of_capacity(evidence: Evidence, rows: Ints, size: int) -> pl.DataFrame:
    """The owners that lines without calls are tagged with; they are the last units."""
    frame = evidence.frame
    columns = [
        frame[field].cast(pl.String).gather(rows).alias(f"owner_{field}")
        for field in FIELDS
        if field in frame
    ]
    inputs = [frame["input"].cast(pl.Int64).gather(rows).alias(f"input_{field}") for field in FIELDS]
    unit = pl.Series("unit", np.arange(size - len(rows), size))
    return pl.DataFrame([unit, *columns, *inputs]).with_columns(pl.lit(False).alias("failed"))


def _earliest(pairs: pl.DataFrame) -> pl.DataFrame:
    """One row a unit: the tenant and the team of the earliest hop that names one."""
    first = [
        pl.col(f"{name}_{field}").drop_nulls().first()
        for field in FIELDS
        for name in ("owner", "input", "other")
    ]
    return pairs.group_by("unit").agg(*first, pl.col("failed").all())


def _chosen() -> list[pl.Expr]:
    """The columns of _OWNED: the tenant, else the team."""
    tenant = pl.col("owner_tenant_id").is_not_null()
    return [
        pl.coalesce("owner_tenant_id", "owner_team_id").alias("owner"),
        pl.when(tenant).then(pl.lit("tenant_id")).when(pl.col("owner_team_id").is_not_null())
        .then(pl.lit("team_id")).alias("field"),
        pl.when(tenant).then("other_tenant_id").otherwise("other_team_id").alias("other"),
        pl.when(tenant).then("input_tenant_id").otherwise("input_team_id").cast(pl.Int64).alias("owner_input"),
    ]  # fmt: skip


def _owners(evidence: Evidence, judgement: Judgement) -> pl.DataFrame:
    """For each judged record its accepted tenant and team, and those that differ from the hop before."""
    calls = judgement.calls
    columns = []
    for field in FIELDS:
        own = _accepted(judgement, field)
        need(evidence, field)
        differs = changed(evidence, field).get(f"{field}_changed")
        other = pl.repeat(None, len(own), dtype=pl.String, eager=True)
        if isinstance(differs, pl.Series) and field in calls:
            # an owner that differs from the hop before is not accepted: it is the second of two
            here = differs.filter(evidence.frame["kind"] == "call").fill_null(False)
            other = calls[field].cast(pl.String).set(~here, None)
        columns += [
            own.alias(f"owner_{field}"),
            calls["input"].cast(pl.Int64).set(own.is_null(), None).alias(f"input_{field}"),
            other.alias(f"other_{field}"),
        ]
    return pl.DataFrame(columns)


def _accepted(judgement: Judgement, field: str) -> pl.Series:
    """The values of a field where it is present."""
    calls = judgement.calls
    if field not in calls:
        return pl.repeat(None, calls.height, dtype=pl.String, eager=True)
    return calls[field].cast(pl.String).set(pl.Series(judgement.verdicts[field] != PRESENT), None)


def _lines(judgement: Judgement, billed: Billed) -> pl.DataFrame:
    """The owner of each line of the bill that calls explain, with its group and its explained money."""
    calls = judgement.calls
    frame = pl.DataFrame([_accepted(judgement, f).gather(billed.record).alias(f) for f in FIELDS])
    tenant = pl.col("tenant_id").is_not_null()
    return frame.select(
        pl.coalesce(FIELDS).alias("line_owner"),
        pl.when(tenant).then(pl.lit("tenant_id")).when(pl.col("team_id").is_not_null())
        .then(pl.lit("team_id")).alias("line_field"),
        calls["input"].gather(billed.record).cast(pl.Int64).alias("line_input"),
        pl.Series("group", billed.line_group), pl.Series("explained", billed.explained),
    ).filter(pl.col("group") >= 0)  # fmt: skip


def _with_lines(units: pl.DataFrame, lines: pl.DataFrame, billed: Billed) -> pl.DataFrame:
    """The calls' money given to the owners of their lines, where lines have owners.

    A bill does not say which call a line is of. Dollars meet so that as few as possible have two owners:
    those of one owner first, then such as only one side names an owner of.
    """
    named = _named(lines)
    units = units.with_columns(pl.Series("group", billed.group)).drop("failed", "unit")
    touched = units.filter(pl.col("group").is_in(named))
    others = units.filter(~pl.col("group").is_in(named)).drop("group")
    if not touched.height:
        return others
    figures = ("calls", "tokens", "cost")
    summed = touched.group_by("group", *_OWNED).agg(pl.col(name).sum() for name in figures)
    by_line = lines.group_by("group", "line_owner", "line_field").agg(
        pl.col("explained").sum(), pl.col("line_input").min()
    )
    summed = summed.sort("group", *_OWNED, nulls_last=True)
    by_line = by_line.sort("group", "line_owner", "line_field", nulls_last=True)
    parts: list[dict[str, object]] = []
    lines_of = {key[0]: part.to_dicts() for key, part in by_line.group_by("group", maintain_order=True)}
    for key, part in summed.group_by("group", maintain_order=True):
        parts += _met(part.to_dicts(), lines_of[key[0]])
    met = pl.DataFrame(parts, schema_overrides={name: others.schema[name] for name in others.columns})
    return pl.concat([others, met.select(others.columns)])


Row = dict[str, Any]


def _met(calls: list[Row], lines: list[Row]) -> list[Row]:
    """The money of a group's calls by the owners of calls and lines, with as little in doubt as can be."""
    left, open_ = [call["cost"] for call in calls], [line["explained"] for line in lines]
    out: list[Row] = []
    for fits in (_agree, _one_side, _always):
        for i, call in enumerate(calls):
            for j, line in enumerate(lines):
                if left[i] > 0 and open_[j] > 0 and fits(call, line):
                    part = min(left[i], open_[j])
                    left[i], open_[j] = left[i] - part, open_[j] - part
                    out.append(_settled(call, line) | {"cost": part, "calls": 0, "tokens": 0, "of": i})
    for i, call in enumerate(calls):  # what costs nothing, and what rounding left
        own = {name: call[name] for name in _OWNED}
        first = next((row for row in out if row["of"] == i), None)
        if first is None or left[i]:
            first = own | {"cost": left[i], "calls": 0, "tokens": 0, "of": i}
            out.append(first)
        first["calls"], first["tokens"] = call["calls"], call["tokens"]
    return out


def _agree(call: Row, line: Row) -> bool:
    """Whether both name the same owner."""
    owner = line["line_owner"]
    return owner is not None and owner.lower() in {
        str(call[n]).lower() for n in ("owner", "other") if call[n]
    }


def _one_side(call: Row, line: Row) -> bool:
    """Whether not both name an owner of one field."""
    return call["owner"] is None or line["line_owner"] is None or call["field"] != line["line_field"]


def _always(_call: Row, _line: Row) -> bool:
    return True


def _settled(call: Row, line: Row) -> Row:
    """Whose a dollar is, by its call and its line: a tenant before a team, and two where they differ."""
    own = {name: call[name] for name in _OWNED}
    if line["line_owner"] is None:
        return own
    better = (call["field"], line["line_field"]) == ("team_id", "tenant_id")
    if call["owner"] is None or better:
        of_line = {"owner": line["line_owner"], "field": line["line_field"], "other": None}
        return of_line | {"owner_input": line["line_input"]}
    if call["field"] == line["line_field"] and not _agree(call, line):
        return own | {"other": line["line_owner"]}
    return own
