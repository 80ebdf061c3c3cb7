"""Events of coding agents: two events of one call, an installation that is no user, costs in a currency."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.readers import counts, keys, report

MOMENT = {"session.id": "s-1", "event.timestamp": "2026-07-11T00:02:03.456Z"}
VENDOR = {
    "event.name": "gemini_cli.api_response",
    "model": "gemini-2.5-pro",
    "input_token_count": 12000,
    "output_token_count": 350,
}
DETAILS = {
    "event.name": "gen_ai.client.inference.operation.details",
    "gen_ai.operation.name": "generate_content",
    "gen_ai.request.model": "gemini-2.5-pro",
    "gen_ai.usage.input_tokens": 12000,
    "gen_ai.usage.output_tokens": 350,
    "gen_ai.response.id": "r-1",
}


def value(of: Any) -> dict[str, Any]:
    """A value as OTLP writes it."""
    return {"intValue": str(of)} if isinstance(of, int) else {"stringValue": of}


def logs(*events: dict[str, Any]) -> str:
    """A document of log records with these attributes."""
    records = [
        {
            "timeUnixNano": "1779008400000000000",
            "body": {"stringValue": "event"},
            "attributes": [{"key": k, "value": value(v)} for k, v in event.items()],
        }
        for event in events
    ]
    return json.dumps({"resourceLogs": [{"resource": {}, "scopeLogs": [{"logRecords": records}]}]})


def test_the_tools_event_and_the_conventions_event_are_one_call() -> None:
    """They share session and time; the second adds the response id."""
    found = report(logs(VENDOR | MOMENT, DETAILS | MOMENT))

    assert (found.inputs[0].records, found.totals.calls, found.totals.tokens) == (2, 1, 12350)
    assert counts(found, "response_id") == (1, 0, 0, 0)


@pytest.mark.parametrize("other", [{"session.id": "s-2"}, {"event.timestamp": "2026-07-11T00:02:09Z"}])
def test_events_of_another_session_or_time_are_other_calls(other: dict[str, str]) -> None:
    """Without a tool's event beside it the conventions' event is the call."""
    assert report(logs(VENDOR | MOMENT, DETAILS | MOMENT | other)).totals.calls == 2
    assert report(logs(DETAILS | MOMENT)).totals.calls == 1


def test_the_id_of_an_installation_is_of_the_process() -> None:
    """A login through a gateway makes it the person's."""
    own = {"user.id": "0f3b9c2a", "terminal.type": "vscode"}
    assert counts(report(logs(VENDOR | own)), "user_id") == (0, 0, 1, 0)

    login = report(logs(VENDOR | own | {"identity.source": "gateway-oidc"}))
    assert counts(login, "user_id") == (1, 0, 0, 0)


@pytest.mark.parametrize(
    ("cost", "verdicts"),
    [
        ({"cost": {"amount": 0.004, "currency": "EUR"}}, (0, 0, 1, 0)),
        ({"cost": {"amount": 0.004, "currency": "USD"}}, (1, 0, 0, 0)),
        ({"total_cost": 0.004, "currency": "eur"}, (0, 0, 1, 0)),
        ({"cost_usd": 0.004, "currency": "EUR"}, (1, 0, 0, 0)),
        ({"total_cost": 0.004, "order": {"currency": "EUR"}}, (1, 0, 0, 0)),
    ],
)
def test_a_cost_in_another_currency_is_none_in_dollars(
    cost: dict[str, Any], verdicts: tuple[int, int, int, int]
) -> None:
    """The currency beside the amount counts, not one of something else."""
    found = report(json.dumps({"model": "m-1", "input_tokens": 3, "output_tokens": 4, **cost}))

    assert counts(found, "cost_usd") == verdicts
    assert keys(found, "model") == {("model", "request")}
