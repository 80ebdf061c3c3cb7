"""One CloudTrail event by its paths, as S3, Athena or Lake spell them, and the wrappers around events."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from auditor.evidence.builder import Builder
from auditor.framing.nested import opened_text
from auditor.readers.shared.nested import listing

RUNTIME = frozenset({"bedrock.amazonaws.com", "bedrock-runtime.amazonaws.com"})
LAKE = "QueryResultRows"
MANTLE = "bedrock-mantle.amazonaws.com"
INFERENCE = frozenset(
    """InvokeModel InvokeModelWithResponseStream InvokeModelWithBidirectionalStream Converse ConverseStream
    StartAsyncInvoke""".split()
)
STS = frozenset({"AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "GetFederationToken"})
# what each field of a selected table is read from, in lower case
_FROM = {
    "attempt_id": "requestid",
    "request_id": "requestid",
    "model": "requestparameters",
    "region": "awsregion",
    "inference_region": "additionaleventdata",
    "iam_principal": "useridentity",
    "account_id": "recipientaccountid",
    "error_code": "errorcode",
    "provider": "eventname",
}
_NAMES = """additionalEventData apiVersion awsRegion errorCode errorMessage eventCategory eventID eventName
eventSource eventTime eventType eventVersion managementEvent readOnly recipientAccountId requestID
requestParameters resources responseElements serviceEventDetails sharedEventID sourceIPAddress tlsDetails
userAgent userIdentity vpcEndpointId accountId accessKeyId arn invokedBy onBehalfOf principalId sessionContext
sessionIssuer sourceIdentity type userId userName modelId model inferenceRegion requestMetadata metadata
clientProvidedHostHeader roleArn roleSessionName principalTags incomingTransitiveTags tags assumedRoleUser
transitiveTagKeys federatedUser ARN""".split()
_SPELLED = {name.lower(): name for name in _NAMES if name != "ARN"}
_APP = re.compile(r"(?:^|\s)app/([^\s;]+)")
_PAIR = re.compile(r"(?:^|[{,\s])([A-Za-z]\w*)=([^,{}=]*)")
_PROJECT = re.compile(r"(?<!\S)(?>\S*?:project/)(\S+)$")


class Event:
    """An event whose values are read by dotted path; text that is JSON or a struct is opened."""

    __slots__ = ("_values",)

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def _walk(self, path: str) -> tuple[bool, Any]:
        here: Any = self._values
        for part in path.split("."):
            if isinstance(here, str):
                here = _opened(here)
            if not isinstance(here, dict):
                return False, None
            name = part if part in here else part.lower()
            if name not in here:
                return False, None
            here = here[name]
        return True, here

    def has(self, path: str) -> bool:
        """Whether there is such a key."""
        return self._walk(path)[0]

    def get(self, path: str) -> Any:
        """The value at a path, or None."""
        return self._walk(path)[1]

    def text(self, path: str) -> str:
        """The value at a path as text."""
        value = self.get(path)
        return value if isinstance(value, str) else ""

    def session_arn(self) -> str | None:
        """The ARN of the STS session that called, which its AssumeRole event names too."""
        arn = self.get("userIdentity.arn")
        return arn if isinstance(arn, str) and ":sts:" in arn else None

    def session_began(self) -> bool:
        """Whether the event began a session."""
        return self.text("eventSource") == "sts.amazonaws.com" and self.text("eventName") in STS

    def takes_metadata(self) -> bool:
        """Whether the call could have carried metadata: an inference by bedrock-mantle."""
        return self.text("eventSource") == MANTLE


def _opened(text: str) -> Any:
    """JSON text, or the struct of Athena, in which the outermost of equal names comes first."""
    value = opened_text(text) if text[:1] in "{[" and '"' in text else text
    if isinstance(value, str) and text[:1] == "{":
        struct: dict[str, Any] = {}
        for name, content in _PAIR.findall(text):
            struct.setdefault(name, None if content.strip() == "null" else content.strip())
        inner = {k: v for k, v in struct.items() if k.lower() in ("sourceidentity", "username")}
        return struct | {"sessioncontext": inner} if inner else struct
    return value


@lru_cache(maxsize=4096)
def _path(key: str) -> tuple[str, ...]:
    """A key as the path it means: `user_identity_arn` and `useridentity.arn` are `userIdentity.arn`."""
    if key in _SPELLED.values():
        return (key,)
    words = [w for w in re.split(r"[._]", key) if w]
    out: list[str] = []
    while words:
        for size in range(len(words), 0, -1):
            name = _SPELLED.get("".join(words[:size]).lower())
            if name or size == 1:
                out.append(name or words[0])
                words = words[size:]
                break
    return tuple(out) or (key,)


def canonical(record: dict[str, Any]) -> Event:
    """An event in CloudTrail's own spelling; flattened columns become paths again."""
    out: dict[str, Any] = {}
    for key, value in record.items():
        *outer, last = _path(key)
        here = out
        for part in outer:
            inner = here.setdefault(part, {})
            if not isinstance(inner, dict):
                break
            here = inner
        else:
            here[last] = value
    return Event(out)


def inner_events(record: dict[str, Any]) -> list[tuple[str, Any]] | None:
    """(pointer, event) of the events in a wrapper, None for no wrapper.

    Wrappers are those of `lookup-events`, of EventBridge, and of `get-query-results` of Lake.
    """
    if "CloudTrailEvent" in record:
        return [("/CloudTrailEvent", record["CloudTrailEvent"])]
    events = record.get("Events")
    if isinstance(events, list) and events and all(map(_is_looked_up, events)):
        return [(f"/Events/{i}/CloudTrailEvent", e["CloudTrailEvent"]) for i, e in enumerate(events)]
    rows = record.get(LAKE)
    if isinstance(rows, list):
        cells = [[c for c in row if isinstance(c, dict)] for row in rows if isinstance(row, list)]
        return [(f"/{LAKE}/{i}", {k: v for c in row for k, v in c.items()}) for i, row in enumerate(cells)]
    if "via CloudTrail" in str(record.get("detail-type")) and isinstance(record.get("detail"), dict):
        return [("/detail", record["detail"])]
    return None


def _is_looked_up(event: Any) -> bool:
    """Whether it is an event as `lookup-events` answers: its own text in a summary."""
    return isinstance(event, dict) and "CloudTrailEvent" in event


def is_call(event: Event) -> bool:
    """Whether the event is one model call."""
    source, name = event.text("eventSource"), event.text("eventName")
    if source == MANTLE:
        return name == "CreateInference"
    return name in INFERENCE and (source in RUNTIME or not source)


def app_of(agent: Any) -> str | None:
    """The application id that an SDK is configured to put into its user agent."""
    match = _APP.search(agent) if isinstance(agent, str) else None
    return match[1] if match else None


def project_of(resources: Any) -> str | None:
    """The project of bedrock-mantle that was called."""
    for resource in listing(resources):
        if isinstance(resource, dict) and resource.get("type") == "AWS::BedrockMantle::Project":
            match = _PROJECT.search(str(resource.get("ARN") or resource.get("arn") or ""))
            if match:
                return match[1]
    return None


def columns_seen(builder: Builder, record: dict[str, Any]) -> None:
    """Set the fields that the columns of a table can show; a column that was not selected is unknown."""
    heads = {_path(key)[0].lower() for key in record}
    known = {f for f, column in _FROM.items() if column in heads}
    builder.columns_known = frozenset(known | {"session_tags"} | (builder.columns_known or frozenset()))
