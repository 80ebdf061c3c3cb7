"""A paste of several artefacts read part by part: each as its own format, all into the table of one input.

A part that is no evidence is context.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from auditor.errors import AuditError, TooLarge
from auditor.evidence.batch import BROKEN
from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.log_lines import parted
from auditor.framing.segments import Segment, segments
from auditor.inputs.source import Input, Source
from auditor.readers.detect import recognise
from auditor.readers.registry import line_readers, prose, readers_of
from auditor.readers.text.mixed import FORMAT as MIXED

MAX_MIXED = 4 * 1024 * 1024  # bytes: what is longer is an export, no paste
_PROMPT = re.compile(r"(?:\w*[=-][>#]|mysql>|sqlite>|athena>) ")  # what a console of a database puts first


class Part(NamedTuple):
    """One segment as a source of its own, and its format; None for prose."""

    segment: Segment
    source: Source
    format: Format | None


def parts_of(source: Source) -> list[Part]:
    """The parts of a text, or nothing where it is one artefact."""
    if source.size > MAX_MIXED or b"\x00" in source.head[:4096]:
        return []
    cut = segments(source.whole())
    if not cut or (len(cut) == 1 and cut[0].kind != "fence"):
        return []
    parts = []
    for segment in cut:
        given = Input(name=source.name, data=segment.data)
        inner = Source(given)
        parts.append(Part(segment, inner, _format_of(inner, given)))
    names = {p.format.name for p in parts if p.format is not None}
    plain = all(p.segment.kind in ("document", "lines") for p in parts)
    if len(names) == 1 and plain and all(p.format or _is_broken(p) for p in parts):
        return []  # one artefact with broken lines in it: its own reader counts them
    return parts if names else []


def _is_broken(part: Part) -> bool:
    """Whether a part that nobody reads is JSON which broke, and no prose."""
    lines = [line for line in part.segment.data.split(b"\n") if line.strip()]
    return all(line.lstrip()[:1] in (b"{", b"[") for line in lines)


def _format_of(source: Source, given: Input) -> Format | None:
    """The format of a part; prose has none, unless it holds a record or its lines have a log's prefixes."""
    try:
        found, _ = recognise(source, given)
    except AuditError:
        return None
    lines = [line for line in source.head.decode("utf-8", "replace").splitlines() if line.strip()]
    if all(_PROMPT.match(line) for line in lines):
        return None
    if found.name != prose().name:
        return found
    logged = sum(bool(parted(line).told) for line in lines) >= 0.5 * len(lines)
    return found if logged or any(_is_record(line) for line in lines) else None


def _is_record(line: str) -> bool:
    """Whether a line is JSON, or a reader of lines other than prose takes it."""
    text = parted(line).text
    if text[:1] == "{" and text[-1:] == "}":
        return True
    return any(r.line(text) is not None for r in line_readers() if r is not prose())


def format_of_parts(parts: list[Part]) -> Format:
    """The format after which the input is named: the only one, else mixed text."""
    by_name = {p.format.name: p.format for p in parts if p.format is not None}
    return MIXED if len(by_name) > 1 else next(iter(by_name.values()))


def read_parts(parts: list[Part], builder: Builder) -> str | None:
    """Read every part at its place in the input; lines of prose are context.

    A part that is not what it looked like is a skip. Where a reader breaks, the other parts are read, and why
    it broke is returned.
    """
    reading = builder.reading
    failed = None
    for part in parts:
        reading.base, reading.base_line = part.segment.offset, part.segment.line
        try:
            if part.format is None:
                _prose(part.segment.data, builder)
            else:
                read_all(part.source, builder.beside(part.format))
        except (TooLarge, OSError, MemoryError):
            raise
        except AuditError as error:
            builder.skip(1, error.message.removeprefix(f"{part.source.name}: "))
        except BROKEN as error:
            failed = failed or builder.interrupted((part.format or prose().format).name, error)
    reading.base = reading.base_line = 0
    return failed


def read_all(source: Source, builder: Builder) -> None:
    """Read a source with the reader of its format for whole sources, else record by record."""
    readers = readers_of(builder.format.name)
    if readers is not None and readers.source is not None:
        readers.source.read(source, builder, 0, None)
    else:
        builder.dispatch.read(source)


def _prose(data: bytes, builder: Builder) -> None:
    """Lines that somebody wrote about the evidence: context, whatever they name."""
    offset = 0
    own = builder.beside(prose().format)
    for line in data.splitlines(keepends=True):
        if line.strip():
            own.row("context", offset=offset)
        offset += len(line)
