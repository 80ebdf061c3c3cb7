"""OTLP logs: one call out of the events of a span, application records by their attributes, never a body."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.readers import counts, field, keys, report
from tests.support.otlp import CALL, MODEL, SPAN, TRACE, log, logs, metrics, protobuf, span, traces, value

PRESENT = (1, 0, 0, 0)
USAGE = {k: v for k, v in CALL.items() if k != "gen_ai.system"}
MESSAGE, CHOICE, DETAILS = "gen_ai.user.message", "gen_ai.choice", "gen_ai.client.inference.operation.details"
BOTH = pytest.mark.parametrize(
    "encode", [lambda d: json.dumps(d).encode(), protobuf], ids=["json", "protobuf"]
)


@BOTH
def test_a_choice_with_its_messages_is_one_call(encode: Any) -> None:
    """Message events are context; what they alone say counts for the call of their span."""
    held = logs(
        log("gen_ai.system.message"),
        log(MESSAGE, {"tenant.id": "acme", "user.id": "u-1"}),
        log(CHOICE, {"gen_ai.system": "aws.bedrock", "user.id": "u-2"}),
        log(MESSAGE, spanId="2accad2a7a0da905"),
    )
    found = report(encode(held))

    assert found.inputs[0].format.startswith("otlp-logs-")
    assert (1, 3) == (found.inputs[0].calls, found.inputs[0].context)
    assert PRESENT == counts(found, "tenant_id") == counts(found, "user_id")
    assert (0, 1, 0, 0) == counts(found, "model")
    assert (0, 1, 0, 0) == counts(found, "request_id")


@BOTH
@pytest.mark.parametrize("order", [0, 1])
def test_a_choice_and_the_details_of_one_span_are_one_call(encode: Any, order: int) -> None:
    """In either order: the details bring model and tokens."""
    events = [log(CHOICE, {"tenant.id": "acme"}), log(DETAILS, USAGE)]
    found = report(encode(logs(*events[:: 1 if order else -1])))

    assert (1, 1) == (found.inputs[0].calls, found.inputs[0].context)
    for name in ("tenant_id", "model", "tokens_input", "tokens_output"):
        assert PRESENT == counts(found, name), name


def test_what_comes_later_lands_on_its_own_call() -> None:
    """Details that arrive behind the choice of another call change nothing of that one."""
    first: dict[str, Any]
    second: dict[str, Any]
    first, second = {"spanId": "2accad2a7a0da905"}, {"spanId": SPAN, "traceId": TRACE[::-1]}
    held = logs(
        log(CHOICE, {"tenant.id": "acme"}, **first),
        log(CHOICE, **second),
        log(DETAILS, USAGE | {"tenant.id": "unknown"}, **second),
        log(DETAILS, USAGE | {"tenant.id": "acme"}, **first),
    )
    found = report(json.dumps(held))

    assert (2, 2) == (found.inputs[0].calls, found.inputs[0].context)
    assert {"placeholder": 1} == field(found, "tenant_id").causes
    assert (1, 1, 0, 0) == counts(found, "tenant_id")


def test_choices_of_one_response_are_one_call() -> None:
    """With n = 2 a response has two choices."""
    body = {"body": value({"index": 1, "finish_reason": "stop"})}
    found = report(json.dumps(logs(log(CHOICE), log(CHOICE, **body))))
    assert (1, 1) == (found.inputs[0].calls, found.inputs[0].context)


def test_events_of_one_span_meet_across_lines() -> None:
    """A batch may end between a message and its choice."""
    text = "\n".join(json.dumps(logs(r)) for r in (log(MESSAGE, {"tenant.id": "acme"}), log(CHOICE)))
    assert PRESENT == counts(report(text), "tenant_id")


def test_messages_without_a_choice_are_no_call() -> None:
    """A prompt whose answer is elsewhere is context."""
    found = report(json.dumps(logs(log(MESSAGE, USAGE), log("gen_ai.assistant.message"))))
    assert (0, 2) == (found.inputs[0].calls, found.inputs[0].context)


@pytest.mark.parametrize(
    "record",
    [
        log("", {"event.name": CHOICE, "gen_ai.system": "aws.bedrock"}),
        log("", {"event_name": "gen_ai.content.completion", "index": 0}),
        log(CHOICE, traceId="PQ/YCAsbDwxbTUGcFeCwPg==", spanId="JFVGdX7l3Cs="),
        log(CHOICE, timeUnixNano="0"),
        {k: v for k, v in log(CHOICE).items() if k not in ("traceId", "spanId")},
    ],
    ids=["name in an attribute", "litellm", "base64 ids", "observed time only", "no span"],
)
def test_an_event_is_known_in_every_spelling(record: dict[str, Any]) -> None:
    """Older SDKs name events in an attribute, and an event may stand outside any span."""
    found = report(json.dumps(logs(record)))
    assert ("otlp-logs-json", 1) == (found.inputs[0].format, found.inputs[0].calls)


@BOTH
def test_a_body_never_counts_where_it_was_said_to_a_model(encode: Any) -> None:
    """Neither prompt nor answer names an owner, as text or as a mapping."""
    bodies = [value('{"tenant_id": "acme", "model": "m"}'), value({"tenant_id": "acme", "content": "acme"})]
    found = report(encode(logs(*[log(CHOICE, body=b, spanId=f"{i:016x}") for i, b in enumerate(bodies, 1)])))
    assert (0, 2, 0, 0) == counts(found, "tenant_id")
    assert "acme" not in str(found)


@BOTH
def test_a_record_of_a_coding_agent_is_a_call_by_its_attributes(encode: Any) -> None:
    """Model and tokens make a call; a failed request has none and is one too; a prompt is none."""
    agent = {"model": MODEL, "input_tokens": 12, "output_tokens": 3, "cost_usd": 0.0012, "duration_ms": 912}
    plain = {"traceId": "", "spanId": "", "eventName": "", "body": value("claude_code.api_request")}
    held = logs(
        log("", {"event.name": "api_request", "user.id": "u-1"} | agent, **plain),
        log("", {"event.name": "api_error", "model": MODEL, "status_code": "429"}, **plain),
        log("", {"event.name": "user_prompt", "prompt_length": "40"}, **plain),
    )
    found = report(encode(held))

    assert (2, 1) == (found.inputs[0].calls, found.inputs[0].context)
    assert (1, 0, 0, 1) == counts(found, "tokens_input") == counts(found, "cost_usd")


@BOTH
def test_an_applications_own_body_may_be_a_mapping(encode: Any) -> None:
    """A collector that parsed a log line leaves its keys in the body."""
    body = {"message": "llm call", "model": MODEL, "input_tokens": 12, "tenant_id": "acme", "prompt": "x"}
    found = report(encode(logs(log("", body=value(body)))))
    assert (1, PRESENT) == (found.inputs[0].calls, counts(found, "tenant_id"))
    assert {("body.tenant_id", "request")} == keys(found, "tenant_id")


@BOTH
def test_an_applications_line_is_judged_as_in_any_log(encode: Any) -> None:
    """A model with an outcome is a call, a failed one too; what announces a call or names none is context."""
    said: list[tuple[str, dict[str, Any], int]] = [
        ("bedrock call done", USAGE | {"tenant_id": "acme"}, 9),
        (
            "bedrock call failed",
            {"model_id": MODEL, "tenant_id": "acme", "error_code": "ThrottlingException"},
            13,
        ),
        ("bedrock call failed", {"model_id": MODEL}, 17),
        ("starting call", {"model_id": MODEL, "tenant_id": "acme"}, 9),
        ("order placed", {"tenant_id": "acme"}, 9),
    ]
    found = report(
        encode(
            logs(
                *(
                    log("", held, body=value(text), severityNumber=level, spanId=f"{i:016x}")
                    for i, (text, held, level) in enumerate(said, 1)
                )
            )
        )
    )

    assert (3, 2) == (found.inputs[0].calls, found.inputs[0].context)
    assert 2 == counts(found, "tenant_id")[0]


def test_a_process_is_a_process_here_too() -> None:
    """The region of the resource is not that of the call."""
    found = report(json.dumps(logs(log(CHOICE), resource={"cloud.region": "us-east-1"})))
    assert (0, 0, 1, 0) == counts(found, "region")


def test_a_record_is_pointed_at() -> None:
    """Line and pointer lead to the log record."""
    text = (
        json.dumps(logs(log(MESSAGE), log(CHOICE)))
        + "\n"
        + json.dumps(logs(log(CHOICE, spanId="2accad2a7a0da905")))
    )
    anchors = {(a.line, a.pointer) for g in report(text).gaps for a in g.anchors}
    assert {
        (1, "/resourceLogs/0/scopeLogs/0/logRecords/1"),
        (2, "/resourceLogs/0/scopeLogs/0/logRecords/0"),
    } == anchors


def test_spans_logs_and_metrics_share_a_file() -> None:
    """Each line is read as what it is; the spans name the input."""
    lines = [
        traces(span(CALL | {"tenant.id": "acme"})),
        logs(log(CHOICE, spanId="2accad2a7a0da905")),
        metrics(),
    ]
    found = report("\n".join(json.dumps(d) for d in lines))
    assert ("otlp-json", 2, 3, 0) == (
        found.inputs[0].format, found.inputs[0].calls, found.inputs[0].context, found.inputs[0].skipped_total,
    )  # fmt: skip
    assert (1, 0, 1, 0) == counts(found, "tenant_id")


@BOTH
def test_metrics_hold_no_calls_and_say_what_they_show(encode: Any) -> None:
    """Every point is context; the note names metrics and labels, and what to bring."""
    found = report(encode(metrics()))
    told = found.inputs[0]
    assert told.format.startswith("otlp-metrics-")
    assert (0, 3, 0) == (told.calls, told.context, told.skipped_total)
    assert any("gen_ai.client.token.usage by" in n and "gen_ai.token.type" in n for n in told.notes)
    assert any("which request" in n for n in told.notes)


def test_metrics_of_other_things_say_so() -> None:
    """A scrape of request durations shows nothing of model calls."""
    held = metrics()
    held["resourceMetrics"][0]["scopeMetrics"][0]["metrics"] = [
        {"name": "http.server.duration", "gauge": {"dataPoints": [{"timeUnixNano": "1795225575401504000"}]}}
    ]
    assert any("nothing of model calls" in n for n in report(json.dumps(held)).inputs[0].notes)


@pytest.mark.parametrize(
    "broken",
    ['{"resourceLogs": 5}', '{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"attributes": {}}]}]}]}',
     '{"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"sum": []}]}]}]}', '{"resourceLogs": ['],
)  # fmt: skip
def test_what_has_not_the_shape_is_a_skip(broken: str) -> None:
    """A line of another shape is counted with its line, and its neighbours are read."""
    found = report("\n".join([json.dumps(logs(log(CHOICE))), broken]))
    assert (1, [2]) == (found.inputs[0].calls, [s.line for s in found.inputs[0].skipped])


def test_ids_join_records_but_are_no_request_id() -> None:
    """Trace and span id say where the call belongs, not which request it was."""
    found = report(json.dumps(logs(log(CHOICE, traceId=TRACE, spanId=SPAN))))
    assert PRESENT == counts(found, "trace_id")
    assert {"missing": 1} == field(found, "request_id").causes
