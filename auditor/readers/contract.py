"""What a reader is: of records, of lines of text, or of whole sources.

A format has one reader of each kind at most. All of one format share its `Format`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.tables import Row
from auditor.inputs.source import Source


@dataclass(frozen=True)
class InputSample:
    """What a format is recognised by: the head of a source, its container, and its first records."""

    head: bytes
    container: str  # json | json-lines | json-stream | table | parquet | text | binary
    objects: list[Any] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)  # of text, without their log prefixes
    # format -> number of lines that its reader is the first to parse
    by_format: dict[str, int] = field(default_factory=dict)
    broken: tuple[int | None, str] | None = None  # line and reason of the first piece that could not be read


ANY = frozenset({"*"})  # `by_value` of a reader that must look at every record


Match: TypeAlias = Callable[[dict[str, Any]], float]  # the claim on a record: 0 to 1
Sniff: TypeAlias = Callable[[InputSample], float]  # the claim on a sample: 0 to 1
Take: TypeAlias = Callable[[dict[str, Any], Builder, "int | None", "str | None"], None]  # offset and pointer
Messages: TypeAlias = Callable[[Source], "list[Callable[[], Any]]"]
RowsOf: TypeAlias = Callable[[Source], Iterable[Row]]
Parse: TypeAlias = Callable[[str], "dict[str, Any] | None"]


@dataclass(frozen=True, kw_only=True)
class Reader:
    """What all readers have: their format, and how a sample is recognised where its records do not decide."""

    format: Format
    sniff: Sniff | None = None

    @property
    def name(self) -> str:
        """The name of its format."""
        return self.format.name


@dataclass(frozen=True, kw_only=True)
class RecordReader(Reader):
    """Reads JSON objects and rows of tables one by one."""

    match: Match
    take: Take
    # keys whose content decides whether `match` claims; else it may only look at keys, kinds and inner keys
    by_value: frozenset[str] = frozenset()
    fallback: bool = False  # takes what no other reader claims
    pointer: Callable[[Any, int], str | None] | None = None  # the pointer of the nth record of a document


@dataclass(frozen=True, kw_only=True)
class LineReader(Reader):
    """Reads lines of text one by one: `line` parses one to an object, or returns None."""

    line: Parse
    take: Take
    rank: int = 0  # generic readers of lines: the higher, the later a line is offered to them
    shown: Callable[[bytes], Any] | None = None  # the record in the text that begins here, for excerpts


@dataclass(frozen=True, kw_only=True)
class SourceReader(Reader):
    """Reads a whole source, or a byte range of JSON lines where it `splits`."""

    sniff: Sniff
    read: Callable[[Source, Builder, int, int | None], None]
    splits: bool = False
    shown: Callable[[bytes], Any] | None = None  # the record in the text that begins here, for excerpts
    messages: Messages | None = None  # records without a place, for excerpts
    rows: RowsOf | None = None  # the rows of its tables by their number, where they are not those of the text


@dataclass(frozen=True)
class Readers:
    """The readers of one format."""

    format: Format
    record: RecordReader | None = None
    line: LineReader | None = None
    source: SourceReader | None = None

    @property
    def sniff(self) -> Sniff | None:
        """The function that scores a sample, where one of the readers has one."""
        return next((r.sniff for r in (self.source, self.record, self.line) if r and r.sniff), None)

    @property
    def lines_only(self) -> bool:
        """Whether its records are lines of text, and nothing else."""
        return self.line is not None and self.record is None
