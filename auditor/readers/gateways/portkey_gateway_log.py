"""Portkey open-source gateway: the entries of its `/log/stream`, as server-sent events or JSON lines.

An entry is one request to the gateway; each of its `requestOptions` is one try at a target, and a call.
Where there are several (a fallback), they are attempts of one call. A try names the model, the provider,
the region of AWS and what it took; usage and the vendor's response id stand in `originalResponse.body`,
which a streamed answer does not have. Retries at one target are not told apart. An entry never carries what
came in `x-portkey-metadata` and `x-portkey-trace-id`, nor cost, IAM principal or AWS tags; tenant, team,
user and request id are there only if the application puts them into the body (`user`, `metadata`) or lets
the gateway forward its headers.

The reader never reads messages, answers or keys of providers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.json_values import decode, depth_of
from auditor.framing.times import to_ns
from auditor.inputs.source import Source
from auditor.readers.contract import InputSample, RecordReader, SourceReader
from auditor.readers.shared.carries import MODEL, OUTCOME, TOKEN_DETAILS, TOKEN_TOTALS, at_scope
from auditor.readers.shared.named_keys import flag
from auditor.readers.shared.nested import mapping_at, put_nested

NAME = "portkey-gateway-log"
REDACTED = "[REDACTED]"
# operations of the gateway that move files or batches and run no model
CHORES = re.compile(r"(?i)(file|batch|finetun|^listmodels|^retrieve|^delete|^cancel|^get|^list)")
_IN_URL = re.compile(r"/model/([^/?]+)/")
_EVENT = re.compile(rb"^(event|data|id|retry)?:", re.M)
_OPTION = "requestOptions"
_MARKS = (b'"requestOptions"', b'"providerOptions"')
RESPONSE_IDS = ("x-amzn-requestid", "x-request-id", "request-id")


def match(record: dict[str, Any]) -> float:
    """The options of a request, each with its provider's."""
    options = record.get(_OPTION)
    if not isinstance(options, list) or not {"status", "duration"} & record.keys():
        return 0.0
    return 1.0 if not options or (isinstance(options[0], dict) and "providerOptions" in options[0]) else 0.0


def sniff(sample: InputSample) -> float:
    """Entries as JSON, or as the data of events."""
    best = max((match(o) for o in sample.objects if isinstance(o, dict)), default=0.0)
    if best:
        return best
    head = sample.head.lstrip()
    return 1.0 if _EVENT.match(head) and all(mark in head for mark in _MARKS) else 0.0


def read(source: Source, builder: Builder, start: int, end: int | None) -> None:
    """Events one by one, or entries in any container of JSON."""
    if not _EVENT.match(source.head.lstrip()):
        builder.dispatch.read(source, start, end)
        return
    for offset, line, data in _events(source, start, end):
        if data[:1] != b"{":
            continue  # events of the connection: `connected`, `heartbeat`
        try:
            value = decode(data)
        except ValueError as error:
            builder.skip(line, str(error))
            continue
        if not isinstance(value, dict) or not match(value):
            builder.skip(line, "an event that is no entry of the log")
        elif depth_of(value) > 100:
            builder.skip(line, "nested deeper than 100 levels")
        else:
            builder.attempt(line, take, value, builder, offset, "")


def _events(source: Source, start: int, end: int | None) -> Iterator[tuple[int, int, bytes]]:
    """(offset, line, data) of each event; the gateway writes its data on one line."""
    number = 0
    for block, lines in source.lines(start, end):
        at = block
        for line in lines:
            number += 1
            if line.startswith(b"data:"):
                yield at, number, line[5:].strip()
            elif line.strip() and not _EVENT.match(line):
                yield at, number, line.strip()
            at += len(line)


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One entry: a row for each of its tries, which are attempts of one call."""
    options = [o for o in record.get(_OPTION) or [] if isinstance(o, dict)]
    entry = f"entry {builder.records}" if len(options) > 1 else None
    for i, option in enumerate(options):
        last = i == len(options) - 1
        row = _try(record, option, builder, offset, f"{pointer or ''}/{_OPTION}/{i}", last=last)
        if entry:
            builder.fact("attempt_key").put(row, entry)
    if not options:
        builder.row("context", offset=offset, pointer=pointer, name=str(record.get("endpoint") or ""))


def _try(
    record: dict[str, Any],
    option: dict[str, Any],
    builder: Builder,
    offset: int | None,
    pointer: str,
    *,
    last: bool,
) -> int:
    sent, answer = _body(option, "transformedRequest"), _body(option, "originalResponse")
    original = _body(option, "finalUntransformedRequest")
    provider = mapping_at(option, "providerOptions")
    operation = str(provider.get("rubeusURL") or "")
    failed = bool(answer.get("error")) or (last and _status(record) >= 400)
    began, took = to_ns(option.get("createdAt")), _number(option.get("executionTime"))
    models = _models(provider, sent, original, answer, option)
    method = str(record.get("method") or "POST").upper()
    row = builder.row(
        "call" if models and method == "POST" and not CHORES.search(operation) else "context",
        offset=offset,
        pointer=pointer,
        started_at=began,
        ended_at=None if began is None or took is None else began + int(took * 1e6),
        name=operation or None,
        outcome="error" if failed else None,
    )
    for rank, (key, value) in enumerate(models):
        builder.column("model", "request", f"{_OPTION}.{key}", rank=rank).put(row, value)
    _provider(provider, builder, row)
    _callers(option, sent, original, builder, row)
    _answer(answer, builder, row)
    if took is not None:
        builder.column("latency_ms", "request", f"{_OPTION}.executionTime").put(row, took)
    if last and "status" in record:
        builder.column("status", "attempt", "status").put(row, record["status"])
    builder.fact("operation").put(row, operation)
    flag(builder, row, "stream", sent.get("stream", original.get("stream")))
    _cache(option, builder, row)
    return row


def _cache(option: dict[str, Any], builder: Builder, row: int) -> None:
    if option.get("cacheStatus"):
        builder.fact("cache_hit").put(row, str(option["cacheStatus"]).upper().endswith("HIT"))


def _body(option: dict[str, Any], key: str) -> dict[str, Any]:
    return mapping_at(mapping_at(option, key), "body")


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and 0 <= value < 1e12 else None


def _status(record: dict[str, Any]) -> int:
    text = str(record.get("status"))
    return int(text) if text.isdigit() else 0


def _models(
    provider: dict[str, Any],
    sent: dict[str, Any],
    original: dict[str, Any],
    answer: dict[str, Any],
    option: dict[str, Any],
) -> list[tuple[str, str]]:
    """(key, model) of every place that names it: sent to the provider, written by the client, served."""
    in_url = _IN_URL.search(str(provider.get("requestURL") or ""))
    named = (
        ("transformedRequest.body.model", sent.get("model")),
        ("requestParams.model", mapping_at(option, "requestParams").get("model")),
        ("providerOptions.overrideParams.model", mapping_at(provider, "overrideParams").get("model")),
        ("providerOptions.requestURL", in_url[1] if in_url else None),
        ("finalUntransformedRequest.body.model", original.get("model")),
        ("originalResponse.body.model", answer.get("model")),
    )
    return [(key, value) for key, value in named if isinstance(value, str) and value]


def _provider(provider: dict[str, Any], builder: Builder, row: int) -> None:
    prefix = f"{_OPTION}.providerOptions."
    if provider.get("provider"):
        builder.column("provider", "request", f"{prefix}provider").put(row, provider["provider"])
    for key in ("awsRegion", "vertexRegion"):
        if provider.get(key) and provider[key] != REDACTED:
            builder.column("region", "request", prefix + key).put(row, provider[key])
    if provider.get("requestURL"):
        builder.fact("endpoint").put(row, str(provider["requestURL"]))


def _callers(
    option: dict[str, Any], sent: dict[str, Any], original: dict[str, Any], builder: Builder, row: int
) -> None:
    """What the application put into the body, and the headers that the gateway forwarded."""
    for place, body in (("transformedRequest", sent), ("finalUntransformedRequest", original)):
        prefix = f"{_OPTION}.{place}.body"
        if "user" in body:
            builder.column("user_id", "gateway_record", f"{prefix}.user").put(row, body["user"])
        if isinstance(body.get("metadata"), dict):
            put_nested(builder, row, f"{prefix}.metadata", body["metadata"], "gateway_record")
            break
        if body:
            break
    prefix = f"{_OPTION}.transformedRequest.headers."
    headers = mapping_at(mapping_at(option, "transformedRequest"), "headers")
    kept = {name: value for name, value in headers.items() if value != REDACTED}
    builder.take(row, kept, "gateway_record", prefix)
    for rank, name in enumerate(RESPONSE_IDS):
        value = mapping_at(option, "responseHeaders").get(name)
        if value and value != REDACTED:
            key = f"{_OPTION}.responseHeaders.{name}"
            builder.column("attempt_id", "attempt", key, rank=rank).put(row, value)


def _answer(answer: dict[str, Any], builder: Builder, row: int) -> None:
    """Usage, id and error of the provider's own answer."""
    prefix = f"{_OPTION}.originalResponse.body"
    for key in ("usage", "usageMetadata"):
        put_nested(builder, row, f"{prefix}.{key}", mapping_at(answer, key), "request")
    if answer.get("id"):
        builder.column("response_id", "attempt", f"{prefix}.id").put(row, answer["id"])
    error = mapping_at(answer, "error")
    code = error.get("code") or error.get("type")
    if code:
        builder.column("error_code", "attempt", f"{prefix}.error.code").put(row, code)


FORMAT = Format(
    name=NAME,
    layer="gateway",
    title="Portkey gateway log stream",
    carries=at_scope("gateway_record", "tenant_id team_id workflow_id user_id request_id session_id")
    | at_scope("request", *MODEL, *TOKEN_TOTALS, *TOKEN_DETAILS, "latency_ms")
    | at_scope("attempt", "response_id attempt_id", *OUTCOME),
    get="""Start the gateway without `--headless` and keep its stream while calls run:
`curl -sN http://localhost:8787/log/stream > portkey.sse`.""",
)
READERS = (
    SourceReader(format=FORMAT, sniff=sniff, read=read),
    RecordReader(format=FORMAT, match=match, take=take, by_value=frozenset({_OPTION})),
)
