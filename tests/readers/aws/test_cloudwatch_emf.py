"""Embedded metric format: which record is a call, units, lists, statistics, and what a metric loses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auditor.catalogue.fields import catalogue
from auditor.evidence.builder import Builder
from auditor.evidence.reading import Reading
from auditor.readers.aws import cloudwatch_emf
from tests.readers import counts, field, keys, report

MODEL = "anthropic.claude-3-haiku-20240307-v1:0"


def record(
    metrics: dict[str, tuple[str, Any]], dimensions: dict[str, Any] | None = None, **other: Any
) -> dict[str, Any]:
    """One record as Powertools writes it."""
    dimensions = {"service": "gw"} if dimensions is None else dimensions
    named = [{"Name": name, "Unit": unit} for name, (unit, _) in metrics.items()]
    directive = {"Namespace": "LLM", "Dimensions": [list(dimensions)], "Metrics": named}
    head = {"Timestamp": 1795225823645, "CloudWatchMetrics": [directive]}
    return {"_aws": head} | dimensions | other | {name: value for name, (_, value) in metrics.items()}


def lines(*records: dict[str, Any]) -> str:
    """Records as JSON lines."""
    return "".join(json.dumps(r) + "\n" for r in records)


TOKENS = {"InputTokens": ("Count", [120.0]), "OutputTokens": ("Count", [45.0])}


def test_the_record_of_the_card_is_a_call() -> None:
    """A dimension and a root key both stand at the request in the log record."""
    found = report(lines(record({"cost_usd": ("Count", [0.02])}, {"tenant": "acme"}, request_id="r-1")))

    assert ("cloudwatch-emf", 1) == (found.inputs[0].format, found.totals.calls)
    assert {("tenant", "request")} == keys(found, "tenant_id")
    assert (1, 0, 0, 0) == counts(found, "request_id") == counts(found, "cost_usd")


@pytest.mark.parametrize("value", [120, 120.0, [120.0]])
def test_metric_values_are_numbers_or_lists(value: Any) -> None:
    """Powertools writes lists of one, others plain numbers."""
    found = report(lines(record({"InputTokens": ("Count", value)}, model=MODEL)))

    assert (1, 0, 0, 0) == counts(found, "tokens_input")
    assert found.totals.tokens == 120


def test_lists_of_one_length_are_calls_one_by_one() -> None:
    """An invocation that called twice flushed once; its owner is that of both calls."""
    metrics = {"InputTokens": ("Count", [120.0, 64.0]), "OutputTokens": ("Count", [45.0, 30.0])}
    found = report(lines(record(metrics, tenant="acme", model=MODEL)))

    assert (2, 259) == (found.totals.calls, found.totals.tokens)
    assert (2, 0, 0, 0) == counts(found, "tenant_id") == counts(found, "model")


@pytest.mark.parametrize(
    "value", [{"Values": [120, 310], "Counts": [4, 2]}, {"Max": 9, "Min": 1, "Count": 3, "Sum": 15}]
)
def test_statistics_stand_for_many_calls(value: Any) -> None:
    """Nobody can tell the calls in them apart, so they are context, and the report says so."""
    found = report(lines(record(TOKENS), record({"InputTokens": ("Count", value)})))

    assert (1, 2) == (found.totals.calls, found.inputs[0].records)
    assert any("statistics" in note for note in found.inputs[0].notes)


def test_a_metric_without_a_model_call_is_context() -> None:
    """Cold starts and queue lengths are no calls."""
    found = report(lines(record(TOKENS), record({"ColdStart": ("Count", [1.0])})))

    assert (1, 1) == (found.totals.calls, found.inputs[0].context)


@pytest.mark.parametrize(
    ("unit", "ms"), [("Seconds", 810.0), ("Milliseconds", 0.81), ("Microseconds", 0.00081)]
)
def test_durations_are_turned_by_their_unit(unit: str, ms: float) -> None:
    """The record states the unit; the field is in milliseconds."""
    builder = Builder(Reading("input", catalogue()), cloudwatch_emf.FORMAT)
    cloudwatch_emf.take(record(TOKENS | {"latency": (unit, [0.81])}), builder, 0, "")

    assert builder.table().frame["latency_ms"].to_list() == pytest.approx([ms])


def test_a_request_id_as_a_dimension_is_told() -> None:
    """Every request would be a metric of its own."""
    found = report(lines(record(TOKENS, {"request_id": "r-1"}, model=MODEL)))

    assert any("`request_id` is a dimension" in note for note in found.inputs[0].notes)


def test_an_owner_that_is_no_dimension_is_told() -> None:
    """The log record has it; the metric that CloudWatch makes has not."""
    found = report(lines(record(TOKENS, tenant="acme", model=MODEL)))

    assert (1, 0, 0, 0) == counts(found, "tenant_id")
    assert any("`tenant` is no dimension" in note for note in found.inputs[0].notes)


def test_a_record_never_carries_a_principal() -> None:
    """The log belongs to the application."""
    assert {"by_format": 1} == field(report(lines(record(TOKENS))), "iam_principal").causes


@pytest.mark.parametrize("head", [{"Timestamp": 1}, {"CloudWatchMetrics": {}}, "text", None])
def test_an_aws_member_of_another_shape_is_not_claimed(head: Any) -> None:
    """The record is then read as any JSON log."""
    found = report(lines({"_aws": head, "model": MODEL, "input_tokens": 3}))

    assert found.inputs[0].format == "generic-json"


@pytest.mark.parametrize(
    "directive",
    [
        {"Metrics": "x", "Dimensions": [["a"]]},
        {"Metrics": [{"Unit": "Count"}, 3], "Dimensions": "x"},
        {"Metrics": [{"Name": "InputTokens"}], "Dimensions": [[1, None]]},
        7,
    ],
)
def test_odd_directives_do_no_harm(directive: Any) -> None:
    """What is not of the format is left out."""
    head = {"Timestamp": 1, "CloudWatchMetrics": [directive]}
    found = report(lines({"_aws": head, "InputTokens": 5, "model": MODEL}))

    assert found.totals.calls == 1
