"""A copy of an input to share: identifying values replaced, bodies and secrets removed, all else unchanged.

Equal values get equal pseudonyms, so an audit of the copy gives the same verdicts.
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
from auditor.redact.tables import InputRedactor


def redact(given: Input, salt: str | None = None) -> bytes:
    """The input, unpacked and redacted; AuditError when nothing in it can be read.

    `salt` makes pseudonyms repeatable; without one they are random.
    """
    source = Source(given)
    found, _ = recognise(source, given)
    redactor = InputRedactor(Pseudonyms((salt or secrets.token_hex(16)).encode()))
    redacted = _method(source, given.name, found)
    redacted(redactor)  # the first pass collects the identifying values
    redactor.learn()
    copy = redacted(redactor)
    return copy.replace(b"\n", b"\r") if _ends_with_cr(given, source.whole()) else copy


def _ends_with_cr(given: Input, data: bytes) -> bool:
    """Whether a CR ends each line of a text, which `Source` reads as LF."""
    if b"\r" in data or b"\n" not in data:
        return False
    with given.open() as stream:
        return stream.read(len(data) + 1) == data.replace(b"\n", b"\r")


def _method(source: Source, name: str, found: Format) -> Callable[[InputRedactor], bytes]:
    """The function that redacts an input of this container and format."""
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


def _text(data: bytes, table: bool, redactor: InputRedactor) -> bytes:
    text = redactor.whole(data.decode("utf-8", "surrogateescape"), table=table)
    return redactor.sweeper.swept(text).encode("utf-8", "surrogateescape")
