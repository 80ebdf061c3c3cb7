"""A format whose reader is a preview says so in the report."""

from __future__ import annotations

import pytest

from auditor.audit import Input, audit
from auditor.catalogue.samples import samples
from auditor.readers.registry import format_of

NOTE = "The reader of jaeger is a preview: it is new and may change."


def test_a_preview_is_said_in_the_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads the report knows that the reader is new; a stable one has no note."""
    sample = next(s for s in samples() if s.name == "jaeger-good")
    given = [Input(name=sample.file, path=sample.path)]

    stable = audit(given)
    monkeypatch.setitem(vars(format_of("jaeger")), "stability", "preview")
    preview = audit(given)

    assert NOTE not in stable.inputs[0].notes
    assert NOTE in preview.inputs[0].notes
