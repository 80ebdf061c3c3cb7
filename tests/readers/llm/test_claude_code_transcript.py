"""Session transcripts: a message is one call on however many lines it is written."""

from __future__ import annotations

import json
from typing import Any

from auditor.catalogue.resources import folder
from tests.readers import counts, keys, report

GOOD = (folder("samples") / "claude-code-transcript-good.jsonl").read_text()
LINES: list[dict[str, Any]] = [json.loads(line) for line in GOOD.splitlines()]


def text(*records: dict[str, Any]) -> str:
    """Records as JSON lines."""
    return "".join(json.dumps(record) + "\n" for record in records)


def test_lines_of_one_message_are_one_call() -> None:
    """Its usage is that of the line with the most output; a note says that lines repeat it."""
    found = report(GOOD)

    assert (found.inputs[0].format, found.totals.calls) == ("claude-code-transcript", 3)
    assert found.totals.tokens == sum((3, 187, 15210, 880, 5, 55, 16090, 406, 840, 96))
    assert any("repeats the usage" in note for note in found.inputs[0].notes)
    assert keys(found, "attempt_id") == {("requestId", "attempt")}


def test_the_copy_of_a_resumed_session_counts_once() -> None:
    """Whole lines are repeated in a second file."""
    assert report(GOOD + GOOD).totals.calls == 3


def test_equal_message_ids_of_other_requests_are_other_calls() -> None:
    """The message id together with the request id is the identity."""
    first = next(line for line in LINES if line["type"] == "assistant")

    assert report(text(first, first | {"requestId": "req_fake0009"})).totals.calls == 2


def test_the_clients_own_error_text_is_no_call() -> None:
    """`<synthetic>` answers and lines of other types are context."""
    line = LINES[2]
    own = line | {
        "isApiErrorMessage": True,
        "message": line["message"] | {"model": "<synthetic>", "id": "e-1"},
    }
    found = report(text(own, *LINES[1:3]))

    assert (found.inputs[0].records, found.totals.calls) == (3, 1)


def test_nobody_is_named() -> None:
    """The project's folder and branch are no owner; an old version had a cost."""
    found = report(text(LINES[2] | {"costUSD": 0.0123}))

    assert (
        counts(found, "tenant_id")[0] == counts(found, "user_id")[0] == counts(found, "workflow_id")[0] == 0
    )
    assert counts(found, "cost_usd") == (1, 0, 0, 0)
