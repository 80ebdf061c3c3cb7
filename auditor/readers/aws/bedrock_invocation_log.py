"""Amazon Bedrock model invocation log: JSON lines from S3, or events from CloudWatch Logs.

Every inference record is a call. Owners stand in `requestMetadata`; the log never carries cost, principal
tags or retries, and `requestId` names one attempt. Prompt and response bodies are skipped undecoded, except
for the latency that the service itself writes beside them, and the usage where the record has no counts of
its own. References to S3 are never followed.
"""

from __future__ import annotations

from typing import Any

import msgspec

from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.json_values import Diagnostics, container_of, line_pieces
from auditor.inputs.source import Source
from auditor.readers.aws.insights_rows import unflatten
from auditor.readers.aws.invocation_records import (
    BodyUsage,
    InvocationRecord,
    body_of,
    decode_record,
    folded,
    latency_of,
    usage_of,
)
from auditor.readers.aws.invocation_rows import InvocationRows, counted
from auditor.readers.contract import InputSample, RecordReader, SourceReader
from auditor.readers.shared.carries import MODEL, OUTCOME, OWNERS, PRICED_TOKENS, at_scope


def match(record: dict[str, Any]) -> float:
    """The schema's name, or its characteristic keys when a paste dropped it; lower case as Athena writes."""
    if record.get("schemaType") == "ModelInvocationLog" or record.get("schematype") == "ModelInvocationLog":
        return 1.0
    keys = {k.lower() for k in record}
    if "modelid" in keys and "operation" in keys and keys & {"input", "output", "identity"}:
        return 0.9
    return 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """Read one record that was decoded already; what a log store flattened to dotted names is unfolded."""
    record = unflatten(record) if any("." in key for key in record) else record
    try:
        decoded = folded(record)
    except msgspec.DecodeError as error:
        builder.skip_at(offset, "not the shape of an invocation record: " + str(error).rsplit(" - ", 1)[-1])
        return
    output = next((v for k, v in record.items() if k.lower() == "output"), None)
    body = output.get("outputBodyJson") if isinstance(output, dict) else None
    usage = usage_of(body) if body is not None and not counted(decoded) else None
    usages = {0: usage} if usage is not None else None
    rows = builder.state(InvocationRows)
    rows.put([decoded], [offset], [latency_of(msgspec.json.encode(output))], pointer, usages)


def read(source: Source, builder: Builder, start: int, end: int | None) -> None:
    """JSON lines are decoded into typed records, bodies skipped; other containers go record by record."""
    if container_of(source.head, source.is_short) != "json-lines":
        builder.dispatch.read(source, start, end)
        return
    block = _Block(builder.state(InvocationRows))
    number = 0
    for offset, lines in source.lines(start, end):
        for line in lines:
            number += 1
            record = _record(line)
            if record is not None:
                block.add(record, offset, number, line)
            elif not line.isspace():
                block.put()  # records stay in the order of their lines
                builder.attempt(number, _other_line, line, offset, number, builder)
            offset += len(line)
        block.put()


class _Block:
    """Records of successive lines, put into the table together."""

    def __init__(self, rows: InvocationRows) -> None:
        self.rows = rows
        self._clear()

    def _clear(self) -> None:
        self.records: list[InvocationRecord] = []
        self.offsets: list[int | None] = []
        self.numbers: list[int] = []
        self.latencies: list[int | None] = []
        self.usages: dict[int, BodyUsage] = {}

    def add(self, record: InvocationRecord, offset: int, number: int, line: bytes) -> None:
        """Add the record of a line, given with its byte offset and number."""
        output = record.output
        if output is not None and output.output_token_count is None and not counted(record):
            usage = usage_of(body_of(line))
            if usage is not None:
                self.usages[len(self.records)] = usage
        self.records.append(record)
        self.offsets.append(offset)
        self.numbers.append(number)
        self.latencies.append(latency_of(line))

    def put(self) -> None:
        """Put all records; where one of them is odd, one by one."""
        builder, rows = self.rows.builder, self.rows
        before = builder.records
        try:
            if self.records:
                rows.put(self.records, self.offsets, self.latencies, usages=self.usages)
        except Exception:  # noqa: BLE001 - one of them is odd: put one by one, it alone is a skip
            builder.undo(before)
            for n, record in enumerate(self.records):
                usage = {0: self.usages[n]} if n in self.usages else None
                builder.attempt(
                    self.numbers[n], rows.put, [record], [self.offsets[n]], [self.latencies[n]], None, usage
                )
        self._clear()


def _record(line: bytes) -> InvocationRecord | None:
    try:
        record = decode_record(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    known = record.schema_type == "ModelInvocationLog" or (record.model_id and record.operation)
    filled = record.identity is not None or record.input is not None or record.output is not None
    return record if known and filled else None


def _other_line(line: bytes, at: int, number: int, builder: Builder) -> None:
    """A line that is no bare record: a wrapped one, another log's, or a skip."""
    for piece in line_pieces(line.strip(), at, number, Diagnostics(builder.skip, builder.note)):
        builder.dispatch.piece(piece)


def sniff(sample: InputSample) -> float:
    """The best claim on any of the first records."""
    return max((match(o) for o in sample.objects if isinstance(o, dict)), default=0.0)


FORMAT = Format(
    name="bedrock-invocation-log",
    layer="provider",
    title="Amazon Bedrock model invocation log",
    carries=at_scope(
        "request_metadata", *OWNERS, "user_id session_id trace_id cost_center environment agent request_id"
    )
    | at_scope("attempt", "attempt_id")
    | at_scope("request", *MODEL)
    | at_scope("attempt", "inference_region")
    | at_scope("request", *PRICED_TOKENS, "latency_ms")
    | {"iam_principal": "principal", "account_id": "account"}
    | at_scope("attempt", *OUTCOME),
    get="""Switch logging on (`aws bedrock put-model-invocation-logging-configuration`), then
`aws s3 cp --recursive s3://BUCKET/PREFIX/AWSLogs/ACCOUNT/BedrockModelInvocationLogs/REGION/2026/09/14/ .`, or
`aws logs filter-log-events --log-group-name GROUP --log-stream-names aws/bedrock/modelinvocations`.""",
)
READERS = (
    SourceReader(format=FORMAT, sniff=sniff, read=read, splits=True),
    RecordReader(format=FORMAT, match=match, take=take, by_value=frozenset({"schemaType", "schematype"})),
)
