"""Bifrost's rows: pages and rows, JSON text of a dump, tools, fallbacks, streams without usage."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auditor.catalogue.resources import folder
from tests.readers import counts, keys, report

ROW: dict[str, Any] = json.loads((folder("samples") / "bifrost-logs-good.json").read_text())["logs"][0]


def test_the_gateways_id_is_the_request_id() -> None:
    """Owners stand in the record; the counts are in its usage."""
    found = report(json.dumps(ROW))

    assert found.inputs[0].format == "bifrost-logs"
    assert keys(found, "request_id") == {("id", "gateway_record")}
    assert keys(found, "tokens_input") == {("token_usage.prompt_tokens", "gateway_record")}
    assert counts(found, "workflow_id") == (1, 0, 0, 0)


def test_a_dump_has_json_text_and_columns_of_its_own() -> None:
    """`token_usage` and `metadata` are text there, and the counts are columns too."""
    texts = {key: json.dumps(ROW[key]) for key in ("token_usage", "metadata")}
    row = ROW | texts | {"prompt_tokens": 120, "completion_tokens": 45, "total_tokens": 165}
    found = report(json.dumps(row))

    assert keys(found, "tokens_input") == {("prompt_tokens", "gateway_record")}
    assert counts(found, "tokens_cache_read") == (1, 0, 0, 0)
    assert counts(found, "workflow_id") == (1, 0, 0, 0)


@pytest.mark.parametrize("change", [{"object": "mcp_tool.search"}, {"status": "processing"}])
def test_tools_and_what_is_in_progress_are_no_calls(change: dict[str, str]) -> None:
    """They are context."""
    assert report(f"{json.dumps(ROW)}\n{json.dumps(ROW | change)}\n").totals.calls == 1
