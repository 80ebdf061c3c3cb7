"""The switches of `audit`: gate, policy, environment, files, colour, rules of one's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auditor.catalogue.resources import folder
from tests.conftest import Cli


def test_fail_on_moves_the_gate(cli: Cli, gappy: Path) -> None:
    """`none` lets everything pass."""
    assert [1, 0] == [cli("audit", gappy, "--fail-on", level).code for level in ("error", "none")]


def test_the_environment_speaks_where_no_flag_does(cli: Cli, gappy: Path) -> None:
    """A flag wins over the environment, the environment over the policy file."""
    policy = gappy.parent / "auditor.toml"
    policy.write_text('fail_on = "error"\n')

    assert 0 == cli("audit", gappy, "--policy", policy, AUDITOR_FAIL_ON="none").code
    assert 1 == cli("audit", gappy, "--fail-on", "error", AUDITOR_FAIL_ON="none").code


def test_the_policy_speaks_where_no_flag_does(cli: Cli, gappy: Path) -> None:
    """Profile and gate of the policy file hold."""
    policy = gappy.parent / "auditor.toml"
    policy.write_text('profile = "all"\nfail_on = "none"\n')
    ran = cli("audit", gappy, "--policy", policy, "--format", "json")

    assert (0, "all") == (ran.code, json.loads(ran.out)["profile"])


def test_the_report_is_written_to_files_by_their_suffix(cli: Cli, gappy: Path, tmp_path: Path) -> None:
    """One run, several files, and the terminal report still on standard output."""
    text, data = tmp_path / "r.txt", tmp_path / "r.json"
    ran = cli("audit", gappy, "-o", text, "-o", data)

    assert ran.text == text.read_text()
    assert json.loads(cli("audit", gappy, "--format", "json").out) == json.loads(data.read_text())
    assert f"wrote {text}" in ran.err


def test_a_suffix_without_a_format_is_refused_before_anything_is_read(cli: Cli, tmp_path: Path) -> None:
    """The hint lists the suffixes."""
    ran = cli("audit", tmp_path / "nowhere.json", "-o", "report.pdf")

    assert 2 == ran.code
    assert "report.pdf: the suffix names no format" in ran.err


def test_a_file_that_cannot_be_written_is_2(cli: Cli, good: Path, tmp_path: Path) -> None:
    """The report is on standard output all the same."""
    ran = cli("audit", good, "-o", tmp_path / "missing" / "r.json")

    assert (2, True) == (ran.code, ran.text.startswith(str(good)[:4]) or bool(ran.text))
    assert "r.json: No such file" in ran.err


@pytest.mark.parametrize(
    ("choice", "env", "colored"),
    [
        ("auto", {}, False),
        ("always", {}, True),
        ("always", {"NO_COLOR": "1"}, True),
        ("auto", {"FORCE_COLOR": "1"}, True),
        ("auto", {"CLICOLOR_FORCE": "1"}, True),
        ("auto", {"FORCE_COLOR": "0"}, False),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ("never", {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colour_follows_the_order_then_the_environment(
    cli: Cli, good: Path, choice: str, env: dict[str, str], colored: bool
) -> None:
    """An order wins; NO_COLOR wins over FORCE_COLOR; a pipe has no colour."""
    assert colored == ("\x1b[" in cli("audit", good, "--color", choice, **env).text)


def test_a_rule_of_ones_own_is_run(cli: Cli, good: Path, tmp_path: Path) -> None:
    """A folder given by `--rules` is read beside the shipped rules."""
    rule = (
        'id: OWN001\nname: no-cost-centre\nfield: cost_center\nverdict: none\nlevel: error\nsince: "1"\n'
        "title: Every call has a cost centre\ngap: No cost centre\nwhy: We book by it.\n"
        "when: cost_center IS NULL\nexamples: [{name: x, format: generic-json, input: '{}'}]\n"
    )
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "own001.yaml").write_text(rule)
    ran = cli("audit", good, "--rules", tmp_path / "own", "--profile", "all", "--format", "json")

    assert "OWN001" in {gap["rule"] for gap in json.loads(ran.out)["gaps"]}


def test_a_rule_that_is_wrong_is_2(cli: Cli, good: Path, tmp_path: Path) -> None:
    """The message names the file."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "bad.yaml").write_text("id: OWN001\nlevel: loud\n")
    ran = cli("audit", good, "--rules", tmp_path / "own")

    assert 2 == ran.code
    assert "bad.yaml" in ran.err


def test_the_same_bytes_give_the_same_report(cli: Cli) -> None:
    """No clock and no chance in it."""
    sample = folder("samples") / "otlp-json-gappy.json"

    assert cli("audit", sample, "--format", "json").out == cli("audit", sample, "--format", "json").out
