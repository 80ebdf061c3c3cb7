"""The shapes in which one format arrives: each is read to the same records."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from auditor.model import FieldReport, Report
from auditor.run import Input, audit
from auditor.samples import samples
from auditor.settings import Policy

TRACE, SPAN, PARENT = "b9aad5fa2bfd511e0b0a7db4812cdd00", "5ce3a8792305be51", "3683342715964f51"
MODEL = "us.anthropic.claude-sonnet-4-6"


def report(text: str | bytes, name: str = "input", **given: Any) -> Report:
    """The report with every field asked for."""
    data = text.encode() if isinstance(text, str) else text
    return audit([Input(name=name, data=data, **given)], Policy(profile="all"))


def field(found: Report, name: str) -> FieldReport:
    """One field of a report."""
    return next(f for f in found.fields if f.field == name)


def counts(found: Report, name: str) -> tuple[int, int, int, int]:
    """(present, absent, mis_scoped, not_carried)."""
    one = field(found, name)
    return one.present, one.absent, one.mis_scoped, one.not_carried


def attribute(key: str, value: Any) -> dict[str, Any]:
    """One OTLP attribute."""
    kind = {str: "stringValue", int: "intValue", float: "doubleValue", bool: "boolValue"}.get(type(value))
    if kind is None:
        return {"key": key, "value": {"arrayValue": {"values": [{"stringValue": v} for v in value]}}}
    return {"key": key, "value": {kind: value}}


def span(span_id: str = SPAN, parent: str = PARENT, name: str = "chat", **attributes: Any) -> dict[str, Any]:
    """One span; `__` in an attribute stands for a dot."""
    return {
        "traceId": TRACE, "spanId": span_id, "parentSpanId": parent, "name": name, "kind": 3,
        "startTimeUnixNano": "1795225575401504000", "endTimeUnixNano": "1795225576313387000",
        "attributes": [attribute(k.replace("__", "."), v) for k, v in attributes.items()], "status": {},
    }  # fmt: skip


def call(**attributes: Any) -> dict[str, Any]:
    """A model span."""
    held: dict[str, Any] = {
        "gen_ai__operation__name": "chat",
        "gen_ai__request__model": MODEL,
        "gen_ai__usage__input_tokens": 12,
        "gen_ai__usage__output_tokens": 3,
    }
    return span(**(held | attributes))


def traces(*spans: dict[str, Any], resource: dict[str, Any] | None = None) -> dict[str, Any]:
    """An export document."""
    held = [attribute(k, v) for k, v in (resource or {"service.name": "support-bot"}).items()]
    return {"resourceSpans": [{"resource": {"attributes": held}, "scopeSpans": [{"spans": list(spans)}]}]}


def snake(value: Any) -> Any:
    """The same document with the field names of the protobuf definition."""
    if isinstance(value, dict):
        return {"".join(f"_{c.lower()}" if c.isupper() else c for c in k): snake(v) for k, v in value.items()}
    return [snake(v) for v in value] if isinstance(value, list) else value


def base64_ids(document: dict[str, Any]) -> dict[str, Any]:
    """The same document as generic protobuf-to-JSON conversion writes it."""
    text = json.dumps(document)
    for old in (TRACE, SPAN, PARENT):
        text = text.replace(old, base64.b64encode(bytes.fromhex(old)).decode())
    return json.loads(text)  # type: ignore[no-any-return]


WITH_PARENT = traces(span(PARENT, "", "POST /v1/answer", tenant__id="acme"), call())


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(WITH_PARENT),
        json.dumps(WITH_PARENT, indent=4),
        json.dumps(WITH_PARENT) + "\n" + json.dumps(traces()),
        json.dumps(snake(WITH_PARENT)),
        json.dumps(base64_ids(WITH_PARENT)),
        json.dumps(WITH_PARENT).replace("scopeSpans", "instrumentationLibrarySpans"),
        "2026-09-14T10:00:03Z collector " + json.dumps(WITH_PARENT),
    ],
    ids=["document", "indented", "lines", "snake case", "base64 ids", "old library spans", "log prefix"],
)
def test_an_otlp_document_is_read_in_every_spelling(text: str) -> None:
    """One call, one context span, and the tenant found on the parent."""
    found = report(text)
    assert ("otlp-json", 1, 1) == (found.inputs[0].format, found.inputs[0].calls, found.inputs[0].context)
    assert (0, 0, 1, 0) == counts(found, "tenant_id")
    assert (1, 0, 0, 0) == counts(found, "tokens_input")


@pytest.mark.parametrize(
    ("attributes", "cause"),
    [
        ({"http__request__header__x-tenant-id": ["acme"]}, "wire_only"),
        ({"http__request__header__baggage": ["user.id=u%2D42,tenant.id=acme;p=1"]}, "wire_only"),
    ],
)
def test_a_captured_header_is_no_evidence(attributes: dict[str, Any], cause: str) -> None:
    """A header on the server span proves that the tenant arrived, not that the gateway attributes by it."""
    found = report(json.dumps(traces(span(PARENT, "", "POST /v1/answer", **attributes), call())))
    assert {cause: 1} == field(found, "tenant_id").causes


def test_values_inside_json_text_and_tag_lists_count() -> None:
    """OpenInference hides the tenant in a JSON string and teams in tags."""
    held = {"metadata": '{"tenant_id": "acme"}', "tag__tags": ["team:growth", "beta"]}
    found = report(json.dumps(traces(call(**held))))
    assert (1, 0, 0, 0) == counts(found, "tenant_id")
    assert (1, 0, 0, 0) == counts(found, "team_id")


def test_a_value_in_prompt_text_never_counts() -> None:
    """Whatever a prompt says of tenants is content."""
    held = {"gen_ai__prompt": '{"tenant_id": "acme"}', "input__value": '{"tenant_id": "acme"}'}
    assert (0, 1, 0, 0) == counts(report(json.dumps(traces(call(**held)))), "tenant_id")


def test_a_wrapper_that_repeats_the_usage_is_context() -> None:
    """The outer span of an SDK that writes the same tokens again is no second call."""
    outer = call() | {"spanId": PARENT, "parentSpanId": "", "name": "ai.generateText"}
    found = report(json.dumps(traces(outer, call())))
    assert (1, 1) == (found.inputs[0].calls, found.inputs[0].context)


def test_a_process_attribute_stands_at_process_scope() -> None:
    """One value for every tenant that the process serves is no tenant of a call."""
    found = report(json.dumps(traces(call(), resource={"service.name": "bot", "tenant.id": "acme"})))
    assert {"wider_scope": 1} == field(found, "tenant_id").causes
    assert ("resource.tenant.id", "process") == (
        field(found, "tenant_id").found[0].key,
        field(found, "tenant_id").found[0].scope,
    )


def test_what_a_span_dropped_is_not_called_absent() -> None:
    """A span that says it dropped attributes cannot tell which; what it kept still counts."""
    held = call() | {"droppedAttributesCount": 2}
    found = report(json.dumps(traces(held)))
    assert {"by_sample": 1} == field(found, "tenant_id").causes
    assert (1, 0, 0, 0) == counts(found, "model")


# -- invocation log ------------------------------------------------------------------------------------------

INVOCATION = {
    "schemaType": "ModelInvocationLog", "schemaVersion": "1.0", "timestamp": "2026-09-14T10:00:03Z",
    "accountId": "123456789012", "identity": {"arn": "arn:aws:sts::123456789012:assumed-role/Gateway/llm-gw"},
    "region": "us-east-1", "requestId": "11111111-2222-4333-8444-555555555555", "operation": "Converse",
    "modelId": MODEL, "requestMetadata": {"tenant_id": "acme"},
    "input": {"inputTokenCount": 120, "inputBodyJson": {"messages": [{"text": '"latencyMs": 1'}]}},
    "output": {"outputTokenCount": 45, "outputBodyJson": {"metrics": {"latencyMs": 912}}},
}  # fmt: skip


def lower(value: Any) -> Any:
    """As Athena writes names."""
    return {k.lower(): lower(v) for k, v in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize(
    "data",
    [
        json.dumps(INVOCATION).encode(),
        json.dumps(INVOCATION, indent=1).encode(),
        json.dumps([INVOCATION]).encode(),
        gzip.compress(json.dumps(INVOCATION).encode()),
        json.dumps({"events": [{"timestamp": 1, "message": json.dumps(INVOCATION)}]}).encode(),
        json.dumps({"logEvents": [{"id": "1", "message": json.dumps(INVOCATION)}], "owner": "1"}).encode(),
        f"2026-09-14T10:00:03Z\t{json.dumps(INVOCATION)}\n".encode(),
        json.dumps(INVOCATION | {"identity": [INVOCATION["identity"]]}).encode(),
    ],
    ids=["line", "indented", "array", "gzip", "filter-log-events", "subscription", "console copy",
         "crawled identity"],
)  # fmt: skip
def test_an_invocation_is_read_from_s3_and_from_cloudwatch(data: bytes) -> None:
    """One call with its metadata, tokens, principal and the service's own latency."""
    found = report(data)
    assert ("bedrock-invocation-log", 1) == (found.inputs[0].format, found.inputs[0].calls)
    for name in (
        "tenant_id",
        "tokens_input",
        "tokens_output",
        "iam_principal",
        "region",
        "model",
        "latency_ms",
    ):
        assert (1, 0, 0, 0) == counts(found, name), name
    assert (0, 0, 0, 1) == counts(found, "cost_usd")


def test_an_operation_that_is_no_inference_is_context() -> None:
    """Listing models costs nothing."""
    found = report(json.dumps(INVOCATION) + "\n" + json.dumps(INVOCATION | {"operation": "ListModels"}))
    assert (1, 1) == (found.inputs[0].calls, found.inputs[0].context)


# -- bill ----------------------------------------------------------------------------------------------------

ALICE = "arn:aws:iam::123456789012:user/alice"
ROWS: list[dict[str, Any]] = [
    {"line_item_line_item_type": "Usage", "line_item_usage_type": "USE1-Claude4.6Sonnet-input-tokens",
     "line_item_unblended_cost": "0.069", "line_item_usage_amount": "23", "pricing_unit": "1K tokens",
     "line_item_iam_principal": ALICE, "tags": '{"iamPrincipal/team": "ds"}'},
    {"line_item_line_item_type": "Usage", "line_item_usage_type": "USE1-MP:USE1_OutputTokenCount-Units",
     "line_item_unblended_cost": "0.213", "line_item_usage_amount": "0.0142", "pricing_unit": "1M tokens",
     "line_item_iam_principal": "arn:aws:sts::123456789012:assumed-role/App/run", "tags": "{}"},
    {"line_item_line_item_type": "Tax", "line_item_usage_type": "", "line_item_unblended_cost": "0.02",
     "line_item_usage_amount": "0", "pricing_unit": "", "line_item_iam_principal": "", "tags": "{}"},
]  # fmt: skip


def csv(separator: str = ",", athena: bool = False) -> str:
    """The rows as CSV; Athena prints maps without quotes."""
    lines = [separator.join(ROWS[0])]
    for row in ROWS:
        cells = [str(v) for v in row.values()]
        if athena:
            cells[-1] = cells[-1].replace('"', "").replace(": ", "=")
        lines.append(separator.join('"' + c.replace('"', '""') + '"' for c in cells))
    return "\n".join(lines)


def markdown() -> str:
    """The rows as the table of a documentation page, underscores escaped."""
    lines = ["| " + " | ".join(k.replace("_", "\\_") for k in ROWS[0]) + " |", "|---|"]
    return "\n".join(lines + ["| " + " | ".join(str(v) for v in row.values()) + " |" for row in ROWS])


@pytest.mark.parametrize(
    "text",
    [
        csv(),
        csv("\t"),
        csv(athena=True),
        markdown(),
        json.dumps(ROWS),
        "\n".join(json.dumps(r) for r in ROWS),
    ],
    ids=["csv", "tsv", "athena", "markdown", "json", "json lines"],
)
def test_a_bill_is_read_from_every_table(text: str) -> None:
    """Two usage rows, the tax is context, tokens in their unit, one team."""
    found = report(text)
    assert ("cur-2.0", 2, 1) == (found.inputs[0].format, found.inputs[0].calls, found.inputs[0].context)
    assert (0.282, 37_200) == (round(found.totals.cost_usd, 6), found.totals.tokens)
    assert (1, 1, 0, 0) == counts(found, "team_id")
    assert (0, 0, 0, 2) == counts(found, "request_id")


def test_a_parquet_bill_with_maps_is_read(tmp_path: Path) -> None:
    """Parquet's list of pairs is a map; identical rows count as often as they stand there."""
    path = tmp_path / "bill.snappy.parquet"
    pairs = [{"key": "iamPrincipal/team", "value": "ds"}]
    pl.DataFrame(
        {
            "line_item_usage_type": ["USE1-NovaPro-input-tokens"] * 3,
            "line_item_unblended_cost": [0.5, 0.25, 0.25],
            "line_item_usage_amount": [1.0, 2.0, 3.0],
            "pricing_unit": ["1K tokens"] * 3,
            "line_item_iam_principal": ["arn:aws:iam::123456789012:user/alice"] * 3,
            "tags": [pairs, pairs, []],
        }
    ).write_parquet(path)
    found = audit([Input(name="bill", path=path)], Policy(profile="all"))
    assert (3, 1.0, 6_000) == (found.inputs[0].calls, found.totals.cost_usd, found.totals.tokens)
    assert (2, 1, 0, 0) == counts(found, "team_id")
    assert all(a.line is None for g in found.gaps for a in g.anchors)


def test_the_vendors_own_table_gives_the_vendors_own_sums() -> None:
    """Three rows, USD 0.481, one team tag on two of them, one project tag."""
    path = next(s.path for s in samples() if s.name == "cur-2.0-table")
    found = audit([Input(name="table", path=path)], Policy(profile="all"))
    assert (3, 0.481) == (found.inputs[0].calls, round(found.totals.cost_usd, 6))
    keys = {(k.key, k.calls) for k in field(found, "team_id").found}
    assert {("tags['iamPrincipal/team']", 2), ("tags['iamPrincipal/project']", 1)} == keys


def test_columns_that_were_not_selected_are_not_judged() -> None:
    """A fragment says nothing of what it leaves out; a whole export without principals was made so."""
    fragment = "line_item_usage_type,line_item_unblended_cost\nUSE1-NovaPro-input-tokens,1.0\n"
    assert {"by_sample": 1} == field(report(fragment), "iam_principal").causes
    suffixes = "usage_type unblended_cost usage_amount product_code operation usage_account_id"
    names = [f"line_item_{n}" for n in f"{suffixes} currency_code line_item_type usage_start_date".split()]
    whole = ",".join([*names, "bill_payer_account_id", "tags", "resource_tags"]) + "\n"
    whole += "USE1-NovaPro-input-tokens,1.0,1,AmazonBedrock,InvokeModelInference,123456789012,USD,Usage,"
    whole += "2026-09-14T10:00:00Z,123456789012,{},{}\n"
    assert {"not_enabled": 1} == field(report(whole), "iam_principal").causes


# -- workers -------------------------------------------------------------------------------------------------


def test_worker_processes_give_the_same_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes over ranges of one file find what one process finds, skips and lines included."""
    monkeypatch.setattr("auditor.ingest.SPLIT_FROM", 1)
    monkeypatch.setattr("auditor.parallel.RANGE", 2_000)
    path = tmp_path / "spans.jsonl"
    lines = [json.dumps(traces(call(tenant__id="acme") if i % 3 else call())) for i in range(40)]
    lines[17] = '{"broken'
    path.write_text("\n".join(lines))
    one, two = (audit([Input(name="spans", path=path)], jobs=jobs) for jobs in (1, 2))
    assert msgspec.json.encode(one) == msgspec.json.encode(two)
    assert [18] == [s.line for s in one.inputs[0].skipped]


# -- spend rows in tables ------------------------------------------------------------------------------------

SPEND = {
    "request_id": "chatcmpl-fake0001", "call_type": "acompletion", "spend": "0.001035",
    "prompt_tokens": "120", "completion_tokens": "45", "startTime": "2026-09-14 10:00:03.401",
    "endTime": "2026-09-14 10:00:04.313", "model": MODEL, "user": "default_user_id",
    "metadata": '{"spend_logs_metadata": {"tenant_id": "acme", "note": "a|b"}}',
    "request_tags": '["team:growth"]',
    "team_id": "team-growth", "end_user": "", "status": "success",
    "litellm_call_id": "0934d2d1-0000-4564-93a4-486667ad17ac",
}  # fmt: skip


def as_csv() -> str:
    """The row as a spreadsheet or a CSV dump has it."""
    quoted = ['"' + str(v).replace('"', '""') + '"' for v in SPEND.values()]
    return ",".join(SPEND) + "\n" + ",".join(quoted) + "\n"


def as_psql() -> str:
    """The row as psql prints it."""
    widths = [max(len(k), len(v)) for k, v in SPEND.items()]
    head = " | ".join(k.center(w) for k, w in zip(SPEND, widths, strict=True))
    body = " | ".join(v.ljust(w) for v, w in zip(SPEND.values(), widths, strict=True))
    return f" {head} \n{'+'.join('-' * (w + 2) for w in widths)}\n {body} \n(1 row)\n"


def as_expanded() -> str:
    """The row as psql prints it in expanded mode."""
    return "-[ RECORD 1 ]-----\n" + "".join(f"{k.ljust(20)} | {v}\n" for k, v in SPEND.items())


@pytest.mark.parametrize("text", [json.dumps(SPEND), as_csv(), as_psql(), as_expanded()])
def test_a_spend_row_is_read_from_every_dump(text: str) -> None:
    """One call with its tenant, team, cost and tokens, however the table was printed."""
    found = report(text)
    assert ("litellm-spend-logs", 1, 0) == (
        found.inputs[0].format, found.inputs[0].calls, found.inputs[0].skipped_total
    )  # fmt: skip
    for name in ("tenant_id", "team_id", "cost_usd", "tokens_input", "request_id", "latency_ms"):
        assert (1, 0, 0, 0) == counts(found, name), name
    assert 0.001035 == found.totals.cost_usd


def test_a_torn_table_row_is_a_skip() -> None:
    """A row with another number of cells is counted with its line, and the others are read."""
    found = report(markdown() + "\n| torn | row |")
    assert (2, [6]) == (found.inputs[0].calls, [s.line for s in found.inputs[0].skipped])


# -- processes -----------------------------------------------------------------------------------------------


def deployments(*teams: str) -> str:
    """One export of several processes, each with a team on its resource."""
    documents = [
        traces(call(), resource={"service.name": f"worker-{i}", "team.id": team})
        for i, team in enumerate(teams)
    ]
    return json.dumps({"resourceSpans": [block for d in documents for block in d["resourceSpans"]]})


@pytest.mark.parametrize(
    ("teams", "verdicts"),
    [(("growth", "legal"), (2, 0, 0, 0)), (("growth", "growth"), (0, 0, 2, 0)), (("growth",), (0, 0, 1, 0))],
    ids=["a deployment for each team", "replicas of one", "one process"],
)
def test_a_process_speaks_for_its_team_only_where_teams_are_told_apart(
    teams: tuple[str, ...], verdicts: tuple[int, int, int, int]
) -> None:
    """Two processes with a team each are evidence; one team for everything served there is not."""
    assert verdicts == counts(report(deployments(*teams)), "team_id")


def test_the_policy_can_say_that_a_service_is_dedicated() -> None:
    """What the process of a dedicated service says of the team counts."""
    policy = Policy(profile="all", dedicated=["worker-0"])
    found = audit([Input(name="input", data=deployments("growth").encode())], policy)
    assert (1, 0, 0, 0) == counts(found, "team_id")
    assert [("resource.team.id", True)] == [(k.key, k.accepted) for k in field(found, "team_id").found][:1]


@pytest.mark.parametrize(
    "attributes",
    [
        {
            "openinference__span__kind": "LLM",
            "llm__model_name": MODEL,
            "llm__token_count__prompt": 12,
            "llm__token_count__completion": 3,
            "llm__cost__total": 0.25,
        },
        {
            "langfuse__observation__type": "generation",
            "langfuse__observation__model__name": MODEL,
            "langfuse__observation__usage_details": '{"input": 12, "output": 3}',
            "langfuse__observation__cost_details": '{"total": 0.25}',
        },
        {
            "mlflow__spanType": "LLM",
            "mlflow__llm__model": MODEL,
            "mlflow__chat__tokenUsage": '{"input_tokens": 12, "output_tokens": 3}',
            "mlflow__llm__cost": '{"total_cost": 0.25}',
        },
        {
            "ai__operationId": "ai.generateText.doGenerate",
            "ai__model__id": MODEL,
            "ai__usage__promptTokens": 12,
            "ai__usage__completionTokens": 3,
            "gen_ai__usage__cost": 0.25,
        },
    ],
    ids=["openinference", "langfuse", "mlflow", "vercel"],
)
def test_usage_and_cost_are_read_in_every_vocabulary(attributes: dict[str, Any]) -> None:
    """One call with its model, 15 tokens and 25 cents, whatever the instrumentation calls them."""
    found = report(json.dumps(traces(span(**attributes))))
    assert (1, 15, 0.25) == (found.inputs[0].calls, found.totals.tokens, found.totals.cost_usd)
    assert (1, 0, 0, 0) == counts(found, "model")


# -- application logs ----------------------------------------------------------------------------------------


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
