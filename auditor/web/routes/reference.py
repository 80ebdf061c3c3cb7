"""The JSON API under /api/v1: audits, and the reference lists that the pages show.

It never renders a page, and answers every error as problem details.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Operation
from litestar.openapi.spec.media_type import OpenAPIMediaType
from litestar.openapi.spec.request_body import RequestBody
from litestar.openapi.spec.schema import Schema
from litestar.params import QueryParameter
from litestar.status_codes import HTTP_200_OK

from auditor.catalogue.fields import catalogue
from auditor.catalogue.rules import load_rules
from auditor.catalogue.samples import samples
from auditor.readers.matrix import evidence
from auditor.readers.registry import all_formats
from auditor.report.schema import Report
from auditor.web.problems import PROBLEM_JSON, Nothing, Problem
from auditor.web.requests import Envelope, api_order
from auditor.web.responses import written
from auditor.web.routes.audits import run
from auditor.writers import writer
from auditor.writers.json import document, schema

STRING = Schema(type="string")  # type: ignore[arg-type]


class RuleItem(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of the pack."""

    id: str
    name: str
    fields: list[str]
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


@dataclass
class AuditOperation(Operation):
    """Describes the three bodies that an audit takes."""

    def __post_init__(self) -> None:
        """Add the request body, which the handler reads as bytes."""
        one = Schema(
            type="object",  # type: ignore[arg-type]
            properties={"text": STRING, "name": STRING, "format": STRING, "layer": STRING},
            required=["text"],
        )
        envelope = Schema(
            type="object",  # type: ignore[arg-type]
            description=Envelope.__doc__,
            properties={
                "inputs": Schema(type="array", items=one),  # type: ignore[arg-type]
                "policy": Schema(type="object"),  # type: ignore[arg-type]
                "baseline": Schema(type="object"),  # type: ignore[arg-type]
            },
            required=["inputs"],
        )
        files = Schema(
            type="object",  # type: ignore[arg-type]
            description="Files; each field's name becomes the input's name, but for `policy` and `baseline`.",
            additional_properties=Schema(type="string", format="binary"),  # type: ignore[arg-type]
        )
        raw = Schema(type="string", format="binary", description="One input, as it is.")  # type: ignore[arg-type]
        self.request_body = RequestBody(
            required=True,
            content={
                "application/json": OpenAPIMediaType(schema=envelope),
                "multipart/form-data": OpenAPIMediaType(schema=files),
                "application/octet-stream": OpenAPIMediaType(schema=raw),
            },
        )


FAILURES = {
    status: ResponseSpec(Problem, description=text, media_type=PROBLEM_JSON, generate_examples=False)
    for status, text in {
        400: "The request or the policy is wrong",
        413: "The request is larger than the limit",
        422: "Nothing readable, or nothing to audit: `inputs` says what was recognised",
        503: "Every worker is busy; Retry-After says when to come back",
        504: "The audit passed its time limit and was stopped",
    }.items()
}


@post(
    "/audits",
    operation_class=AuditOperation,
    summary="Audit one or several inputs",
    responses={
        200: ResponseSpec(Report, description="The report", generate_examples=False),
        **FAILURES,
    },
    status_code=HTTP_200_OK,
)
async def create_audit(
    request: Request[Any, Any, Any],
    profile: Annotated[str | None, QueryParameter(description="The profile to judge by")] = None,
    name: Annotated[str | None, QueryParameter(description="The name of a raw body")] = None,
    format: Annotated[str | None, QueryParameter(description="The format, where it is known")] = None,  # noqa: A002
    output: Annotated[
        str, QueryParameter(description="What to answer, as of `auditor audit --format`")
    ] = "json",
) -> Response[bytes]:
    """The report of what was sent: the same document as `auditor audit --format json`."""
    out = writer(output)
    report = await run(request, await api_order(request, profile, name, format))
    if not report.totals.calls:
        raise Nothing(report)
    return await written(report, out)


@get("/rules", summary="Every rule of the pack", sync_to_thread=False)
def list_rules() -> list[RuleItem]:
    """Every rule, sorted by id."""
    return [
        RuleItem(
            id=r.id,
            name=r.name,
            fields=list(r.field),
            verdict=str(r.verdict),
            cause=str(r.cause) if r.cause else None,
            level=str(r.level),
            since=r.since,
            status=r.status,
            title=r.title,
            gap=r.gap,
            why=r.why,
            when=r.when,
        )
        for r in load_rules()
    ]


@get("/fields", summary="The field catalogue", sync_to_thread=False)
def list_fields() -> list[FieldItem]:
    """Every canonical field, in the order of the catalogue."""
    return [
        FieldItem(
            name=f.name,
            title=f.title,
            definition=f.definition,
            type=f.type,
            unit=f.unit,
            standard=f.standard,
            aliases=f.aliases,
            weak=f.weak,
            accepts=f.accepts,
        )
        for f in catalogue().fields.values()
    ]


@get("/formats", summary="Every format that can be read", sync_to_thread=False)
def list_formats() -> list[FormatItem]:
    """Every reader, sorted by name."""
    return [
        FormatItem(
            name=r.name,
            layer=r.layer,
            title=r.title,
            carries=dict(r.carries),
            everything=r.generic,
            aggregate=r.aggregate,
            get=r.get,
            evidence=evidence(r),
            samples=[s.name for s in samples() if s.format == r.name],
            doc=r.doc,
        )
        for r in all_formats()
    ]


@get("/samples", summary="The built-in samples with their text", sync_to_thread=False)
def list_samples() -> list[SampleItem]:
    """Every sample, ready to be posted."""
    return [
        SampleItem(
            name=s.name,
            file=s.file,
            format=s.format,
            title=s.title,
            shows=s.shows,
            kind=s.kind,
            text=text_of(s.path.read_bytes()),
        )
        for s in samples()
    ]


@get(
    "/schema",
    summary="The JSON Schema of the report",
    sync_to_thread=False,
    media_type="application/schema+json",
)
def report_schema() -> bytes:
    """The schema of what an audit answers."""
    return document(schema())


def text_of(data: bytes) -> str | None:
    """A sample as text, None where it is binary."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
