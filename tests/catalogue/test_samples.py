"""The shipped samples: complete, small, and showing exactly what their index says.

They are the page's buttons, the README's picture and the first thing a new user sees.
"""

from __future__ import annotations

import re
from functools import cache

import pytest

from auditor.audit import Input, audit
from auditor.catalogue.resources import FolderName, folder
from auditor.catalogue.samples import Sample, samples
from auditor.evidence.formats import Format
from auditor.policy.model import Policy
from auditor.readers.registry import all_formats, format_of
from auditor.report.schema import Report
from tools.docs import ROOT

EVERY = pytest.mark.parametrize("sample", samples(), ids=lambda s: s.name)
GOOD = pytest.mark.parametrize("sample", [s for s in samples() if s.kind == "good"], ids=lambda s: s.name)
GAPPY = pytest.mark.parametrize("sample", [s for s in samples() if s.kind == "gappy"], ids=lambda s: s.name)


@cache
def report(name: str) -> Report:
    """The audit of one sample by the default profile."""
    sample = next(s for s in samples() if s.name == name)
    return audit([Input(name=sample.file, path=sample.path)], Policy(), planned=False)


def of(sample: Sample) -> Format:
    """The reader of a sample's format."""
    found = format_of(sample.format)
    assert found is not None
    return found


@pytest.mark.parametrize("name", [r.name for r in all_formats() if not r.aggregate])
def test_every_format_has_a_good_and_a_gappy_sample(name: str) -> None:
    """A format that can be read can be tried, both as it should be and as it is found."""
    kinds = {s.kind for s in samples() if s.format == name}

    assert {"good", "gappy"} == kinds


def test_the_index_lists_every_file_once() -> None:
    """No sample lies around unlisted, and no name is used twice; the scenario has a folder and a page."""
    listed = sorted(s.file for s in samples())
    names = [s.name for s in samples()]

    files = [p for p in folder("samples").iterdir() if p.is_file()]

    assert sorted(p.name for p in files if p.suffix != ".yaml") == listed
    assert len(set(names)) == len(names)


@EVERY
def test_a_sample_is_recognised_without_help(sample: Sample) -> None:
    """Its bytes alone tell its format, and every piece of it is read."""
    told = report(sample.name).inputs[0]

    assert (sample.format, 0) == (told.format, told.skipped_total)


@EVERY
def test_a_sample_is_small_enough_to_read(sample: Sample) -> None:
    """A person can read it through: few calls, few kilobytes."""
    few = (0, 0) if of(sample).aggregate else (3, 12)
    assert few[0] <= report(sample.name).totals.calls <= few[1]
    assert sample.path.stat().st_size < 20_000


@GOOD
def test_a_good_sample_passes_its_gate(sample: Sample) -> None:
    """It has no gap at level error, all of its spend has an owner, and its score says so."""
    told = report(sample.name)

    assert [] == [g.rule for g in told.gaps if g.level == "error"]
    if of(sample).aggregate:
        return  # there is nothing to audit in a sum, whatever it shows
    assert told.gate.passed
    if not any(of(sample).can_carry(name) for name in ("tenant_id", "team_id")):
        return  # whose calls these are stands in another format
    assert (0.0, 0.0) == (told.totals.unattributed_calls, told.totals.unattributed_cost)
    assert told.score.value >= 90


@GAPPY
def test_a_gappy_sample_fails_its_gate(sample: Sample) -> None:
    """It shows several defects, one of them an error; sums without calls reach no gate."""
    told = report(sample.name)

    assert not told.gate.passed or of(sample).aggregate
    assert len({g.rule for g in told.gaps}) >= (1 if of(sample).aggregate else 2)


@EVERY
def test_the_rules_that_speak_are_those_of_the_index(sample: Sample) -> None:
    """The index is neither too long nor too short."""
    assert sorted(sample.rules) == sorted({g.rule for g in report(sample.name).gaps})


@EVERY
def test_a_sample_holds_nothing_real(sample: Sample) -> None:
    """Accounts, mail addresses and hosts are those reserved for examples."""
    text = sample.path.read_text("utf-8", errors="replace")
    accounts = set(re.findall(r"(?<![0-9a-f-])\d{12}(?![0-9a-f-])", text))

    assert accounts <= {"123456789012"}
    assert {m.lower() for m in re.findall(r"[\w.]+@([\w.-]+)", text)} <= {"example.com"}
    hosts = re.findall(r"https?://([\w.-]+)", text)
    assert [h for h in hosts if not h.endswith((".example.com", "example.com", ".amazonaws.com"))] == []


@pytest.mark.parametrize("name", ["rules", "templates", "samples"])
def test_a_checkout_reads_its_own_folders(name: FolderName) -> None:
    """An editable install leaves copies behind, and none of them is ever read."""
    assert ROOT / name == folder(name)
