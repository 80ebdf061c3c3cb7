"""Writes four inputs of the same calls, as four hops on their way record them: seeded, made-up in every id.

It writes only into the folder it is given.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from benchmarks.make_data import ACCOUNT, MODELS, SEED, START_NS, TENANTS, encode, export, span


def hops(folder: Path, calls: int) -> int:
    """The same calls in an application's spans, LiteLLM's payloads, Bedrock's log and a bill; the records.

    One in fifty loses its tenant at the gateway, one in a hundred is missing there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    draw = random.Random(SEED)
    tokens: dict[tuple[int, str], list[int]] = {}
    records = 0
    with (
        (folder / "app.jsonl").open("wb") as app,
        (folder / "gateway.jsonl").open("wb") as gateway,
        (folder / "provider.jsonl").open("wb") as provider,
    ):
        for n in range(calls):
            one = _Call(draw, n, calls)
            app.write(encode(export([one.span()])) + b"\n")
            if n % 100:
                gateway.write(encode(one.payload(owned=n % 50 != 1)) + b"\n")
            provider.write(encode(one.invocation(owned=n % 50 != 1)) + b"\n")
            records += 2 + bool(n % 100)
            used = tokens.setdefault((one.second // 86_400, one.tenant), [0, 0])
            used[0] += one.input
            used[1] += one.output
    with (folder / "bill.csv").open("w", encoding="utf-8") as bill_file:
        bill_file.write(
            "line_item_usage_start_date,line_item_line_item_type,line_item_product_code,line_item_usage_type,"
            "line_item_usage_amount,pricing_unit,line_item_unblended_cost,product_region_code,tags\n"
        )
        for (day, tenant), used in sorted(tokens.items()):
            for kind, count, rate in zip(("input", "output"), used, (0.00025, 0.00125), strict=True):
                bill_file.write(
                    f"2026-09-{day + 1:02d}T00:00:00Z,Usage,AmazonBedrock,USE1-Claude3Haiku-{kind}-tokens,"
                    f"{count / 1000},1K tokens,{count / 1000 * rate:.9f},us-east-1,"
                    f'"{{""iamPrincipal/tenant"": ""{tenant}""}}"\n'
                )
                records += 1
    return records


class _Call:
    """One call as each hop writes it."""

    def __init__(self, draw: random.Random, n: int, calls: int) -> None:
        self.second = n * 5 * 86_400 // calls
        self.tenant = TENANTS[n % 3]
        self.input, self.output = draw.randrange(200, 9000), draw.randrange(20, 900)
        self.trace, self.span_id = f"{draw.getrandbits(128):032x}", f"{draw.getrandbits(64):016x}"
        self.request, self.aws = f"req-{n:09d}", f"{draw.getrandbits(128):032x}"

    def span(self) -> dict[str, Any]:
        """The application's."""
        held = {
            "gen_ai.provider.name": "aws.bedrock",
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": MODELS[2],
            "gen_ai.usage.input_tokens": self.input,
            "gen_ai.usage.output_tokens": self.output,
            "app.request_id": self.request,
            "tenant.id": self.tenant,
        }
        return span(self.trace, self.span_id, None, "chat", START_NS + self.second * 10**9, held)

    def payload(self, *, owned: bool) -> dict[str, Any]:
        """LiteLLM's."""
        start = START_NS / 1e9 + self.second
        cost = (self.input * 0.25 + self.output * 1.25) / 1e6
        spend = {"request_id": self.request} | ({"tenant_id": self.tenant} if owned else {})
        return {
            "litellm_call_id": f"{self.trace[:8]}-call",
            "trace_id": self.trace,
            "call_type": "acompletion",
            "status": "success",
            "response_cost": cost,
            "prompt_tokens": self.input,
            "completion_tokens": self.output,
            "total_tokens": self.input + self.output,
            "startTime": start,
            "endTime": start + 0.9,
            "model": MODELS[2],
            "custom_llm_provider": "bedrock",
            "api_base": "https://bedrock-runtime.us-east-1.amazonaws.com",
            "metadata": {"spend_logs_metadata": spend},
            "hidden_params": {"additional_headers": {"llm_provider-x-amzn-requestid": self.aws}},
        }

    def invocation(self, *, owned: bool) -> dict[str, Any]:
        """Bedrock's."""
        day, rest = divmod(self.second, 86_400)
        clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
        return {
            "schemaType": "ModelInvocationLog",
            "schemaVersion": "1.0",
            "timestamp": f"2026-09-{day + 1:02d}T{clock}Z",
            "accountId": ACCOUNT,
            "identity": {"arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/llm-gateway/{self.tenant}"},
            "region": "us-east-1",
            "requestId": self.aws,
            "operation": "Converse",
            "modelId": MODELS[2],
            "requestMetadata": {"tenant_id": self.tenant} if owned else {},
            "input": {"inputTokenCount": self.input},
            "output": {"outputTokenCount": self.output},
        }
