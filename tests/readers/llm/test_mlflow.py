"""MLflow traces: both versions, pages and tables, values that are JSON text, and what stands on the trace."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from tests.readers import counts, field, keys, report
from tests.support.mlflow import CALL, MODEL, TOP, TRACE, model, span, trace

AWS = "11111111-2222-4333-8444-000000000002"
USAGE = {"input_tokens": 16, "output_tokens": 3, "total_tokens": 19, "cache_read_input_tokens": 4}
ANSWER = {"ResponseMetadata": {"RequestId": AWS, "HTTPStatusCode": 200, "RetryAttempts": 0}}


def read(*spans: dict[str, Any], **more: Any) -> Any:
    """The report on one trace."""
    return report(json.dumps(trace(*spans, **more)))


def test_a_span_of_a_model_is_a_call() -> None:
    """The trace and its other spans are context; times and ids are those of the span."""
    found = read(model(mlflow__chat__tokenUsage=USAGE))

    assert ("mlflow-trace", "app", 1, 2) == (
        found.inputs[0].format,
        found.inputs[0].layer,
        found.inputs[0].calls,
        found.inputs[0].context,
    )
    for name in ("model", "tokens_input", "tokens_output", "latency_ms", "trace_id"):
        assert (1, 0, 0, 0) == counts(found, name), name


@pytest.mark.parametrize(("kind", "calls"), [("LLM", 1), ("EMBEDDING", 1), ("TOOL", 0), ("RETRIEVER", 0)])
def test_the_type_of_a_span_decides(kind: str, calls: int) -> None:
    """Tools and retrievers are context."""
    found = read(model(), span("2f61836ef5caa9e5", TOP, kind))

    assert 1 + calls == found.inputs[0].calls


def test_values_are_decoded_once_more() -> None:
    """Every value is JSON text: quotes are no part of it, and text that is no JSON stays."""
    made = model(tenant_id="acme", tags=["team:growth"], scope={"workflow_id": "triage"})
    made["attributes"]["user_id"] = "u-42"
    made["attributes"]["cost_center"] = '"unknown"'
    found = read(made)

    for name in ("tenant_id", "team_id", "workflow_id", "user_id"):
        assert (1, 0, 0, 0) == counts(found, name), name
    assert {"placeholder": 1} == field(found, "cost_center").causes


def test_cached_tokens_are_taken_out_of_the_input() -> None:
    """MLflow's input tokens hold the cached ones where its own total says so."""
    plain = USAGE | {"input_tokens": 12, "total_tokens": 19}

    assert 16 + 3 == read(model(mlflow__chat__tokenUsage=USAGE)).totals.tokens
    assert 12 + 3 + 4 == read(model(mlflow__chat__tokenUsage=plain)).totals.tokens


@pytest.mark.parametrize(
    ("tags", "about", "name", "key"),
    [
        ({"tenant_id": "acme"}, {}, "tenant_id", "tags.tenant_id"),
        ({"team": "growth"}, {}, "team_id", "tags.team"),
        ({}, {"tenant": "acme"}, "tenant_id", "trace_metadata.tenant"),
        ({}, {"mlflow.trace.user": "u-42"}, "user_id", "mlflow.trace.user"),
        ({"mlflow.traceName": "ticket-triage"}, {}, "workflow_id", "tags.mlflow.traceName"),
    ],
)
def test_what_only_the_trace_says_stands_above_the_call(
    tags: dict[str, str], about: dict[str, str], name: str, key: str
) -> None:
    """Tags and metadata of a trace are on another record than the usage."""
    found = read(tags=tags, about=about)

    assert (0, 0, 1, 0) == counts(found, name)
    assert (key, "parent_span") in keys(found, name)


def test_the_session_of_a_trace_holds_for_its_calls() -> None:
    """A conversation is wider than a trace: nothing is lost."""
    found = read(about={"mlflow.trace.session": "s-7"})

    assert {("trace_metadata.mlflow.trace.session", "session")} == keys(found, "session_id")
    assert (1, 0, 0, 0) == counts(found, "session_id")


def test_the_request_id_of_the_client_stands_on_the_trace() -> None:
    """A trace may hold several calls."""
    assert (0, 0, 1, 0) == counts(read(client_request_id="req-1"), "request_id")


def test_the_account_of_the_process_is_no_user() -> None:
    """`mlflow.user` is who ran the script."""
    assert (0, 1, 0, 0) == counts(read(), "user_id")


def test_a_key_that_says_workflow_is_better_than_a_name() -> None:
    """The name of a trace may be a function's."""
    found = read(tags={"mlflow.traceName": "handle"}, about={"workflow_id": "triage"})

    assert ("trace_metadata.workflow_id", "parent_span") in keys(found, "workflow_id")


def test_the_name_of_a_single_call_is_no_workflow() -> None:
    """A trace that is one call is named after its span."""
    alone = trace(tags={"mlflow.traceName": "BedrockRuntime.converse"})
    alone["data"]["spans"] = [span(CALL, None, "CHAT_MODEL", mlflow__llm__model=MODEL)]

    assert (0, 1, 0, 0) == counts(report(json.dumps(alone)), "workflow_id")


def test_the_aws_sdk_speaks_within_the_outputs() -> None:
    """Autologging keeps the response as it came: its id, its status, its retries."""
    found = read(model(mlflow__spanOutputs=ANSWER))

    assert {("mlflow.spanOutputs.ResponseMetadata.RequestId", "attempt")} == keys(found, "attempt_id")
    assert (1, 0, 0, 0) == counts(found, "request_id")


def test_request_metadata_of_the_caller_is_evidence_and_a_prompt_is_not() -> None:
    """Of what went in only `requestMetadata` and the model count."""
    asked = {"modelId": MODEL, "messages": [{"content": "x"}], "requestMetadata": {"tenant_id": "globex"}}
    spoken = span(CALL, TOP, "LLM", mlflow__spanInputs=asked | {"team_id": "growth", "q": '{"user": "x"}'})
    found = read(spoken)

    assert {("mlflow.spanInputs.requestMetadata.tenant_id", "request_metadata")} == keys(found, "tenant_id")
    assert {("mlflow.spanInputs.modelId", "span")} == keys(found, "model")
    assert (0, 1, 0, 0) == counts(found, "team_id")
    assert (0, 1, 0, 0) == counts(found, "user_id")


def test_the_cost_of_a_call_is_compared_with_its_parts() -> None:
    """`mlflow.llm.cost` has a total and its parts."""
    good = {"input_cost": 0.1, "output_cost": 0.2, "total_cost": 0.3}
    found = read(model(mlflow__llm__cost=good, mlflow__chat__tokenUsage=USAGE))
    bad = read(model(mlflow__llm__cost=good | {"total_cost": 0.9}, mlflow__chat__tokenUsage=USAGE))

    assert (1, 0, 0, 0) == counts(found, "cost_usd")
    assert "USE011" in {g.rule for g in bad.gaps}


def test_sums_of_the_trace_count_only_where_spans_have_none() -> None:
    """A sum beside its parts would be counted twice; alone it cannot be split."""
    sums = {
        "mlflow.trace.tokenUsage": json.dumps(USAGE),
        "mlflow.trace.cost": json.dumps({"input_cost": 0.1, "output_cost": 0.1, "total_cost": 0.2}),
    }
    alone = read(about=sums)
    beside = read(model(mlflow__chat__tokenUsage=USAGE, mlflow__llm__cost={"total_cost": 0.2}), about=sums)

    assert {(0, 0, 1, 0)} == {counts(alone, "tokens_input"), counts(alone, "cost_usd")}
    assert {(1, 0, 0, 0)} == {counts(beside, "tokens_input"), counts(beside, "cost_usd")}


def test_a_failed_span_tells_why() -> None:
    """The status says that it failed, the event of its exception says how."""
    bad = model()
    bad["status"] = {"code": "STATUS_CODE_ERROR"}
    bad["events"] = [{"name": "exception", "attributes": {"exception.type": "ThrottlingException"}}]
    found = read(bad)

    assert (0, 0, 0, 1) == counts(found, "tokens_input")
    assert (1, 0, 0, 0) == counts(found, "error_code")


def test_version_2_is_read_alike() -> None:
    """Ids in hex, metadata under another name, times in nanoseconds without a unit in their name."""
    old: dict[str, Any] = {
        "name": "converse",
        "context": {"span_id": f"0x{CALL}", "trace_id": f"0x{TRACE}"},
        "parent_id": None,
        "start_time": 1795225821140927748,
        "end_time": 1795225822052810748,
        "status_code": "OK",
        "attributes": {"mlflow.spanType": '"LLM"', "tenant_id": '"acme"', "mlflow.llm.model": f'"{MODEL}"'},
        "events": [],
    }
    info = {
        "request_id": f"tr-{TRACE}",
        "experiment_id": "1",
        "timestamp_ms": 1795225821140,
        "execution_time_ms": 912,
        "status": "OK",
        "request_metadata": {"mlflow.trace.session": "s-7"},
        "tags": {"team": "growth"},
    }
    found = report(json.dumps({"info": info, "data": {"spans": [old]}}))

    assert ("mlflow-trace", 1) == (found.inputs[0].format, found.inputs[0].calls)
    for name in ("tenant_id", "session_id", "model", "latency_ms"):
        assert (1, 0, 0, 0) == counts(found, name), name
    assert (0, 0, 1, 0) == counts(found, "team_id")


def table(*rows: dict[str, Any]) -> str:
    """A data frame as CSV: mappings as Python text."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@pytest.mark.parametrize("whole", [True, False])
def test_a_table_of_traces_holds_their_spans(whole: bool) -> None:
    """`search_traces().to_csv()`: the trace as JSON, or its parts as Python text."""
    made = trace(model(tenant_id="acme", mlflow__chat__tokenUsage=USAGE), tags={"team": "growth"})
    row = {
        "trace_id": f"tr-{TRACE}",
        "trace": json.dumps(made) if whole else "Trace(trace_id=…)",
        "client_request_id": "",
        "state": "OK",
        "request_time": 1795225821140,
        "execution_duration": 912,
        "request": "{'q': 'hi'}",
        "response": "done",
        "trace_metadata": str(made["info"]["trace_metadata"]),
        "tags": str(made["info"]["tags"]),
        "spans": str(made["data"]["spans"]),
        "assessments": "[]",
    }
    found = report(table(row, row | {"trace_id": "tr-2"}))
    calls = (
        found.totals.distinct_calls
    )  # the spans of both are equal where the table does not name their trace

    assert ("mlflow-trace", 2, 0) == (
        found.inputs[0].format,
        found.inputs[0].calls,
        found.inputs[0].skipped_total,
    )
    assert (calls, 0, 0, 0) == counts(found, "tenant_id")
    assert (0, 0, calls, 0) == counts(found, "team_id")


def test_traces_without_spans_show_no_calls_and_say_so() -> None:
    """A list of traces is recognised, and its note tells what to bring."""
    page = {"traces": [trace()["info"] | {"request_time": "2026-11-21T07:23:59Z"}]}
    found = report(json.dumps(page))

    assert ("mlflow-trace", 0, 1) == (
        found.inputs[0].format,
        found.inputs[0].calls,
        found.inputs[0].context,
    )
    assert "include_spans" in " ".join(found.inputs[0].notes + found.notes)


@pytest.mark.parametrize("wrapped", ["lines", "array", "page", "trace", "frame"])
def test_every_wrapping_gives_the_same_calls(wrapped: str) -> None:
    """JSON lines, an array, pages of the API, and records of a data frame."""
    one = trace(model(tenant_id="acme"))
    whole = {
        "lines": f"{json.dumps(one)}\n{json.dumps(one)}\n",
        "array": json.dumps([one, one]),
        "page": json.dumps(
            {"traces": [{"trace_info": t["info"], "spans": t["data"]["spans"]} for t in [one] * 2]}
        ),
        "trace": json.dumps([{"trace": one}, {"trace": one}]),
        "frame": json.dumps([{"trace_id": "tr-1", "trace": json.dumps(one), "state": "OK", "tags": {}}] * 2),
    }[wrapped]
    found = report(whole)

    assert ("mlflow-trace", 2) == (found.inputs[0].format, found.inputs[0].calls)
    assert (1, 0, 0, 0) == counts(found, "tenant_id")


@pytest.mark.parametrize("odd", [None, 3, [], "x", {"a": 1}])
def test_odd_types_break_nothing(odd: Any) -> None:
    """Values of any kind where others are expected are read as none."""
    made = trace(model())
    made["data"]["spans"][1]["attributes"] |= {"mlflow.spanType": odd, "mlflow.chat.tokenUsage": odd}
    made["data"]["spans"].append(odd)
    made["info"] |= {"tags": odd, "trace_metadata": odd}

    assert "mlflow-trace" == report(json.dumps(made)).inputs[0].format
