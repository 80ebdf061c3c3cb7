"""The reference lists of the API: rules, fields, formats, samples, the schema of a report."""

from __future__ import annotations

import msgspec
from litestar import get

from auditor.catalogue.fields import catalogue
from auditor.catalogue.rules import load_rules
from auditor.catalogue.samples import samples
from auditor.readers.matrix import evidence
from auditor.readers.registry import all_formats
from auditor.web.openapi import API
from auditor.writers.json import document, schema


class RuleItem(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of the pack."""

    id: str
    name: str
    field: list[str] = msgspec.field(name="fields")
    verdict: str
    cause: str | None
    level: str
    since: str
    status: str
    title: str
    gap: str
    why: str
    when: str


class FieldItem(msgspec.Struct, frozen=True, kw_only=True):
    """One canonical field: what it means, its names, and the scopes at which it is evidence."""

    name: str
    title: str
    definition: str
    type: str
    unit: str | None
    standard: str
    aliases: list[str]
    weak: list[str]
    accepts: dict[str, list[str]]


class FormatItem(msgspec.Struct, frozen=True, kw_only=True):
    """One format: its layer, what it can carry at which scope, and how to get a sample.

    `evidence` are the fields that are present where the format carries them; `samples` are built in.
    """

    name: str
    layer: str
    title: str
    stability: str
    carries: dict[str, str]
    everything: bool
    aggregate: bool
    get: str
    evidence: list[str]
    samples: list[str]
    doc: str


class SampleItem(msgspec.Struct, frozen=True, kw_only=True):
    """One built-in sample; `text` is null where the format is binary."""

    name: str
    file: str
    format: str
    title: str
    shows: str
    kind: str
    text: str | None


@get(f"{API}/rules", summary="Every rule of the pack", sync_to_thread=False)
def list_rules() -> list[RuleItem]:
    """Every rule, sorted by id."""
    return msgspec.convert(load_rules(), list[RuleItem], from_attributes=True)


@get(f"{API}/fields", summary="The field catalogue", sync_to_thread=False)
def list_fields() -> list[FieldItem]:
    """Every canonical field, in the order of the catalogue."""
    return msgspec.convert(list(catalogue().fields.values()), list[FieldItem], from_attributes=True)


@get(f"{API}/formats", summary="Every format that can be read", sync_to_thread=False)
def list_formats() -> list[FormatItem]:
    """Every reader, sorted by name."""
    return [
        FormatItem(
            name=known.name,
            layer=known.layer,
            title=known.title,
            stability=known.stability,
            carries=dict(known.carries),
            everything=known.generic,
            aggregate=known.aggregate,
            get=known.get,
            evidence=evidence(known),
            samples=[sample.name for sample in samples() if sample.format == known.name],
            doc=known.doc,
        )
        for known in all_formats()
    ]


@get(f"{API}/samples", summary="The built-in samples with their text", sync_to_thread=False)
def list_samples() -> list[SampleItem]:
    """Every sample, ready to be posted."""
    return msgspec.convert(samples(), list[SampleItem], from_attributes=True)


@get(
    f"{API}/schema",
    summary="The JSON Schema of the report",
    sync_to_thread=False,
    media_type="application/schema+json",
)
def report_schema() -> bytes:
    """The schema of what an audit answers."""
    return document(schema())
