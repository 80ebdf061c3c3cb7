"""Weave's calls: an outer operation repeats the sums of those below it, and is none."""

from __future__ import annotations

import json

from auditor.catalogue.resources import folder
from tests.readers import counts, report

GOOD = (folder("samples") / "weave-calls-good.jsonl").read_text()


def test_the_operation_above_a_call_is_context() -> None:
    """In whatever order they are written; without it the call is the same."""
    lines = GOOD.splitlines()
    for text in (GOOD, "\n".join(reversed(lines)), "\n".join(lines[:1])):
        found = report(text)
        assert found.inputs[0].format == "weave-calls"
        assert found.totals.calls == (3 if len(text) > len(lines[0]) else 1)
        assert counts(found, "cost_usd")[0] == found.totals.calls


def test_several_models_of_one_operation_are_several_calls() -> None:
    """Each model has its own counts and costs."""
    call = json.loads(GOOD.splitlines()[0])
    usage, costs = call["summary"]["usage"], call["summary"]["weave"]["costs"]
    (model,) = usage
    usage["other-1"], costs["other-1"] = usage[model], costs[model]
    found = report(json.dumps(call))

    assert found.totals.calls == 2
    assert counts(found, "model") == (2, 0, 0, 0)


def test_the_user_of_the_tool_is_no_user() -> None:
    """Neither `wb_user_id` nor the project names a customer."""
    call = json.loads(GOOD.splitlines()[0]) | {"attributes": {}}
    found = report(json.dumps(call))

    assert counts(found, "user_id")[0] == counts(found, "tenant_id")[0] == counts(found, "team_id")[0] == 0
