"""Captures in the form of what real emitters write: calls and verdicts, against a truth written by hand.

`tests/corpus/<name>.truth.json` says what each is modelled on, how many calls a person counts in it, and for
each field on how many of these the value is present, absent (not carried included) or mis-scoped. All values
are invented.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.readers import counts, report

CORPUS = Path(__file__).parent.parent / "corpus"
TRUTHS = sorted(CORPUS.glob("*.truth.json"))


@pytest.mark.parametrize("truth", TRUTHS, ids=[t.name.removesuffix(".truth.json") for t in TRUTHS])
def test_a_capture_is_read_as_a_person_reads_it(truth: Path) -> None:
    """The calls and the verdicts of every field that the truth names."""
    slug = truth.name.removesuffix("truth.json")
    capture = next(p for p in CORPUS.iterdir() if p.name.startswith(slug) and p != truth)
    found = report(capture.read_bytes(), capture.name)
    wanted = json.loads(truth.read_text())
    calls = sum(i.calls for i in found.inputs)
    verdicts: dict[str, Any] = {"calls": calls}
    reported = {f.field for f in found.fields}
    for name in wanted["fields"]:
        present, absent, mis_scoped, not_carried = (
            counts(found, name) if name in reported else (0, calls, 0, 0)
        )
        verdicts[name] = {"present": present, "absent": absent + not_carried, "mis_scoped": mis_scoped}
    assert verdicts == {"calls": wanted["calls"]} | wanted["fields"]
