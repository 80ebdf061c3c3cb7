"""Values within values put into columns."""

from __future__ import annotations

from typing import Any

from auditor.evidence.builder import Builder
from auditor.framing.nested import leaves


def put_nested(builder: Builder, row: int, key: str, value: Any, scope: str) -> None:
    """Put the leaves of a container value under `key`; scope stays the record's."""
    for path, _, leaf in leaves(value, key):
        column = builder.keys(scope)[path]
        if column is not None:
            column.put(row, leaf)
