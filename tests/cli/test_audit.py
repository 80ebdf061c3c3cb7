"""The command `audit`: its exit codes, its streams, its errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import GAPPY, Cli

METRICS = b'{"resourceMetrics":[{"resource":{},"scopeMetrics":[{"scope":{},"metrics":[]}]}]}'


# -- exit codes ----------------------------------------------------------------------------------------------


def test_a_passed_gate_is_0(cli: Cli, good: Path) -> None:
    """Nothing at level error: exit 0."""
    ran = cli("audit", good)

    assert (0, "gate passed") == (ran.code, ran.text.splitlines()[-1].split(" · ")[-1])


def test_a_failed_gate_is_1(cli: Cli, gappy: Path) -> None:
    """A call without an owner: exit 1, and the reason is printed."""
    ran = cli("audit", gappy)

    assert 1 == ran.code
    assert "gate FAILED: " in ran.text.splitlines()[-1]


def test_exit_zero_forgives_a_failed_gate(cli: Cli, gappy: Path) -> None:
    """The report still says that the gate failed."""
    ran = cli("audit", gappy, "--exit-zero")

    assert 0 == ran.code
    assert "gate FAILED" in ran.text


def test_exit_zero_does_not_forgive_a_broken_input(cli: Cli) -> None:
    """What could not be audited stays 2."""
    assert 2 == cli("audit", "-", "--exit-zero", stdin=b'{"model": "claude", ').code


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "empty"),
        (b'{"model": "claude", ', "not JSON"),
        (b"\x00\x01\x02\x03" * 200, "binary"),
        (b"just some words about nothing\n", "no JSON record"),
        (b"[" * 200 + b"]" * 200, "read"),
        (METRICS, "metrics"),
    ],
    ids=["empty", "cut off", "binary", "prose", "200 levels deep", "metrics"],
)
def test_an_input_that_cannot_be_audited_is_2(cli: Cli, data: bytes, told: str) -> None:
    """The message says what is wrong with it, on standard error, without a traceback."""
    ran = cli("audit", "-", stdin=data)

    assert 2 == ran.code
    assert "error: " in ran.err
    assert told in ran.err
    assert "Traceback" not in ran.err


def test_a_missing_file_is_2(cli: Cli, tmp_path: Path) -> None:
    """The message names the path."""
    ran = cli("audit", tmp_path / "nowhere.json")

    assert 2 == ran.code
    assert "nowhere.json: no such file" in ran.err


def test_a_policy_that_is_wrong_is_2(cli: Cli, good: Path, tmp_path: Path) -> None:
    """The message names file, line and key."""
    policy = tmp_path / "auditor.toml"
    policy.write_text('profile = "chargeback-min"\nprofil = "all"\n')
    ran = cli("audit", good, "--policy", policy)

    assert 2 == ran.code
    assert "auditor.toml:2: profil" in ran.err


def test_an_unknown_profile_is_2_and_offers_its_neighbour(cli: Cli, good: Path) -> None:
    """A misspelt name is met with the right one."""
    ran = cli("audit", good, "--profile", "gatway-ready")

    assert 2 == ran.code
    assert "hint:  did you mean gateway-ready?" in ran.err


def test_an_unknown_option_is_2(cli: Cli) -> None:
    """So is a value that no option has."""
    assert [2, 2] == [cli("audit", "--nonsense").code, cli("audit", "x", "--fail-on", "panic").code]


# -- nothing to audit ----------------------------------------------------------------------------------------

BILL = (
    b"line_item_usage_account_id,line_item_line_item_type,line_item_product_code,line_item_usage_type,"
    b"line_item_unblended_cost,line_item_usage_start_date,bill_payer_account_id,line_item_iam_principal\n"
    b"123456789012,Usage,AmazonEC2,BoxUsage:t3.micro,0.5,2026-11-01T00:00:00Z,123456789012,\n"
)


def test_a_bill_without_model_usage_is_2_with_the_whole_report(cli: Cli) -> None:
    """Recognised, no call in it: said plainly, and the report is on standard output all the same."""
    ran = cli("audit", "-", "--format", "json", stdin=BILL)

    assert 2 == ran.code
    assert 0 == json.loads(ran.out)["totals"]["calls"]
    assert "nothing to audit: no model call in stdin (cur-2.0)" in ran.err


def test_allow_empty_accepts_an_input_without_calls(cli: Cli) -> None:
    """For a hook that runs on every file."""
    assert 0 == cli("audit", "-", "--allow-empty", stdin=BILL).code


def test_allow_empty_accepts_an_empty_input(cli: Cli) -> None:
    """Said on standard error, with nothing on standard output."""
    ran = cli("audit", "-", "--allow-empty", stdin=b"\n")

    assert (0, b"") == (ran.code, ran.out)
    assert "stdin: the input is empty: allowed by --allow-empty" in ran.err


# -- streams -------------------------------------------------------------------------------------------------


def test_json_on_standard_output_is_nothing_but_json(cli: Cli, gappy: Path) -> None:
    """The summary goes elsewhere."""
    ran = cli("audit", gappy, "--format", "json", "-v")

    assert "1" == json.loads(ran.out)["schema"]


def test_a_piped_report_leaves_one_summary_line(cli: Cli, gappy: Path) -> None:
    """Who redirects standard output still reads how it went."""
    ran = cli("audit", gappy)

    assert 1 == len(ran.err.splitlines())
    assert ran.err.startswith("auditor: gate FAILED: ")
    assert "no call has an owner" in ran.err


def test_verbose_tells_how_each_input_was_read(cli: Cli, gappy: Path) -> None:
    """Format, layer, sizes, rules and time, on standard error."""
    ran = cli("audit", gappy, "-v")

    assert "read as generic-json, layer app: " in ran.err
    assert " rules, ruleset " in ran.err


def test_a_second_v_adds_the_traceback(cli: Cli) -> None:
    """Only who asks for it sees the inside."""
    assert "Traceback" in cli("audit", "-", "-vv", stdin=b"").err


def test_quiet_prints_the_end_only(cli: Cli, gappy: Path) -> None:
    """The counts, the score and the gate."""
    whole, quiet = cli("audit", gappy).text, cli("audit", gappy, "-q").text

    assert whole.endswith(quiet)
    assert len(quiet.splitlines()) <= 4


def test_no_value_is_printed_unless_asked(cli: Cli, tmp_path: Path) -> None:
    """Excerpts are masked; `--show-values` shows them to who asks."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(GAPPY.replace(b'"r-1"', b'"r-1","customer_segment":"globex-secret"'))

    assert "globex-secret" not in cli("audit", path).text
    assert "globex-secret" not in cli("audit", path, "--format", "json").text
