"""A report as an answer: written in some format, with the texts of the shipped rules.

It judges nothing; a writer works in a thread, for a large report takes it a while.
"""

from __future__ import annotations

from anyio import to_thread
from litestar import Response

from auditor.errors import InputError
from auditor.report.quotes import handbook
from auditor.report.schema import Report
from auditor.writers import Options, Writer

# what the page offers to keep, by the name of its writer
MENU = {"json": "JSON", "html": "HTML", "markdown": "Markdown", "csv": "CSV", "sarif": "SARIF"}


async def written(report: Report, out: Writer) -> Response[bytes]:
    """The report in the format of a writer, under its media type."""
    data = await to_thread.run_sync(out.write, report, Options(handbook=handbook()))
    return Response(data, media_type=out.media_type)


async def rewritten(report: Report, out: Writer) -> Response[bytes]:
    """A report from outside in the format of a writer; InputError where it contradicts itself."""
    try:
        return await written(report, out)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        # its types were right, and nobody wrote it as it stands
        raise InputError("the report contradicts itself", "it was changed by hand: audit again") from None
