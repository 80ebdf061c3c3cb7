"""Names of models compared: wire ids, ARNs, routes of gateways, products and usage types of one model.

A name is taken apart by its grammar, never by a list of vendors:
`[route/]…[geography.][vendor.]model[-date][-v1][:revision]`, and on a bill `Vendor Model 4.5` or
`Model4.5Name`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

# a model behind these is hidden: the name says nothing of it
_HIDDEN = re.compile(
    r"^arn:.*:(?:application-inference-profile|provisioned-model|custom-model|custom-model-deployment|"
    r"imported-model|default-prompt-router|prompt-router)/|^(?:auto|default|router)$"
)
_GEOGRAPHY = re.compile(r"^(global|apac|[a-z]{2}(?:-gov)?)\.(?=[a-z0-9]+\.)")
_VENDOR = re.compile(r"^([a-z][a-z0-9]*)\.(?=[a-z])")
_REVISION = re.compile(r"(?:-(v?\d+))?:[\w.]+$")
_DATE = re.compile(
    r"[-@ (]20\d\d-?[01]\d-?[0-3]\d|[-@ (]2\d[.]?[01]\d\)?(?=$|[- ])"
    r"|-(?:0[1-9]|1[0-2])[0-3]\d(?=$|[- ])|-latest$"
)
_VERSION = re.compile(r"\bv(\d+)\b")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WORDS = re.compile(r"\d+b\b|[a-z]+|\d+")
_SPOKEN = {"embeddings": "embed", "embedding": "embed"}
# words that name no model: its form, and who sells it
_NO_NAME = frozenset({"0", "instruct", "chat", "it", "edition", "model", "amazon", "bedrock", "v"})


@dataclass(frozen=True)
class ParsedName:
    """A name taken apart: sorted `words`, the vendor it names, if any, and its version.

    `version` is empty for the first one, and None where the name means the latest, whichever that is.
    `routing` is `geo`, `global` or `in_region` where the name is a provider's wire id, else None.
    """

    words: tuple[str, ...]
    version: str | None
    text: str  # without route and geography, and without the vendor before a dot
    vendor: str | None
    routing: str | None

    @property
    def key(self) -> str:
        """One text for all spellings."""
        return " ".join((*self.words, *([f"v{self.version}"] if self.version else [])))


def is_hidden(name: str) -> bool:
    """Whether a name hides the model: an application's profile, a router, capacity that was bought."""
    return bool(_HIDDEN.search(name.lower()))


@lru_cache(maxsize=4096)
def parse(name: str) -> ParsedName:
    """A name taken apart; a hidden model is one word, which is its whole name."""
    if is_hidden(name):
        return ParsedName((name,), "", name, None, None)
    text = name.rsplit("/", 1)[-1].strip()
    geography = _GEOGRAPHY.match(text.lower())
    text = text[geography.end() :] if geography else text
    vendor = _VENDOR.match(text)
    text = text[vendor.end() :] if vendor else text
    bare = _CAMEL.sub(" ", text).lower()
    revision = _REVISION.search(bare)
    if revision:
        bare = bare[: revision.start()] + (f" {revision[1]}" if (revision[1] or "").startswith("v") else "")
    latest, bare = bare.endswith("-latest"), _DATE.sub(" ", bare).replace("+", " plus ")
    versions = [number for number in _VERSION.findall(bare) if number != "1"]
    words = [_SPOKEN.get(word, word) for word in _WORDS.findall(_VERSION.sub(" ", bare))]
    kept = [word for word in words if word not in _NO_NAME]
    version = None if latest else versions[-1] if versions else ""
    routing = None
    if geography or vendor:
        routing = "in_region" if geography is None else "global" if geography[1] == "global" else "geo"
    return ParsedName(tuple(sorted(kept)), version, text, vendor[1] if vendor else None, routing)


def same_model(one: ParsedName, other: ParsedName) -> bool:
    """Whether two names are of one model; a product's name may begin with its vendor's."""
    if None not in (one.version, other.version) and one.version != other.version:
        return False
    return bool(set(_bare(one, other.vendor)) & set(_bare(other, one.vendor)))


def _bare(name: ParsedName, vendor: str | None) -> list[tuple[str, ...]]:
    """A name's words, and those without its vendor, or without the vendor of the name it is compared with."""
    known = name.vendor or vendor
    if known is None or not name.text.lower().startswith(known):
        return [name.words]
    return [name.words, parse(name.text[len(known) :].lstrip(" -_.:")).words]


def keys(names: Iterable[str | None], known: Iterable[str | None] = ()) -> dict[str, str]:
    """A key for each name, equal for names of one model; those of `known` (a bill's) come first."""
    by_name: dict[tuple[tuple[str, ...], str | None], str] = {}
    chosen: list[ParsedName] = []
    out: dict[str, str] = {}
    for name in sorted(set(filter(None, known))) + sorted(set(filter(None, names))):
        parsed = parse(name)
        key = by_name.get((parsed.words, parsed.version))
        if key is None:
            same = next((other for other in chosen if same_model(parsed, other)), None)
            key = same.key if same else parsed.key
            by_name[parsed.words, parsed.version] = key
            if same is None:
                chosen.append(parsed)
        out[name] = key
    return out
