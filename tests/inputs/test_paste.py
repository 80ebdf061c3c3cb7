"""What is put around a paste as a whole is taken off; what only looks like it stays."""

from __future__ import annotations

import json

import pytest

from auditor.audit import Input, audit
from auditor.inputs.paste import clean_paste

CALL = json.dumps({"event": "llm_call", "tenant_id": "acme", "model": "claude-sonnet-4-5", "input_tokens": 3})
LINES = [CALL, CALL, CALL]


@pytest.mark.parametrize(
    "text",
    [
        "\r".join(LINES),
        "\n".join(f"  {n} | {line}" for n, line in enumerate(LINES, 9)),
        "\n".join(f"{n}: {line}" for n, line in enumerate(LINES, 1)),
        "\n".join(f"> {line}" for line in LINES),
        "\n".join(f">> {line}" for line in LINES),
        "\n".join(f"+{line}" for line in LINES),
        "\n".join(LINES).replace('"', "&quot;"),
    ],
    ids=["CR", "gutter", "colon", "mail", "mail twice", "diff", "entities"],
)
def test_what_stands_on_every_line_is_taken_off(text: str) -> None:
    """Three calls are three calls, and the report says what was taken off."""
    report = audit([Input(name="paste", data=text.encode())])

    assert (report.totals.calls, report.inputs[0].skipped_total) == (3, 0)
    assert any("taken off" in note for note in report.notes)


@pytest.mark.parametrize(
    "text",
    [
        "> POST /v1/messages HTTP/1.1\n> Host: llm-gw.example.com\n> x-tenant-id: acme\n",
        "- tenant: acme\n- tenant: globex\n",
        "7: a=1\n9: b=2\n8: c=3\n",
        "1 | 2\n3 | 4\n",
        CALL,
        "",
    ],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    """Requests, lists, numbers that do not count lines: data, not decoration."""
    assert clean_paste(text.encode()) == (text.encode(), "")
