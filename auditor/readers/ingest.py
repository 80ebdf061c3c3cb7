"""From a source to its table: recognise the format, read it, and say what could not be read."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from auditor.catalogue.fields import Catalogue
from auditor.errors import AuditError, InputError
from auditor.evidence.batch import BROKEN
from auditor.evidence.builder import Builder, Reading, malformed, no_collection
from auditor.evidence.formats import Format
from auditor.evidence.schema import Table
from auditor.inputs.source import Input, Source
from auditor.readers.artefacts import Part, format_of_parts, parts_of, read_all, read_parts
from auditor.readers.detect import recognise
from auditor.readers.dispatch import Dispatcher, finish
from auditor.readers.registry import fallback, format_of, readers_of
from auditor.readers.text.mixed import FORMAT as MIXED

Split = Callable[[Source, Input, Format, Catalogue], "Table | None"]


def ingest(
    source: Source, given: Input, catalogue: Catalogue, *, by_day: bool = False, split: Split | None = None
) -> Table:
    """Read one input. InputError when nothing in it is readable; UnsupportedInput when no reader exists.

    `by_day` keeps the days of a bill apart: there are logs beside it. `split` reads an input whose reader can
    read byte ranges, or returns None where it leaves that to this process.
    """
    try:
        parts = parts_of(source) if given.format in (None, MIXED.name) else []
        found, also = (format_of_parts(parts), None) if parts else recognise(source, given)
    except (AuditError, OSError, MemoryError):
        raise
    except BROKEN as error:
        return _unrecognised(source, given, catalogue, error)
    failed = None
    table = split(source, given, found, catalogue) if split is not None and not parts else None
    if table is None:
        builder = builder_of(source, given, found, catalogue, by_day=by_day)
        with no_collection():
            failed = _read(source, builder, parts)
        table = builder.table()
    if found.generic or given.format is None:
        _name_by_calls(table, found)
    table.bytes, table.also, table.failed = source.size, also, failed
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


def builder_of(
    source: Source,
    given: Input,
    found: Format,
    catalogue: Catalogue,
    *,
    by_day: bool = False,
    before: Callable[[], int] | None = None,
) -> Builder:
    """The builder of an input's own format; `before` says how many lines of it are not this reading's."""
    reading = Reading(
        given.name,
        catalogue,
        layer=given.layer,
        by_day=by_day,
        line_of=lambda offset: source.line_of(offset)[0] - (before() if before else 0),
        dispatch=Dispatcher,
    )
    return Builder(reading, found)


def _read(source: Source, builder: Builder, parts: list[Part]) -> str | None:
    """Read all of an input; where the reader itself breaks, keep what it read so far, and return why."""
    failed = None
    try:
        if parts:
            failed = read_parts(parts, builder)
        else:
            read_all(source, builder)
    except (AuditError, OSError, MemoryError):
        raise
    except BROKEN as error:
        failed = builder.interrupted(builder.format.name, error)
    before = builder.records
    try:
        finish(builder)
    except (AuditError, OSError, MemoryError):
        raise
    except BROKEN as error:
        builder.undo(before)
        failed = failed or builder.interrupted(builder.format.name, error)
    return failed


def _unrecognised(source: Source, given: Input, catalogue: Catalogue, error: BaseException) -> Table:
    """The table of an input on which the recognition of formats broke: no record, and one skip."""
    builder = Builder(Reading(given.name, catalogue, layer=given.layer), fallback().format)
    builder.skip(None, f"the recognition of its format failed ({type(error).__name__})")
    table = builder.table()
    table.bytes, table.failed = source.size, table.skips[0].reason
    return table


def _name_by_calls(table: Table, found: Format) -> None:
    """Name an input of generic formats after those in which its calls are: one, or mixed text.

    What was recognised by its first records is mixed text too, where most of its calls are lines of others.
    """
    formats = table.frame.filter(pl.col("kind") == "call")["format"]
    counts = dict(formats.value_counts().sort("format").iter_rows())
    generic = {name: n for name, n in counts.items() if _is_line(name) and _is_generic(name)}
    if not found.generic:
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
