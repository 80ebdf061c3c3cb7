"""Names chosen by a stranger stay inert in every output: terminal, CI log, table, Markdown, HTML, XML."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from markdown_it import MarkdownIt

from auditor.printing.ink import Style
from auditor.printing.text import logged
from auditor.report.quotes import handbook
from auditor.writers import Options, names, writer
from tests.conftest import GAPPY, Cli
from tests.support.report_factory import EVIL, hostile

EVILS = {
    "escapes": EVIL,
    "command": "::error::owned",
    "command-at-a-wrap": f"{'word ' * 15}::stop-commands::owned {'word ' * 12}::set-output name=x::y",
    "old-command": "##[error]owned ##vso[task.setvariable variable=x]y",
    "escaped-command": "%0A::warning::owned%0D",
    "formula": "=cmd|' /C calc'!A0",
    "formula-at": "@SUM(1+1)*cmd|' /C calc'!A0",
    "formula-minus": "-2+3+cmd|' /C calc'!A0",
    "script": "<script>alert(1)</script>",
    "attribute": "\"><img src=x onerror=alert(1)> ' onmouseover='alert(1)",
    "style": "</style></title></textarea><svg/onload=alert(1)>",
    "template": "{{ 7*7 }}{% include 'x' %}${7*7}",
    "pipes": "a|b||c\\|d",
    "ticks": "`x` ``` ```` ~~~ `",
    "links": "[x](javascript:alert(1)) ![x](http://example.com/x.png) <http://example.com> www.example.com",
    "mentions": "@acme #1 :tada: GH-1 **b** _i_ ~~s~~ &lt;b&gt;",
    "headings": "# h\n## h\n- l\n> q\n1. n\n---\n===\n| a |\n| - |",
    "comment": "--> <!-- x --> ]]> <![CDATA[ <?xml ?> &x;",
    "no-characters": "\ufffe\U0010ffff\ue000",
}
EVERY = pytest.mark.parametrize("name", names())
EACH = pytest.mark.parametrize("evil", EVILS.values(), ids=EVILS)
OWN_HTML = {
    "<!-- attribution-gap-auditor -->", "<details><summary>Where, why and how to fix</summary>",
    "<details><summary>Notes</summary>", "</details>", "<sub>", "</sub>",
}  # fmt: skip


def text(name: str, evil: str) -> str:
    """A hostile report as one writer makes it."""
    return writer(name).write(hostile(evil), Options(Style(width=80), handbook())).decode()


@EVERY
@EACH
def test_a_stranger_steers_neither_terminal_nor_ci_log(name: str, evil: str) -> None:
    """No control or bidi character leaves a writer, and no line of its own is a workflow command."""
    found = text(name, evil)

    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202e]", found)
    assert not re.search(r"##\w*\[", found)
    body = re.sub("<style>.*</style>", "", found, flags=re.S)  # our own sheet has `::marker`
    commands = [line for line in body.splitlines() if line.strip().startswith("::")]
    assert all(re.match(r"::(error|warning|notice) (\w+=[^:,]*,?)+::", line) for line in commands)
    assert bool(commands) == (name == "github")


@EVERY
@EACH
def test_a_stranger_adds_no_line(name: str, evil: str) -> None:
    """Formats of one line a record have as many lines as for a tame name."""
    if name in ("concise", "csv", "github", "jsonl"):
        assert len(text(name, "tame").splitlines()) == len(text(name, evil).splitlines())


@EACH
def test_a_table_runs_no_formula(evil: str) -> None:
    """No cell begins as a formula does, and every row has every column."""
    rows = list(csv.reader(io.StringIO(text("csv", evil))))

    assert 1 == len({len(row) for row in rows})
    assert not [cell for row in rows for cell in row if cell.lstrip().startswith(("=", "+", "-", "@"))]


class _Tags(HTMLParser):
    """The elements of a page with the names of their attributes, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, ...]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, *(name for name, _ in attrs)))


def tags(page: str) -> list[tuple[str, ...]]:
    """What a page is built of."""
    parser = _Tags()
    parser.feed(page)
    return [one for one in parser.found if one[0] not in ("code", "mark")]


@EACH
def test_a_stranger_adds_no_element_to_a_page(evil: str) -> None:
    """The elements and attributes are those of a page with tame names."""
    assert tags(text("html", "tame")) == tags(text("html", evil))


@EACH
def test_a_stranger_adds_no_element_to_junit(evil: str) -> None:
    """The XML is well-formed and built as with tame names."""
    built = [[one.tag for one in ET.fromstring(text("junit", word)).iter()] for word in ("tame", evil)]

    assert built[0] == built[1]


@pytest.mark.parametrize("name", ["markdown", "github-summary"])
@EACH
def test_markdown_holds_no_html_link_picture_or_mention_of_a_stranger(name: str, evil: str) -> None:
    """Read as GitHub reads it, the only HTML is ours, nothing links, and what could act is code."""
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text(name, evil))
    inner = [child for token in tokens for child in token.children or []]
    plain = " ".join(child.content for child in inner if child.type == "text")
    own = {
        line
        for token in (*tokens, *inner)
        if token.type in ("html_block", "html_inline")
        for line in token.content.splitlines()
    }

    assert own <= OWN_HTML
    assert not {"link_open", "image", "s_open"} & {token.type for token in inner}
    assert not re.search(r"@\w|#\d|:\w+:|<|www\.|://", plain)


@pytest.mark.parametrize("name", ["markdown", "github-summary"])
@EACH
def test_a_stranger_adds_no_block_to_markdown(name: str, evil: str) -> None:
    """Headings, tables and their cells are as many as for tame names."""
    kinds = "heading_open table_open tr_open td_open fence hr blockquote_open list_item_open".split()
    counts = []
    for word in ("tame", evil):
        found = Counter(
            one.type for one in MarkdownIt("gfm-like", {"linkify": False}).parse(text(name, word))
        )
        counts.append([found[kind] for kind in kinds])

    assert counts[0] == counts[1]


@pytest.mark.parametrize("name", ["json", "json-1", "sarif", "gitlab"])
@EACH
def test_json_stays_json(name: str, evil: str) -> None:
    """Documents can be read back."""
    assert json.loads(text(name, evil)) is not None


def test_only_what_a_log_would_obey_is_spelled_out() -> None:
    """Double colons of ARNs and of programming languages stay as they are."""
    arn = "arn:aws:bedrock:us-east-1::foundation-model/x, tokio::runtime, a::b, ## heading"

    assert arn == logged(arn)
    assert r":\x3aError::x #\x23[group]" == logged("::Error::x ##[group]")


def test_a_file_name_that_is_no_text_is_spelled_out(cli: Cli, tmp_path: Path) -> None:
    """Every writer can encode a report on a file whose name is not UTF-8."""
    (tmp_path / os.fsdecode(b"a\xff.jsonl")).write_bytes(GAPPY)

    for name in names():
        ran = cli("audit", tmp_path, "--no-config", "--format", name)
        assert (1, True) == (ran.code, "�" not in ran.text), name
