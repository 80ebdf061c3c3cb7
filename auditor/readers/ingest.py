"""From a source to its table: recognise the format, read it, and count what could not be read."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from auditor.catalogue.fields import Catalogue
from auditor.errors import AuditError, InputError
from auditor.evidence.batch import BROKEN
from auditor.evidence.builder import Builder, gc_paused, malformed
from auditor.evidence.formats import Format
from auditor.evidence.merged_calls import merge_parts
from auditor.evidence.reading import Reading
from auditor.evidence.schema import Table
from auditor.inputs.source import Input, Source
from auditor.printing.text import plural
from auditor.readers.artefacts import Artefact, artefacts_of, common_format, read_all, read_artefacts
from auditor.readers.detect import recognise
from auditor.readers.dispatch import Dispatcher, finish
from auditor.readers.registry import fallback, format_of, readers_of
from auditor.readers.text.mixed import FORMAT as MIXED

Split = Callable[[Source, Input, Format, Catalogue], "Table | None"]


def ingest(
    source: Source, given: Input, catalogue: Catalogue, *, by_day: bool = False, split: Split | None = None
) -> Table:
    """Read one input. InputError when nothing in it is readable; UnsupportedInput when no reader exists.

    `by_day` keeps the days of a bill apart, to be compared with logs. `split` reads an input in several byte
    ranges, or returns None where this process has to read it.
    """
    try:
        artefacts = artefacts_of(source) if given.format in (None, MIXED.name) else []
        format_, runner_up = (common_format(artefacts), None) if artefacts else recognise(source, given)
    except (AuditError, OSError, MemoryError):
        raise
    except BROKEN as error:
        return _unrecognised(source, given, catalogue, error)
    failed = None
    table = split(source, given, format_, catalogue) if split is not None and not artefacts else None
    if table is None:
        builder = builder_of(source, given, format_, catalogue, by_day=by_day)
        with gc_paused():
            failed = _read(source, builder, artefacts)
        table = builder.table()
    merge_parts(table)
    if table.look_like_calls:
        table.notes.append(_look_alikes(table, source))
    if format_.generic or given.format is None:
        _set_format_from_calls(table, format_)
    table.bytes, table.also, table.failed = source.size, runner_up, failed
    table.notes += malformed(table.frame, catalogue)
    table.notes += [
        f"The reader of {name} is a preview: it is new and may change."
        for name, fmt in table.formats.items()
        if fmt.stability == "preview"
    ]
    if not table.frame.height and table.skipped_total and failed is None:
        first = table.skips[0]
        where = f" (line {first.line}: {first.reason})" if first.line else f" ({first.reason})"
        pieces = "the only piece" if table.skipped_total == 1 else f"all {table.skipped_total} pieces"
        raise InputError(
            f"{given.name}: {pieces} could not be read{where}", "`auditor formats` lists what can be read"
        )
    return table


def _look_alikes(table: Table, source: Source) -> str:
    """The note on records that look like calls and were not counted."""
    at = table.first_look_alike
    where = f", the first in line {source.line_of(at)[0]}" if at is not None else ""
    number = table.look_like_calls
    what = "looks like a model call and was" if number == 1 else "look like model calls and were"
    return f"{plural(number, 'record')} {what} not counted: no tokens, cost, end or error{where}."


def builder_of(
    source: Source,
    given: Input,
    format_: Format,
    catalogue: Catalogue,
    *,
    by_day: bool = False,
    lines_before: Callable[[], int] | None = None,
) -> Builder:
    """The builder of an input's own format; `lines_before` counts the lines before the byte range read."""
    reading = Reading(
        given.name,
        catalogue,
        layer=given.layer,
        by_day=by_day,
        line_of=lambda offset: source.line_of(offset)[0] - (lines_before() if lines_before else 0),
        dispatch=Dispatcher,
    )
    return Builder(reading, format_)


def _read(source: Source, builder: Builder, artefacts: list[Artefact]) -> str | None:
    """Read all of an input; where the reader itself fails, keep what it read so far, and return why."""
    failed = None
    try:
        if artefacts:
            failed = read_artefacts(artefacts, builder)
        else:
            read_all(source, builder)
    except (AuditError, OSError, MemoryError):
        raise
    except BROKEN as error:
        failed = builder.reader_failed(builder.format.name, error)
    before = builder.records
    try:
        finish(builder)
    except (AuditError, OSError, MemoryError):
        raise
    except BROKEN as error:
        builder.undo(before)
        failed = failed or builder.reader_failed(builder.format.name, error)
    return failed


def _unrecognised(source: Source, given: Input, catalogue: Catalogue, error: BaseException) -> Table:
    """The table of an input whose format recognition failed: no record, and one skip."""
    builder = Builder(Reading(given.name, catalogue, layer=given.layer), fallback().format)
    builder.skip(None, f"the recognition of its format failed ({type(error).__name__})")
    table = builder.table()
    table.bytes, table.failed = source.size, table.skips[0].reason
    return table


def _set_format_from_calls(table: Table, format_: Format) -> None:
    """Set the format of an input from the formats of its calls: that of most calls, or mixed text.

    An input that was recognised by its first records is mixed text too, where most of its calls are log lines
    of other formats.
    """
    formats = table.frame.filter(pl.col("kind") == "call")["format"]
    counts = dict(formats.value_counts().sort("format").iter_rows())
    generic = {name: n for name, n in counts.items() if _is_line(name) and _is_generic(name)}
    if not format_.generic:
        lines = sum(n for name, n in counts.items() if _is_line(name) and name != table.format)
        if lines and lines >= counts.get(table.format, 0) and counts.keys() - generic.keys():
            table.format = MIXED.name
            return
        if not lines or lines < counts.get(table.format, 0):
            return
    if not counts or table.format == MIXED.name:
        return
    if generic and len(generic) < len(counts):
        table.format = MIXED.name
    else:
        table.format = max(counts, key=lambda name: (counts[name], name == table.format))
        if "layer" in table.frame.columns:
            table.layer = table.frame.filter(pl.col("format") == table.format)["layer"][0]


def _is_line(name: str) -> bool:
    readers = readers_of(name)
    return readers is not None and readers.lines_only


def _is_generic(name: str) -> bool:
    known = format_of(name)
    return known is not None and known.generic
