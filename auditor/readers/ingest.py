"""From a source to its table: recognise the format, read it, and say what could not be read.

It never guesses: ties are named, and a format recognised only by its signature is refused with advice.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import polars as pl

from auditor.catalogue.fields import Catalogue
from auditor.errors import AuditError, InputError, UnsupportedInput, UsageError
from auditor.evidence.batch import BROKEN
from auditor.evidence.builder import Builder, malformed
from auditor.evidence.schema import Table
from auditor.framing.json_values import SkipFn, container_of, pieces
from auditor.framing.log_lines import parted
from auditor.framing.tables import header_of, is_table, rows_of
from auditor.inputs.source import Input, Source
from auditor.readers.artefacts import MIXED, Part, format_of, parts_of, read_parts
from auditor.readers.billing.table import parquet_columns
from auditor.readers.contract import Reader, Sample
from auditor.readers.dispatch import finish, read_objects, unwrapped
from auditor.readers.registry import all_readers, line_readers, reader, recognised_only

ENOUGH = 0.5
LINES = frozenset({"logfmt", "key-value", "plain-text"})
LINED = LINES | {"nginx-combined", "haproxy-http"}
GENERIC = 0.3  # what a generic text format may claim at most
FIRST = 25
MOST_LINES = 200
SPLIT_FROM = 128 * 1024 * 1024  # bytes below which starting a second process costs more than it saves
LOOKED_AT = 64 * 1024  # bytes
_CONTROL = bytes(range(9))


def ingest(
    source: Source, given: Input, catalogue: Catalogue, jobs: int = 1, *, by_day: bool = False
) -> Table:
    """Read one input. InputError when nothing in it is readable; UnsupportedInput when no reader exists.

    `by_day` keeps the days of a bill apart: there are logs beside it.
    """
    try:
        parts = parts_of(source, recognise) if given.format in (None, MIXED) else []
        found, also = (format_of(parts), None) if parts else recognise(source, given)
    except (AuditError, OSError, MemoryError):
        raise
    except BROKEN as error:
        return _unrecognised(source, given, catalogue, error)
    layer = given.layer or found.layer
    builder = Builder(given.name, layer, found.name, catalogue)
    builder.shared.layer, builder.shared.by_day = given.layer, by_day
    builder.shared.line_of = lambda offset: source.line_of(offset)[0]
    failed = None
    table = None
    if jobs > 1 and not parts and found.splits and source.path is not None and source.size > SPLIT_FROM:
        table = _split(source, given, found, layer, catalogue, jobs)
    if table is None:
        with no_collection():
            failed = _read(source, builder, found, parts)
        table = builder.table()
    if found.everything or given.format is None:
        _name_by_calls(table, found)
    table.bytes, table.also, table.failed = source.size, also, failed
    table.notes += malformed(table.frame, catalogue)
    if not table.frame.height and table.skipped_total and failed is None:
        first = table.skips[0]
        where = f" (line {first.line}: {first.reason})" if first.line else f" ({first.reason})"
        pieces = "the only piece" if table.skipped_total == 1 else f"all {table.skipped_total} pieces"
        raise InputError(
            f"{given.name}: {pieces} could not be read{where}", "`auditor formats` lists what can be read"
        )
    return table


def _split(
    source: Source, given: Input, found: Reader, layer: str, catalogue: Catalogue, jobs: int
) -> Table | None:
    """The table of an input read by several processes; None where one of them broke: this one finds where."""
    from auditor.execution.local import read_split

    try:
        return read_split(source, given, found, layer, catalogue, jobs)
    except (AuditError, OSError, MemoryError):
        raise
    except BROKEN:
        return None


def _read(source: Source, builder: Builder, found: Reader, parts: list[Part]) -> str | None:
    """Read all of an input; where the reader itself breaks, keep what it read so far, and return why."""
    failed = None
    try:
        if parts:
            failed = read_parts(parts, builder)
        elif found.read is not None:
            found.read(source, builder, 0, None)
        else:
            read_objects(source, builder, found)
    except (AuditError, OSError, MemoryError):
        raise
    except BROKEN as error:
        failed = builder.interrupted(found.name, error)
    before = builder.records
    try:
        finish(builder)
    except (AuditError, OSError, MemoryError):
        raise
    except BROKEN as error:
        builder.undo(before)
        failed = failed or builder.interrupted(found.name, error)
    return failed


def _unrecognised(source: Source, given: Input, catalogue: Catalogue, error: BaseException) -> Table:
    """The table of an input on which the recognition of formats broke: no record, and one skip."""
    generic = reader("generic-json")
    assert generic is not None
    builder = Builder(given.name, given.layer or generic.layer, generic.name, catalogue)
    builder.skip(None, f"the recognition of its format failed ({type(error).__name__})")
    table = builder.table()
    table.bytes, table.failed = source.size, table.skips[0].reason
    return table


def _name_by_calls(table: Table, found: Reader) -> None:
    """Name an input of generic formats after those in which its calls stand: one, or mixed text.

    What was recognised by its first records is mixed text too, where most of its calls are lines of others.
    """
    formats = table.frame.filter(pl.col("kind") == "call")["format"]
    counts = dict(formats.value_counts().sort("format").iter_rows())
    if not found.everything:
        lines = sum(n for name, n in counts.items() if name in LINED and name != table.format)
        if not lines or lines < counts.get(table.format, 0):
            return
        if counts.keys() - LINES:
            table.format = MIXED
            return
    text = {name: n for name, n in counts.items() if name in LINES}
    if not counts or table.format == MIXED:
        return
    if text and len(text) < len(counts):
        table.format = MIXED
    else:
        table.format = max(counts, key=lambda name: (counts[name], name == table.format))
        if "layer" in table.frame.columns:
            table.layer = table.frame.filter(pl.col("format") == table.format)["layer"][0]


@contextmanager
def no_collection() -> Iterator[None]:
    """Reading makes millions of objects and no cycles: the collector would only slow it down."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def recognise(source: Source, given: Input) -> tuple[Reader, str | None]:
    """The reader of an input and, when one came close, the runner-up's name."""
    if given.format:
        forced = reader(given.format)
        if forced is None:
            raise UsageError(f"there is no format {given.format!r}", "`auditor formats` lists the names")
        return forced, None
    if source.is_short and not source.head.strip():
        raise InputError(f"{given.name}: the input is empty", "pass a file with records in it")
    sample = sample_of(source)
    for known in recognised_only():
        if _claim(known, sample) >= ENOUGH:
            raise UnsupportedInput(
                f"{given.name}: this is {known.title}: no calls can be audited in it", known.unsupported
            )
    scored = sorted(((_claim(r, sample), r.name, r) for r in all_readers()), key=lambda s: (-s[0], s[1]))
    best, second = scored[0], scored[1] if len(scored) > 1 else (0.0, "", None)
    if best[0] <= 0:
        raise InputError(
            f"{given.name}: {_what(sample)}", "`auditor formats` lists what can be read; --as names one"
        )
    near = second[0] >= max(ENOUGH, best[0] - 0.1)
    return best[2], second[1] if near else None


def _asked(ask: Callable[[Any], Any], value: Any, otherwise: Any) -> Any:
    """What a reader says of one record or line; one that breaks on it says nothing."""
    try:
        return ask(value)
    except Exception:  # noqa: BLE001 - another reader may know it
        return otherwise


def _claim(candidate: Reader, sample: Sample) -> float:
    """How strongly a reader claims a sample; one that breaks on it claims nothing."""
    found: float = _asked(lambda given: _score(candidate, given), sample, 0.0)
    return found


def _score(candidate: Reader, sample: Sample) -> float:
    """How strongly a reader claims a sample: by the sample, its best record, or the share of its lines."""
    if candidate.sniff is not None:
        return candidate.sniff(sample)
    found = 0.0
    if candidate.match is not None:
        scores = [_asked(candidate.match, o, 0.0) for o in sample.objects if isinstance(o, dict)]
        claimed = [s for s in scores if s > 0]
        if claimed and (sample.container != "table" or max(claimed) >= ENOUGH):
            found = max(claimed) if candidate.name != "generic-json" else claimed[0]
    if candidate.line is not None and sample.lines:
        share = sample.spoken.get(candidate.name, 0) / (len(sample.lines) + len(sample.objects))
        found = max(found, share * (GENERIC if candidate.everything else 1.0))
    return found


def _what(sample: Sample) -> str:
    if sample.container == "binary":
        return "binary data of no known format"
    if sample.container == "table":
        return f"a table without columns that tell of model calls ({len(sample.columns)} columns)"
    if sample.broken is not None:
        line, reason = sample.broken
        return f"nothing readable (line {line}: {reason})" if line else f"nothing readable ({reason})"
    return "no JSON record and no known table in this text"


def sample_of(source: Source) -> Sample:
    """The head, the container, and the first records, unwrapped."""
    head = source.head
    if head[:4] == b"PAR1":
        return Sample(head, "parquet", columns=parquet_columns(source))
    if _is_binary(head):
        return Sample(head, "binary")
    columns = header_of(head)
    container = container_of(head, source.is_short)
    if is_table(head):
        return Sample(head, "table", objects=_first_rows(head), columns=columns)
    reasons: list[tuple[int | None, str]] = []
    objects, lines = _first_pieces(source, container, lambda line, reason: reasons.append((line, reason)))
    return Sample(
        head,
        container,
        objects=objects,
        lines=lines,
        spoken=_spoken(lines),
        broken=reasons[0] if reasons else None,
    )


def _first_rows(head: bytes) -> list[Any]:
    """The first rows of a table, without the last, which the head may have cut."""
    return [row for _, row in rows_of(head.decode("utf-8", "replace"))[:FIRST]]


def _first_pieces(source: Source, container: str, skip: SkipFn) -> tuple[list[Any], list[str]]:
    """The first records, unwrapped, and the first lines of text between them."""
    if container == "json" and source.size > 64 * 1024 * 1024:
        return [], []
    objects: list[Any] = []
    lines: list[str] = []
    decisive = [r.match for r in all_readers() if r.match is not None and r.name != "generic-json"]
    for piece in pieces(source, skip):
        if (objects or len(lines) >= FIRST) and piece.offset > LOOKED_AT:
            break
        if isinstance(piece.value, str):
            if len(lines) < MOST_LINES:
                lines.append(parted(piece.value).text)
            continue
        for inner in unwrapped(piece, lambda v: any(_asked(m, v, 0.0) >= ENOUGH for m in decisive)):
            objects.append(inner.value)
            if len(objects) >= FIRST:
                return objects, lines
    return objects, lines


def _spoken(lines: list[str]) -> dict[str, int]:
    """How many lines each reader of lines would be the first to read."""
    counts: dict[str, int] = {}
    for line in lines:
        told = (
            r.name for r in line_readers() if r.line is not None and _asked(r.line, line, None) is not None
        )
        name = next(told, None)
        if name is not None:
            counts[name] = counts.get(name, 0) + 1
    return counts


def _is_binary(head: bytes) -> bool:
    first = head[:4096]
    return b"\x00" in first or len(first) - len(first.translate(None, _CONTROL)) > 8
