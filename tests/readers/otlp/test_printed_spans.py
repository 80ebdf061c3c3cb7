"""Spans as .NET's console exporter and `util.inspect` of Node print them."""

from __future__ import annotations

import pytest

from auditor.catalogue.resources import folder
from auditor.framing.dotnet_activities import activities, duration_ns, value_of
from tests.readers import counts, keys, report

DOTNET = (folder("samples") / "otel-console-dotnet.txt").read_text()


@pytest.mark.parametrize("prefix", ["", "claims-agent-1  | "])
def test_an_activity_is_a_span(prefix: str) -> None:
    """The agent's activity is the parent, and repeats the usage of its call."""
    found = report("".join(f"{prefix}{line}\n" for line in DOTNET.splitlines()))

    assert (found.inputs[0].format, found.inputs[0].records, found.totals.calls) == ("otel-console", 4, 3)
    assert counts(found, "tenant_id") == (2, 1, 0, 0)
    assert ("user.id", "parent_span") in keys(found, "user_id")
    assert counts(found, "latency_ms") == (3, 0, 0, 0)


def test_tags_of_events_and_the_resource_are_apart() -> None:
    """Events have their tags two levels deeper; a status ends the tags."""
    text = """Activity.TraceId:            5b8efff798038103d269b633813fc601
Activity.SpanId:             eee19b7ec3c1b101
Activity.Duration:           1.00:00:00.5000000
Activity.Tags:
    a: 1
    url: https://x: y
    list: ["a","b"]
StatusCode: Error
Activity.Events:
    retry [2026-11-23T10:00:00Z]
        attempt: 2
Resource associated with Activity:
    service.name: x
"""
    (activity,) = activities(text.encode())

    assert activity.tags == [("a", 1), ("url", "https://x: y"), ("list", ["a", "b"])]
    assert activity.events == [("attempt", 2)]
    assert activity.resource == [("service.name", "x")]
    assert activity.facts["StatusCode"] == "Error"


@pytest.mark.parametrize(
    ("text", "ns"),
    [("00:00:08.6077009", 8_607_700_900), ("1.00:00:00", 86_400 * 10**9), ("soon", None)],
)
def test_a_time_span(text: str, ns: int | None) -> None:
    """Hours, minutes, seconds to seven digits, and days before a point."""
    assert duration_ns(text) == ns


def test_an_id_with_leading_zeros_stays_text() -> None:
    """Numbers are numbers, what JSON does not know is text."""
    assert [value_of(t) for t in ("12", "0012", "1.5", "True", "[a")] == [12, "0012", 1.5, True, "[a"]


DUMP = """[telemetry] exporting 2 spans
[
  SpanImpl {
    _spanContext: {
      traceId: '7af2c8f4d81a7e4d8365d24342d58833',
      spanId: '84acc5ea845f2bf7',
      traceFlags: 1,
      traceState: undefined
    },
    kind: 2,
    parentSpanContext: { traceId: '7af2c8f4d81a7e4d8365d24342d58833', spanId: '84acc5ea845f2bf0' },
    attributes: {
      'tenant.id': 'acme',
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': 'm-1',
      'gen_ai.usage.input_tokens': 2,
      'gen_ai.usage.output_tokens': 22
    },
    startTime: [ 1755182890, 289000000 ],
    resource: ResourceImpl { _rawAttributes: [ [ 'service.name', 'a' ], [ 'team.id', 'growth' ] ] },
    name: 'chat m-1',
    status: { code: 0 },
    endTime: [ 1755182891, 241591792 ],
    _spanProcessor: MultiSpanProcessor { _spanProcessors: [Array] }
  },
  SpanImpl {
    _spanContext: { traceId: '7af2c8f4d81a7e4d8365d24342d58833', spanId: '84acc5ea845f2bf0' },
    kind: 1,
    parentSpanContext: undefined,
    attributes: { 'user.id': 'u-42' },
    startTime: [ 1755182890, 280000000 ],
    name: 'POST /chat',
    status: { code: 0 },
    endTime: [ 1755182891, 251591792 ]
  }
]
"""


def test_the_sdks_own_object_of_a_span_is_a_span() -> None:
    """Its ids, its times as pairs, its resource as a list of pairs."""
    found = report(DUMP)

    assert (found.inputs[0].format, found.inputs[0].records, found.totals.calls) == ("otel-console", 2, 1)
    assert counts(found, "tenant_id") == (1, 0, 0, 0)
    assert counts(found, "latency_ms") == (1, 0, 0, 0)
    assert ("resource.team.id", "process") in keys(found, "team_id")
    assert ("user.id", "parent_span") in keys(found, "user_id")
