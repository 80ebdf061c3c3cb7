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
from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.nested import opened_text
from auditor.framing.times import to_ns
from auditor.readers.aws.cloudtrail_events import (
    LAKE,
    Event,
    app_of,
    canonical,
    columns_seen,
    inner_events,
    is_call,
    project_of,
)
from auditor.readers.aws.sts_sessions import Sessions
from auditor.readers.contract import RecordReader
from auditor.readers.shared.nested import put_nested

# field, scope, path, rank
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


def match(record: dict[str, Any]) -> float:
    """The keys of an event, in the spelling of S3 or of Athena, or one of the wrappers around it."""
    if inner_events(record) is not None:
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
    wrapped = inner_events(record)
    if wrapped is None:
        _event(record, builder, offset, pointer)
        return
    for where, value in wrapped:
        event = opened_text(value) if isinstance(value, str) else value
        if isinstance(event, dict):
            if LAKE in record:
                columns_seen(builder, event)
            builder.attempt(None, _event, event, builder, offset, f"{pointer or ''}{where}")
        else:
            builder.skip(None, "a CloudTrailEvent that is no JSON object")


def _event(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    event, sessions = canonical(record), builder.state(Sessions)
    if pointer is None:
        columns_seen(builder, record)
    if event.session_began():
        sessions.begin(event)
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
        arn = event.session_arn()
        if arn is not None:
            # credentials are issued anew with each session, whatever its name
            issued = event.text("userIdentity.accessKeyId")
            if issued:
                builder.fact("access_key_id").put(row, issued)
            sessions.join(row, arn)


def _request(event: Event, builder: Builder, row: int) -> None:
    for field, scope, path, rank in PATHS:
        if event.has(path):
            builder.column(field, scope, path, rank=rank).put(row, event.get(path))
    builder.column("provider", "request", "eventSource").put(row, "aws.bedrock")


def _principal(event: Event, builder: Builder, row: int) -> None:
    arn = event.get("userIdentity.arn")
    user = user_of(arn) if isinstance(arn, str) else None
    source, behalf = "userIdentity.sessionContext.sourceIdentity", "userIdentity.onBehalfOf.userId"
    names: tuple[tuple[str, Any, int], ...] = (
        (source, event.get(source), 400),
        (behalf, event.get(behalf), 410),
        ("userIdentity.arn (session name)", user[1] if user else None, 500),
    )
    for key, value, rank in names:
        if value:
            builder.column("user_id", "principal", key, rank=rank).put(row, value)
    app = app_of(event.get("userAgent"))
    if app:
        builder.column("workflow_id", "process", "userAgent (app)", rank=500).put(row, app)


def _metadata(event: Event, builder: Builder, row: int) -> None:
    """What the caller sent along, which an event of bedrock-mantle repeats verbatim."""
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


FORMAT = Format(
    name="cloudtrail",
    layer="provider",
    title="AWS CloudTrail",
    own_keys=frozenset({"eventname", "eventtype", "useridentity.type"}),
    carries={
        "attempt_id": "attempt",
        "request_id": "attempt",
        "model": "request",
        "provider": "request",
        "region": "request",
        "inference_region": "attempt",
        "iam_principal": "principal",
        "account_id": "account",
        "error_code": "attempt",
        "session_tags": "session_tag",
    },
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
