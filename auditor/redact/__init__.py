"""An input with the values that name somebody replaced, bodies and secrets removed, and all else as it was.

Equal values get equal pseudonyms, so an audit of the copy gives the same verdicts. What was read is never
changed, and nothing of it is kept.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from functools import partial

from auditor.errors import InputError
from auditor.ingest import recognise, sample_of
from auditor.redact import packed
from auditor.redact.pseudonyms import Pseudonyms
from auditor.redact.tables import Wholes
from auditor.redact.words import is_word, known_words
from auditor.source import Input, Source

_WORD = re.compile(r"\w+")
SWEPT = 4  # letters from which on a value is also replaced where it stands in prose or in a key


def redact(given: Input, salt: str | None = None) -> bytes:
    """The input, unpacked and redacted; AuditError when nothing in it can be read."""
    source = Source(given)
    found, _ = recognise(source, given)
    texts = Wholes(Pseudonyms((salt or secrets.token_hex(16)).encode()))
    copied = _way(source, given.name, found.name)
    copied(texts)  # a first time, to learn which values name somebody
    texts.memo.clear()
    return copied(texts)


def _way(source: Source, name: str, fmt: str) -> Callable[[Wholes], bytes]:
    """How an input of this kind is copied."""
    container, data = sample_of(source).container, source.whole()
    if container == "parquet":
        return partial(packed.parquet, data)
    if fmt.endswith("-protobuf"):
        return partial(packed.protobuf, data)
    if container != "binary":
        return partial(_text, data, container == "table")
    if fmt != "datadog-apm":
        raise InputError(f"{name}: binary data of this format cannot be redacted", "export it as JSON")
    return partial(packed.msgpack, data)


def _text(data: bytes, table: bool, texts: Wholes) -> bytes:
    text = texts.whole(data.decode("utf-8", "surrogateescape"), table=table)
    return swept(text, texts).encode("utf-8", "surrogateescape")


def swept(text: str, texts: Wholes) -> str:
    """The text without the values that were found under a key and stand elsewhere too."""
    new = set(texts.pseudonyms.known.values())
    wanted = {v for v in texts.named if len(v) >= SWEPT and v not in new and _names(v)}
    lengths: dict[str, set[int]] = {}  # of the values that begin with a word
    for value in wanted:
        lengths.setdefault("".join(_WORD.findall(value)[:1]), set()).add(len(value))
    out: list[str] = []
    done = 0
    for word in _WORD.finditer(text) if wanted else ():
        begin = word.start()
        for length in sorted(lengths.get(word[0], ()), reverse=True):
            value = text[begin : begin + length]
            if begin >= done and value in wanted and not _goes_on(text, begin + length):
                out += [text[done:begin], texts.values.of(value)]
                done = begin + length
                break
    return "".join((*out, text[done:]))


def _names(value: str) -> bool:
    return value.lower() not in known_words() and (value.isalnum() or not is_word(value))


def _goes_on(text: str, at: int) -> bool:
    return at < len(text) and (text[at].isalnum() or text[at] == "_")
