"""The wheel stands alone: built, installed in an empty environment, and run outside the checkout.

Dependencies are those of the environment that runs the tests; the package itself is not.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tools.docs import ROOT

pytestmark = pytest.mark.install
FOLDERS = """
from auditor.catalogue.resources import folder
print(*map(folder, ("rules", "templates", "samples")), sep="\\n")
"""
PAGE = """
import sys
from litestar.testing import TestClient
from auditor.web.app import create_app
with TestClient(create_app()) as client:
    page = client.get("/", headers={"Accept": "text/html"})
print(page.status_code, "<form" in page.text)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as it would be published."""
    out = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty environment into which only the wheel was installed; its folder of commands."""
    home = tmp_path_factory.mktemp("environment") / "venv"
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(python),
            "install",
            "--quiet",
            "--no-index",
            "--no-deps",
            wheel,
        ],
        check=True,
        timeout=300,
    )
    # the dependencies; a path file of a path file is not followed, so the checkout stays out of sight
    site = next((home / "lib").glob("python*/site-packages"))
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    return home / "bin"


def run(installed: Path, cwd: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """One command of the empty environment, run somewhere else, with nothing of this environment about it."""
    kept = {k: v for k, v in os.environ.items() if k in ("HOME", "LANG", "TMPDIR")}
    return subprocess.run(
        [str(installed / command[0]), *command[1:]],
        cwd=cwd,
        env={**kept, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_the_wheel_holds_rules_templates_and_samples(wheel: Path) -> None:
    """What lies beside the package in the checkout lies inside it in the wheel, and nothing else does."""
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        f"auditor/{path.relative_to(ROOT).as_posix()}"
        for folder in ("rules", "templates", "samples")
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
    }

    assert set() == wanted - held
    assert {"auditor", "attribution_gap_auditor-" + wheel.name.split("-")[1] + ".dist-info"} == {
        name.split("/")[0] for name in held
    }


def test_the_installed_copy_reads_its_own_files(installed: Path, tmp_path: Path) -> None:
    """Rules, templates and samples come from the installed package, not from a checkout."""
    done = run(installed, tmp_path, "python", "-c", FOLDERS)

    assert "" == done.stderr
    assert all(line.startswith(str(installed.parent)) for line in done.stdout.splitlines())
    assert 3 == len(done.stdout.splitlines())


def test_the_installed_command_audits_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    """A copied sample gives the same report as in the checkout."""
    sample = ROOT / "samples" / "support-desk.json"
    (tmp_path / sample.name).write_bytes(sample.read_bytes())
    here = subprocess.run(
        [str(Path(sys.executable).with_name("auditor")), "audit", "--format", "json", sample.name],
        cwd=sample.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    there = run(installed, tmp_path, "auditor", "audit", "--format", "json", sample.name)

    assert (here.returncode, here.stdout) == (there.returncode, there.stdout)
    assert 1 == there.returncode


def test_the_installed_copy_tests_itself(installed: Path, tmp_path: Path) -> None:
    """`auditor selftest` runs every rule's examples and every sample of the copy that is installed."""
    done = run(installed, tmp_path, "auditor", "selftest")

    assert 0 == done.returncode, done.stdout[-2000:] + done.stderr[-2000:]


def test_the_installed_copy_serves_its_page(installed: Path, tmp_path: Path) -> None:
    """Templates and static files are found in the installed package."""
    done = run(installed, tmp_path, "python", "-c", PAGE)

    assert done.stdout.endswith("200 True\n"), done.stderr[-2000:]
