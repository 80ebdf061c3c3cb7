"""A paste of several artefacts: each is read in its own format, all into the table of one input.

Plain text between them is context.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from auditor.errors import AuditError, TooLarge
from auditor.evidence.batch import BROKEN
from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.log_lines import split_prefix
from auditor.framing.segments import Segment, segments
from auditor.inputs.source import Input, Source
from auditor.readers.detect import recognise
from auditor.readers.registry import line_readers, prose, readers_of
from auditor.readers.text.mixed import FORMAT as MIXED

MAX_MIXED = 4 * 1024 * 1024  # bytes: anything longer is an export and not a paste
_PROMPT = re.compile(r"(?:\w*[=-][>#]|mysql>|sqlite>|athena>) ")  # the prompt of a database console


class Artefact(NamedTuple):
    """One segment of the paste, as a source of its own, with its format; None for prose."""

    segment: Segment
    source: Source
    format: Format | None


def artefacts_of(source: Source) -> list[Artefact]:
    """The artefacts of a text in their order; empty where all of it is one artefact."""
    if source.size > MAX_MIXED or b"\x00" in source.head[:4096]:
        return []
    pieces = segments(source.whole())
    if not pieces or (len(pieces) == 1 and pieces[0].kind != "fence"):
        return []
    artefacts = []
    for segment in pieces:
        given = Input(name=source.name, data=segment.data)
        part_source = Source(given)
        artefacts.append(Artefact(segment, part_source, _format_of(part_source, given)))
    names = {p.format.name for p in artefacts if p.format is not None}
    plain = all(p.segment.kind in ("document", "lines") for p in artefacts)
    if len(names) == 1 and plain and all(p.format or _is_broken(p) for p in artefacts):
        return []  # one artefact with broken lines: its reader counts them
    return artefacts if names else []


def _is_broken(artefact: Artefact) -> bool:
    """Whether an artefact of no format is broken JSON, not prose."""
    lines = [line for line in artefact.segment.data.split(b"\n") if line.strip()]
    return all(line.lstrip()[:1] in (b"{", b"[") for line in lines)


def _format_of(source: Source, given: Input) -> Format | None:
    """The format of an artefact; None for prose without records and without log prefixes."""
    try:
        format_, _ = recognise(source, given)
    except AuditError:
        return None
    lines = [line for line in source.head.decode("utf-8", "replace").splitlines() if line.strip()]
    if all(_PROMPT.match(line) for line in lines):
        return None
    if format_.name != prose().name:
        return format_
    logged = sum(bool(split_prefix(line).fields) for line in lines) >= 0.5 * len(lines)
    return format_ if logged or any(_is_record(line) for line in lines) else None


def _is_record(line: str) -> bool:
    """Whether a line is JSON, or can be parsed by a line reader other than that of prose."""
    text = split_prefix(line).text
    if text[:1] == "{" and text[-1:] == "}":
        return True
    return any(r.line(text) is not None for r in line_readers() if r is not prose())


def common_format(artefacts: list[Artefact]) -> Format:
    """The format that the input is reported as: the only one of its artefacts, else mixed text."""
    by_name = {p.format.name: p.format for p in artefacts if p.format is not None}
    return MIXED if len(by_name) > 1 else next(iter(by_name.values()))


def read_artefacts(artefacts: list[Artefact], builder: Builder) -> str | None:
    """Read every artefact at its place in the input; lines of prose are context.

    An artefact that its reader refuses is a skip. Where a reader fails, the others are still read; returns
    why the first one failed, or None.
    """
    reading = builder.reading
    failed = None
    for artefact in artefacts:
        segment, known = artefact.segment, artefact.format
        reading.begin(segment.offset, segment.line, len(segment.data), known.name if known else None)
        try:
            if artefact.format is None:
                _put_prose(artefact.segment.data, builder)
            else:
                read_all(artefact.source, builder.for_format(artefact.format))
        except (TooLarge, OSError, MemoryError):
            raise
        except AuditError as error:
            builder.skip(1, error.message.removeprefix(f"{artefact.source.name}: "))
        except BROKEN as error:
            failed = failed or builder.reader_failed((artefact.format or prose().format).name, error)
    reading.base = reading.base_line = 0
    reading.table_row = None
    return failed


def read_all(source: Source, builder: Builder) -> None:
    """Read a source with the `SourceReader` of its format, else record by record."""
    readers = readers_of(builder.format.name)
    if readers is not None and readers.source is not None:
        readers.source.read(source, builder, 0, None)
    else:
        builder.dispatch.read(source)


def _put_prose(data: bytes, builder: Builder) -> None:
    """Put lines of prose as context, whatever ids they mention."""
    offset = 0
    prose_builder = builder.for_format(prose().format)
    for line in data.splitlines(keepends=True):
        if line.strip():
            prose_builder.row("context", offset=offset)
        offset += len(line)
