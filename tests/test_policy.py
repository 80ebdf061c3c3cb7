"""The policy: found, checked with file and line, obeyed; and the commands `init` and `settings`."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from auditor import starting
from auditor.errors import PolicyError, UsageError
from auditor.fields import catalogue, profiles
from auditor.keys import toml_lines
from auditor.model import Report
from auditor.policies import find, load
from auditor.rulebook import load_rules
from auditor.run import Input, audit
from auditor.schemas import policy_schema
from auditor.settings import Policy, parse_policy
from auditor.settled import Switches, settle
from tests.conftest import GAPPY, GOOD, Cli

Put = Callable[[str, str], Path]
CALL = {
    "event": "llm_call",
    "model": "anthropic.claude-sonnet-4-5",
    "input_tokens": 100,
    "output_tokens": 20,
    "tenant_id": "acme",
    "request_id": "r-1",
}


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Writes a file below an empty repository, in which the test then stands."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


def audited(policy: dict[str, Any], *calls: dict[str, Any]) -> Report:
    """The audit of some calls under a policy."""
    text = "\n".join(json.dumps({**CALL, **call}) for call in calls)
    return audit([Input(name="input", data=text.encode())], parse_policy(policy))


# -- found ---------------------------------------------------------------------------------------------------


def test_the_nearest_policy_holds_and_no_other_is_merged(put: Put) -> None:
    """A file of an inner folder hides that of the outer one, whole."""
    put("auditor.toml", 'fail_on = "note"\n')
    inner = put("team/auditor.toml", 'profile = "all"\n')

    assert inner == find(inner.parent / "nowhere")
    assert ("all", "error") == (load(inner).policy.profile, load(inner).policy.fail_on)


def test_of_two_files_in_a_folder_auditor_toml_holds(put: Put) -> None:
    """A table in pyproject.toml speaks where no file of our own does."""
    project = put("pyproject.toml", '[tool.auditor]\nprofile = "all"\n')

    assert project == find(project.parent)

    own = put("auditor.toml", "")

    assert own == find(project.parent)


def test_a_project_without_our_table_is_passed_by(put: Put) -> None:
    """So is one that is no TOML and does not name us; one that names us is an error with its line."""
    outer = put("auditor.toml", "")
    put("a/pyproject.toml", '[project]\nname = "x"\n')
    put("b/pyproject.toml", "[project\n")
    broken = put("c/pyproject.toml", "[tool.auditor]\nprofile = \n")

    assert [outer, outer, broken] == [find(outer.parent / name) for name in "abc"]
    with pytest.raises(PolicyError, match=r"pyproject\.toml:2: not TOML: Invalid value"):
        load(broken)


def test_the_search_ends_where_the_repository_does(put: Put) -> None:
    """A file above the repository belongs to somebody else."""
    put("auditor.toml", "")
    inner = put("repository/.git/HEAD", "").parent.parent

    assert find(inner) is None


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
        load(put("pyproject.toml", "[project]\n"))


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
        load(path)

    assert f"{path}{told}" in caught.value.message
    assert hint in caught.value.hint


def test_everything_that_is_wrong_is_told_at_once(put: Put) -> None:
    """Nobody mends one key to meet the next."""
    with pytest.raises(PolicyError) as caught:
        load(put("auditor.toml", 'profil = "x"\nfail_on = 3\n[levels]\nIDN001 = "x"\n'))

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
        settle(Switches(policy_file=path))

    assert f"{path}{told}" in caught.value.message


def test_a_rule_of_ones_own_may_be_named(put: Put) -> None:
    """The folder of `--rules` counts."""
    put("own/own001.yaml", OWN)
    path = put("auditor.toml", '[levels]\nOWN001 = "note"\n')

    assert "note" == settle(Switches(policy_file=path, rules_dir=Path("own")))[0].levels["OWN001"]


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


# -- obeyed --------------------------------------------------------------------------------------------------


def gaps(report: Report) -> dict[tuple[str, str], int]:
    """How many calls each rule of a vocabulary spoke of, by field."""
    return {(g.rule, g.field): g.calls for g in report.gaps if g.rule in ("TAG009", "TAG010", "TAG011")}


def test_a_value_outside_its_vocabulary_is_mis_scoped() -> None:
    """One that is nearly listed is told apart; a listed one is present; without a list none is wrong."""
    calls = [{"team": team} for team in ("growth", "Growth", "billing-bot")]
    report = audited({"required": ["team_id"], "vocabularies": {"team_id": ["growth", "search"]}}, *calls)
    team = next(field for field in report.fields if field.field == "team_id")

    assert {("TAG009", "team_id"): 1, ("TAG010", "team_id"): 1} == gaps(report)
    assert (1, 2, {"malformed": 2}) == (team.present, team.mis_scoped, team.causes)
    assert {} == gaps(audited({"required": ["team_id"]}, *calls))


def test_nearness_has_an_end() -> None:
    """Thousands of values against hundreds of words: all are told, near ones by their letters."""
    words = [f"team-{n:04d}" for n in range(700)]
    calls = [{"team": team} for team in ("TEAM_0001", *(f"zz{n:05d}" for n in range(2_000)))]
    found = gaps(audited({"required": ["team_id"], "vocabularies": {"team_id": words}}, *calls))

    assert {("TAG009", "team_id"): 2_000, ("TAG010", "team_id"): 1} == found


def test_a_pattern_is_for_the_whole_value() -> None:
    """Neither a head nor a tail is left over, whatever the pattern's alternatives are."""
    policy = {"profile": "all", "patterns": {"cost_center": "CC-[0-9]+|none-yet"}}
    values = ("CC-12", "none-yet", "xCC-12", "CC-12x", "none-yet-2")

    assert {("TAG011", "cost_center"): 3} == gaps(audited(policy, *({"cost_center": v} for v in values)))


@pytest.mark.parametrize("name", [f.name for f in catalogue().fields.values() if f.type in ("string", "arn")])
def test_every_field_of_text_can_have_a_vocabulary_and_a_pattern(name: str) -> None:
    """What the policy takes, the rules speak of."""
    held = {r.id: r.field for r in load_rules()}
    policy = parse_policy({"vocabularies": {name: ["x"]}, "patterns": {name: "x"}})

    assert {"x"} == {*policy.vocabularies[name], policy.patterns[name]}
    assert all(name in held[rule] for rule in ("TAG009", "TAG010", "TAG011"))


def test_no_listed_value_and_no_value_of_the_input_is_in_the_report() -> None:
    """The gap says that a value is none of the list, and not which."""
    policy = {"required": ["team_id"], "vocabularies": {"team_id": ["listed-secret"]}}
    report = audited(policy, {"team": "found-secret"})

    assert "secret" not in str(report)


def test_levels_of_the_policy_are_told() -> None:
    """The gap has the level, and a note says that it was changed."""
    report = audited({"levels": {"IDN007": "warning", "IDN002": "warning"}}, {"tenant_id": None})
    levels = {gap.rule: gap.level for gap in report.gaps}

    assert {"IDN002": "warning", "IDN007": "warning"} == levels
    assert report.gate.passed
    assert "The policy makes IDN007 a warning; its own level is error." in report.notes


def test_the_gate_has_bounds_of_its_own() -> None:
    """The score and the share without an owner; each reason is told."""
    bounds = {"min_score": 101 - 1, "max_unattributed": "2%"}
    report = audited({"fail_on": "none", "thresholds": bounds}, {"tenant_id": None}, {})

    assert not report.gate.passed
    assert [f"score {report.score.value} is under 100 (min_score)"] == report.gate.reasons[:1]
    assert "50 % of spend has no owner, more than 0.02 (max_unattributed)" == report.gate.reasons[1]
    assert audited(
        {"fail_on": "none", "thresholds": {"max_unattributed": 0.5}}, {"tenant_id": None}, {}
    ).gate.passed


def test_flags_of_the_gate_win_over_the_policy(cli: Cli, put: Put) -> None:
    """A flag, then the environment, then the file."""
    put("auditor.toml", 'fail_on = "none"\n[thresholds]\nmin_score = 99\n')
    put("gappy.jsonl", GAPPY.decode())

    assert 1 == cli("audit", "gappy.jsonl").code
    assert 0 == cli("audit", "gappy.jsonl", "--min-score", "0").code
    assert 0 == cli("audit", "gappy.jsonl", AUDITOR_MIN_SCORE="0").code
    assert 1 == cli("audit", "gappy.jsonl", "--min-score", "0", "--max-unattributed", "2%").code
    assert 2 == cli("audit", "gappy.jsonl", "--max-unattributed", "many").code


def test_a_threshold_of_a_rule_can_be_set() -> None:
    """The number takes the place of the rule's own, and a note says so."""
    calls = [{"tenant_id": f"t-{n}", "request_id": f"r-{n}"} for n in range(8)]
    tuned = audited({"thresholds": {"rules": {"IDN030": {"tenants": 5}}}}, *calls)

    assert "IDN030" not in {gap.rule for gap in audited({}, *calls).gaps}
    assert "IDN030" in {gap.rule for gap in tuned.gaps}
    assert "The policy sets tenants of IDN030 to 5." in tuned.notes


def test_a_threshold_that_a_rule_does_not_have_is_refused() -> None:
    """The message lists those that it has."""
    with pytest.raises(PolicyError, match=r"IDN030 has no threshold 'tenant' \(it has: tenants\)"):
        audited({"thresholds": {"rules": {"IDN030": {"tenant": 5}}}}, {})


# -- profiles ------------------------------------------------------------------------------------------------


def required(profile: str, *calls: dict[str, Any]) -> set[str]:
    """The fields that a profile asks of some calls."""
    return {f.field for f in audited({"profile": profile}, *calls).fields if f.required}


def test_the_profiles_are_those_of_the_documents() -> None:
    """Six, and the first is the default."""
    names = ["chargeback-min", "gateway-ready", "agentic", "bedrock-cur", "bedrock-logs", "all"]

    assert names == list(profiles())
    assert names[0] == Policy().profile


def test_an_agents_fields_are_asked_for_where_several_calls_share_a_trace() -> None:
    """One call in a trace is no agent at work."""
    apart = [{"trace_id": f"{n:032x}"} for n in (1, 2)]
    together = [{"trace_id": f"{1:032x}"} for _ in range(2)]
    owed = {"tenant_id", "workflow_id", "request_id"}

    assert owed == required("agentic", *apart)
    assert owed | {"session_id", "agent", "retry_count"} == required("agentic", *together)


def test_a_bill_owes_the_owner_in_its_principal_tags() -> None:
    """A tag that says only the environment is no owner."""
    head = (
        "line_item_usage_start_date,line_item_usage_account_id,bill_payer_account_id,line_item_line_item_type,"
        "line_item_product_code,line_item_usage_type,line_item_usage_amount,line_item_unblended_cost,"
        "line_item_iam_principal,pricing_unit,product_region_code,tags\n"
    )
    row = (
        "2026-09-14T01:00:00Z,123456789012,123456789012,Usage,AmazonBedrock,USE1-Claude4.6Sonnet-input-tokens,"
        "23.0,0.069,arn:aws:sts::123456789012:assumed-role/GrowthRole/api,1K tokens,us-east-1,"
    )
    found = {}
    for key in ("team", "env"):
        tags = f'"{{""iamPrincipal/{key}"": ""growth""}}"\n'
        report = audit(
            [Input(name="bill", data=f"{head}{row}{tags}".encode())], Policy(profile="bedrock-cur")
        )
        found[key] = {f.field: f.verdict for f in report.fields if f.required}

    assert ("present", "present") == (found["team"]["principal_tags"], found["team"]["team_id"])
    assert ("present", "absent") == (found["env"]["principal_tags"], found["env"]["team_id"])


def test_a_profile_that_asks_nothing_of_the_records_says_so() -> None:
    """A score of 0 over nothing is no verdict on anybody."""
    report = audited({"profile": "bedrock-cur"}, {})

    assert "The profile bedrock-cur asks nothing of records of the layer app." in report.notes


def test_the_score_leaves_out_what_a_condition_leaves_out() -> None:
    """A call that is alone in its trace loses no point for the session it does not need."""
    call = {"workflow_id": "refunds", "trace_id": f"{1:032x}"}

    assert 100 == audited({"profile": "agentic"}, call).score.value
    assert 100 > audited({"profile": "agentic"}, call, call).score.value


# -- init and settings ---------------------------------------------------------------------------------------


def test_init_writes_a_policy_that_changes_nothing(cli: Cli, put: Put, tmp_path: Path) -> None:
    """All of it is commented but the profile, which is the default."""
    ran = cli("init")
    loaded = load(tmp_path / "auditor.toml")

    assert (0, Policy()) == (ran.code, loaded.policy)
    assert "wrote auditor.toml" in ran.err


def test_every_example_that_init_writes_is_right(put: Put) -> None:
    """Uncommented, the file is a policy that sets every key there is."""
    text = re.sub(r"(?m)^#(?=[\w\[\"'])", "", starting.text("all"))
    path = put("auditor.toml", text)
    policy, _ = settle(Switches(policy_file=path))

    assert set(Policy.model_fields) == policy.model_fields_set
    assert {"min_score", "max_unattributed", "rules"} == policy.thresholds.model_fields_set
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
    assert "agentic" == load(tmp_path / "ci.toml").policy.profile


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
        settle(Switches(no_config=True, max_unattributed="2"))


def test_a_good_call_passes_under_every_profile_flag(cli: Cli, put: Put) -> None:
    """Each profile is accepted by name."""
    put("good.jsonl", GOOD.decode())

    assert {0, 1} >= {cli("audit", "good.jsonl", "--profile", name).code for name in profiles()}
