"""A page of lines under construction: one width, one ink, one way to wrap and to escape.

It knows nothing of reports.
"""

from __future__ import annotations

from collections.abc import Iterable

from auditor.paint import Ink
from auditor.text import cells, clip, plain, visible, wrap
from auditor.writers import Style

NARROW, WIDE = 60, 140


class Page:
    """Lines collected for one style; all text of an input goes through `safe` on its way in."""

    def __init__(self, style: Style) -> None:
        self.style = style
        self.width = min(max(style.width, NARROW), WIDE)
        self.ink = Ink(style.color, style.unicode)
        self.mark = "…" if style.unicode else "..."
        self.lines: list[str] = []

    def safe(self, text: str) -> str:
        """`text` on one line, inert, in the characters that the stream can show."""
        return visible(text) if self.style.unicode else plain(visible(text))

    def clip(self, text: str, width: int, *, tail: bool = False) -> str:
        """`text` cut to `width` columns with this page's ellipsis."""
        return clip(text, width, tail=tail, mark=self.mark)

    def add(self, line: str = "") -> None:
        """One finished line."""
        self.lines.append(line.rstrip())

    def heading(self, text: str) -> None:
        """A section begins: an empty line and its name."""
        self.add()
        self.add(self.ink(text, "bold"))

    def prose(self, text: str, *, indent: int = 0, first: str = "", tones: tuple[str, ...] = ()) -> None:
        """Wrapped text; `first` stands before the first line, the rest hangs below its beginning."""
        room = self.width - indent
        for n, line in enumerate(wrap(self.safe(text), room)):
            lead = " " * indent if n or not first else first
            self.add(lead + self.ink(line, *tones))

    def labelled(self, label: str, text: str, *, indent: int = 2, gutter: int = 9, tone: str = "dim") -> None:
        """`label   text`, the text wrapped and hanging under itself."""
        lead = " " * indent + self.ink(label, tone) + " " * max(gutter - cells(label), 1)
        self.prose(text, indent=indent + gutter, first=lead)

    def sentence(self, parts: Iterable[tuple[str, str]], indent: int = 0) -> None:
        """Phrases (text, tone) joined by dots; a phrase that does not fit begins the next line."""
        line, used = " " * indent, indent
        dot = self.safe(" · ")
        for text, tone in parts:
            shown = self.safe(text)
            if used > indent and used + len(dot) + cells(shown) > self.width:
                self.add(line)
                line, used = " " * indent, indent
            if used > indent:
                line, used = line + self.ink(dot, "dim"), used + len(dot)
            if used + cells(shown) > self.width:
                self._long(line, shown, tone, indent)
                line, used = " " * indent, indent
                continue
            line, used = line + self.ink(shown, tone), used + cells(shown)
        if used > indent:
            self.add(line)

    def _long(self, line: str, text: str, tone: str, indent: int) -> None:
        for n, piece in enumerate(wrap(text, self.width - indent - 2)):
            self.add((line if not n else " " * (indent + 2)) + self.ink(piece, tone))

    def bytes(self, last: int = 0) -> bytes:
        """The page, or its last lines, encoded."""
        return self.ink.encode("\n".join(self.lines[-last:] if last else self.lines) + "\n")
