"""Bedrock invocation records put into the table, a block at a time and column by column.

Bodies are not read, but for the token counts of one whose record has none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from auditor.catalogue.principals import user_of
from auditor.evidence.builder import Builder, ReaderState
from auditor.evidence.schema import Column
from auditor.framing.nested import opened_text
from auditor.framing.times import to_ns
from auditor.readers.aws.invocation_records import BodyUsage, InvocationRecord, RecordInput, RecordOutput

INFERENCE = frozenset(
    """Converse ConverseStream InvokeModel InvokeModelWithResponseStream InvokeModelWithBidirectionalStream
    StartAsyncInvoke CreateInference ChatCompletions Responses""".split()
)
METADATA = ("entries", "longest_key", "longest_value", "invalid", "bytes", "keys")
_ALLOWED = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,\-.]*")
_no_input, _no_output = RecordInput(), RecordOutput()


class InvocationRows(ReaderState):
    """Puts records into a builder, a block at a time and column by column."""

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder)
        column = builder.column
        self.plain: tuple[tuple[Column, Callable[[InvocationRecord], Any]], ...] = (
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
        self.rare: tuple[tuple[Column, Callable[[InvocationRecord], Any]], ...] = (
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
        records: list[InvocationRecord],
        offsets: list[int | None],
        latencies: list[int | None],
        pointer: str | None = None,
        usages: dict[int, BodyUsage] | None = None,
    ) -> None:
        """Put a block of records; operations that are no inference are context."""
        builder, size = self.builder, len(records)
        first = builder.rows(size, offset=offsets, process=None)
        ids, rows = builder.ids, range(first, first + size)
        ids["kind"][first:] = [
            "call" if r.operation in INFERENCE or (not r.operation and _ran(r)) else "context"
            for r in records
        ]
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
        for at, usage in (usages or {}).items():
            self._usage(first + at, usage)
        self._identities(rows, records)
        for row, record in zip(rows, records, strict=True):
            if record.request_metadata is not None:
                self._metadata(row, record.request_metadata)

    def _usage(self, row: int, usage: BodyUsage) -> None:
        """Put the tokens of a response body."""
        for field, count in usage.counts.items():
            self.builder.column(field, "request", usage.path, rank=50).put(row, count)

    def _identities(self, rows: range, records: list[InvocationRecord]) -> None:
        for row, record in zip(rows, records, strict=True):
            identity = record.identity
            if isinstance(identity, list):
                identity = identity[0] if identity else None
            arn = identity.arn if identity is not None else None
            self.principal.put(row, arn)
            if arn:
                if arn not in self.users:
                    user = user_of(arn)
                    self.users[arn] = user[1] if user else None
                if self.users[arn]:
                    self.user.put(row, self.users[arn])

    def _metadata(self, row: int, metadata: dict[str, Any] | str) -> None:
        if isinstance(metadata, str):
            opened = opened_text(metadata)
            metadata = opened if isinstance(opened, dict) else {}
        keys = self.metadata
        for key, value in metadata.items():
            keys.put(row, key, value)
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


def _ran(record: InvocationRecord) -> bool:
    """Whether a record whose operation was not selected is an inference: it names a model or has tokens."""
    return bool(record.model_id) or counted(record)


def counted(record: InvocationRecord) -> bool:
    """Whether the record has token counts of its own."""
    counts = (record.input or _no_input).input_token_count, (record.output or _no_output).output_token_count
    return counts != (None, None)


@lru_cache(maxsize=1024)
def _names(keys: tuple[str, ...]) -> str:
    return msgspec.json.encode(sorted(keys)).decode()
