"""Every pattern of the package with the ways in which it is used, and texts made to be slow for it."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import permutations
from pathlib import Path
from re import _constants as code
from re import _parser as parser
from types import ModuleType
from typing import Any

import auditor

AnyPattern = re.Pattern[str] | re.Pattern[bytes]
USES = frozenset({"search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer"})
REPEATS = (code.MAX_REPEAT, code.MIN_REPEAT, code.POSSESSIVE_REPEAT)
CLASSES = {
    code.CATEGORY_DIGIT: "1",
    code.CATEGORY_SPACE: " ",
    code.CATEGORY_WORD: "a",
    code.CATEGORY_NOT_WORD: "-",
}
LIKELY = "a1 -.:\"'={\\\n\r"  # what stands for a set that leaves out
# pieces of what people paste
PIECES = (
    *(
        " ",
        "\t",
        "\r",
        "\n",
        "\r\n",
        '"',
        "'",
        "{",
        "[",
        "(",
        "\\",
        '\\"',
        "-",
        "- ",
        "1",
        "1.",
        "a",
        "a-",
        "a.",
    ),
    *(
        "a ",
        "A",
        "a=",
        "a=a=",
        "a=1 ",
        "a: ",
        "key: value ",
        "{'",
        '{"a":',
        "<a ",
        "/",
        "| ",
        "`",
        "  a\r\n",
        "a@",
    ),
)


@dataclass(frozen=True)
class Use:
    """A pattern, the module and the name or line at which it is found, and the methods called on it."""

    pattern: AnyPattern
    where: str
    methods: frozenset[str]


@cache
def modules() -> tuple[ModuleType, ...]:
    """All modules of the package."""
    names = [m.name for m in pkgutil.walk_packages(auditor.__path__, "auditor.")]
    return tuple(importlib.import_module(name) for name in names if not name.endswith("__main__"))


def uses(module: ModuleType, importers: Iterable[ModuleType]) -> Iterator[Use]:
    """The patterns that a module makes: its own names, what its functions enclose, and inline ones."""
    tree = _tree(module)
    names = {
        n.id
        for t in tree.body
        for n in ast.walk(t)
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    called = _called(module)
    loose = frozenset().union(*(m for name, m in called.items() if name not in names and name != "re"))
    for name, value in vars(module).items():
        if name not in names and not isinstance(value, (tuple, dict)):
            continue
        methods = set(called.get(name, ()))
        found = list(_patterns(value))
        for other in importers if found else ():
            if other is not module and vars(other).get(name) is value:
                methods |= _called(other).get(name, set())
        for pattern in found:
            yield Use(
                pattern, f"{module.__name__}.{name}", frozenset(methods) or loose or frozenset({"search"})
            )
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).removeprefix("re.") in USES and node.args:
            try:
                pattern = eval(ast.unparse(node.args[0]), vars(module))
            except NameError:
                continue  # a variable: what it goes through is a constant of the module
            if ast.unparse(node.func).startswith("re.") and isinstance(pattern, (str, bytes)):
                method = ast.unparse(node.func).removeprefix("re.")
                flags = re.I if "re.I" in ast.unparse(node) else 0
                yield Use(re.compile(pattern, flags), f"{module.__name__}:{node.lineno}", frozenset({method}))


@cache
def _tree(module: ModuleType) -> ast.Module:
    return ast.parse(Path(str(module.__file__)).read_text())


@cache
def _called(module: ModuleType) -> dict[str, set[str]]:
    """The methods of patterns that are asked of each name."""
    out: dict[str, set[str]] = {}
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Attribute) and node.attr in USES - {"split"}:  # text has it too
            value = node.value
            name = value.id if isinstance(value, ast.Name) else getattr(value, "attr", "?")
            out.setdefault(name, set()).add(node.attr)
    return out


def _patterns(value: Any, depth: int = 0) -> Iterator[AnyPattern]:
    if isinstance(value, re.Pattern):
        yield value
    elif depth < 6:
        for inner in _enclosed(value):
            yield from _patterns(inner, depth + 1)


def _enclosed(value: Any) -> Iterable[Any]:
    """What a container, a record or a function encloses."""
    if isinstance(value, dict):
        return value.items()
    if isinstance(value, (tuple, list, set, frozenset)):
        return value
    if inspect.isfunction(value):
        return [cell.cell_contents for cell in value.__closure__ or ()]
    return [getattr(value, name) for name in getattr(type(value), "__dataclass_fields__", ())]


def texts(pattern: AnyPattern) -> list[tuple[str, str]]:
    """(what a text begins with, what it then repeats): of the pattern's own parts and of common pieces."""
    own: list[tuple[str, str]] = []
    _walk(parser.parse(pattern.pattern, pattern.flags), "", own)
    bodies = list(dict.fromkeys(body for _, body in own))
    heads = list(dict.fromkeys(before for before, _ in own if before))
    whole = _example(parser.parse(pattern.pattern, pattern.flags))
    out = [*own, *(("", before + body) for before, body in own), *((whole, body) for body in bodies)]
    out += [("", body) for body in bodies] + [("", a + b) for a, b in permutations(bodies[:5], 2)]
    out += [("", piece) for piece in PIECES] + [(whole[:1], piece) for piece in PIECES]
    for head in [*heads[:8], whole]:
        out += [("", head[:size]) for size in (1, 2, len(head) - 1, len(head)) if head[: max(size, 0)]]
        out += [("", head + piece) for piece in ("a", " ", "'")]
    return list(dict.fromkeys(out))


def _walk(tree: Iterable[Any], before: str, out: list[tuple[str, str]]) -> None:
    """For each part that repeats: a text that leads to it, and what it repeats."""
    for kind, value in tree:
        if kind in REPEATS and value[1] > 8:
            out.extend((before, body) for body in _bodies(value[2]) if body)
        for inner in _inside(kind, value):
            _walk(inner, before, out)
            if kind is code.BRANCH and before + _example(inner):
                out.append(("", before + _example(inner)))
        before += _one(kind, value)


def _bodies(tree: Any) -> Iterator[str]:
    yield _example(tree)
    for kind, value in tree:
        if kind is code.IN:
            yield from _members(value)[:6]
        if kind is code.ANY:
            yield from 'a {"'


def _inside(kind: Any, value: Any) -> list[Any]:
    """The patterns that a part of a pattern is made of."""
    if kind in REPEATS:
        return [value[2]]
    if kind is code.SUBPATTERN:
        return [value[3]]
    if kind is code.ATOMIC_GROUP:
        return [value]
    if kind in (code.ASSERT, code.ASSERT_NOT):
        return [value[1]]
    return list(value[1]) if kind is code.BRANCH else []


def _example(tree: Iterable[Any]) -> str:
    return "".join(_one(kind, value) for kind, value in tree)


def _one(kind: Any, value: Any) -> str:
    """A short text that a part of a pattern takes."""
    if kind is code.LITERAL:
        return chr(value)
    if kind is code.NOT_LITERAL:
        return "b" if value == ord("a") else "a"
    if kind is code.ANY:
        return "a"
    if kind is code.IN:
        return next(iter(_members(value)), "~")
    if kind in REPEATS:
        return _example(value[2]) * max(int(value[0]), 1)
    inner = [] if kind in (code.ASSERT, code.ASSERT_NOT) else _inside(kind, value)
    return _example(inner[0]) if inner else ""


def _members(items: list[Any]) -> list[str]:
    """Some characters of a set."""
    if items[0][0] is code.NEGATE:
        left_out = set(_members(items[1:])) if len(items) > 1 else set()
        return [c for c in LIKELY if c not in left_out]
    out = []
    for kind, value in items:
        if kind is code.LITERAL:
            out.append(chr(value))
        elif kind is code.RANGE:
            out.append(chr(value[0]))
        elif kind is code.CATEGORY:
            out += [CLASSES.get(value, "a"), *("\n\r\t" if value is code.CATEGORY_SPACE else "")]
    return out
