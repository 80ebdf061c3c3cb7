"""Amazon Bedrock model invocation log: JSON lines from S3, or events from CloudWatch Logs.

Every inference record is a call. Owners stand in `requestMetadata`; the log never carries cost, principal
tags or retries, and `requestId` names one attempt. Prompt and response bodies are skipped undecoded, except
for the latency that the service itself writes beside them. References to S3 are never followed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from auditor.evidence import Builder
from auditor.pieces import container_of, one_line
from auditor.principal import user_of
from auditor.readers import Reader, Sample, generic_json
from auditor.readers._invocation import Input, Output, Record, decode_record, folded, latency_of
from auditor.readers._nested import opened_text
from auditor.readers._objects import read_objects, to_ns, unwrapped
from auditor.source import Source
from auditor.table import Column

INFERENCE = frozenset(
    """Converse ConverseStream InvokeModel InvokeModelWithResponseStream InvokeModelWithBidirectionalStream
    StartAsyncInvoke CreateInference ChatCompletions Responses""".split()
)
_ALLOWED = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,\-.]*")


_no_input, _no_output = Input(), Output()


class Log:
    """Puts records into a builder, a block at a time and column by column."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        column = builder.column
        self.plain: tuple[tuple[Column, Callable[[Record], Any]], ...] = (
            (column("attempt_id", "attempt", "requestId"), lambda r: r.request_id),
            (column("model", "request", "modelId"), lambda r: r.model_id),
            (column("region", "request", "region"), lambda r: r.region),
            (column("account_id", "account", "accountId"), lambda r: r.account_id),
            (
                column("tokens_input", "request", "input.inputTokenCount"),
                lambda r: (r.input or _no_input).input_token_count,
            ),
            (
                column("tokens_output", "request", "output.outputTokenCount"),
                lambda r: (r.output or _no_output).output_token_count,
            ),
            (builder.fact("operation"), lambda r: r.operation),
            (column("provider", "request", "schemaType"), lambda _: "aws.bedrock"),
        )
        self.rare: tuple[tuple[Column, Callable[[Record], Any]], ...] = (
            (column("inference_region", "attempt", "inferenceRegion"), lambda r: r.inference_region),
            (column("error_code", "attempt", "errorCode"), lambda r: r.error_code),
            (column("status", "attempt", "status"), lambda r: r.status),
            (
                column("tokens_cache_read", "request", "input.cacheReadInputTokenCount"),
                lambda r: (r.input or _no_input).cache_read_input_token_count,
            ),
            (
                column("tokens_cache_write", "request", "input.cacheWriteInputTokenCount"),
                lambda r: (r.input or _no_input).cache_write_input_token_count,
            ),
        )
        self.principal = column("iam_principal", "principal", "identity.arn")
        self.user = column("user_id", "principal", "identity.arn (session name)", rank=500)
        self.latency = column("latency_ms", "request", "output.outputBodyJson.metrics.latencyMs")
        self.metadata = builder.keys("request_metadata", "requestMetadata.")
        self.facts = [builder.fact(f"metadata_{name}") for name in METADATA]
        self.users: dict[str, str | None] = {}

    def put(
        self,
        records: list[Record],
        offsets: list[int | None],
        latencies: list[int | None],
        pointer: str | None = None,
    ) -> None:
        """A block of records; operations that are no inference are context."""
        builder, size = self.builder, len(records)
        first = builder.rows(size, offset=offsets, process=None)
        ids, rows = builder.ids, range(first, first + size)
        ids["kind"][first:] = [
            "call" if r.operation in INFERENCE or (not r.operation and r.model_id) else "context"
            for r in records
        ]
        ids["format"][first:] = [READER.name] * size
        ids["pointer"][first:] = [pointer] * size
        ids["started_at"] += [to_ns(r.timestamp) for r in records]
        ids["ended_at"] += [None] * size
        ids["span_id"] += [None] * size
        ids["parent_id"] += [None] * size
        ids["name"] += [r.operation for r in records]
        ids["outcome"] += ["error" if r.error_code else None for r in records]
        for column, pick in self.plain:
            column.rows.extend(rows)
            column.values += map(pick, records)
        for column, pick in self.rare:
            for row, value in zip(rows, map(pick, records), strict=True):
                if value is not None:
                    column.put(row, value)
        for row, value in zip(rows, latencies, strict=True):
            if value is not None:
                self.latency.put(row, value)
        self._identities(rows, records)
        for row, record in zip(rows, records, strict=True):
            if record.request_metadata is not None:
                self._metadata(row, record.request_metadata)

    def _identities(self, rows: range, records: list[Record]) -> None:
        for row, record in zip(rows, records, strict=True):
            identity = record.identity
            if isinstance(identity, list):
                identity = identity[0] if identity else None
            arn = identity.arn if identity is not None else None
            self.principal.put(row, arn)
            if arn:
                if arn not in self.users:
                    who = user_of(arn)
                    self.users[arn] = who[1] if who else None
                if self.users[arn]:
                    self.user.put(row, self.users[arn])

    def _metadata(self, row: int, metadata: dict[str, Any] | str) -> None:
        if isinstance(metadata, str):
            opened = opened_text(metadata)
            metadata = opened if isinstance(opened, dict) else {}
        keys = self.metadata
        for key, value in metadata.items():
            column = keys[key]
            if column is not None:
                column.rows.append(row)
                column.values.append(value)
        values = list(map(str, metadata.values()))
        measured = (
            len(metadata),
            max(map(len, metadata), default=0),
            max(map(len, values), default=0),
            _ALLOWED.fullmatch("".join(metadata) + "".join(values)) is None,
            len(msgspec.json.encode(metadata)),
            _names(tuple(metadata)),
        )
        for column, value in zip(self.facts, measured, strict=True):
            column.rows.append(row)
            column.values.append(value)


METADATA = ("entries", "longest_key", "longest_value", "invalid", "bytes", "keys")


@lru_cache(maxsize=1024)
def _names(keys: tuple[str, ...]) -> str:
    return msgspec.json.encode(sorted(keys)).decode()


def match(record: dict[str, Any]) -> float:
    """The schema's name, or its characteristic keys when a paste dropped it; lower case as Athena writes."""
    if record.get("schemaType") == "ModelInvocationLog" or record.get("schematype") == "ModelInvocationLog":
        return 1.0
    keys = {k.lower() for k in record}
    if "modelid" in keys and "operation" in keys and keys & {"input", "output", "identity"}:
        return 0.9
    return 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """Read one record that was decoded already."""
    log = _log(builder)
    try:
        decoded = folded(record)
    except msgspec.DecodeError as error:
        builder.skip(None, "not the shape of an invocation record: " + str(error).rsplit(" - ", 1)[-1])
        return
    log.put([decoded], [offset], [latency_of(msgspec.json.encode(record.get("output")))], pointer)


def _log(builder: Builder) -> Log:
    log: Log | None = builder.kept.get(READER.name)
    if log is None:
        log = builder.kept[READER.name] = Log(builder)
    return log


def read(source: Source, builder: Builder, start: int, end: int | None) -> None:
    """JSON lines are decoded into typed records, bodies skipped; other containers go record by record."""
    if container_of(source.head, source.is_short) != "json-lines":
        read_objects(source, builder, READER, start, end)
        return
    log = _log(builder)
    number = 0
    for offset, lines in source.lines(start, end):
        records: list[Record] = []
        offsets: list[int | None] = []
        latencies: list[int | None] = []
        for line in lines:
            number += 1
            try:
                record = decode_record(line)
                if record.schema_type == "ModelInvocationLog" or (record.model_id and record.operation):
                    records.append(record)
                    offsets.append(offset)
                    latencies.append(latency_of(line))
                    offset += len(line)
                    continue
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                pass
            if not line.isspace():
                _other_line(line, offset, number, builder)
            offset += len(line)
        log.put(records, offsets, latencies)


def _other_line(line: bytes, at: int, number: int, builder: Builder) -> None:
    """A line that is no bare record: a wrapped one, another log's, or a skip."""
    for piece in one_line(line.strip(), at, number, builder.skip):
        for inner in unwrapped(piece, lambda v: match(v) >= 0.5):
            reading = take if match(inner.value) >= 0.5 else generic_json.take
            reading(inner.value, builder, inner.offset, inner.pointer)


def sniff(sample: Sample) -> float:
    """The best claim on any of the first records."""
    return max((match(o) for o in sample.objects if isinstance(o, dict)), default=0.0)


READER = Reader(
    name="bedrock-invocation-log",
    layer="provider",
    title="Amazon Bedrock model invocation log",
    carries=dict.fromkeys(
        """tenant_id workflow_id workflow_run_id team_id user_id session_id trace_id cost_center environment
        agent""".split(),
        "request_metadata",
    )
    | {
        "request_id": "request_metadata",
        "attempt_id": "attempt",
        "model": "request",
        "provider": "request",
        "region": "request",
        "inference_region": "attempt",
        "tokens_input": "request",
        "tokens_output": "request",
        "tokens_cache_read": "request",
        "tokens_cache_write": "request",
        "latency_ms": "request",
        "iam_principal": "principal",
        "account_id": "account",
        "status": "attempt",
        "error_code": "attempt",
    },
    get="""Switch logging on (`aws bedrock put-model-invocation-logging-configuration`), then
`aws s3 cp --recursive s3://BUCKET/PREFIX/AWSLogs/ACCOUNT/BedrockModelInvocationLogs/REGION/2026/09/14/ .`, or
`aws logs filter-log-events --log-group-name GROUP --log-stream-names aws/bedrock/modelinvocations`.""",
    match=match,
    take=take,
    sniff=sniff,
    read=read,
    splits=True,
)
