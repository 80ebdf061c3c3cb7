"""Text for Markdown in which nothing of an input acts: no HTML, link, mention, table or heading.

What is not plainly a word is shown as code, and code is fenced by more backticks than it holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from auditor.printing.markdown import runs
from auditor.printing.text import logged

# a word, a figure, a quoted word, a sum; no mark of Markdown, no @mention, no #1, no &entity;
_WORD = re.compile(r"(?:['(]*+\")*+[\w.,;:%'()?!/+=$€…→·-]++(?:\"[').,;:?!]*+)*+\Z")
_ACTS = re.compile(r"_|www\.|//|^:\w+:|^[-+=]+$|^\d+[.)]$|^[-+=]|::")
_TICKS = re.compile(r"`+")


def code(text: str) -> str:
    """`text` as code on one line; an empty one as nothing."""
    held = logged(text)
    if not held.strip():
        return ""
    fence = "`" * (max((len(found) for found in _TICKS.findall(held)), default=0) + 1)
    space = " " if held[0] in "` " or held[-1] in "` " else ""
    return f"{fence}{space}{held}{space}{fence}"


def words(text: str) -> str:
    """A sentence of the report, whatever is not a plain word in it as code."""
    return " ".join(
        code(run.text) if run.code else " ".join(map(_word, run.text.split()))
        for run in runs(logged(text))
        if run.text.strip()
    )


def _word(word: str) -> str:
    if _WORD.match(word) and not _ACTS.search(word):
        return word
    body = word.rstrip(".,;:!?")
    return f"{code(body)}{word[len(body) :]}" if body else code(word)


def cell(text: str) -> str:
    """A cell of a table: a pipe would end it even within code."""
    return text.replace("|", "\\|")


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()) -> list[str]:
    """The lines of a table; columns named in `right` hold figures."""
    marks = ["---:" if n in set(right) else "---" for n in range(len(head))]
    return [f"| {' | '.join(map(cell, row))} |" for row in ([*head], marks, *rows)]


def block(text: str, language: str = "") -> list[str]:
    """Lines kept as they are."""
    held = [logged(line.expandtabs(4)) for line in text.rstrip().split("\n")]
    longest = max((len(found) for line in held for found in _TICKS.findall(line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", *held, fence]
