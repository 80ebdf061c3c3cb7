"""The prose is true: generated pages are current, links lead somewhere, numbers are those of the code.

What it cannot check is not written down.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec
import pytest

from auditor.catalogue.fields import catalogue
from auditor.report import schema
from auditor.tally import totals as scoring
from auditor.tally.weights import ENOUGH
from tools import docs

ROOT = docs.ROOT
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```.*?^```$", re.M | re.S)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
TEST = (ast.FunctionDef, ast.AsyncFunctionDef)
EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)


@cache
def generated() -> dict[Path, str]:
    """What `make golden` would write now."""
    return docs.pages()


@pytest.mark.parametrize("name", ["docs/fields.md", "docs/formats.md", "docs/rules.md", "README.md"])
def test_a_generated_page_is_what_its_source_gives(name: str) -> None:
    """Nobody has to remember to run `make golden`: a stale page fails here."""
    assert generated()[ROOT / name] == (ROOT / name).read_text("utf-8"), "run `make golden`"


@EVERY_PAGE
def test_every_link_leads_somewhere(page: Path) -> None:
    """Files exist, and so do the headings that anchors name."""
    for target in links(page):
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page

        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target


def test_every_page_is_linked() -> None:
    """From the README, or from a page that it leads to."""
    seen, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page not in seen and page.suffix == ".md":
            seen.add(page)
            todo += [(page.parent / target.partition("#")[0]).resolve() for target in links(page)]

    assert [] == [page.relative_to(ROOT).as_posix() for page in PAGES if page not in seen]


@EVERY_PAGE
def test_every_module_named_in_prose_exists(page: Path) -> None:
    """A path in backticks is a path of this tree."""
    tree = "auditor|rules|samples|docs|tests|tools|templates|benchmarks"
    named = re.findall(rf"`((?:{tree})/[\w./-]*)`", prose(page))
    written = {"auditor/readers/your_format.py", "auditor/writers/your_format.py"}

    assert [] == [path for path in named if path not in written and not (ROOT / path).exists()]


@EVERY_PAGE
def test_every_make_target_named_in_prose_exists(page: Path) -> None:
    """`make something` works as it is written."""
    targets = set(re.findall(r"^([\w-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.M))

    assert set() == set(re.findall(r"`make ([a-z-]+)", prose(page))) - targets


def test_the_scoring_page_states_the_formula_of_the_code() -> None:
    """Bands, caps, bounds and importances are the constants."""
    text = (ROOT / "docs" / "scoring.md").read_text("utf-8")
    from_rows = re.findall(r"^\| from (\d+) \| ([a-z ]+) \|$", text, re.M)
    cap_rows = re.findall(r"^\| more than (\d+) % \| (\d+) \|$", text, re.M)
    bands = tuple((int(least), name) for least, name in from_rows)
    caps = tuple((int(bound) / 100, int(cap)) for bound, cap in cap_rows)

    assert f'formula "{scoring.FORMULA}"' in text
    assert scoring.BANDS == bands
    assert scoring.CAPS == caps
    assert f"at least {ENOUGH:.0%}".replace("%", " %") in text


def test_the_scoring_page_lists_the_importance_of_every_field() -> None:
    """The table names each field whose weight is not the least."""
    text = (ROOT / "docs" / "scoring.md").read_text("utf-8")
    rows = re.findall(r"^\| (40|30|20) \| (`.*`) \|$", text, re.M)
    told = {name: int(weight) for weight, names in rows for name in re.findall(r"`(\w+)`", names)}

    assert {f.name: f.weight for f in catalogue().fields.values() if f.weight != 10} == told


def test_the_example_of_the_scoring_page_comes_out_as_it_says() -> None:
    """The worked example is what the code computes."""
    text = (ROOT / "docs" / "scoring.md").read_text("utf-8")
    rows = re.findall(r"^\| [a-z ]+ \| (\d+) \| (\d\.\d\d) \| \d+ \|$", text, re.M)
    shares = [(int(weight), float(share), 1.0) for weight, share in rows]
    got = scoring.score(shares, 0.10, [])

    assert 6 == len(rows)
    assert 90 == scoring.score(shares, 0.0, []).value
    assert (74, "needs work") == (got.value, got.band)


def test_every_dependency_is_explained() -> None:
    """The page names what pyproject.toml asks for, no more and no less."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    text = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    run, development = (re.findall(r"^\| `([\w-]+)` \|", part, re.M) for part in text.split("## Development"))

    assert names(project["dependencies"]) == run
    assert names(project["optional-dependencies"]["dev"]) == development


def test_everything_is_pinned() -> None:
    """constraints.txt has an exact version of each dependency, and no address."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    asked = [*project["dependencies"], *project["optional-dependencies"]["dev"]]

    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
    assert set() == {plain(n) for n in names(asked)} - {plain(pin.split("==")[0]) for pin in pins}


@pytest.mark.parametrize("path", sorted((ROOT / "tests").glob("test_*.py")), ids=lambda p: p.name)
def test_every_test_says_what_is_true(path: Path) -> None:
    """A test has a docstring that begins with a sentence of its own."""
    held = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, TEST)]
    tests = [node for node in held if node.name.startswith("test_")]

    assert [] == [node.name for node in tests if not ast.get_docstring(node)]


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return FENCE.sub("", page.read_text("utf-8"))


def links(page: Path) -> Iterator[str]:
    """The link targets of a page that lie in this tree."""
    return (target for target in LINK.findall(prose(page)) if not re.match(r"[a-z]+:", target))


def anchors(page: Path) -> set[str]:
    """The anchors that Markdown viewers give the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.M)
    return {re.sub(r"[^a-z0-9 _-]", "", h.lower()).replace(" ", "-") for h in headings}


def names(requirements: list[str]) -> list[str]:
    """The distributions that requirements name, in order."""
    return [re.split(r"[\[<>=]", r)[0] for r in requirements]


def plain(name: str) -> str:
    """A distribution's name in its normal form."""
    return re.sub(r"[-_.]+", "-", name).lower()


def numbers_of(kind: type[msgspec.Struct]) -> set[str]:
    """The attributes of a part of the report that hold numbers."""
    return {
        info.name
        for info in msgspec.structs.fields(kind)
        if info.type in (int, float) or info.name in ("causes", "by", "cost", "weight", "share")
    }


NUMBERED = (
    "Totals InputReport FieldCounts Shares Gap Where Hop Border Side Join ReconciledRow LeftOut Question "
    "Owner Principal Step Score Cap Against"
).split()


@pytest.mark.parametrize("kind", [getattr(schema, name) for name in NUMBERED])
def test_the_page_of_figures_explains_every_number(kind: type[msgspec.Struct]) -> None:
    """No number of the JSON report is without a line that says how it is counted."""
    text = (ROOT / "docs" / "figures.md").read_text("utf-8")
    known = set(re.findall(r"`(?:\w+\[?\]?\.)?(\w+)`", text))

    assert set() == numbers_of(kind) - known - {"step", "tolerance", "score"}
