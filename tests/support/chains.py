"""Small inputs of several hops, and the evidence that they make."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from auditor.audit import Input, audit
from auditor.catalogue.fields import catalogue
from auditor.evidence.assemble import assemble
from auditor.evidence.table import Evidence
from auditor.inputs.source import Source
from auditor.policy.model import Policy
from auditor.readers.ingest import ingest
from auditor.relate.columns import relate
from auditor.report.schema import Report

AWS = "11111111-2222-4333-8444-5555555555{:02d}"
MODEL = "anthropic.claude-3-haiku-20240307-v1:0"
FORMATS = {
    "app": "otlp-json",
    "proxy": "nginx-json",
    "litellm": "litellm-standard-logging",
    "provider": "bedrock-invocation-log",
    "bill": "cur-2.0",
}


def span(n: int, *, tenant: str = "acme", request: str = "", trace: str = "", **extra: str) -> dict[str, Any]:
    """One call of the application, n seconds after the others began."""
    held = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "aws.bedrock",
        "gen_ai.request.model": MODEL,
        "tenant.id": tenant,
        "request.id": request,
        **extra,
    }
    attributes = [{"key": k, "value": {"stringValue": v}} for k, v in held.items() if v]
    for key, count in (("input", "120"), ("output", "45")):
        attributes.append({"key": f"gen_ai.usage.{key}_tokens", "value": {"intValue": count}})
    begun = 1_789_380_000_000_000_000 + n * 1_000_000_000
    return {
        "traceId": trace or f"5b8efff798038103d269b633813fc6{n:02x}",
        "spanId": f"eee19b7ec3c1b1{n:02x}",
        "name": "chat",
        "startTimeUnixNano": str(begun),
        "endTimeUnixNano": str(begun + 900_000_000),
        "attributes": attributes,
    }


def spans(*held: dict[str, Any]) -> str:
    """An OTLP document of one service."""
    service = [{"key": "service.name", "value": {"stringValue": "checkout"}}]
    return json.dumps(
        {"resourceSpans": [{"resource": {"attributes": service}, "scopeSpans": [{"spans": list(held)}]}]}
    )


def payload(
    n: int, *, aws: int | None = -1, request: str = "", tenant: str = "acme", tokens: int = 120, **over: Any
) -> str:
    """One row of a LiteLLM proxy; `aws` is the number of the provider's request, None for no such id."""
    aws = n if aws == -1 else aws
    headers = {} if aws is None else {"llm_provider-x-amzn-requestid": AWS.format(aws)}
    held = {"tenant_id": tenant, "request_id": request}
    row = {
        "id": f"chatcmpl-fake{n:04d}",
        "litellm_call_id": f"0934d2d1-0000-4564-93a4-4866670000{n:02d}",
        "trace_id": f"5b8efff798038103d269b633813fc6{n:02x}",
        "call_type": "acompletion",
        "status": "success",
        "response_cost": 8.625e-05,
        "prompt_tokens": tokens,
        "completion_tokens": 45,
        "total_tokens": tokens + 45,
        "startTime": 1_789_380_000.1 + n,
        "endTime": 1_789_380_000.8 + n,
        "model": MODEL,
        "custom_llm_provider": "bedrock",
        "metadata": {"spend_logs_metadata": {k: v for k, v in held.items() if v}},
        "hidden_params": {"additional_headers": headers},
    }
    return json.dumps(row | over)


def invocation(n: int, *, tenant: str = "acme", tokens: int = 120, **over: Any) -> str:
    """One record of the provider's log."""
    row = {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": f"2026-09-14T10:00:{n:02d}Z",
        "accountId": "123456789012",
        "identity": {"arn": "arn:aws:sts::123456789012:assumed-role/GatewayRole/llm-gw"},
        "region": "us-east-1",
        "requestId": AWS.format(n),
        "operation": "Converse",
        "modelId": MODEL,
        "requestMetadata": {"tenant_id": tenant} if tenant else {},
        "input": {"inputTokenCount": tokens},
        "output": {"outputTokenCount": 45},
    }
    return json.dumps(row | over)


def bill(*lines: tuple[str, str, float, float, str]) -> str:
    """A CUR 2.0 export: (day, kind of token, thousands of tokens, USD, tags) a line."""
    head = (
        "line_item_usage_start_date,line_item_line_item_type,line_item_product_code,line_item_usage_type,"
        "line_item_operation,line_item_usage_amount,pricing_unit,line_item_unblended_cost,"
        "line_item_iam_principal,product_region_code,tags"
    )
    arn = "arn:aws:sts::123456789012:assumed-role/GatewayRole/llm-gw"
    rows = [
        f"{day}T10:00:00Z,{'Usage' if kind in ('input', 'output') else kind},AmazonBedrock,"
        f"USE1-Claude3Haiku-{kind}-tokens,InvokeModelInference,{amount},1K tokens,{cost},{arn},us-east-1,"
        f'"{tags}"'
        for day, kind, amount, cost, tags in lines
    ]
    return "\n".join([head, *rows]) + "\n"


def lines(*rows: str) -> str:
    """JSON lines."""
    return "\n".join(rows) + "\n"


def inputs(held: dict[str, str]) -> list[Input]:
    """Named inputs in their formats; a name's number is cut off: `litellm2`."""
    return [
        Input(name, data=text.encode(), format=FORMATS[name.rstrip("0123456789")], alias=name)
        for name, text in held.items()
    ]


def together(held: dict[str, str], profile: str = "chargeback-min") -> Report:
    """All inputs audited together."""
    return audit(inputs(held), Policy(profile=profile))


def evidence(held: dict[str, str], names: Sequence[str] = ()) -> Evidence:
    """The table of some inputs, with these columns related."""
    given = inputs(held)
    tables = []
    for one in given:
        table = ingest(Source(one), one, catalogue(), by_day=True)
        table.alias = one.alias
        tables.append(table)
    made = assemble(tables, catalogue())
    relate(made, ["request_id", "attempt_id", "model", "region", *names])
    return made
