"""The line of each key of a TOML or YAML text, by its path."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

Path = tuple[str | int, ...]
Lines = dict[Path, int]
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
LONGEST = 2_000  # lines of one statement that are tried


def line_of(lines: Mapping[Path, int], path: Path) -> int | None:
    """The line of a path, or of the nearest key around it."""
    for end in range(len(path), 0, -1):
        if path[:end] in lines:
            return lines[path[:end]]
    return None


# -- TOML ----------------------------------------------------------------------------------------------------


def toml_lines(text: str) -> Lines:
    """The line of every key of a TOML text; `[[name]]` counts its tables from 0.

    `tomllib` gives no lines, so each statement is parsed alone: as many lines as it takes.
    """
    out: Lines = {}
    table: Path = ()
    counts: dict[Path, int] = {}
    for start, statement in _statements(text):
        data = tomllib.loads(statement)
        if statement.lstrip().startswith("["):
            table = _header(data, counts)
            for end in range(1, len(table) + 1):
                out.setdefault(table[:end], start)
        else:
            for path in _paths(data):
                out.setdefault((*table, *path), start)
    return out


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """(first line, statement) of each header and each assignment, however many lines it spans."""
    lines: list[str] = []
    start = 0
    for number, line in enumerate(text.splitlines(), 1):
        if not lines:
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            start = number
        lines.append(line)
        try:
            tomllib.loads("\n".join(lines))
        except tomllib.TOMLDecodeError:
            if len(lines) < LONGEST:
                continue
        else:
            yield start, "\n".join(lines)
        lines = []


def _header(data: dict[str, Any], counts: dict[Path, int]) -> Path:
    """The path that a table header opens; the innermost table of a list is its last one so far."""
    path: Path = ()
    inner: Any = data
    while isinstance(inner, dict) and inner:
        name, inner = next(iter(inner.items()))
        path = (*path, name)
        if isinstance(inner, list):
            counts[path] = counts.get(path, -1) + 1
            path, inner = (*path, counts[path]), inner[0]
        elif path in counts:
            path = (*path, counts[path])
    return path


def _paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every path within a value, the value's own first."""
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inner:
        yield from _paths(item, (*path, name))


# -- YAML ----------------------------------------------------------------------------------------------------


def yaml_lines(text: str) -> tuple[Lines, list[tuple[str, int]]]:
    """The line of every key of a YAML text, and the duplicate keys of its mappings with their lines."""
    out: Lines = {}
    duplicates: list[tuple[str, int]] = []
    root = yaml.compose(text, Loader=_LOADER)
    if root is not None:
        _walk(root, (), out, duplicates, set())
    return out, duplicates


def _walk(node: yaml.Node, path: Path, out: Lines, duplicates: list[tuple[str, int]], seen: set[int]) -> None:
    if id(node) in seen:  # an anchor may have many aliases, also within itself
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            out[*path, number] = item.start_mark.line + 1
            _walk(item, (*path, number), out, duplicates, seen)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            line = key.start_mark.line + 1
            inner = (*path, str(key.value))
            if inner in out:
                duplicates.append((str(key.value), line))
            out[inner] = line
            _walk(value, inner, out, duplicates, seen)
