"""Tables of a saved web page as rows of named cells.

Scripts, styles and attributes are dropped, and nothing that the page names is ever fetched.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

_PAGE = re.compile(r"(?is)^\s*(?:<!doctype html|<html|<table|<div|<body|<section|<meta)")
MAX_CELLS = 200_000


def is_html(text: str) -> bool:
    """Whether a text is a page with a table in it."""
    return bool(_PAGE.match(text)) and "<t" in text[:262_144].lower()


class _Tables(HTMLParser):
    """Collects (line, cells) of every table row."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[tuple[int, list[str]]] = []
        self._open = False
        self._count = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if self._count > MAX_CELLS:
            return
        if tag == "tr":
            self.rows.append((self.getpos()[0], []))
        elif tag in ("td", "th") and self.rows:
            self._count += 1
            self.rows[-1][1].append("")
            self._open = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "tr"):
            self._open = False

    def handle_data(self, data: str) -> None:
        if self._open and self.rows and self.rows[-1][1]:
            self.rows[-1][1][-1] += data


def html_rows(text: str) -> list[tuple[int, dict[str, str]]]:
    """(line, row) of the tables of a page; the first row is the header, others of its width are rows."""
    parser = _Tables()
    parser.feed(text)
    rows = [(line, [" ".join(c.split()) for c in cells]) for line, cells in parser.rows if cells]
    if not rows:
        return []
    (_, header), *body = rows
    return [
        (line, dict(zip(header, cells, strict=True))) for line, cells in body if len(cells) == len(header)
    ]
