"""Colours, glyphs and words of what is printed for people, each with a plain form for other streams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from auditor.printing.text import plain

_CODES = {
    "bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36",
    "error": "1;31", "warning": "1;33", "note": "1;36",
}  # fmt: skip
VERDICTS = {  # verdict: glyph, colour, words
    "present": ("●", "green", "present"),
    "absent": ("○", "red", "absent"),
    "mis_scoped": ("◐", "yellow", "mis-scoped"),
    "partly": ("◐", "yellow", "partly present"),  # of a field, where some of its calls have it
    "not_carried": ("-", "dim", "not carried"),
}


@dataclass(frozen=True)
class Style:
    """How a text for people looks."""

    width: int = 100  # columns
    color: bool = False
    unicode: bool = True  # False: nothing but ASCII leaves the writer
    quiet: bool = False  # the last two lines only
    links: Mapping[str, str] = field(default_factory=dict)  # input name -> address; empty off a terminal


@dataclass(frozen=True)
class Ink:
    """Colours words when colour is on; returns them unchanged when it is off."""

    color: bool = False
    unicode: bool = True

    def __call__(self, text: str, *tones: str) -> str:
        """`text` in the given tones: bold, dim, a colour, a level."""
        codes = ";".join(_CODES[tone] for tone in tones if tone)
        return f"\x1b[{codes}m{text}\x1b[0m" if self.color and codes and text.strip() else text

    def link(self, text: str, address: str | None) -> str:
        """`text` as a terminal hyperlink (OSC 8) where there is an address."""
        return f"\x1b]8;;{address}\x1b\\{text}\x1b]8;;\x1b\\" if address else text

    def encode(self, text: str) -> bytes:
        """The bytes for the stream: UTF-8, or ASCII where the stream shows nothing else."""
        if self.unicode:
            return text.encode("utf-8", "backslashreplace")
        return plain(text).encode("ascii")


def glyph(verdict: str) -> str:
    """The shape of a verdict, printed before its word."""
    return VERDICTS[verdict][0]


def tone(verdict: str | None) -> str:
    """The colour of a verdict; none for a rule that gives no verdict."""
    return VERDICTS[verdict][1] if verdict else ""


def spoken(word: str) -> str:
    """A verdict, cause, scope or layer as people read it: `mis_scoped` is `mis-scoped`."""
    return VERDICTS[word][2] if word in VERDICTS else word.replace("_", " ")
