"""The structure of the package: names that mean one thing, folders that one can take in, no import circle.

`make lint` checks the layers.
"""

from __future__ import annotations

import ast
from collections import defaultdict

import grimp

from tools.docs import ROOT

PACKAGE = ROOT / "auditor"


def test_a_class_name_is_defined_once() -> None:
    """Nested classes count too; names that begin with an underscore are private to their module."""
    where = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                where[node.name].append(f"{path.relative_to(ROOT)}:{node.lineno}")

    assert {} == {name: places for name, places in where.items() if len(places) > 1}


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Modules can be put in an order in which each imports earlier ones only; imports in functions count."""
    graph = grimp.build_graph("auditor", cache_dir=None)
    waiting = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    while ready := {module for module, needed in waiting.items() if not needed & waiting.keys()}:
        waiting = {module: needed for module, needed in waiting.items() if module not in ready}

    assert [] == sorted(waiting)


def test_folders_can_be_taken_in_at_a_glance() -> None:
    """At most 25 entries at the top, 18 files in a family of readers, and no private module in a folder."""
    entries = [path.name for path in PACKAGE.iterdir() if path.name != "__pycache__"]
    families = [path for path in (PACKAGE / "readers").iterdir() if (path / "__init__.py").is_file()]

    assert len(entries) <= 25
    assert {} == {path.name: n for path in families if (n := len(list(path.glob("*.py")))) > 18}
    assert [] == [path for path in PACKAGE.rglob("_*.py") if not path.name.startswith("__")]
