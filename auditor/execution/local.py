"""Reads one large file of JSON lines in several processes, this one among them, range by range of bytes.

Workers are spawned, never forked, with one Polars thread each; they only read, they never judge.
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
from auditor.evidence.builder import MAX_SKIPS_SHOWN, Builder, no_collection
from auditor.evidence.formats import Format
from auditor.evidence.schema import Table
from auditor.inputs.source import Input, Source
from auditor.readers.dispatch import finish
from auditor.readers.ingest import builder_of, ingest
from auditor.readers.registry import format_of, readers_of

RANGE = 12 * 1024 * 1024  # bytes: a worker takes a second to begin, and the last range is waited for
SPLIT_FROM = 128 * 1024 * 1024  # bytes below which starting a second process costs more than it saves
_Task = tuple[Input, str, Catalogue, int, int]


def read(source: Source, given: Input, catalogue: Catalogue, jobs: int = 1, *, by_day: bool = False) -> Table:
    """Read one input, a large file of lines by `jobs` processes; errors are those of `ingest`."""
    split = partial(_split, jobs=jobs) if jobs > 1 else None
    return ingest(source, given, catalogue, by_day=by_day, split=split)


def _split(source: Source, given: Input, found: Format, catalogue: Catalogue, jobs: int) -> Table | None:
    """The table of an input read by several processes.

    None where it is not worth it, or where one of them broke: this process then finds where.
    """
    readers = readers_of(found.name)
    splits = readers is not None and readers.source is not None and readers.source.splits
    if not splits or source.path is None or source.size <= SPLIT_FROM:
        return None
    try:
        return read_split(source, given, found, catalogue, jobs)
    except (AuditError, OSError, MemoryError):
        raise
    except BROKEN:
        return None


def read_split(source: Source, given: Input, found: Format, catalogue: Catalogue, jobs: int) -> Table:
    """The table of a file, its ranges read by `jobs` processes and put together in order."""
    parts = max(jobs, source.size // RANGE)
    edges = [source.size * i // parts for i in range(parts + 1)]
    tasks: list[_Task] = [(given, found.name, catalogue, a, b) for a, b in pairwise(edges)]
    return _joined(builder_of(source, given, found, catalogue), source, _shared_out(tasks, jobs), edges)


def _shared_out(tasks: list[_Task], jobs: int) -> list[Table]:
    """Each range read by whoever is free; workers are given two at a time, so that none waits."""
    left = deque(range(len(tasks)))
    given: dict[int, Future[Table]] = {}
    own: dict[int, Table] = {}
    with _one_thread(), _workers(jobs - 1) as pool:
        while left:
            waiting = sum(not future.done() for future in given.values())
            for _ in range(min(2 * (jobs - 1) - waiting, len(left))):
                number = left.popleft()
                with _signals_later():
                    given[number] = pool.submit(_read_range, tasks[number])
            if left:
                number = left.popleft()
                own[number] = _read_range(tasks[number])
        read = {number: future.result() for number, future in given.items()}
    return [table for _, table in sorted((read | own).items())]


def _read_range(task: _Task) -> Table:
    given, name, catalogue, start, end = task
    source, found, readers = Source(given), format_of(name), readers_of(name)
    assert found is not None
    assert readers is not None
    assert readers.source is not None
    builder = builder_of(source, given, found, catalogue, before=lambda: _lines_before(source, start))
    with no_collection():
        readers.source.read(source, builder, start, end)
        finish(builder)
    return builder.table()


def _joined(builder: Builder, source: Source, tables: list[Table], edges: list[int]) -> Table:
    """One table of the tables of successive ranges."""
    reading = builder.reading
    formats: dict[str, Format] = {}
    columns_known: dict[str, frozenset[str]] = {}
    for table, start in zip(tables, edges, strict=False):
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
    """Processes that end with the block: behind the range they are reading, where it is left early."""
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        try:
            yield pool
        except BaseException:
            # one that is killed while it hands over a table would block this process for ever
            pool.shutdown(cancel_futures=True)
            raise


@contextmanager
def _signals_later() -> Iterator[None]:
    """Hold signals back while a process starts: half of one cannot be ended. It never gets Ctrl-C itself."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    came: list[int] = []
    numbers = [n for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if callable(signal.getsignal(n))]
    before = {n: signal.signal(n, lambda number, _: came.append(number)) for n in numbers}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # what is started inherits it
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in before.items():
            signal.signal(number, handler)
        for late in came:
            signal.raise_signal(late)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = os.environ.get("POLARS_MAX_THREADS")
    os.environ["POLARS_MAX_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["POLARS_MAX_THREADS"]
        else:
            os.environ["POLARS_MAX_THREADS"] = before
