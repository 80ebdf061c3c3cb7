"""Small worlds of two to five inputs, each with what a report of it says, as tests read them."""

from __future__ import annotations

import json
import shlex
from functools import cache
from pathlib import Path
from typing import Any

from auditor.audit import Input, audit
from auditor.policy.model import Policy
from auditor.report.schema import Report

CASES = Path(__file__).parents[1] / "tally" / "hop_cases"
NAMES = sorted(case.parent.name for case in CASES.glob("*/expect.json"))


@cache
def report(name: str) -> Report:
    """The report of a case, with its values and its plan."""
    return audited(name)


def audited(name: str, *, backwards: bool = False) -> Report:
    """A case audited as its `cmd.txt` says, or with its inputs in the opposite order."""
    words = shlex.split((CASES / name / "cmd.txt").read_text("utf-8"))
    given = [Input(name=word.partition("=")[0], path=CASES / name / word.partition("=")[2],
                   alias=word.partition("=")[0]) for word in words if "=" in word]  # fmt: skip
    profile = words[words.index("--profile") + 1] if "--profile" in words else "chargeback-min"
    return audit(given[::-1] if backwards else given, Policy(profile=profile), show_values=True)


def expected(name: str) -> dict[str, Any]:
    """What a report of the case says."""
    document: dict[str, Any] = json.loads((CASES / name / "expect.json").read_text("utf-8"))
    return document
