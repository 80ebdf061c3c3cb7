"""Writes the inputs of the benchmarks: seeded, real in shape, made-up in every name and id.

It writes only into the folder it is given.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

SEED = 20261121
ACCOUNT = "123456789012"
TENANTS = ("acme", "globex", "initech", "unknown")
TEAMS = ("support", "search", "legal-ai", "growth")
MODELS = (
    "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "us.amazon.nova-pro-v1:0",
    "anthropic.claude-3-haiku-20240307-v1:0",
)
WORDS = (
    "the order was not found so please look again at what we sent to you last week about this case".split()
)
START_NS = 1_788_220_800_000_000_000
encode = msgspec.json.Encoder().encode


def otlp_lines(path: Path, size: int) -> int:
    """OTLP/JSON lines of at least `size` bytes, one export of five traces a line; how many calls."""
    draw = random.Random(SEED)
    calls = 0
    with path.open("wb") as file:
        while file.tell() < size:
            spans = [span for _ in range(5) for span in _trace(draw)]
            calls += 15
            file.write(encode(export(spans)) + b"\n")
    return calls


def export(spans: list[dict[str, Any]]) -> dict[str, Any]:
    """An export of one service that holds these spans."""
    process = {
        "service.name": "support-assistant",
        "service.version": "3.8.1",
        "deployment.environment.name": "prod",
    }
    scope = {"name": "opentelemetry.instrumentation.botocore.bedrock-runtime", "version": "0.66b1"}
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(process)},
                "scopeSpans": [{"scope": scope, "spans": spans}],
            }
        ]
    }


def _trace(draw: random.Random) -> list[dict[str, Any]]:
    """A request span and the three calls below it; the tenant stands on some calls, and on all roots."""
    trace, root = f"{draw.getrandbits(128):032x}", f"{draw.getrandbits(64):016x}"
    start = START_NS + draw.randrange(86_400) * 1_000_000_000
    tenant, team = draw.choice(TENANTS), draw.choice(TEAMS)
    about = {"http.request.method": "POST", "http.route": "/v1/tickets/reply", "tenant.id": tenant}
    spans = [span(trace, root, None, "POST /v1/tickets/reply", start, about)]
    for step in range(3):
        model = draw.choice(MODELS)
        held: dict[str, Any] = {
            "rpc.system": "aws-api",
            "rpc.service": "Bedrock Runtime",
            "rpc.method": "Converse",
            "cloud.region": "us-east-1",
            "server.address": "bedrock-runtime.us-east-1.amazonaws.com",
            "server.port": 443,
            "gen_ai.provider.name": "aws.bedrock",
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": model,
            "gen_ai.request.temperature": 0.2,
            "gen_ai.request.max_tokens": 1024,
            "gen_ai.usage.input_tokens": draw.randrange(200, 9000),
            "gen_ai.usage.output_tokens": draw.randrange(20, 900),
            "aws.request_id": f"{draw.getrandbits(128):032x}",
            "app.request_id": f"{trace}-{step}",
            "http.status_code": 200,
            "retry_attempts": 0,
            "team.id": team,
        }
        if draw.random() < 0.6:
            held["tenant.id"] = tenant
        spans.append(
            span(trace, f"{draw.getrandbits(64):016x}", root, f"chat {model}", start + step * 10**9, held)
        )
    return spans


def span(
    trace: str, own: str, parent: str | None, name: str, start: int, held: dict[str, Any]
) -> dict[str, Any]:
    """One span of 900 ms, of a kind that follows from whether it has a parent."""
    made: dict[str, Any] = {
        "traceId": trace,
        "spanId": own,
        "name": name,
        "kind": 3 if parent else 2,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + 900_000_000),
        "attributes": _attributes(held),
        "status": {},
    }
    return made | {"parentSpanId": parent} if parent else made


def _attributes(held: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in held.items()]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": value}


def invocation_logs(path: Path, size: int) -> int:
    """Bedrock invocation log lines with bodies of 3 kB, at least `size` bytes; how many calls they hold."""
    draw = random.Random(SEED)
    bodies = [" ".join(draw.choices(WORDS, k=560)) for _ in range(64)]
    calls = 0
    with path.open("wb") as file:
        while file.tell() < size:
            calls += 1
            file.write(encode(_invocation(draw, bodies, calls)) + b"\n")
    return calls


def _invocation(draw: random.Random, bodies: list[str], number: int) -> dict[str, Any]:
    tenant = draw.choice(TENANTS)
    record: dict[str, Any] = {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": f"2026-09-{1 + number % 28:02d}T{number % 24:02d}:10:00Z",
        "accountId": ACCOUNT,
        "identity": {"arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/llm-gateway/{tenant}"},
        "region": "us-east-1",
        "requestId": f"{draw.getrandbits(128):032x}",
        "operation": "Converse",
        "modelId": draw.choice(MODELS),
        "input": {
            "inputContentType": "application/json",
            "inputBodyJson": {"messages": [{"role": "user", "content": [{"text": draw.choice(bodies)}]}]},
            "inputTokenCount": draw.randrange(200, 9000),
        },
        "output": {
            "outputContentType": "application/json",
            "outputBodyJson": {"output": {"message": {"content": [{"text": draw.choice(bodies)[:300]}]}}},
            "outputTokenCount": draw.randrange(20, 900),
        },
    }
    if draw.random() < 0.7:
        record["requestMetadata"] = {"tenant_id": tenant, "request_id": f"gw-{number}"}
    return record


BILL = """
COPY (
  WITH rows AS (SELECT i, hash(i * 2 + {seed}) AS h FROM range({rows}) t(i)),
  drawn AS (
    SELECT i, (h % 200)::INT AS who, ((h // 200) % 8)::INT AS what, (h // 1600) % 1000 AS much FROM rows
  )
  SELECT
    TIMESTAMP '2026-09-01' + to_hours((i % 720)::INT) AS line_item_usage_start_date,
    '{account}' AS line_item_usage_account_id,
    'Usage' AS line_item_line_item_type,
    'AmazonBedrock' AS line_item_product_code,
    ['USE1-Claude4.5Sonnet-input-tokens', 'USE1-Claude4.5Sonnet-output-tokens',
     'USE1-Claude4.5Haiku-input-tokens', 'USE1-Claude4.5Haiku-output-tokens',
     'USE1-NovaPro-input-tokens', 'USE1-NovaPro-output-tokens',
     'USE1-Claude4.5Sonnet-cache-read-input-token-count', 'USE1-NovaLite-input-tokens'][what + 1]
      AS line_item_usage_type,
    (1 + much) / 10.0 AS line_item_usage_amount,
    '1K tokens' AS pricing_unit,
    (1 + much) / 25000.0 AS line_item_unblended_cost,
    'USD' AS line_item_currency_code,
    'arn:aws:sts::{account}:assumed-role/'
      || CASE WHEN who < 150 THEN 'llm-gateway' ELSE 'batch-' || (who % 7) END
      || '/session-' || who AS line_item_iam_principal,
    'us-east-1' AS product_region_code,
    CASE WHEN who % 4 = 0 THEN MAP([]::VARCHAR[], []::VARCHAR[])
         ELSE MAP(['iamPrincipal/team', 'iamPrincipal/tenant'], ['team-' || (who % 9), 'tenant-' || who])
    END AS tags
  FROM drawn
) TO '{path}' (FORMAT parquet)
"""


def bill(path: Path, rows: int) -> int:
    """A CUR 2.0 Parquet file of so many rows, tags as a Parquet map; how many rows it holds."""
    import duckdb

    with duckdb.connect() as base:
        base.execute(BILL.format(seed=SEED, rows=rows, account=ACCOUNT, path=path))
    return rows


def paste() -> bytes:
    """Ten records, as a person pastes them."""
    draw = random.Random(SEED)
    spans = [span for _ in range(3) for span in _trace(draw)]
    return encode(export(spans[:10]))


MAKERS: dict[str, Callable[[Path, int], int]] = {
    "otlp": otlp_lines,
    "logs": invocation_logs,
    "bill": bill,
}
