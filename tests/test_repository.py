"""What contributors meet around the code: workflows, hooks, issue forms and decisions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.docs import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml"))  # all but config.yml
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))


def parsed(path: Path) -> Any:
    """A YAML file's content."""
    return yaml.safe_load(path.read_text("utf-8"))


def called(path: Path) -> list[str]:
    """What the jobs and steps of a workflow use from elsewhere."""
    jobs = parsed(path)["jobs"].values()
    steps = [step for job in jobs for step in job.get("steps", ())]
    return [each["uses"] for each in [*jobs, *steps] if "uses" in each]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_pins_actions_by_commit(path: Path) -> None:
    """A tag of somebody else's repository can move; our own workflow is that of the same commit."""
    others = [use for use in called(path) if not use.startswith("./")]

    assert others
    assert [] == [use for use in others if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", use)]
    assert all((ROOT / use).exists() for use in set(called(path)) - set(others))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_gives_each_job_its_own_permissions(path: Path) -> None:
    """None by default, no stored secret, and no expression in a script, where it could become a command."""
    workflow = parsed(path)
    jobs = workflow["jobs"]
    scripts = [step["run"] for job in jobs.values() for step in job.get("steps", ()) if "run" in step]

    assert {} == workflow["permissions"]
    assert [] == [name for name, job in jobs.items() if not job.get("permissions")]
    assert [] == [script for script in scripts if "${{" in script]
    assert "secrets." not in path.read_text("utf-8")


@pytest.mark.skipif(not WORKFLOWS, reason="a source distribution has no workflows")
def test_only_one_job_can_publish_to_each_place() -> None:
    """The job that builds has no token; each place to publish to is one job's."""
    jobs = parsed(ROOT / ".github" / "workflows" / "release.yml")["jobs"]
    writes = {n: {k for k, v in job["permissions"].items() if v == "write"} for n, job in jobs.items()}

    assert {"packages": ["image"], "contents": ["page"]} == {
        what: [name for name, granted in writes.items() if what in granted]
        for what in ("packages", "contents")
    }
    assert set() == writes["version"] | writes["ci"] | writes["build"]
    assert "pypi" == jobs["pypi"]["environment"]


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_an_issue_form_warns_about_confidential_data(path: Path) -> None:
    """It names `auditor redact` first, and a box has to be ticked last."""
    body = parsed(path)["body"]

    assert "`auditor redact FILE`" in body[0]["attributes"]["value"]
    assert body[-1]["attributes"]["options"][0]["required"]


@pytest.mark.parametrize("name", ["false-positive", "missed-defect"])
def test_a_report_about_rules_asks_for_a_whole_example(name: str) -> None:
    """What is filled in can be pasted into a rule file: the ids are keys of an example there."""
    path = ROOT / ".github" / "ISSUE_TEMPLATE" / f"{name}.yml"
    if path not in FORMS:
        pytest.skip("a source distribution has no forms")
    asked = {field["id"] for field in parsed(path)["body"] if "id" in field}
    schema = (ROOT / "docs" / "rule.schema.json").read_text("utf-8")
    example = yaml.safe_load(schema)["$defs"]["Example"]["properties"]

    assert {"format", "input", "policy", "expect"} == asked & set(example)


def test_the_hooks_run_what_lint_runs() -> None:
    """Each command of `make lint` has a hook, from the same environment."""
    path = ROOT / ".pre-commit-config.yaml"
    if not path.exists():
        pytest.skip("a source distribution has no hooks")
    makefile = (ROOT / "Makefile").read_text("utf-8")
    lint = makefile.split("\nlint: ")[1].split("\n\n")[0]
    commands = [re.sub(r" (\.|--check)", "", line) for line in re.findall(r"\$\(BIN\)/(.*)", lint)]
    hooks = [hook["entry"] for repo in parsed(path)["repos"] for hook in repo["hooks"]]

    assert 4 == len(commands)
    assert [] == [word for word in commands if not any(h.startswith(f".venv/bin/{word}") for h in hooks)]


def test_every_decision_is_in_the_index() -> None:
    """Number, title and file agree, and no number is left out."""
    index = (ROOT / "docs" / "decisions" / "README.md").read_text("utf-8")
    titles = [path.read_text("utf-8").splitlines()[0].removeprefix("# ") for path in DECISIONS]
    listed = re.findall(r"^(\d+\.) \[(.*)\]\((.*)\)$", index, re.M)

    assert [(f"{number} {title}", file) for number, title, file in listed] == [
        (title, path.name) for title, path in zip(titles, DECISIONS, strict=True)
    ]
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.name)
def test_a_decision_has_its_reasons_and_its_price(path: Path) -> None:
    """Status, context, decision and consequences, in this order."""
    text = path.read_text("utf-8")

    assert ["Context", "Decision", "Consequences"] == re.findall(r"^## (.*)$", text, re.M)
    assert re.search(r"^Status: (accepted|superseded by \d+)\. Recorded \d{4}-\d\d-\d\d\.$", text, re.M)
