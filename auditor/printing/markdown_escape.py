"""Text for Markdown without markup of an input: no HTML, link, mention, table or heading.

What is not a plain word is shown as code, between more backticks than it contains.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from auditor.printing.markdown import runs
from auditor.printing.text import logged

# a word, a figure, a quoted word, a sum; no mark of Markdown, no @mention, no #1, no &entity;
_WORD = re.compile(r"(?:['(]*+\")*+[\w.,;:%'()?!/+=$€…→·-]++(?:\"[').,;:?!]*+)*+\Z")
_MARKUP = re.compile(r"_|www\.|//|^:\w+:|^[-+=]+$|^\d+[.)]$|^[-+=]|::")
_TICKS = re.compile(r"`+")


def code(text: str) -> str:
    """`text` as code on one line; an empty one as nothing."""
    line = logged(text)
    if not line.strip():
        return ""
    fence = "`" * (max((len(ticks) for ticks in _TICKS.findall(line)), default=0) + 1)
    space = " " if line[0] in "` " or line[-1] in "` " else ""
    return f"{fence}{space}{line}{space}{fence}"


def words(text: str) -> str:
    """A sentence of the report, with everything as code that is not a plain word."""
    return " ".join(
        code(run.text) if run.code else " ".join(map(_word, run.text.split()))
        for run in runs(logged(text))
        if run.text.strip()
    )


def _word(word: str) -> str:
    if _WORD.match(word) and not _MARKUP.search(word):
        return word
    body = word.rstrip(".,;:!?")
    return f"{code(body)}{word[len(body) :]}" if body else code(word)


def cell(text: str) -> str:
    """A cell of a table: a pipe ends it even within code."""
    return text.replace("|", "\\|")


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()) -> list[str]:
    """The lines of a table; `right` are the numbers of columns with figures."""
    marks = ["---:" if n in set(right) else "---" for n in range(len(head))]
    return [f"| {' | '.join(map(cell, row))} |" for row in ([*head], marks, *rows)]


def block(text: str, language: str = "") -> list[str]:
    """Lines kept as they are."""
    lines = [logged(line.expandtabs(4)) for line in text.rstrip().split("\n")]
    longest = max((len(ticks) for line in lines for ticks in _TICKS.findall(line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", *lines, fence]
