"""The formats that CI systems read: annotations, Code Quality, JUnit by a reader of it, lines."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml, Skipped, TestCase, TestSuite

from auditor.report.quotes import handbook
from auditor.report.schema import Report
from auditor.report.sentences import open_gaps
from auditor.writers import Options, by_suffix, names, writer
from tests.conftest import Cli
from tests.support import report_factory
from tests.support.report_parts import anchor, gap

TestCase.__test__ = TestSuite.__test__ = False  # pytest would take them for tests by their names
REPORTS = ("report", "whole", "few", "clean", "empty", "hostile")
EACH = pytest.mark.parametrize("report", REPORTS)


def text(name: str, report: Report) -> str:
    """What a writer makes of a report, with the shipped rules at hand."""
    return writer(name).write(report, Options(handbook=handbook())).decode()


def made(name: str) -> Report:
    """A report of the factory, by name."""
    built: Report = getattr(report_factory, name)()
    return built


def many(count: int, **over: Any) -> Report:
    """A report of many gaps."""
    gaps = [gap(f"IDN{n:03}", f"gap-{n}", "tenant_id", count - n, **over) for n in range(1, count + 1)]
    return report_factory.report(gaps=gaps)


# -- GitHub --------------------------------------------------------------------------------------------------


def test_at_most_ten_gaps_are_annotated() -> None:
    """GitHub drops what is over ten a step; the eleventh line says how many and is no command."""
    *lines, last = text("github", many(14)).splitlines()

    assert 10 == len(lines)
    assert all(line.startswith("::error ") for line in lines)
    assert last.startswith("4 more of 14 gaps")


def test_annotations_come_by_level_and_money() -> None:
    """The order is the report's: the loudest and dearest first."""
    lines = text("github", made("report")).splitlines()

    assert ["error", "error", "warning", "notice"] == [line[2:].split()[0] for line in lines]
    assert "file=traces/checkout.json,title=IDN009 tenant-only-on-root,line=2041,col=17" in lines[0]


def test_an_annotation_is_escaped() -> None:
    """Percent, line breaks, and in properties colon and comma, would end or change a command."""
    odd = gap(
        "IDN009", "n", "tenant_id", 1, message="50 %\nof: a,b", anchors=[anchor(input="a:b,line=9.json")]
    )
    (line,) = text("github", report_factory.few(gaps=[odd])).splitlines()

    assert line.startswith("::error file=a%3Ab%2Cline=9.json,title=IDN009 n,line=2041,col=17::")
    assert "50 %25%0Aof: a,b" in line


# -- GitLab --------------------------------------------------------------------------------------------------


@EACH
def test_gitlab_gets_the_shape_that_it_documents(report: str) -> None:
    """Description, check name, fingerprint, severity, a path that is not ./ and a line; no BOM."""
    findings = json.loads(text("gitlab", made(report)))

    assert len(open_gaps(made(report))) == len(findings)
    for finding in findings:
        assert {"description", "check_name", "fingerprint", "severity", "location"} == set(finding)
        assert finding["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert not finding["location"]["path"].startswith("./")
        assert finding["location"]["lines"]["begin"] >= 1
    assert len(findings) == len({finding["fingerprint"] for finding in findings})


def test_the_usual_file_name_of_gitlab_gets_its_format() -> None:
    """`gl-code-quality-report.json` ends in .json, and is not our JSON."""
    assert "gitlab" == by_suffix("gl-code-quality-report.json").name
    assert "json" == by_suffix("report.json").name
    assert "sarif" == by_suffix("report.sarif.json").name


def test_gitlab_keeps_two_gaps_of_one_fingerprint_apart() -> None:
    """GitLab shows equal fingerprints once."""
    twins = [gap("IDN009", "n", "tenant_id", 4, fingerprint="f" * 16) for _ in range(2)]
    findings = json.loads(text("gitlab", report_factory.few(gaps=twins)))

    assert ["f" * 16, "f" * 16 + "-2"] == [finding["fingerprint"] for finding in findings]


# -- JUnit ---------------------------------------------------------------------------------------------------


def cases(report: Report) -> dict[str, TestCase]:
    """Every case of a report's JUnit, by its name."""
    read = JUnitXml.fromstring(text("junit", report).encode())
    return {case.name: case for suite in read for case in suite}


@EACH
def test_junit_is_read_by_a_reader_of_it(report: str) -> None:
    """The sums that are written are those that a reader counts."""
    read = JUnitXml.fromstring(text("junit", made(report)).encode())
    said = (read.tests, read.failures, read.skipped)
    read.update_statistics()  # type: ignore[no-untyped-call]

    assert said == (read.tests, read.failures, read.skipped)
    assert [one.name for one in read][: len(made(report).inputs)] == [
        suite.name for suite in read if suite.name != "all inputs"
    ]


def test_gaps_fail_notes_pass_and_suppressed_gaps_are_skipped() -> None:
    """What JUnit shows follows the gap's level and the policy."""
    read = cases(made("report"))

    assert ["error"] == [one.type for one in read["IDN009 tenant-only-on-root"].result]
    assert ["warning"] == [one.type for one in read["USE035 cost-zero-with-tokens"].result]
    assert read["IDN040 key-spelled-two-ways"].is_passed
    (skipped,) = read["IDN001 tenant-absent"].result
    assert isinstance(skipped, Skipped)
    assert "suppressed: batch jobs are billed to the platform (until 2026-12-31)" == skipped.message


def test_a_field_that_cannot_be_carried_is_skipped_with_the_reason() -> None:
    """A present field passes, one that these inputs cannot carry is skipped."""
    read = cases(made("report"))

    assert read["model is present"].is_passed
    assert (
        "`auditor explain region` lists formats that carry it" == read["region is present"].result[0].message
    )


# -- lines ---------------------------------------------------------------------------------------------------


def test_concise_is_one_line_a_gap() -> None:
    """Input, line and column where there are any, then level, rule, field and message."""
    lines = text("concise", made("report")).splitlines()

    assert 4 == len(lines)
    assert lines[0] == (
        "traces/checkout.json:2041:17: error IDN009 tenant_id "
        "The tenant stands on the root span, not on the span that carries usage"
    )
    assert lines[2] == "spend.jsonl: warning USE035 cost_usd The cost is zero although tokens were used"


def test_concise_says_nothing_when_there_is_nothing() -> None:
    """A clean run prints no line."""
    assert "" == text("concise", made("clean"))


@EACH
def test_json_lines_hold_what_the_json_report_holds(report: str) -> None:
    """The first line has the single facts, each item of a list has a line with its type."""
    lines = [json.loads(line) for line in text("jsonl", made(report)).splitlines()]
    whole = json.loads(text("json", made(report)))
    first = lines[0]

    assert {"type": "report"} == {k: v for k, v in first.items() if k not in whole}
    assert whole["gaps"] == [
        {k: v for k, v in one.items() if k != "type"} for one in lines if one["type"] == "gap"
    ]
    assert len(lines) == 1 + sum(len(whole[name]) for name in set(whole) - set(first))


def test_the_table_has_a_row_a_gap() -> None:
    """Every gap with its figures, suppressed ones too."""
    rows = list(csv.DictReader(io.StringIO(text("csv", made("report")))))

    assert [one.rule for one in made("report").gaps] == [row["rule"] for row in rows]
    assert ("830", "1204", "0.69", "284.35") == tuple(
        rows[0][k] for k in ("calls", "of", "share", "cost_usd")
    )
    assert "batch jobs are billed to the platform" == rows[-1]["suppressed"]


# -- the command line ----------------------------------------------------------------------------------------


def test_one_run_writes_every_format(cli: Cli, gappy: Path, tmp_path: Path) -> None:
    """Each `-o` gets its format by its suffix, with the rules' texts; the exit code does not depend on it."""
    files = [tmp_path / f"report{writer(name).suffix}" for name in names()]
    outputs = [word for file in files for word in ("-o", file)]

    ran = cli("audit", gappy, "--no-config", "--format", "concise", *outputs)

    assert 1 == ran.code
    assert all(file.stat().st_size for file in files)
    run = json.loads((tmp_path / "report.sarif").read_bytes())["runs"][0]
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert set(handbook().rules) >= set(rules)
    assert len(rules) > len({result["ruleId"] for result in run["results"]})
    assert handbook().rules["IDN001"].why.split()[0] in rules["IDN001"]["help"]["text"]
