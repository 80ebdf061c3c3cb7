"""The bill as CUR 2.0 in Parquet: a row per day, model, token kind and principal, by the price list.

Beside the usage of models stand a tax line, a credit and another product's line. Claude is sold through the
Marketplace, the other models by AWS, each with its own grammar of usage types. It never knows of requests.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from tools.scenario.calls import FIRST_DAY, KINDS, Call, Kind
from tools.scenario.lanes import ACCOUNT, PROFILE, Defect, Model
from tools.scenario.wire import Wire, principal, usd

PREFIX = {"us-east-1": "USE1", "us-west-2": "USW2", "eu-central-1": "EUC1"}
AWS_KINDS: dict[Kind, str] = {
    "input": "input-tokens",
    "output": "output-tokens",
    "cache_read": "cache-read-input-token-count",
    "cache_write": "cache-write-input-token-count",
}
MARKET_KINDS: dict[Kind, str] = {
    "input": "InputTokenCount",
    "output": "OutputTokenCount",
    "cache_read": "CacheReadInputTokenCount",
    "cache_write": "CacheWriteInputTokenCount",
}
WORDS: dict[Kind, str] = {
    "input": "Input tokens",
    "output": "Output tokens",
    "cache_read": "Prompt cache read input tokens",
    "cache_write": "Prompt cache write input tokens",
}
TYPES = {
    "bill_billing_entity": "VARCHAR",
    "bill_billing_period_start_date": "TIMESTAMP",
    "bill_payer_account_id": "VARCHAR",
    "identity_line_item_id": "VARCHAR",
    "line_item_usage_start_date": "TIMESTAMP",
    "line_item_usage_end_date": "TIMESTAMP",
    "line_item_usage_account_id": "VARCHAR",
    "line_item_line_item_type": "VARCHAR",
    "line_item_product_code": "VARCHAR",
    "line_item_usage_type": "VARCHAR",
    "line_item_operation": "VARCHAR",
    "line_item_resource_id": "VARCHAR",
    "line_item_usage_amount": "DOUBLE",
    "line_item_currency_code": "VARCHAR",
    "line_item_unblended_cost": "DOUBLE",
    "line_item_iam_principal": "VARCHAR",
    "pricing_unit": "VARCHAR",
    "product": "MAP(VARCHAR, VARCHAR)",
    "product_product_family": "VARCHAR",
    "product_region_code": "VARCHAR",
    "resource_tags": "MAP(VARCHAR, VARCHAR)",
    "tags": "MAP(VARCHAR, VARCHAR)",
}
FASTER = 1.25  # latency-optimised inference of Nova Pro against the standard tier


class Line(NamedTuple):
    """What one row of usage is summed by."""

    day: str
    model: Model
    kind: Kind
    principal: str
    tenant: str
    team: str
    profile: str
    tail: str


class Used(NamedTuple):
    """What was used: tokens and nano-dollars."""

    tokens: int
    cost: int


def lines(wire: Wire, calls: Iterable[Call]) -> dict[Line, Used]:
    """The usage of models, summed, in the order of the bill."""
    held: defaultdict[Line, list[Used]] = defaultdict(list)
    for call in calls:
        dear = wire.hits(call, Defect.PRICED_OTHERWISE)
        for kind in KINDS:
            if not call.tokens(kind):
                continue
            line = Line(
                day=call.day,
                model=call.lane.model,
                kind=kind,
                principal=principal(call),
                tenant=call.tenant,
                team=call.lane.team,
                profile=PROFILE if wire.hits(call, Defect.PROFILE_UNTAGGED) else "",
                tail="latency-optimized" if dear else "",
            )
            cost = call.cost(kind)
            held[line].append(Used(call.tokens(kind), round(cost * FASTER) if dear else cost))
    return {
        line: Used(sum(u.tokens for u in held[line]), sum(u.cost for u in held[line]))
        for line in sorted(held, key=_order)
    }


def _order(line: Line) -> tuple[str, ...]:
    return line.day, line.model.region, line.model.id, line.principal, str(KINDS.index(line.kind))


def usage_type(line: Line) -> str:
    """Model, token kind, routing and tier in the words of the bill."""
    model = line.model
    region = PREFIX[model.region]
    if model.code is None:
        routed = {"global": "_Global", "geo": "_Geo", "": ""}[model.routing]
        return f"{region}-MP:{region}_{MARKET_KINDS[line.kind]}{routed}-Units"
    return "-".join(part for part in (region, model.code, AWS_KINDS[line.kind], line.tail) if part)


def cur_parquet(wire: Wire, calls: Iterable[Call]) -> bytes:
    """The whole bill of the days of the calls."""
    found = lines(wire, calls)
    rows = [_usage(line, used) for line, used in found.items()]
    total = sum(used.cost for used in found.values())
    return _parquet([*rows, *_others(total)])


def _blank(number: int, day: datetime) -> dict[str, Any]:
    return {
        "bill_billing_entity": "AWS",
        "bill_billing_period_start_date": day.replace(day=1),
        "bill_payer_account_id": ACCOUNT,
        "identity_line_item_id": f"{number:08d}",
        "line_item_usage_start_date": day,
        "line_item_usage_end_date": day + timedelta(days=1),
        "line_item_usage_account_id": ACCOUNT,
        "line_item_operation": "",
        "line_item_resource_id": "",
        "line_item_usage_amount": 0.0,
        "line_item_currency_code": "USD",
        "line_item_iam_principal": "",
        "pricing_unit": "",
        "product": {},
        "product_product_family": "",
        "product_region_code": "",
        "resource_tags": {},
        "tags": {},
    }


def _usage(line: Line, used: Used) -> dict[str, Any]:
    """One row of usage; the session's tags stand under `iamPrincipal/`."""
    market = line.model.code is None
    return _blank(0, datetime.fromisoformat(line.day)) | {
        "bill_billing_entity": "AWS Marketplace" if market else "AWS",
        "line_item_line_item_type": "Usage",
        "line_item_product_code": "5fkq2v0nmrzt8c1x7ayd3wh6b" if market else "AmazonBedrock",
        "line_item_usage_type": usage_type(line),
        "line_item_operation": "Usage" if market else "InvokeModelInference",
        "line_item_resource_id": line.profile,
        "line_item_usage_amount": used.tokens / (1e6 if market else 1e3),
        "line_item_unblended_cost": usd(used.cost),
        "line_item_iam_principal": line.principal,
        "pricing_unit": "1M tokens" if market else "1K tokens",
        "product": {
            "provider": line.model.provider,
            "model": line.model.billed,
            "inference_type": WORDS[line.kind],
            "feature": "On-demand Inference",
            "product_name": f"{line.model.billed} (Amazon Bedrock Edition)" if market else "Amazon Bedrock",
        },
        "product_product_family": "Amazon Bedrock",
        "product_region_code": line.model.region,
        "tags": {"iamPrincipal/team": line.team, "iamPrincipal/tenant": line.tenant},
    }


def _others(total: int) -> list[dict[str, Any]]:
    """What a bill holds besides the usage of models: tax and a credit on it, and another product."""
    day = FIRST_DAY.replace(tzinfo=None)
    tax = {
        "line_item_line_item_type": "Tax",
        "line_item_product_code": "AmazonBedrock",
        "line_item_unblended_cost": usd(total // 10),
    }
    credit = {
        "line_item_line_item_type": "Credit",
        "line_item_product_code": "AmazonBedrock",
        "line_item_unblended_cost": -usd(total // 20),
    }
    logs = {
        "line_item_line_item_type": "Usage",
        "line_item_product_code": "AmazonCloudWatch",
        "line_item_usage_type": "USE1-DataProcessing-Bytes",
        "line_item_operation": "PutLogEvents",
        "line_item_usage_amount": 0.004,
        "line_item_unblended_cost": 0.002,
        "pricing_unit": "GB",
        "product": {"product_name": "AmazonCloudWatch"},
        "product_product_family": "Data Payload",
        "product_region_code": "us-east-1",
    }
    return [_blank(0, day) | {"line_item_usage_type": ""} | other for other in (tax, credit, logs)]


def _parquet(rows: list[dict[str, Any]]) -> bytes:
    """Rows as AWS writes them: maps as maps, times as timestamps; the same bytes for the same rows."""
    import duckdb

    for number, row in enumerate(rows, 1):
        row["identity_line_item_id"] = f"{number:08d}"
    columns = ", ".join(f'"{name}" {kind}' for name, kind in TYPES.items())
    marks = ", ".join(f"CAST(? AS {kind})" for kind in TYPES.values())
    with duckdb.connect(config={"threads": 1}) as db, tempfile.TemporaryDirectory() as folder:
        db.execute(f"CREATE TABLE cur ({columns})")
        db.executemany(f"INSERT INTO cur VALUES ({marks})", [[_cell(row[n]) for n in TYPES] for row in rows])  # noqa: S608 - constants of this file
        target = Path(folder, "cur.parquet")
        db.execute(f"COPY cur TO '{target}' (FORMAT parquet, COMPRESSION snappy)")
        return target.read_bytes()


def _cell(value: Any) -> Any:
    """A mapping as DuckDB takes one."""
    if isinstance(value, dict):
        return {"key": list(value), "value": list(value.values())}
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value
