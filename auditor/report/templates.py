"""The templates of a report, for the page and for a file: how they are found, escaped and filled.

It renders nothing itself, and a template can call nothing but what is given to it here.
"""

from __future__ import annotations

from functools import partial

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from auditor.catalogue.resources import folder
from auditor.printing import markdown as prose
from auditor.printing.text import count, logged, money, plural, share
from auditor.report import arrange as view
from auditor.report import beyond
from auditor.report.handbook import Handbook


def environment(handbook: Handbook) -> Environment:
    """The templates: escaped always, an unknown name is an error."""
    made = Environment(
        loader=FileSystemLoader(folder("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"blocks": prose.blocks, "runs": prose.runs, "visible": logged, "money": money}
    made.filters |= {"count": count, "plural": plural, "share": share}
    made.filters |= {"excerpt": view.excerpt, "place": view.place, "segments": view.segments}
    made.filters |= {"recipes": partial(view.recipes, handbook=handbook)}
    made.globals |= {"beyond": beyond, "words": view.VERDICT_WORDS}
    return made
