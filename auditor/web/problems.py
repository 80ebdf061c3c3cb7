"""Every error as one answer: problem details (RFC 9457) for programs, a page for people.

An answer has the error's own text only: no traceback, no value, no path of this machine.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.enums import MediaType
from litestar.exceptions import HTTPException
from litestar.response import Template

from auditor import errors
from auditor.errors import AuditError, NothingToAudit
from auditor.report.schema import Report
from auditor.web import log
from auditor.web.worker import frames

PROBLEM_JSON = "application/problem+json"
LOCALLY = "the command line has no limits of this kind: auditor audit FILE"


class Busy(AuditError):
    """Every worker is busy and the queue is full."""

    status = 503
    title = "Too many audits at once"
    retry_after = 5


class TooSlow(AuditError):
    """The audit passed its time limit; its process was killed."""

    status = 504
    title = "The audit took too long"


class ClientGone(AuditError):
    """The client left before its answer: nobody reads this, and the log counts it as 499."""

    status = 499
    title = "The client left"

    def __init__(self) -> None:
        super().__init__("the connection was closed before the answer")


class WorkerDied(AuditError):
    """The process of the audit ended without an answer, or met a bug."""

    status = 500
    title = "The audit broke"


class ForeignOrigin(AuditError):
    """A browser sent the request on behalf of another site."""

    status = 403
    title = "Sent from another site"

    def __init__(self) -> None:
        super().__init__(
            "this request came from another site's page", "open the page here and send it from there"
        )


class BadRequest(AuditError):
    """The request itself could not be understood."""

    title = "The request could not be read"


class NotFound(AuditError):
    """No page, rule or sample has this address."""

    status = 404
    title = "Not found"

    def __init__(self, message: str = "there is nothing at this address", hint: str = "") -> None:
        super().__init__(message, hint or "start at the page / or read /schema")


class MethodNotAllowed(AuditError):
    """The address exists and does not take this method."""

    status = 405
    title = "Method not allowed"


class InternalError(AuditError):
    """A bug of the service."""

    status = 500
    title = "The service met a bug"


class Recognised(msgspec.Struct, frozen=True, kw_only=True):
    """What one input of a failed audit was taken for."""

    name: str
    format: str
    layer: str
    records: int
    calls: int
    context: int
    skipped_total: int
    notes: list[str]


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Problem details as of RFC 9457, with what to do next and what was recognised as extensions."""

    type: str
    title: str
    status: int
    detail: str
    hint: str = ""
    inputs: list[Recognised] = []


class NoCalls(NothingToAudit):
    """Readable inputs without a model call, with the report that says what they are."""

    def __init__(self, report: Report) -> None:
        what = ", ".join(sorted({given.format for given in report.inputs})) or "no input"
        super().__init__(
            f"no model call was found; recognised: {what}",
            "paste a trace, a gateway log, an invocation log or a bill; /formats says how to get one",
        )
        self.report = report


KINDS: tuple[type[AuditError], ...] = (
    BadRequest, errors.UsageError, errors.PolicyError, ForeignOrigin, NotFound, MethodNotAllowed,
    errors.TooLarge, errors.InputError, errors.UnsupportedInput, errors.NothingToAudit,
    WorkerDied, InternalError, Busy, TooSlow,
)  # fmt: skip


def kind_name(kind: type[AuditError]) -> str:
    """The last part of the problem's type: `too-large`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind.__name__).lower()


def known(exc: Exception, max_body_text: str) -> AuditError:
    """The error to answer: our own as it is, a plain sentence for the framework's, a bug otherwise."""
    if isinstance(exc, AuditError):
        return exc
    status = exc.status_code if isinstance(exc, HTTPException) else 500
    if status == 404:
        return NotFound()
    if status == 405:
        return MethodNotAllowed("this address does not take this method", "/schema lists what each one takes")
    if status == 413:
        return errors.TooLarge(f"the request is larger than {max_body_text}", LOCALLY)
    if status < 500:
        return BadRequest(
            "the request does not have the form that /schema describes", "compare it with /schema"
        )
    return InternalError(
        "the request was understood, the fault is here", "please report it with the time of day"
    )


def answer(request: Request[Any, Any, Any], exc: Exception) -> Response[Any]:
    """The one exception handler of the application."""
    error = known(exc, request.app.state.settings.max_body_text)
    if isinstance(error, InternalError):
        log.crashed(type(exc).__name__, frames(exc))
    kind = next(k for k in type(error).__mro__ if k in KINDS or k is AuditError)
    report = error.report if isinstance(error, NoCalls) else None
    problem = Problem(
        type=f"/problems#{kind_name(kind)}",
        title=error.title,
        status=error.status,
        detail=error.message,
        hint=error.hint,
        inputs=_recognised(report) if report else [],
    )
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, Busy) else {}
    if not wants_page(request):
        return Response(
            msgspec.json.encode(problem), status_code=error.status, media_type=PROBLEM_JSON, headers=headers
        )
    name = "problem_part.html" if "hx-request" in request.headers else "problem.html"
    return Template(
        name,
        context={"problem": problem, "report": report},
        status_code=error.status,
        media_type=MediaType.HTML,
        headers=headers,
    )


def wants_page(request: Request[Any, Any, Any]) -> bool:
    """Whether the client reads pages: a browser outside the API."""
    if request.url.path.startswith("/api/"):
        return False
    return "hx-request" in request.headers or "text/html" in request.headers.get("accept", "")


def _recognised(report: Report) -> list[Recognised]:
    return msgspec.convert(report.inputs, list[Recognised], from_attributes=True)
