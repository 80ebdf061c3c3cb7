"""Where each key of a TOML or YAML text stands: its path, and the line it is written on.

It parses with the libraries alone and knows no key by name; a text that they refuse has no keys here.
"""

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

    The parser tells no lines: so it is fed one statement at a time, each as many lines as it takes to parse.
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
    held: list[str] = []
    start = 0
    for number, line in enumerate(text.splitlines(), 1):
        if not held:
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            start = number
        held.append(line)
        try:
            tomllib.loads("\n".join(held))
        except tomllib.TOMLDecodeError:
            if len(held) < LONGEST:
                continue
        else:
            yield start, "\n".join(held)
        held = []


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
    for name, held in inner:
        yield from _paths(held, (*path, name))


# -- YAML ----------------------------------------------------------------------------------------------------


def yaml_lines(text: str) -> tuple[Lines, list[tuple[str, int]]]:
    """The line of every key of a YAML text, and the keys (with their lines) that one mapping holds twice."""
    out: Lines = {}
    twice: list[tuple[str, int]] = []
    root = yaml.compose(text, Loader=_LOADER)
    if root is not None:
        _walk(root, (), out, twice, set())
    return out, twice


def _walk(node: yaml.Node, path: Path, out: Lines, twice: list[tuple[str, int]], seen: set[int]) -> None:
    if id(node) in seen:  # an anchor may be named many times, and hold itself
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            out[*path, number] = item.start_mark.line + 1
            _walk(item, (*path, number), out, twice, seen)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            line = key.start_mark.line + 1
            inner = (*path, str(key.value))
            if inner in out:
                twice.append((str(key.value), line))
            out[inner] = line
            _walk(value, inner, out, twice, seen)
