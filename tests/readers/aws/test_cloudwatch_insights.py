"""Logs Insights results: every export, records inside messages, and what a selection lets be judged."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from tests.readers import counts, field, keys, report
from tests.support.refused import calls_of

ARN = "arn:aws:sts::123456789012:assumed-role/GatewayRole/llm-gw"
MODEL = "anthropic.claude-3-haiku-20240307-v1:0"
TIME = "2026-09-14 10:00:03.000"
ROW = {
    "@timestamp": TIME,
    "identity.arn": ARN,
    "modelId": MODEL,
    "requestMetadata.tenant_id": "acme",
    "input.inputTokenCount": "120",
}
RECORD = {
    "schemaType": "ModelInvocationLog",
    "timestamp": "2026-09-14T10:00:03Z",
    "accountId": "123456789012",
    "identity": {"arn": ARN},
    "region": "us-east-1",
    "requestId": "11111111-2222-4333-8444-555555555555",
    "operation": "Converse",
    "modelId": MODEL,
    "requestMetadata": {"tenant_id": "acme"},
    "input": {"inputTokenCount": 120},
    "output": {"outputTokenCount": 45},
}


def cells(row: dict[str, Any]) -> list[dict[str, Any]]:
    """A row as the API gives it."""
    return [{"field": key, "value": value} for key, value in row.items()]


def document(*rows: dict[str, Any]) -> str:
    """The answer of get-query-results."""
    return json.dumps({"queryLanguage": "CWLI", "results": [cells(r) for r in rows], "status": "Complete"})


def table(*rows: dict[str, Any]) -> str:
    """The console's CSV export."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def markdown(*rows: dict[str, Any]) -> str:
    """The console's Markdown export, which repeats the query."""
    head = "**CloudWatch Logs Insights**\nregion: us-east-1\nlog-group-names: bedrock\nquery-string:\n"
    query = "```\nfields @timestamp, modelId\n| sort @timestamp desc\n| limit 200\n```\n---\n"
    body = [list(rows[0]), ["---"] * len(rows[0]), *[[str(v) for v in r.values()] for r in rows]]
    return head + query + "\n".join("| " + " | ".join(r) + " |" for r in body) + "\n---\n"


EXPORTS = {
    "get-query-results": document(ROW),
    "bare results": json.dumps([cells(ROW)]),
    "JSON": json.dumps([ROW]),
    "CSV": table(ROW),
    "Markdown": markdown(ROW),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_a_row_is_found_in_every_export(name: str) -> None:
    """The selected columns are the record."""
    found = report(EXPORTS[name])

    assert ("cloudwatch-insights", 1) == (found.inputs[0].format, found.totals.calls)
    assert {("requestMetadata.tenant_id", "request_metadata")} == keys(found, "tenant_id")
    assert {("identity.arn", "principal")} == keys(found, "iam_principal")
    assert (1, 0, 0, 0) == counts(found, "model") == counts(found, "tokens_input")


@pytest.mark.parametrize("name", EXPORTS)
@pytest.mark.parametrize("unknown", ["team_id", "tokens_output", "request_id", "region"])
def test_what_was_not_selected_is_unknown(name: str, unknown: str) -> None:
    """It is never absent."""
    assert {"by_sample": 1} == field(report(EXPORTS[name]), unknown).causes


def test_a_selected_field_that_a_row_lacks_is_absent() -> None:
    """The API leaves out a missing field; another row shows that it was selected."""
    other = {k: v for k, v in ROW.items() if k != "requestMetadata.tenant_id"}

    assert (1, 1, 0, 0) == counts(report(document(ROW, other)), "tenant_id")


def test_an_empty_cell_of_a_selected_column_is_absent() -> None:
    """A CSV names the column and leaves the cell empty."""
    assert (1, 1, 0, 0) == counts(report(table(ROW, ROW | {"requestMetadata.tenant_id": ""})), "tenant_id")


@pytest.mark.parametrize("packed", [RECORD, json.dumps(RECORD)])
@pytest.mark.parametrize("export", ["document", "flat", "table"])
def test_a_record_inside_a_message_is_that_record(export: str, packed: Any) -> None:
    """Nothing of it is unknown, whatever else was selected."""
    if export == "table" and not isinstance(packed, str):
        packed = json.dumps(packed)
    row = {"@timestamp": TIME, "@message": packed, "@ptr": "x", "modelId": MODEL}
    text = {"document": document(row), "flat": json.dumps([row]), "table": table(row)}[export]
    found = report(text)

    assert ("cloudwatch-insights", 1) == (found.inputs[0].format, found.totals.calls)
    assert (1, 0, 0, 0) == counts(found, "tokens_output") == counts(found, "request_id")
    assert (0, 1, 0, 0) == counts(found, "team_id")
    assert {"by_format": 1} == field(found, "session_tags").causes


@pytest.mark.parametrize(
    ("message", "calls"),
    [
        ("START RequestId: aaaaaaaa-1111-4222-8333-bbbbbbbbbbbb Version: $LATEST", 0),
        (f"llm_call tenant_id=acme model={MODEL} input_tokens=120 output_tokens=45", 1),
        (json.dumps({"event": "llm_call", "model": MODEL, "input_tokens": 3}), 1),
        ("plainly nothing", 0),
        ('{"cut": "of', 0),
    ],
)
def test_any_message_is_a_call_or_context(message: str, calls: int) -> None:
    """Application lines, platform lines and noise alike."""
    found = report(document({"@timestamp": TIME, "@message": message}, {"@message": json.dumps(RECORD)}))

    assert (calls + 1, 2) == (found.totals.calls, found.inputs[0].records)


def test_columns_of_cloudtrail_are_an_event() -> None:
    """Dotted names are put together again."""
    row = {
        "@timestamp": TIME,
        "eventSource": "bedrock.amazonaws.com",
        "eventName": "InvokeModel",
        "userIdentity.arn": ARN,
        "requestParameters.modelId": MODEL,
    }
    found = report(document(row))

    assert 1 == found.totals.calls
    assert {("requestParameters.modelId", "request")} == keys(found, "model")
    assert {"by_sample": 1} == field(found, "region").causes


def test_keys_of_an_application_are_read_by_their_aliases() -> None:
    """And the id that Logs Insights finds in Lambda's lines is that of an invocation."""
    row = {"@timestamp": TIME, "@requestId": "r-1", "tenant": "acme", "model": MODEL, "input_tokens": "3"}
    found = report(table(row))

    assert ("cloudwatch-insights", 1) == (found.inputs[0].format, found.totals.calls)
    assert (1, 0, 0, 0) == counts(found, "tenant_id")
    assert {"weak_alias": 1} == field(found, "request_id").causes


@pytest.mark.parametrize(
    "row",
    [
        {"modelId": MODEL, "sum(input.inputTokenCount)": "12"},
        {"bin(1h)": TIME, "count(*)": "3", "identity.arn": ARN},
        {"modelId": MODEL, "totalInput": "12", "calls": "3"},
    ],
)
def test_rows_of_statistics_are_context(row: dict[str, Any]) -> None:
    """They stand for many calls, and the report says what to select instead."""
    found = report(document(ROW, row))

    assert (1, 2) == (found.totals.calls, found.inputs[0].records)
    assert any("`stats`" in note for note in found.inputs[0].notes)


def test_a_log_of_another_shipper_is_not_claimed() -> None:
    """Elastic writes @timestamp too."""
    line = {
        "@timestamp": "2026-09-14T10:00:03.000Z",
        "message": "llm call",
        "model": MODEL,
        "input_tokens": 3,
    }

    assert "generic-json" == report(json.dumps(line)).inputs[0].format


@pytest.mark.parametrize(
    "text",
    [
        '{"results": [[{"field": "@message"}]], "status": "Complete"}',
        '{"results": [[{"field": "@message", "value": null}], [], [3]], "status": "Complete"}',
        '[[{"field": "@timestamp", "value": "x"}], 3, {"field": "a", "value": 1}]',
        '[[{"field": "@timestamp", "value": "x"',
    ],
)
def test_odd_results_do_no_harm(text: str) -> None:
    """Each is read or refused with a clear message."""
    assert 0 == calls_of(text)
