"""The policy file: found, and checked with file and line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from auditor.catalogue.key_lines import toml_lines
from auditor.errors import PolicyError
from auditor.policy.files import find_policy, load_policy
from auditor.policy.settings import effective_policy
from auditor.policy.switches import Switches
from tests.conftest import GAPPY, Cli, Put


def test_the_nearest_policy_holds_and_no_other_is_merged(put: Put) -> None:
    """A file of an inner folder hides that of the outer one, whole."""
    put("auditor.toml", 'fail_on = "note"\n')
    inner = put("team/auditor.toml", 'profile = "all"\n')

    assert inner == find_policy(inner.parent / "nowhere")
    assert ("all", "error") == (load_policy(inner).policy.profile, load_policy(inner).policy.fail_on)


def test_of_two_files_in_a_folder_auditor_toml_holds(put: Put) -> None:
    """A table in pyproject.toml speaks where no file of our own does."""
    project = put("pyproject.toml", '[tool.auditor]\nprofile = "all"\n')

    assert project == find_policy(project.parent)

    own = put("auditor.toml", "")

    assert own == find_policy(project.parent)


def test_a_project_without_our_table_is_passed_by(put: Put) -> None:
    """So is one that is no TOML and does not name us; one that names us is an error with its line."""
    outer = put("auditor.toml", "")
    put("a/pyproject.toml", '[project]\nname = "x"\n')
    put("b/pyproject.toml", "[project\n")
    broken = put("c/pyproject.toml", "[tool.auditor]\nprofile = \n")

    assert [outer, outer, broken] == [find_policy(outer.parent / name) for name in "abc"]
    with pytest.raises(PolicyError, match=r"pyproject\.toml:2: not TOML: Invalid value"):
        load_policy(broken)


def test_the_search_ends_where_the_repository_does(put: Put) -> None:
    """A file above the repository belongs to somebody else."""
    put("auditor.toml", "")
    inner = put("repository/.git/HEAD", "").parent.parent

    assert find_policy(inner) is None


def test_an_audit_obeys_the_policy_it_finds(cli: Cli, put: Put) -> None:
    """The file is found from the folder where the command runs; `-v` says which it was."""
    path = put("auditor.toml", 'fail_on = "none"\n')
    put("gappy.jsonl", GAPPY.decode())
    ran = cli("audit", "gappy.jsonl", "-v")

    assert (0, True) == (ran.code, f"policy: {path}" in ran.err)
    assert 1 == cli("audit", "gappy.jsonl", "--no-config").code


def test_a_policy_that_is_named_is_not_looked_for(cli: Cli, put: Put) -> None:
    """`--policy` wins over what lies around, and contradicts `--no-config`."""
    put("auditor.toml", 'profil = "all"\n')
    named = put("other.toml", 'fail_on = "none"\n')
    put("gappy.jsonl", GAPPY.decode())

    assert 0 == cli("audit", "gappy.jsonl", "--policy", named).code
    assert 2 == cli("audit", "gappy.jsonl", "--policy", named, "--no-config").code
    assert 2 == cli("audit", "gappy.jsonl").code


def test_a_project_that_is_named_must_have_our_table(put: Put) -> None:
    """Nobody is left with the defaults who asked for something else."""
    with pytest.raises(PolicyError, match=r"there is no table \[tool\.auditor\]"):
        load_policy(put("pyproject.toml", "[project]\n"))


# -- checked -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told", "hint"),
    [
        ('\nprofil = "all"\n', ":2: profil: there is no such key", "did you mean profile?"),
        ('profile = "gatway-ready"\n', ":1: profile: there is no profile 'gatway-ready'", "gateway-ready"),
        ('required = [\n  "tenat_id",\n]\n', ":1: required[0]: there is no field 'tenat_id'", "tenant_id"),
        ('[aliases]\ntenant = ["x"]\n', ":2: aliases.tenant: there is no field 'tenant'", "tenant_id"),
        ("[aliases]\ntenant_id = 1\n", ":2: aliases.tenant_id: Input should be a valid list", ""),
        ("[vocabularies]\nteam_id = []\n", ":2: vocabularies.team_id: an empty list", ""),
        ('[vocabularies]\ncost_usd = ["1"]\n', ":2: vocabularies.cost_usd: cost_usd is a number", ""),
        ("[patterns]\nteam_id = '(?=a)b'\n", ":2: patterns.team_id: no pattern: look-around", "look-around"),
        ("[patterns]\nteam_id = '(a)\\1'\n", ":2: patterns.team_id: no pattern: backreferences", ""),
        ("[patterns]\nteam_id = '('\n", ":2: patterns.team_id: no pattern: unclosed group", ""),
        ("[patterns]\nteam_id = '(a{999}){999}'\n", ":2: patterns.team_id: no pattern: it is too large", ""),
        ('[levels]\n\nIDN001 = "loud"\n', ":3: levels.IDN001: Input should be 'error', 'warning'", ""),
        ('[thresholds]\nmax_unattributed = "200%"\n', ":2: thresholds.max_unattributed: Input should", ""),
        ("[thresholds]\nmin_scor = 3\n", ":2: thresholds.min_scor: there is no such key", "min_score"),
        ('[[suppress]]\nrule = "IDN001"\n', ":1: suppress[0].reason: Field required", ""),
        ('[[suppress]]\nrule = "A"\nreason = "x"\nuntill = 1\n', ":4: suppress[0].untill: there", "until"),
        ('fail_on = "panic"\n', ":1: fail_on: Input should be 'error', 'warning'", ""),
        ("profile = \n", ":1: not TOML: Invalid value", ""),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line(put: Put, text: str, told: str, hint: str) -> None:
    """The key, what is wrong with it, and what may be meant."""
    path = put("auditor.toml", text)
    with pytest.raises(PolicyError) as caught:
        load_policy(path)

    assert f"{path}{told}" in caught.value.message
    assert hint in caught.value.hint


def test_everything_that_is_wrong_is_told_at_once(put: Put) -> None:
    """Nobody mends one key to meet the next."""
    with pytest.raises(PolicyError) as caught:
        load_policy(put("auditor.toml", 'profil = "x"\nfail_on = 3\n[levels]\nIDN001 = "x"\n'))

    assert {"1", "2", "4"} == set(re.findall(r"auditor\.toml:(\d)", caught.value.message))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[levels]\nIDN999 = "note"\n', ":2: levels.IDN999: there is no rule 'IDN999'"),
        ("[thresholds.rules.IDN999]\nx = 1\n", ":1: thresholds.rules.IDN999: there is no rule"),
        ('[[suppress]]\nrule = "IDN01"\nreason = "x"\n', ":2: suppress[0].rule: there is no rule"),
    ],
)
def test_a_rule_that_does_not_exist_is_told_with_its_line(put: Put, text: str, told: str) -> None:
    """A misspelt id must not change nothing silently."""
    path = put("auditor.toml", text)
    with pytest.raises(PolicyError) as caught:
        effective_policy(Switches(policy_file=path))

    assert f"{path}{told}" in caught.value.message


def test_a_rule_of_ones_own_may_be_named(put: Put) -> None:
    """The folder of `--rules` counts."""
    put("own/own001.yaml", OWN)
    path = put("auditor.toml", '[levels]\nOWN001 = "note"\n')

    assert "note" == effective_policy(Switches(policy_file=path, rules_dir=Path("own")))[0].levels["OWN001"]


OWN = (
    'id: OWN001\nname: no-cost-centre\nfield: cost_center\nverdict: none\nlevel: error\nsince: "1"\n'
    "title: Every call has a cost centre\ngap: No cost centre\nwhy: We book by it.\n"
    "when: cost_center IS NULL\nexamples: [{name: x, format: generic-json, input: '{}'}]\n"
)


def test_the_lines_of_keys_are_those_of_the_text() -> None:
    """Headers, lists of tables, dotted and quoted keys, values over several lines."""
    lines = toml_lines(
        'a.b = [\n  1, # ]\n]\nc = """\n[no.table]\n"""\n[[t]]\n"x y" = {d = 1}\n[[t]]\n[t.u]\nv = 1\n'
    )

    assert {
        ("a",): 1,
        ("a", "b"): 1,
        ("c",): 4,
        ("t", 0, "x y", "d"): 8,
        ("t", 1): 9,
        ("t", 1, "u", "v"): 11,
    } == {
        path: line
        for path, line in lines.items()
        if path
        in {
            ("a",),
            ("a", "b"),
            ("c",),
            ("t", 0, "x y", "d"),
            ("t", 1),
            ("t", 1, "u", "v"),
            ("no",),
            ("no", "table"),
        }
    }
