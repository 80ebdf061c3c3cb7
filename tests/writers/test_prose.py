"""The reports that people read away from a terminal: Markdown within its limits, HTML that needs nothing."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from auditor.report.quotes import handbook
from auditor.report.schema import Report, Suppressed
from auditor.writers import Options, writer
from tests.support import browser as chromium
from tests.support import report_factory
from tests.support.report_parts import gap

MARKER = "<!-- attribution-gap-auditor -->"


def text(name: str, report: Report) -> str:
    """What a writer makes of a report, with the shipped rules at hand."""
    return writer(name).write(report, Options(handbook=handbook())).decode()


def rows(markdown: str) -> list[list[str]]:
    """The rows of every table of a Markdown text, as their cells read."""
    found: list[list[str]] = []
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(markdown):
        if token.type == "tr_open":
            found.append([])
        elif token.type == "inline" and token.level > 3:
            found[-1].append("".join(child.content for child in token.children or []))
    return found


# -- Markdown ------------------------------------------------------------------------------------------------


def test_the_comment_can_be_found_again() -> None:
    """Its first line is a marker that shows nothing; a job summary has none."""
    assert MARKER == text("markdown", report_factory.report()).splitlines()[0]
    assert MARKER not in text("github-summary", report_factory.report())


def test_markdown_begins_with_the_answer() -> None:
    """Money without an owner, gate and score stand before any table."""
    head = text("markdown", report_factory.report()).split("| field |")[0]

    assert "**USD 284.35 of USD 412.10 (69 %) has no owner: 830 of 1,600 calls have none.**" in head
    assert "Gate FAILED: 2 gaps of level error: IDN009, CNT003; score 49 of 100" in head


def test_every_section_of_a_whole_report_is_in_the_markdown() -> None:
    """Hops, money, questions, owners and the plan are tables with their figures."""
    found = rows(text("markdown", report_factory.whole()))

    assert ["tenant_id", "1,204 of 1,204", "2 of 396", "cannot carry it"] == next(
        row[:4] for row in found if row[:2] == ["tenant_id", "1,204 of 1,204"]
    )
    assert any(row[3:6] == ["USD 0", "USD 18.72", "USD -18.72"] for row in found)
    assert any(row[:3] == ["What does each model cost?", "yes", "100 %"] for row in found)
    assert any(row[:1] + row[4:] == ["no owner", "USD 284.35", "69 %"] for row in found)
    assert any("score 49 → 88; without an owner 69 % → 1 %; tenant_id 31 % → 100 %" in row for row in found)


def test_a_comment_keeps_the_limit_and_says_what_it_left_out() -> None:
    """GitHub refuses more than 65,536 characters; whole sections go, the answer stays."""
    long = [
        gap(
            f"IDN{n:03}",
            "n",
            "tenant_id",
            1,
            why="word " * 5000,
            suppressed=None if n < 900 else Suppressed("x", None),
        )
        for n in range(999)
    ]
    made = text("markdown", report_factory.report(gaps=long))

    assert len(made.encode()) <= 60_000
    assert "Left out for length: details. `auditor audit` shows all of it." in made
    assert "and 875 more gaps" in made
    assert "has no owner" in made


def test_a_job_summary_keeps_its_limit() -> None:
    """GitHub takes one MiB a step."""
    long = [gap(f"IDN{n:03}", "n", "tenant_id", 1, why="word " * 5000) for n in range(999)]

    assert len(text("github-summary", report_factory.report(gaps=long)).encode()) <= 1_000_000


def test_a_pipe_in_a_key_ends_no_cell() -> None:
    """Every row of a table has as many cells as its head."""
    found = text("markdown", report_factory.hostile("a|b"))
    lines = [line for line in found.splitlines() if line.startswith("|")]
    widths = [len(re.split(r"(?<!\\)\|", line)) for line in lines]
    starts = [n for n, line in enumerate(lines) if set(line) <= set("|-: ")]

    for start, end in zip(starts, [*(n - 1 for n in starts[1:]), len(lines)], strict=True):
        assert 1 == len(set(widths[start - 1 : end]))


# -- HTML ----------------------------------------------------------------------------------------------------


class _Addresses(HTMLParser):
    """Every attribute of a page that makes a browser fetch or leave, and every script."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [
            f"{tag} {name}" for name, _ in attrs if name in ("src", "href", "action", "style", "data")
        ]
        if tag in ("script", "link", "form", "iframe", "object", "img", "button"):
            self.found.append(tag)


@pytest.mark.parametrize("report", ["report", "whole", "few", "clean", "empty", "hostile"])
def test_the_file_asks_for_nothing(report: str) -> None:
    """No script, link, form, picture or inline style; its own policy allows only its own sheet."""
    made = text("html", getattr(report_factory, report)())
    parser = _Addresses()
    parser.feed(made)

    assert [] == parser.found
    assert "default-src 'none'; style-src 'sha256-" in made.replace("&#39;", "'")
    assert "url(" not in made
    assert "@import" not in made


def test_the_file_has_every_section_of_a_whole_report() -> None:
    """What the terminal tells of hops, money, questions, owners and the plan stands in the page too."""
    made = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text("html", report_factory.whole())))

    for said in (
        "lost here: 391 dropped, 1 changed, 2 renamed of 394 joined calls, USD 284.35",
        "Joined 394 of 1,204 calls of traces/checkout.json with 394 of 396 calls of spend.jsonl",
        "1 of 2 rows within 2 %: logs USD 412.10 (observed), bill USD 431.92.",
        "USD -18.72",
        "What does each team cost? partly 62 %",
        "no owner 830 5,804,512 USD 284.35 69 %",
        "score 49 → 88; without an owner 69 % → 1 %; tenant_id 31 % → 100 %",
    ):
        assert said in made


def test_the_file_quotes_the_recipe_with_its_snippet() -> None:
    """A fix of the pack comes with the code that the report only names."""
    known = next(one.on("tenant_id") for one in handbook().recipes if one.snippet)
    fixes = {known.stack: f"{known.title}: {known.text}"}
    report = report_factory.few(gaps=[gap("IDN009", "n", "tenant_id", 4, of=6, fixes=fixes)])
    plain = re.sub(r"<[^>]+>", "", text("html", report))

    assert known.title in plain
    assert known.snippet.splitlines()[0].strip() in plain.replace("&#34;", '"').replace("&#39;", "'")


@pytest.mark.browser
@pytest.mark.skipif(
    bool(chromium.MISSING), reason=f"{chromium.MISSING} not installed (Debian: chromium chromium-driver)"
)
def test_the_file_opens_from_a_disk_without_a_request(tmp_path: Path) -> None:
    """In Chromium it is styled, fits both widths, prints its folded parts, and asks for nothing else."""
    path = tmp_path / "report.html"
    path.write_text(text("html", report_factory.whole()), "utf-8")

    with chromium.browser() as one:
        for width in (1280, 390):
            one.look(width)
            one.open(path.as_uri())
            assert [path.as_uri()] == one.requested()
            assert [] == one.complaints()
            assert one.overflow() <= 0
        assert "rgb(255, 255, 255)" == one.ask(
            "getComputedStyle(document.querySelector('.report')).backgroundColor"
        )
        assert not one.find(".gap .why").is_displayed()
        one.command("Emulation.setEmulatedMedia", media="print")
        assert one.ask("document.querySelector('.gap .why').getBoundingClientRect().height") > 0
        assert json.dumps(one.requested()) == "[]"
