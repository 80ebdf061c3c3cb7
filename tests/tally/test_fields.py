"""The counts of each field, and the formats that a report names."""

from __future__ import annotations

import pytest

from auditor.audit import Input, audit
from auditor.catalogue.samples import samples
from auditor.readers.registry import all_formats
from auditor.report.schema import AskedOf, FieldCounts, FieldReport, Report
from auditor.tally import fields
from auditor.writers import writer


def report_of(name: str) -> Report:
    """The audit of a shipped sample."""
    sample = next(sample for sample in samples() if sample.name == name)
    return audit([Input(name=sample.file, path=sample.path)], planned=False)


@pytest.mark.parametrize("name", ["cloudtrail-gappy", "openrouter-gappy", "xray-gappy"])
def test_another_format_changes_no_report(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is printed depends on the formats of the inputs alone, not on which others are known."""
    whole = report_of(name)
    own = tuple(fmt for fmt in all_formats() if fmt.name == whole.inputs[0].format)
    monkeypatch.setattr(fields, "all_formats", lambda: own)
    alone = report_of(name)

    assert any(field.carried_by for field in whole.fields)
    for output in ("terminal", "markdown", "html", "junit"):
        assert writer(output).write(whole) == writer(output).write(alone)


def test_formats_of_other_layers_are_not_named() -> None:
    """`carried_by` has formats of the layers of the inputs only."""
    report = report_of("openrouter-gappy")
    layers = {fmt.name: fmt.layer for fmt in all_formats()}
    named = {name for field in report.fields for name in field.carried_by}

    assert {"gateway"} == {layers[name] for name in named}


def test_a_fields_counts_over_some_calls_are_those_over_all() -> None:
    """The two have the same figures, and JSON begins with the field's name."""
    assert AskedOf.__struct_fields__ == FieldCounts.__struct_fields__
    assert FieldReport.__struct_fields__[:3] == ("field", "required", "verdict")
    assert set(FieldCounts.__struct_fields__) < set(FieldReport.__struct_fields__)
