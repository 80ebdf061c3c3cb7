"""Amazon Bedrock model invocation log: JSON lines from S3, or events from CloudWatch Logs.

Every inference record is a call. Owners stand in `requestMetadata`; the log never carries cost, principal
tags or retries, and `requestId` names one attempt. Prompt and response bodies are skipped undecoded, except
for the latency that the service itself writes beside them. References to S3 are never followed.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from auditor.evidence import Builder
from auditor.principal import user_of
from auditor.readers import Reader, Sample
from auditor.readers._objects import read_objects, to_ns
from auditor.source import Source, container_of

INFERENCE = frozenset(
    """Converse ConverseStream InvokeModel InvokeModelWithResponseStream InvokeModelWithBidirectionalStream
    StartAsyncInvoke CreateInference ChatCompletions Responses""".split()
)
_ALLOWED = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,\-.]*")
_LATENCY = re.compile(rb'"(?:latencyMs|invocationLatency)"\s*:\s*(\d+)')


class Identity(msgspec.Struct, gc=False):
    """Who called."""

    arn: str | None = None


class Input(msgspec.Struct, gc=False, rename="camel"):
    """The request side; its body stays undecoded."""

    input_token_count: int | float | str | None = None
    cache_read_input_token_count: int | None = None
    cache_write_input_token_count: int | None = None


class Output(msgspec.Struct, gc=False, rename="camel"):
    """The response side; only the latency is looked for in its body."""

    output_token_count: int | float | str | None = None
    output_body_json: msgspec.Raw = msgspec.Raw()


class Record(msgspec.Struct, gc=False, rename="camel"):
    """One invocation."""

    schema_type: str = ""
    timestamp: str | int | None = None
    account_id: str | int | None = None
    region: str | None = None
    request_id: str | None = None
    operation: str | None = None
    model_id: str | None = None
    identity: Identity | list[Identity] | None = None
    request_metadata: dict[str, Any] | str | None = None
    inference_region: str | None = None
    error_code: str | None = None
    status: str | int | None = None
    input: Input | None = None
    output: Output | None = None


_decoder = msgspec.json.Decoder(Record)


class Log:
    """Puts records into a builder; holds the columns of one input."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        column = builder.column
        self.attempt = column("attempt_id", "attempt", "requestId")
        self.model = column("model", "request", "modelId")
        self.region = column("region", "request", "region")
        self.served = column("inference_region", "attempt", "inferenceRegion")
        self.account = column("account_id", "account", "accountId")
        self.principal = column("iam_principal", "principal", "identity.arn")
        self.user = column("user_id", "principal", "identity.arn (session name)", rank=500)
        self.tokens_in = column("tokens_input", "request", "input.inputTokenCount")
        self.tokens_out = column("tokens_output", "request", "output.outputTokenCount")
        self.cache_read = column("tokens_cache_read", "request", "input.cacheReadInputTokenCount")
        self.cache_write = column("tokens_cache_write", "request", "input.cacheWriteInputTokenCount")
        self.latency = column("latency_ms", "request", "output.outputBodyJson.metrics.latencyMs")
        self.error = column("error_code", "attempt", "errorCode")
        self.status = column("status", "attempt", "status")
        self.provider = column("provider", "request", "schemaType")
        self.operation = builder.fact("operation")
        self.metadata = builder.keys("request_metadata", "requestMetadata.")
        self.users: dict[str, str | None] = {}

    def put(self, record: Record, offset: int, pointer: str | None) -> None:
        """One record; operations that are no inference are context."""
        operation = record.operation or ""
        row = self.builder.row(
            "call" if operation in INFERENCE or (not operation and record.model_id) else "context",
            offset=offset,
            pointer=pointer,
            started_at=to_ns(record.timestamp),
            name=operation,
            outcome="error" if record.error_code else None,
            fmt="bedrock-invocation-log",
        )
        self.operation.put(row, operation)
        self.provider.put(row, "aws.bedrock")
        for column, value in (
            (self.attempt, record.request_id),
            (self.model, record.model_id),
            (self.region, record.region),
        ):
            column.rows.append(row)
            column.values.append(value)
        if record.account_id is not None:
            self.account.put(row, str(record.account_id))
        for column, value in (
            (self.served, record.inference_region),
            (self.error, record.error_code),
            (self.status, record.status),
        ):
            if value is not None:
                column.put(row, value)
        self._identity(row, record.identity)
        self._usage(row, record)
        if record.request_metadata is not None:
            self._metadata(row, record.request_metadata)

    def _identity(self, row: int, identity: Identity | list[Identity] | None) -> None:
        if isinstance(identity, list):
            identity = identity[0] if identity else None
        arn = identity.arn if identity is not None else None
        self.principal.put(row, arn)
        if not arn:
            return
        if arn not in self.users:
            who = user_of(arn)
            self.users[arn] = who[1] if who else None
        if self.users[arn]:
            self.user.put(row, self.users[arn])

    def _usage(self, row: int, record: Record) -> None:
        given, made = record.input, record.output
        self.tokens_in.put(row, given.input_token_count if given is not None else None)
        self.tokens_out.put(row, made.output_token_count if made is not None else None)
        if given is not None:
            if given.cache_read_input_token_count is not None:
                self.cache_read.put(row, given.cache_read_input_token_count)
            if given.cache_write_input_token_count is not None:
                self.cache_write.put(row, given.cache_write_input_token_count)
        if made is not None and made.output_body_json:
            tail = bytes(made.output_body_json)
            found = _LATENCY.search(tail)
            if found:
                self.latency.put(row, int(found[1]))

    def _metadata(self, row: int, metadata: dict[str, Any] | str) -> None:
        if isinstance(metadata, str):
            from auditor.readers._nested import opened_text

            opened = opened_text(metadata)
            metadata = opened if isinstance(opened, dict) else {}
        for key, value in metadata.items():
            column = self.metadata[key]
            if column is not None:
                column.put(row, value)
        texts = [str(v) for v in metadata.values()]
        fact = self.builder.fact
        fact("metadata_entries").put(row, len(metadata))
        fact("metadata_longest_key").put(row, max((len(k) for k in metadata), default=0))
        fact("metadata_longest_value").put(row, max((len(v) for v in texts), default=0))
        fact("metadata_invalid").put(row, not all(_ALLOWED.fullmatch(t) for t in [*metadata, *texts]))
        fact("metadata_bytes").put(row, len(msgspec.json.encode(metadata)))
        fact("metadata_keys").put(row, msgspec.json.encode(sorted(metadata)).decode())


def match(record: dict[str, Any]) -> float:
    """The schema's name, or its characteristic keys when a paste dropped it; lower case as Athena writes them."""
    if record.get("schemaType") == "ModelInvocationLog" or record.get("schematype") == "ModelInvocationLog":
        return 1.0
    keys = {k.lower() for k in record}
    if "modelid" in keys and "operation" in keys and keys & {"input", "output", "identity"}:
        return 0.9
    return 0.0


_CAMEL = {f.encode_name.lower(): f.encode_name for f in msgspec.structs.fields(Record)}
_INNER = {f.encode_name.lower(): f.encode_name for s in (Identity, Input, Output) for f in msgspec.structs.fields(s)}


def take(record: dict[str, Any], builder: Builder, offset: int, pointer: str) -> None:
    """Read one record that was decoded already."""
    log = _log(builder)
    folded: dict[str, Any] = {}
    for key, value in record.items():
        name = _CAMEL.get(key.lower())
        if name in ("input", "output", "identity") and isinstance(value, dict):
            value = {_INNER.get(k.lower(), k): v for k, v in value.items()}
        if name:
            folded[name] = value
    try:
        log.put(_decoder.decode(msgspec.json.encode(folded)), offset, pointer)
    except msgspec.DecodeError as error:
        builder.skip(None, "not the shape of an invocation record: " + str(error).rsplit(" - ", 1)[-1])


def _log(builder: Builder) -> Log:
    log = getattr(builder, "invocation_log", None)
    if log is None:
        log = Log(builder)
        builder.invocation_log = log  # type: ignore[attr-defined]
    return log


def read(source: Source, builder: Builder, start: int, end: int | None) -> None:
    """JSON lines are decoded into typed records, bodies skipped; every other container goes record by record."""
    if container_of(source.head, source.is_short) != "json-lines":
        read_objects(source, builder, READER, start, end)
        return
    log = _log(builder)
    number = 0
    for offset, lines in source.lines(start, end):
        at = offset
        for line in lines:
            number += 1
            if line and not line.isspace():
                _line(line, at, number, builder, log)
            at += len(line) + 1


def _line(line: bytes, at: int, number: int, builder: Builder, log: Log) -> None:
    try:
        record = _decoder.decode(line)
        if record.schema_type == "ModelInvocationLog" or (record.model_id and record.operation):
            log.put(record, at, None)
            return
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    from auditor.readers._objects import unwrapped
    from auditor.source import _one_line

    for piece in _one_line(line.strip(), at, number, builder.skip):
        for inner in unwrapped(piece, lambda v: match(v) >= 0.5):
            if match(inner.value) >= 0.5:
                take(inner.value, builder, inner.offset, inner.pointer)
            else:
                from auditor.readers import generic_json

                generic_json.take(inner.value, builder, inner.offset, inner.pointer)


def sniff(sample: Sample) -> float:
    """The best claim on any of the first records."""
    return max((match(o) for o in sample.objects if isinstance(o, dict)), default=0.0)


READER = Reader(
    name="bedrock-invocation-log",
    layer="provider",
    title="Amazon Bedrock model invocation log",
    carries=dict.fromkeys(
        "tenant_id workflow_id workflow_run_id team_id user_id session_id trace_id cost_center environment agent".split(),
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
