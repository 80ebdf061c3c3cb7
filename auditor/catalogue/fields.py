"""The field catalogue, its alias index (which key means which field), and the profiles."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict

from auditor.catalogue.key_words import normalise
from auditor.catalogue.resources import folder
from auditor.catalogue.usage_keys import usage_field
from auditor.errors import PolicyError

_SEGMENT = re.compile(r"[./→]")
_INDEX = re.compile(r"\[\d+\]$")
LONGEST_ALIAS = 5  # segments of an alias behind a prefix


class Strict(BaseModel):
    """Base of the models of hand-written files: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Field(Strict):
    """One canonical attribution field, as `rules/fields.yaml` defines it."""

    name: str
    title: str
    definition: str
    type: Literal["string", "int", "money", "duration", "arn", "map"] = "string"
    unit: str | None = None
    standard: str = "none exists"
    weight: int = 10
    accepts: dict[str, list[str]] = {}
    aliases: list[str] = []
    exact_only: list[str] = []
    weak: list[str] = []
    not_: list[str] = []
    answers: list[str] = []
    travels: bool = False  # handed on with a call, with one value at every hop
    note: str | None = None

    def accepted(self, layer: str) -> tuple[str, ...]:
        """The scopes at which a value is evidence on a record of this layer, narrow to wide."""
        return tuple(dict.fromkeys([*self.accepts.get("all", ()), *self.accepts.get(layer, ())]))


class Requirement(Strict):
    """One requirement of a profile: a field, or any one of several, in some layers."""

    any_of: list[str]
    layers: list[str] = []
    not_layers: list[str] = []
    when: str | None = None

    def holds_in(self, layer: str) -> bool:
        """Whether the requirement applies to records of this layer."""
        return (not self.layers or layer in self.layers) and layer not in self.not_layers


class Profile(Strict):
    """A named set of required fields."""

    name: str
    title: str
    required: list[Requirement] = []
    every_field: bool = False


class Match(NamedTuple):
    """A key resolved: the field, how good the name is (lower is better), and whether it is a weak alias."""

    field: str
    rank: int
    weak: bool


class Tooling(Strict):
    """Names of a tool that wrote or stored a record, where one of the keys `beside` them is in it."""

    names: list[str]
    beside: list[str]


def _words_pattern(words: Iterable[object]) -> str:
    """One pattern for placeholder words in any case, in brackets or not, words apart by any separator."""
    spelled = (re.escape(str(word)).replace(r"\ ", "[ _-]?") for word in sorted(map(str, words)))
    return rf"(?i)^[<(\[{{]?(?:{'|'.join(spelled)})[>)\]}}]?$"


class Catalogue:
    """All fields, in the order of the file, with the alias index over them."""

    def __init__(self, data: Mapping[str, Any], extra: Mapping[str, Iterable[str]] | None = None) -> None:
        self.fields: dict[str, Field] = {}
        for name, body in data["fields"].items():
            body = dict(body)
            body["not_"] = body.pop("not", [])
            self.fields[name] = Field(name=name, **body)
        blanks = data["placeholders"]
        self.placeholder_word = _words_pattern(blanks["words"])
        self.owner_placeholder_word = _words_pattern([*blanks["words"], *blanks["owners"]["words"]])
        self.placeholder_patterns = tuple(blanks["patterns"])
        self.owner_fields = frozenset(blanks["owners"]["fields"])
        self.account_names = frozenset(data.get("accounts", ()))
        self.tooling = tuple(Tooling(**group) for group in data.get("tooling", ()))
        self.tool_names = frozenset(name for group in self.tooling for name in group.names)
        self.families: tuple[str, ...] = tuple(f.removesuffix("{alias}") for f in data.get("families", ()))
        self.process_keys = frozenset(data.get("process_keys", ()))
        self._never = frozenset(k.lower() for k in data.get("never", ()))
        self._exact: dict[str, Match] = {}
        self._normal: dict[str, Match] = {}
        self._whole: dict[str, Match] = {}
        self._owners: dict[str, str] = {}
        self._shared = {normalise(name): owners for name, owners in data.get("shared", {}).items()}
        for name, names in (extra or {}).items():
            if name not in self.fields:
                raise PolicyError(f"aliases: there is no field {name!r}", "`auditor fields` lists the fields")
            self._add(name, names, 0, weak=False)
        chosen = frozenset(self._owners)
        for field in self.fields.values():
            own = [] if field.name in field.exact_only else [field.name]
            self._add(field.name, [*field.aliases, *own], 0, weak=False)
            self._add(field.name, field.exact_only, 200, weak=False, whole=True)
        for field in self.fields.values():
            # a policy may say for certain what a weak name of another field means
            weak = [alias for alias in field.weak if normalise(alias) not in chosen]
            self._add(field.name, weak, 400, weak=True)
            self._never |= {k.lower() for k in field.not_}
        self._glued = self._without_separators()

    def _add(self, field: str, names: Iterable[str], base: int, *, weak: bool, whole: bool = False) -> None:
        for i, alias in enumerate(names):
            match = Match(field, base + i, weak)
            normal = normalise(alias)
            self._claim(normal, field, alias)
            if whole:
                self._whole.setdefault(normal, match)
                continue
            self._exact.setdefault(alias.lower(), match)
            # `aws.request_id` is an exact dotted name: as `aws_request_id` it still means the same
            self._normal.setdefault(normal, match)

    def _claim(self, normal: str, field: str, alias: str) -> None:
        """PolicyError where another field has the alias, unless `shared` lists both."""
        owner = self._owners.setdefault(normal, field)
        if owner != field and not {owner, field} <= set(self._shared.get(normal, ())):
            raise PolicyError(
                f"aliases: {alias!r} is an alias of both {owner} and {field}",
                f"a name means one field; `auditor explain {owner}` lists its aliases",
            )

    def _without_separators(self) -> dict[str, Match]:
        """The aliases of several words as one: databases fold `tenantId` to `tenantid`."""
        fields: dict[str, set[str]] = {}
        matches: dict[str, Match] = {}
        for normal, match in (*self._normal.items(), *self._whole.items()):
            glued = normal.replace("_", "")
            if glued != normal and glued not in self._normal and glued not in self._whole:
                fields.setdefault(glued, set()).add(match.field)
                matches.setdefault(glued, match)
        return {glued: matches[glued] for glued, of in fields.items() if len(of) == 1}

    def lookup(self, key: str) -> Match | None:
        """The field that a key means, or None.

        By its exact name, its normalised name, the name after a family prefix, the longest suffix of its
        segments (`claims.tenant.id`), or the words of a token count. `tags[3]` counts as `tags`.
        """
        lower = key.lower()
        if lower in self._never:
            return None
        hit = self._exact.get(lower)
        if hit:
            return hit
        normal = normalise(key)
        hit = self._normal.get(normal) or self._whole.get(normal)
        if hit:
            return hit
        dotted = lower.replace("→", ".")  # decoded text is a mapping like any other
        for prefix in self.families:
            if dotted.startswith(prefix.lower()) and len(key) > len(prefix):
                inner = self.lookup(key[len(prefix) :])
                return inner and inner._replace(rank=inner.rank + 600)
        segments = _SEGMENT.split(_INDEX.sub("", key))
        for first in range(max(1, len(segments) - LONGEST_ALIAS), len(segments)):
            suffix = segments[first:]
            if ".".join(suffix).lower() in self._never:
                return self._usage(key)
            hit = self._normal.get(normalise("_".join(suffix)))
            if hit and not (hit.weak and len(suffix) > 1):
                return hit._replace(rank=hit.rank + 1000)
        hit = self._glued.get(normalise(segments[-1]))
        if hit:
            return hit._replace(rank=hit.rank + 1100)
        return self._usage(key)

    def _usage(self, key: str) -> Match | None:
        """A token count or cost by the words of its key."""
        usage = usage_field(key)
        return Match(usage, 1200, False) if usage else None

    def names(self, key: str) -> bool:
        """Whether a key is an alias word for word."""
        return key.lower() in self._exact

    def bare(self, key: str) -> str:
        """A key without the container or family before it, normalised."""
        last = key.rsplit("→", 1)[-1]
        for prefix in sorted((*self.families, *CONTAINER_PREFIXES), key=len, reverse=True):
            if last.lower().startswith(prefix.lower()) and len(last) > len(prefix):
                last = last[len(prefix) :]
                break
        return normalise(last)

    def place(self, match: Match, scope: str, layer: str) -> str:
        """The column family of a candidate: `weak`, `own` where its scope is accepted, else the scope's."""
        if match.weak:
            return "weak"
        if scope in self.fields[match.field].accepted(layer):
            return "own"
        return PLACES.get(scope, scope)


CONTAINER_PREFIXES = (
    "request_tags.",
    "metadata.",
    "tags.",
    "tag.tags.",
    "attributes.",
    "labels.",
    "properties.",
)

# scope -> prefix of the columns of candidates whose scope is not accepted, where it is not the scope itself
PLACES = {"client_header": "header", "parent_span": "envelope"}
# fields that a failed call does not have
USAGE = frozenset(
    {"cost_usd", "tokens_input", "tokens_output", "tokens_cache_read", "tokens_cache_write", "tokens_total",
     "tokens_reasoning"}
)  # fmt: skip
# fields that a caller can send with a call as metadata
METADATA = frozenset(
    """tenant_id workflow_id workflow_run_id team_id user_id session_id trace_id cost_center environment
    agent""".split()
)


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = read_yaml(folder("rules") / "fields.yaml")
    return data


@cache
def catalogue() -> Catalogue:
    """The shipped catalogue."""
    return Catalogue(_data())


def catalogue_with(aliases: Mapping[str, Iterable[str]]) -> Catalogue:
    """The shipped catalogue plus the policy's own aliases; PolicyError for an unknown field."""
    return Catalogue(_data(), aliases) if aliases else catalogue()


@cache
def profiles() -> dict[str, Profile]:
    """The shipped profiles by name."""
    data = read_yaml(folder("rules") / "profiles.yaml")
    return {name: Profile(name=name, **body) for name, body in data["profiles"].items()}


def read_yaml(path: Path) -> Any:
    """Parse a YAML file with the safe loader (no tags, no code)."""
    return yaml.load(path.read_bytes(), Loader=_LOADER)


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
