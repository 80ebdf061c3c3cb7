"""A page of text lines: one width, one ink, one way to wrap and to escape."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from auditor.printing.ink import Ink, Style
from auditor.printing.text import cells, clip, logged, pad, plain, wrap

NARROW, WIDE = 60, 140


class Page:
    """Lines collected for one style; all text of an input is escaped by `safe`."""

    def __init__(self, style: Style) -> None:
        self.style = style
        self.width = min(max(style.width, NARROW), WIDE)
        self.ink = Ink(style.color, style.unicode)
        self.mark = "…" if style.unicode else "..."
        self.lines: list[str] = []

    def safe(self, text: str) -> str:
        """`text` on one line, inert, in the characters that the stream can show."""
        return logged(text) if self.style.unicode else plain(logged(text))

    def clip(self, text: str, width: int, *, tail: bool = False) -> str:
        """`text` cut to `width` columns with this page's ellipsis."""
        return clip(text, width, tail=tail, mark=self.mark)

    def add(self, line: str = "") -> None:
        """Add a finished line."""
        self.lines.append(line.rstrip())

    def heading(self, text: str) -> None:
        """Begin a section: an empty line and its name."""
        self.add()
        self.add(self.ink(text, "bold"))

    def prose(
        self, text: str, *, indent: int = 0, first: str = "", offset: int = 0, tones: tuple[str, ...] = ()
    ) -> None:
        """Wrapped text; `first` precedes it and takes `offset` columns more than the indent."""
        for n, line in enumerate(wrap(self.safe(text), self.width - indent, offset) or [""]):
            lead = " " * indent if n or not first else first
            self.add(lead + self.ink(line, *tones))

    def labelled(self, label: str, text: str, *, indent: int = 2, gutter: int = 9, tone: str = "dim") -> None:
        """`label   text`, the text wrapped and hanging under itself."""
        if indent + gutter > self.width // 2:
            self.add(" " * indent + self.ink(label.rstrip(), tone))
            self.prose(text, indent=indent + 2)
            return
        space = max(gutter - cells(label), 0 if label.endswith(" ") else 1)
        over = cells(label) + space - gutter
        lead = " " * indent + self.ink(label, tone) + " " * space
        self.prose(text, indent=indent + gutter, first=lead, offset=over)

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

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]], *, indent: int = 0) -> None:
        """Aligned columns; the last one wraps under itself."""
        body = [[self.safe(cell) for cell in row] for row in rows]
        widths = [max(cells(row[i]) for row in [list(head), *body]) for i in range(len(head) - 1)]
        for n, row in enumerate([list(head), *body]):
            lead = "".join(pad(cell, width) + "  " for cell, width in zip(row, widths, strict=False))
            tones = () if n else ("dim",)
            first = " " * indent + self.ink(lead, "" if n else "dim")
            self.prose(row[-1], indent=indent + cells(lead), first=first, tones=tones)

    def code(self, text: str, *, indent: int = 4) -> None:
        """Lines kept as they are, each after a bar."""
        bar = self.ink(self.safe("│"), "dim")
        for line in text.rstrip().splitlines():
            self.add(f"{' ' * indent}{bar} {self.safe(line.expandtabs(4))}")

    def bytes(self) -> bytes:
        """The page encoded."""
        return self.ink.encode("\n".join(self.lines) + "\n")
