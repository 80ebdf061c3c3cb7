"""What each format can carry, field by field: at which scope, and whether a value there is evidence.

Each list and page of formats uses it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from auditor.catalogue.fields import Field, catalogue
from auditor.catalogue.words import LAYERS, SCOPES
from auditor.evidence.formats import Format
from auditor.readers.registry import all_formats

# one letter a scope, so that a whole format fits on a line
LETTERS: Mapping[str, str] = dict(zip(SCOPES, "armgshutnpcSPTRAbxy", strict=True))
ANY, NEVER = "*", "·"
HINTS = "a value there alone is no evidence"


class Cell(NamedTuple):
    """One field in one format: its scope, the letter of the scope, and whether a value there is evidence."""

    scope: str
    letter: str
    counts: bool

    @property
    def mark(self) -> str:
        """The cell in two characters: `s`, or `p-` where the scope is too wide."""
        return self.letter + ("" if self.counts else "-")


def cell(format_: Format, field: Field) -> Cell | None:
    """What a format can carry of a field; None where it cannot carry the field."""
    scope = format_.carries.get(field.name)
    if scope is not None:
        return Cell(scope, LETTERS[scope], scope in field.accepted(format_.layer))
    return Cell("any", ANY, counts=True) if format_.generic else None


def evidence(format_: Format) -> list[str]:
    """The fields that a format carries at a scope where they count as evidence."""
    cells = ((field.name, cell(format_, field)) for field in catalogue().fields.values())
    return [name for name, cell_ in cells if cell_ is not None and cell_.counts]


def by_layer() -> Iterator[tuple[str, list[Format]]]:
    """The formats under the layer that writes them, from the client to the bill."""
    for layer in LAYERS:
        formats = [format_ for format_ in all_formats() if format_.layer == layer]
        if formats:
            yield layer, formats


def legend() -> list[tuple[str, str]]:
    """The letters that some format uses, with their scope."""
    used = {scope for format_ in all_formats() for scope in format_.carries.values()}
    return [(LETTERS[scope], scope.replace("_", " ")) for scope in SCOPES if scope in used]


def bands(width: int, fields: Sequence[Field]) -> list[Sequence[Field]]:
    """The fields in as many groups as are needed for each to fit next to the names of the formats."""
    room = max((width - max(len(format_.name) for format_ in all_formats()) - 2) // 2, 8)
    count = -(-len(fields) // room)
    size = -(-len(fields) // count)
    return [fields[at : at + size] for at in range(0, len(fields), size)]
