"""OTLP/JSON of whatever signal: whole documents, documents in lines, documents among other things.

It knows framing only: which bytes are a document. What a document says is put by `_otlp_rows`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from auditor.evidence.builder import Builder
from auditor.framing.json_values import container_of, decode, json_pieces
from auditor.inputs.source import Source
from auditor.readers.contract import Sample
from auditor.readers.otlp.documents import Otlp
from auditor.readers.otlp.shapes import camel_names, document_of, reason_of

ROOTS = {
    "resourceSpans": "resource_spans",
    "resourceLogs": "resource_logs",
    "resourceMetrics": "resource_metrics",
}
_NAMES = frozenset((*ROOTS, *ROOTS.values()))
_FIRST = re.compile(rb'\s*+(?:\[\s*+)?\{\s*+"(resource\w++)"')
_BYTES = tuple(name.encode() for name in ("esourceSpans", "esourceLogs", "esourceMetrics", *ROOTS.values()))
_UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)


def claim(root: str) -> Callable[[dict[str, Any]], float]:
    """The decisive key stands at the top of a record."""

    def match(record: dict[str, Any]) -> float:
        return 1.0 if root in record or ROOTS[root] in record else 0.0

    return match


def sniff_of(root: str) -> Callable[[Sample], float]:
    """The decisive key stands at the top of a document; spans that share a file name it."""

    def sniff(sample: Sample) -> float:
        if sample.container == "binary":
            return 0.0
        found = _roots(sample)
        if root not in found:
            return 0.0
        return 0.8 if root != "resourceSpans" and "resourceSpans" in found else 1.0

    return sniff


def _roots(sample: Sample) -> set[str]:
    found = {
        root
        for root, snake in ROOTS.items()
        if any(isinstance(o, dict) and (root in o or snake in o) for o in sample.objects)
    }
    first = _FIRST.match(sample.head)
    return found | {root for root, snake in ROOTS.items() if first and first[1].decode() in (root, snake)}


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """Read one document that was decoded already, with where it stands."""
    try:
        data = msgspec.json.encode(record)
        snake = not _NAMES.isdisjoint(record) and ROOTS.keys().isdisjoint(record)
        _put(Otlp.of(builder), camel_names(data) if snake else data, offset, None, pointer or "")
    except _UNREADABLE as error:
        builder.skip(None, reason_of(error))


def finish(builder: Builder) -> None:
    """Say what totals among the input show."""
    Otlp.of(builder).finish()


def read(source: Source, builder: Builder, start: int, end: int | None) -> None:
    """Read every document of a source, or those that begin in a byte range of it."""
    otlp = Otlp.of(builder)
    snake = any(name.encode() in source.head for name in ROOTS.values())
    if container_of(source.head, source.is_short) != "json-lines":
        _whole(source, builder, otlp, snake)
        otlp.finish()
        return
    number = 0
    for offset, lines in source.lines(start, end):
        at = offset
        for line in lines:
            number += 1
            if not line.isspace():
                _line(line, at, number, otlp, snake)
            at += len(line)
    otlp.finish()


def _put(otlp: Otlp, data: bytes, offset: int | None, line: int | None, within: str | None = None) -> None:
    """Put one document; where a record in it is odd, one record after another."""
    before = otlp.builder.records
    try:
        otlp.put(document_of(data), offset, within=within)
    except msgspec.ValidationError:
        if not otlp.put_each(data, offset, line, within or ""):
            raise
    except (msgspec.DecodeError, UnicodeError):
        raise  # no JSON
    except Exception as error:  # noqa: BLE001 - one of its records is odd
        otlp.builder.undo(before)
        if not otlp.put_each(data, offset, line, within or ""):
            otlp.builder.fail(before, line, error)


def _line(line: bytes, at: int, number: int, otlp: Otlp, snake: bool) -> None:
    try:
        if not any(name in line for name in _BYTES):
            decode(line)
            otlp.builder.skip(number, "no resourceSpans in this line")
            return
        _put(otlp, camel_names(line) if snake else line, at, number)
    except _UNREADABLE as error:
        _recover(line, at, number, otlp, snake, error)


def _recover(line: bytes, at: int, number: int, otlp: Otlp, snake: bool, error: Exception) -> None:
    """A line with a log prefix is read behind it; else it is a skip."""
    brace = line.find(b'{"resource')
    if brace > 0:
        try:
            data = line[brace:]
            _put(otlp, camel_names(data) if snake else data, at, number)
            return
        except _UNREADABLE:
            pass
    otlp.builder.skip(number, reason_of(error))


def _whole(source: Source, builder: Builder, otlp: Otlp, snake: bool) -> None:
    try:
        data = source.whole()
        _put(otlp, camel_names(data) if snake else data, 0, None)
        return
    except _UNREADABLE as error:
        first = error
    found = False
    for piece in json_pieces(source, builder.skip):
        if isinstance(piece.value, dict) and not _NAMES.isdisjoint(piece.value):
            take(piece.value, builder, piece.offset, piece.pointer)
            found = True
    if not found and not builder.skipped_total:
        builder.skip(1, reason_of(first))
