"""A paste of several artefacts read part by part: each as its own format, all into the table of one input.

It recognises nothing itself, and never drops a part: what is no evidence is context.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from auditor.errors import AuditError, TooLarge
from auditor.evidence.batch import BROKEN
from auditor.evidence.builder import Builder
from auditor.framing.log_lines import parted
from auditor.inputs.source import Input, Source
from auditor.readers.contract import Reader, Segment
from auditor.readers.dispatch import read_objects
from auditor.readers.registry import line_readers, reader

MAX_MIXED = 4 * 1024 * 1024  # bytes: what is longer is an export, no paste
MIXED = "mixed-text"
_PROMPT = re.compile(r"(?:\w*[=-][>#]|mysql>|sqlite>|athena>) ")  # what a console of a database puts first
Recognise = Callable[[Source, Input], tuple[Reader, str | None]]


class Part(NamedTuple):
    """One segment as a source of its own, and its reader; None for prose."""

    segment: Segment
    source: Source
    reader: Reader | None


def parts_of(source: Source, recognise: Recognise) -> list[Part]:
    """The parts of a text, or nothing where it is one artefact."""
    mixed = reader(MIXED)
    if mixed is None or mixed.parts is None or source.size > MAX_MIXED or b"\x00" in source.head[:4096]:
        return []
    cut = mixed.parts(source.whole())
    if not cut or (len(cut) == 1 and cut[0].kind != "fence"):
        return []
    parts = []
    for segment in cut:
        given = Input(name=source.name, data=segment.data)
        inner = Source(given)
        parts.append(Part(segment, inner, _reader_of(inner, given, recognise)))
    found = {p.reader.name for p in parts if p.reader is not None}
    plain = all(p.segment.kind in ("document", "lines") for p in parts)
    if len(found) == 1 and plain and all(p.reader or _is_broken(p) for p in parts):
        return []  # one artefact with broken lines in it: its own reader counts them
    return parts if found else []


def _is_broken(part: Part) -> bool:
    """Whether a part that nobody reads is JSON which broke, and no prose."""
    lines = [line for line in part.segment.data.split(b"\n") if line.strip()]
    return all(line.lstrip()[:1] in (b"{", b"[") for line in lines)


def _reader_of(source: Source, given: Input, recognise: Recognise) -> Reader | None:
    """Who reads a part; prose is nobody's, unless a record stands in it or it bears a log's prefixes."""
    try:
        found, _ = recognise(source, given)
    except AuditError:
        return None
    lines = [line for line in source.head.decode("utf-8", "replace").splitlines() if line.strip()]
    if all(_PROMPT.match(line) for line in lines):
        return None
    if found.name != "plain-text":
        return found
    logged = sum(bool(parted(line).told) for line in lines) >= 0.5 * len(lines)
    return found if logged or any(_is_record(line) for line in lines) else None


def _is_record(line: str) -> bool:
    """Whether a line is JSON, or a reader of lines other than prose takes it."""
    text = parted(line).text
    if text[:1] == "{" and text[-1:] == "}":
        return True
    others = (r.line for r in line_readers() if r.line is not None and r.name != "plain-text")
    return any(parse(text) is not None for parse in others)


def format_of(parts: list[Part]) -> Reader:
    """The reader after whom the input is named: the only one, else that of mixed text."""
    found = {p.reader.name: p.reader for p in parts if p.reader is not None}
    mixed = reader(MIXED)
    assert mixed is not None
    return mixed if len(found) > 1 else next(iter(found.values()))


def read_parts(parts: list[Part], builder: Builder) -> str | None:
    """Read every part at its place in the input; lines of prose are context.

    A part that is not what it looked like is a skip. Where a reader breaks, the other parts are read, and why
    it broke is returned.
    """
    shared = builder.shared
    failed = None
    for part in parts:
        shared.base, shared.base_line = part.segment.offset, part.segment.line
        try:
            _read_part(part, builder)
        except (TooLarge, OSError, MemoryError):
            raise
        except AuditError as error:
            builder.skip(1, error.message.removeprefix(f"{part.source.name}: "))
        except BROKEN as error:
            name = part.reader.name if part.reader is not None else "plain-text"
            failed = failed or builder.interrupted(name, error)
    shared.base = shared.base_line = 0
    return failed


def _read_part(part: Part, builder: Builder) -> None:
    if part.reader is None:
        _prose(part.segment.data, builder)
        return
    own = builder.beside(part.reader.name, part.reader.layer)
    if part.reader.read is not None:
        part.reader.read(part.source, own, 0, None)
    else:
        read_objects(part.source, own, part.reader)


def _prose(data: bytes, builder: Builder) -> None:
    """Lines that somebody wrote about the evidence: context, whatever they name."""
    offset = 0
    own = builder.beside("plain-text", "app")
    for line in data.splitlines(keepends=True):
        if line.strip():
            own.row("context", offset=offset)
        offset += len(line)
