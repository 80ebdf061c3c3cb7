"""What is imported when: the command line stays light, and the layers are those of the contract.

`make lint` checks the static contract; here it is the running program.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tools.docs import ROOT

PROBE = """
import json, sys
from auditor.cli.main import main
sys.argv = ["auditor", *sys.argv[1:]]
try:
    main()
except SystemExit:
    pass
print(json.dumps(sorted({m.split(".")[0] for m in sys.modules})), file=sys.stderr)
"""


def imported(*arguments: str) -> set[str]:
    """The top-level packages in memory after a command has run."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    last = done.stderr.strip().splitlines()[-1]
    return set(json.loads(last))


LIGHT = [
    "--version",
    "--help",
    "audit --help",
    "serve --help",
    "diff --help",
    "baseline write --help",
    "explain --help",
]


@pytest.mark.parametrize("arguments", [tuple(words.split()) for words in LIGHT], ids=LIGHT)
def test_help_and_version_import_nothing_heavy(arguments: tuple[str, ...]) -> None:
    """What a shell completion or a curious person runs costs a moment only."""
    heavy = {"litestar", "polars", "pydantic", "numpy", "structlog", "msgspec", "jinja2", "sqlglot"}

    assert set() == imported(*arguments) & heavy


def test_an_audit_never_imports_the_web_framework() -> None:
    """The service and all it needs stay out of the command line."""
    held = imported("audit", "--exit-zero", "samples/support-desk.json")

    assert "polars" in held
    assert set() == held & {"litestar", "uvicorn", "structlog", "prometheus_client", "jinja2"}
