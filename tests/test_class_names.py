"""One class name, one meaning: no two modules of the package define a public class of the same name."""

from __future__ import annotations

import ast
from collections import defaultdict

from tools.docs import ROOT


def test_a_class_name_is_defined_once() -> None:
    """Nested classes count too; names that begin with an underscore are private to their module."""
    where = defaultdict(list)
    for path in sorted((ROOT / "auditor").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                where[node.name].append(f"{path.relative_to(ROOT)}:{node.lineno}")
    twice = {name: places for name, places in where.items() if len(places) > 1}

    assert {} == twice
