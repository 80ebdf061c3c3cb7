"""Redacted copies: judged as their originals are, and nobody is named in them."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from auditor.audit import Input
from auditor.catalogue.samples import Sample, samples
from auditor.redact import redact
from auditor.redact.pseudonyms import Pseudonyms, folded, is_blank, traits
from auditor.redact.values import ValueRedactor
from tests.support.draws import draws
from tests.support.redacting import ACCOUNT, CALL, TENANTS, copy, one, plain, told


@draws(6)
@given(sample=st.sampled_from(samples()))
def test_the_copy_of_a_sample_is_judged_as_the_sample_is(sample: Sample) -> None:
    """Format, counts, verdicts, gaps, money and score are the same, and no tenant or account is left."""
    data = sample.path.read_bytes()
    redacted = copy(data)

    assert told(data) == told(redacted)
    assert not TENANTS.findall(plain(redacted))
    assert ACCOUNT not in plain(redacted)


@draws(6)
@given(sample=st.sampled_from(samples()))
def test_a_copy_can_be_copied(sample: Sample) -> None:
    """What was redacted once is read and redacted like anything else."""
    once = copy(sample.path.read_bytes())

    assert told(once) == told(copy(once, "salt"))


def test_the_salt_decides() -> None:
    """The same one gives the same copy, another one another, and without one it is drawn anew."""
    data = json.dumps(CALL)

    assert copy(data) == copy(data)
    assert copy(data) != copy(data, "another")
    assert redact(Input("x", data=data.encode())) != redact(Input("x", data=data.encode()))


def test_what_names_nobody_stays() -> None:
    """Models, regions, operations, services, numbers, times, words of the format, placeholders."""
    kept = CALL | {
        "region": "us-east-1",
        "operation": "ConverseStream",
        "service.name": "support-desk",
        "finish_reason": "stop",
        "latency_ms": 912.5,
        "cost_usd": 0.001,
        "user_id": "unknown",
        "session_id": "${SESSION}",
        "workflow_id": "handler",
        "stream": True,
        "level": "INFO",
    }
    changed = {key for key, value in one(kept).items() if value != kept[key]}

    assert {"tenant_id", "team_id", "request_id"} == changed


def test_bytes_outside_of_values_stay() -> None:
    """Layout, order, doubled keys, escapes, numbers: only the replaced strings differ."""
    text = (
        '{ "b":1e3,\t"tenant_id" : "acme",\n\n "a": [1.50, -0, {"tenant_id":"acme", "x": "\\u00e9\\/"}], '
        '"model":"gpt-4o", "model":"gpt-4o","big":123456789012345678901 }\r\n'
    )
    redacted = copy(text).decode()
    name = json.loads(redacted)["tenant_id"]

    assert re.sub("acme", name, text).split('"x"')[0] == redacted.split('"x"')[0]
    assert text.split('"model"', 1)[1] == redacted.split('"model"', 1)[1]


def test_equal_values_stay_equal_under_any_key_and_in_any_text() -> None:
    """A tenant is followed through keys, tags, nested JSON, headers and prose."""
    record = CALL | {
        "headers": {"X-Tenant-ID": "acme"},
        "tags": ["tenant:acme", "prod"],
        "nested": json.dumps({"metadata": {"tenant": "acme"}}),
        "baggage": "tenant.id=acme,other=1",
        "message": "call for tenant acme took 3 s",
        "account_id": 123456789012,
        "arn": "arn:aws:iam::123456789012:role/team-search",
    }
    found = one(record)
    name = found["tenant_id"]

    assert [name] * 5 == [
        found["headers"]["X-Tenant-ID"],
        found["tags"][0].removeprefix("tenant:"),
        json.loads(found["nested"])["metadata"]["tenant"],
        found["baggage"].removeprefix("tenant.id=").removesuffix(",other=1"),
        found["message"].removeprefix("call for tenant ").removesuffix(" took 3 s"),
    ]
    assert str(found["account_id"]) == found["arn"].split(":")[4]
    assert "prod" == found["tags"][1]


SHAPES = [
    ("3f0a5b1c-9d2e-4f6a-8b7c-1d2e3f4a5b6c", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    ("b9aad5fa2bfd511e0b0a7db4812cdd00", r"[0-9a-f]{32}"),
    ("00-b9aad5fa2bfd511e0b0a7db4812cdd00-5ce3a8792305be51-01", r"00-[0-9a-f]{32}-[0-9a-f]{16}-01"),
    ("1-5759e988-bd862e3fe1be46a994272793", r"1-[0-9a-f]{8}-[0-9a-f]{24}"),
    ("chatcmpl-9aBcD3", r"chatcmpl-\d[a-z][A-Z][a-z][A-Z]\d"),
    ("msg_01XFDUDYJgAACzvnptvVoYEL", r"msg_\d\d[A-Za-z]+"),
    ("Jane.Doe@corp.example", r"[A-Z][a-z]{3}\.[A-Z][a-z]{2}@example\.com"),
    ("ACME_Corp-2", r"[A-Z]{4}_[A-Z][a-z]{3}-\d"),
    ("i-0abc12def3456789a", r"i-[0-9a-f]{17}"),
    ("AKIAIOSFODNN7EXAMPLE", r"AKIA[A-Z]{8}\d[A-Z]{7}"),
    ("AROAIOSFODNN7EXAMPLE:jane@corp.example", r"AROA\w{16}:[a-z]{4}@example\.com"),
    ("10.1.2.3", r"198\.1[89]\.\d+\.\d+"),
    ("fd00::12", r"2001:db8::.+"),
    ("arn:aws:iam::111122223333:role/litellm-proxy", r"arn:aws:iam::\d{12}:role/litellm-proxy"),
    (
        "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0f/jane@corp.example",
        r"arn:aws:sts::\d{12}:assumed-role/AWSReservedSSO_[A-Z][a-z]{4}_\d[a-z]/[a-z]{4}@example\.com",
    ),
    (
        "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.anthropic.claude-sonnet-4-6",
        r"arn:aws:bedrock:us-east-1:\d{12}:inference-profile/us\.anthropic\.claude-sonnet-4-6",
    ),
    (
        "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/a1b2c3d4e5f6",
        r"arn:aws:bedrock:us-east-1:\d{12}:application-inference-profile/[0-9a-f]{12}",
    ),
    ("https://jane:pw@gw.corp.internal:8443/v1/chat/completions?user=jane", r"https://\w\w\.\w{4}\.internal:8443/v1/chat/completions\?user=\w{4}"),
    ("https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.nova-lite-v1%3A0/converse", r"https://bedrock-runtime\.us-east-1\.amazonaws\.com/model/amazon\.nova-lite-v1%3A0/converse"),
    ("4711", r"[1-9]\d{3}"),
    ("007", r"0\d\d"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "shape"), SHAPES, ids=[value for value, _ in SHAPES])
def test_a_pseudonym_has_the_shape_of_its_value(value: str, shape: str) -> None:
    """What readers and rules look for in a value is in its pseudonym too."""
    new = ValueRedactor(Pseudonyms(b"pepper")).of(value)

    assert re.fullmatch(shape, new), new
    assert not re.search(r"(?i)jane|111122223333|corp|acme", new)


@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=30), st.binary(min_size=1))
def test_different_values_stay_different(values: list[str], salt: bytes) -> None:
    """Spellings of one value share a pseudonym but for case and separators; nothing else does."""
    held = Pseudonyms(salt)
    seen = {value: folded(held.of(value)) for value in values if len(folded(value)) > 1}

    for a, first in seen.items():
        for b, second in seen.items():
            assert (folded(a) == folded(b)) == (first == second)


@given(st.from_regex(r"[A-Za-z0-9][\w.@+=-]{1,40}", fullmatch=True))
def test_rules_see_no_difference(value: str) -> None:
    """Length, alphabet, blankness, kind of session name: the traits that rules ask for are kept."""
    assume(not is_blank(value))
    new = Pseudonyms(b"pepper").of(value)

    assert len(value) == len(new)
    assert traits(value) == traits(new)


SECRETS = {
    "authorization": "Bearer abcdefghijklmnop",
    "x-api-key": "sk-ant-REDACTED",
    "Cookie": "sid=abcdefghijklmnop",
    "api_key": "sk-abcdefghijklmnop",
    "password": "hunter2hunter2",
    "aws_session_token": "IQoJb3JpZ2luX2Vjabcdefghijklmnop",
    "note": "eyJhbGciOiJIUzI1NiJ9.abcdefghijklmnop.x",
    "pin_secret": 12345678,
}


@pytest.mark.parametrize("key", SECRETS)
def test_secrets_are_removed(key: str) -> None:
    """Under their keys, by their own look, as text and as numbers, in JSON and in header lines."""
    secret = str(SECRETS[key])
    record = one(CALL | {"headers": {key: SECRETS[key]}})
    line = f"{json.dumps(CALL)}\n{key}: {secret}\nx {key}={secret.replace(' ', '')}\n"

    assert secret not in json.dumps(record)
    assert "hijklmnop" not in copy(line).decode()


def test_hashed_keys_stay_told_apart() -> None:
    """A gateway's hash of a key names a caller: equal ones stay equal."""
    first, second = "0a" * 32, "1b" * 32
    text = "\n".join(json.dumps(CALL | {"api_key": held}) for held in (first, second, first))
    keys = [json.loads(line)["api_key"] for line in copy(text).decode().splitlines()]

    assert keys[0] == keys[2] != keys[1]
    assert not {first, second} & set(keys)


def test_bodies_are_a_word() -> None:
    """Prompts and answers go, wherever they nest; usage, roles and models in them stay."""
    record = CALL | {
        "prompt": "Summarise the contract of Jane Doe",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "call Jane Doe"}]}],
        "output": {
            "outputBodyJson": {"completion": "Jane Doe", "usage": {"output_tokens": 7}, "who": "Jane"}
        },
        "response": json.dumps({"choices": [{"message": {"content": "Jane Doe"}, "finish_reason": "stop"}]}),
    }
    found = one(record)

    assert "Jane" not in json.dumps(found)
    assert ("user", "text") == (found["messages"][0]["role"], found["prompt"])
    assert 7 == found["output"]["outputBodyJson"]["usage"]["output_tokens"]
    assert "stop" == json.loads(found["response"])["choices"][0]["finish_reason"]
