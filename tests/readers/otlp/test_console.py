"""Console exporters: Python's indented JSON and Node's printed objects, among other lines."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest

from auditor.errors import AuditError
from auditor.framing.printed_objects import node_value
from tests.readers import counts, field, keys, report
from tests.support.otlp import CALL, MODEL, PARENT, SPAN, TRACE

PRESENT = (1, 0, 0, 0)
RESOURCE = {"service.name": "support-bot", "tenant.id": "globex"}


def printed(attributes: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """A span as `ConsoleSpanExporter` of the Python SDK prints it."""
    return {
        "name": "chat", "context": {"trace_id": f"0x{TRACE}", "span_id": f"0x{SPAN}", "trace_state": "[]"},
        "kind": "SpanKind.CLIENT", "parent_id": f"0x{PARENT}", "start_time": "2026-09-14T10:00:03.401504Z",
        "end_time": "2026-09-14T10:00:04.313387Z", "status": {"status_code": "UNSET"},
        "attributes": attributes, "events": [], "links": [],
        "resource": {"attributes": RESOURCE, "schema_url": ""},
    } | changed  # fmt: skip


def root(**changed: Any) -> dict[str, Any]:
    """Its parent, which is printed behind it."""
    context = {"trace_id": f"0x{TRACE}", "span_id": f"0x{PARENT}", "trace_state": "[]"}
    return printed({"tenant_id": "acme"}, name="handle", context=context, parent_id=None, **changed)


def python(*spans: dict[str, Any], indent: int | None = 4) -> list[str]:
    """What is printed, object by object."""
    return [json.dumps(s, indent=indent) for s in spans]


NODE = """{
  resource: {
    attributes: {
      'service.name': 'support-bot',
      'process.command_args': [ '/usr/bin/node', '/app/server.js' ],
      'os.note': [Object]
    }
  },
  instrumentationScope: { name: 'ai', version: undefined, schemaUrl: undefined },
  traceId: 'b9aad5fa2bfd511e0b0a7db4812cdd00',
  PARENT
  traceState: undefined,
  name: 'chat us.anthropic.claude-sonnet-4-6',
  id: '5ce3a8792305be51',
  kind: 2,
  timestamp: 1795225575401504,
  duration: 911883.25,
  attributes: {
    'rpc.service': 'BedrockRuntime',
    'gen_ai.request.model': 'us.anthropic.claude-sonnet-4-6',
    'gen_ai.usage.input_tokens': 12,
    'gen_ai.usage.output_tokens': 3,
    'gen_ai.response.finish_reasons': [ 'end_turn', ... 1 more item ],
    'aws.request.id': '11111111-2222-4333-8444-000000000002',
    'tenant.id': "acme's",
    'gen_ai.prompt': 'first line\\n' +
      'second line }'
  },
  status: { code: STATUS },
  events: [ { name: 'exception', attributes: [Object], time: [Array] } ],
  links: []
}"""
NEW_PARENT = "parentSpanContext: { traceId: 'b9aad5fa2bfd511e0b0a7db4812cdd00', spanId: '3683342715964f51' },"
OLD_PARENT = "parentId: '3683342715964f51',"


def node(parent: str = NEW_PARENT, status: int = 0) -> str:
    """A span as `ConsoleSpanExporter` of the JavaScript SDK prints it."""
    return NODE.replace("PARENT", parent).replace("STATUS", str(status))


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(python(printed(CALL), root())),
        "\n".join(python(printed(CALL), root(), indent=None)),
        json.dumps([printed(CALL), root()]),
        "INFO:app:starting\n"
        + "\n2026-09-14 10:00:03 INFO done {not json}\n".join(python(printed(CALL), root())),
        "\n".join(python(printed(CALL, status={"status_code": "OK"}, resource=RESOURCE), root())),
    ],
    ids=["indented", "a line each", "array", "among log lines", "older resource"],
)
def test_python_spans_are_read_in_every_packing(text: str) -> None:
    """One call under one parent, whose tenant is not the call's."""
    found = report(text)
    assert ("otel-console", 1) == (found.inputs[0].format, found.inputs[0].calls)
    assert found.inputs[0].context >= 1
    assert {("tenant_id", "parent_span"), ("resource.tenant.id", "process")} <= keys(found, "tenant_id")
    assert PRESENT == counts(found, "latency_ms") == counts(found, "tokens_input")


def test_a_failed_python_span_failed() -> None:
    """An error status without usage leaves tokens unasked."""
    held = {k: v for k, v in CALL.items() if "usage" not in k}
    found = report(python(printed(held, status={"status_code": "ERROR", "description": "boom"}))[0])
    assert {"failed_call": 1} == field(found, "tokens_output").causes


@pytest.mark.parametrize("parent", [NEW_PARENT, OLD_PARENT, "parentSpanContext: undefined,"])
def test_node_spans_are_read(parent: str) -> None:
    """Printed objects are no JSON and say the same."""
    found = report(f"[server] up\n{node(parent)}\nrequest done\n")
    assert ("otel-console", 1, 0) == (
        found.inputs[0].format,
        found.inputs[0].calls,
        found.inputs[0].skipped_total,
    )
    for name in ("tenant_id", "model", "tokens_input", "request_id", "latency_ms"):
        assert PRESENT == counts(found, name), name
    assert [2] == sorted({a.line for g in found.gaps for a in g.anchors if a.line})


def test_a_failed_node_span_failed() -> None:
    """Status code 2 is an error, with its usage still counted."""
    held = (
        node(status=2)
        .replace("'gen_ai.usage.input_tokens': 12,\n", "")
        .replace("'gen_ai.usage.output_tokens': 3,\n", "")
    )
    assert {"failed_call": 1} == field(report(held), "tokens_input").causes


def test_a_cut_node_object_is_a_skip_with_its_line() -> None:
    """What is printed whole is read, what was cut is counted."""
    text = node() + "\n" + node()[:600]
    found = report(text)
    assert (1, 1) == (found.inputs[0].calls, found.inputs[0].skipped_total)
    assert [text.count("\n", 0, len(node())) + 2] == [s.line for s in found.inputs[0].skipped]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{ a: 1, 'b c': [ 'x', 2.5 ], d: true }", {"a": 1, "b c": ["x", 2.5], "d": True}),
        ("{ a: undefined, b: [Object], c: [Function: run] }", dict.fromkeys("abc")),
        ("{ a: Map(1) { 'k': 1 }, b: Resource { c: 2 } }", {"a": {"k": 1}, "b": {"c": 2}}),
        ("{ a: 12n, t: 2026-09-14T10:00:03.401Z }", {"a": 12, "t": "2026-09-14T10:00:03.401Z"}),
        ("{ a: 'x' +\n 'y', b: [ 1, 2, ... 98 more items ] }", {"a": "xy", "b": [1, 2]}),
        ("{ a: \"it's\", b: `'\"` }", {"a": "it's", "b": "'\""}),
    ],
)  # fmt: skip
def test_a_printed_object_is_understood(text: str, value: Any) -> None:
    """Names, quotes, class names, and what was left out."""
    assert value == node_value(text)


@pytest.mark.parametrize("text", ["{ a: 'x }", "{ a: ", "{" * 500, "'" * 999, "{ a: [" * 200])
def test_what_is_no_printed_object_is_refused(text: str) -> None:
    """A ValueError, at once."""
    with pytest.raises(ValueError, match=r"\w"):
        node_value(text)


def test_log_records_of_the_console_are_events() -> None:
    """The log exporter prints a choice with its ids; its body is not read."""
    held = {
        "body": {"message": {"content": "acme"}}, "severity_number": 9, "severity_text": "INFO",
        "attributes": {"gen_ai.system": "aws.bedrock"}, "dropped_attributes": 0,
        "timestamp": "2026-09-14T10:00:03.401504Z", "trace_id": f"0x{TRACE}", "span_id": f"0x{SPAN}",
        "trace_flags": 1, "resource": {"attributes": RESOURCE, "schema_url": ""},
        "event_name": "gen_ai.choice",
    }  # fmt: skip
    message = held | {"event_name": "gen_ai.user.message"}
    found = report("\n".join(python(message, held)))
    assert ("otel-console", 1, 1) == (found.inputs[0].format, found.inputs[0].calls, found.inputs[0].context)


def test_metrics_of_the_console_are_context() -> None:
    """The metric exporter of the Python SDK prints resources as plain mappings."""
    held = {"resource_metrics": [{"resource": {"attributes": RESOURCE}, "scope_metrics": []}]}
    found = report(json.dumps(held, indent=4))
    assert ("otel-console", 0, 1) == (found.inputs[0].format, found.inputs[0].calls, found.inputs[0].context)


@pytest.mark.parametrize("cut", range(0, 2_000, 97))
def test_a_cut_paste_never_raises(cut: int) -> None:
    """Wherever a paste ends, it is read or refused in words."""
    for text in (python(printed(CALL), root())[0] + "\n", node()):
        with contextlib.suppress(AuditError):
            report(text[:cut] or " ")


def test_the_model_is_found_in_what_was_printed() -> None:
    """The excerpt comes from the printed span."""
    found = report("\n".join(python(printed(CALL), root())))
    assert any(MODEL in (a.excerpt or "") for g in found.gaps for a in g.anchors)
