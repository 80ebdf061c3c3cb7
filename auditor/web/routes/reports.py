"""A saved report in another format: as a download of the page, or by the API."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Response, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter
from litestar.status_codes import HTTP_200_OK

from auditor.report.load import read_report
from auditor.web.openapi import API, FAILURES, body_operation, object_schema
from auditor.web.problems import BadRequest
from auditor.web.requests import body_of, form_parts
from auditor.web.responses import rewritten
from auditor.writers import writer

FILE = "attribution-report"


_BODIES = {"application/json": object_schema("A report, as `/api/v1/schema` describes it.")}


@post(
    f"{API}/reports",
    operation_class=body_operation(_BODIES),
    summary="Write a report in another format",
    responses={
        200: ResponseSpec(str, description="The report in that format", generate_examples=False),
        **{status: FAILURES[status] for status in (400, 413, 422)},
    },
    status_code=HTTP_200_OK,
)
async def write_report(
    request: Request[Any, Any, Any],
    output: Annotated[
        str, QueryParameter(description="The format, as of `auditor audit --format`")
    ] = "sarif",
) -> Response[bytes]:
    """The report that is the request's body, in the format that was asked for."""
    return await rewritten(read_report(await body_of(request), "body"), writer(output))


@post("/reports", include_in_schema=False, status_code=HTTP_200_OK)
async def download_report(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The report of a posted form as a file, in the format of the button that was pressed."""
    parts = form_parts(await body_of(request), request.headers.get("content-type", ""))
    fields = {part.name: part for part in parts if part.filename is None}
    if "report" not in fields:
        raise BadRequest("the form holds no report", "press a button beside a report")
    out = writer(fields["as"].text if "as" in fields else "json")
    answer = await rewritten(read_report(fields["report"].data, "the report of the form"), out)
    answer.headers["Content-Disposition"] = f'attachment; filename="{FILE}{out.suffix}"'
    return answer
