"""CloudWatch's answers on Bedrock: recognised, counted as context, and told for what they can show."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auditor.report.schema import Report
from tests.readers import report

SERIES = {
    "Id": "in1",
    "Label": "us.anthropic.claude-sonnet-4-6 InputTokenCount",
    "Timestamps": ["2026-09-14T10:00:00+00:00"],
    "Values": [18234.0],
    "StatusCode": "Complete",
}
DATA = {"MetricDataResults": [SERIES], "Messages": []}
STATISTICS = {
    "Label": "OutputTokenCount",
    "Datapoints": [{"Timestamp": "2026-09-14T10:00:00Z", "Sum": 45.0, "Unit": "Count"}],
}
LISTED = {
    "Metrics": [
        {
            "Namespace": "AWS/BedrockMantle",
            "MetricName": "InputTokens",
            "Dimensions": [
                {"Name": "Project", "Value": "proj_fake01"},
                {"Name": "Model", "Value": "openai.gpt-oss-120b"},
            ],
        }
    ]
}
STREAM = {
    "metric_stream_name": "bedrock",
    "namespace": "AWS/Bedrock",
    "metric_name": "InputTokenCount",
    "dimensions": {"ModelId": "anthropic.claude-sonnet-4-6"},
    "timestamp": 1789380000000,
    "value": {"max": 120.0, "min": 20.0, "sum": 140.0, "count": 2.0},
    "unit": "Count",
}


def read(value: Any) -> Report:
    """The report on an answer."""
    return report(value if isinstance(value, str) else json.dumps(value))


def notes(value: Any) -> str:
    """What is told of an answer."""
    return " ".join(read(value).inputs[0].notes)


@pytest.mark.parametrize(
    ("value", "context"),
    [
        (DATA, 1),
        (json.dumps(DATA, indent=2), 1),
        ([DATA, DATA], 2),
        (SERIES, 1),
        (STATISTICS, 1),
        (LISTED, 1),
        (LISTED["Metrics"], 1),
        ("\n".join(json.dumps(STREAM) for _ in range(3)), 3),
        ({"MetricDataResults": [], "Messages": []}, 1),
    ],
)
def test_every_answer_is_recognised_and_holds_no_call(value: Any, context: int) -> None:
    """A series is context, never a call."""
    told = read(value).inputs[0]

    assert ("cloudwatch-metrics", "provider", 0, context) == (
        told.format,
        told.layer,
        told.calls,
        told.context,
    )
    states = {one.field: one.state for one in told.answer.fields} if told.answer else {}
    assert "never" == states["tenant_id"] == states["cost_usd"] == states["request_id"]
    assert 13 == len(states)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (DATA, "18,234 input tokens of 1 models in 1 series"),
        (DATA, "read from the labels"),
        (STATISTICS, "45 output tokens"),
        (LISTED, "names of metrics without values"),
        (LISTED, "1 projects: the one dimension that can stand for a cost owner"),
        (STREAM, "140 input tokens of 1 models"),
        (
            {"Label": "InvocationThrottles", "Datapoints": [{"Sum": 4.0}]},
            "neither as invocations nor as errors",
        ),
        (
            {"Label": "CPUUtilization", "Datapoints": [{"Average": 4.0}]},
            "None of these metrics is one of Bedrock's",
        ),
    ],
)
def test_the_notes_tell_what_can_be_seen(value: Any, words: str) -> None:
    """Volume by model, the project where there is one, and the limits of each answer."""
    assert words in notes(value)


@pytest.mark.parametrize(
    "value",
    [
        {"MetricDataResults": [None, {"Label": None, "Timestamps": 3, "Values": "x"}]},
        {"Label": 3, "Datapoints": [None, {}]},
        {"Metrics": [{"MetricName": 3, "Namespace": None, "Dimensions": [None]}]},
        STREAM | {"value": 3, "dimensions": None},
    ],
)
def test_odd_shapes_are_read_without_harm(value: dict[str, Any]) -> None:
    """What is not there is not read."""
    assert 0 == read(value).inputs[0].calls
