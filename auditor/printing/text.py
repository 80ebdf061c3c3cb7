"""Text that is safe to print, and figures: escapes, widths, wrapping, plurals, money, shares."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import lru_cache

FEW = 30  # under this many calls a report prints counts, not percentages
_PLAIN = re.compile(r"[\x20-\x7e]*\Z")
_WORD = re.compile(r"(?:USD )?\S+(?: %\S*)?")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MARKS = frozenset({"Mn", "Me"})
# GitHub runs these where a line begins, and the older kind anywhere; Azure and TeamCity run the older kind
_COMMAND = re.compile(
    r"::(?=(?:add-mask|add-matcher|add-path|debug|echo|endgroup|error|group|notice|remove-matcher|save-state"
    r"|set-env|set-output|stop-commands|warning)\b)|##(?=\w*\[)",
    re.IGNORECASE,
)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def clean_text(text: str) -> str:
    """Without control, bidi and zero-width characters."""
    return _CONTROL.sub("", text)


def visible(text: str) -> str:
    """`text` on one line, with control, bidi, zero-width and unassigned characters spelled out."""
    if _PLAIN.match(text):
        return text
    shown, marks = [], 0
    for char in text:
        kind = unicodedata.category(char)
        # two marks make a letter, more of them cover the lines above
        marks = marks + 1 if kind in _MARKS else 0
        if kind in _HIDDEN or marks > 2:
            shown.append(escaped(char))
        else:
            shown.append(" " if kind == "Zs" else char)
    return "".join(shown)


def logged(text: str) -> str:
    """`visible` text in which a CI log finds no command to run: no `::error::`, no `##[group]`."""
    return _COMMAND.sub(lambda match: match[0][0] + escaped(match[0][1]), visible(text))


def escaped(char: str) -> str:
    r"""One character as an escape that names it: `\x1b`, `\u202e`."""
    code = ord(char)
    if char in _SHORT:
        return _SHORT[char]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def plain(text: str) -> str:
    """`text` in ASCII, for streams that cannot show more; what has no ASCII form is spelled out."""
    return "".join(c if ord(c) < 128 else _ASCII.get(c) or escaped(c) for c in text)


_ASCII = {
    "…": "...", "·": "|", "—": "-", "–": "-", "→": "->", "‘": "'", "’": "'", "“": '"', "”": '"',
    "●": "*", "○": "o", "◐": "~", "┌": ",", "│": "|", "└": "`", "─": "-", "×": "x", "≥": ">=", "≤": "<=",
    "\u00a0": " ", "✓": "+", "✗": "x", "█": "#", "░": ".", "▌": "|",
}  # fmt: skip


def cells(text: str) -> int:
    """How many terminal columns `text` takes: two for a wide character, none for a combining mark."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


@lru_cache(4096)
def _columns(char: str) -> int:
    if unicodedata.category(char) in _MARKS:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def pad(text: str, width: int, *, right: bool = False) -> str:
    """`text` filled with spaces to `width` columns, to the right of it or before it."""
    space = " " * (width - cells(text))
    return space + text if right else text + space


def clip(text: str, width: int, *, tail: bool = False, mark: str = "…") -> str:
    """`text` cut to `width` columns with `mark` at its end, or at its start to keep the tail."""
    if cells(text) <= width:
        return text
    if width < len(mark):
        return ""
    kept, used = [], len(mark)
    for char in reversed(text) if tail else text:
        used += cells(char)
        if used > width:
            break
        kept.append(char)
    return mark + "".join(reversed(kept)) if tail else "".join(kept) + mark


def wrap(text: str, width: int, first: int = 0) -> list[str]:
    """`text` in lines of at most `width` columns, the first shorter by `first`; a longer word is cut.

    Sums and shares stay whole: `USD 0.02` and `69 %` are never split.
    """
    lines: list[str] = []
    line, room = "", width - first
    for word in _WORD.findall(text):
        for piece in _pieces(word, max(width if line or lines else room, 8)):
            if line and cells(line) + 1 + cells(piece) > room:
                lines.append(line)
                line, room = piece, width
            else:
                line = f"{line} {piece}" if line else piece
    return [*lines, line] if line else lines


def _pieces(word: str, width: int) -> Iterator[str]:
    while cells(word) > width:
        at = len(word)
        while cells(word[:at]) > width:
            at = min(at - 1, width)
        # a path or a key breaks best after one of its own separators
        soft = max(word.rfind(mark, width // 2, at) for mark in "/.,:;_-]") + 1
        yield word[: soft or at]
        word = word[soft or at :]
    yield word


def count(number: int) -> str:
    """`12345` as `12,345`."""
    return f"{number:,}"


def plural(number: int, noun: str, many: str = "") -> str:
    """`1 call`, `2 calls`, `0 calls`."""
    return f"{count(number)} {noun if number == 1 else many or noun + 's'}"


def money(usd: float) -> str:
    """`USD 412.10`; small sums keep the digits that differ from zero: `USD 0.000225`."""
    sign, size = ("-" if usd < 0 else ""), abs(usd)
    if size < 5e-10:  # half a nano-dollar, the smallest unit kept
        return "USD 0"
    if size >= 0.995:
        return f"USD {sign}{size:,.2f}"
    # three significant digits, nano-dollars at the least
    digits = next((d for d in range(2, 10) if round(size, d) >= 10 ** (2 - d)), 9)
    shown = f"{size:.{digits}f}".rstrip("0")
    return f"USD {sign}{shown}{'0' * max(0, 2 - len(shown.partition('.')[2]))}"


def share(part: float) -> str:
    """A share from 0 to 1 in per cent, never rounded to nothing or to everything: `<1 %`, `>99 %`."""
    if part <= 0:
        return "0 %"
    if part >= 1:
        return "100 %"
    if part < 0.01:
        return "<1 %"
    return ">99 %" if part > 0.99 else f"{part * 100:.0f} %"


def window(text: str, caret: tuple[int, int] | None, width: int, mark: str = "…") -> tuple[str, int, int]:
    """The stretch of safe `text` around the caret that fits `width` columns, and the caret in columns."""
    start, length = caret or (0, 0)
    start = min(max(start, 0), len(text))
    before, under, after = text[:start], text[start : start + length], text[start + length :]
    under = clip(under, width, mark=mark)
    room = width - cells(under)
    before = clip(before, max(room // 3, room - cells(after)), tail=True, mark=mark)
    after = clip(after, room - cells(before), mark=mark)
    return before + under + after, cells(before), cells(under)


def nearest(name: str, known: Iterable[str]) -> str:
    """`did you mean …?` for a misspelt name, or nothing."""
    close = get_close_matches(name.lower(), list(known), n=3, cutoff=0.6)
    return f"did you mean {' or '.join(close)}?" if close else ""
