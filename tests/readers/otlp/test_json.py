"""OTLP/JSON: every spelling of a document, and what its attributes prove."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from auditor.audit import Input, audit
from auditor.policy.model import Policy
from tests.readers import counts, field, report
from tests.support.spans import MODEL, PARENT, base64_ids, call, snake, span, traces

WITH_PARENT = traces(span(PARENT, "", "POST /v1/answer", tenant__id="acme"), call())


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(WITH_PARENT),
        json.dumps(WITH_PARENT, indent=4),
        json.dumps(WITH_PARENT) + "\n" + json.dumps(traces()),
        json.dumps(snake(WITH_PARENT)),
        json.dumps(base64_ids(WITH_PARENT)),
        json.dumps(WITH_PARENT).replace("scopeSpans", "instrumentationLibrarySpans"),
        "2026-09-14T10:00:03Z collector " + json.dumps(WITH_PARENT),
    ],
    ids=["document", "indented", "lines", "snake case", "base64 ids", "old library spans", "log prefix"],
)
def test_an_otlp_document_is_read_in_every_spelling(text: str) -> None:
    """One call, one context span, and the tenant found on the parent."""
    found = report(text)
    assert ("otlp-json", 1, 1) == (found.inputs[0].format, found.inputs[0].calls, found.inputs[0].context)
    assert (0, 0, 1, 0) == counts(found, "tenant_id")
    assert (1, 0, 0, 0) == counts(found, "tokens_input")


@pytest.mark.parametrize(
    ("attributes", "cause"),
    [
        ({"http__request__header__x-tenant-id": ["acme"]}, "wire_only"),
        ({"http__request__header__baggage": ["user.id=u%2D42,tenant.id=acme;p=1"]}, "wire_only"),
    ],
)
def test_a_captured_header_is_no_evidence(attributes: dict[str, Any], cause: str) -> None:
    """A header on the server span proves that the tenant arrived, not that the gateway attributes by it."""
    found = report(json.dumps(traces(span(PARENT, "", "POST /v1/answer", **attributes), call())))
    assert {cause: 1} == field(found, "tenant_id").causes


def test_values_inside_json_text_and_tag_lists_count() -> None:
    """OpenInference hides the tenant in a JSON string and teams in tags."""
    held = {"metadata": '{"tenant_id": "acme"}', "tag__tags": ["team:growth", "beta"]}
    found = report(json.dumps(traces(call(**held))))
    assert (1, 0, 0, 0) == counts(found, "tenant_id")
    assert (1, 0, 0, 0) == counts(found, "team_id")


def test_a_value_in_prompt_text_never_counts() -> None:
    """Whatever a prompt says of tenants is content."""
    held = {"gen_ai__prompt": '{"tenant_id": "acme"}', "input__value": '{"tenant_id": "acme"}'}
    assert (0, 1, 0, 0) == counts(report(json.dumps(traces(call(**held)))), "tenant_id")


def test_a_wrapper_that_repeats_the_usage_is_context() -> None:
    """The outer span of an SDK that writes the same tokens again is no second call."""
    outer = call() | {"spanId": PARENT, "parentSpanId": "", "name": "ai.generateText"}
    found = report(json.dumps(traces(outer, call())))
    assert (1, 1) == (found.inputs[0].calls, found.inputs[0].context)


def test_a_process_attribute_stands_at_process_scope() -> None:
    """One value for every tenant that the process serves is no tenant of a call."""
    found = report(json.dumps(traces(call(), resource={"service.name": "bot", "tenant.id": "acme"})))
    assert {"wider_scope": 1} == field(found, "tenant_id").causes
    assert ("resource.tenant.id", "process") == (
        field(found, "tenant_id").found[0].key,
        field(found, "tenant_id").found[0].scope,
    )


def test_what_a_span_dropped_is_not_called_absent() -> None:
    """A span that says it dropped attributes cannot tell which; what it kept still counts."""
    held = call() | {"droppedAttributesCount": 2}
    found = report(json.dumps(traces(held)))
    assert {"by_sample": 1} == field(found, "tenant_id").causes
    assert (1, 0, 0, 0) == counts(found, "model")


def test_worker_processes_give_the_same_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes over ranges of one file find what one process finds, skips and lines included."""
    monkeypatch.setattr("auditor.execution.local.SPLIT_FROM", 1)
    monkeypatch.setattr("auditor.execution.local.RANGE", 2_000)
    path = tmp_path / "spans.jsonl"
    lines = [json.dumps(traces(call(tenant__id="acme") if i % 3 else call())) for i in range(40)]
    lines[17] = '{"broken'
    path.write_text("\n".join(lines))
    one, two = (audit([Input(name="spans", path=path)], jobs=jobs) for jobs in (1, 2))
    assert msgspec.json.encode(one) == msgspec.json.encode(two)
    assert [18] == [s.line for s in one.inputs[0].skipped]


def deployments(*teams: str) -> str:
    """One export of several processes, each with a team on its resource."""
    documents = [
        traces(call(), resource={"service.name": f"worker-{i}", "team.id": team})
        for i, team in enumerate(teams)
    ]
    return json.dumps({"resourceSpans": [block for d in documents for block in d["resourceSpans"]]})


@pytest.mark.parametrize(
    ("teams", "verdicts"),
    [(("growth", "legal"), (2, 0, 0, 0)), (("growth", "growth"), (0, 0, 2, 0)), (("growth",), (0, 0, 1, 0))],
    ids=["a deployment for each team", "replicas of one", "one process"],
)
def test_a_process_speaks_for_its_team_only_where_teams_are_told_apart(
    teams: tuple[str, ...], verdicts: tuple[int, int, int, int]
) -> None:
    """Two processes with a team each are evidence; one team for everything served there is not."""
    assert verdicts == counts(report(deployments(*teams)), "team_id")


def test_the_policy_can_say_that_a_service_is_dedicated() -> None:
    """What the process of a dedicated service says of the team counts."""
    policy = Policy(profile="all", dedicated=["worker-0"])
    found = audit([Input(name="input", data=deployments("growth").encode())], policy)
    assert (1, 0, 0, 0) == counts(found, "team_id")
    assert [("resource.team.id", True)] == [(k.key, k.accepted) for k in field(found, "team_id").found][:1]


@pytest.mark.parametrize(
    "attributes",
    [
        {
            "openinference__span__kind": "LLM",
            "llm__model_name": MODEL,
            "llm__token_count__prompt": 12,
            "llm__token_count__completion": 3,
            "llm__cost__total": 0.25,
        },
        {
            "langfuse__observation__type": "generation",
            "langfuse__observation__model__name": MODEL,
            "langfuse__observation__usage_details": '{"input": 12, "output": 3}',
            "langfuse__observation__cost_details": '{"total": 0.25}',
        },
        {
            "mlflow__spanType": "LLM",
            "mlflow__llm__model": MODEL,
            "mlflow__chat__tokenUsage": '{"input_tokens": 12, "output_tokens": 3}',
            "mlflow__llm__cost": '{"total_cost": 0.25}',
        },
        {
            "ai__operationId": "ai.generateText.doGenerate",
            "ai__model__id": MODEL,
            "ai__usage__promptTokens": 12,
            "ai__usage__completionTokens": 3,
            "gen_ai__usage__cost": 0.25,
        },
    ],
    ids=["openinference", "langfuse", "mlflow", "vercel"],
)
def test_usage_and_cost_are_read_in_every_vocabulary(attributes: dict[str, Any]) -> None:
    """One call with its model, 15 tokens and 25 cents, whatever the instrumentation calls them."""
    found = report(json.dumps(traces(span(**attributes))))
    assert (1, 15, 0.25) == (found.inputs[0].calls, found.totals.tokens, found.totals.cost_usd)
    assert (1, 0, 0, 0) == counts(found, "model")
