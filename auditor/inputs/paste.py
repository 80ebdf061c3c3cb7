"""What editors, mails and web pages add to a pasted text, removed: line numbers, quotes, entities, CR.

Line numbers do not change.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from itertools import pairwise

_MOST = 0.9  # share of the lines that must have a mark
_GUTTER = re.compile(r"^ *\d{1,6}(?: ?[|│:→]|\t)(?: |(?=\S)|$)")
_QUOTE = re.compile(r"^(?:> ?)+")
_ENTITY = re.compile(r"&#?\w+;")
_DIFF = re.compile(r"^[+-](?![+-])")
_REQUEST = re.compile(r"(?m)^> [A-Z]{3,10} \S+ HTTP/\d")
# after a gutter the lines must look like records: else the numbers are the data
_RECORD = re.compile(r'^\s*[{\[}\]"]|=|^\s*\w+:')


def clean_paste(data: bytes) -> tuple[bytes, str]:
    """The text without what a paste added, and the name of that; unchanged and "" where nothing was added."""
    if not data.strip():
        return data, ""
    if b"\r" in data and b"\n" not in data:
        return data.replace(b"\r", b"\n"), "line ends of an old Macintosh"
    if b"&quot;" in data and b'"' not in data:
        return html.unescape(data.decode("utf-8", "replace")).encode(), "HTML entities"
    head = data[:65536].decode("utf-8", "replace")
    for pattern, what, is_possible in _MARKS:
        if is_possible(head) and _on_most(head, pattern):
            lines = data.decode("utf-8", "replace").split("\n")
            return "\n".join(pattern.sub("", line) for line in lines).encode(), what
    return data, ""


def column_in_paste(pasted: str, after: int, column: int) -> int:
    """The column that a column of the cleaned text has in a line as it was pasted.

    `after` is the number of characters of the cleaned line from that column on.
    """
    pasted = pasted.rstrip("\r")
    if _ENTITY.search(pasted) and len(html.unescape(pasted)) == after + column - 1:
        entities, at = 0, 0  # what entities are longer than their characters, up to the column
        for match in _ENTITY.finditer(pasted):
            at = match.start() - entities
            if at >= column - 1:
                break
            entities += len(match[0]) - len(html.unescape(match[0]))
        return column + entities
    return max(len(pasted) - after + 1, column)


def _on_most(head: str, pattern: re.Pattern[str]) -> bool:
    """Whether nearly every line begins with a mark, and looks like a record after it."""
    lines = [line for line in head.split("\n") if line.strip()]
    marked = [line for line in lines if pattern.match(line)]
    if len(lines) < 2 or len(marked) < _MOST * len(lines):
        return False
    rest = [pattern.sub("", line) for line in marked]
    return sum(bool(_RECORD.search(line)) for line in rest) >= 0.5 * len(rest)


def _numbers_rise(head: str) -> bool:
    """Whether the numbers of a gutter count lines: each is one more than the one above."""
    numbers = [int(m[0].strip(" |│:→\t")) for m in map(_GUTTER.match, head.split("\n")[:50]) if m]
    return len(numbers) > 1 and all(b - a == 1 for a, b in pairwise(numbers))


def _is_no_request(head: str) -> bool:
    return not _REQUEST.search(head)


def _is_no_yaml(head: str) -> bool:
    return not re.search(r"(?m)^- ", head)


_MARKS: tuple[tuple[re.Pattern[str], str, Callable[[str], bool]], ...] = (
    (_GUTTER, "line numbers of an editor", _numbers_rise),
    (_QUOTE, "quote marks of a mail or a chat", _is_no_request),
    (_DIFF, "the plus and minus signs of a diff", _is_no_yaml),
)
