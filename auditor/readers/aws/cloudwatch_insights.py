"""CloudWatch Logs Insights results: `get-query-results`, and the console's CSV, JSON and Markdown exports.

Where a row holds `@message`, the record inside is read as what it is: an invocation log, an event of
CloudTrail, a line of an application. Else the columns are the record: dotted names of an invocation log
(`identity.arn`, `requestMetadata.team`) or of CloudTrail, or keys of an application. A field that the query
did not select is unknown, never absent. Rows of a `stats` query stand for many calls: they are context. A
result never says more than its query, and no query is ever run.
"""

from __future__ import annotations

from typing import Any

from auditor.catalogue.fields import Match
from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.nested import opened_text
from auditor.framing.tables import Row, rows_of
from auditor.inputs.source import Source
from auditor.readers.aws import bedrock_invocation_log, cloudtrail
from auditor.readers.aws.cloudtrail_events import columns_seen
from auditor.readers.aws.insights_rows import (
    aggregated,
    columns_known,
    is_document,
    is_event,
    is_invocation,
    is_markdown,
    is_stamp,
    is_total,
    markdown_rows,
    row_of,
    unflatten,
)
from auditor.readers.contract import InputSample, RecordReader, SourceReader
from auditor.readers.shared import free_form
from auditor.readers.shared.carries import IDS, MODEL, OUTCOME, OWNERS, TOKENS, at_scope

OWN = frozenset(
    """@ptr @message @logStream @log @ingestionTime @entity @aws.account @aws.region @requestId @duration
    @billedDuration @maxMemoryUsed @memorySize @xrayTraceId""".split()
)


def match(record: dict[str, Any]) -> float:
    """A document of `get-query-results`, or a row with columns that only Logs Insights has."""
    if is_document(record):
        return 1.0
    if any(isinstance(value, dict) for key, value in record.items() if key != "@message"):
        return 0.0
    keys = record.keys()
    if keys & OWN:
        return 0.95
    dotted = [key for key in keys if "." in key]
    known = bool(dotted) and (is_invocation(keys) or is_event(keys))
    if (known and ("@timestamp" in keys or len(dotted) > 1)) or is_total(keys):
        return 0.9
    # a query may select the time and an application's own keys, and nothing else shows where they came from
    return 0.6 if is_stamp(record.get("@timestamp")) else 0.0


def sniff(sample: InputSample) -> float:
    """By the first records; by bare rows of `field` and `value`; by the Markdown export."""
    head = sample.head.lstrip()
    if head[:1] == b"[" and head[1:].lstrip()[:1] == b"[":
        pairs = [set(o) == {"field", "value"} for o in sample.objects if isinstance(o, dict)]
        return 1.0 if pairs and all(pairs) else 0.0
    if is_markdown(head):
        return 1.0
    return max((match(o) for o in sample.objects if isinstance(o, dict)), default=0.0)


def read(source: Source, builder: Builder, start: int, end: int | None) -> None:
    """Rows however they are packed."""
    head = source.head.lstrip()
    if head[:1] == b"[" and head[1:].lstrip()[:1] == b"[":
        rows = opened_text(source.whole().decode("utf-8", "replace"))
        for i, row in enumerate(rows if isinstance(rows, list) else ()):
            builder.attempt(None, _listed, row, builder, 0, f"/{i}")
        if not isinstance(rows, list):
            builder.skip(1, "not JSON")
    elif is_markdown(head):
        for number, (line, row) in enumerate(markdown_rows(source.text(), builder.skip)):
            builder.reading.table_row = number
            builder.attempt(line, _row, row, builder, None, None)
    else:
        builder.dispatch.read(source, start, end)


def rows(source: Source) -> list[Row]:
    """The rows of a table, or of the Markdown export behind its query."""
    text = source.text()
    return markdown_rows(text, lambda _line, _reason: None) if is_markdown(source.head) else rows_of(text)


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One row, or all rows of a document."""
    if not is_document(record):
        _row(record, builder, offset, pointer)
        return
    for i, row in enumerate(record["results"]):
        builder.attempt(None, _listed, row, builder, offset, f"{pointer or ''}/results/{i}")


def _listed(row: Any, builder: Builder, offset: int | None, pointer: str | None) -> None:
    """A row that is a list of names and values."""
    _row(row_of(row), builder, offset, pointer)


def _row(fields: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    message = fields.get("@message")
    if isinstance(message, str):
        opened = opened_text(message.strip()) if "{" in message else message
        message = opened if isinstance(opened, dict) else message
    inside = f"{pointer}/@message" if pointer is not None else None
    if isinstance(message, dict) and len(message) > 1:
        builder.dispatch.other_record(message, offset, inside or "")
    elif isinstance(message, str) and message.strip():
        _line(message, builder, offset, pointer)
    elif aggregated(fields):
        builder.row("context", offset=offset, pointer=pointer)
        builder.note("Rows of a `stats` query stand for many calls: select the fields of each call instead.")
    else:
        _selected(fields, builder, offset, pointer)


def _line(text: str, builder: Builder, offset: int | None, pointer: str | None) -> None:
    """A message that is text: an application's line, or the platform's."""
    if not builder.dispatch.other_line(text.strip().split("\n", 1)[0], offset, pointer):
        builder.row("context", offset=offset, pointer=pointer)


def _selected(fields: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """A row whose columns are the record."""
    own = {key: value for key, value in fields.items() if not key.startswith("@")}
    if "@timestamp" in fields:
        own.setdefault("timestamp", fields["@timestamp"])
    if is_event(fields):
        inner = builder.for_format(cloudtrail.FORMAT)
        columns_seen(inner, own)
        own.setdefault("eventTime", own.pop("timestamp", None))
        cloudtrail.take(unflatten(own), inner, offset, pointer or "")
    elif is_invocation(fields):
        inner = builder.for_format(bedrock_invocation_log.FORMAT)
        columns_known(inner, own)
        bedrock_invocation_log.take(unflatten(own), inner, offset, pointer)
    else:
        _application(fields, own, builder, offset, pointer)


def _application(
    fields: dict[str, Any], own: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None
) -> None:
    row, _ = free_form.put(own, builder, offset, pointer)
    if "@requestId" in fields:
        # discovered by Logs Insights in Lambda's own lines: the id of an invocation
        weak = Match("request_id", 400, True)
        builder.resolved(weak, "request", "@requestId").put(row, fields["@requestId"])
    if "@xrayTraceId" in fields:
        builder.column("trace_id", "trace", "@xrayTraceId").put(row, fields["@xrayTraceId"])
    columns_known(builder, fields)


FORMAT = Format(
    name="cloudwatch-insights",
    layer="app",
    title="CloudWatch Logs Insights results",
    carries=at_scope(
        "request",
        *(*OWNERS, "user_id", *IDS, "session_id", "trace_id", "cost_usd", *MODEL, "inference_region"),
        *(*TOKENS, "latency_ms", "iam_principal", "account_id", *OUTCOME, "cost_center", "environment"),
        *("agent", "team_budget_remaining"),
    ),
    get="""`aws logs start-query --log-group-name GROUP --start-time T0 --end-time T1 --query-string \
'fields @timestamp, @message | limit 10000'`,
then `aws logs get-query-results --query-id ID > results.json`. Select `@message`: it holds the whole
record.""",
)
READERS = (
    SourceReader(format=FORMAT, sniff=sniff, read=read, rows=rows),
    RecordReader(
        format=FORMAT, match=match, take=take, by_value=frozenset({"@timestamp", "results", "status"})
    ),
)
