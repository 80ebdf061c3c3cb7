"""What a reader is: its format, how it is recognised, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from auditor.evidence.builder import Builder
from auditor.inputs.source import Source


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
    doc: str = ""  # its documentation page: the docstring of its module, put in by the registry
    unsupported: str = ""  # recognised by signature only: what to bring instead

    def carries_field(self, name: str) -> bool:
        """Whether the format can carry a field at all."""
        return self.everything or name in self.carries
