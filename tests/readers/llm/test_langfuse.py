"""Langfuse traces and observations: API, exports and ingestion batches, and what only the trace says."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from tests.readers import counts, keys, report
from tests.support.langfuse import MODEL, generation, trace


def read(value: Any) -> Any:
    """The report on one JSON document."""
    return report(json.dumps(value))


def test_a_generation_is_a_call() -> None:
    """What stands on it, Langfuse's copies of user and session included, is its own."""
    found = read(generation(userId="u-42", sessionId="s-7", environment="prod", tags=["team:growth"]))

    assert ("langfuse-export", "app", 1) == (
        found.inputs[0].format,
        found.inputs[0].layer,
        found.inputs[0].calls,
    )
    for name in ("tenant_id", "team_id", "user_id", "session_id", "environment", "model", "cost_usd"):
        assert (1, 0, 0, 0) == counts(found, name), name
    assert {("usageDetails.input", "span")} == keys(found, "tokens_input")


@pytest.mark.parametrize(("kind", "calls"), [("GENERATION", 1), ("EMBEDDING", 1), ("SPAN", 0), ("TOOL", 0)])
def test_the_type_of_an_observation_decides(kind: str, calls: int) -> None:
    """Spans, events and tools are context."""
    found = read([generation(id="obs-0"), generation(type=kind)])

    assert (1 + calls, 1 - calls) == (found.inputs[0].calls, found.inputs[0].context)


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"metadata": {"tenant_id": "acme"}}, "tenant_id"),
        ({"metadata": '{"tenant_id": "acme"}'}, "tenant_id"),
        ({"tags": ["tenant:acme"]}, "tenant_id"),
        ({"userId": "u-42"}, "user_id"),
        ({"name": "triage"}, "workflow_id"),
    ],
)
def test_what_only_the_trace_says_stands_above_the_call(said: dict[str, Any], name: str) -> None:
    """A value of the trace is on another record than the usage."""
    assert (0, 0, 1, 0) == counts(read(trace(**said)), name)


def test_the_session_of_a_trace_holds_for_its_calls() -> None:
    """A session is wider than a trace: nothing is lost."""
    found = read(trace(sessionId="s-7"))

    assert {("trace.sessionId", "session")} == keys(found, "session_id")


def test_a_price_table_entry_is_no_model() -> None:
    """`modelId` and `internalModelId` name Langfuse's own price list."""
    found = read(generation(model=None, internalModelId="claude-price"))

    assert (0, 1, 0, 0) == counts(found, "model")


def test_what_the_process_wrote_has_its_scope() -> None:
    """Observations that came in by OpenTelemetry keep the resource within their metadata."""
    metadata = {
        "resourceAttributes": {"service.name": "review", "tenant.id": "acme"},
        "attributes": {"app.team": "growth", "input": '{"user": "x"}'},
        "scope": {"name": "langfuse-sdk", "attributes": {"workflow": "x"}},
    }
    found = read(generation(metadata=metadata))

    assert {("metadata.resourceAttributes.tenant.id", "process")} == keys(found, "tenant_id")
    assert (0, 0, 1, 0) == counts(found, "tenant_id")
    assert (1, 0, 0, 0) == counts(found, "team_id")
    assert (0, 1, 0, 0) == counts(found, "workflow_id")


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ({"usage": {"input": 120, "output": 45, "total": 165, "unit": "TOKENS"}}, "usage.input"),
        ({"usage": {"promptTokens": 120, "completionTokens": 45}}, "usage.promptTokens"),
        ({"promptTokens": 120, "completionTokens": 45, "totalTokens": 165}, "promptTokens"),
        ({"inputUsage": "120", "outputUsage": "45", "totalUsage": "165"}, "inputUsage"),
    ],
)
def test_usage_of_older_versions(said: dict[str, Any], key: str) -> None:
    """The same counts stood elsewhere before."""
    found = read(generation(usageDetails={}, **said))

    assert {(key, "span")} == keys(found, "tokens_input")
    assert 165 == found.totals.tokens


@pytest.mark.parametrize(
    "usage",
    [
        {"input": 0, "output": 0, "total": 0, "unit": "TOKENS"},
        {"input": 120, "output": 45, "total": 165, "unit": "CHARACTERS"},
    ],
)
def test_zeros_and_other_units_are_no_tokens(usage: dict[str, Any]) -> None:
    """Older versions wrote zeros for what they did not know, and counted characters."""
    found = read(generation(usageDetails={}, usage=usage, promptTokens=0, completionTokens=0))

    assert (0, 1, 0, 0) == counts(found, "tokens_input")


def test_cached_tokens_are_buckets_of_their_own() -> None:
    """The buckets of `usageDetails` are disjoint."""
    details = {
        "input": 20,
        "input_cached_tokens": 100,
        "output": 45,
        "output_reasoning_tokens": 5,
        "total": 165,
    }
    found = read(generation(usageDetails=details))

    for name in ("tokens_cache_read", "tokens_reasoning", "tokens_input"):
        assert (1, 0, 0, 0) == counts(found, name), name


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ({"costDetails": {"total": 0.1}, "totalCost": 0.1}, "costDetails.total"),
        ({"costDetails": {}, "totalCost": 0.1}, "totalCost"),
        ({"costDetails": None, "calculatedTotalCost": 0.1}, "calculatedTotalCost"),
    ],
)
def test_the_cost_of_an_observation(said: dict[str, Any], key: str) -> None:
    """Three versions, three places; dollars."""
    found = read(generation(**said))

    assert key in {k for k, _ in keys(found, "cost_usd")}
    assert 0.1 == pytest.approx(found.totals.cost_usd)


def test_a_cost_of_zero_on_tokens_is_no_cost() -> None:
    """Langfuse writes zero for a model without a price."""
    assert (0, 0, 1, 0) == counts(read(generation(costDetails={"total": 0})), "cost_usd")


def test_the_cost_of_a_trace_is_read_where_nothing_else_is() -> None:
    """As a sum beside its parts it says nothing new."""
    bare = generation(costDetails={})

    assert (0, 0, 1, 0) == counts(read(trace(bare, totalCost=0.1)), "cost_usd")
    assert (1, 0, 0, 0) == counts(read(trace(totalCost=0.00104)), "cost_usd")


def test_an_error_of_level_is_a_failed_call() -> None:
    """The level says that it failed, the message may begin with a class."""
    found = read(generation(level="ERROR", statusMessage="ThrottlingException: slow", usageDetails={}))

    assert (0, 0, 0, 1) == counts(found, "tokens_input")
    assert (1, 0, 0, 0) == counts(found, "error_code")


def test_names_of_a_blob_storage_export() -> None:
    """The same observation in snake case, and the model under another name."""
    snake = {
        "id": "obs-1",
        "trace_id": "t-1",
        "project_id": "proj-fake",
        "type": "GENERATION",
        "start_time": "2026-09-14T10:00:03.401Z",
        "end_time": "2026-09-14T10:00:04.313Z",
        "provided_model_name": MODEL,
        "usage_details": {"input": 120, "output": 45, "total": 165},
        "cost_details": {"total": 0.00104},
        "user_id": "u-42",
        "metadata": {"tenant_id": "acme"},
    }
    found = report(f"{json.dumps(snake)}\n{json.dumps(snake | {'id': 'obs-2'})}\n")

    assert ("langfuse-export", 2) == (found.inputs[0].format, found.inputs[0].calls)
    for name in ("tenant_id", "user_id", "model", "cost_usd", "tokens_output", "latency_ms"):
        assert (2, 0, 0, 0) == counts(found, name), name


def test_a_table_of_the_ui() -> None:
    """CSV cells hold JSON as text."""
    row = {k: json.dumps(v) if isinstance(v, dict) else v for k, v in generation(tags='["team:x1"]').items()}
    text = io.StringIO()
    table = csv.DictWriter(text, list(row))
    table.writeheader()
    table.writerows([row, row | {"id": "obs-2"}])
    found = report(text.getvalue())

    assert ("langfuse-export", 2) == (found.inputs[0].format, found.inputs[0].calls)
    for name in ("tenant_id", "team_id", "cost_usd", "tokens_input"):
        assert (2, 0, 0, 0) == counts(found, name), name


EVENTS = [
    {"id": "e1", "type": "trace-create", "body": {"id": "t1", "name": "triage", "sessionId": "s-7"}},
    {"id": "e2", "type": "generation-create", "body": {"id": "g1", "traceId": "t1", "model": MODEL}},
    {"id": "e3", "type": "span-create", "body": {"id": "s1", "traceId": "t1", "name": "step"}},
    {"id": "e4", "type": "score-create", "body": {"id": "x1", "traceId": "t1", "value": 1}},
    {
        "id": "e5",
        "type": "generation-update",
        "body": {
            "id": "g1",
            "endTime": "2026-09-14T10:00:04Z",
            "metadata": {"tenant_id": "acme"},
            "usage": {"promptTokens": 120, "completionTokens": 45},
        },
    },
]


@pytest.mark.parametrize(
    "data",
    [
        json.dumps({"batch": EVENTS, "metadata": {"sdk_name": "python"}}),
        json.dumps({"batch": EVENTS[:3]}) + "\n" + json.dumps({"batch": EVENTS[3:]}) + "\n",
        json.dumps(EVENTS),
    ],
)
def test_events_of_one_body_are_one_record(data: str) -> None:
    """A generation that one batch creates and another updates is one call."""
    found = report(data)

    assert ("langfuse-export", 1, 3) == (
        found.inputs[0].format,
        found.inputs[0].calls,
        found.inputs[0].context,
    )
    for name in ("tenant_id", "model", "tokens_input", "session_id"):
        assert (1, 0, 0, 0) == counts(found, name), name
    assert (0, 0, 1, 0) == counts(found, "workflow_id")


@pytest.mark.parametrize("wrapped", ["page", "download", "session", "array"])
def test_every_wrapping_gives_the_same_calls(wrapped: str) -> None:
    """Pages of the API, the UI's download of one trace, a session with its traces."""
    own = trace(generation())
    whole = {
        "page": {"data": [own], "meta": {"page": 1}},
        "download": {
            "trace": {k: v for k, v in own.items() if k != "observations"},
            "observations": [generation()],
        },
        "session": {"id": "s-7", "createdAt": "2026-09-14", "projectId": "proj-fake", "traces": [own]},
        "array": [own],
    }[wrapped]
    found = read(whole)

    assert ("langfuse-export", 1, 1) == (
        found.inputs[0].format,
        found.inputs[0].calls,
        found.inputs[0].context,
    )


def test_traces_without_observations_show_no_calls_and_say_so() -> None:
    """A list of traces names its observations by id only."""
    found = read({"data": [trace("obs-1", "obs-2", totalCost=0.1)], "meta": {"page": 1}})

    assert (0, 1) == (found.inputs[0].calls, found.inputs[0].context)
    assert "observations" in " ".join(found.inputs[0].notes + found.notes)


def test_prompts_are_no_evidence() -> None:
    """Inputs and outputs are never looked into."""
    found = read(generation(metadata={}, input={"tenant_id": "acme"}, output='{"tenant_id": "acme"}'))

    assert (0, 1, 0, 0) == counts(found, "tenant_id")


@pytest.mark.parametrize("odd", [None, 3, [], "x", {"a": {"b": 1}}])
def test_odd_types_break_nothing(odd: Any) -> None:
    """Values of any kind where others are expected are read as none."""
    names = ("metadata", "usageDetails", "costDetails", "tags", "usage", "parentObservationId", "level")
    found = read(trace(generation(**dict.fromkeys(names, odd)), tags=odd, metadata=odd, name=odd))

    assert "langfuse-export" == found.inputs[0].format
