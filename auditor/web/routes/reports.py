"""A report that was made before, written anew: as a file to keep from the page, or by the API.

It audits nothing and stores nothing: the report comes with the request and leaves with the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, Response, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Operation
from litestar.openapi.spec.media_type import OpenAPIMediaType
from litestar.openapi.spec.request_body import RequestBody
from litestar.openapi.spec.schema import Schema
from litestar.params import QueryParameter
from litestar.status_codes import HTTP_200_OK

from auditor.report.load import read_report
from auditor.web import requests as intake
from auditor.web.problems import BadRequest
from auditor.web.responses import rewritten
from auditor.web.routes.reference import FAILURES
from auditor.writers import writer

FILE = "attribution-report"


@dataclass
class ReportOperation(Operation):
    """Describes the body that is written anew."""

    def __post_init__(self) -> None:
        """Add the request body, which the handler reads as bytes."""
        held = Schema(type="object", description="A report, as `/api/v1/schema` describes it.")  # type: ignore[arg-type]
        self.request_body = RequestBody(
            required=True, content={"application/json": OpenAPIMediaType(schema=held)}
        )


@post(
    "/reports",
    operation_class=ReportOperation,
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
    return await rewritten(read_report(await intake.body_of(request), "body"), writer(output))


@post("/reports", include_in_schema=False, status_code=HTTP_200_OK)
async def keep(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The report of a posted form as a file, in the format of the button that was pressed."""
    parts = intake.form_parts(await intake.body_of(request), request.headers.get("content-type", ""))
    fields = {part.name: part for part in parts if part.filename is None}
    if "report" not in fields:
        raise BadRequest("the form holds no report", "press a button beside a report")
    out = writer(fields["as"].text if "as" in fields else "json")
    answer = await rewritten(read_report(fields["report"].data, "the report of the form"), out)
    answer.headers["Content-Disposition"] = f'attachment; filename="{FILE}{out.suffix}"'
    return answer
