"""What a fingerprint outlives: the order of records, ids, times; what it does not: another scope."""

from __future__ import annotations

import hashlib
import json
import random
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from auditor.audit import Input, audit
from auditor.cli.main import commands
from auditor.gate.baseline import accept, cover
from auditor.report.schema import Report
from tests.diff.test_compare import lines
from tests.support.cli_doc import every_command, variables
from tests.support.draws import draws
from tools.docs import ROOT

SPANS: dict[str, Any] = json.loads((ROOT / "samples" / "support-desk.json").read_text("utf-8"))
IDS = ("traceId", "spanId", "parentSpanId")
TIMES = ("startTimeUnixNano", "endTimeUnixNano")


def report_of(document: Any) -> Report:
    """The audit of an OTLP document."""
    return audit([Input(name="spans.json", data=json.dumps(document).encode())], planned=False)


def exported_again(seed: int) -> dict[str, Any]:
    """The same spans as another run would export them: other order, other ids, other times."""
    draw = random.Random(seed)
    shift = draw.randrange(10**15)
    document: dict[str, Any] = json.loads(json.dumps(SPANS))
    for resource in document["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            draw.shuffle(scope["spans"])
            for span in scope["spans"]:
                for key in IDS:
                    if span.get(key):
                        held = hashlib.sha256(f"{seed}{span[key]}".encode()).hexdigest()
                        span[key] = held[: len(span[key])]
                for key in TIMES:
                    span[key] = str(int(span[key]) + shift)
        draw.shuffle(resource["scopeSpans"])
    draw.shuffle(document["resourceSpans"])
    return document


def test_the_sample_has_something_to_lose() -> None:
    """Several gaps, several spans, several ids: the property below is not empty."""
    assert 5 < len(report_of(SPANS).gaps)
    assert exported_again(1) != SPANS


@given(st.integers(0, 2**32))
@draws(2)
def test_order_ids_and_times_change_no_fingerprint_and_no_verdict_of_the_baseline(seed: int) -> None:
    """Gaps and their shares are the same, so a baseline of yesterday covers the export of today."""
    before, after = report_of(SPANS), report_of(exported_again(seed))
    _, against = cover(after.gaps, accept(before), 0.0, gates=True)

    assert sorted((g.fingerprint, g.share) for g in before.gaps) == sorted(
        (g.fingerprint, g.share) for g in after.gaps
    )
    assert against is not None
    assert (len(after.gaps), 0, 0, 0) == (against.known, against.new, against.grown, against.gone)


def test_another_scope_is_another_fingerprint() -> None:
    """A field that moves, from a header to a process, is news."""
    in_header = audit([Input(name="a.jsonl", data=lines(4, "tenant_id", "headers"))])
    in_process = audit([Input(name="a.jsonl", data=lines(4, "tenant.id", "resource"))])
    prints = [
        {gap.fingerprint for gap in report.gaps if gap.field == "tenant_id"}
        for report in (in_header, in_process)
    ]

    assert all(prints)
    assert prints[0] != prints[1]


def test_every_command_flag_and_variable_is_in_the_documents() -> None:
    """docs/cli.md lists every command, option and environment variable; the README lists every command."""
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    readme = (ROOT / "README.md").read_text("utf-8")
    flags = {
        opt
        for _, command in every_command()
        for param in command.params
        for opt in param.opts
        if opt[0] == "-"
    }
    read = {
        name
        for path in (ROOT / "auditor").rglob("*.py")
        for name in re.findall(r"\bAUDITOR_[A-Z_]*[A-Z]\b", path.read_text("utf-8"))
    }

    assert [] == [name for name, _ in every_command() if f"### {name}\n" not in page]
    assert [] == sorted(flag for flag in flags if flag not in page)
    assert [] == sorted(name for name in {*variables(), *read} if f"`{name}`" not in page)
    assert [] == [name for name in commands.commands if f"\n  {name} " not in readme]
