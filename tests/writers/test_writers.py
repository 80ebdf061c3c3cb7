"""Every writer: found in its folder, pure, inert, and the JSON as its schema says."""

from __future__ import annotations

import json
import re

import jsonschema
import msgspec
import pytest

from auditor.errors import UsageError
from auditor.printing.ink import Style
from auditor.report.schema import Report
from auditor.writers import Options, by_suffix, names, writer
from auditor.writers.json import schema
from tests.support import report_factory

REPORTS = ("report", "whole", "few", "clean", "empty", "hostile")
EVERY = pytest.mark.parametrize("name", names())
BOTH = (False, True)
STYLES = [Style(width=w, color=c, unicode=u) for w in (40, 80, 140, 400) for c in BOTH for u in BOTH]
ESCAPE = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;;[^\x1b]*\x1b\\")


def made(name: str) -> Report:
    """A report of the factory, by name."""
    built: Report = getattr(report_factory, name)()
    return built


@EVERY
def test_a_writer_is_called_like_its_file(name: str) -> None:
    """The name on the command line, the module and the writer are one word; the suffix finds it."""
    found = writer(name)

    assert name == found.name
    assert [found] * len(found.suffixes) == [by_suffix(f"report{suffix}") for suffix in found.suffixes]


@EVERY
@pytest.mark.parametrize("report", REPORTS)
def test_a_writer_gives_the_same_bytes_twice(name: str, report: str) -> None:
    """Report and style in, bytes out: no clock, no order of its own, no state."""
    assert writer(name).write(made(report)) == writer(name).write(made(report))


def test_an_unknown_format_is_refused_with_the_known_ones() -> None:
    """The hint names what can be chosen."""
    with pytest.raises(UsageError) as refused:
        writer("pdf")

    assert "concise, csv, github" in refused.value.hint


def test_an_unknown_suffix_is_refused_with_the_known_ones() -> None:
    """A file's name must say its format."""
    with pytest.raises(UsageError) as refused:
        by_suffix("report.pdf")

    assert ".csv, .github.txt" in refused.value.hint


# -- JSON ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("report", REPORTS)
def test_the_json_report_is_valid_by_its_schema(report: str) -> None:
    """What is written is what the schema promises."""
    document = json.loads(writer("json").write(made(report)))

    jsonschema.Draft202012Validator(schema()).validate(document)


def test_the_json_report_can_be_read_back() -> None:
    """Nothing is lost between the report and its JSON."""
    written = writer("json").write(report_factory.report())

    assert report_factory.report() == msgspec.json.decode(written, type=Report)


def test_the_pinned_json_is_the_json_of_its_schema() -> None:
    """`json-1` is what `json` is as long as the schema is 1."""
    assert writer("json").write(made("whole")) == writer("json-1").write(made("whole"))
    assert "1" == made("whole").schema


def test_every_property_of_the_schema_is_required() -> None:
    """Every field is always written, so a reader may rely on each."""
    parts = schema()["$defs"].values()

    assert all(set(part["properties"]) == set(part["required"]) for part in parts)


# -- terminal ------------------------------------------------------------------------------------------------


def lines_of(report: str, style: Style) -> list[str]:
    """The terminal report as bare lines."""
    return ESCAPE.sub("", writer("terminal").write(made(report), Options(style)).decode()).splitlines()


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("style", STYLES, ids=str)
def test_no_line_is_wider_than_the_terminal(report: str, style: Style) -> None:
    """Lines are wrapped or cut to the width, which is held between 60 and 140 columns."""
    width = min(max(style.width, 60), 140)

    assert not [line for line in lines_of(report, style) if len(line) > width]


@pytest.mark.parametrize("report", REPORTS)
def test_colour_changes_no_word(report: str) -> None:
    """Without its colours the coloured report is the plain one: nothing is said by colour alone."""
    assert lines_of(report, Style()) == lines_of(report, Style(color=True))


@pytest.mark.parametrize("report", REPORTS)
def test_a_stream_without_unicode_gets_ascii(report: str) -> None:
    """Box glyphs and dots have plain stand-ins."""
    assert writer("terminal").write(made(report), Options(Style(unicode=False))).isascii()


@pytest.mark.parametrize("report", REPORTS)
def test_quiet_is_the_end_of_the_whole(report: str) -> None:
    """The quiet report is how the whole one ends: the counts, then score and gate."""
    whole, quiet = lines_of(report, Style()), lines_of(report, Style(quiet=True))

    assert whole[-len(quiet) :] == quiet
    assert "" == whole[-len(quiet) - 1]


def test_the_gate_has_the_last_word() -> None:
    """Terminals end at the bottom: whether it passed stands there."""
    assert lines_of("report", Style())[-1].startswith("gate FAILED: ")


def test_few_calls_are_counted_not_divided() -> None:
    """Under thirty calls no share is printed."""
    assert "%" not in "\n".join(lines_of("few", Style()))


def test_a_field_of_no_interest_is_only_named() -> None:
    """Fields that nobody requires and that have no gap share one line a verdict."""
    lines = lines_of("report", Style())

    assert ["  also present: environment, latency_ms", "  also absent, not required: user_id"] == [
        line for line in lines if line.startswith("  also")
    ]


def test_links_lead_to_the_file_of_an_input() -> None:
    """A place is a hyperlink where an address is given, and plain text where none is."""
    linked = writer("terminal").write(
        report_factory.few(), Options(Style(links={"stdin": "file:///spans.json"}))
    )
    bare = writer("terminal").write(report_factory.few())

    assert b"\x1b]8;;file:///spans.json\x1b\\stdin:1:17\x1b]8;;\x1b\\" in linked
    assert b"\x1b" not in bare


def test_what_could_not_be_read_is_said() -> None:
    """Skipped records are listed with their line and reason, and counted at the end."""
    text = "\n".join(lines_of("report", Style()))

    assert "spend.jsonl:17 not JSON: unterminated string at column 92" in text
    assert "spend.jsonl: 10 more" in text
    assert "12 records unreadable" in text


def test_a_suppressed_gap_is_shown_with_its_reason() -> None:
    """What the policy lives with is not hidden."""
    text = "\n".join(lines_of("report", Style()))

    assert "tenant_id, 397 calls: batch jobs are billed to the platform (until 2026-12-31)" in text
    assert "error[IDN001]" not in text
