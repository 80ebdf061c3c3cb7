"""The report as one HTML file to read from a disk and to print, by the templates and style sheet of the page.

It has no script, and its content security policy forbids the browser every request.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
from functools import cache
from typing import TYPE_CHECKING

from auditor.writers import Options, Writer

if TYPE_CHECKING:
    from jinja2 import Template

    from auditor.report.handbook import Handbook
    from auditor.report.schema import Report


def write(report: Report, options: Options) -> bytes:
    """The report as the page shows it, with every text that it needs."""
    from auditor.report.arrange import arrange

    return _template(options.handbook).render(view=arrange(report, options.handbook)).encode() + b"\n"


@cache
def _template(handbook: Handbook) -> Template:
    from markupsafe import Markup

    from auditor.report.templates import environment

    sheet = (importlib.resources.files("auditor") / "web" / "static" / "style.css").read_text("utf-8").strip()
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    made = environment(handbook)
    made.globals |= {
        "site": False,
        "sheet": Markup(sheet),  # noqa: S704 - our own file
        "policy": f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
    }
    return made.get_template("report_file.html")


WRITER = Writer("html", ".html", "text/html; charset=utf-8", write, also=(".htm",))
