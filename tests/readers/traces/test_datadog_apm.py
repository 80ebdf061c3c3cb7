"""Datadog APM: captured msgpack bodies of ddtrace 4.16.0, the same as JSON, exports, and hostile bytes."""

from __future__ import annotations

import contextlib
import json
import random
from pathlib import Path
from typing import Any

import msgpack
import pytest

from auditor.errors import AuditError
from auditor.readers.traces.datadog_msgpack import looks_packed, payloads
from tests.readers import counts, field, keys, report

DATA = Path(__file__).parents[1] / "data"
# two web requests, each with Bedrock calls; one failed call; LLM Observability on, tags by `annotate`
V04 = (DATA / "ddtrace-llmobs-v0.4.msgpack").read_bytes()
# the same without LLM Observability, in two bodies one after another, with an OpenAI call in the second
V05 = (DATA / "ddtrace-v0.5.msgpack").read_bytes()
MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"


def span(
    meta: dict[str, Any] | None = None, metrics: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """A span of the v0.4 layout."""
    return {
        "service": "aws.bedrock-runtime",
        "name": "bedrock-runtime.command",
        "resource": "Converse",
        "trace_id": 8558617390863420018,
        "span_id": 17010615894796976108,
        "parent_id": 0,
        "start": 1789380000694566070,
        "duration": 6775108,
        "error": 0,
        "meta": {"gen_ai.request.model": MODEL} if meta is None else meta,
        "metrics": {"gen_ai.usage.input_tokens": 7.0, "gen_ai.usage.output_tokens": 14.0}
        if metrics is None
        else metrics,
        "type": "llm",
    } | more


OWNED = span({"gen_ai.request.model": MODEL, "tenant_id": "acme", "_dd.p.tid": "6aa8c00000000000"})


def test_a_body_with_llm_events_is_read() -> None:
    """Five calls among web requests, workflows and HTTP spans; tags of the LLM event stand on its span."""
    found = report(V04)

    assert ("datadog-apm", 5, 0) == (
        found.inputs[0].format,
        found.totals.calls,
        found.inputs[0].skipped_total,
    )
    assert (2, 1, 2, 0) == counts(found, "tenant_id")
    assert ("meta_struct._llmobs.tags.tenant_id", "span") in keys(found, "tenant_id")
    assert (0, 1, 4, 0) == counts(found, "team_id")
    assert (0, 0, 5, 0) == counts(found, "workflow_id")
    assert (4, 0, 0, 1) == counts(found, "tokens_input")
    assert (5, 0, 0, 0) == counts(found, "model")
    assert {("meta.env", "process")} == keys(found, "environment")


def test_bodies_of_the_string_table_layout_are_read() -> None:
    """v0.5 writes texts once; two bodies in one file are both read."""
    found = report(V05)

    assert ("datadog-apm", 8, 6) == (
        found.inputs[0].format,
        found.inputs[0].records,
        found.totals.calls,
    )
    assert (0, 2, 4, 0) == counts(found, "tenant_id")
    assert ("tenant_id", "parent_span") in keys(found, "tenant_id")
    assert (5, 0, 0, 1) == counts(found, "tokens_input")


@pytest.mark.parametrize(
    "data",
    [
        msgpack.packb([[OWNED]]),
        msgpack.packb([[OWNED]]) + msgpack.packb([[OWNED | {"span_id": 7}]]),
        json.dumps([[OWNED]]).encode(),
        json.dumps({"traces": [[OWNED]]}).encode(),
        json.dumps(OWNED).encode() + b"\n" + json.dumps(OWNED | {"span_id": "8"}).encode(),
        json.dumps(
            [[OWNED | {"trace_id": "6aa8c0000000000076c6586b9ea0c2b2", "parent_id": "0" * 16}]]
        ).encode(),
    ],
    ids=["msgpack", "bodies", "json", "traces", "lines", "hex-ids"],
)
def test_every_container_of_traces_is_read(data: bytes) -> None:
    """Packed or not, as lists of traces or one span a line, spans are one format."""
    found = report(data)

    assert "datadog-apm" == found.inputs[0].format
    assert (found.inputs[0].records, 0) == (found.totals.calls, found.inputs[0].skipped_total)
    assert found.totals.calls == field(found, "tenant_id").present


@pytest.mark.parametrize(
    ("name", "resource", "meta", "calls"),
    [
        ("bedrock-runtime.command", "Converse", {}, 1),
        ("bedrock-runtime.command", "InvokeModelWithResponseStream", {}, 1),
        ("bedrock-runtime.command", "ApplyGuardrail", {}, 0),
        ("bedrock-agent-runtime.command", "InvokeAgent", {}, 0),
        ("openai.request", "createChatCompletion", {}, 1),
        ("openai.request", "createEmbedding", {}, 1),
        ("openai.request", "listModels", {}, 0),
        ("anthropic.request", "Messages.create", {}, 1),
        ("chat", "llm", {"_ml_obs.meta.span.kind": "llm"}, 1),
        ("chat", "llm", {"_dd.llmobs.span_kind": "embedding"}, 1),
        ("chat", "agent", {"_ml_obs.meta.span.kind": "agent"}, 0),
        ("openai.request", "createChatCompletion", {"_ml_obs.meta.span.kind": "workflow"}, 0),
        ("urllib3.request", "urllib3.request", {"http.url": "https://api.example.com/v1/messages"}, 0),
        ("chat m", "chat m", {"gen_ai.operation.name": "chat"}, 1),
    ],
)
def test_the_kind_or_the_integration_tells_a_call(
    name: str, resource: str, meta: dict[str, str], calls: int
) -> None:
    """A stated kind decides; without one, an integration's name and the operation in its resource."""
    one = span(meta, {}, name=name, resource=resource, span_id=7)

    assert 1 + calls == report(msgpack.packb([[OWNED], [one]])).totals.calls


def test_tags_of_older_integrations_are_understood() -> None:
    """Model and usage under the integration's own names."""
    meta = {"openai.request.model": "gpt-4o-mini", "_ml_obs.tags": '{"tenant_id": "acme"}'}
    metrics = {"openai.response.usage.prompt_tokens": 9, "openai.response.usage.completion_tokens": 4}
    one = span(meta, metrics, name="openai.request", resource="createChatCompletion")
    found = report(msgpack.packb([[one]]))

    for name in ("model", "tokens_input", "tokens_output", "tenant_id"):
        assert (1, 0, 0, 0) == counts(found, name), name


def test_the_service_and_the_stage_are_the_process_s() -> None:
    """`env` names the environment; the service is the one that called, not the integration's."""
    found = report(msgpack.packb([[span({"env": "prod", "_dd.base_service": "support-desk"})]]))
    services = {w.name for g in found.gaps for w in g.where if w.dimension == "service"}

    assert (1, 0, 0, 0) == counts(found, "environment")
    assert {"support-desk"} == services


def test_an_owner_on_the_root_is_the_parent_s() -> None:
    """Ids of 64 bits join parent and child."""
    root = span({"tenant_id": "acme"}, {}, name="web.request", resource="POST /", span_id=3, type="web")
    found = report(msgpack.packb([[root, span(parent_id=3)]]))

    assert (0, 0, 1, 0) == counts(found, "tenant_id")
    assert ("tenant_id", "parent_span") in keys(found, "tenant_id")


def test_spans_of_the_search_api_are_read() -> None:
    """An export nests the tags and writes ISO times."""
    held = {
        "service": "aws.bedrock-runtime",
        "operation_name": "bedrock-runtime.command",
        "resource_name": "Converse",
        "trace_id": "8558617390863420018",
        "span_id": "17010615894796976108",
        "parent_id": "0",
        "start_timestamp": "2026-09-14T10:00:00.694Z",
        "end_timestamp": "2026-09-14T10:00:01.506Z",
        "env": "prod",
        "tags": ["tenant_id:acme"],
        "custom": {
            "gen_ai": {"request": {"model": MODEL}, "usage": {"input_tokens": 7, "output_tokens": 14}}
        },
    }
    found = report(json.dumps({"data": [{"id": "AAA", "type": "spans", "attributes": held}], "links": {}}))

    assert ("datadog-apm", 1) == (found.inputs[0].format, found.totals.calls)
    for name in ("tenant_id", "model", "tokens_input", "latency_ms", "environment"):
        assert (1, 0, 0, 0) == counts(found, name), name


def test_a_trace_of_the_ui_is_read() -> None:
    """A downloaded trace lists its spans by id, with times in seconds."""
    root = span({"tenant_id": "acme"}, {}, name="web.request", resource="POST /", type="web")
    held = {"1": root | {"span_id": "1", "start": 1789380000.5, "duration": 1.5}}
    held["2"] = span(parent_id="1", span_id="2") | {"start": 1789380000.694566, "duration": 0.812345}
    found = report(json.dumps({"trace": {"root_id": "1", "spans": held}, "is_truncated": False}))

    assert ("datadog-apm", 2, 1) == (
        found.inputs[0].format,
        found.inputs[0].records,
        found.totals.calls,
    )
    assert (0, 0, 1, 0) == counts(found, "tenant_id")
    assert (1, 0, 0, 0) == counts(found, "latency_ms")


def test_a_cut_body_keeps_what_is_whole() -> None:
    """The bodies before the cut are read, and the cut one is a skip."""
    data = msgpack.packb([[OWNED]])
    found = report(data + data[:-3])

    assert (1, 1) == (found.totals.calls, found.inputs[0].skipped_total)
    assert [(None, "the msgpack payload is cut off")] == [(s.line, s.reason) for s in found.inputs[0].skipped]


@pytest.mark.parametrize(
    "data",
    [
        b"\xdd\xff\xff\xff\xff\xdd\xff\xff\xff\xff",
        b"\x91\x91\xdf\xff\xff\xff\xff\xa8trace_id",
        b"\x91" * 5000,
        b"\x91\x91\x81" * 3000,
        b"\x92\x91\xa0" + b"\x91" * 200,
        b"\x91\x91\x82\xa8trace_id\x01\xa7span_id\xdb\xff\xff\xff\xff",
        b"\x91\x91\x81\x91\x01\x01",
        b"\x91\x91\x81\xa4meta" + (b"\xdd\x00\x40\x00\x00" * 1000).ljust(4_194_304, b"\x00"),
        b"",
        b"\xc1",
    ],
)
def test_hostile_lengths_and_nesting_are_refused_at_once(data: bytes) -> None:
    """A length beyond the payload, endless nesting or a key that is none costs neither memory nor time."""
    read = list(payloads(data))

    assert all(p.broken or p.traces is not None for p in read)
    with pytest.raises(AuditError):
        report(data)


@pytest.mark.parametrize("name", ["v04", "v05"])
def test_damaged_bodies_never_raise(name: str) -> None:
    """Cut anywhere or with bits flipped, a body is read or refused with a clear message."""
    rng = random.Random(name)
    whole = V04 if name == "v04" else V05
    for _ in range(15):
        data = bytearray(whole[: rng.randrange(1, len(whole))])
        for _ in range(rng.randrange(4)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        with contextlib.suppress(AuditError):
            report(bytes(data))


def test_other_bytes_are_not_taken_for_traces() -> None:
    """Text, JSON, protobuf and gzip begin otherwise."""
    for head in (
        b"[[{",
        b'{"a": 1}',
        b"\x0a\x12\x0a",
        b"\x1f\x8b\x08",
        b"PAR1",
        b"\x92\xa1a\xa1b",
        b"\x92\x01\x02",
    ):
        assert not looks_packed(head)
