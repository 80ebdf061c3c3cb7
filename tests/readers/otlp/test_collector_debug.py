"""What the Collector's debug exporter prints: prefixes, values that go on, logs, metrics, cut off output."""

from __future__ import annotations

import pytest

from auditor.catalogue.resources import folder
from auditor.framing.collector_blocks import blocks
from tests.readers import counts, keys, report

SAMPLE = (folder("samples") / "otel-collector-debug-good.txt").read_text()
GAPPY = (folder("samples") / "otel-collector-debug-gappy.txt").read_text()


@pytest.mark.parametrize("prefix", ["", "otel-collector      | ", "[pod/otel-7f/collector] "])
def test_a_prefix_on_every_line_changes_nothing(prefix: str) -> None:
    """`docker compose logs` and `kubectl logs --prefix`."""
    found = report("".join(f"{prefix}{line}\n" for line in SAMPLE.splitlines()))

    assert (found.inputs[0].format, found.inputs[0].records, found.totals.calls) == (
        "otel-collector-debug",
        6,
        3,
    )
    assert counts(found, "tenant_id") == (3, 0, 0, 0)
    assert counts(found, "latency_ms") == (3, 0, 0, 0)


def test_without_the_loggers_line_the_blocks_are_the_same() -> None:
    """With `use_internal_logger: false` there is no prefix on the first line."""
    bare = "\n".join(["ResourceSpans #0", *SAMPLE.splitlines()[2:-1]])

    assert counts(report(bare), "team_id") == (3, 0, 0, 0)


def test_scopes_are_those_of_otlp() -> None:
    """The resource is the process, the server's span the parent; metrics are context."""
    found = report(GAPPY)

    assert ("resource.team.id", "process") in keys(found, "team_id")
    assert ("user.id", "parent_span") in keys(found, "user_id")
    assert counts(found, "tenant_id") == (1, 1, 1, 0)
    assert any("metrics" in note for note in found.inputs[0].notes)


def test_a_value_goes_on_until_the_next_key() -> None:
    """Text of several lines, brackets within text, maps and lists, a value without a type."""
    text = """ResourceSpans #0
Resource attributes:
     -> service.name: Str(a)
ScopeSpans #0
InstrumentationScope lib 1.0
Span #0
    Trace ID       : 5b8efff798038103d269b633813fc601
    Parent ID      :
    ID             : eee19b7ec3c1b101
    Name           : chat m-1
Attributes:
     -> gen_ai.completion.0.content: Str(
def) and (more))
     -> tags: Slice(["a","b"])
     -> map: Map({"tenant": "acme"})
     -> n: Int(3)
     -> d: Double(0.5)
     -> b: Bool(true)
     -> e: Empty()
Events:
SpanEvent #0
     -> Name: retry
     -> Attributes::
          -> attempt: Int(1)
"""
    (block,) = blocks(text.encode())

    assert dict(block.attributes) == {
        "gen_ai.completion.0.content": "\ndef) and (more)",
        "tags": ["a", "b"],
        "map": {"tenant": "acme"},
        "n": 3,
        "d": 0.5,
        "b": True,
        "e": None,
    }
    assert block.events == [("attempt", 1)]
    assert (block.scope, block.resource, block.line) == ("lib", [("service.name", "a")], 6)


def test_log_records_are_read_as_those_of_otlp() -> None:
    """The event of a coding agent: its tokens, its cost, its severity."""
    text = """2026-11-23T10:00:05.313Z\tinfo\tResourceLog #0
Resource attributes:
     -> service.name: Str(assistant)
ScopeLogs #0
InstrumentationScope lib 1.0
LogRecord #0
ObservedTimestamp: 2026-11-23 10:00:03.4 +0000 UTC
Timestamp: 2026-11-23 10:00:03.4 +0000 UTC
SeverityText:
SeverityNumber: Info(9)
Body: Str(assistant.api_request)
Attributes:
     -> event.name: Str(api_request)
     -> model: Str(us.anthropic.claude-sonnet-4-6)
     -> input_tokens: Int(4)
     -> output_tokens: Int(213)
     -> cost_usd: Double(0.0123)
     -> tenant.id: Str(acme)
Trace ID:
Span ID:
Flags: 0
\t{"otelcol.component.id": "debug"}
"""
    found = report(text)

    assert found.totals.calls == 1
    assert counts(found, "tenant_id") == (1, 0, 0, 0)
    assert counts(found, "cost_usd") == (1, 0, 0, 0)
