"""What other systems run: the action's steps as shell, the hook, the GitLab template, completions."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from auditor.writers import by_suffix
from tests.conftest import Cli
from tests.diff.test_compare import lines
from tools.docs import ROOT

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
VALUE = re.compile(r"\$\{\{ (inputs|steps\.audit\.outputs)\.([\w-]+) \}\}")
BASH = shutil.which("bash") or "bash"


@dataclass(frozen=True)
class Job:
    """One job of a workflow that uses the action: its folder, and what the steps left behind."""

    root: Path

    @property
    def repository(self) -> Path:
        """Where the workflow has checked out the sample repository."""
        return self.root / "work"

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs of the audit step."""
        text = (self.root / "output").read_text("utf-8")
        return dict(line.split("=", 1) for line in text.splitlines())

    @property
    def summary(self) -> str:
        """The job summary."""
        return (self.root / "summary").read_text("utf-8")

    def step(self, name: str, **inputs: str) -> subprocess.CompletedProcess[str]:
        """Run a step as the runner does: its text given to bash, its `env` filled in beside GitHub's own."""
        one = next(step for step in STEPS if step["name"] == name)
        given = {key: held.get("default", "") for key, held in ACTION["inputs"].items()} | inputs
        known = {"inputs": given, "steps.audit.outputs": self.outputs if name == "Gate" else {}}
        env = {k: VALUE.sub(lambda m: known[m[1]].get(m[2], ""), v) for k, v in one["env"].items()}
        github = {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_WORKSPACE": str(self.repository),
            "GITHUB_OUTPUT": str(self.root / "output"),
            "GITHUB_STEP_SUMMARY": str(self.root / "summary"),
            "RUNNER_TEMP": str(self.root / "temp"),
        } | QUICK
        kept = {k: os.environ[k] for k in ("PATH", "HOME") if k in os.environ}
        return subprocess.run(
            [BASH, "--noprofile", "--norc", "-eo", "pipefail", "-c", one["run"]],
            cwd=self.repository, env=kept | github | env, capture_output=True, text=True, timeout=300,
        )  # fmt: skip


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A sample repository with traces, and this environment where the action would install one."""
    made = Job(tmp_path)
    programs = tmp_path / "temp" / "auditor" / "bin"
    programs.mkdir(parents=True)
    for name, words in (("python", ""), ("auditor", "-m auditor")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        (programs / name).chmod(0o755)
    (made.repository / ".git").mkdir(parents=True)
    (made.repository / "traces").mkdir()
    (made.repository / "traces" / "a.jsonl").write_bytes(lines(4))
    (made.repository / "clean.jsonl").write_bytes(lines(0))
    for name in ("output", "summary"):
        (tmp_path / name).touch()
    return made


@pytest.mark.install
def test_the_action_is_green_on_a_clean_repository(job: Job) -> None:
    """Outputs, summary and reports are there, and the gate lets the job pass."""
    audit = job.step("Audit", paths="clean.jsonl\n")
    gate = job.step("Gate")
    report = json.loads(Path(job.outputs["report"]).read_text("utf-8"))

    assert (0, 0) == (audit.returncode, gate.returncode), audit.stderr + gate.stdout
    assert ("100", "0", "0") == tuple(job.outputs[k] for k in ("score", "gaps", "new"))
    assert 0 == float(job.outputs["unattributed"])
    assert [] == [gap for gap in report["gaps"] if gap["suppressed"] is None]
    assert job.summary.startswith("#")
    assert {"report.html", "report.json", "report.sarif", "report.summary.md"} == {
        path.name for path in Path(job.outputs["folder"]).iterdir()
    }


@pytest.mark.install
def test_the_action_is_red_only_at_its_gate(job: Job) -> None:
    """The audit step annotates and passes, so that reports are uploaded; the last step fails the job."""
    audit = job.step("Audit", paths="traces/\nclean.jsonl", **{"max-unattributed": "2%"})
    gate = job.step("Gate")

    assert (0, 1) == (audit.returncode, gate.returncode), audit.stderr
    assert "::error " in audit.stdout
    assert "::error " in gate.stdout
    assert "max_unattributed" in audit.stderr
    # three records of both files are the same: they were delivered twice
    assert 2 / 7 == float(job.outputs["unattributed"])
    assert 0 < int(job.outputs["gaps"])


@pytest.mark.install
def test_what_could_not_be_audited_fails_the_job_too(job: Job) -> None:
    """Exit code 2 reaches the gate; there is no report to publish, and no output pretends one."""
    audit = job.step("Audit", paths="missing.json")
    gate = job.step("Gate")

    assert (0, 2) == (audit.returncode, gate.returncode)
    assert {"code": "2"} == job.outputs
    assert "missing.json" in audit.stderr


@pytest.mark.install
def test_the_action_counts_what_is_new(job: Job) -> None:
    """With a baseline only new gaps and grown ones fail, and `new` says how many there are."""
    report = job.repository / "yesterday.json"
    auditor = job.root / "temp" / "auditor" / "bin" / "auditor"
    subprocess.run(
        [auditor, "audit", "--exit-zero", "-o", report, "traces/a.jsonl"],
        cwd=job.repository, check=True, capture_output=True,
    )  # fmt: skip
    audit = job.step("Audit", paths="traces/a.jsonl", baseline="yesterday.json", **{"new-only": "true"})

    assert 0 == job.step("Gate").returncode, audit.stdout + audit.stderr
    assert ("0", "0") == (job.outputs["new"], job.outputs["gaps"])


@pytest.mark.install
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("paths", " \n "),
        ("fail-on", "loud"),
        ("fail-on", "error\n::add-mask::x"),
        ("min-score", "101"),
        ("max-unattributed", "much"),
        ("max-drop", "-1"),
        ("new-only", "yes"),
        ("profile", "all --exit-zero"),
    ],
)
def test_a_wrong_input_of_the_action_is_a_clear_error(job: Job, name: str, value: str) -> None:
    """One annotation that names the input; nothing is audited, and the input cannot write a command."""
    ran = job.step("Audit", **({"paths": "clean.jsonl"} | {name: value}))

    assert 2 == ran.returncode
    assert ran.stdout.startswith(f"::error title=Attribution audit::input {name}: ")
    assert 1 == len(ran.stdout.splitlines())
    assert "" == (job.root / "output").read_text()


@pytest.mark.install
@pytest.mark.parametrize("path", ["$(touch pwned)", "`touch pwned`", "a; touch pwned", "--exit-zero", "-o"])
def test_an_input_is_never_part_of_a_command(job: Job, path: str) -> None:
    """A path is a path, whatever it looks like."""
    job.step("Audit", paths=path)

    assert "2" == job.outputs["code"]
    assert not (job.repository / "pwned").exists()


def test_the_action_is_written_as_it_should_be() -> None:
    """No expression stands in a script, other actions are pinned by commit, the gate comes last."""
    scripts = [step["run"] for step in STEPS if "run" in step]
    used = [step["uses"] for step in STEPS if "uses" in step]
    text = (ROOT / "action.yml").read_text("utf-8")

    assert not [run for run in scripts if "${{" in run]
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", use) for use in used)
    assert "Gate" == STEPS[-1]["name"]
    assert {"report", "score", "unattributed", "gaps", "new"} == set(ACTION["outputs"])
    assert set(ACTION["inputs"]) == set(re.findall(r"inputs\.([\w-]+)", text))
    assert all(held["description"] for held in ACTION["inputs"].values())


QUICK = {"PIP_NO_COMPILE": "1"}  # what is run once is compiled as it is imported


def reachable() -> str:
    """Why the package index cannot be used, or nothing."""
    words = [
        sys.executable,
        "-m",
        "pip",
        "index",
        "versions",
        "--timeout",
        "5",
        "--retries",
        "0",
        "hatchling",
    ]
    done = subprocess.run(words, capture_output=True, timeout=60)
    return "the package index cannot be reached" if done.returncode else ""


@pytest.fixture(scope="session")
def index() -> None:
    """Skips where packages cannot be installed."""
    if reason := reachable():
        pytest.skip(reason)


@pytest.mark.install
def test_the_action_installs_itself(job: Job, index: None) -> None:
    """An environment of its own, with the exact versions of the pins, and the command in it."""
    shutil.rmtree(job.root / "temp" / "auditor")
    ran = job.step("Install the auditor", python=sys.executable)
    audit = job.step("Audit", paths="clean.jsonl")

    assert (0, 0) == (ran.returncode, audit.returncode), ran.stderr + audit.stderr
    assert "100" == job.outputs.get("score"), audit.stderr


@pytest.mark.install
def test_pre_commit_runs_the_hook_in_a_repository(tmp_path: Path, index: None) -> None:
    """`pre-commit try-repo` fails on a file with gaps, passes on a clean one and on one that is no trace."""
    hooks = copied(tmp_path / "hooks")
    work = tmp_path / "work"
    work.mkdir()
    git(work, "init", "--quiet")
    (work / "gappy.jsonl").write_bytes(lines(4))
    (work / "clean.jsonl").write_bytes(lines(0))
    (work / "data.json").write_text('{"name": "no trace"}\n')
    git(work, "add", ".")
    env = os.environ | QUICK | {"PRE_COMMIT_HOME": str(tmp_path / "home"), "NO_COLOR": "1"}
    # the hook's environment finds the dependencies of this one; an installation from nothing is another test
    env["PYTHONPATH"] = sysconfig.get_path("purelib")
    words = [sys.executable, "-m", "pre_commit", "try-repo", str(hooks), "auditor", "--files"]
    told = [
        subprocess.run([*words, file], cwd=work, env=env, capture_output=True, text=True, timeout=580)
        for file in ("gappy.jsonl", "clean.jsonl", "data.json")
    ]

    assert [1, 0, 0] == [ran.returncode for ran in told], told
    assert "gappy.jsonl:1:1: error IDN" in told[0].stdout


def copied(to: Path) -> Path:
    """The project as a repository of one commit: what a hook is installed from."""
    kept = ("pyproject.toml", "README.md", "LICENSE", "constraints.txt", ".pre-commit-hooks.yaml")
    to.mkdir()
    for name in kept:
        shutil.copy(ROOT / name, to / name)
    for name in ("auditor", "rules", "templates", "samples"):
        shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
    git(to, "init", "--quiet")
    git(to, "add", ".")
    git(to, "-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "--quiet", "-m", "a copy")
    return to


def git(where: Path, *words: str) -> None:
    """One git command."""
    subprocess.run(["git", *words], cwd=where, check=True, capture_output=True)


def test_the_gitlab_template_names_files_that_the_command_writes() -> None:
    """Every report and path of the job is written by its script, in the format that GitLab expects there."""
    held = yaml.safe_load((ROOT / "ci" / "gitlab.yml").read_text("utf-8"))["attribution-gaps"]
    script = " ".join(held["script"])
    written = re.findall(r"-o (\S+)", script)
    reports = held["artifacts"]["reports"]

    assert {*held["artifacts"]["paths"], *reports.values()} == set(written)
    assert "gitlab" == by_suffix(reports["codequality"]).name
    assert "junit" == by_suffix(reports["junit"]).name
    assert script.rstrip().endswith("-- $AUDITOR_PATHS")


@pytest.mark.install
def test_the_image_takes_standard_input() -> None:
    """`docker run --rm -i IMAGE audit - < FILE`: the entry point is the command, by default it serves."""
    text = (ROOT / "Dockerfile").read_text("utf-8")
    entry, default = (
        json.loads(next(line for line in text.splitlines() if line.startswith(word)).split(" ", 1)[1])
        for word in ("ENTRYPOINT", "CMD")
    )
    ran = subprocess.run(
        [sys.executable, "-m", *entry, "audit", "-"], input=lines(0), cwd=ROOT, capture_output=True
    )

    assert (0, ["auditor"], "serve") == (ran.returncode, entry, default[0]), ran.stderr


@pytest.mark.parametrize(
    ("shell", "holds"), [("bash", "complete -o"), ("zsh", "#compdef"), ("fish", "complete ")]
)
def test_each_shell_gets_a_completion_script(cli: Cli, shell: str, holds: str) -> None:
    """It asks the command itself what fits."""
    ran = cli("completion", shell)

    assert 0 == ran.code
    assert holds in ran.text
    assert "_AUDITOR_COMPLETE" in ran.text


@pytest.mark.parametrize(
    ("words", "fits"),
    [
        ("auditor base", "baseline"),
        ("auditor baseline pr", "prune"),
        ("auditor audit --new", "--new-only"),
        ("auditor audit --as otlp-j", "otlp-json"),
        ("auditor explain IDN00", "IDN009"),
        ("auditor explain tenant", "tenant_id"),
        ("auditor audit --fail-on war", "warning"),
    ],
)
def test_completion_knows_commands_options_rules_and_formats(cli: Cli, words: str, fits: str) -> None:
    """What a shell asks for after the words so far."""
    env = {
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
        "_AUDITOR_COMPLETE": "bash_complete",
    }
    ran = cli(**env)

    assert fits in [line.split(",", 1)[-1] for line in ran.text.splitlines()]
