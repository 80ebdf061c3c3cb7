"""The command `audit`: exit codes, streams, inputs, files, errors."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from auditor.resources import folder
from tests.conftest import Cli

GOOD = (
    b'{"time":"2026-11-21T10:00:00Z","event":"llm_call","model":"anthropic.claude-sonnet-4-5","input_tokens":100,'
    b'"output_tokens":20,"tenant_id":"acme","team_id":"search","request_id":"r-1"}\n'
)
GAPPY = (
    b'{"time":"2026-11-21T10:00:00Z","event":"llm_call","model":"anthropic.claude-sonnet-4-5","input_tokens":100,'
    b'"output_tokens":20,"request_id":"r-1"}\n'
)
METRICS = b'{"resourceMetrics":[{"resource":{},"scopeMetrics":[{"scope":{},"metrics":[]}]}]}'
SAMPLES = folder("samples")


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A file with one call that lacks nothing."""
    path = tmp_path / "good.jsonl"
    path.write_bytes(GOOD)
    return path


@pytest.fixture
def gappy(tmp_path: Path) -> Path:
    """A file with one call that has no owner."""
    path = tmp_path / "gappy.jsonl"
    path.write_bytes(GAPPY)
    return path


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


# -- inputs --------------------------------------------------------------------------------------------------


def test_without_a_path_standard_input_is_read(cli: Cli) -> None:
    """A pipe needs no dash; the input is called stdin."""
    ran = cli("audit", stdin=GOOD)

    assert 0 == ran.code
    assert ran.text.startswith("stdin ")


def test_standard_input_takes_a_name(cli: Cli) -> None:
    """`--stdin-name` is what the report calls it."""
    assert cli("audit", "-", "--stdin-name", "prod.log", stdin=GOOD).text.startswith("prod.log ")


def test_named_inputs_are_hops_of_their_layer(cli: Cli, good: Path, gappy: Path) -> None:
    """A name that is a layer says which layer wrote the input."""
    ran = cli("audit", f"client={good}", f"gateway={gappy}", "--format", "json")
    inputs = json.loads(ran.out)["inputs"]

    assert [("client", "client"), ("gateway", "gateway")] == [(i["name"], i["layer"]) for i in inputs]


def test_a_path_that_exists_is_no_name(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file called `a=b.jsonl` is read as it is written."""
    (tmp_path / "a=b.jsonl").write_bytes(GOOD)
    monkeypatch.chdir(tmp_path)

    assert cli("audit", "a=b.jsonl").text.startswith("a=b.jsonl ")


def test_two_inputs_of_one_name_are_refused(cli: Cli, good: Path, gappy: Path) -> None:
    """A report that cannot tell them apart is no report."""
    ran = cli("audit", f"app={good}", f"app={gappy}")

    assert 2 == ran.code
    assert "two inputs are called 'app'" in ran.err


def test_a_folder_is_its_files_in_order(cli: Cli, tmp_path: Path) -> None:
    """Sorted by name, hidden files left out, sub-folders included."""
    (tmp_path / "2026").mkdir()
    for name in ("b.jsonl", "a.jsonl", ".hidden.jsonl", "2026/c.jsonl"):
        (tmp_path / name).write_bytes(GOOD)
    ran = cli("audit", tmp_path, "--format", "json")

    assert ["2026/c.jsonl", "a.jsonl", "b.jsonl"] == [
        Path(given["name"]).relative_to(tmp_path).as_posix() for given in json.loads(ran.out)["inputs"]
    ]


def test_a_file_of_a_folder_that_cannot_be_read_is_left_out_aloud(cli: Cli, tmp_path: Path) -> None:
    """A read-me beside the traces does not stop the audit, and does not vanish silently."""
    (tmp_path / "a.jsonl").write_bytes(GOOD)
    (tmp_path / "notes.txt").write_text("bring milk\n")
    ran = cli("audit", tmp_path)

    assert 0 == ran.code
    assert "left out: " in ran.err
    assert "notes.txt" in ran.err


def test_a_folder_without_files_is_2(cli: Cli, tmp_path: Path) -> None:
    """An empty folder is said to be one."""
    ran = cli("audit", tmp_path)

    assert 2 == ran.code
    assert "no file in this folder" in ran.err


def test_a_compressed_file_is_read(cli: Cli, tmp_path: Path) -> None:
    """Gzip is unwrapped."""
    path = tmp_path / "good.jsonl.gz"
    path.write_bytes(gzip.compress(GOOD))

    assert 0 == cli("audit", path).code


def test_a_format_can_be_ordered(cli: Cli, good: Path, gappy: Path) -> None:
    """`--as` overrules recognition, for all inputs or for a named one; an unknown one is refused."""
    forced = cli("audit", f"a={good}", f"b={gappy}", "--as", "b=litellm-spend-logs", "--format", "json")
    unknown = cli("audit", good, "--as", "otlp-jsn")

    assert ["generic-json", "litellm-spend-logs"] == [i["format"] for i in json.loads(forced.out)["inputs"]]
    assert (2, True) == (unknown.code, "did you mean otlp-json" in unknown.err)


def test_a_format_for_an_input_that_is_not_there_is_refused(cli: Cli, good: Path) -> None:
    """A misspelt name must not be ignored."""
    ran = cli("audit", f"app={good}", "--as", "ap=otlp-json")

    assert 2 == ran.code
    assert "--as names no input: ap" in ran.err


# -- options -------------------------------------------------------------------------------------------------


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
    sample = SAMPLES / "otlp-json-gappy.json"

    assert cli("audit", sample, "--format", "json").out == cli("audit", sample, "--format", "json").out
