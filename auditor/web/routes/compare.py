"""Two audits compared, as a page and as JSON: each side a saved report, or inputs that are audited first.

It compares nothing itself and stores neither side.
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
from litestar.response import Template
from litestar.status_codes import HTTP_200_OK

from auditor.diff import text as contrast
from auditor.diff.compare import Diff, diff
from auditor.errors import InputError
from auditor.report.load import is_report, read_report
from auditor.report.schema import Report
from auditor.web import requests as intake
from auditor.web.problems import BadRequest, Nothing
from auditor.web.requests import Part
from auditor.web.routes.audits import run
from auditor.web.routes.pages import page
from auditor.web.routes.reference import FAILURES, STRING
from auditor.web.worker import Order, Posted
from auditor.writers.json import document

SIDES = ("before", "after")
SHOWN = 200  # changes on the page; the JSON has them all


class Envelope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two sides in one JSON document: each a report as it is, or an input as it is or as text."""

    before: msgspec.Raw
    after: msgspec.Raw


@dataclass
class DiffOperation(Operation):
    """Describes the two bodies that a comparison takes."""

    def __post_init__(self) -> None:
        """Add the request body, which the handler reads as bytes."""
        side = Schema(description="A report, or an input as JSON or as text.")
        files = Schema(type="string", format="binary")  # type: ignore[arg-type]
        both = Schema(
            type="object",  # type: ignore[arg-type]
            description=Envelope.__doc__,
            properties={"before": side, "after": side},
            required=list(SIDES),
        )
        form = Schema(
            type="object",  # type: ignore[arg-type]
            description="Files; several of one name are inputs of one side.",
            properties={"before": files, "after": files, "profile": STRING},
            required=list(SIDES),
        )
        self.request_body = RequestBody(
            required=True,
            content={
                "application/json": OpenAPIMediaType(schema=both),
                "multipart/form-data": OpenAPIMediaType(schema=form),
            },
        )


@post(
    "/diffs",
    operation_class=DiffOperation,
    summary="Compare two audits",
    responses={200: ResponseSpec(Diff, description="What changed", generate_examples=False), **FAILURES},
    status_code=HTTP_200_OK,
)
async def create_diff(
    request: Request[Any, Any, Any],
    profile: Annotated[
        str | None, QueryParameter(description="The profile for sides that are inputs")
    ] = None,
) -> Response[bytes]:
    """What changed: the same document as `auditor diff A B --format json`."""
    body, kind = await intake.body_of(request), request.headers.get("content-type", "")
    if kind.lower().startswith("multipart/"):
        parts = intake.form_parts(body, kind)
        profile = profile or _text(parts, "profile")
        sides = [_posted(parts, name) for name in SIDES]
    else:
        sides = _envelope(body)
    held = await _compared(request, sides, profile)
    return Response(document(held), media_type="application/json")


@get("/compare", include_in_schema=False, sync_to_thread=False)
def compare() -> Template:
    """The page with the two boxes."""
    return _page(None)


@post("/compare", include_in_schema=False, status_code=HTTP_200_OK)
async def compared(request: Request[Any, Any, Any]) -> Template:
    """What changed between the two sides of a posted form; a report alone is the first of them."""
    parts = intake.form_parts(await intake.body_of(request), request.headers.get("content-type", ""))
    first = _text(parts, "report")
    if first is not None:
        return _page(None, first)
    sides = [_posted(parts, name) for name in SIDES]
    return _page(await _compared(request, sides, _text(parts, "profile")))


def _page(held: Diff | None, first: str = "") -> Template:
    changes = [change for change in held.gaps if change.kind != "same"] if held else []
    return page(
        "compare.html",
        diff=held,
        first=first,
        changes=changes[:SHOWN],
        more=len(changes) - SHOWN,
        say_of=contrast,
        document=document(held).decode() if held else "",
    )


async def _compared(request: Request[Any, Any, Any], sides: list[list[Posted]], profile: str | None) -> Diff:
    before, after = [await _report(request, *side, profile) for side in zip(SIDES, sides, strict=True)]
    return diff(before, after)


async def _report(
    request: Request[Any, Any, Any], name: str, inputs: list[Posted], profile: str | None
) -> Report:
    """The report that one side is, or that the audit of its inputs gives."""
    if not inputs:
        raise InputError(f"nothing was given as {name!r}", "paste or choose a report, or an input to audit")
    if len(inputs) == 1 and is_report(inputs[0].data):
        return read_report(inputs[0].data, name)
    order = Order(inputs=intake.unique(inputs), policy={"profile": profile} if profile else {})
    report = await run(request, order)
    if not report.totals.calls:
        raise Nothing(report)
    return report


def _envelope(body: bytes) -> list[list[Posted]]:
    try:
        held = msgspec.json.decode(body, type=Envelope)
        sides = [bytes(held.before), bytes(held.after)]
        texts = [msgspec.json.decode(s, type=str).encode() if s.startswith(b'"') else s for s in sides]
    except (msgspec.DecodeError, RecursionError):
        raise BadRequest(
            "a JSON object with `before` and `after` was expected", "/schema describes it"
        ) from None
    return [[Posted(name=name, data=text)] for name, text in zip(SIDES, texts, strict=True)]


def _posted(parts: list[Part], name: str) -> list[Posted]:
    """The files and texts of one side of a form, without the empty ones that a browser sends along."""
    held = [part for part in parts if part.name == name and part.data.strip()]
    return [Posted(name=part.filename or name, data=part.data) for part in held]


def _text(parts: list[Part], name: str) -> str | None:
    return next((part.text for part in parts if part.name == name), None) or None
