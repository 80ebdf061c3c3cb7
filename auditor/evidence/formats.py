"""What is known of a format without reading anything: its name, its layer, what its records can carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What the sums of a format can answer and what they never can, and what to collect for the rest."""

    can: tuple[str, ...]
    cannot: tuple[str, ...]
    collect: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Format:
    """One format. What the engine needs to know about a format is a property of it, never its name."""

    name: str  # as reports, policies and the command line write it
    layer: str  # where it is written, unless the user says otherwise
    title: str
    carries: Mapping[str, str] = field(default_factory=dict)  # field -> scope
    get: str = ""  # how a user fetches a sample, as Markdown
    stability: Literal["preview", "stable"] = "stable"
    generic: bool = False  # no product's own: it can carry any field
    aggregate: bool = False  # its records are sums over many calls
    answers: Answers | None = None  # for inputs of it without calls
    proxy: bool = False  # written by a proxy that passes calls on to a gateway or a provider
    binary: Literal["", "msgpack", "protobuf"] = ""  # how it is encoded where it is not text
    own_keys: frozenset[str] = frozenset()  # in lower case: their values are the format's own words
    unsupported: str = ""  # recognised by its signature only: what to bring instead
    doc: str = ""  # its documentation page, put in by the registry

    def can_carry(self, name: str) -> bool:
        """Whether a record of this format can carry a field at all."""
        return self.generic or name in self.carries
