"""Facts around pairs: the words before them, objects as languages print them, two JSON values on one line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auditor.framing.json_in_logs import after_prefix
from auditor.framing.json_values import Piece
from auditor.framing.key_value import PHRASES, event_pairs, pairs_of
from auditor.framing.nested import leaves
from auditor.framing.wrappers import unwrapped


@pytest.mark.parametrize(
    "text",
    [
        "usage=TokenUsage { inputTokenCount = 812, outputTokenCount = 96 } ok=1",
        "usage=DefaultUsage{inputTokenCount=812, outputTokenCount=96} ok=1",
        "usage=Usage(inputTokenCount=812, outputTokenCount=96) ok=1",
    ],
    ids=["langchain4j", "spring", "python"],
)
def test_a_printed_object_is_its_members(text: str) -> None:
    """Whatever brackets and blanks the language prints."""
    assert pairs_of(text)[0] == {"inputTokenCount": "812", "outputTokenCount": "96", "ok": "1"}


def test_an_owner_in_the_words_before_pairs_counts() -> None:
    """As it does in a sentence without pairs."""
    found = event_pairs("completion done for tenant acme model=gpt-4o prompt_tokens=8")
    assert found is not None
    assert found[PHRASES]["tenant"] == "acme"
    assert PHRASES not in (event_pairs("llm_call model=gpt-4o prompt_tokens=8") or {})


def test_the_context_and_what_follows_it_are_one_record() -> None:
    """Monolog writes two JSON values behind a message; the first one wins."""
    line = 'production.INFO: done {"tenant":"acme","a":1} {"request_id":"c-1","a":2}'
    assert after_prefix(line) == {"tenant": "acme", "request_id": "c-1", "a": 1}
    assert after_prefix('app: done {"tenant":"acme"} []') == {"tenant": "acme"}


def test_pairs_in_lists_are_tags_below_tags_and_headers_only() -> None:
    """Two texts in a list are anything elsewhere."""
    record = {"tags": [["tenant", "acme"], ["team", "growth"]], "edges": [["tenant", "acme"], ["a", "b"]]}
    found = {path: leaf for path, _, leaf in leaves(record)}
    assert found["tags.tenant"] == "acme"
    assert "edges.tenant" not in found


def _records(value: dict[str, Any]) -> list[Any]:
    return [piece.value for piece in unwrapped(Piece(value, 0, ""), lambda _: False)]


CALLS = [
    {"model": "m-1", "request_id": f"b-{i}", "prompt_tokens": 8, "completion_tokens": 2} for i in range(2)
]


def test_totals_of_a_batch_are_no_call_and_go_to_none() -> None:
    """The records are the calls; what is wider than they are stays around them."""
    found = _records({"totals": {"prompt_tokens": 16, "cost_usd": 0.1}, "tenant": "acme", "calls": CALLS})
    assert [record["request_id"] for record in found] == ["b-0", "b-1"]
    assert "cost_usd" not in json.dumps(found)
    assert "acme" in json.dumps(found)


def test_parts_of_a_call_are_not_its_batch() -> None:
    """A model or id beside the counts makes the whole one call."""
    whole = {"model": "m-1", "usage": {"prompt_tokens": 16}, "attempts": CALLS}
    assert _records(whole) == [whole]
