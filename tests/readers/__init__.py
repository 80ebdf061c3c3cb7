"""What the tests of the readers share: an audit with every field asked for, and one field of its report."""

from __future__ import annotations

from typing import Any

from auditor.audit import Input, audit
from auditor.policy.model import Policy
from auditor.report.schema import FieldReport, Report


def report(text: str | bytes, name: str = "input", **given: Any) -> Report:
    """The report with every field asked for."""
    data = text.encode() if isinstance(text, str) else text
    return audit([Input(name=name, data=data, **given)], Policy(profile="all"), planned=False)


def field(found: Report, name: str) -> FieldReport:
    """One field of a report."""
    return next(f for f in found.fields if f.field == name)


def counts(found: Report, name: str) -> tuple[int, int, int, int]:
    """(present, absent, mis_scoped, not_carried)."""
    one = field(found, name)
    return one.present, one.absent, one.mis_scoped, one.not_carried


def keys(found: Report, name: str) -> set[tuple[str, str]]:
    """The (key, scope) pairs under which a field was found."""
    return {(f.key, f.scope) for f in field(found, name).found}
