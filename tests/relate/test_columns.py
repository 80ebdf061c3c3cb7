"""Columns that look beyond a record: calls beside calls, models swapped, what a column rests on.

It asks for the columns directly; what rules make of them is in their examples.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from auditor.audit import Input
from auditor.catalogue import prices
from auditor.catalogue.fields import PLACES, catalogue
from auditor.catalogue.predicates import demands, guard
from auditor.catalogue.words import SCOPES
from auditor.evidence.assemble import assemble
from auditor.evidence.table import Evidence
from auditor.inputs.source import Source
from auditor.readers.ingest import ingest
from auditor.relate.columns import COLUMNS, NEAREST_PLACES, need, rests_on

START = 1789380000000000000
TRACE = "5b8efff798038103d269b633813fc601"


def evidence(text: str, fmt: str) -> Evidence:
    """The table of one input."""
    given = Input(name="x", data=text.encode(), format=fmt)
    return assemble([ingest(Source(given), given, catalogue())], catalogue())


def call(n: int, start: float, end: float, **attributes: str) -> dict[str, Any]:
    """A model span under span 1, with times in seconds."""
    names = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"} | attributes
    return {
        "traceId": TRACE,
        "spanId": f"eee19b7ec3c1b10{n}",
        "parentSpanId": "eee19b7ec3c1b101",
        "name": "chat",
        "startTimeUnixNano": str(START + int(start * 1e9)),
        "endTimeUnixNano": str(START + int(end * 1e9)),
        "attributes": [{"key": k, "value": {"stringValue": v}} for k, v in names.items()],
    }


def traces(**services: list[dict[str, Any]]) -> Evidence:
    """Spans by service."""
    groups = [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": name}}]},
            "scopeSpans": [{"spans": spans}],
        }
        for name, spans in services.items()
    ]
    return evidence(json.dumps({"resourceSpans": groups}), "otlp-json")


@pytest.mark.parametrize(
    ("start", "end", "inside"),
    [(1, 2, True), (0.5, 3, False), (2.9, 3.5, False), (4, 5, False), (0.5, 2, True)],
)
def test_a_call_is_inside_a_sibling_that_encloses_it(start: float, end: float, inside: bool) -> None:
    """Begin and end lie within those of another service's call under the same parent."""
    table = traces(gateway=[call(2, 0.5, 3)], provider=[call(3, start, end)])

    assert [False, inside] == need(table, "inside_sibling")["inside_sibling"].to_list()


def test_calls_of_one_service_are_never_inside_each_other() -> None:
    """Parallel calls of one service are two calls."""
    table = traces(gateway=[call(2, 0, 3), call(3, 1, 2)])

    assert [False, False] == need(table, "inside_sibling")["inside_sibling"].to_list()


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("us.anthropic.claude-3-haiku-20240307-v1:0", "claude-3-haiku-20240307"),
        ("bedrock/anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-3-5-sonnet-latest"),
        ("gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
        ("gpt-3.5-turbo", "gpt-3.5-turbo-0125"),
        ("anthropic/claude-3.5-sonnet", "claude-3-5-sonnet@20240620"),
        ("GPT-4o", "gpt-4o"),
        ("deepseek/deepseek-r1:free", "deepseek-r1"),
    ],
)
def test_another_spelling_of_a_model_is_the_same_model(asked: str, served: str) -> None:
    """Route, region, vendor, date and revision do not make another model."""
    names = {"gen_ai.request.model": asked, "gen_ai.response.model": served}
    table = traces(app=[call(2, 0, 1, **names)])

    assert True not in need(table, "model_swapped")["model_swapped"].to_list()


@pytest.mark.parametrize(
    ("asked", "served", "swapped"),
    [
        ("gpt-4o", "gpt-4o-mini", True),
        ("claude-3-haiku", "claude-3-opus", True),
        ("claude-3-5-sonnet-latest", "claude-sonnet-4-5-20250929", True),
        ("gpt-4o", "gpt-4o-2024-08-06", False),
        ("claude-haiku", "claude-3-haiku-20240307", None),
        ("fast-model", "gpt-4o", None),
        ("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc", "claude-3-haiku", None),
        ("auto", "gpt-4o", None),
    ],
)
def test_a_model_is_swapped_when_another_one_answers(asked: str, served: str, swapped: bool | None) -> None:
    """A hidden model cannot be compared; any other is told."""
    names = {"gen_ai.request.model": asked, "gen_ai.response.model": served}
    table = traces(app=[call(2, 0, 1, **names)])

    assert [swapped] == need(table, "model_swapped")["model_swapped"].to_list()


def test_a_record_that_names_one_model_was_not_swapped() -> None:
    """Without an answer there is nothing to compare."""
    table = traces(app=[call(2, 0, 1)])

    assert [None] == need(table, "model_swapped")["model_swapped"].to_list()


@pytest.mark.parametrize(
    ("column", "rests"),
    [
        ("tenant_id_scope", "tenant_id"),
        ("tenant_id_key", "tenant_id"),
        ("response_id_repeats", "response_id"),
        ("principal_role", "iam_principal"),
        ("session_kind", "iam_principal"),
        ("role_share", "iam_principal"),
        ("model_swapped", "model"),
        ("root_tenant_id", "root_tenant_id"),
        ("weight", "weight"),
    ],
)
def test_a_related_column_rests_on_the_field_it_was_made_of(column: str, rests: str) -> None:
    """The key that a gap shows is that of the field behind the column."""
    assert rests == rests_on(column, catalogue().fields)


@pytest.mark.parametrize(
    ("predicate", "columns"),
    [
        ("a IS NOT NULL AND b = 1", {"a", "b"}),
        ("a > 1 OR b > 1", set()),
        ("(a > 1 AND b > 1) OR (a < 0 AND c > 1)", {"a"}),
        ("NOT REGEXP_LIKE(a, 'x')", {"a"}),
        ("NOT COALESCE(a, FALSE)", set()),
        ("a IS NULL AND COALESCE(b, 0) > 1", set()),
        ("COALESCE(a, b) IS NOT NULL", set()),
    ],
)
def test_a_predicate_demands_what_must_be_known_for_it_to_hold(predicate: str, columns: set[str]) -> None:
    """A rule is left out of an audit when a column that it cannot do without holds nothing."""
    assert columns == demands(predicate)


@pytest.mark.parametrize(
    ("predicate", "plain"),
    [
        ("a > 1 AND COUNT(b) OVER (PARTITION BY input) > 1", "a > 1"),
        ("a > 1 AND b AND (c OR MAX(d) OVER (PARTITION BY input) > c)", "a > 1 AND b"),
        ("a > 1 OR COUNT(b) OVER (PARTITION BY input) > 1", None),
        ("COUNT(b) OVER (PARTITION BY input) > a", None),
        ("a > 1 AND b > 1", None),
    ],
)
def test_a_window_is_asked_only_where_the_rest_of_its_predicate_holds(predicate: str, plain: str) -> None:
    """What stands beside a window by AND guards it; nothing else does."""
    assert plain == guard(predicate)


def test_a_model_that_is_free_costs_nothing() -> None:
    """What OpenRouter offers as `:free` is no zero by mistake."""
    assert (0.0, 0.0, 0.0, 0.0) == prices.rates("google/gemini-2.0-flash-exp:free", "openrouter", None)


def test_the_price_of_a_token_is_that_of_a_short_context() -> None:
    """Some models cost twice as much beyond 200,000 tokens: few calls are so long."""
    assert (3000.0, 15000.0) == (prices.rates("claude-sonnet-4-5", None, None) or ())[:2]


def test_every_place_of_a_value_has_a_rank() -> None:
    """The plan looks for values at all places that related columns have, and at scopes of readers."""
    related = {column.place for column in COLUMNS if column.place}

    assert related < set(NEAREST_PLACES)
    assert set(NEAREST_PLACES) - related <= {*SCOPES, *PLACES.values(), "weak"}
