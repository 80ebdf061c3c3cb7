"""The Jinja environment of the pages and of the HTML report: loader, escaping, filters and globals."""

from __future__ import annotations

from functools import partial

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from auditor.catalogue.resources import folder
from auditor.printing import markdown
from auditor.printing.ink import spoken
from auditor.printing.text import count, logged, money, plural, share
from auditor.report import arrange, sentences
from auditor.report.handbook import Handbook


def environment(handbook: Handbook) -> Environment:
    """The environment: everything is escaped, an unknown name is an error."""
    made = Environment(
        loader=FileSystemLoader(folder("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"blocks": markdown.blocks, "runs": markdown.runs, "visible": logged, "money": money}
    made.filters |= {"count": count, "plural": plural, "share": share, "spoken": spoken}
    made.filters |= {"excerpt": arrange.excerpt, "place": arrange.place, "segments": arrange.segments}
    made.filters |= {"recipes": partial(arrange.recipes, handbook=handbook)}
    made.globals |= {"sentences": sentences}
    return made
