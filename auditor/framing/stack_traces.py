"""Lines of stack traces between log lines: what raised an error was told by the line that logged it.

It never reads code, and ends where the next log line begins.
"""

from __future__ import annotations

import re

from auditor.framing.log_lines import Line

_BEGIN = "Traceback (most recent call last):"
_FRAME = re.compile(r'File "[^"]*", line \d+')
_SERVICE = re.compile(r"(?<![\w.-])[\w.-]++\s++\| ")  # Compose writes it before each line
_MARK = re.compile(r"[\s|~^]+")
# Java and Node write each frame so that it tells itself
_AT = re.compile(r"(?:at [\w$.<>/@ \[\]-]+\(.*\)|at \S+:\d+:\d+|Caused by: \S.*|\.\.\. \d+ more)")


class Stack:
    """Follows the lines of one input and tells those of a stack trace from the others."""

    def __init__(self) -> None:
        self.inside = self.framed = False

    def holds(self, raw: str, line: Line) -> bool:
        """Whether a line belongs to a stack trace; asked of each line in turn."""
        if line.text.endswith(_BEGIN):
            self.inside, self.framed = True, False
            return len(line.text) == len(_BEGIN)
        if not self.inside:
            return bool(_AT.fullmatch(line.text.strip()))
        if "level" in line.told or "time" in line.told:
            self.inside = False
            return False
        said = _SERVICE.sub("", raw)
        if _FRAME.search(said):
            self.framed = True
        elif self.framed and not _MARK.fullmatch(said):
            self.framed = False  # the code of the frame
        elif not _MARK.fullmatch(said) and said[:1] not in (" ", "\t"):
            self.inside = False  # the error itself, the last line of the trace
        return True
