"""Audits: the start page with its text boxes, the posted form, and `POST /api/v1/audits`."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec.enums import OpenAPIType
from litestar.openapi.spec.schema import Schema
from litestar.params import QueryParameter
from litestar.response import Template
from litestar.status_codes import HTTP_200_OK

from auditor.catalogue.fields import profiles
from auditor.catalogue.samples import Sample, samples, scenario
from auditor.readers.registry import all_formats, format_of
from auditor.report.arrange import arrange
from auditor.report.load import is_report, read_report
from auditor.report.quotes import handbook
from auditor.report.schema import Report
from auditor.web.openapi import API, BINARY, FAILURES, STRING, body_operation, object_schema
from auditor.web.problems import NoCalls, NotFound
from auditor.web.requests import (
    AuditEnvelope,
    api_order,
    body_of,
    field_text,
    form_order,
    form_parts,
    profile_policy,
    run_audit,
)
from auditor.web.responses import page, rewritten, written
from auditor.web.worker import Order, OrderInput
from auditor.writers import writer

_INPUT = object_schema(None, ("text",), text=STRING, name=STRING, format=STRING, layer=STRING)
_FILES = object_schema("Files; each field's name becomes the input's name, but for `policy` and `baseline`.")
_BODIES = {
    "application/json": object_schema(
        AuditEnvelope.__doc__,
        ("inputs",),
        inputs=Schema(type=OpenAPIType.ARRAY, items=_INPUT),
        policy=object_schema(),
        baseline=object_schema(),
    ),
    "multipart/form-data": replace(_FILES, additional_properties=BINARY),
    "application/octet-stream": replace(BINARY, description="One input, as it is."),
}


@get("/", include_in_schema=False, sync_to_thread=False, navigation="Audit")
def home() -> Template:
    """The page with the paste box."""
    return page("home.html", **_choices())


@post("/audit", include_in_schema=False, status_code=HTTP_200_OK)
async def audit(request: Request[Any, Any, Any]) -> Response[Any]:
    """The report of a posted form: the fragment for htmx, the whole page for a plain post.

    A saved report is shown as it is.
    """
    sample, order = await _order(request)
    if len(order.inputs) == 1 and is_report(order.inputs[0].data):
        report = read_report(order.inputs[0].data, "report")
        await rewritten(report, writer("html"))  # an error for what cannot be shown, before the page begins
    else:
        report = await run_audit(request, order)
    if nothing_recognised(report):
        raise NoCalls(report)
    return page(
        "result_part.html" if "hx-request" in request.headers else "result.html",
        view=arrange(report, handbook()),
        document=writer("json").write(report).decode(),
        sample=sample,
        sample_text=sample.text if sample else None,
    )


@post(
    f"{API}/audits",
    operation_class=body_operation(_BODIES),
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
    report = await run_audit(request, await api_order(request, profile, name, format))
    if nothing_recognised(report):
        raise NoCalls(report)
    return await written(report, out)


def nothing_recognised(report: Report) -> bool:
    """Whether a report is about no call and no input of a product's format: there is nothing to say of it."""
    known = (format_of(given.format) for given in report.inputs)
    return not report.totals.calls and all(one is None or one.generic for one in known)


async def _order(request: Request[Any, Any, Any]) -> tuple[Sample | None, Order]:
    """The order of the posted form, and the sample that one of its buttons names."""
    parts = form_parts(await body_of(request), request.headers.get("content-type", ""))
    name = field_text(parts, "sample")
    if not name:
        return None, form_order(parts)
    policy = profile_policy(field_text(parts, "profile"))
    world = scenario()
    if name == world.name:
        hops = [OrderInput(name=hop, data=world.path(hop).read_bytes(), hop=hop) for hop in world.hops]
        return None, Order(inputs=hops, policy=policy)
    sample = next((sample for sample in samples() if sample.name == name), None)
    if sample is None:
        raise NotFound("there is no sample of this name", "/api/v1/samples lists them")
    whole = OrderInput(name=sample.file, data=sample.path.read_bytes(), format=sample.format)
    return sample, Order(inputs=[whole], policy=policy)


def offered_samples() -> tuple[Sample, ...]:
    """The samples with a button: those that hold calls and can be pasted."""
    with_calls = {known.name for known in all_formats() if not known.aggregate}
    return tuple(sample for sample in samples() if sample.format in with_calls and sample.text is not None)


@cache
def _choices() -> dict[str, Any]:
    """What the start page offers: the samples that have a card, and all by their format."""
    offered = offered_samples()
    by_format: dict[str, list[Sample]] = {}
    for sample in sorted(offered, key=lambda sample: (sample.format, sample.kind)):
        by_format.setdefault(sample.format, []).append(sample)
    cards = sorted((sample for sample in offered if sample.card), key=lambda sample: sample.card)
    return {
        "profiles": profiles().values(),
        "formats": all_formats(),
        "samples": {"first": cards, "more": by_format},
        "scenario": scenario(),
    }
