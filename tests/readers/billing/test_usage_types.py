"""The grammar of Bedrock usage types, by the examples that price lists and exports show."""

from __future__ import annotations

import polars as pl
import pytest

from auditor.readers.billing.usage_types import kind, kind_of, model, region, routing, tier

# usage type: model, kind, tier, routing
EXAMPLES = {
    "USE1-Claude4.6Sonnet-input-tokens": ("Claude4.6Sonnet", "input", "standard", "in_region"),
    "USE1-Claude4.6Sonnet-cache-read-input-token-count": (
        "Claude4.6Sonnet",
        "cache_read",
        "standard",
        "in_region",
    ),
    "USE1-Claude4.6Sonnet-cache-write-input-token-count": (
        "Claude4.6Sonnet",
        "cache_write",
        "standard",
        "in_region",
    ),
    "USE1-Claude4.6Sonnet-output-tokens-cross-region-global": (
        "Claude4.6Sonnet",
        "output",
        "standard",
        "global",
    ),
    "USE1-Claude4.6Sonnet-output-tokens-cross-region-geo": ("Claude4.6Sonnet", "output", "standard", "geo"),
    "USE1-Nova2.0Lite-input-tokens-flex": ("Nova2.0Lite", "input", "flex", "in_region"),
    "USE1-gpt-oss-120b-output-tokens-priority": ("gpt-oss-120b", "output", "priority", "in_region"),
    "USE1-Nova2.0Lite-output-tokens-cross-region-global-batch": ("Nova2.0Lite", "output", "batch", "global"),
    "USE1-NovaPro-input-tokens-latency-optimized": ("NovaPro", "input", "latency_optimized", "in_region"),
    "USE1-NovaSonic-text-input-tokens": ("NovaSonic", "input", "standard", "in_region"),
    "USE1-openai.gpt-oss-120b-mantle-input-tokens-standard": (
        "openai.gpt-oss-120b",
        "input",
        "standard",
        "in_region",
    ),
    "USW2-anthropic.claude-opus-4-8-mantle-input-tokens-global-standard": (
        "anthropic.claude-opus-4-8",
        "input",
        "standard",
        "global",
    ),
    "USW2-anthropic.claude-opus-4-8-mantle-cache-write-tokens-1h-global-standard": (
        "anthropic.claude-opus-4-8",
        "cache_write",
        "standard",
        "global",
    ),
    "USE1-MP:USE1_input_tokens_global_standard-Units": (None, "input", "standard", "global"),
    "USE1-MP:USE1_cache_read_tokens-Units": (None, "cache_read", "standard", "in_region"),
    "USE1-MP:USE1_CacheWrite1hInputTokenCount_Global-Units": (None, "cache_write", "standard", "global"),
    "USE1-MP:USE1_CacheReadInputTokenCount_Geo-Units": (None, "cache_read", "standard", "geo"),
    "USE1-MP:USE1_MillionBatchInputTokens-Units": (None, "input", "batch", "in_region"),
    "USE1-MP:USE1_OutputTokenCount_LatencyOptimized-Units": (
        None,
        "output",
        "latency_optimized",
        "in_region",
    ),
    "USE1-Claude4Sonnet-output-tokens-long-context-cross-region-global": (
        "Claude4Sonnet",
        "output",
        "standard",
        "global",
    ),
    "USE1-Claude4.5Sonnet-ReservedInput-tokens-per-minute": (None, None, None, None),
    "USE1-Claude3Haiku-ProvisionedThroughput-ModelUnits": (None, None, None, None),
    "USE1-Guardrail-ContentPolicyUnitsConsumed": (None, None, None, None),
    "USE1-Rerank-search-units": (None, None, None, None),
    "BoxUsage:t3.micro": (None, None, None, None),
}


@pytest.mark.parametrize("usage_type", EXAMPLES)
def test_a_usage_type_is_taken_apart(usage_type: str) -> None:
    """Model, token kind, tier and routing are those of the published grammar, cache before input."""
    text = pl.lit(usage_type)
    got = pl.select(m=model(text), k=kind(text), t=tier(text), r=routing(text)).row(0)

    assert EXAMPLES[usage_type][1:] == got[1:]
    assert got[1] is None or EXAMPLES[usage_type][0] == got[0]


@pytest.mark.parametrize(
    ("usage_type", "expected"),
    [
        ("USE1-NovaPro-input-tokens", "us-east-1"),
        ("EU-NovaPro-input-tokens", "eu-west-1"),
        ("APS3-MP:APS3_InputTokenCount-Units", "ap-south-1"),
        ("MP:USW2_InputTokenCount-Units", "us-west-2"),
        ("XYZ9-NovaPro-input-tokens", None),
        ("NovaPro-input-tokens", None),
    ],
)
def test_the_prefix_is_the_region_that_is_billed(usage_type: str, expected: str | None) -> None:
    """A prefix that no region has gives none."""
    assert expected == pl.select(region(pl.lit(usage_type))).item()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Input tokens", "input"),
        ("Prompt cache read input tokens", "cache_read"),
        ("Prompt cache write input tokens", "cache_write"),
        ("Output tokens", "output"),
        ("$0.003 per 1K input tokens for Claude 3 Sonnet", "input"),
        ("AWS Marketplace software usage|us-east-1|Million Response Tokens", "output"),
        ("$0.023 per GB of storage", None),
        ("Reserved input tokens per minute", None),
        ("Image generation", None),
    ],
)
def test_words_tell_the_kind_of_token(text: str, expected: str | None) -> None:
    """What the provider or a description says in words is read like the usage type."""
    assert expected == kind_of(text)
