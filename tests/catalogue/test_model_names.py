"""Names of one model meet, whatever wrote them, and names of two models do not."""

from __future__ import annotations

import pytest

from auditor.catalogue.model_names import is_hidden, keys, parse, same_model

SONNET = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
PROFILE = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/ab12cd34ef56"
ONE = [
    ("anthropic.claude-sonnet-4-5-20250929-v1:0", "Claude Sonnet 4.5"),
    (SONNET, "Claude4.5Sonnet"),
    (f"bedrock/converse/{SONNET}", "Claude Sonnet 4.5"),
    (f"arn:aws:bedrock:eu-west-1:123456789012:inference-profile/{SONNET}", "Claude Sonnet 4.5"),
    ("vertex_ai/claude-sonnet-4-5@20250929", "Claude Sonnet 4.5"),
    ("google.gemma-3-12b-it", "Gemma 3 12B IT"),
    ("nvidia.nemotron-nano-9b-v2", "Nemotron Nano 9B v2"),
    ("meta.llama3-1-70b-instruct-v1:0", "Llama 3.1 70B Instruct"),
    ("mistral.mistral-large-2402-v1:0", "Mistral Large"),
    ("mistral.mistral-large-2402-v1:0", "Mistral Large (24.02)"),
    ("amazon.nova-2-lite-v1:0", "Nova 2.0 Lite"),
    ("amazon.nova-pro-v1:0", "Amazon Nova Pro"),
    ("amazon.nova-micro-v1:0:128k", "Nova Micro"),
    ("amazon.titan-embed-text-v2:0", "Titan Text Embeddings V2"),
    ("cohere.command-r-plus-v1:0", "Command R+"),
    ("openai.gpt-oss-120b-1:0", "gpt-oss-120b"),
    ("qwen.qwen3-coder-480b-a35b-v1:0", "Qwen3 Coder 480B A35B"),
    ("deepseek.r1-v1:0", "DeepSeek-R1"),
    ("minimax.minimax-m2", "MiniMax M2"),
    ("anthropic.claude-3-5-sonnet-20241022-v2:0", "Claude 3.5 Sonnet v2"),
    ("us-gov.anthropic.claude-3-haiku-20240307-v1:0", "Claude 3 Haiku"),
    ("gpt-4o-2024-08-06", "azure/gpt-4o"),
]
TWO = [
    ("anthropic.claude-3-5-sonnet-20241022-v2:0", "Claude 3.5 Sonnet"),
    ("anthropic.claude-3-sonnet-20240229-v1:0", "Claude 3.5 Sonnet"),
    ("meta.llama3-1-70b-instruct-v1:0", "Llama 3.1 8B"),
    ("amazon.titan-embed-text-v1", "Titan Text Embeddings V2"),
    ("claude-opus-4", "Claude Opus 4.1"),
    ("gpt-4o-mini", "gpt-4o"),
    (PROFILE, "Claude Sonnet 4.5"),
]


@pytest.mark.parametrize(("wire", "other"), ONE)
def test_names_of_one_model_meet(wire: str, other: str) -> None:
    """A wire id and the same model on a bill or at a gateway, in either order."""
    assert same_model(parse(wire), parse(other))
    assert same_model(parse(other), parse(wire))
    assert 1 == len(set(keys([wire], [other]).values()))


@pytest.mark.parametrize(("one", "other"), TWO)
def test_names_of_two_models_do_not(one: str, other: str) -> None:
    """Another size, another version, or a name that hides the model."""
    assert not same_model(parse(one), parse(other))


@pytest.mark.parametrize(
    ("name", "routing"),
    [
        (SONNET, "geo"),
        (f"global.{SONNET[3:]}", "global"),
        (SONNET[3:], "in_region"),
        ("claude-sonnet-4-5", None),
    ],
)
def test_a_wire_id_tells_how_the_call_was_routed(name: str, routing: str | None) -> None:
    """An alias tells nothing."""
    assert routing == parse(name).routing


def test_an_application_profile_hides_the_model() -> None:
    """A system profile's ARN ends in the model's id, and hides nothing."""
    assert is_hidden(PROFILE)
    assert not is_hidden(f"arn:aws:bedrock:eu-west-1:123456789012:inference-profile/{SONNET}")
