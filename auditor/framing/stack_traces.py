"""Lines of stack traces between log lines: no records, the line before them logged the error."""

from __future__ import annotations

import re

from auditor.framing.log_lines import Line

_BEGIN = "Traceback (most recent call last):"
_FRAME = re.compile(r'File "[^"]*", line \d+')
_SERVICE = re.compile(r"(?<![\w.-])[\w.-]++\s++\| ")  # Compose writes it before each line
_MARK = re.compile(r"[\s|~^]+")
# frames of Java and Node are recognised one by one
_AT = re.compile(r"(?:at [\w$.<>/@ \[\]-]+\(.*\)|at \S+:\d+:\d+|Caused by: \S.*|\.\.\. \d+ more)")


class StackTraces:
    """Finds the lines of stack traces among those of one input."""

    def __init__(self) -> None:
        self.inside = self.in_frame = False

    def contains(self, raw: str, line: Line) -> bool:
        """Whether a line belongs to a stack trace; to be called with each line in order."""
        if line.text.endswith(_BEGIN):
            self.inside, self.in_frame = True, False
            return len(line.text) == len(_BEGIN)
        if not self.inside:
            return bool(_AT.fullmatch(line.text.strip()))
        if "level" in line.told or "time" in line.told:
            self.inside = False
            return False
        text = _SERVICE.sub("", raw)
        if _FRAME.search(text):
            self.in_frame = True
        elif self.in_frame and not _MARK.fullmatch(text):
            self.in_frame = False  # the code of the frame
        elif not _MARK.fullmatch(text) and text[:1] not in (" ", "\t"):
            self.inside = False  # the error itself, the last line of the trace
        return True
