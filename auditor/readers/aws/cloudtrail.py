"""AWS CloudTrail events: S3 log files, `lookup-events`, EventBridge, JSON lines, rows of Athena or Lake.

An event by which Bedrock ran a model is a call: InvokeModel, Converse, their streams, an asynchronous start,
and CreateInference of bedrock-mantle. Every other event is context. An event names the principal, the model
and the AWS request id, never tokens, cost, latency or the tags of a role. Owners stand only in the
`metadata` that a caller of bedrock-mantle sends along; the tags of a session stand on the AssumeRole event
that began it and are joined to the calls of that session. Prompts are not in an event, and no ARN or bucket
that one names is ever followed.
"""

from __future__ import annotations

from typing import Any

from auditor.catalogue.fields import Match
from auditor.catalogue.principals import user_of
from auditor.evidence.builder import Builder, ReaderState
from auditor.evidence.formats import Format
from auditor.framing.nested import opened_text
from auditor.framing.times import to_ns
from auditor.readers.aws.cloudtrail_events import (
    CARRIES,
    LAKE,
    Event,
    Sessions,
    app_of,
    canonical,
    columns_seen,
    inner_event,
    is_call,
    owner_tags,
    project_of,
)
from auditor.readers.contract import RecordReader
from auditor.readers.shared.nested import put_nested

NAME = "cloudtrail"


def match(record: dict[str, Any]) -> float:
    """The keys of an event, in the spelling of S3 or of Athena, or one of the wrappers around it."""
    if inner_event(record) is not None:
        return 1.0
    if str(record.get("eventSource")).startswith("aws:"):
        # notifications of S3 and DynamoDB borrow the names
        return 0.0
    lower = {key.replace("_", "").lower() for key in record}
    if {"eventsource", "eventname"} <= lower and lower & {"eventversion", "eventid", "eventtime"}:
        return 1.0
    identity = any(key.startswith("useridentity") for key in lower)
    return 0.9 if "eventname" in lower and identity else 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One event, or those that a wrapper holds."""
    held = inner_event(record)
    if held is None:
        _event(record, builder, offset, pointer)
        return
    for where, text in held:
        event = opened_text(text) if isinstance(text, str) else text
        if isinstance(event, dict):
            if LAKE in record:
                columns_seen(builder, event)
            builder.attempt(None, _event, event, builder, offset, f"{pointer or ''}{where}")
        else:
            builder.skip(None, "a CloudTrailEvent that is no JSON object")


def _event(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    event, sessions = canonical(record), _sessions(builder)
    if pointer is None:
        columns_seen(builder, record)
    if event.session_began():
        sessions.began(event)
    call = is_call(event)
    row = builder.row(
        "call" if call else "context",
        offset=offset,
        pointer=pointer,
        started_at=to_ns(event.get("eventTime")),
        name=event.text("eventName"),
        outcome="error" if event.get("errorCode") else None,
    )
    builder.fact("operation").put(row, event.text("eventName"))
    host = event.get("tlsDetails.clientProvidedHostHeader")
    if host:
        builder.fact("endpoint").put(row, str(host))
    if call:
        _request(event, builder, row)
        _principal(event, builder, row)
        _metadata(event, builder, row)
        _session(event, builder, row)


PATHS = (
    ("attempt_id", "attempt", "requestID", 0),
    ("model", "request", "requestParameters.modelId", 0),
    ("model", "request", "requestParameters.model", 1),
    ("region", "request", "awsRegion", 0),
    ("inference_region", "attempt", "additionalEventData.inferenceRegion", 0),
    ("account_id", "account", "recipientAccountId", 0),
    ("account_id", "account", "userIdentity.accountId", 10),
    ("error_code", "attempt", "errorCode", 0),
    ("iam_principal", "principal", "userIdentity.arn", 0),
)


def _request(event: Event, builder: Builder, row: int) -> None:
    for field, scope, path, rank in PATHS:
        if event.has(path):
            builder.column(field, scope, path, rank=rank).put(row, event.get(path))
    builder.column("provider", "request", "eventSource").put(row, "aws.bedrock")


def _principal(event: Event, builder: Builder, row: int) -> None:
    arn = event.get("userIdentity.arn")
    found = user_of(arn) if isinstance(arn, str) else None
    named: tuple[tuple[str, Any, int], ...] = (
        (
            "userIdentity.sessionContext.sourceIdentity",
            event.get("userIdentity.sessionContext.sourceIdentity"),
            400,
        ),
        ("userIdentity.onBehalfOf.userId", event.get("userIdentity.onBehalfOf.userId"), 410),
        ("userIdentity.arn (session name)", found[1] if found else None, 500),
    )
    for key, value, rank in named:
        if value:
            builder.column("user_id", "principal", key, rank=rank).put(row, value)
    app = app_of(event.get("userAgent"))
    if app:
        builder.column("workflow_id", "process", "userAgent (app)", rank=500).put(row, app)


def _metadata(event: Event, builder: Builder, row: int) -> None:
    """What the caller sent along, which an event of bedrock-mantle repeats word for word."""
    for key, scope in (("metadata", "request"), ("requestMetadata", "request_metadata")):
        value = event.get(f"requestParameters.{key}")
        if isinstance(value, str):
            value = opened_text(value)
        if isinstance(value, dict):
            put_nested(builder, row, f"requestParameters.{key}", value, scope)
            builder.fact("takes_metadata").put(row, True)
    if event.takes_metadata():
        builder.fact("takes_metadata").put(row, True)
    project = project_of(event.get("resources"))
    if project:
        weak = Match("team_id", 450, True)
        builder.resolved(weak, "resource_tag", "resources[].ARN (project)").put(row, project)


def _session(event: Event, builder: Builder, row: int) -> None:
    """Join the tags of the session that called; an AssumeRole event may also stand behind its calls."""
    arn, sessions = event.session_arn(), _sessions(builder)
    if arn is None or _joined(builder, row, arn):
        return
    if sessions.waiting and sessions.waiting[0][0] is not builder.ids:
        # a batch that was full is closed: nothing can be added to it any more
        sessions.waiting.clear()
    sessions.waiting.append((builder.ids, row, arn))


def _joined(builder: Builder, row: int, arn: str) -> bool:
    sessions = _sessions(builder)
    if arn not in sessions.tags:
        return False
    path, tags = sessions.tags[arn]
    columns = [(builder.column("session_tags", "session_tag", path), " ".join(sorted(tags)) or None)]
    for field, key, value in owner_tags(builder, path, tags):
        columns.append((builder.column(field, "session_tag", key, rank=600), value))
    for column, held in columns:
        column.put(row, held)
        sessions.columns[column.slot] = column
    return True


class _Joined(ReaderState):
    """The sessions of one input; after its last record, calls that came before their session are joined."""

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder)
        self.sessions = Sessions()

    def finish(self) -> None:
        """Join the calls that came before the event which began their session."""
        builder, sessions = self.builder, self.sessions
        late = [r for batch, r, arn in sessions.waiting if batch is builder.ids and _joined(builder, r, arn)]
        sessions.waiting.clear()
        for column in sessions.columns.values() if late else ():
            column.sort()
        if not sessions.columns:
            # without the AssumeRole events nobody can tell whether a session had tags
            known = builder.columns_known if builder.columns_known is not None else frozenset(CARRIES)
            builder.columns_known = known - {"session_tags"}


def _sessions(builder: Builder) -> Sessions:
    return builder.state(_Joined).sessions


FORMAT = Format(
    name=NAME,
    layer="provider",
    title="AWS CloudTrail",
    carries=CARRIES,
    get="""`aws s3 cp --recursive s3://BUCKET/AWSLogs/ACCOUNT/CloudTrail/REGION/2026/09/14/ .`, or
`aws cloudtrail lookup-events --lookup-attributes \
AttributeKey=EventSource,AttributeValue=bedrock.amazonaws.com`.
Calls through bedrock-mantle are data events: `aws cloudtrail put-event-selectors` with the resource type
`AWS::BedrockMantle::Project` switches them on. Pass the AssumeRole events of the same hours as well.""",
)
READERS = (
    RecordReader(
        format=FORMAT, match=match, take=take, by_value=frozenset({"eventSource", "detail-type", "Events"})
    ),
)
