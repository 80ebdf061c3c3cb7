"""Answers: a page from a template, and a report in the format of a writer."""

from __future__ import annotations

from typing import Any

from anyio import to_thread
from litestar import Response
from litestar.enums import MediaType
from litestar.response import Template
from litestar.status_codes import HTTP_200_OK

from auditor.errors import InputError
from auditor.report.quotes import handbook
from auditor.report.schema import Report
from auditor.writers import Options, Writer

# writers that the page offers for download, with their titles
MENU = {"json": "JSON", "html": "HTML", "markdown": "Markdown", "csv": "CSV", "sarif": "SARIF"}


def page(name: str, status: int = HTTP_200_OK, **context: Any) -> Template:
    """A page or a fragment of one from a template."""
    return Template(name, context=context, status_code=status, media_type=MediaType.HTML)


async def written(report: Report, out: Writer) -> Response[bytes]:
    """The report in the format of a writer, under its media type; a thread does the work."""
    data = await to_thread.run_sync(out.write, report, Options(handbook=handbook()))
    return Response(data, media_type=out.media_type)


async def rewritten(report: Report, out: Writer) -> Response[bytes]:
    """A report of a request in the format of a writer; InputError where it contradicts itself."""
    try:
        return await written(report, out)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        # its types are valid, its content is not what this program writes
        raise InputError("the report contradicts itself", "it was changed by hand: audit again") from None
