"""Which calls need which field: the profile's requirements and the policy's own, as rows of the calls."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import polars as pl

from auditor.catalogue.fields import Profile, Requirement
from auditor.catalogue.words import LAYERS
from auditor.evidence.arrays import Rows
from auditor.evidence.table import IS_CALL, Evidence
from auditor.judge.verdicts import PRESENT, Judgement, columns_of
from auditor.policy.model import Policy
from auditor.relate.columns import relate

CallsByField = dict[str, Rows]


def requirements(profile: Profile, own: Sequence[str], evidence: Evidence) -> list[Requirement]:
    """The profile's requirements and the policy's own; the profile `all` requires every field."""
    if profile.every_field:
        return [_requirement(name) for name in (*evidence.catalogue.fields, *own)]
    return [*profile.required, *map(_requirement, own)]


@cache
def _requirement(name: str) -> Requirement:
    return Requirement(any_of=[name])


def required_on(profile: Profile, policy: Policy, evidence: Evidence, judgement: Judgement) -> CallsByField:
    """The calls on which each field is required: by layer, by condition, and without an alternative."""
    out: CallsByField = {}
    for need in requirements(profile, policy.required, evidence):
        rows = applicable_to(need, evidence, judgement)
        for name in need.any_of:
            others = [judgement.verdicts[n] == PRESENT for n in need.any_of if n != name]
            required = rows & ~np.any(others, axis=0) if others else rows
            out[name] = out.get(name, np.zeros(len(rows), dtype=bool)) | required
    return out


def applicable_on(profile: Profile, policy: Policy, evidence: Evidence, judgement: Judgement) -> CallsByField:
    """As `required_on`, but also where an alternative is present."""
    out: CallsByField = {}
    for need in requirements(profile, policy.required, evidence):
        rows = applicable_to(need, evidence, judgement)
        for name in need.any_of:
            out[name] = out.get(name, np.zeros(len(rows), dtype=bool)) | rows
    return out


def applicable_to(need: Requirement, evidence: Evidence, judgement: Judgement) -> Rows:
    """The calls to which a requirement applies: by their layer, and by its condition."""
    rows = judgement.in_layers([name for name in LAYERS if need.holds_in(name)])
    if need.when:
        columns = columns_of(need.when)
        relate(evidence, columns)
        calls = evidence.frame.select(dict.fromkeys(["kind", *sorted(columns)])).filter(IS_CALL)
        rows &= calls.select(pl.sql_expr(need.when).fill_null(False).alias("when"))["when"].to_numpy()
    return rows


def nothing_required(policy: Policy, required: CallsByField, evidence: Evidence) -> list[str]:
    """A note where the profile requires nothing of any call, for the user may have meant another profile."""
    if not any(len(rows) for rows in required.values()) or any(rows.any() for rows in required.values()):
        return []
    layers = [name for name in LAYERS if name in evidence.layers]
    noun = "layer" if len(layers) == 1 else "layers"
    return [f"The profile {policy.profile} asks nothing of records of the {noun} {', '.join(layers)}."]
