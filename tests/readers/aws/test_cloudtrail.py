"""CloudTrail: every container and spelling of an event, who called, and what an event can never say."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from tests.readers import counts, field, keys, report

ACCOUNT = "123456789012"
ARN = f"arn:aws:sts::{ACCOUNT}:assumed-role/BedrockCaller/desk-7"
MODEL = "anthropic.claude-3-haiku-20240307-v1:0"
STRUCT = (
    f"{{type=AssumedRole, principalid=AROAFAKE:desk-7, arn={ARN}, accountid={ACCOUNT}, invokedby=null, "
    "username=null, sessioncontext={attributes={mfaauthenticated=false}, sessionissuer={type=Role, "
    f"arn=arn:aws:iam::{ACCOUNT}:role/BedrockCaller, accountid={ACCOUNT}, username=BedrockCaller}}}}}}"
)


def event(**other: Any) -> dict[str, Any]:
    """One Converse event, as the documentation shows it."""
    return {
        "eventVersion": "1.11",
        "eventSource": "bedrock.amazonaws.com",
        "eventName": "Converse",
        "eventTime": "2026-09-14T10:00:03Z",
        "awsRegion": "us-east-1",
        "userAgent": "Boto3/1.44.5",
        "userIdentity": {"type": "AssumedRole", "arn": ARN, "accountId": ACCOUNT},
        "requestParameters": {"modelId": MODEL},
        "responseElements": None,
        "additionalEventData": {"inferenceRegion": "us-west-2"},
        "requestID": "11111111-2222-4333-8444-555555555555",
        "eventID": "bbbbbbbb-0000-4000-8000-000000000002",
        "recipientAccountId": ACCOUNT,
    } | other


def assume(tags: list[dict[str, str]] | None = None, **parameters: Any) -> dict[str, Any]:
    """The STS event that began the session of `event`."""
    held = {"roleSessionName": "desk-7"} | ({"tags": tags} if tags else {}) | parameters
    return event(
        eventSource="sts.amazonaws.com",
        eventName="AssumeRole",
        requestParameters=held,
        responseElements={"assumedRoleUser": {"arn": ARN}},
    )


def lines(*events: dict[str, Any]) -> str:
    """Events as JSON lines."""
    return "".join(json.dumps(e) + "\n" for e in events)


def table(**columns: str) -> str:
    """One row of a query as CSV."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerow(columns.values())
    return out.getvalue()


WHOLE = {
    "eventversion": "1.11",
    "useridentity": STRUCT,
    "eventtime": "2026-09-14T10:00:03Z",
    "eventsource": "bedrock.amazonaws.com",
    "eventname": "InvokeModel",
    "awsregion": "us-east-1",
    "errorcode": "",
    "requestparameters": json.dumps({"modelId": MODEL}),
    "additionaleventdata": json.dumps({"inferenceRegion": "us-west-2"}),
    "requestid": "11111111-2222-4333-8444-555555555555",
    "eventid": "bbbbbbbb-0000-4000-8000-000000000002",
    "recipientaccountid": ACCOUNT,
}
CONTAINERS = {
    "S3 log file": json.dumps({"Records": [event()]}),
    "single event": json.dumps(event(), indent=2),
    "JSON lines": lines(event()),
    "array": json.dumps([event()], indent=3),
    "lookup-events": json.dumps({"Events": [{"EventId": "e", "CloudTrailEvent": json.dumps(event())}]}),
    "EventBridge": json.dumps(
        {"source": "aws.bedrock", "detail-type": "AWS API Call via CloudTrail", "detail": event()}
    ),
    "Athena": table(**WHOLE),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_an_event_is_found_in_every_container(name: str) -> None:
    """Whatever wraps the event, it is one call with its principal, model, region and request id."""
    found = report(CONTAINERS[name])

    assert ("cloudtrail", 1, 0) == (
        found.inputs[0].format,
        found.totals.calls,
        found.inputs[0].skipped_total,
    )
    for name in ("iam_principal", "model", "region", "inference_region", "request_id", "account_id"):
        assert (1, 0, 0, 0) == counts(found, name), name


@pytest.mark.parametrize("name", ["cost_usd", "tokens_input", "tokens_output", "latency_ms", "tenant_id"])
def test_an_event_never_carries(name: str) -> None:
    """What CloudTrail cannot hold is nobody's fault."""
    found = report(lines(event()))

    assert (0, 0, 0, 1) == counts(found, name)
    assert {"by_format": 1} == field(found, name).causes


@pytest.mark.parametrize(
    ("source", "name", "calls"),
    [
        ("bedrock.amazonaws.com", "InvokeModel", 1),
        ("bedrock.amazonaws.com", "InvokeModelWithResponseStream", 1),
        ("bedrock.amazonaws.com", "ConverseStream", 1),
        ("bedrock.amazonaws.com", "InvokeModelWithBidirectionalStream", 1),
        ("bedrock.amazonaws.com", "StartAsyncInvoke", 1),
        ("bedrock-mantle.amazonaws.com", "CreateInference", 1),
        ("bedrock.amazonaws.com", "GetAsyncInvoke", 0),
        ("bedrock.amazonaws.com", "ListFoundationModels", 0),
        ("bedrock-mantle.amazonaws.com", "GetProject", 0),
        ("lambda.amazonaws.com", "Invoke", 0),
    ],
)
def test_only_events_that_ran_a_model_are_calls(source: str, name: str, calls: int) -> None:
    """Every other event is context, counted and never dropped."""
    found = report(lines(event(), event(eventSource=source, eventName=name)))

    assert (calls + 1, 2) == (found.totals.calls, found.inputs[0].records)


def test_a_failed_call_says_why() -> None:
    """The error code is the attempt's."""
    found = report(lines(event(errorCode="ThrottlingException")))

    assert {("errorCode", "attempt")} == keys(found, "error_code")


@pytest.mark.parametrize(
    ("identity", "principal", "rule"),
    [
        ({"type": "AssumedRole", "arn": ARN}, 1, "BIL008"),
        ({"type": "Root", "arn": f"arn:aws:iam::{ACCOUNT}:root"}, 1, "BIL013"),
        ({"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/BedrockAPIKey-ab12"}, 1, None),
        ({"type": "FederatedUser", "arn": f"arn:aws:sts::{ACCOUNT}:federated-user/desk"}, 1, None),
        (
            {
                "type": "AssumedRole",
                "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_Dev_0a1b/dana@example.com",
            },
            1,
            "TAG006",
        ),
        ({"type": "AWSService", "invokedBy": "bedrock.amazonaws.com"}, 0, None),
        ({"type": "AWSAccount", "principalId": "AROAFAKE", "accountId": ACCOUNT}, 0, None),
    ],
)
def test_who_called_is_told_by_the_shape_of_the_identity(
    identity: dict[str, str], principal: int, rule: str | None
) -> None:
    """The ARN is the principal; services and other accounts have none."""
    found = report(lines(event(userIdentity=identity)))

    assert principal == field(found, "iam_principal").present
    assert rule is None or rule in {g.rule for g in found.gaps}


def test_a_source_identity_is_a_better_name_than_the_session() -> None:
    """It survives role chaining, so it is told first."""
    identity = {"type": "AssumedRole", "arn": ARN, "sessionContext": {"sourceIdentity": "dana"}}
    found = report(lines(event(userIdentity=identity)))

    assert ("userIdentity.sessionContext.sourceIdentity", "principal") in keys(found, "user_id")


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    "tags",
    [
        {"tags": [{"key": "tenant", "value": "acme"}, {"key": "team", "value": "growth"}]},
        {"principalTags": {"tenant": "acme", "team": "growth"}},
        {"incomingTransitiveTags": {"tenant": "acme", "team": "growth"}},
    ],
)
def test_session_tags_are_joined_to_the_calls_of_the_session(tags: dict[str, Any], first: bool) -> None:
    """Before or behind its calls, an AssumeRole event says whose session it is; that is no call's own."""
    events = [assume(**tags), event()] if first else [event(), assume(**tags)]
    found = report(lines(*events, event(userIdentity={"type": "AssumedRole", "arn": ARN + "-2"})))

    assert (1, 1, 0, 0) == counts(found, "session_tags")
    assert {"by_format": 1, "wider_scope": 1} == field(found, "tenant_id").causes
    assert "BIL023" in {g.rule for g in found.gaps}


def test_a_session_that_began_without_tags_has_none() -> None:
    """The event that would name them is there, and does not."""
    assert (0, 1, 0, 0) == counts(report(lines(assume(), event())), "session_tags")


def test_without_sts_events_session_tags_are_unknown() -> None:
    """Nobody can tell from the calls alone."""
    assert {"by_sample": 1} == field(report(lines(event())), "session_tags").causes


def mantle(**parameters: Any) -> dict[str, Any]:
    """A CreateInference data event."""
    return event(
        eventSource="bedrock-mantle.amazonaws.com",
        eventName="CreateInference",
        requestParameters={"model": "openai.gpt-oss-120b"} | parameters,
    )


def test_the_metadata_of_mantle_is_evidence() -> None:
    """It is logged word for word, and it is the only place for an owner."""
    found = report(lines(mantle(metadata={"tenant_id": "acme", "team": "growth", "request_id": "r-1"})))

    assert {("requestParameters.metadata.tenant_id", "request")} == keys(found, "tenant_id")
    assert (1, 0, 0, 0) == counts(found, "team_id")
    assert ("requestParameters.metadata.request_id", "request") in keys(found, "request_id")


@pytest.mark.parametrize(
    ("parameters", "cause"), [({}, "missing"), ({"metadata": {"tenant": "none"}}, "placeholder")]
)
def test_a_mantle_call_without_owner_lacks_one(parameters: dict[str, Any], cause: str) -> None:
    """Such an event can carry the tenant, so its absence counts, beside events that cannot."""
    found = report(lines(mantle(**parameters), event()))

    assert {cause: 1, "by_format": 1} == field(found, "tenant_id").causes


def test_a_project_of_mantle_is_a_weak_name_of_a_team() -> None:
    """It groups what is billed; what it is called is anybody's choice."""
    resources = [
        {"type": "AWS::BedrockMantle::Project", "ARN": f"arn:aws:bedrock-mantle::{ACCOUNT}:project/proj_1"}
    ]
    found = report(lines(mantle() | {"resources": resources}))

    assert {"weak_alias": 1} == field(found, "team_id").causes


def test_columns_that_a_query_left_out_are_unknown() -> None:
    """A selection says nothing of what it did not select."""
    some = {k: WHOLE[k] for k in ("eventtime", "eventname", "useridentity", "requestparameters")}
    found = report(table(**some))

    assert (1, 0, 0, 0) == counts(found, "model")
    assert {"by_sample": 1} == field(found, "region").causes
    assert {"by_sample": 1} == field(found, "request_id").causes


def test_rows_of_lake_are_events() -> None:
    """`get-query-results` gives each row as cells of one column; what was not selected is unknown."""
    held = {k: v for k, v in event().items() if k not in ("requestID", "responseElements")}
    cells = [{k: v if isinstance(v, str) else json.dumps(v)} for k, v in held.items()]
    other = [{"eventSource": "s3.amazonaws.com"}, {"eventName": "GetObject"}]
    found = report(json.dumps({"QueryStatus": "FINISHED", "QueryResultRows": [cells, other]}))
    assert [("cloudtrail", 1, 1)] == [(i.format, i.calls, i.context) for i in found.inputs]
    for name in ("iam_principal", "model", "region"):
        assert (1, 0, 0, 0) == counts(found, name), name
    assert field(found, "request_id").causes == {"by_sample": 1}


@pytest.mark.parametrize("spelled", ["useridentity.arn", "userIdentity.arn", "user_identity_arn"])
def test_flattened_columns_are_paths(spelled: str) -> None:
    """Lake, Athena and warehouses spell the same path in their own way."""
    found = report(table(**{"eventSource": "bedrock.amazonaws.com", "eventName": "Converse", spelled: ARN}))

    assert {("userIdentity.arn", "principal")} == keys(found, "iam_principal")


def test_the_application_id_of_an_sdk_stands_at_the_process() -> None:
    """One user agent speaks for everything that its process does."""
    found = report(lines(event(userAgent="Boto3/1.44.5 md/Botocore#1.44.5 app/summariser")))

    assert {"wider_scope": 1} == field(found, "workflow_id").causes


def test_notifications_that_borrow_the_names_are_not_claimed() -> None:
    """S3 and DynamoDB write eventSource and eventName too."""
    record = {"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put"}
    found = report(json.dumps({"Records": [record | {"model": MODEL, "input_tokens": 3}]}))

    assert found.inputs[0].format == "generic-json"


def test_a_broken_event_in_a_wrapper_is_a_skip() -> None:
    """The other events are read."""
    events = [{"CloudTrailEvent": '{"eventName": '}, {"CloudTrailEvent": json.dumps(event())}]
    found = report(json.dumps({"Events": events}))

    assert (1, 1) == (found.totals.calls, found.inputs[0].skipped_total)
