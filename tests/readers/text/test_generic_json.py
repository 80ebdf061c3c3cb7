"""JSON logs: nested, opened, and never read out of bodies."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.readers import counts, report


@pytest.mark.parametrize(
    "record",
    [
        {"ecs.version": "1.6.0", "labels": {"tenant_id": "acme"},
         "gen_ai": {"request": {"model": "m"}, "usage": {"input_tokens": 3}}},
        {"event": "llm.call", "ctx": {"tenant": "acme"}, "model": "m", "usage": {"prompt_tokens": 3}},
        {"message": "call", "request": {"model": "m", "metadata": {"tenantId": "acme"}}, "input_tokens": 3},
        {"model": "m", "input_tokens": 3, "tags": ["tenant:acme", "beta"]},
        {"log": '{"model": "m", "input_tokens": 3, "tenant_id": "acme"}\n', "stream": "stdout"},
        {"model_id": "m", "tokens": {"input_tokens": 3}, "extra": "{'tenant_id': 'acme'}"},
    ],
    ids=["ecs", "nested context", "request object", "tag strings", "docker json-file", "python dictionary"],
)  # fmt: skip
def test_a_log_record_is_read_however_it_nests(record: dict[str, Any]) -> None:
    """One call with its tenant, model and tokens."""
    found = report(json.dumps(record))
    assert ("generic-json", 1) == (found.inputs[0].format, found.inputs[0].calls)
    for name in ("tenant_id", "model", "tokens_input"):
        assert (1, 0, 0, 0) == counts(found, name), name


@pytest.mark.parametrize(
    "record",
    [
        {
            "messages": [{"role": "user", "content": "x", "tenant_id": "acme"}],
            "model": "m",
            "input_tokens": 3,
        },
        {"prompt": '{"tenant_id": "acme"}', "model": "m", "input_tokens": 3},
        {"response": {"tenant_id": "acme"}, "model": "m", "input_tokens": 3},
        {"body": {"text": "tenant_id: acme"}, "model": "m", "input_tokens": 3},
    ],
)
def test_what_a_body_says_of_a_tenant_is_content(record: dict[str, Any]) -> None:
    """Prompts and answers are nobody's evidence."""
    assert (0, 1, 0, 0) == counts(report(json.dumps(record)), "tenant_id")
