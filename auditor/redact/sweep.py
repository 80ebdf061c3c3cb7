"""Known identity values replaced wherever they occur: in prose, in names, in keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from auditor.redact.values import ValueRedactor
from auditor.redact.vocabulary import known_words
from auditor.redact.words import is_word

_WORD = re.compile(r"\w+")
SHORTEST, LONGEST = 4, 200  # characters of a value that is looked for


class Sweeper:
    """Searches for whole values at the start of a word, the longest first."""

    def __init__(self, values: ValueRedactor, named: Iterable[str] = ()) -> None:
        self._values = values
        new = set(values.pseudonyms.known.values())
        self._wanted = {v for v in named if SHORTEST <= len(v) <= LONGEST and v not in new and _names(v)}
        self._lengths: dict[str, list[int]] = {}  # by first word of the values
        for value in self._wanted:
            lengths = self._lengths.setdefault("".join(_WORD.findall(value)[:1]), [])
            if len(value) not in lengths:
                lengths.append(len(value))
        for lengths in self._lengths.values():
            lengths.sort(reverse=True)

    def swept(self, text: str, rest: Callable[[str], str] = str) -> str:
        """The text with these values replaced, and `rest` applied to the text between them."""
        out: list[str] = []
        done = 0
        for word in _WORD.finditer(text) if self._wanted else ():
            begin = word.start()
            for length in self._lengths.get(word[0], ()) if begin >= done else ():
                value = text[begin : begin + length]
                if value in self._wanted and not _is_within_word(text, begin + length):
                    out += [rest(text[done:begin]), self._values.of(value)]
                    done = begin + length
                    break
        return "".join((*out, rest(text[done:])))


def _names(value: str) -> bool:
    return value.lower() not in known_words() and (value.isalnum() or not is_word(value))


def _is_within_word(text: str, at: int) -> bool:
    return at < len(text) and (text[at].isalnum() or text[at] == "_")
