"""The formats and readers there are, found by walking the folders of the families.

A module with a `FORMAT` is a format; its `READERS` read it.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace
from functools import cache
from typing import Any

from auditor import readers
from auditor.evidence.formats import Format
from auditor.readers.contract import LineReader, Reader, Readers, RecordReader, SourceReader
from auditor.readers.signatures import SIGNATURES

FAMILIES = tuple(m.name for m in pkgutil.iter_modules(readers.__path__) if m.ispkg and m.name != "shared")


@cache
def _modules() -> tuple[Any, ...]:
    """Every module of the families."""
    walked = pkgutil.walk_packages(readers.__path__, f"{readers.__name__}.")
    names = sorted(m.name for m in walked if m.name.split(".")[2] in FAMILIES and not m.ispkg)
    return tuple(importlib.import_module(name) for name in names)


def _of(module: Any) -> list[Readers]:
    """The formats of a module, each with its readers and its documentation page."""
    doc = (module.__doc__ or "").strip()
    readers_here: tuple[Reader, ...] = getattr(module, "READERS", ())
    formats = {r.format.name: r.format for r in readers_here}
    formats |= {f.name: f for f in getattr(module, "FORMATS", ())}
    return [_readers(replace(f, doc=f.doc.strip() or doc), readers_here) for f in formats.values()]


def _readers(format_: Format, candidates: tuple[Reader, ...]) -> Readers:
    own = [r for r in candidates if r.format.name == format_.name]
    return Readers(
        format_,
        record=next((r for r in own if isinstance(r, RecordReader)), None),
        line=next((r for r in own if isinstance(r, LineReader)), None),
        source=next((r for r in own if isinstance(r, SourceReader)), None),
    )


@cache
def all_readers() -> tuple[Readers, ...]:
    """The readers of every format that can be read, by the format's name."""
    return tuple(sorted((r for m in _modules() for r in _of(m)), key=lambda r: r.format.name))


@cache
def all_formats() -> tuple[Format, ...]:
    """Every format that can be read, by its name."""
    return tuple(r.format for r in all_readers())


@cache
def line_readers() -> tuple[LineReader, ...]:
    """Readers of single lines of text: a product's own before the generic, the strict before the lax."""
    lines = [r.line for r in all_readers() if r.line is not None]
    return tuple(sorted(lines, key=lambda r: (r.rank, r.name)))


@cache
def record_readers() -> tuple[RecordReader, ...]:
    """Readers of single records, by the name of their format."""
    return tuple(r.record for r in all_readers() if r.record is not None)


@cache
def fallback() -> RecordReader:
    """The reader of records that no other reader claims."""
    return next(r for r in record_readers() if r.fallback)


@cache
def prose() -> LineReader:
    """The reader of lines that no other reader of lines can parse."""
    return line_readers()[-1]


@cache
def recognised_only() -> tuple[Reader, ...]:
    """Formats that are recognised by their signature and refused with advice."""
    return tuple(sorted(SIGNATURES, key=lambda r: r.name))


@cache
def _by_name() -> dict[str, Readers]:
    return {r.format.name: r for r in all_readers()}


def readers_of(name: str) -> Readers | None:
    """The readers of a format by its name in reports; None where no such format can be read."""
    return _by_name().get(name)


def format_of(name: str) -> Format | None:
    """A format by its name in reports; None where no such format can be read."""
    known = _by_name().get(name)
    return known.format if known is not None else None


@cache
def unsupported_formats() -> tuple[Format, ...]:
    """Formats that are recognised and cannot be read, by name."""
    return tuple(r.format for r in recognised_only())
