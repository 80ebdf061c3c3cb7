"""Which spans are calls and where their values stand, in captures of the form that emitters write."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from auditor.report.schema import Report
from tests.readers import counts, report
from tests.support.otlp import CALL, MODEL, pairs, protobuf, span

USAGE = {"gen_ai.usage.input_tokens": 12, "gen_ai.usage.output_tokens": 3}
NO_USAGE = {key: value for key, value in CALL.items() if key not in USAGE}
ERROR = {"status": {"code": 2}}
INTERNAL, CLIENT = 1, 3


def ids(own: int, parent: int = 0) -> dict[str, Any]:
    """Ids of a span by small numbers; no parent is a root."""
    return {"spanId": f"{own:016x}", "parentSpanId": f"{parent:016x}" if parent else ""}


def document(*groups: tuple[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """An export of spans by the name of their library."""
    scopes = [{"scope": {"name": name}, "spans": spans} for name, spans in groups]
    resource = {"attributes": pairs({"service.name": "claims"})}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": scopes}]}


def of(*groups: tuple[str, list[dict[str, Any]]]) -> Report:
    """The report on an export."""
    return report(json.dumps(document(*groups)))


def one(attributes: dict[str, Any], **changed: Any) -> Report:
    """The report on one call with further attributes."""
    return of(("app", [span(CALL | attributes, **ids(1), **changed)]))


def rules(found: Report) -> set[str]:
    """The rules that report a gap."""
    return {gap.rule for gap in found.gaps}


VERCEL = [
    span(
        {"ai.operationId": "ai.generateText", "ai.model.id": MODEL, "ai.usage.inputTokens": 12},
        **ids(1), name="ai.generateText", kind=INTERNAL,
    ),
    span(
        {"ai.operationId": "ai.generateText.doGenerate", "ai.model.id": MODEL, "ai.usage.inputTokens": 12},
        **ids(2, 1), name="ai.generateText.doGenerate", kind=INTERNAL,
    ),
]  # fmt: skip
CREW = [
    span({"traceloop.span.kind": "workflow"}, **ids(1), name="crewai.workflow", kind=INTERNAL),
    span(
        {"traceloop.span.kind": "agent", "gen_ai.request.model": MODEL, "gen_ai.usage.input_tokens": 30,
         "gen_ai.usage.output_tokens": 9},
        **ids(2, 1), name="Claims Clerk.agent", kind=CLIENT,
    ),
    span(CALL, **ids(3, 2), name="openai.chat", kind=CLIENT),
    span(CALL, **ids(4, 2), name="openai.chat", kind=CLIENT),
]  # fmt: skip
MASTRA = [
    span({"mastra.span.type": "agent_run", **CALL}, **ids(1), name="agent run", kind=INTERNAL),
    span({"mastra.span.type": "model_generation", **CALL}, **ids(2, 1), name="chat nova-pro", kind=CLIENT),
    span({"mastra.span.type": "model_step", **NO_USAGE}, **ids(3, 2), name="step: 0", kind=INTERNAL),
    span({"mastra.span.type": "model_step", **NO_USAGE}, **ids(4, 2), name="step: 1", kind=INTERNAL),
]
STRANDS = [
    span({**CALL, "gen_ai.operation.name": "invoke_agent"}, **ids(1), name="invoke_agent", kind=INTERNAL),
    span(CALL, **ids(2, 1), name="chat", kind=INTERNAL),
    span(CALL, **ids(3, 2), name=f"chat {MODEL}", kind=CLIENT),
]


@pytest.mark.parametrize(
    ("library", "spans", "calls"),
    [("ai", VERCEL, 1), ("traceloop", CREW, 2), ("@mastra/otel", MASTRA, 1), ("strands", STRANDS, 1)],
    ids=["vercel", "crewai", "mastra", "strands over the sdk"],
)
def test_a_known_wrapper_is_context_and_its_usage_a_note(
    library: str, spans: list[dict[str, Any]], calls: int
) -> None:
    """The calls below it stay as they are."""
    found = of((library, spans))

    assert (calls, 0, 0, 0) == counts(found, "tokens_input")
    assert "USE033" in rules(found) or library == "traceloop"
    assert "USE013" not in rules(found)


def test_an_unknown_parent_that_repeats_usage_is_inconsistent() -> None:
    """A roll-up that nobody can know: the leaf is the one call."""
    graph = span(USAGE, **ids(1), name="LangGraph", kind=INTERNAL)
    found = of(("app", [graph, span(CALL, **ids(2, 1))]))

    assert (0, 0, 1, 0) == counts(found, "tokens_input")
    assert "USE013" in rules(found)


def test_two_calls_one_in_the_other_are_inconsistent() -> None:
    """Two libraries on one client: neither is a framework's span."""
    found = of(("traceloop", [span(CALL, **ids(1))]), ("otel", [span(CALL, **ids(2, 1))]))

    assert (0, 0, 1, 0) == counts(found, "tokens_input")


def test_a_stream_has_the_usage_that_its_framework_saw() -> None:
    """The client's span is the call; a failed try beside it has no usage."""
    failed = span(NO_USAGE, **ids(2, 1), **ERROR)
    stream = span(NO_USAGE | {"aws.request_id": "5b3cc83e-0001"}, **ids(3, 1))
    found = of(("strands", [span(CALL, **ids(1), kind=INTERNAL)]), ("botocore", [failed, stream]))

    assert (1, 0, 0, 1) == counts(found, "tokens_input")
    assert "USE034" in rules(found)


def test_usage_around_two_streams_is_of_neither() -> None:
    """Nobody can tell what each of them used."""
    streams = [span(NO_USAGE, **ids(own, 1)) for own in (2, 3)]
    found = of(("strands", [span(CALL, **ids(1), kind=INTERNAL)]), ("botocore", streams))

    assert "USE034" not in rules(found)


SDK = "@opentelemetry/instrumentation-aws-sdk"


def test_a_failed_call_is_known_by_other_calls_of_its_library() -> None:
    """Another service of the same SDK, and a method of HTTP, are none."""
    known = span({"rpc.service": "BedrockRuntime", **CALL}, **ids(1), name="BedrockRuntime.Converse")
    failed = span({}, **ids(2), name="BedrockRuntime.Converse", **ERROR)
    other = span({"rpc.service": "S3"}, **ids(3), name="S3.GetObject", **ERROR)
    table = span({}, **ids(4), name="DynamoDB.Query", **ERROR)
    found = of((SDK, [failed, other, table, known]), ("http", [span({}, **ids(5), name="POST", **ERROR)]))

    assert (1, 0, 0, 1) == counts(found, "tokens_input")


@pytest.mark.parametrize(
    ("library", "changed", "calls"),
    [
        ("opentelemetry.instrumentation.groq", {"name": "chat llama-3.3-70b", **ERROR}, 1),
        ("opentelemetry.instrumentation.groq", {"name": "chat llama-3.3-70b"}, 1),
        ("opentelemetry.instrumentation.groq", {"name": "chat", **ERROR}, 1),
        ("opentelemetry.instrumentation.groq", {"name": "chat"}, 0),
        ("opentelemetry.instrumentation.groq", {"name": "chat llama-3.3-70b", "kind": INTERNAL}, 0),
        ("opentelemetry.instrumentation.slack", {"name": "chat room", **ERROR}, 0),
        ("app.tracer", {"name": "chat llama-3.3-70b", **ERROR}, 0),
        ("opentelemetry.instrumentation.httpx", {"name": "POST", **ERROR}, 0),
    ],
)
def test_a_bare_span_is_a_call_by_its_library_side_and_name(
    library: str, changed: dict[str, Any], calls: int
) -> None:
    """An instrumentation library names a call by operation and model."""
    found = of((library, [span({}, **ids(1), **changed)]), ("app", [span(CALL, **ids(2))]))

    assert calls + 1 == found.inputs[0].calls


@pytest.mark.parametrize(
    ("attributes", "changed", "calls"),
    [
        ({"gen_ai.operation.name": "converse", "gen_ai.system": "aws.bedrock"}, ERROR, 1),
        ({"gen_ai.operation.name": "ask", "gen_ai.system": "aws.bedrock", "error.type": "Throttled"}, {}, 1),
        ({"gen_ai.operation.name": "converse", "gen_ai.system": "aws.bedrock"}, {}, 0),
        ({"gen_ai.operation.name": "converse"}, ERROR, 0),
        ({"gen_ai.operation.name": "invoke_agent", "gen_ai.system": "aws.bedrock"}, ERROR, 0),
        ({"gen_ai.operation.name": "search_memory", **USAGE}, {}, 0),
        ({"gen_ai.operation.name": "llm_call"}, {}, 0),
        ({"gen_ai.operation.name": "converse", **USAGE}, {}, 1),
    ],
)
def test_a_model_with_an_outcome_is_a_call(
    attributes: dict[str, Any], changed: dict[str, Any], calls: int
) -> None:
    """Whatever its operation is called, unless that is one on an agent, a tool or a memory."""
    named = {"gen_ai.request.model": MODEL} | attributes
    found = of(("app", [span(named, **ids(1), **changed), span(CALL, **ids(2))]))

    assert calls + 1 == found.inputs[0].calls


@pytest.mark.parametrize(
    "attributes",
    [
        {"tags": "tenant:acme,team:claims"},
        {"tags": "env=prod;tenant=acme"},
        {"labels": "tenant:acme team:claims"},
        {"claims.attribution": '{"owner": {"tenant": "acme"}}'},
        {"claims.attribution": {"tenant": "acme"}},
        {"claims.context": '[{"tenant_id": "acme"}]'},
        {"tenant.id": ["acme"]},
        {"tenant.id": ["acme", "acme"]},
        {"tenant.id": ["acme", "unknown"]},
    ],
)
def test_a_value_is_read_in_any_shape(attributes: dict[str, Any]) -> None:
    """Tags in a string, JSON text and maps under any key, lists of one value."""
    assert (1, 0, 0, 0) == counts(one(attributes), "tenant_id")


@pytest.mark.parametrize(
    "attributes",
    [
        {"tenant.id": ["acme", "globex"]},
        {"tags": "tenant:acme,tenant:globex"},
        {"tags": ["tenant:acme", "tenant:globex"]},
    ],
)
def test_two_values_of_one_attribute_are_inconsistent(attributes: dict[str, Any]) -> None:
    """Nobody can say which one pays."""
    assert (0, 0, 1, 0) == counts(one(attributes), "tenant_id")


@pytest.mark.parametrize(
    "key",
    """input.value gen_ai.tool.call.arguments llm.prompt_template.variables gen_ai.input.messages ai.prompt
    ai.toolCall.args ai.response.object tool.parameters llm.tools.0.tool.json_schema mlflow.spanOutputs
    all_messages http.response.body final_result""".split(),
)
def test_a_value_within_a_body_is_never_read(key: str) -> None:
    """Prompts, answers and tool data that are JSON."""
    text = json.dumps({"tenant": "initech", "tenant_id": "initech"})

    assert (0, 1, 0, 0) == counts(one({key: text}), "tenant_id")


def event(name: str, **attributes: Any) -> dict[str, Any]:
    """An event of a span; `__` in an attribute stands for a dot."""
    held = pairs({key.replace("__", "."): value for key, value in attributes.items()})
    return {"name": name, "timeUnixNano": "1795225575501504000", "attributes": held}


@pytest.mark.parametrize(
    ("events", "wanted"),
    [
        ([event("attribution", tenant__id="acme")], (1, 0, 0, 0)),
        ([event("attribution", metadata='{"tenant": "acme"}')], (1, 0, 0, 0)),
        ([event("a", tenant__id="acme"), event("b", tenant__id="globex")], (0, 0, 1, 0)),
        ([event("gen_ai.choice", message='{"tenant_id": "acme"}')], (0, 1, 0, 0)),
        ([event("exception", exception__message="tenant_id=acme")], (0, 1, 0, 0)),
        ([], (0, 1, 0, 0)),
        ([{"name": "odd", "attributes": "tenant.id"}], (0, 1, 0, 0)),
    ],
)
def test_an_event_of_the_call_is_evidence(
    events: list[dict[str, Any]], wanted: tuple[int, int, int, int]
) -> None:
    """Its attributes stand at the span; what is a body stays one."""
    assert wanted == counts(one({}, events=events), "tenant_id")


def test_the_outcome_is_the_spans_own() -> None:
    """A try that failed is an event of a call that did not; a parent's event is the parent's."""
    tried = event("retry", http__status_code=429, error__type="ThrottlingException", latency_ms=5)
    parent = span({}, **ids(1), events=[event("a", tenant__id="acme")])
    found = of(("app", [parent, span(CALL, **ids(2, 1), events=[tried])]))

    assert (1, 0, 0, 0) == counts(found, "tokens_input")
    assert (0, 0, 1, 0) == counts(found, "tenant_id")


def test_an_event_in_protobuf_is_read_alike() -> None:
    """Both encodings say the same."""
    exported = document(("app", [span(CALL, **ids(1), events=[event("a", tenant__id="acme")])]))

    assert (1, 0, 0, 0) == counts(report(base64.b64encode(protobuf(exported)).decode()), "tenant_id")


@pytest.mark.parametrize(
    "attributes",
    [
        {"trace_id": "conversation-8"},
        {"dd.trace_id": "8646911284551352321"},
        {"app.trace_id": "conversation-8"},
        {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
        {"metadata": '{"trace_id": "conversation-8"}'},
        {"claims.context": '{"trace_id": "conversation-8"}'},
    ],
    ids=lambda given: next(iter(given)),
)
def test_the_tree_is_built_from_the_ids_of_spans(attributes: dict[str, Any]) -> None:
    """An attribute that is called a trace id is an attribute."""
    parent = span({"tenant.id": "acme"}, **ids(1), name="POST /claims")
    found = of(("app", [parent, span(CALL | attributes, **ids(2, 1))]))

    assert (0, 0, 1, 0) == counts(found, "tenant_id")
    assert "CNT017" not in rules(found)


BARE = [span(CALL | {"tenant.id": "acme"}, **ids(own)) for own in (1, 2)]
SNAKE = [
    {"trace_id": s["traceId"], "span_id": s["spanId"], "name": s["name"], "attributes": s["attributes"],
     "start_time_unix_nano": s["startTimeUnixNano"], "end_time_unix_nano": s["endTimeUnixNano"]}
    for s in BARE
]  # fmt: skip
RESOURCE = {"attributes": pairs({"service.name": "claims"})}


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(json.dumps(s) for s in BARE),
        json.dumps(BARE),
        json.dumps(SNAKE),
        "\n".join(json.dumps(s) for s in SNAKE),
        json.dumps({"spans": BARE}),
        json.dumps({"scope": {"name": "app"}, "spans": BARE}),
        json.dumps({"resource": RESOURCE, "scopeSpans": [{"scope": {"name": "app"}, "spans": BARE}]}),
        json.dumps(document(("app", BARE[:1]))) + "\n" + json.dumps(BARE[1]),
        json.dumps(BARE, indent=2),
    ],
    ids=["lines", "list", "snake", "snake lines", "spans", "scope", "process", "mixed lines", "indented"],
)
def test_spans_without_their_document_are_read(text: str) -> None:
    """Queues, stores and debuggers hand out the parts of a document."""
    found = report(text)

    assert ("otlp-json", 2, 0) == (
        found.inputs[0].format, found.inputs[0].calls, found.inputs[0].skipped_total
    )  # fmt: skip
    assert (2, 0, 0, 0) == counts(found, "tenant_id")


def test_a_bare_span_is_located() -> None:
    """The pointer is that of the span in the input, and the line its own."""
    bare = [span(CALL, **ids(own)) for own in (1, 2)]
    gap = next(g for g in report(json.dumps(bare)).gaps if g.rule == "IDN001")
    lines = next(g for g in report("\n".join(map(json.dumps, bare))).gaps if g.rule == "IDN001")

    assert ["/0", "/1"] == [(anchor.pointer or "").removesuffix("/attributes") for anchor in gap.anchors]
    assert [1, 2] == [anchor.line for anchor in lines.anchors]
