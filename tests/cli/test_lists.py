"""The commands `explain`, `rules`, `fields`, `formats` and `selftest`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from auditor.catalogue.fields import catalogue
from auditor.catalogue.resources import folder
from auditor.catalogue.rules import load_rules
from auditor.readers.registry import all_formats, unsupported_formats
from tests.conftest import Cli

RULES = [rule.id for rule in load_rules()]


@pytest.mark.parametrize("rule", load_rules(), ids=lambda rule: rule.id)
def test_every_rule_explains_itself(cli: Cli, rule: object) -> None:
    """By its id, in any case, and with everything that its file says."""
    ident = getattr(rule, "id")  # noqa: B009 - the parameter is shown by its id
    text = cli("explain", ident.lower()).text

    assert text.startswith(ident)
    for heading in ("\nwhy\n", "\nlooks at\n", "\nexamples"):
        assert heading in text


def test_a_rule_is_found_by_its_name(cli: Cli) -> None:
    """The name that a gap carries explains as well as the id."""
    rule = load_rules()[0]

    assert cli("explain", rule.id).out == cli("explain", rule.name).out


def test_an_explained_rule_says_all_of_itself(cli: Cli) -> None:
    """Both titles, the predicate, every reference."""
    rule = next(r for r in load_rules() if r.references and "{field}" not in r.title + r.gap)
    text = " ".join(cli("explain", rule.id).text.split())

    for told in (rule.title, rule.gap, rule.references[0].url, rule.level.value, rule.field[0]):
        assert told in text


@pytest.mark.parametrize("name", list(catalogue().fields))
def test_every_field_explains_itself(cli: Cli, name: str) -> None:
    """Definition, names, who carries it."""
    text = cli("explain", name).text

    assert text.startswith(name)
    assert "what it is" in text
    assert "carried by" in text


def test_an_alias_explains_its_field(cli: Cli) -> None:
    """A key as it stands in a trace leads to the field it means; a weak one says that it is weak."""
    assert "X-Tenant-ID is an alias of it" in cli("explain", "X-Tenant-ID").text
    assert "client_id is a weak alias of it" in cli("explain", "client_id").text


@pytest.mark.parametrize("name", [reader.name for reader in (*all_formats(), *unsupported_formats())])
def test_every_format_explains_itself(cli: Cli, name: str) -> None:
    """What it carries and how to get it, or what to bring instead."""
    text = cli("explain", name).text

    assert text.startswith(name)
    assert "how to get a sample" in text or "what to bring instead" in text


@pytest.mark.parametrize(
    ("asked", "near"), [("tenat_id", "tenant_id"), ("otlp-jsn", "otlp-json"), ("idn0001", "idn001")]
)
def test_an_unknown_name_is_2_and_offers_its_neighbours(cli: Cli, asked: str, near: str) -> None:
    """A misspelt name is met with what is near."""
    ran = cli("explain", asked)

    assert 2 == ran.code
    assert near in ran.err


def test_a_name_near_nothing_is_shown_where_names_are_listed(cli: Cli) -> None:
    """The hint names the three lists."""
    assert "`auditor rules`" in cli("explain", "zzzzzzzz").err


@pytest.mark.parametrize("name", [RULES[0], "tenant_id", "otlp-json"])
def test_explain_speaks_json(cli: Cli, name: str) -> None:
    """The same knowledge as data, with its kind."""
    assert json.loads(cli("explain", name, "--json").out)["kind"] in ("rule", "field", "format")


@pytest.mark.parametrize(
    ("command", "known"),
    [("rules", RULES), ("fields", list(catalogue().fields)), ("formats", [r.name for r in all_formats()])],
)
def test_a_list_holds_everything_in_every_form(cli: Cli, command: str, known: list[str]) -> None:
    """The table and the JSON name each rule, field or format."""
    text = cli(command).text
    data = json.loads(cli(command, "--json").out)
    held = {entry.get("id") or entry["name"] for entry in data}

    assert all(name in text for name in known)
    assert set(known) <= held


def test_the_rules_are_a_markdown_table(cli: Cli) -> None:
    """One row a rule, each with the same number of cells."""
    lines = cli("rules", "--markdown").text.splitlines()

    assert len(RULES) + 2 == len(lines)
    assert {lines[0].count("|")} == {line.count("|") for line in lines}


def test_the_selftest_of_a_folder_runs_its_rules_alone(cli: Cli, tmp_path: Path) -> None:
    """The shipped rules' examples run in an installed copy (tests/test_wheel.py), not in every folder's."""
    shipped = next(folder("rules").rglob("idn025-*.yaml")).read_text("utf-8")
    own = re.sub(r"needs: .*", "needs: []", shipped.replace("id: IDN025", "id: OWN001"))
    (tmp_path / "own001-default-user.yaml").write_text(own, "utf-8")

    ran = cli("selftest", "--rules", str(tmp_path))

    assert (0, True) == (ran.code, ran.text.endswith("of 1 rule: all passed\n")), ran.text


def test_without_a_command_the_help_is_shown(cli: Cli) -> None:
    """And nothing was done, so it is 2."""
    ran = cli()

    assert 2 == ran.code
    assert "Commands:" in ran.err
