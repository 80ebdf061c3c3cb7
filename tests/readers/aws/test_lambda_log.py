"""Lambda logs: Powertools records, platform records and lines, and what an invocation's id is worth."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.readers import counts, field, keys, report

ID = "aaaaaaaa-1111-4222-8333-bbbbbbbbbbbb"
MODEL = "anthropic.claude-3-haiku-20240307-v1:0"
REPORT = (
    f"REPORT RequestId: {ID}\tDuration: 812.34 ms\tBilled Duration: 813 ms\tMemory Size: 512 MB\t"
    "Max Memory Used: 96 MB\tXRAY TraceId: 1-6b00f904-eea0579642620d4b992e318f\tSampled: true"
)


def record(message: Any = "model call", **other: Any) -> str:
    """One line of Powertools' Logger."""
    return json.dumps(
        {
            "level": "INFO",
            "location": "handler:41",
            "message": message,
            "timestamp": "2026-09-14 10:00:03,645+0000",
            "service": "llm-gw",
            "cold_start": True,
            "function_name": "chat",
            "function_arn": "arn:aws:lambda:eu-west-1:123456789012:function:chat",
            "function_request_id": ID,
        }
        | other
    )


CALL = {"model_id": MODEL, "input_tokens": 120, "output_tokens": 45}


def test_appended_keys_stand_on_the_call() -> None:
    """What a handler appended is the request's, under whatever alias."""
    found = report(record(tenant_id="acme", correlation_id="c-1", bedrock_request_id="b-1", **CALL))

    assert ("lambda-log", 1) == (found.inputs[0].format, found.totals.calls)
    assert {("tenant_id", "request")} == keys(found, "tenant_id")
    assert (1, 0, 0, 0) == counts(found, "request_id") == counts(found, "attempt_id")


@pytest.mark.parametrize("packed", [CALL | {"event": "llm_call"}, json.dumps(CALL)])
def test_a_message_that_is_an_object_is_read(packed: Any) -> None:
    """The path says where the value hides."""
    found = report(record(packed, tenant_id="acme"))

    assert 1 == found.totals.calls
    assert {"message.model_id"} == {key for key, _ in keys(found, "model")}
    assert (1, 0, 0, 0) == counts(found, "tokens_input") == counts(found, "tenant_id")


def test_the_id_of_an_invocation_is_a_weak_request_id() -> None:
    """It covers every call of the invocation."""
    assert {"weak_alias": 1} == field(report(record(**CALL)), "request_id").causes


def test_the_region_of_a_function_is_not_that_of_its_calls() -> None:
    """It stands at the process until the record names the call's own."""
    assert {"wider_scope": 1} == field(report(record(**CALL)), "region").causes
    assert (1, 0, 0, 0) == counts(report(record(region="us-east-1", **CALL)), "region")


@pytest.mark.parametrize(
    "line",
    [
        f"START RequestId: {ID} Version: $LATEST",
        f"END RequestId: {ID}",
        REPORT,
        "INIT_START Runtime Version: python:3.12.v36\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime",
        "EXTENSION\tName: agent\tState: Ready\tEvents: [INVOKE, SHUTDOWN]",
        "XRAY TraceId: 1-6b00f904-eea0579642620d4b992e318f\tSegmentId: 52ff11dfb2224ea3\tSampled: true",
        json.dumps({"time": "2026-09-14T10:00:03Z", "type": "platform.report", "record": {"requestId": ID}}),
        record("loading prompt template", model_id=MODEL),
        record("warm up"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_what_surrounds_a_call_is_context(line: str, first: bool) -> None:
    """Platform lines and records without an outcome are counted, and are no calls and no skips."""
    both = [line, record(**CALL)] if first else [record(**CALL), line]
    found = report("\n".join(both) + "\n").inputs[0]

    assert ("lambda-log", 1, 1, 0) == (found.format, found.calls, found.context, found.skipped_total)


@pytest.mark.parametrize(
    "prefix", [f"[INFO]\t2026-09-14T10:00:03.123Z\t{ID}\t", f"2026-09-14T10:00:03.123Z\t{ID}\tINFO\t"]
)
def test_lines_of_text_mode_are_read_behind_their_prefix(prefix: str) -> None:
    """Python and Node put level, time and invocation before what the function said."""
    text = f"{prefix}converse done tenant=acme model={MODEL} input_tokens=3 output_tokens=4"
    found = report(f"START RequestId: {ID} Version: 1\n{text}\nEND RequestId: {ID}\n")

    assert 1 == found.totals.calls
    assert (1, 0, 0, 0) == counts(found, "tenant_id")


def test_a_plain_record_of_another_logger_is_not_claimed() -> None:
    """A request id beside a message is no sign of Lambda."""
    line = {"level": "INFO", "message": "call", "timestamp": "2026-09-14T10:00:03Z", "requestId": ID} | CALL

    assert "generic-json" == report(json.dumps(line)).inputs[0].format
