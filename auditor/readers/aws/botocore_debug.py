"""botocore's DEBUG log: what boto3 and the AWS CLI print with `set_stream_logger('')` or `--debug`.

Each response to a Bedrock model request is a call, a retried one and its retry alike; so is a request that
ended in an exception. Requests to other services are context. The model and the operation stand in the URL,
`x-amzn-RequestId` names the attempt, and `amz-sdk-invocation-id` is the same for all attempts of a call.
Request metadata counts; any other header that was sent stands at `client_header`: it was on the wire. The
host tells the region; the client's setting and the scope of a signature only stand around the call. Token
counts come out of response headers and the `usage` of a response body. The log never carries cost, an IAM
principal or tags. Bodies, credentials and signatures are never kept.
"""

from __future__ import annotations

from typing import Any

from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.nested import baggage, opened_text
from auditor.framing.times import to_ns
from auditor.inputs.source import Source
from auditor.readers.aws.botocore_lines import (
    SECRET,
    DebugLine,
    SentRequest,
    body_of,
    debug_line_of,
    metadata_of,
    region_of,
)
from auditor.readers.contract import InputSample, SourceReader
from auditor.readers.shared.carries import CALLER_FIELDS, MODEL, OUTCOME, TOKEN_TOTALS, at_scope
from auditor.readers.shared.nested import mapping_at, put_nested

METADATA = "x-amzn-bedrock-request-metadata"
COUNTS = {
    "x-amzn-bedrock-input-token-count": "tokens_input",
    "x-amzn-bedrock-output-token-count": "tokens_output",
    "x-amzn-bedrock-cache-read-input-token-count": "tokens_cache_read",
    "x-amzn-bedrock-cache-write-input-token-count": "tokens_cache_write",
    "x-amzn-bedrock-invocation-latency": "latency_ms",
}
USAGE = {
    "inputTokens": "tokens_input",
    "outputTokens": "tokens_output",
    "totalTokens": "tokens_total",
    "cacheReadInputTokens": "tokens_cache_read",
    "cacheWriteInputTokens": "tokens_cache_write",
}
_MARKS = (b"Sending http request: <AWSPreparedRequest", b"Making request for OperationModel(name=")


def sniff(sample: InputSample) -> float:
    """Loggers and words of botocore in the head."""
    head = sample.head
    if b"botocore." not in head:
        return 0.0
    if any(mark in head for mark in _MARKS):
        return 0.97
    return 0.9 if b"botocore.parsers" in head and b"Response headers: {" in head else 0.0


class ThreadState:
    """The state of one thread of the program: its requests without a response, and its latest call."""

    def __init__(self) -> None:
        self.operation = ""
        self.region: str | None = None
        self.metadata: dict[str, Any] = {}
        self.pending: list[SentRequest] = []
        self.last_id = ""
        self.row: int | None = None


class DebugLog:
    """Puts the requests of a log into a builder, thread by thread."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.threads: dict[str, ThreadState] = {}
        self.current = ThreadState()

    def line(self, line: bytes, offset: int) -> None:
        """Read one line, if it is about a request."""
        parsed = debug_line_of(line.decode("utf-8", "replace"))
        if parsed is not None:
            self.add(parsed, offset)

    def add(self, line: DebugLine, offset: int) -> None:
        """Add one line about a request to the state of its thread."""
        if line.kind == "body":
            self._body(line.content)
            return
        thread = self.current = self.threads.setdefault(line.thread, ThreadState())
        if line.kind == "making":
            thread.operation, params = line.content
            thread.region, thread.metadata = region_of(params), metadata_of(params)
        elif line.kind == "sending":
            url, headers = line.content
            sent = SentRequest(url, headers, line.time, offset)
            sent.region, sent.metadata = thread.region, thread.metadata
            sent.operation = sent.operation or thread.operation
            thread.pending.append(sent)
        elif line.kind == "status":
            path, status = line.content
            for sent in thread.pending:
                if sent.path == path and sent.status is None:
                    sent.status = status
                    break
        elif line.kind == "headers":
            self._response(line.content, line.time, offset)
        elif thread.pending:
            self._row(thread.pending.pop(0), {}, line.time, offset, failed=True)

    def _response(self, headers: dict[str, str], time: str, offset: int) -> None:
        thread = self.current
        if any(name.startswith(":") for name in headers):
            # an event of the stream that the latest response began
            return
        request_id = headers.get("x-amzn-requestid") or headers.get("x-amz-request-id") or ""
        repeated = bool(request_id) and request_id == thread.last_id
        if repeated and (not thread.pending or thread.pending[0].status is None):
            # botocore parses the headers of a failed response twice
            return
        thread.last_id = request_id
        sent = thread.pending.pop(0) if thread.pending else SentRequest("", {}, "")
        failed = "x-amzn-errortype" in headers or (sent.status or 0) >= 400
        self._row(sent, headers, time, offset, failed=failed)

    def _row(
        self, sent: SentRequest, headers: dict[str, str], time: str, offset: int, *, failed: bool
    ) -> None:
        builder, call = self.builder, sent.model is not None
        row = builder.row(
            "call" if call else "context",
            offset=offset if sent.offset is None else sent.offset,
            started_at=to_ns(sent.time),
            ended_at=to_ns(time),
            name=sent.operation or None,
            outcome="error" if failed else None,
        )
        self.current.row = row if call else None
        builder.fact("operation").put(row, sent.operation)
        if sent.host:
            builder.fact("endpoint").put(row, sent.host)
        if not call:
            return
        self._put(row, "model", "request", "url (model)", sent.model)
        self._put(row, "provider", "request", "url", "aws.bedrock")
        self._put(row, "region", "process", "client_region", sent.region)
        self._put(row, "region", "process", "Authorization (signing scope)", sent.scope_region, rank=10)
        self._put(row, "status", "attempt", "HTTP status", sent.status)
        self._put(row, "attempt_id", "attempt", "x-amzn-RequestId", headers.get("x-amzn-requestid"))
        error = headers.get("x-amzn-errortype", "").partition(":")[0]
        self._put(row, "error_code", "attempt", "x-amzn-ErrorType", error or None)
        for name, field in COUNTS.items():
            self._put(row, field, "request", name, headers.get(name))
        self._sent(row, sent)

    def _put(self, row: int, field: str, scope: str, key: str, value: Any, rank: int = 0) -> None:
        if value is not None:
            self.builder.column(field, scope, key, rank=rank).put(row, value)

    def _sent(self, row: int, sent: SentRequest) -> None:
        """What the request itself carried: ids, request metadata, and other headers."""
        builder = self.builder
        put_nested(builder, row, "requestMetadata", sent.metadata, "request_metadata")
        if sent.attempt is not None:
            self._put(row, "retry_count", "attempt", "amz-sdk-request (attempt)", sent.attempt - 1)
        for name, value in sent.headers.items():
            if name in SECRET or name == "amz-sdk-request":
                continue
            if name == "amz-sdk-invocation-id":
                self._put(row, "request_id", "request", name, value)
            elif name == METADATA:
                opened = opened_text(value)
                if isinstance(opened, dict):
                    put_nested(builder, row, name, opened, "request_metadata")
            elif name == "traceparent" and value.count("-") == 3:
                self._put(row, "trace_id", "trace", name, value.split("-")[1])
            elif name == "x-amzn-trace-id":
                self._put(row, "trace_id", "trace", name, _root(value))
            elif name == "baggage":
                builder.take(row, baggage(value), "client_header", "baggage.")
            else:
                builder.take(row, {name: value}, "client_header", "request headers.")

    def _body(self, text: str) -> None:
        """The usage in a response body, and nothing else of it."""
        row = self.current.row
        if row is None or not ('"usage"' in text or '"metrics"' in text):
            return
        body = body_of(text)
        for key, names in (("usage", USAGE), ("metrics", {"latencyMs": "latency_ms"})):
            counts = mapping_at(body, key)
            for name, field in names.items():
                self._put(row, field, "request", f"{key}.{name}", counts.get(name))

    def finish(self) -> None:
        """Put the requests whose response the log does not show."""
        for thread in self.threads.values():
            for sent in thread.pending:
                self.builder.row("context", started_at=to_ns(sent.time), name=sent.operation)
                if sent.model is not None:
                    self.builder.note("The log ends before the response to a model request: it is no call.")


def _root(header: str) -> str | None:
    """The trace in an X-Ray header, as W3C writes it."""
    root = next((p.partition("=")[2] for p in header.split(";") if p.strip().startswith("Root=")), "")
    version, _, rest = root.partition("-")
    return rest.replace("-", "") if version == "1" and rest else None


def read(source: Source, builder: Builder, start: int, end: int | None) -> None:
    """Read a log from its first line to its last."""
    log, number = DebugLog(builder), 0
    for offset, lines in source.lines(start, end):
        at = offset
        for line in lines:
            number += 1
            builder.attempt(number, log.line, line, at)
            at += len(line)
    log.finish()


def shown(data: bytes) -> dict[str, Any] | None:
    """The request in the line that begins here, for an excerpt."""
    line = debug_line_of(data.partition(b"\n")[0].decode("utf-8", "replace"))
    if line is None or line.kind != "sending":
        return None
    url, headers = line.content
    return {"url": url} | {f"request headers.{k}": v for k, v in headers.items() if k not in SECRET}


FORMAT = Format(
    name="botocore-debug",
    layer="client",
    title="botocore debug log",
    carries=at_scope("request_metadata", *CALLER_FIELDS)
    | at_scope(
        "request",
        *("request_id", *MODEL, *TOKEN_TOTALS, "tokens_cache_read", "tokens_cache_write", "latency_ms"),
    )
    | at_scope("attempt", "attempt_id", "retry_count", *OUTCOME)
    | {"trace_id": "trace"},
    get="""`boto3.set_stream_logger('')` before the first client is made, or `aws --debug … 2> debug.log`.
Requests and responses are in it, prompts as well: keep it where it is, and cut it to the calls in
question.""",
)
READERS = (SourceReader(format=FORMAT, sniff=sniff, read=read, shown=shown),)
