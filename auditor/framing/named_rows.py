"""Rows whose cells are named by a list of columns beside them, as the answers of query APIs give them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

# (key of the names, key of the rows)
_PAIRS = (
    ("columns", "rows"),
    ("fields", "rows"),
    ("schema", "datarows"),
    ("schema", "rows"),
    ("columns", "results"),
)
_NAME_KEYS = ("name", "Name", "columnName", "field")


def named_rows(value: dict[str, Any], pointer: str) -> list[tuple[dict[str, Any], str]] | None:
    """The rows of a value, each with its pointer: of itself, or of its tables; None where it has none."""
    tables = value.get("tables", value.get("Tables"))
    if isinstance(tables, list) and tables and all(isinstance(table, dict) for table in tables):
        key = "tables" if "tables" in value else "Tables"
        found = [named_rows(table, f"{pointer}/{key}/{i}") for i, table in enumerate(tables)]
        return (
            [row for rows in found for row in rows or ()] if any(rows is not None for rows in found) else None
        )
    for names_key, rows_key in _PAIRS:
        names, rows = _names(value.get(names_key)), value.get(rows_key)
        if names and isinstance(rows, list):
            return list(_zipped(names, rows, f"{pointer}/{rows_key}"))
    names, columns = _names(value.get("fields")), value.get("columns")
    if names and isinstance(columns, list) and len(columns) == len(names) and all(map(_is_list, columns)):
        return list(_zipped(names, [list(row) for row in zip(*columns, strict=False)], f"{pointer}/columns"))
    return None


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _names(value: Any) -> list[str]:
    """The names of columns: texts, or objects with a name; empty where it is no such list."""
    if isinstance(value, dict):
        value = value.get("fields")
    if not isinstance(value, list) or not value:
        return []
    names = [next((n[k] for k in _NAME_KEYS if k in n), None) if isinstance(n, dict) else n for n in value]
    texts = [name for name in names if isinstance(name, str) and name]
    return texts if len(texts) == len(names) else []


def _zipped(names: list[str], rows: list[Any], pointer: str) -> Iterator[tuple[dict[str, Any], str]]:
    """The rows that are as wide as the names; BigQuery writes a row as `{"f": [{"v": cell}, …]}`."""
    for i, row in enumerate(rows):
        if isinstance(row, dict) and isinstance(row.get("f"), list):
            row = [cell.get("v") if isinstance(cell, dict) else cell for cell in row["f"]]
        if isinstance(row, list) and len(row) == len(names):
            yield dict(zip(names, row, strict=True)), f"{pointer}/{i}"
