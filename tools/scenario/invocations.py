"""Bedrock's model invocation log as it lies in S3: one record a line, no bodies, one for each try.

It never holds cost or tags, and nothing at all of a region where logging is off.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from tools.scenario.calls import MS, Call
from tools.scenario.lanes import ACCOUNT, Defect
from tools.scenario.wire import Wire, principal


def invocations_jsonl(wire: Wire, calls: Iterable[Call]) -> bytes:
    """Every try by its time."""
    records: list[dict[str, Any]] = []
    for call in calls:
        if not wire.reaches_provider_log(call):
            continue
        if call.retry == "gateway":
            refused = _record(wire, call, call.started + 60 * MS, call.aws_ids[1])
            records.append(refused | {"errorCode": "ServiceUnavailableException"})
        records.append(_answered(wire, call))
    records.sort(key=lambda r: (r["timestamp"], r["requestId"]))
    return b"".join(json.dumps(record, separators=(",", ":")).encode() + b"\n" for record in records)


def _record(wire: Wire, call: Call, at: int, request_id: str) -> dict[str, Any]:
    metadata = wire.request_metadata(call)
    return {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": datetime.fromtimestamp(at // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "accountId": ACCOUNT,
        "identity": {"arn": principal(call)},
        "region": call.lane.model.region,
        "requestId": request_id,
        "operation": "ConverseStream" if call.lane.stream else "Converse",
        "modelId": wire.invoked(call),
        **({"requestMetadata": metadata} if metadata else {}),
        "input": {"inputContentType": "application/json"},
        "output": {"outputContentType": "application/json"},
    }


def _answered(wire: Wire, call: Call) -> dict[str, Any]:
    record = _record(wire, call, call.ended, call.aws_ids[0])
    record["input"]["inputTokenCount"] = call.input
    if call.lane.model.caches:
        record["input"]["cacheReadInputTokenCount"] = call.cache_read
        record["input"]["cacheWriteInputTokenCount"] = call.cache_write
    record["output"]["outputTokenCount"] = call.output
    if call.served_in:
        record["inferenceRegion"] = call.served_in
    if wire.hits(call, Defect.PRICED_OTHERWISE):
        record["performanceConfig"] = {"latency": "optimized"}
    return record
