"""What a span says that it does: the words of each vocabulary, and what follows for its tokens."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auditor.report.schema import Report
from tests.readers import counts, field, report
from tests.support.otlp import CALL, MODEL, PARENT, log, logs, span, traces

USAGE = {"gen_ai.request.model": MODEL, "gen_ai.usage.input_tokens": 12}
EMBEDDINGS: list[dict[str, Any]] = [
    {"gen_ai.operation.name": "embeddings"},
    {"gen_ai.operation.name": "aembedding", "llm.request.type": "aembedding"},
    {"openinference.span.kind": "EMBEDDING"},
    {"langfuse.observation.type": "embedding"},
    {"mlflow.spanType": '"EMBEDDING"'},
    {"ai.operationId": "ai.embedMany.doEmbed"},
    {"gen_ai.request.model": "amazon.titan-embed-text-v2:0"},
]


def said(found: Report) -> list[str]:
    """The operations at which the missing tenant is told."""
    gap = next(gap for gap in found.gaps if gap.rule == "IDN001")
    return [where.name for where in gap.where if where.dimension == "operation"]


@pytest.mark.parametrize(
    ("attributes", "wanted"),
    [
        ({"gen_ai.operation.name": "chat", "rpc.method": "Converse"}, "chat"),
        ({"gen_ai.operation.name": "acompletion", "llm.request.type": "acompletion"}, "completion"),
        ({"llm.request.type": "chat"}, "chat"),
        ({"openinference.span.kind": "LLM"}, "LLM"),
        ({"langfuse.observation.type": "generation"}, "generation"),
        ({"mlflow.spanType": '"CHAT_MODEL"'}, "CHAT_MODEL"),
        ({"langsmith.span.kind": "llm"}, "llm"),
        ({"ai.operationId": "ai.generateText.doGenerate"}, "ai.generateText.doGenerate"),
        ({"rpc.service": "Bedrock Runtime", "rpc.method": "ConverseStream"}, "ConverseStream"),
    ],
)
def test_a_gap_says_at_which_operation(attributes: dict[str, Any], wanted: str) -> None:
    """The conventions' own word first; the call of an SDK only where nothing else is said."""
    held = USAGE | {"gen_ai.usage.output_tokens": 3} | attributes
    assert [wanted] == said(report(json.dumps(traces(span(held)))))


def test_an_event_names_its_operation() -> None:
    """A log record says it as a span does."""
    event = log("gen_ai.client.inference.operation.details", CALL)
    assert ["chat"] == said(report(json.dumps(logs(event))))


def test_a_span_that_names_no_operation_has_none() -> None:
    """A model beside its usage is a call of some operation."""
    assert [] == said(report(json.dumps(traces(span(USAGE | {"gen_ai.usage.output_tokens": 3})))))


@pytest.mark.parametrize("attributes", EMBEDDINGS, ids=lambda a: next(iter(a.values())))
def test_an_embedding_is_not_asked_for_output(attributes: dict[str, Any]) -> None:
    """Its input tokens are wanted; output is nothing that it could carry."""
    found = report(json.dumps(traces(span(USAGE | attributes))))

    assert ((1, 0, 0, 0), (0, 0, 0, 1)) == (counts(found, "tokens_input"), counts(found, "tokens_output"))
    assert {"by_format": 1} == field(found, "tokens_output").causes


def test_a_ranking_is_not_asked_for_tokens() -> None:
    """It is sold by the search; tokens that it carries all the same count."""
    ranking = {"gen_ai.operation.name": "rerank", "gen_ai.request.model": "cohere.rerank-v3-5:0"}
    bare = span(ranking, parentSpanId="")
    held = span(USAGE | {"llm.request.type": "rerank"}, spanId=PARENT, parentSpanId="")
    found = report(json.dumps(traces(bare, held)))

    assert ((1, 0, 0, 1), (0, 0, 0, 2)) == (counts(found, "tokens_input"), counts(found, "tokens_output"))


def test_a_chat_beside_an_embedding_is_asked_for_output() -> None:
    """What one call cannot carry is not forgiven another."""
    chat = span(USAGE | {"gen_ai.operation.name": "chat"}, spanId=PARENT, parentSpanId="")
    found = report(json.dumps(traces(chat, span(USAGE | EMBEDDINGS[0], parentSpanId=""))))

    assert (0, 1, 0, 1) == counts(found, "tokens_output")
    assert [1] == [gap.calls for gap in found.gaps if gap.rule == "USE005"]
