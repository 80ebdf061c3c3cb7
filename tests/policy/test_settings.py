"""The commands `init` and `settings`, and the schema of the policy."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from auditor.catalogue.fields import profiles
from auditor.cli.commands.init import policy_text
from auditor.cli.schemas import policy_schema
from auditor.errors import PolicyError, UsageError
from auditor.policy.files import load_policy
from auditor.policy.model import Policy, Thresholds, parse_policy
from auditor.policy.settings import effective_policy
from auditor.policy.switches import Switches
from tests.conftest import GOOD, Cli, Put


def test_init_writes_a_policy_that_changes_nothing(cli: Cli, put: Put, tmp_path: Path) -> None:
    """All of it is commented but the profile, which is the default."""
    ran = cli("init")
    loaded = load_policy(tmp_path / "auditor.toml")

    assert (0, Policy()) == (ran.code, loaded.policy)
    assert "wrote auditor.toml" in ran.err


def test_every_example_that_init_writes_is_right(put: Put) -> None:
    """Uncommented, the file is a policy that sets every key there is."""
    text = re.sub(r"(?m)^#(?=[\w\[\"'])", "", policy_text("all"))
    path = put("auditor.toml", text)
    policy, _ = effective_policy(Switches(policy_file=path))

    assert set(Policy.model_fields) == policy.model_fields_set
    assert set(Thresholds.model_fields) == policy.thresholds.model_fields_set
    data = json.loads(json.dumps(tomllib.loads(text), default=str))

    assert [] == list(jsonschema.Draft202012Validator(policy_schema()).iter_errors(data))


def test_init_never_overwrites(cli: Cli, put: Put) -> None:
    """A file that is there stays as it is."""
    path = put("auditor.toml", "# mine\n")
    ran = cli("init")

    assert (2, "# mine\n") == (ran.code, path.read_text())
    assert "auditor.toml: there is one already" in ran.err


def test_init_says_what_it_takes_the_place_of(cli: Cli, put: Put) -> None:
    """A table in pyproject.toml no longer speaks once there is a file beside it."""
    path = put("pyproject.toml", "[tool.auditor]\n")

    assert f"it holds from here downward instead of {path}" in cli("init").err


def test_init_takes_a_profile_and_another_file(cli: Cli, put: Put, tmp_path: Path) -> None:
    """An unknown profile writes nothing; a file of another name must be named to hold."""
    assert 2 == cli("init", "--profile", "agntic").code
    assert not (tmp_path / "auditor.toml").exists()
    assert "--policy ci.toml" in cli("init", "-o", "ci.toml", "--profile", "agentic").err
    assert "agentic" == load_policy(tmp_path / "ci.toml").policy.profile


def test_settings_tells_where_each_value_came_from(cli: Cli, put: Put) -> None:
    """Default, file with line, environment, flag."""
    put(
        "auditor.toml",
        '\nprofile = "all"\nfail_on = "note"\n[levels]\nIDN001 = "note"\n[thresholds]\nmin_score = 5\n',
    )
    words = ("settings", "--json", "--max-unattributed", "2%")
    data = json.loads(cli(*words, AUDITOR_FAIL_ON="none").out)
    held = {one["key"]: (one["value"], one["origin"], one["where"]) for one in data}

    assert ("auditor.toml", "found", None) == held["policy"]
    assert ("all", "file", "auditor.toml:2") == held["profile"]
    assert ("none", "environment", "AUDITOR_FAIL_ON") == held["fail_on"]
    assert ("note", "file", "auditor.toml:5") == held["levels.IDN001"]
    assert (5, "file", "auditor.toml:7") == held["thresholds.min_score"]
    assert (0.02, "flag", "--max-unattributed") == held["thresholds.max_unattributed"]
    assert ([], "default", None) == held["required"]
    assert ("terminal", "default", None) == held["format"]


def test_settings_is_a_table_too(cli: Cli, put: Put) -> None:
    """One line a setting, and a policy that is wrong is told as an audit would."""
    put("auditor.toml", 'profile = "all"\n')

    assert re.search(r"^profile +auditor\.toml:1 +all$", cli("settings").text, re.M)

    put("auditor.toml", "profil = 1\n")

    assert 2 == cli("settings").code


def test_the_schema_of_the_policy_takes_what_the_model_takes() -> None:
    """And refuses what an editor can see to be wrong."""
    schema = policy_schema()
    checker = jsonschema.Draft202012Validator(schema)
    checker.check_schema(schema)
    good: list[dict[str, Any]] = [
        {},
        {"$schema": "./policy.schema.json", "profile": "all", "required": ["agent"]},
        {"thresholds": {"max_unattributed": "2%", "rules": {"IDN030": {"tenants": 3}}}},
        {"suppress": [{"rule": "IDN001", "reason": "x", "until": "2027-01-01"}]},
    ]
    bad: list[dict[str, Any]] = [
        {"profil": "all"},
        {"profile": "al"},
        {"required": ["tenat_id"]},
        {"vocabularies": {"cost_usd": ["1"]}},
        {"vocabularies": {"team_id": []}},
        {"levels": {"IDN001": "loud"}},
        {"levels": {"idn1": "note"}},
        {"thresholds": {"max_unattributed": 2}},
        {"suppress": [{"rule": "IDN001"}]},
    ]

    assert [True] * len(good) == [checker.is_valid(policy) for policy in good]
    assert [False] * len(bad) == [checker.is_valid(policy) for policy in bad]
    for policy in good:
        parse_policy(policy)
    for policy in bad:
        if "idn1" in policy.get("levels", {}):
            continue  # that there is such a rule is checked when the rules are known
        with pytest.raises(PolicyError):
            parse_policy(policy)


def test_a_share_is_no_number_above_one() -> None:
    """Two per cent is 0.02; a bare 2 is a mistake."""
    assert 0.02 == parse_policy({"thresholds": {"max_unattributed": "2 %"}}).thresholds.max_unattributed
    with pytest.raises(UsageError, match="--max-unattributed"):
        effective_policy(Switches(no_config=True, max_unattributed="2"))


def test_a_good_call_passes_under_every_profile_flag(cli: Cli, put: Put) -> None:
    """Each profile is accepted by name."""
    put("good.jsonl", GOOD.decode())

    assert {0, 1} >= {cli("audit", "good.jsonl", "--profile", name).code for name in profiles()}
