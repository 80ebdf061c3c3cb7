"""Pseudonyms of the same shape: letters stay letters in their case, digits digits, separators stay.

Equal values get equal pseudonyms, spellings of a value stay spellings of its pseudonym, different values stay
different. They depend on a secret salt: without it, no guess at a value can be checked.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator
from functools import cache

from auditor.catalogue.fields import catalogue
from auditor.catalogue.principals import SESSION_KINDS

_REDACTED = re.compile(r"(?i)^(?:\*{2,}|x{4,}|[\[<({]?redacted[\])>}]?)$")
_HEX = re.compile(r"[0-9a-f]{8,}")
_ACCENTED = "àáâäèéêëìíîïòóôöùúûü"
_LETTERS, _HEX_LETTERS = "abcdefghijklmnopqrstuvwxyz", "abcdef"
TRIES = 200
SHORT = 200  # characters up to which the traits of a value are computed
LONGEST = 1_024  # characters of a value that rules can match: no id and no session name is longer
# what rules match in a value: a pseudonym must have the same matches
_TRAITS = tuple(
    re.compile(pattern)
    for pattern in (
        r"^[A-Za-z0-9_.@+=-]{2,64}$",
        r"^[^@\s]+@[^@\s]+\.[A-Za-z]{2,}$",
        r"(?i)^([0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$",
        *(pattern for _, pattern in SESSION_KINDS),
    )
)


@cache
def _blanks() -> tuple[re.Pattern[str], tuple[re.Pattern[str], ...]]:
    fields = catalogue()
    return re.compile(fields.placeholder_word), tuple(re.compile(p) for p in fields.placeholder_patterns)


def is_blank(text: str) -> bool:
    """Whether a value is a placeholder: empty, a placeholder word, zeros, an unexpanded variable."""
    text = text.strip()
    return (
        not text or is_placeholder(text) or (len(text) <= SHORT and any(p.search(text) for p in _blanks()[1]))
    )


def is_placeholder(text: str) -> bool:
    """Whether a value is a placeholder word: `null`, `n/a`, `unknown`."""
    return bool(_blanks()[0].match(text.strip()))


def is_redacted(text: str) -> bool:
    """Whether a value was redacted before."""
    return bool(_REDACTED.match(text.strip()))


def traits(text: str) -> tuple[bool, ...]:
    """What rules can match in a value beside its equality to another; empty for a long one."""
    if len(text) > SHORT:
        return ()
    size = int(text) if text.isdecimal() and len(text) < 24 else 0
    return (is_blank(text), size < 2**63, size < 2**64, *(bool(p.search(text[:LONGEST])) for p in _TRAITS))


def folded(text: str) -> str:
    """A value without case and separators, as all its spellings share it."""
    return "".join(map(_plain, filter(str.isalnum, text)))


def _plain(letter: str) -> str:
    """A letter in lower case, where that is one letter of the same alphabet."""
    lower = letter.lower()
    return lower if len(lower) == 1 and lower.isascii() == letter.isascii() else letter


class Pseudonyms:
    """Draws pseudonyms and keeps them: `known` maps each value to its pseudonym."""

    def __init__(self, salt: bytes) -> None:
        self._salt = salt
        self._folds: dict[str, str] = {}
        self._taken: set[str] = set()
        self.known: dict[str, str] = {}

    def of(self, text: str, allowed: Callable[[str], bool] = bool) -> str:
        """The pseudonym of a value; one that `allowed` refuses is drawn again."""
        if text in self.known:
            return self.known[text]
        fold = folded(text)
        drawn = self._folds.get(fold)
        if drawn is None:
            drawn = self._folds[fold] = self._draw(fold, text, allowed)
            self._taken.add(drawn)
        self.known[text] = _shaped(text, drawn)
        return self.known[text]

    def _draw(self, fold: str, text: str, allowed: Callable[[str], bool]) -> str:
        wanted = traits(text)
        spare = ""
        for attempt in range(TRIES):
            drawn = "".join(self._letters(fold, attempt))
            if drawn in self._taken or drawn == fold:
                continue
            spare = spare or drawn
            shaped = _shaped(text, drawn)
            if allowed(shaped) and traits(shaped) == wanted:
                return drawn
        return spare or fold

    def _letters(self, fold: str, attempt: int) -> Iterator[str]:
        letters = _HEX_LETTERS if _HEX.fullmatch(fold) else _LETTERS
        stream = self._stream(f"{attempt}:{fold}", len(fold))
        for n, (letter, number) in enumerate(zip(fold, stream, strict=False)):
            if letter in "0123456789":
                # a number keeps its length: it neither gains nor loses a leading zero
                yield str(number % 9 + 1) if not n and letter != "0" else "0" if not n else str(number % 10)
            else:
                chosen = letters if letter.isascii() else _ACCENTED
                yield chosen[number % len(chosen)]

    def digest(self, text: str) -> bytes:
        """32 bytes that depend on a value and the salt."""
        return self._stream(text, 32)

    def _stream(self, text: str, length: int) -> bytes:
        data = text.encode("utf-8", "surrogatepass")
        if len(data) > SHORT:
            data = hmac.new(self._salt, data, hashlib.sha256).digest()
        blocks = (
            hmac.new(self._salt, b"%d:%b" % (begin, data), hashlib.sha256).digest()
            for begin in range(0, length, 32)
        )
        return b"".join(blocks)


def _shaped(text: str, drawn: str) -> str:
    """The drawn letters in the case, and between the separators, of a value."""
    letters = iter(drawn)
    return "".join(_cased(c, next(letters, c)) if c.isalnum() else c for c in text)


def _cased(like: str, letter: str) -> str:
    return letter.upper() if like.isupper() else letter
