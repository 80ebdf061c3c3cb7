"""Readers: one file a format, found by walking this folder; each turns bytes into records of the table.

Nothing is registered by hand and nothing outside this folder is loaded.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from auditor.evidence import Builder
from auditor.source import Source


@dataclass(frozen=True)
class Sample:
    """What recognition looks at: the head, what container it is, and the first records in it."""

    head: bytes
    container: str  # json | json-lines | json-stream | table | parquet | text | binary
    objects: list[Any] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)  # of text, behind their log prefixes
    spoken: dict[str, int] = field(default_factory=dict)  # lines that each reader of lines would read first
    broken: tuple[int | None, str] | None = None  # line and reason of the first piece that could not be read


ANY = frozenset({"*"})  # `by_value` of a reader that must look at every record


class Segment(NamedTuple):
    """A part of a text: what its border says it is, where it begins (bytes, lines before it), its bytes."""

    kind: str  # lines | fence | table | http
    offset: int
    line: int
    data: bytes


@dataclass(frozen=True)
class Reader:
    """One format: how it is recognised, what it can carry at which scope, and how it is read.

    `match` scores one JSON object, `sniff` a whole sample (0 to 1); `line` parses one line of text to an
    object, or says None. `take` reads one object into the builder; `read` reads a whole source; `finish` is
    called behind the last object.
    """

    name: str
    layer: str
    title: str
    carries: Mapping[str, str]
    get: str
    match: Callable[[dict[str, Any]], float] | None = None
    take: Callable[[dict[str, Any], Builder, int | None, str | None], None] | None = None
    # keys whose content decides whether `match` claims; else it may only look at keys, kinds and inner keys
    by_value: frozenset[str] = frozenset()
    line: Callable[[str], dict[str, Any] | None] | None = None
    finish: Callable[[Builder], None] | None = None
    parts: Callable[[bytes], list[Segment]] | None = None  # cuts a text into artefacts of other formats
    record: Callable[[bytes], Any] | None = None  # what the text that begins here says, for excerpts
    sniff: Callable[[Sample], float] | None = None
    read: Callable[[Source, Builder, int, int | None], None] | None = None
    splits: bool = False  # whether `read` can be given a byte range of JSON lines
    aggregate: bool = False
    everything: bool = False  # a free-form format can carry any field
    unsupported: str = ""  # recognised by signature only: what to bring instead

    @property
    def doc(self) -> str:
        """The docstring of the reader's module: its documentation page."""
        for module in _modules():
            if getattr(module, "READER", None) is self:
                return (module.__doc__ or "").strip()
        return ""

    def carries_field(self, name: str) -> bool:
        """Whether the format can carry a field at all."""
        return self.everything or name in self.carries


_LAX = ("logfmt", "key-value", "plain-text")


@cache
def _modules() -> tuple[Any, ...]:
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    return tuple(importlib.import_module(f"{__name__}.{name}") for name in names)


@cache
def all_readers() -> tuple[Reader, ...]:
    """Every reader that can read, sorted by name."""
    found = [m.READER for m in _modules() if hasattr(m, "READER")]
    return tuple(sorted(found, key=lambda r: r.name))


@cache
def line_readers() -> tuple[Reader, ...]:
    """Readers of single lines of text: the special before the generic, the strict before the lax."""
    found = [r for r in all_readers() if r.line is not None]
    return tuple(
        sorted(found, key=lambda r: (r.everything, _LAX.index(r.name) if r.everything else 0, r.name))
    )


@cache
def recognised_only() -> tuple[Reader, ...]:
    """Formats that are recognised by their signature and refused with advice."""
    found = [r for m in _modules() for r in getattr(m, "SIGNATURES", ())]
    return tuple(sorted(found, key=lambda r: r.name))


def reader(name: str) -> Reader | None:
    """The reader of a format, by its name in the report."""
    return next((r for r in all_readers() if r.name == name), None)


__all__ = ["ANY", "Reader", "Sample", "Segment", "all_readers", "line_readers", "reader", "recognised_only"]
