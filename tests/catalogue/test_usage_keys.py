"""Keys that name token counts and costs by their words, and keys that only look like it."""

from __future__ import annotations

import pytest

from auditor.catalogue.fields import catalogue

NAMED = {
    "tokens_input": """usage.input usage.prompt usage_in in_tok tok_in n_input_tokens tokensIn
        token_usage.prompt inputtokens usageMetadata.promptTokenCount acme_input_tokens
        llm.usage.tokens.in input.token_count""",
    "tokens_output": """usage.output usage.completion out_tok tok_out usageMetadata.candidatesTokenCount
        llm.usage.tokens.out completionTokens outputtokens""",
    "tokens_total": "usage.total total_tok session.token.total usageMetadata.totalTokenCount",
    "tokens_cache_read": """input_token_details.cache_read usage.prompt_tokens_details.cached_tokens
        usageMetadata.cachedContentTokenCount gen_ai.usage.details.cache_read_tokens""",
    "tokens_cache_write": "input_token_details.cache_creation usage.cache_write_tokens",
    "tokens_reasoning": "completion_tokens_details.reasoning usageMetadata.thoughtsTokenCount",
    "cost_usd": "cost.total cost_total cost.amount usage.cost.total gen_ai.usage.cost.amount costusd",
}
OTHERWISE = """max_input_tokens input_cost_per_token output_token_price memory_usage.total cpu_usage.in
    prompt_tokens_details.audio_tokens cache_creation.ephemeral_5m_input_tokens audio_input_tokens
    token_budget_in cost.input costs.output original_cost budget.spend max_spend spend_limit token_type token
    access_token
    csrf.token token_usage usage price total""".split()


@pytest.mark.parametrize(("field", "key"), [(f, key) for f, keys in NAMED.items() for key in keys.split()])
def test_words_of_a_count_name_its_field(field: str, key: str) -> None:
    """A holder and a direction in any spelling, a cost and its total."""
    match = catalogue().lookup(key)

    assert match is not None
    assert field == match.field
    assert not match.weak


@pytest.mark.parametrize("key", OTHERWISE)
def test_other_numbers_are_no_count(key: str) -> None:
    """A limit, a price, a part of the count or a secret is none."""
    match = catalogue().lookup(key)

    assert match is None or not match.field.startswith(("tokens", "cost"))


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("claimsco.tenant.id", "tenant_id"),
        ("request_ctx.caller.user.id", "user_id"),
        ("tenantid", "tenant_id"),
        ("requestid", "request_id"),
        ("modelid", "model"),
        ("body.response.id", "response_id"),
        ("x.device.model.name", None),
        ("http.user_agent.name", None),
        ("openinference.project.name", None),
    ],
)
def test_the_longest_suffix_of_a_key_names_its_field(key: str, field: str | None) -> None:
    """Behind any prefix; a name that is listed as something else stays that, and weak names stay whole."""
    match = catalogue().lookup(key)

    assert field == (match and match.field)
