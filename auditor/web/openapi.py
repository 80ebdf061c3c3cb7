"""Parts of the OpenAPI document that no handler's types give: request bodies read as bytes, and failures."""

from __future__ import annotations

from dataclasses import dataclass

from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Operation
from litestar.openapi.spec.enums import OpenAPIType
from litestar.openapi.spec.media_type import OpenAPIMediaType
from litestar.openapi.spec.request_body import RequestBody
from litestar.openapi.spec.schema import Schema

from auditor.web.problems import PROBLEM_JSON, Problem

API = "/api/v1"  # where every address of the API begins
STRING = Schema(type=OpenAPIType.STRING)
BINARY = Schema(type=OpenAPIType.STRING, format="binary")  # type: ignore[arg-type]

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


def body_operation(bodies: dict[str, Schema]) -> type[Operation]:
    """The class of an operation with these request bodies, by media type; its handler reads bytes."""
    body = RequestBody(
        required=True, content={kind: OpenAPIMediaType(schema=schema) for kind, schema in bodies.items()}
    )

    @dataclass
    class BodyOperation(Operation):
        def __post_init__(self) -> None:
            self.request_body = body

    return BodyOperation


def object_schema(
    description: str | None = None, required: tuple[str, ...] = (), **properties: Schema
) -> Schema:
    """The schema of a JSON object or a form with these properties."""
    return Schema(
        type=OpenAPIType.OBJECT,
        description=description,
        properties={**properties} or None,
        required=list(required) or None,
    )
