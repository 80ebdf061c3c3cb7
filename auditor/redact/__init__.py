"""An input with the values that name somebody replaced, bodies and secrets removed, and all else as it was.

Equal values get equal pseudonyms, so an audit of the copy gives the same verdicts. What was read is never
changed, and nothing of it is kept.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial

from auditor.errors import InputError
from auditor.evidence.formats import Format
from auditor.inputs.source import Input, Source
from auditor.readers.detect import recognise, sample_of
from auditor.redact import packed
from auditor.redact.pseudonyms import Pseudonyms
from auditor.redact.tables import Wholes


def redact(given: Input, salt: str | None = None) -> bytes:
    """The input, unpacked and redacted; AuditError when nothing in it can be read."""
    source = Source(given)
    found, _ = recognise(source, given)
    texts = Wholes(Pseudonyms((salt or secrets.token_hex(16)).encode()))
    copied = _way(source, given.name, found)
    copied(texts)  # a first time, to learn which values name somebody
    texts.learn()
    copy = copied(texts)
    return copy.replace(b"\n", b"\r") if _ends_with_cr(given, source.whole()) else copy


def _ends_with_cr(given: Input, data: bytes) -> bool:
    """Whether a text has the line ends of an old Macintosh: it is read with others, and else as it is."""
    if b"\r" in data or b"\n" not in data:
        return False
    with given.open() as stream:
        return stream.read(len(data) + 1) == data.replace(b"\n", b"\r")


def _way(source: Source, name: str, found: Format) -> Callable[[Wholes], bytes]:
    """How an input of this kind is copied."""
    container, data = sample_of(source).container, source.whole()
    if container == "parquet":
        return partial(packed.parquet, data)
    if found.binary == "protobuf":
        return partial(packed.protobuf, data)
    if container != "binary":
        return partial(_text, data, container == "table")
    if found.binary != "msgpack":
        raise InputError(f"{name}: binary data of this format cannot be redacted", "export it as JSON")
    return partial(packed.msgpack, data)


def _text(data: bytes, table: bool, texts: Wholes) -> bytes:
    text = texts.whole(data.decode("utf-8", "surrogateescape"), table=table)
    return texts.sweeper.swept(text).encode("utf-8", "surrogateescape")
