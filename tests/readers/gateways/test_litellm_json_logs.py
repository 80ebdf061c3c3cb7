"""LiteLLM's own JSON log: which line is the call, and that nothing else is one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.readers import counts, report

CALL = "\nLiteLLM completion() model= us.anthropic.claude-sonnet-4-5-20250929-v1:0; provider = bedrock"
OTHERS = [
    (
        "litellm.acompletion(model=bedrock/us.anthropic.claude-sonnet-4-5)\x1b[32m 200 OK\x1b[0m",
        "LiteLLM Router",
    ),
    ('127.0.0.1:60272 - "POST /v1/chat/completions HTTP/1.1" 200', "uvicorn.access"),
    ("SESSION REUSE: Attached shared aiohttp session to request (ID: 139822367627856)", "LiteLLM Proxy"),
    ("background_health_check_config enabled=False model_groups=None", "LiteLLM Proxy"),
    ("Fallback to model=claude-haiku; provider = bedrock", "LiteLLM Router"),
]
BANNER = """
   ██╗     ██╗████████╗███████╗
\x1b[32mLiteLLM: Proxy initialized with Config, Set models:\x1b[0m
\x1b[32m    claude-sonnet\x1b[0m
\x1b[32m    gpt-4o-mini\x1b[0m
"""


def line(message: str = CALL, component: str = "LiteLLM", **more: Any) -> str:
    """One line as LiteLLM 1.106.2 writes it."""
    record = {"message": message, "level": "INFO", "timestamp": "2026-11-21T01:59:29.016482"}
    return json.dumps({**record, "component": component, "logger": "utils.py:4706", **more}) + "\n"


def test_the_line_that_announces_a_completion_is_the_call() -> None:
    """It carries model and provider."""
    found = report(line())

    assert ("litellm-json-logs", 1) == (found.inputs[0].format, found.inputs[0].calls)
    assert (1, 0, 0, 0) == counts(found, "model")
    assert (1, 0, 0, 0) == counts(found, "provider")


@pytest.mark.parametrize(
    "name",
    ["tenant_id", "team_id", "user_id", "request_id", "cost_usd", "tokens_input", "region", "iam_principal"],
)
def test_it_carries_nothing_else(name: str) -> None:
    """No gap of the team's: these lines never hold it."""
    assert (0, 0, 0, 1) == counts(report(line()), name)


@pytest.mark.parametrize(("message", "component"), OTHERS)
def test_every_other_line_is_context(message: str, component: str) -> None:
    """Routing, access and start-up lines name models and are no calls."""
    found = report(line() + line(message, component))

    assert (1, 1) == (found.inputs[0].calls, found.inputs[0].context)


def test_the_start_of_the_proxy_holds_no_calls() -> None:
    """Neither the banner nor the list of configured models is one."""
    found = report(line("Started server process [1]", "uvicorn.error") + BANNER + line() + line())

    assert ("litellm-json-logs", 2) == (found.inputs[0].format, found.inputs[0].calls)
    assert (2, 0, 0, 0) == counts(found, "model")


def test_ids_of_the_correlation_filter_are_read() -> None:
    """They are there only where the proxy was told to write them."""
    found = report(line(trace_id="trace-1", session_id="conv-1"))

    assert (1, 0, 0, 0) == counts(found, "trace_id")
    assert (1, 0, 0, 0) == counts(found, "session_id")


def test_older_versions_name_no_component() -> None:
    """The message alone tells the call."""
    old = json.dumps({"message": CALL, "level": "INFO", "timestamp": "2025-03-01T01:59:29.016482"})
    other = json.dumps(
        {"message": "Application startup complete.", "level": "INFO", "timestamp": "2025-03-01T01:59:28"}
    )
    found = report(f"{other}\n{old}\n{old}\n")

    assert ("litellm-json-logs", 2) == (found.inputs[0].format, found.inputs[0].calls)


def test_the_log_of_an_application_beside_it_is_read_as_its_own() -> None:
    """A compose log of proxy and application holds calls of both."""
    app = {"event": "llm.call", "tenant_id": "acme", "model": "m", "input_tokens": 5, "output_tokens": 6}
    found = report(line() + json.dumps(app) + "\n" + line())

    assert 3 == found.inputs[0].calls
    assert 1 == counts(found, "tenant_id")[0]


def test_an_applications_own_formatter_is_not_taken_for_litellms() -> None:
    """Message, level and timestamp alone say nothing of LiteLLM."""
    record = {
        "message": "hello",
        "level": "INFO",
        "timestamp": "2026-11-21T01:59:29",
        "model": "m",
        "input_tokens": 5,
    }

    assert "generic-json" == report(json.dumps(record)).inputs[0].format


def test_the_text_log_says_the_same() -> None:
    """The announcement stands on a line of its own there, in colours."""
    text = (
        "\x1b[92m10:00:02 - LiteLLM Router:INFO\x1b[0m: router.py:1601 - Routing strategy: simple-shuffle\n"
        "\x1b[92m10:00:03 - LiteLLM:INFO\x1b[0m: utils.py:4706 - \n"
        "LiteLLM completion() model= anthropic.claude-3-haiku-20240307-v1:0; provider = bedrock\n"
        "\x1b[92m10:00:04 - LiteLLM Router:INFO\x1b[0m: router.py:3993 - litellm.acompletion(model=m) OK\n"
    )
    found = report(text)

    assert ("litellm-json-logs", 1, 3) == (
        found.inputs[0].format,
        found.inputs[0].calls,
        found.inputs[0].context,
    )
    assert (1, 0, 0, 0) == counts(found, "model")
