"""Which calls must carry which field: the profile's requirements and the policy's own, as rows.

It never judges: whether a required field is there has been settled before.
"""

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

Asked = dict[str, Rows]  # field -> the calls on which the profile requires it


def requirements(profile: Profile, own: Sequence[str], evidence: Evidence) -> list[Requirement]:
    """The profile's requirements and the policy's own; `all` asks for every field."""
    if profile.every_field:
        return [_of(name) for name in (*evidence.catalogue.fields, *own)]
    return [*profile.required, *map(_of, own)]


@cache
def _of(name: str) -> Requirement:
    return Requirement(any_of=[name])


def required_on(profile: Profile, policy: Policy, evidence: Evidence, judgement: Judgement) -> Asked:
    """Where each field is required: by layer, by condition, and not where an alternative is present."""
    out: Asked = {}
    for need in requirements(profile, policy.required, evidence):
        rows = asked_of(need, evidence, judgement)
        for name in need.any_of:
            others = [judgement.verdicts[n] == PRESENT for n in need.any_of if n != name]
            mine = rows & ~np.any(others, axis=0) if others else rows
            out[name] = out.get(name, np.zeros(len(rows), dtype=bool)) | mine
    return out


def asked_on(profile: Profile, policy: Policy, evidence: Evidence, judgement: Judgement) -> Asked:
    """Of which calls each field is asked, also where another one answers for it."""
    out: Asked = {}
    for need in requirements(profile, policy.required, evidence):
        rows = asked_of(need, evidence, judgement)
        for name in need.any_of:
            out[name] = out.get(name, np.zeros(len(rows), dtype=bool)) | rows
    return out


def asked_of(need: Requirement, evidence: Evidence, judgement: Judgement) -> Rows:
    """The calls of which a requirement is asked: by their layer, and where its condition holds."""
    holds = [name for name in LAYERS if need.holds_in(name)]
    rows = judgement.in_layers(holds)
    if need.when:
        columns = columns_of(need.when)
        relate(evidence, columns)
        calls = evidence.frame.select(dict.fromkeys(["kind", *sorted(columns)])).filter(IS_CALL)
        rows &= calls.select(pl.sql_expr(need.when).fill_null(False).alias("when"))["when"].to_numpy()
    return rows


def unasked(policy: Policy, asked: Asked, evidence: Evidence) -> list[str]:
    """What to tell where the profile asks nothing of any call: another one is meant."""
    if not any(len(rows) for rows in asked.values()) or any(rows.any() for rows in asked.values()):
        return []
    layers = [name for name in LAYERS if name in evidence.layers]
    noun = "layer" if len(layers) == 1 else "layers"
    return [f"The profile {policy.profile} asks nothing of records of the {noun} {', '.join(layers)}."]
