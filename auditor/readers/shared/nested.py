"""Values within values: mappings that may be JSON text, and their leaves put into columns by key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from auditor.evidence.builder import Builder
from auditor.framing.nested import leaves, opened_text


def mapping(value: Any) -> dict[str, Any]:
    """A mapping that may be JSON text or a Python dictionary as text; else an empty one."""
    if isinstance(value, str):
        value = opened_text(value)
    return value if isinstance(value, dict) else {}


def listing(value: Any) -> list[Any]:
    """A list that may be JSON text or a Python list as text; else an empty one."""
    if isinstance(value, str):
        value = opened_text(value)
    return value if isinstance(value, list) else []


def mapping_at(record: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The mapping under a key of a record, where it is one already; else an empty one."""
    value = record.get(key)
    return value if isinstance(value, dict) else {}


def put_pairs(
    builder: Builder, row: int, pairs: Iterable[tuple[str, Any]], scope: str, prefix: str = ""
) -> None:
    """Put every value whose key is an alias of a field; the report shows `prefix` before the key."""
    keys = builder.keys(scope, prefix)
    for key, value in pairs:
        keys.put(row, key, value)


def put_nested(builder: Builder, row: int, key: str, value: Any, scope: str, prefix: str = "") -> None:
    """Put the leaves of a value under `key`, at one scope; the report shows `prefix` before each path."""
    put_pairs(builder, row, ((path, leaf) for path, _, leaf in leaves(value, key)), scope, prefix)
