"""LangChain callback events: starts and ends joined to calls, as handlers and event streams write them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.readers import counts, field, keys, report
from tests.support.langchain import AGAIN, CALL, LS, ROOT, end, failed, lines, message, start


def test_a_start_and_its_end_are_one_call() -> None:
    """Metadata comes from the start, ids from the end, and each line is counted."""
    chain = {"event": "on_chain_start", "run_id": ROOT, "metadata": {"team": ""}, "name": "flow"}
    found = report(lines(chain, start(parent=ROOT), end(parent=ROOT)))

    assert ("langchain-callbacks", "app", 3) == (
        found.inputs[0].format,
        found.inputs[0].layer,
        found.inputs[0].records,
    )
    assert (1, 2, 0) == (found.inputs[0].calls, found.inputs[0].context, found.inputs[0].skipped_total)
    assert ("metadata.ls_model_name", "span") in keys(found, "model")
    assert {("metadata.ls_invocation_params.region_name", "span")} == keys(found, "region")
    assert (1, 0, 0, 0) == counts(found, "request_id")


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        ({"tenant_id": "acme"}, "tenant_id"),
        ({"customer": "acme"}, "tenant_id"),
        ({"workflow_id": "triage"}, "workflow_id"),
        ({"user_id": "u-7"}, "user_id"),
        ({"thread_id": "th-1"}, "session_id"),
        ({"conversation_id": "c-1"}, "session_id"),
        ({"langgraph_node": "answer"}, "agent"),
        ({"app": {"team": "growth"}}, "team_id"),
    ],
)
def test_metadata_of_the_start_stands_on_the_call(metadata: dict[str, Any], name: str) -> None:
    """Names of the team's own, an alias, LangSmith's word for the conversation, a mapping within."""
    found = report(lines(start(metadata=LS | metadata), end()))

    assert (1, 0, 0, 0) == counts(found, name)


def test_tags_are_pairs_and_plumbing_tags_are_none() -> None:
    """`team:growth` names a team; `seq:step:2` and a bare word name nothing."""
    found = report(lines(start(tags=["seq:step:2", "prod", "team:growth"]), end()))

    assert {("tags.team", "span")} == keys(found, "team_id")
    assert (0, 1, 0, 0) == counts(found, "environment")


def test_a_tag_only_on_the_chain_is_mis_scoped() -> None:
    """The chain's start is the record above the call."""
    chain: dict[str, Any] = {
        "event": "on_chain_start",
        "run_id": ROOT,
        "parent_run_id": None,
        "tags": ["tenant:acme"],
    }
    found = report(lines(chain, start(parent=ROOT), end(parent=ROOT)))

    assert (0, 0, 1, 0) == counts(found, "tenant_id")


def test_attempts_of_one_call_share_no_request_id() -> None:
    """`with_retry` starts a new run below the same parent, whose tag counts the attempt."""
    events = [start(CALL, ROOT), failed(CALL, ROOT), start(AGAIN, ROOT, tags=["retry:attempt:2"])]
    found = report(lines(*events, end(AGAIN, ROOT)))

    assert 2 == found.inputs[0].calls
    assert (0, 1, 1, 0) == counts(found, "request_id")
    assert "CNT002" in {g.rule for g in found.gaps}
    assert ("tags.retry:attempt", "attempt") in keys(found, "retry_count")
    assert (1, 1, 0, 0) == counts(found, "error_code")


def test_usage_that_a_dump_lost_is_absent() -> None:
    """`model_dump()` drops `usage_metadata`: the format carries tokens, the sample does not."""
    assert (0, 1, 0, 0) == counts(report(lines(start(), end())), "tokens_input")


def test_usage_of_the_message_is_read_without_its_cached_tokens() -> None:
    """LangChain's input tokens hold the cached ones; the field does not."""
    usage: dict[str, Any] = {"input_tokens": 120, "output_tokens": 45, "total_tokens": 165}
    usage |= {"input_token_details": {"cache_read": 100, "cache_creation": 5}}
    found = report(lines(start(), end(usage_metadata=usage)))

    assert 165 == found.totals.tokens
    for name in ("tokens_input", "tokens_output", "tokens_cache_read", "tokens_cache_write"):
        assert (1, 0, 0, 0) == counts(found, name), name


def test_usage_of_openai_stands_in_llm_output() -> None:
    """`token_usage` and the vendor's own response id."""
    response = {
        "generations": [[{"message": message(response_metadata={"id": "chatcmpl-9"})}]],
        "llm_output": {"token_usage": {"prompt_tokens": 12, "completion_tokens": 3}, "model_name": "gpt-4o"},
    }
    found = report(lines(start(), {"event": "on_llm_end", "run_id": CALL, "response": response}))

    assert {("response.llm_output.token_usage.prompt_tokens", "span")} == keys(found, "tokens_input")
    assert (1, 0, 0, 0) == counts(found, "request_id")


def test_serialised_messages_are_opened() -> None:
    """`dumpd()` writes messages as constructors with their values in `kwargs`."""
    packed = {"lc": 1, "type": "constructor", "kwargs": message(usage_metadata={"input_tokens": 3})}
    response = {"generations": [[{"text": "text", "message": packed}]]}
    found = report(lines(start(), {"event": "on_llm_end", "run_id": CALL, "response": response}))

    assert (1, 0, 0, 0) == counts(found, "tokens_input")
    assert (1, 0, 0, 0) == counts(found, "attempt_id")


def test_a_start_without_an_end_is_a_call() -> None:
    """The sample was cut, or the call hangs: it is counted all the same."""
    found = report(lines(start(CALL), start(AGAIN, metadata={"tenant_id": "acme"})))

    assert (2, 0) == (found.inputs[0].calls, found.inputs[0].context)
    assert (1, 1, 0, 0) == counts(found, "tenant_id")


def test_lines_may_stand_in_any_order() -> None:
    """Log shippers reorder what was written within a millisecond."""
    found = report(lines(end(), start(metadata={"tenant_id": "acme"})))

    assert (1, 1) == (found.inputs[0].calls, found.inputs[0].context)
    assert {(1, 0, 0, 0)} == {counts(found, "tenant_id"), counts(found, "request_id")}


def test_a_run_that_starts_twice_is_two_calls() -> None:
    """Nothing is dropped as a duplicate."""
    found = report(lines(start(), start(), end(), end()))

    assert (2, 2) == (found.inputs[0].calls, found.inputs[0].context)


def test_an_end_without_its_start_is_a_call() -> None:
    """The sample began too late: what the end says is kept."""
    found = report(lines(end(), failed(AGAIN)))

    assert 2 == found.inputs[0].calls
    assert (1, 1, 0, 0) == counts(found, "request_id")


def test_astream_events_are_the_same_events() -> None:
    """Version 2 of the event stream: `parent_ids`, data within, and chunks as context."""
    base: dict[str, Any] = {"run_id": CALL, "name": "Chat", "tags": ["team:growth"], "parent_ids": [ROOT]}
    base["metadata"] = LS | {"tenant_id": "acme"}
    packed = {
        "kwargs": message(usage_metadata={"input_tokens": 3, "output_tokens": 1}),
        "type": "constructor",
    }
    found = report(
        lines(
            {"event": "on_chain_start", "run_id": ROOT, "parent_ids": [], "data": {"input": {}}, "tags": []},
            {"event": "on_chat_model_start", "data": {"input": {"messages": []}}} | base,
            {"event": "on_chat_model_stream", "data": {"chunk": {}}} | base,
            {"event": "on_chat_model_end", "data": {"output": packed}} | base,
        )
    )

    assert (1, 3) == (found.inputs[0].calls, found.inputs[0].context)
    for name in ("tenant_id", "team_id", "tokens_input", "request_id"):
        assert (1, 0, 0, 0) == counts(found, name), name


def test_the_time_is_that_of_the_run_id_where_events_have_none() -> None:
    """Time-ordered ids tell when a call began, and order its attempts."""
    found = report(
        lines(start() | {"timestamp": "2026-09-14T10:00:03Z"}, end() | {"timestamp": 1789380004.5})
    )

    assert (1, 0, 0, 0) == counts(found, "latency_ms")
    assert [] == [g.rule for g in report(lines(start(), end())).gaps if g.rule == "USE008"]


@pytest.mark.parametrize("key", ["event", "callback", "event_type", "type", "hook"])
def test_handlers_name_the_event_as_they_like(key: str) -> None:
    """What decides is a callback's name beside a run id."""
    renamed = [{key: e.pop("event")} | e for e in (start(), end())]

    assert "langchain-callbacks" == report(lines(*renamed)).inputs[0].format


def test_a_prompt_is_no_evidence() -> None:
    """A tenant that only a prompt or an answer names is not there."""
    said: dict[str, Any] = {
        "prompts": ["tenant_id: acme"],
        "messages": [[{"content": '{"tenant_id": "acme"}'}]],
    }
    found = report(lines(start(**said), end(content='{"tenant_id": "acme"}')))

    assert (0, 1, 0, 0) == counts(found, "tenant_id")
    assert [] == field(found, "tenant_id").found
