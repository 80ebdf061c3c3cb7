"""What names somebody in an input stays out of every output: planted words are found in none of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from auditor.audit import Input, audit
from auditor.catalogue.samples import Sample
from auditor.diff.compare import diff
from auditor.diff.text import markdown_of, text_of
from auditor.gate import baseline
from auditor.locate import excerpts
from auditor.policy.model import Policy
from auditor.readers.registry import format_of
from auditor.report import mask
from auditor.report.schema import Report
from auditor.tally.gaps import fingerprint
from auditor.writers import Options, Style, names, writer
from auditor.writers.json import document
from tests.support.canaries import MARK, Planter, planted
from tests.support.each_format import one_of_each_format
from tests.support.growth import is_linear
from tests.support.web_service import FRAGMENT, Client

USAGE = '"model": "gpt-4o", "input_tokens": 10, "output_tokens": 5, "cost_usd": 0.01'
TENANT, USER, TEAM = (f"K{MARK[1:]}{word}" for word in ("tenant Corp", "user Miller", "team"))
NAMES = f"""
{{{USAGE}, "tenant_name": "{TENANT}", "user_name": "{USER}", "customer_name": "{MARK}customer"}}
{{{USAGE}, "tenant": {{"name": "{MARK}nested", "id": ""}}, "user": {{"name": "{MARK}person"}}}}
{{{USAGE}, "ctx": {{"team": {{"name": "{TEAM}"}}}}, "session_name": "{MARK}session"}}
{{{USAGE}, "host.name": "{MARK}host", "user": {{"type": "{MARK}type"}}}}
{{{USAGE}, "api_key_name": "{MARK}key", "status": "{MARK} is blocked", "event": "{MARK}event"}}
{{{USAGE}, "account": {{"type": "{MARK}type", "level": "{MARK}level"}}, "environment": "{MARK}env"}}
{{{USAGE}, "users": [{{"name": "{MARK}listed"}}], "kind": "{MARK}kind", "unit": "{MARK}unit"}}
"""
MAPS = f"""
{{{USAGE}, "users": {{"{MARK}mail@mail.example": {{"tenant_id": "t1"}}}}}}
{{{USAGE}, "costs": {{"{MARK}cost@mail.example": 0.3}}}}
{{{USAGE}, "users": {{"{MARK}acme": {{"tenant_id": "t1"}}}}, "costs": {{"{MARK}acme": 0.3}}}}
{{{USAGE}, "metadata": {{"{MARK}globex": {{"team_id": "a"}}, "{MARK}more": 1}}, "tenant_id": "{MARK}top"}}
{{{USAGE}, "{MARK}top": {{"request_id": "r-1"}}, "tenant_id": "{MARK}top"}}
{{{USAGE}, "by": "{{\\"{MARK}inner\\": {{\\"user_id\\": 5}}}}"}}
"""
BATCH = json.dumps({"tenants": {f"{MARK}acme": [json.loads(f"{{{USAGE}}}")] * 2}})
NOVA = "us.amazon.nova-pro-v1:0"
SPAN: dict[str, Any] = {
    "traceId": "5b8efff798038103d269b633813fc60c",
    "spanId": "eee19b7ec3c1b174",
    "name": f"GET /tenants/{MARK}acme/users/{MARK}x@mail.example?token={MARK}query",
    "kind": 3,
    "startTimeUnixNano": "1789380003000000000",
    "endTimeUnixNano": "1789380004000000000",
    "attributes": [
        {"key": key, "value": {"stringValue": value}}
        for key, value in {
            "gen_ai.request.model": f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/{NOVA}",
            "gen_ai.operation.name": f"chat {MARK}acme {MARK}y@mail.example",
            "tenant.id": f"{MARK}acme",
            "user.name": f"{MARK}person",
        }.items()
    ]
    + [{"key": "gen_ai.usage.input_tokens", "value": {"intValue": "7"}}],
}  # fmt: skip
SPANS = json.dumps(
    {
        "resourceSpans": [
            {
                "resource": {
                    "attributes": [{"key": "service.name", "value": {"stringValue": "checkout"}}],
                },
                "scopeSpans": [{"spans": [SPAN]}],
            }
        ]
    }
)
RECORDS = {"names": NAMES.strip(), "maps": MAPS.strip(), "batch": BATCH, "spans": SPANS}


def judged(data: bytes | str, name: str = "input") -> Report:
    """The report on every field."""
    return audit([Input(name, data if isinstance(data, bytes) else data.encode())], Policy(profile="all"))


def canaries(text: str) -> list[str]:
    """What of the planted words is in a text, with what stands before it."""
    return [text[max(0, m.start() - 60) : m.end() + 20] for m in re.finditer(MARK, text, re.I)]


def outputs(report: Report) -> Iterator[tuple[str, str]]:
    """The report by every writer; the terminal's also with all that a narrow page cuts."""
    for name in names():
        yield name, writer(name).write(report).decode()
    yield "terminal, wide", writer("terminal").write(report, Options(Style(width=400))).decode()


@pytest.fixture
def _whole_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """Excerpts show all of a record."""
    monkeypatch.setattr(excerpts, "WIDTH", 10**6)


@pytest.mark.usefixtures("_whole_records")
@pytest.mark.parametrize("sample", one_of_each_format(), ids=lambda sample: sample.name)
def test_no_planted_value_or_key_of_a_sample_is_written(sample: Sample) -> None:
    """By no writer, though the excerpts are as long as the records, and the input is read as before."""
    planter = Planter()
    report = judged(planted(sample.path.read_bytes(), sample.format, planter), sample.name)

    assert report.inputs[0].format == sample.format
    assert planter.planted
    for name, text in outputs(report):
        assert canaries(text) == [], name


@pytest.mark.usefixtures("_whole_records")
@pytest.mark.parametrize("records", RECORDS)
def test_no_name_and_no_key_of_a_map_is_written(records: str) -> None:
    """Keys that end in `name`, `type` or `status`, maps by tenant or user, and names that contain them."""
    report = judged(RECORDS[records])

    assert report.totals.calls
    for name, text in outputs(report):
        assert canaries(text) == [], name


@pytest.mark.parametrize("records", RECORDS)
def test_no_name_and_no_key_of_a_map_is_in_what_is_kept(records: str) -> None:
    """A baseline and a comparison hold none either."""
    report, clean = judged(RECORDS[records]), judged(f"{{{USAGE}}}")

    assert canaries(baseline.document(baseline.accept(report)).decode()) == []
    for change in (diff(clean, report), diff(report, clean)):
        shown = document(change) + text_of(change, Style()) + markdown_of(change)
        assert canaries(shown.decode()) == []


@pytest.mark.parametrize("records", RECORDS)
def test_the_service_answers_and_logs_no_name_and_no_key_of_a_map(client: Client, records: str) -> None:
    """Neither the API, nor the page's fragment, nor a report saved from it, nor the log."""
    with capture_logs() as logged:
        api = client.post("/api/v1/audits?profile=all", content=RECORDS[records].encode())
        page = client.post("/audit", data={"text": RECORDS[records], "profile": "all"}, headers=FRAGMENT)
        saved = client.post("/api/v1/audits?profile=all&output=html", content=RECORDS[records].encode())

    assert api.status_code == page.status_code == 200
    assert canaries(api.text + page.text + saved.text + repr(logged)) == []


@pytest.mark.usefixtures("_whole_records")
def test_what_makes_a_gap_actionable_stays_readable() -> None:
    """Models, operations, regions, services, span names, numbers and the names of attributes."""
    record = json.dumps(
        {"model": "gpt-4o", "region": "eu-west-1", "service.name": "checkout", "operation": "chat",
         "input_tokens": 4711, "status": "ok", "error_type": "ThrottlingException"}
    )  # fmt: skip
    report = judged(record)
    seen = report.gaps[0].anchors[0].excerpt or ""

    for word in ("gpt-4o", "eu-west-1", "checkout", "chat", "4711", "ok", "ThrottlingException"):
        assert word in seen
    spans = document(judged(SPANS)).decode()
    assert "GET /tenants/*/users/*?*" in spans
    assert "checkout" in spans
    assert f":*:inference-profile/{NOVA}" in spans


@pytest.mark.parametrize(
    ("path", "kind", "shown"),
    [
        ("resource.acmeco.billing.tenant.id", "attribute", "resource.acmeco.billing.tenant.id"),
        ("users.acme.tenant_id", "path", "users.*.tenant_id"),
        ("users.x@mail.example.tenant_id", "attribute", "users.*.*.tenant_id"),
        ("metadata.acme.team_id", "attribute", "metadata.*.team_id"),
        ("metadata→acme.team_id", "path", "metadata→*.team_id"),
        ("outputs[0].message.usage.input_tokens", "path", "outputs[*].message.usage.input_tokens"),
        ("acmeco.tenant_id", "path", "acmeco.tenant_id"),
        ("3f2504e0-4f89-11d3-9a0c-0305e82c3301.tenant_id", "path", "*.tenant_id"),
        ("+49 170 1234567.cost", "path", "*.cost"),
        ("123456789012.cost", "path", "*.cost"),
        ("Mueller GmbH.tenant_id", "path", "*.tenant_id"),
        ("Müller.tenant_id", "path", "*.tenant_id"),
        ("Input Tokens", "path", "Input Tokens"),
        ('additional_headers["x-amzn-requestid"]', "own", 'additional_headers["x-amzn-requestid"]'),
    ],
)
def test_a_key_is_shown_as_far_as_it_is_schema(path: str, kind: mask.Kind, shown: str) -> None:
    """The names of attributes and of the first level, aliases, and words of formats."""
    assert mask.key(path, kind) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("chat anthropic.claude-sonnet-4-5-20250929-v1:0", "chat anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("GET /tenants/{tenant}/chat", "GET /tenants/{tenant}/chat"),
        ("GET /accounts/acme/chat?x=1", "GET /accounts/*/chat?*"),
        ("POST /v1/chat/completions", "POST /v1/chat/completions"),
        ("httproute/ai/chat/rule/0/match/0/*", "httproute/ai/chat/rule/0/match/0/*"),
        ("job for jane@mail.example", "job for *"),
        ("run tenant=acme", "run tenant=*"),
        ("arn:aws:sts::123456789012:assumed-role/llm/jane", "arn:aws:sts::*:assumed-role/llm/*"),
        ("call +49 170 1234567", "call *"),
        ("a summary of what the customer of ours wrote last night", "a summary of what …"),
    ],
)  # fmt: skip
def test_a_name_is_shown_without_the_data_in_it(text: str, shown: str) -> None:
    """What a span, an operation or a model is called, without addresses, ids, queries and owners."""
    assert mask.name(text) == shown


@pytest.mark.parametrize(
    ("key", "value", "fmt", "shown"),
    [
        ("name", "chat", "otlp-json", '"chat"'),
        ("name", "acme", "generic-json", "<string 4 #1>"),
        ("tenant.name", "acme", "otlp-json", "<string 4 #1>"),
        ("status", "429", "", '"429"'),
        ("status", "acme left", "", "<string 9 #1>"),
        ("deployment.environment.name", "prod", "", '"prod"'),
        ("deployment.environment.name", "acme", "", "<string 4 #1>"),
        ("resource.attributes.service.name", "checkout", "", '"checkout"'),
        ("tenant_id", 4711, "", "<number #1>"),
        ("input_tokens", 4711, "", "4711"),
        ("status", "张三", "", "<string 2 #1>"),
    ],
)
def test_a_value_is_shown_under_a_listed_key_alone(key: str, value: object, fmt: str, shown: str) -> None:
    """The whole key counts, and what the format means by it."""
    known = format_of(fmt)
    own_keys = known.own_keys if known else ()

    assert mask.Masker().value(key, value, own_keys=own_keys) == shown


def test_what_a_record_calls_its_owner_is_hidden_under_every_key() -> None:
    """Also under a key whose values are shown."""
    masker = mask.Masker()
    assert masker.value("service.name", "acme", identities={"acme"}) == "<string 4 #1>"
    assert masker.value("operation", "GET /acme/chat", identities={"acme"}) == '"GET /*/chat"'


@pytest.mark.parametrize("piece", ["data.", "a.", "resource.", "x@y.", "1.", "[1]", "'", "é→", "/1"])
def test_a_long_key_takes_linear_time(piece: str) -> None:
    """A key of four times the length takes about four times as long."""

    def work(path: str) -> None:
        mask.key(path)
        mask.name_in(path, top=False)
        mask.name(path)
        mask.Masker().value(path, "acme")

    assert is_linear(lambda count: f"{piece * count}tenant_id{count}", work, 2_500)


def test_fingerprints_are_those_of_earlier_versions() -> None:
    """They are computed from the key as it was printed before: a baseline goes on to apply."""
    record = f'{{{USAGE}, "users": {{"x@mail.example": {{"acme": {{"team": "t"}}}}}}}}'
    (gap,) = (gap for gap in judged(record).gaps if gap.rule == "TAG004")

    assert [w.name for w in gap.where if w.dimension == "key"] == ["users.*.*.*.team"]
    assert gap.fingerprint == "5eb53b04abfd9036"
    assert gap.fingerprint == fingerprint(
        "TAG004", "team_id", "request", mask.hashed_key("users.x@mail.example.acme.team"), "generic-json"
    )
