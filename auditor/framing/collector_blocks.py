"""What the OpenTelemetry Collector's debug exporter prints at verbosity `detailed`: spans and log records.

A value is `Type(text)` and may go on in further lines; a heading at the first column begins another section.
Lines may have the prefix of `docker compose` or `kubectl`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from auditor.framing.json_values import decode

_PREFIX = r"(?:[\w./-]+ *\| |\[[^\]\n]{1,200}\] )"
_LOGGED = r"(?:\S+\t\w+\t(?:\S+\t)?)"
BEGINS = re.compile(rf"(?m)^(?P<prefix>{_PREFIX})?{_LOGGED}?Resource(?:Spans|Log|Metrics) #\d+\s*$")
_PREFIXED = re.compile(rf"{_PREFIX}(?:Span|LogRecord) #")
_STRIPPED = re.compile(rf"^{_PREFIX}")
_BLOCK = re.compile(rf"^{_LOGGED}?(?P<kind>Resource(?:Spans|Log|Metrics)) #\d+\s*$")
_ITEM = re.compile(r"^(?P<kind>Span|LogRecord|SpanEvent|SpanLink|Metric|\w+DataPoints|Scope\w+) #\d+\s*$")
_SECTION = re.compile(
    r"^(?P<name>Resource attributes|Attributes|Events|Links|Descriptor|Data point attributes):\s*$"
)
_SCOPE = re.compile(r"^InstrumentationScope ?(?P<name>\S*)")
_OTHER = re.compile(
    r"^(?:Resource SchemaURL|Scope\w+ SchemaURL|Entities|Exemplars)\b|^\t\{|^\S+\t(?:debug|info|warn|error)\t"
)
_PAIR = re.compile(r"^(?P<indent> +)-> (?P<key>.*?):(?::\s*$| (?P<value>.*))$", re.S)
_FACT = re.compile(r"^(?: {4})?(?P<key>[A-Z]\w*(?: \w+)*) *: ?(?P<value>.*)$", re.S)
_VALUE = re.compile(r"^(?P<type>Str|Int|Double|Bool|Bytes|Map|Slice|Empty)\((?P<text>.*)\)\s*$", re.S)


@dataclass
class Block:
    """One span or log record: its facts by their printed names, its attributes and what is around it."""

    kind: str
    offset: int
    line: int
    resource: list[tuple[str, Any]]
    scope: str
    facts: dict[str, str] = field(default_factory=dict)
    attributes: list[tuple[str, Any]] = field(default_factory=list)
    events: list[tuple[str, Any]] = field(default_factory=list)


class _Lines:
    """The blocks of a text, line by line; a value that goes on is put once it is whole."""

    def __init__(self) -> None:
        self.resource: list[tuple[str, Any]] = []
        self.scope = self.section = ""
        self.block: Block | None = None
        self.pending = ""  # a line that may go on

    def line(self, text: str, offset: int, number: int) -> Block | None:
        """Take one line; returns the block that it ends."""
        if not _starts(text):
            self.pending += f"\n{text}" if self.pending else ""
            return None
        self._put()
        head, item = _BLOCK.match(text), _ITEM.match(text)
        if head or (item and item["kind"] not in ("SpanEvent", "SpanLink")):
            ended, self.block, self.section = self.block, None, ""
            if head:
                self.resource, self.scope = [], ""
            elif item and item["kind"] in ("Span", "LogRecord"):
                self.block = Block(item["kind"], offset, number, self.resource, self.scope)
                self.section = "facts"
            return ended
        if item:
            self.section = item["kind"]
        elif section := _SECTION.match(text):
            self.section = section["name"]
        elif scope := _SCOPE.match(text):
            self.scope = scope["name"]
        elif _OTHER.match(text):
            ended, self.block = (self.block, None) if text[:1] == "\t" else (None, self.block)
            return ended
        else:
            self.pending = text
        return None

    def end(self) -> Block | None:
        """The block that the end of the text ends."""
        self._put()
        return self.block

    def _put(self) -> None:
        text, self.pending = self.pending, ""
        pair = _PAIR.match(text) if text else None
        if pair:
            value = (pair["key"], _value(pair["value"] or ""))
            if self.section == "Resource attributes":
                self.resource.append(value)
            elif self.block is not None and self.section == "Attributes":
                self.block.attributes.append(value)
            elif self.block is not None and self.section == "SpanEvent" and len(pair["indent"]) > 5:
                self.block.events.append(value)
        elif text and self.block is not None and (fact := _FACT.match(text)):
            # a log record prints its ids below its attributes
            self.block.facts.setdefault(fact["key"], fact["value"].strip())


def _starts(text: str) -> bool:
    """Whether a line begins something, and is not the rest of a value."""
    patterns = (_PAIR, _BLOCK, _ITEM, _SECTION, _SCOPE, _OTHER, _FACT)
    return any(pattern.match(text) for pattern in patterns)


def _value(text: str) -> Any:
    """A printed value; text that names no type is itself."""
    typed = _VALUE.match(text)
    if typed is None:
        return text
    kind, inner = typed["type"], typed["text"]
    try:
        if kind in ("Int", "Double"):
            return int(inner) if kind == "Int" else float(inner)
        if kind in ("Map", "Slice"):
            return decode(inner)
    except ValueError:
        return inner
    return {"Str": inner, "Bool": inner == "true"}.get(kind)


def plain_value(text: str) -> Any:
    """A printed value of a fact, such as the body of a log record."""
    return _value(text)


def blocks(data: bytes) -> Iterator[Block]:
    """The spans and log records in printed output, in their order."""
    head = data[:65536].decode("utf-8", "replace")
    begin = BEGINS.search(head)
    prefixed = begin["prefix"] is not None if begin else _PREFIXED.match(head) is not None
    lines, offset = _Lines(), 0
    for number, raw in enumerate(data.split(b"\n"), 1):
        text = raw.decode("utf-8", "replace").rstrip("\r")
        block = lines.line(_STRIPPED.sub("", text, count=1) if prefixed else text, offset, number)
        offset += len(raw) + 1
        if block is not None:
            yield block
    if (block := lines.end()) is not None:
        yield block
