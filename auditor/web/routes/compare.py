"""Two audits compared, as a page and as JSON: each side a saved report, or inputs that are audited first."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec.schema import Schema
from litestar.params import QueryParameter
from litestar.response import Template
from litestar.status_codes import HTTP_200_OK

from auditor.diff import text as diff_text
from auditor.diff.compare import Diff, diff
from auditor.errors import InputError
from auditor.report.load import is_report, read_report
from auditor.report.schema import Report
from auditor.web.openapi import API, BINARY, FAILURES, STRING, body_operation, object_schema
from auditor.web.problems import BadRequest, NoCalls
from auditor.web.requests import FormPart, body_of, field_text, form_parts, profile_policy, run_audit, unique
from auditor.web.responses import page
from auditor.web.worker import Order, OrderInput
from auditor.writers.json import document

SIDES = ("before", "after")
SHOWN = 200  # changes on the page; the JSON has them all


class DiffEnvelope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two sides in one JSON document: each a report as it is, or an input as it is or as text."""

    before: msgspec.Raw
    after: msgspec.Raw


_SIDE = Schema(description="A report, or an input as JSON or as text.")
_BODIES = {
    "application/json": object_schema(DiffEnvelope.__doc__, SIDES, before=_SIDE, after=_SIDE),
    "multipart/form-data": object_schema(
        "Files; several of one name are inputs of one side.",
        SIDES,
        before=BINARY,
        after=BINARY,
        profile=STRING,
    ),
}


@post(
    f"{API}/diffs",
    operation_class=body_operation(_BODIES),
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
    body, kind = await body_of(request), request.headers.get("content-type", "")
    if kind.lower().startswith("multipart/"):
        parts = form_parts(body, kind)
        profile = profile or field_text(parts, "profile")
        sides = [_side(parts, name) for name in SIDES]
    else:
        sides = _envelope(body)
    changes = await _compared(request, sides, profile)
    return Response(document(changes), media_type="application/json")


@get("/compare", include_in_schema=False, sync_to_thread=False, navigation="Compare")
def compare() -> Template:
    """The page with the two boxes."""
    return _page(None)


@post("/compare", include_in_schema=False, status_code=HTTP_200_OK)
async def compared(request: Request[Any, Any, Any]) -> Template:
    """What changed between the two sides of a posted form; a report alone is the first of them."""
    parts = form_parts(await body_of(request), request.headers.get("content-type", ""))
    first = field_text(parts, "report")
    if first:
        return _page(None, first)
    sides = [_side(parts, name) for name in SIDES]
    return _page(await _compared(request, sides, field_text(parts, "profile")))


def _page(result: Diff | None, first: str = "") -> Template:
    changes = [change for change in result.gaps if change.kind != "same"] if result else []
    return page(
        "compare.html",
        diff=result,
        first=first,
        changes=changes[:SHOWN],
        more=len(changes) - SHOWN,
        diff_text=diff_text,
        document=document(result).decode() if result else "",
    )


async def _compared(
    request: Request[Any, Any, Any], sides: list[list[OrderInput]], profile: str | None
) -> Diff:
    before, after = [await _report(request, *side, profile) for side in zip(SIDES, sides, strict=True)]
    return diff(before, after)


async def _report(
    request: Request[Any, Any, Any], name: str, inputs: list[OrderInput], profile: str | None
) -> Report:
    """The report that one side is, or that the audit of its inputs gives."""
    if not inputs:
        raise InputError(f"nothing was given as {name!r}", "paste or choose a report, or an input to audit")
    if len(inputs) == 1 and is_report(inputs[0].data):
        return read_report(inputs[0].data, name)
    order = Order(inputs=unique(inputs), policy=profile_policy(profile))
    report = await run_audit(request, order)
    if not report.totals.calls:
        raise NoCalls(report)
    return report


def _envelope(body: bytes) -> list[list[OrderInput]]:
    try:
        envelope = msgspec.json.decode(body, type=DiffEnvelope)
        sides = [bytes(envelope.before), bytes(envelope.after)]
        texts = [msgspec.json.decode(s, type=str).encode() if s.startswith(b'"') else s for s in sides]
    except (msgspec.DecodeError, RecursionError):
        raise BadRequest(
            "a JSON object with `before` and `after` was expected", "/schema describes it"
        ) from None
    return [[OrderInput(name=name, data=text)] for name, text in zip(SIDES, texts, strict=True)]


def _side(parts: list[FormPart], name: str) -> list[OrderInput]:
    """The files and texts of one side of a form, without the empty ones that a browser sends too."""
    filled = [part for part in parts if part.name == name and part.data.strip()]
    return [OrderInput(name=part.filename or name, data=part.data) for part in filled]
