"""The leaves of a record with their paths, and which of them a gap is about."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from auditor.framing.nested import is_body, is_container, opened_text
from auditor.report.mask import is_identity, is_plain, name_in

MOST_LEAVES = 400
Path = tuple[str, ...]
_INDEX = re.compile(r"\[(?:\*|\d+)\]")
_QUOTED = re.compile(r"\[[\"']([^\"']{0,256})[\"']\]")
_SOURCE = re.compile(r" \([^()]*\)$")  # what of a value was used: `userIdentity.arn (session name)`
_MARKED = re.compile(r"[\[→(]|^\.|\.$")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# columns that hold one tag each
_TAG_COLUMN = re.compile(
    r"(?i)^(?:(?:resource|account)_?tags?|iam_?principal|cost_?category)[/:_.](?!aws[:_])."
)
# names of maps for owners, the likeliest first
_MAPS = tuple(map(re.compile, ("^(?:request_|custom_)?metadata$", "^tags$", "_metadata$", "_tags$")))


class Leaf(NamedTuple):
    """One value of a record: its key, the key as the report prints it, the value, the path to its key."""

    key: str
    shown: str
    value: Any
    path: Path


def identities(record: Any) -> frozenset[str]:
    """The values of identity fields in a record: they are masked under any other key of it too."""
    leaves = leaves_of(record) if isinstance(record, dict) else ()
    return frozenset(
        str(leaf.value)
        for leaf in leaves
        if isinstance(leaf.value, (str, int))
        and is_identity(leaf.key)
        and len(str(leaf.value)) > 1
        and not is_plain(str(leaf.value))
    )


def leaves_of(
    record: dict[str, Any],
    identity_values: frozenset[str] = frozenset(),
    *,
    parent: str = "",
    path: Path = (),
    bodies: bool = False,
) -> list[Leaf]:
    """The record's leaves; lists of attributes read as mappings, bodies left out unless asked for.

    `parent` is the key of the map around the record, if any, `path` the path to it.
    """
    is_identity_value = identity_values.__contains__
    out: list[Leaf] = []
    for name, value in record.items():
        if not bodies and is_body(name, value):
            continue
        here = (*path, str(name))
        shown = name_in(name, top=not parent or _is_attribute(parent, name), identity=is_identity_value)
        if name in ("attributes", "tags") and _is_pairs(value):
            out.extend(_attributes(value, identity_values, here))
        elif isinstance(value, dict) and value:
            within = leaves_of(value, identity_values, parent=name, path=here, bodies=bodies)
            out.extend(_prefixed(name, shown, ".", within))
        elif isinstance(value, str) and value[:1] == "{" and (opened := _opened(value)):
            inner = leaves_of(opened, identity_values, parent=name, path=here)
            out.extend(_prefixed(name, shown, "→", inner))
        else:
            out.append(Leaf(name, shown, value, here))
    return out[:MOST_LEAVES]


def _opened(text: str) -> dict[str, Any]:
    opened = opened_text(text)
    return opened if isinstance(opened, dict) else {}


def _is_pairs(value: Any) -> bool:
    """Whether a value is a list of `{"key": …, "value": …}`, as OTLP and Jaeger write attributes."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict) and "key" in value[0]


def _is_attribute(parent: str, name: str) -> bool:
    """Whether a key in a map is the dotted name of an attribute, and no name that a user chose."""
    return "." in name and parent.lower() in ("attributes", "tags", "meta", "resource")


def _prefixed(name: str, shown: str, separator: str, leaves: list[Leaf]) -> Iterable[Leaf]:
    for leaf in leaves:
        yield Leaf(f"{name}{separator}{leaf.key}", f"{shown}{separator}{leaf.shown}", leaf.value, leaf.path)


def _attributes(pairs: list[Any], identity_values: frozenset[str], path: Path) -> Iterable[Leaf]:
    """The attributes of a list; names in OTLP's lists, and names with dots, are a schema, and shown."""
    for number, item in enumerate(pairs):
        if isinstance(item, dict) and not is_body(str(item.get("key")), None):
            name = str(item.get("key"))
            is_schema = path[-1] == "attributes" or _is_attribute(path[-1], name)
            shown = name_in(name, top=is_schema, identity=identity_values.__contains__)
            yield Leaf(name, shown, _attribute_value(item.get("value")), (*path, str(number), "key"))


def _attribute_value(wrapped: Any) -> Any:
    """The value of an OTLP attribute; whole numbers are text there."""
    if not isinstance(wrapped, dict) or not wrapped:
        return wrapped
    kind, value = next(iter(wrapped.items()))
    return int(value) if kind in ("intValue", "int_value") and str(value).lstrip("-").isdigit() else value


# -- which of them a gap is about ----------------------------------------------------------------------------


def plain_key(key: str) -> str:
    """A key as the report shows it, as names with dots: `tags['team']` is `tags.team`."""
    if not _MARKED.search(key):
        return key
    key = _SOURCE.sub("", key)
    return _INDEX.sub("", _QUOTED.sub(r".\1", key)).replace("→", ".").strip(".")


def named(leaves: Sequence[Leaf], keys: Sequence[str]) -> tuple[int, str] | None:
    """The first leaf under one of the keys, in their order, or whose text holds a key, and that inner key."""
    own = [plain_key(leaf.key) for leaf in leaves] if keys else []
    for key in map(plain_key, keys):
        for is_named in (key.__eq__, _ends_with(key)):
            number = next((i for i, name in enumerate(own) if is_named(name)), None)
            if number is not None:
                return number, ""
        for number, name in enumerate(own):
            inner = key[len(name) + 1 :] if key.startswith(f"{name}.") else ""
            if inner and re.search(rf"(?<![\w.-]){re.escape(inner)}[\"']?\s*[=:]", str(leaves[number].value)):
                return number, inner
    return None


def _ends_with(key: str) -> Callable[[str], bool]:
    return lambda name: name.endswith(f".{key}")


def container(leaves: Sequence[Leaf]) -> tuple[int, Path] | None:
    """The map of the user's keys in a record (tags, metadata, a tag's own column): a leaf in it, its path."""
    ranked = [
        (rank, number, leaf.path[:depth])
        for number, leaf in enumerate(leaves)
        for depth, name in _names(leaf)
        if (rank := _rank(name)) is not None
    ]
    return min(ranked, key=lambda one: one[0])[1:] if ranked else None


def is_in_map(leaf: Leaf) -> bool:
    """Whether a leaf is in a map of the user's keys."""
    return any(_rank(name) is not None for _, name in _names(leaf))


def _names(leaf: Leaf) -> Iterable[tuple[int, str]]:
    """(depth, name) of the maps on the way to a leaf; of an attribute in a list its own name."""
    in_list = len(leaf.path) > 2 and leaf.path[-1] == "key"
    return [(len(leaf.path), leaf.key)] if in_list else enumerate(leaf.path, 1)


def _rank(name: str) -> int | None:
    """How likely a key is that of a map for owners, the likeliest first; None where it is no such map."""
    if _TAG_COLUMN.match(name):
        return len(_MAPS)
    words = _CAMEL.sub("_", name).lower().rpartition(".")[2]
    rank = next((n for n, pattern in enumerate(_MAPS) if pattern.search(words)), None)
    return len(_MAPS) + 1 if rank is None and is_container(words) and words != "attributes" else rank
