"""What access logs share: which paths invoke a model, and how times, trace headers and tails are read."""

from __future__ import annotations

import pytest

from auditor.readers._quoted import fields, head
from auditor.readers._routes import clf_ns, invocation, seconds, trace_of, tries
from tests.growth import is_linear

HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4e5f6"


@pytest.mark.parametrize(
    ("uri", "operation", "model"),
    [
        ("/model/anthropic.claude-3-haiku-20240307-v1%3A0/invoke", "invoke", HAIKU),
        ("/model/anthropic.claude-3-haiku-20240307-v1%253A0/converse", "converse", HAIKU),
        ("/bedrock/model/anthropic.claude-3-haiku-20240307-v1:0/converse-stream", "converse-stream", HAIKU),
        (f"/model/{HAIKU}/invoke-with-response-stream?x=1", "invoke-with-response-stream", HAIKU),
        (f"/model/{PROFILE.replace(':', '%3A').replace('/', '%2F')}/converse", "converse", PROFILE),
        (f"/model/{PROFILE}/converse", "converse", PROFILE),
        (f"https://bedrock-runtime.us-east-1.amazonaws.com/model/{HAIKU}/converse", "converse", HAIKU),
        ("/v1/chat/completions", "chat", None),
        ("/proxy/openai/v1/chat/completions/", "chat", None),
        ("/v1/responses", "responses", None),
        ("/anthropic/v1/messages", "messages", None),
        ("/v1/embeddings?trace=1", "embeddings", None),
        ("/openai/deployments/gpt-4o/chat/completions?api-version=2026-01-01", "chat", "gpt-4o"),
        ("/v1beta/models/gemini-2.5-pro:generateContent", "generateContent", "gemini-2.5-pro"),
    ],
)
def test_a_path_that_invokes_a_model_is_known(uri: str, operation: str, model: str | None) -> None:
    """Prefixes, query strings and encodings make no difference."""
    found = invocation("POST", uri)

    assert found is not None
    assert (operation, model) == (found.operation, found.model)


@pytest.mark.parametrize(
    ("method", "uri"),
    [
        ("GET", "/health"),
        ("GET", "/v1/models"),
        ("GET", "/v1/responses"),
        ("OPTIONS", "/v1/chat/completions"),
        ("POST", "/v1/messages/count_tokens"),
        ("POST", "/v1/messages/batches"),
        ("POST", "/model/anthropic.claude-3-haiku-20240307-v1%3A0/count-tokens"),
        ("POST", "/guardrail/g1/version/1/apply"),
        ("POST", "/model//invoke"),
        ("POST", "/messages"),
        ("POST", "/"),
        ("POST", ""),
    ],
)
def test_any_other_request_invokes_none(method: str, uri: str) -> None:
    """Health checks, lists, counts and preflights are context."""
    assert invocation(method, uri) is None


def test_an_unknown_method_does_not_hide_a_call() -> None:
    """A log without methods still shows its paths."""
    assert invocation(None, "/v1/chat/completions") is not None


@pytest.mark.parametrize(
    ("text", "count"),
    [("429, 200", 2), ("502, 502 : 200", 3), ("200", 1), ("-", None), ("", None), (None, None), (200, 1)],
)
def test_tries_are_counted(text: object, count: int | None) -> None:
    """Upstream tries are listed by commas, and by colons behind an internal redirect."""
    assert count == tries(text)


@pytest.mark.parametrize(
    ("text", "took"), [("0.010, 0.055", 0.065), (0.055, 0.055), ("-", None), ("soon", None)]
)
def test_times_of_tries_are_added(text: object, took: float | None) -> None:
    """The call took what all of its tries took."""
    assert took == pytest.approx(seconds(text))


def test_log_times_are_read() -> None:
    """With a zone, with milliseconds, and not at all."""
    assert 1_789_380_001 * 10**9 == clf_ns("14/Sep/2026:10:00:01 +0000")
    assert 1_789_372_801 * 10**9 == clf_ns("14/Sep/2026:10:00:01 +0200")
    assert 1_789_380_001_123 * 10**6 == clf_ns("14/Sep/2026:10:00:01.123")
    assert clf_ns("99/Foo/2026:10:00:01 +0000") is None


@pytest.mark.parametrize(
    ("header", "trace"),
    [
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "0af7651916cd43dd8448eb211c80319c"),
        ("Root=1-6b00f904-eea0579642620d4b992e318f;Sampled=1", "6b00f904eea0579642620d4b992e318f"),
        ("1-6b00f904-eea0579642620d4b992e318f", "6b00f904eea0579642620d4b992e318f"),
        ("80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1", "80f198ee56343ba864fe8b2a57d3eff7"),
        ("own-id", "own-id"),
    ],
)  # fmt: skip
def test_a_trace_header_gives_its_trace_id(header: str, trace: str) -> None:
    """W3C, X-Ray and b3 headers; anything else stays what it is."""
    assert trace == trace_of(header)


def test_the_tail_of_a_line_comes_apart() -> None:
    """Labels, quotes, brackets, and bare values that go on behind a comma."""
    named, others = fields(
        '"-" "curl/8" rt=0.055 us="429, 200" up=10.0.0.1:80, 10.0.0.2:80 '
        'tenant:"acme" [up] [] 0.010, 0.055 200'
    )

    assert {"rt": "0.055", "us": "429, 200", "up": "10.0.0.1:80, 10.0.0.2:80", "tenant": "acme"} == named
    assert ["-", "curl/8", "[up]", "[]", "0.010, 0.055", "200"] == [v for v, _ in others]


STAMP = "[21/Nov/2026:02:01:51 +0000]"
HOSTILE = [
    (f'1.1.1.1 - - {STAMP} "', "\\"),
    (f'1.1.1.1 - - {STAMP} "POST / HTTP/1.1" 200 1 ', '"a'),
    (f'1.1.1.1 - - {STAMP} "POST / HTTP/1.1" 200 1 ', "["),
    ("", "a "),
    ("", "["),
]


@pytest.mark.parametrize(("before", "piece"), HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_line_takes_linear_time(before: str, piece: str) -> None:
    """Four times the length of a line takes about four times as long."""

    def work(text: str) -> None:
        found = head(text)
        fields((found or {}).get("tail", text))

    assert is_linear(lambda size: before + piece * size, work, 2_000)
