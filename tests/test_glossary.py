"""The glossary: its words are in order, and the classes that it names exist."""

from __future__ import annotations

import ast
import re

from tools.docs import ROOT

ROW = re.compile(r"^\| (?P<word>[a-z ]+) \| (?P<meaning>[A-Z].*\.) \| (?:`(?P<type>\w+)` )?\|$", re.M)


def rows() -> list[re.Match[str]]:
    """The rows of the table; each line below its head has to be one."""
    table = (ROOT / "docs" / "glossary.md").read_text("utf-8").split("| --- | --- | --- |\n")[1]
    found = [ROW.match(line) for line in table.splitlines()]
    assert all(found), table.splitlines()[found.index(None)]
    return [row for row in found if row]


def test_the_words_are_in_alphabetical_order() -> None:
    """Each word is listed once, where a reader looks for it."""
    words = [row["word"] for row in rows()]

    assert sorted(set(words)) == words


def test_every_class_that_the_glossary_names_exists() -> None:
    """A class that is renamed is renamed here too."""
    named = {row["type"] for row in rows() if row["type"]}
    trees = (ast.parse(path.read_text("utf-8")) for path in (ROOT / "auditor").rglob("*.py"))
    defined = {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}

    assert set() == named - defined
    assert "Rule" in named
