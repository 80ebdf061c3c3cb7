"""Reads one large file of JSON lines in several processes, this one among them, by ranges of bytes.

Workers are spawned, never forked, with one Polars thread each.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import pairwise
from multiprocessing import get_context

from msgspec import structs

from auditor.catalogue.fields import Catalogue
from auditor.errors import AuditError
from auditor.evidence.batch import BROKEN
from auditor.evidence.builder import MAX_SKIPS_SHOWN, Builder, gc_paused
from auditor.evidence.formats import Format
from auditor.evidence.schema import Table
from auditor.inputs.source import Input, Source
from auditor.readers.dispatch import finish
from auditor.readers.ingest import builder_of, ingest
from auditor.readers.registry import format_of, readers_of

RANGE = 12 * 1024 * 1024  # bytes: a worker takes a second to start, and all wait for the last range
SPLIT_FROM = 128 * 1024 * 1024  # bytes below which starting a second process costs more than it saves
_Task = tuple[Input, str, Catalogue, int, int]


def read(source: Source, given: Input, catalogue: Catalogue, jobs: int = 1, *, by_day: bool = False) -> Table:
    """Read one input, a large file of lines in `jobs` processes; raises what `ingest` raises."""
    split = partial(_split, jobs=jobs) if jobs > 1 else None
    return ingest(source, given, catalogue, by_day=by_day, split=split)


def _split(source: Source, given: Input, format_: Format, catalogue: Catalogue, jobs: int) -> Table | None:
    """The table of an input read by several processes.

    None where that is not worth it, or where one process failed: reading it here then shows where.
    """
    readers = readers_of(format_.name)
    splits = readers is not None and readers.source is not None and readers.source.splits
    if not splits or source.path is None or source.size <= SPLIT_FROM:
        return None
    try:
        return read_split(source, given, format_, catalogue, jobs)
    except (AuditError, OSError, MemoryError):
        raise
    except BROKEN:
        return None


def read_split(source: Source, given: Input, format_: Format, catalogue: Catalogue, jobs: int) -> Table:
    """The table of a file, its ranges read by `jobs` processes and concatenated in order."""
    count = max(jobs, source.size // RANGE)
    bounds = [source.size * i // count for i in range(count + 1)]
    tasks: list[_Task] = [(given, format_.name, catalogue, a, b) for a, b in pairwise(bounds)]
    return _concat(builder_of(source, given, format_, catalogue), source, _read_ranges(tasks, jobs), bounds)


def _read_ranges(tasks: list[_Task], jobs: int) -> list[Table]:
    """The tables of all ranges in order; each worker has up to two ranges pending, so that none waits."""
    remaining = deque(range(len(tasks)))
    futures: dict[int, Future[Table]] = {}
    tables: dict[int, Table] = {}
    with _one_thread(), _workers(jobs - 1) as pool:
        while remaining:
            pending = sum(not future.done() for future in futures.values())
            for _ in range(min(2 * (jobs - 1) - pending, len(remaining))):
                number = remaining.popleft()
                with _signals_deferred():
                    futures[number] = pool.submit(_read_range, tasks[number])
            if remaining:
                number = remaining.popleft()
                tables[number] = _read_range(tasks[number])
        done = {number: future.result() for number, future in futures.items()}
    return [table for _, table in sorted((done | tables).items())]


def _read_range(task: _Task) -> Table:
    given, name, catalogue, start, end = task
    source, format_, readers = Source(given), format_of(name), readers_of(name)
    assert format_ is not None
    assert readers is not None
    assert readers.source is not None
    builder = builder_of(source, given, format_, catalogue, lines_before=lambda: _lines_before(source, start))
    with gc_paused():
        readers.source.read(source, builder, start, end)
        finish(builder)
    return builder.table()


def _concat(builder: Builder, source: Source, tables: list[Table], bounds: list[int]) -> Table:
    """One table of the tables of successive ranges."""
    reading = builder.reading
    formats: dict[str, Format] = {}
    columns_known: dict[str, frozenset[str]] = {}
    for table, start in zip(tables, bounds, strict=False):
        builder.batch(table.frame, table.slots, table.numbers)
        table.frame = table.frame.clear()
        for name, columns in table.columns_known.items():
            columns_known[name] = columns_known.get(name, frozenset()) | columns
        if table.skips and len(reading.skips) < MAX_SKIPS_SHOWN:
            before = _lines_before(source, start)
            reading.skips += [structs.replace(s, line=s.line and s.line + before) for s in table.skips]
        reading.skipped_total += table.skipped_total
        reading.notes |= dict.fromkeys(table.notes)
        formats |= table.formats
    del reading.skips[MAX_SKIPS_SHOWN:]
    return replace(builder.table(), columns_known=columns_known, formats=formats)


def _lines_before(source: Source, start: int) -> int:
    """How many lines begin before a range: the range's first line is the first that begins in it."""
    if not start:
        return 0
    with source.open() as stream:
        stream.seek(start - 1)
        begins = stream.read(1) == b"\n"
    return source.line_of(start)[0] - begins


@contextmanager
def _workers(count: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that end with the block; where it is left early, after the range that they are reading."""
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        try:
            yield pool
        except BaseException:
            # a worker that is killed while it sends a table would block this process for ever
            pool.shutdown(cancel_futures=True)
            raise


@contextmanager
def _signals_deferred() -> Iterator[None]:
    """Defer signals while a process starts, as half of one cannot be ended; the process never gets Ctrl-C."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    received: list[int] = []
    numbers = [n for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if callable(signal.getsignal(n))]
    before = {n: signal.signal(n, lambda number, _: received.append(number)) for n in numbers}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # inherited by the new process
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in before.items():
            signal.signal(number, handler)
        for late in received:
            signal.raise_signal(late)


@contextmanager
def _one_thread() -> Iterator[None]:
    """One Polars thread in each process that starts within the block."""
    before = os.environ.get("POLARS_MAX_THREADS")
    os.environ["POLARS_MAX_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["POLARS_MAX_THREADS"]
        else:
            os.environ["POLARS_MAX_THREADS"] = before
