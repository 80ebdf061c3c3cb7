"""The inputs of `audit`: standard input, names, folders, compressed files, ordered formats."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.conftest import GOOD, Cli


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
