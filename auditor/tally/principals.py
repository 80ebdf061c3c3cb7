"""Who pays AWS: each IAM principal with its spend, and whether several applications share it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from auditor.catalogue import principals
from auditor.catalogue.prices import NANO_USD
from auditor.evidence.arrays import Rows, encode
from auditor.judge.verdicts import PRESENT, Judgement
from auditor.report.mask import Masker
from auditor.report.schema import Principal
from auditor.tally.weights import Weights

MAX_PRINCIPALS = 50
MAX_EXAMINED = 200  # principals with the most records: of the others nothing is said
PEOPLE = frozenset({"user", "sso", "federated"})
SHAPES = {
    "user": "IAM user",
    "api_key_user": "Bedrock API key",
    "sso": "single sign-on",
    "federated": "federated user",
    "assumed_role": "role",
    "root": "account root",
}


@dataclass(frozen=True)
class PrincipalRecords:
    """One principal, a role with all of its sessions, and the judged records that name it."""

    name: str
    kind: str | None
    rows: Rows
    sessions: int
    services: int
    owners: int

    @property
    def shared_by(self) -> str:
        """What says that several applications use it; empty for nothing."""
        if self.services > 1:
            return f"{self.services} services"
        if self.kind == "assumed_role" and principals.gateway_like(pl.Series([self.name])).item():
            return "the callers of a gateway, by its name"
        return ""


def principal_records(judgement: Judgement, weights: Weights) -> list[PrincipalRecords]:
    """The principals of all judged records, by name."""
    calls = judgement.calls
    if "iam_principal" not in calls or calls.is_empty("iam_principal"):
        return []
    parts = principals.columns(calls["iam_principal"])
    role, arn = parts["principal_role"], calls["iam_principal"].cast(pl.String)
    names, codes = encode(pl.select(pl.coalesce(role, arn)).to_series())
    out = []
    most = np.argsort(-np.bincount(codes[codes >= 0], minlength=len(names)), kind="stable")[:MAX_EXAMINED]
    for number in sorted(most.tolist()):
        name, rows = names[number], codes == number
        at = np.flatnonzero(rows)
        told = weights.joined(rows)
        out.append(
            PrincipalRecords(
                name=name,
                kind=parts["principal_kind"][int(at[0])],
                rows=rows,
                sessions=parts["principal_session"].gather(at).drop_nulls().n_unique(),
                services=_distinct(calls["service"], told) if "service" in calls else 0,
                owners=_owners(judgement, told),
            )
        )
    return out


def of_people(judgement: Judgement) -> Rows:
    """The judged records whose principal is a person: an IAM user, or a session of single sign-on."""
    calls = judgement.calls
    if "iam_principal" not in calls or calls.is_empty("iam_principal"):
        return np.zeros(calls.height, dtype=bool)
    kinds = principals.columns(calls["iam_principal"])["principal_kind"]
    out: Rows = kinds.is_in(list(PEOPLE)).fill_null(False).to_numpy()
    return out


def _distinct(values: pl.Series, rows: Rows) -> int:
    return int(values.filter(pl.Series(rows)).drop_nulls().n_unique())


def _owners(judgement: Judgement, rows: Rows) -> int:
    """How many tenants the records name, or teams where they name no tenant."""
    for field in ("tenant_id", "team_id"):
        present = rows & (judgement.verdicts[field] == PRESENT)
        if field in judgement.calls and present.any():
            return _distinct(judgement.calls[field], present)
    return 0


def principal_ledger(
    records: Sequence[PrincipalRecords], judgement: Judgement, weights: Weights, masker: Masker
) -> list[Principal]:
    """The principals with most of the spend, largest first."""
    has_tags = np.zeros(judgement.calls.height, dtype=bool)
    if "principal_tags" in judgement.calls:
        has_tags |= judgement.calls["principal_tags"].is_not_null().to_numpy()
    out = []
    for one in records:
        tagged = one.rows & has_tags
        money = weights.money(one.rows)
        is_role = one.kind in ("assumed_role", "sso")
        out.append(
            Principal(
                name=one.name if is_role else masker.value("iam_principal", one.name).strip('"'),
                shape=SHAPES.get(one.kind or "", "other"),
                calls=weights.calls(one.rows),
                cost_usd=money / NANO_USD,
                share=round(weights.share(one.rows), 6),
                tagged_usd=weights.money(tagged) / NANO_USD,
                sessions=one.sessions,
                owners=one.owners,
                shared_by=one.shared_by,
            )
        )
    return sorted(out, key=lambda p: (-p.cost_usd, -p.calls, p.name))[:MAX_PRINCIPALS]
