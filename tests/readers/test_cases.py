"""Inputs with what is right: how many calls they hold, and for each field how many of them have it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from auditor.audit import Input, audit
from auditor.policy.model import Policy
from auditor.report.schema import FieldReport

CASES = Path(__file__).parent / "cases"
NAMES = sorted(path.name.removesuffix(".expect.json") for path in CASES.glob("*.expect.json"))


def counts(field: FieldReport) -> dict[str, int]:
    """The verdicts of a field as a case gives them."""
    return {
        "present": field.present,
        "absent": field.absent + field.not_carried,
        "mis_scoped": field.mis_scoped,
    }


@pytest.mark.parametrize("name", NAMES)
def test_calls_and_fields_are_found(name: str) -> None:
    """The calls of a case, and the verdicts of every field that it names."""
    want: dict[str, Any] = json.loads((CASES / f"{name}.expect.json").read_text("utf-8"))
    (path,) = (p for p in CASES.glob(f"{name}.*") if not p.name.endswith(".expect.json"))

    report = audit([Input(name=path.name, path=path)], Policy(profile="all"))

    assert want["calls"] == sum(given.calls for given in report.inputs)
    verdicts = {field.field: counts(field) for field in report.fields}
    none = {"present": 0, "absent": want["calls"], "mis_scoped": 0}
    for field, expected in want["fields"].items():
        name_of = "tokens_input" if field == "tokens" else field
        if not expected.get("ambiguous"):
            assert {k: expected.get(k, 0) for k in none} == verdicts.get(name_of, none), field
