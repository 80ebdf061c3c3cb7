"""What each format can carry, field by field: at which scope, and whether a value there is evidence.

It adds nothing to what readers declare and the catalogue accepts; each list and page of formats uses it.
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
    """One field in one format: the scope at which it stands, its letter, and whether it is evidence there."""

    scope: str
    letter: str
    counts: bool

    @property
    def mark(self) -> str:
        """The cell in two characters: `s`, or `p-` where the scope is too wide."""
        return self.letter + ("" if self.counts else "-")


def cell(reader: Format, field: Field) -> Cell | None:
    """What a format can say of a field; None when it can never say anything."""
    scope = reader.carries.get(field.name)
    if scope is not None:
        return Cell(scope, LETTERS[scope], scope in field.accepted(reader.layer))
    return Cell("any", ANY, counts=True) if reader.generic else None


def evidence(reader: Format) -> list[str]:
    """The fields that are present where a format carries them."""
    found = ((field.name, cell(reader, field)) for field in catalogue().fields.values())
    return [name for name, held in found if held is not None and held.counts]


def by_layer() -> Iterator[tuple[str, list[Format]]]:
    """The formats under the layer that writes them, from the client to the bill."""
    for layer in LAYERS:
        held = [reader for reader in all_formats() if reader.layer == layer]
        if held:
            yield layer, held


def legend() -> list[tuple[str, str]]:
    """The letters that some format uses, with their scope."""
    used = {scope for reader in all_formats() for scope in reader.carries.values()}
    return [(LETTERS[scope], scope.replace("_", " ")) for scope in SCOPES if scope in used]


def bands(width: int, fields: Sequence[Field]) -> list[Sequence[Field]]:
    """The fields in as many groups as it takes for each to fit beside the names of the formats."""
    room = max((width - max(len(reader.name) for reader in all_formats()) - 2) // 2, 8)
    count = -(-len(fields) // room)
    size = -(-len(fields) // count)
    return [fields[at : at + size] for at in range(0, len(fields), size)]
