"""Columns about the tags of a bill: since when an owner's tag is there, and which resources have tags."""

from __future__ import annotations

import polars as pl

from auditor.catalogue import principals
from auditor.catalogue.prices import DAY_NS
from auditor.evidence.schema import Slot
from auditor.evidence.table import IS_CALL, Columns, Evidence, Series
from auditor.relate.related_column import RelatedColumn

OWNERS = ("tenant_id", "team_id")
SCOPES = frozenset({"principal_tag", "resource_tag"})
# a resource of Bedrock that an owner has for itself: its tags reach the bill
OF_AN_OWNER = r"^arn:[^:]*:bedrock[^:]*:.*:(?:(?:application-)?inference-profile|project|workspace)/"


def of_bill() -> pl.Expr:
    """Whether a row is a line of a bill that counts as a call."""
    return IS_CALL & (pl.col("layer") == "billing")


def is_owner_tag(slot: Slot) -> bool:
    """Whether a slot is a tag of a caller or a resource."""
    return slot.scope in SCOPES


def tagged(evidence: Evidence, field: str) -> pl.Expr:
    """Whether a row has the field in a tag."""
    numbers = [n for n, slot in enumerate(evidence.slots) if is_owner_tag(slot)]
    return of_bill() & pl.col(field).is_not_null() & pl.col(f"{field}_slot").is_in(numbers)


def tag_since(evidence: Evidence, field: str) -> Series:
    """The first day on which the caller of a line, else its resource, has the field in a tag.

    A role has it with its first session that is tagged. Lines that name neither are one group.
    """
    frame = evidence.frame
    names = [
        n for n in ("started_at", field, f"{field}_slot", "kind", "layer", "billed_resource") if n in frame
    ]
    lines = frame.select(names)
    whose: list[pl.Series] = []
    if evidence.has("iam_principal"):
        arn = frame["iam_principal"].cast(pl.String)
        whose = [principals.columns(arn)["principal_role"].alias("role"), arn.alias("arn")]
    lines = lines.with_columns(whose).with_columns(
        pl.coalesce(
            [*(w.name for w in whose), *(n for n in names if n == "billed_resource"), pl.lit("")]
        ).alias("whose")
    )
    day = pl.col("started_at") // DAY_NS * DAY_NS
    first = pl.when(tagged(evidence, field)).then(day).min().over("whose")
    return {f"{field}_tag_since": lines.select(pl.when(of_bill()).then(first)).to_series()}


def tagged_resource(evidence: Evidence) -> Columns:
    """Whether a line is of an application inference profile or a project that any line shows with tags."""
    if not evidence.has("billed_resource"):
        return {}
    own = of_bill() & pl.col("billed_resource").str.contains(OF_AN_OWNER)
    some = (pl.col("resource_tag_keys").fill_null(0) > 0).any().over("billed_resource")
    return {"tagged_resource": own.fill_null(False) & some}


COLUMNS = (
    RelatedColumn(
        "(.+)_tag_since", tag_since, needs=("{}", "{}_slot"), sources=("{}",), dtype=pl.Int64, rests_on="{}"
    ),
    RelatedColumn("tagged_resource", tagged_resource, needs=("resource_tag_keys",), dtype=pl.Boolean),
)
