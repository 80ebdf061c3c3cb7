"""YAML documents as records: `aws … --output yaml`, a block of `key: value` lines, documents after `---`.

Scalars stay text, tags are refused, and the expansion of aliases is limited.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import inf
from typing import Any

import yaml

MAX_YAML = 4 * 1024 * 1024  # characters
MAX_NODES = 200_000  # values of a document with aliases
_LINE = re.compile(r"^\s*(?:(?:- )*[\w.\"'/@-]{1,80}:(?:\s.*)?|- .*|---|\.\.\.|#.*|[\w\"'].*)?$")
_OPENING = re.compile(
    r"^(?:---|(?:- )?(?:&[\w-]{1,80} )?[A-Za-z_\"'][\w.\"'/@-]{0,80}:(?:\s|$)|- &[\w-]{1,80} \{)"
)
# keys of documents that configure a deployment
_CONFIGURATIONS = (
    {"apiVersion", "kind"},
    {"receivers", "exporters"},
    {"model_list"},
    {"services", "version"},
    {"jobs", "on"},
    {"AWSTemplateFormatVersion"},
    {"static_resources"},
    {"_format_version"},
)
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # every scalar stays text


def is_yaml(head: bytes) -> bool:
    """Whether text may be YAML: it opens with a key, and most of its lines are keys or items."""
    lines = [line for line in head.decode("utf-8", "replace").splitlines()[:200] if line.strip()]
    if len(lines) < 2 or not _OPENING.match(lines[0]):
        return False
    keyed = sum(bool(re.match(r"^\s*(?:- )*[\w.\"'/@-]{1,80}:(?:\s|$)|^\s*- ", line)) for line in lines)
    return keyed >= 0.6 * len(lines) and all(_LINE.match(line) for line in lines)


class AliasExpansionError(ValueError):
    """The aliases of a document expand to too many values; `line` is where it begins."""

    def __init__(self, line: int) -> None:
        super().__init__(f"YAML whose aliases stand for more than {MAX_NODES:,} values")
        self.line = line


def _expanded_size(node: Any, known: dict[int, float]) -> float:
    """How many values a node has with its aliases expanded; infinite where it contains itself."""
    if id(node) not in known:
        known[id(node)] = inf  # until it is counted: met before that, it is part of itself
        inner = node.value if isinstance(node, yaml.CollectionNode) else ()
        parts = [part for item in inner for part in (item if isinstance(item, tuple) else (item,))]
        known[id(node)] = 1 + sum(_expanded_size(part, known) for part in parts)
    return known[id(node)]


def documents(text: str) -> list[tuple[int, Any]] | None:
    """(line, value) of each document that is a mapping or a list; None when the text is no YAML.

    AliasExpansionError where its aliases expand to too many values.
    """
    if len(text) > MAX_YAML:
        return None
    out: list[tuple[int, Any]] = []
    loader = None
    try:
        aliased = any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=_LOADER))
        loader = _LOADER(text)
        while loader.check_node():
            node = loader.get_node()
            if aliased and _expanded_size(node, {}) > MAX_NODES:
                raise AliasExpansionError(node.start_mark.line + 1)
            value = loader.construct_document(node)
            if isinstance(value, (dict, list)) and value:
                out.append((node.start_mark.line + 1, value))
    except AliasExpansionError:
        raise
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
    finally:
        if loader is not None:
            loader.dispose()
    return out or None


class YamlNode:
    """The first document of a text, and where its values are in it, in characters."""

    def __init__(self, text: str) -> None:
        loader = _LOADER(text)
        try:
            self._node = loader.get_node() if loader.check_node() else None
            self.value = loader.construct_document(self._node) if self._node is not None else None
        finally:
            loader.dispose()

    def place(self, path: Sequence[str]) -> tuple[int, int] | None:
        """Where the key and the value at a path begin; in a list the key is the value."""
        node, key = self._node, self._node
        for part in path:
            if isinstance(node, yaml.MappingNode):
                pairs = [(k, v) for k, v in node.value if k.value == part]
                key, node = pairs[0] if pairs else (None, None)
            elif isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
                key = node = node.value[int(part)]
            else:
                return None
        return (key.start_mark.index, node.start_mark.index) if key is not None and node is not None else None


def is_configuration(value: Any) -> bool:
    """Whether a document configures a deployment: Kubernetes, a Collector, LiteLLM, Envoy, a pipeline."""
    items = value.get("items") if isinstance(value, dict) else None
    first = items[0] if isinstance(items, list) and items else value
    return isinstance(first, dict) and any(names <= set(first) for names in _CONFIGURATIONS)
