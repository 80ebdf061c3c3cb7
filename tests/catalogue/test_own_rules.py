"""Rules of one's own, and rules that are begun: strictly read, told with file and line, blind beyond data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from auditor.audit import Input, audit
from auditor.catalogue.predicates import check_predicate
from auditor.catalogue.resources import folder
from auditor.catalogue.rules import FAMILIES, load_rules, read_rules
from auditor.cli.checks import run_example
from auditor.cli.schemas import rule_schema
from auditor.errors import RuleError
from auditor.judge.rules import check_columns
from auditor.policy.model import Policy
from tests.conftest import GOOD, Cli
from tools import new_rule

RULE = """\
id: OWN001
name: no-cost-centre
field: cost_center
verdict: absent
cause: missing
level: error
since: "1"
title: Every call has a cost centre
gap: No cost centre
why: We book by it.
when: cost_center IS NULL
fixes: [app-log-fields]
examples:
  - name: with one
    format: generic-json
    input: '{"event": "llm_call", "model": "claude", "input_tokens": 1, "cost_center": "CC-1"}'
  - name: without one
    format: generic-json
    input: '{"event": "llm_call", "model": "claude", "input_tokens": 1}'
    expect: {absent: 1}
"""
Write = Callable[..., Path]


@pytest.fixture
def own(tmp_path: Path) -> Write:
    """Writes the rule of this page into a folder, with some of its text replaced; the folder."""

    def write(*changes: tuple[str, str], name: str = "own001.yaml") -> Path:
        text = RULE
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "own" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return tmp_path / "own"

    return write


def refused(root: Path) -> RuleError:
    """The error with which a folder of rules is refused, when it is read or when it is first used."""
    with pytest.raises(RuleError) as caught:
        audit([Input(name="input", data=GOOD)], Policy(profile="all"), rules_dir=root)
    return caught.value


# -- read ----------------------------------------------------------------------------------------------------


def test_a_rule_of_ones_own_speaks_beside_the_shipped_ones(own: Write) -> None:
    """Its verdict counts, and its fix is told."""
    report = audit([Input(name="input", data=GOOD)], Policy(profile="all"), rules_dir=own())
    gap = next(gap for gap in report.gaps if gap.rule == "OWN001")

    assert ("absent", "missing", 1) == (gap.verdict, gap.cause, gap.calls)
    assert gap.fixes
    assert "OWN001" in report.ruleset.rules


def test_folders_within_the_folder_are_read_and_other_files_are_not(own: Write) -> None:
    """`.yaml` and `.yml`, at any depth; nothing in there is run."""
    root = own(name="deep/er.yml")
    (root / "code.py").write_text("raise SystemExit(3)")
    (root / "README.md").write_text("# mine")

    assert "OWN001" in {rule.id for rule in load_rules(root)}


def test_a_folder_without_a_rule_is_refused(tmp_path: Path) -> None:
    """A misspelt path must not pass for rules that found nothing."""
    assert "no such folder" in refused(tmp_path / "nowhere").message
    assert "no rule in this folder" in refused(tmp_path).message


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("why: We", "wy: We", ":10: wy: there is no such key"),
        ("level: error", "level: loud", ":6: level: Input should be 'error', 'warning' or 'note'"),
        ("level: error", "level: error\nlevel: note", ":7: level: the key stands there twice"),
        ("field: cost_center", "field: cost_centre", ":3: field: there is no field 'cost_centre'"),
        ("cause: missing", "cause: constant", ":5: cause: constant is no cause of absent"),
        ("id: OWN001", "id: own-1", ":1: id: String should match pattern"),
        ("fixes: [app-log-fields]", "fixes: [magic]", ":12: fixes.0: there is no recipe 'magic'"),
        ("fixes: [app-log-fields]", "needs: [IDN999]", ":12: needs.0: there is no rule 'IDN999'"),
        ("expect: {absent: 1}", "expect: {gone: 1}", ":20: examples.1.expect.gone"),
        ("  - name: without one", "  - nam: without one", ":17: examples.1.name: Field required"),
        ("  - name: without one", "  - nam: without one", ":17: examples.1.nam: there is no such key"),
        ("id: OWN001", "id: IDN001", ":1: id: IDN001 exists already"),
        ("why: We", "why: [We", ":11: not YAML"),
        ("why: We book", "why: !!python/object:os.system We book", ":10: not YAML"),
        ("when: cost_center IS NULL", "when: cost_center IS NULL AND", ":11: when: not SQL"),
        ("when: cost_center IS", "when: cost_centre IS", ":11: when: there is no column 'cost_centre'"),
        ("when: cost_center IS NULL", "when: model > 3", ":11: when: model > 3: "),
        ("when: cost_center IS NULL", "when: model = threshold_x", ":1: thresholds: each stands in `when`"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_rule_is_told_with_file_and_line(
    own: Write, old: str, new: str, told: str
) -> None:
    """The key and what is wrong with it."""
    root = own((old, new))

    assert f"{root / 'own001.yaml'}{told}" in refused(root).message


def test_a_file_that_is_no_rule_is_refused(own: Write, tmp_path: Path) -> None:
    """A list, a text, an empty file, bytes."""
    root = own()
    for held in (b"[1]", b"words", b"", b"\xff\xfe\x00"):
        (root / "own001.yaml").write_bytes(held)
        load_rules.cache_clear()

        assert "own001.yaml" in refused(root).message


def test_the_command_line_tells_it_and_leaves_with_2(cli: Cli, good: Path, own: Write) -> None:
    """Whatever the command is that reads the rules."""
    root = own(("why: We", "wy: We"))

    for words in (("audit", good), ("rules",), ("explain", "OWN001"), ("selftest",)):
        ran = cli(*words, "--rules", root)

        assert 2 == ran.code
        assert "own001.yaml:10: wy: there is no such key" in ran.err


# -- a pattern of several fields -----------------------------------------------------------------------------

PATTERN = """\
verdict: absent
cause: missing
level: error
since: "1"
title: Every call has a {field}
gap: No {field}
why: We book by it.
when: "{field} IS NULL"
fields:
  cost_center:
    id: OWN001
    name: no-cost-centre
  environment:
    id: OWN002
    name: no-environment
    level: note
    why: "Tests are not {field} of anyone."
  team_id: {id: OWN002}
fixes: [app-log-fields]
examples:
  - name: with all
    format: generic-json
    input: '{"event": "llm_call", "model": "c", "cost_center": "C-1", "environment": "e", "team_id": "a"}'
  - name: without a cost centre
    for: OWN001
    format: generic-json
    input: '{"event": "llm_call", "model": "claude", "input_tokens": 1}'
    expect: {absent: 1}
  - name: without an environment
    for: [OWN002]
    format: generic-json
    input: '{"event": "llm_call", "model": "claude", "input_tokens": 1, "team_id": "a"}'
    expect: {absent: 1}
"""


def patterned(root: Path, *changes: tuple[str, str]) -> Path:
    """A folder with the pattern of this page, with some of its text replaced."""
    text = PATTERN
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (root / "own.yaml").write_text(text)
    return root


def test_a_file_of_several_fields_holds_a_rule_for_each_id(tmp_path: Path) -> None:
    """Its keys hold for all of them, those of a field go before them, and fields of one id are one rule."""
    rules = {rule.id: rule for rule in load_rules(patterned(tmp_path))}
    one, two = rules["OWN001"], rules["OWN002"]

    assert (("cost_center",), ("environment", "team_id")) == (one.field, two.field)
    assert ("no-cost-centre", "no-environment") == (one.name, two.name)
    assert ("error", "note") == (one.level, two.level)
    assert ("cost_center IS NULL", "{field} IS NULL") == (one.when, two.when)
    assert ("No cost centre", "No {field}") == (one.gap, two.gap)
    assert ("We book by it.", "Tests are not {field} of anyone.") == (one.why, two.why)
    assert ["with all", "without a cost centre"] == [example.name for example in one.examples]
    assert ["with all", "without an environment"] == [example.name for example in two.examples]


def test_the_examples_of_a_pattern_are_run_for_each_rule(cli: Cli, tmp_path: Path) -> None:
    """One without `for` is an example of each of them."""
    ran = cli("selftest", "--rules", patterned(tmp_path))

    assert (0, "selftest: 4 checks of 2 rules: all passed\n") == (ran.code, ran.text)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("why: We", "wy: We", ":7: wy: there is no such key"),
        ("    level: note", "    level: loud", ":16: level: Input should be 'error', 'warning' or 'note'"),
        ("level: error", "level: loud", ":3: level: Input should be 'error', 'warning' or 'note'"),
        ("  team_id: {id", "  tem_id: {id", ":18: fields.tem_id: there is no field 'tem_id'"),
        (
            "team_id: {id: OWN002}",
            "team_id: {id: OWN002, level: note}",
            ":18: fields.team_id: OWN002 has its keys at",
        ),
        (
            "team_id: {id: OWN002}",
            "team_id: OWN002",
            ":18: fields.team_id: it is a mapping with the `id` of a rule",
        ),
        (
            "    level: note",
            "    cause: empty",
            ":16: fields.environment.cause: it is the same for all fields",
        ),
        ("cause: missing", "cause: missing\nid: OWN001", ":3: id: beside `fields` it is a key of each field"),
        ("for: OWN001", "for: OWN003", ":25: examples.1.for: there is no rule 'OWN003' in this file"),
        ("for: [OWN002]", "for: [OWN002]\n    nam: x", ":31: examples.1.nam: there is no such key"),
        ("fixes: [app-log-fields]", "fixes: [magic]", ":19: fixes.0: there is no recipe 'magic'"),
        ("OWN001", "IDN001", ":11: id: IDN001 exists already"),
        ("{field} IS NULL", "{field} IS NULL AND", ":8: when: not SQL"),
        ("{field} IS NULL", "x_{field} IS NULL", ":8: when: there is no column"),
    ],
)
def test_what_is_wrong_with_a_pattern_is_told_with_file_and_line(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    """The line is that of the key in the file, whichever rule has it."""
    root = patterned(tmp_path, (old, new))

    assert f"{root / 'own.yaml'}{told}" in refused(root).message


def test_a_pattern_without_fields_is_refused(tmp_path: Path) -> None:
    """An empty list, no mapping, no field at all."""
    head, tail = PATTERN.split("fields:\n")
    for held in ("[]", "{}", "x"):
        (tmp_path / "own.yaml").write_text(f"{head}fields: {held}\nfixes:{tail.split('fixes:')[1]}")
        load_rules.cache_clear()

        assert "own.yaml:9: fields: it is a mapping of fields" in refused(tmp_path).message


@pytest.mark.parametrize(
    "change",
    [
        {"id": "OWN001"},
        {"field": "agent"},
        {"fields": {}},
        {"fields": {"agent": {}}},
        {"fields": {"agnt": {"id": "OWN001"}}},
        {"fields": {"agent": {"id": "OWN001", "cause": "empty"}}},
    ],
)
def test_the_schema_knows_patterns(change: dict[str, Any]) -> None:
    """A file has one field or a table of them, and a field has no key that all share."""
    held = yaml.safe_load(PATTERN)

    assert jsonschema.Draft202012Validator(rule_schema()).is_valid(held)
    assert not jsonschema.Draft202012Validator(rule_schema()).is_valid(held | change)


def test_no_id_of_the_pack_is_given_twice() -> None:
    """Two files, or two patterns, never hold rules of one id or of one name."""
    files = [path for path in folder("rules").glob("*/*.yaml") if path.parent.name != "fixes"]
    rules = [rule for path in files for rule in read_rules(path)]

    assert len(rules) == len({rule.id for rule in rules}) == len({rule.name for rule in rules})


# -- the predicate sees nothing but the table ----------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "model = 'a'; DROP TABLE x",
        "EXISTS (SELECT 1)",
        "model IN (SELECT model FROM self)",
        "model = (SELECT MAX(model) FROM self)",
        "model = 'a' UNION SELECT 1",
        "SELECT 1",
        "NOW() > started_at",
        "CURRENT_DATE > started_at",
        "RANDOM() > 0.5",
        "read_csv('/etc/passwd') = 1",
        "pg_read_file('/etc/passwd') = 'x'",
        "other.model = 'a'",
        "COLUMNS('.*') IS NULL",
        "COUNT(*) > 1",
        "SUM(weight) > 1",
        "SUM(weight) OVER () > 1",
        "SUM(weight) OVER (PARTITION BY trace_id) > 1",
        "SUM(weight) OVER (PARTITION BY input, trace_id) > 1",
        "COUNT(model) OVER (PARTITION BY input ORDER BY RANDOM()) > 1",
        "model::int = 1",
        "$1 = 2",
        "@x = 1",
        "",
    ],
)
def test_a_predicate_reaches_for_nothing_else(sql: str) -> None:
    """No clock, no chance, no file, no sub-query, no second table, no window over everything."""
    with pytest.raises(ValueError, match=r"^when: "):
        check_predicate(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "model IS NULL AND tokens_input > 0",
        "REGEXP_LIKE(model, '^claude') OR model LIKE 'gpt-%'",
        "CASE WHEN stream THEN tokens_output ELSE 0 END = 0",
        "COALESCE(cost_usd, 0) < tokens_input * 3",
        "SUM(weight) OVER (PARTITION BY input) > 10",
        "COUNT(DISTINCT tenant_id) OVER (PARTITION BY input, logical_call) > 1",
    ],
)
def test_a_plain_predicate_is_taken(own: Write, sql: str) -> None:
    """What a platform or finance person would write."""
    root = own(("when: cost_center IS NULL", f"when: {json.dumps(sql)}"))

    assert (
        "OWN001"
        in audit([Input(name="input", data=GOOD)], Policy(profile="all"), rules_dir=root).ruleset.rules
    )


def test_every_column_of_the_shipped_rules_is_known() -> None:
    """What the pack may read, a rule of one's own may read."""
    check_columns(load_rules())


def test_a_pattern_takes_time_linear_in_the_value(own: Write) -> None:
    """Look-around is refused with the rule's place; a pattern that backtracks elsewhere does not here."""
    root = own(("when: cost_center IS NULL", "when: \"REGEXP_LIKE(model, '(?=a)b')\""))

    assert "own001.yaml:11: when: " in refused(root).message

    root = own(("when: cost_center IS NULL", "when: \"REGEXP_LIKE(model, '^(a+)+$')\""))
    load_rules.cache_clear()
    call = {"event": "llm_call", "model": "a" * 50_000 + "b", "input_tokens": 1}

    assert audit([Input(name="input", data=json.dumps(call).encode())], rules_dir=root).totals.calls


# -- tried ---------------------------------------------------------------------------------------------------


def test_selftest_runs_the_examples_of_ones_own_rules(cli: Cli, own: Write) -> None:
    """And of those alone; one that comes out otherwise fails."""
    ran = cli("selftest", "--rules", own())

    assert (0, "selftest: 2 checks of 1 rule: all passed\n") == (ran.code, ran.text)

    load_rules.cache_clear()
    ran = cli("selftest", "--rules", own(("{absent: 1}", "{absent: 2}")))

    assert 1 == ran.code
    assert "FAIL  OWN001 without one: expected absent 2; got absent 1" in ran.text


def test_the_schema_takes_every_shipped_rule() -> None:
    """What an editor calls wrong is wrong, and what the pack holds is right."""
    schema = rule_schema()
    checker = jsonschema.Draft202012Validator(schema)
    checker.check_schema(schema)
    paths = [p for p in (folder("rules")).glob("*/*.yaml") if p.parent.name != "fixes"]

    assert paths
    assert {} == {
        p.name: e.message for p in paths for e in checker.iter_errors(yaml.safe_load(p.read_text()))
    }


@pytest.mark.parametrize(
    "change",
    [
        {"wy": "x"},
        {"level": "loud"},
        {"field": "cost_centre"},
        {"id": "x1"},
        {"examples": []},
        {"fixes": ["x"]},
    ],
)
def test_the_schema_refuses_what_the_model_refuses(change: dict[str, Any]) -> None:
    """Before the file is even saved."""
    held = yaml.safe_load(RULE)

    assert jsonschema.Draft202012Validator(rule_schema()).is_valid(held)
    assert not jsonschema.Draft202012Validator(rule_schema()).is_valid(held | change)


@pytest.mark.parametrize("family", list(FAMILIES))
def test_a_rule_that_is_begun_passes_the_tests_of_the_pack(tmp_path: Path, family: str) -> None:
    """It is read, has a clean and a gap example that come out right, and fits the schema."""
    path = new_rule.start(tmp_path, family, "a-new-defect", "0.1")
    path = path.rename(path.with_name(path.name.replace("001", "901")))
    path.write_text(path.read_text().replace(f"{family}001", f"{family}901"))
    rule = next(r for r in load_rules(tmp_path) if r.id == f"{family}901")
    results = [run_example(rule, example, tmp_path) for example in rule.examples]

    assert [True, True] == [result.passed for result in results], results
    assert {True, False} == {any(example.expect.values()) for example in rule.examples}
    assert jsonschema.Draft202012Validator(rule_schema()).is_valid(yaml.safe_load(path.read_text()))


def test_a_rule_is_begun_under_the_next_free_number(tmp_path: Path) -> None:
    """Nothing is overwritten, and no number is used twice."""
    paths = [new_rule.start(tmp_path, "TAG", name, "0.1").name for name in ("one", "two")]

    assert ["tag001-one.yaml", "tag002-two.yaml"] == paths


@pytest.mark.parametrize(
    "words", [("IDN", ""), ("XYZ", "a-defect"), ("IDN", "A Defect"), ("IDN", "tenant-missing")]
)
def test_a_rule_that_cannot_be_begun_is_told(words: tuple[str, str]) -> None:
    """A family that is none, a name that is none, a name that is taken: 2, and no file."""
    before = sorted(folder("rules").rglob("*.yaml"))
    done = subprocess.run(
        [sys.executable, "-m", "tools.new_rule", *words],
        cwd=folder("rules").parent,
        env={k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (2, True) == (done.returncode, bool(done.stderr))
    assert before == sorted(folder("rules").rglob("*.yaml"))
