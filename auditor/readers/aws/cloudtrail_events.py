"""One CloudTrail event by its paths, in any spelling, and the sessions that STS events began.

It never judges whether an event was allowed, and keeps no request or response body.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from auditor.evidence.builder import Builder
from auditor.evidence.schema import Column, Slot
from auditor.framing.nested import opened_text

RUNTIME = frozenset({"bedrock.amazonaws.com", "bedrock-runtime.amazonaws.com"})
LAKE = "QueryResultRows"
MANTLE = "bedrock-mantle.amazonaws.com"
INFERENCE = frozenset(
    """InvokeModel InvokeModelWithResponseStream InvokeModelWithBidirectionalStream Converse ConverseStream
    StartAsyncInvoke""".split()
)
STS = frozenset({"AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "GetFederationToken"})
CARRIES = {
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
}
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
Waiting = tuple[dict[str, Any], int, str]


class Event:
    """An event whose values are asked for by dotted path; text that is JSON or a struct is opened."""

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


class Sessions:
    """The sessions that an input shows beginning, and the calls that wait for them."""

    def __init__(self) -> None:
        self.tags: dict[str, tuple[str, dict[str, str]]] = {}
        self.waiting: list[Waiting] = []  # the batch, the row in it, and the session's ARN
        self.columns: dict[Slot, Column] = {}

    def began(self, event: Event) -> None:
        """Remember the tags of a session by the ARN that its calls bear."""
        arn = event.get("responseElements.assumedRoleUser.arn") or event.get(
            "responseElements.federatedUser.arn"
        )
        if not isinstance(arn, str):
            return
        path, tags = "requestParameters.tags", dict[str, str]()
        for name in ("incomingTransitiveTags", "principalTags", "tags"):
            held = _tags(event.get(f"requestParameters.{name}"))
            if held:
                path, tags = f"requestParameters.{name}", tags | held
        self.tags[arn] = (path, tags)


def _tags(value: Any) -> dict[str, str]:
    if isinstance(value, str):
        value = opened_text(value)
    if isinstance(value, dict):
        return {str(k): str(v) for k, v in value.items()}
    pairs = [t for t in value if isinstance(t, dict)] if isinstance(value, list) else []
    return {str(t["key"]): str(t.get("value", "")) for t in pairs if "key" in t}


def _opened(text: str) -> Any:
    """JSON text, or the struct of Athena, in which the outermost of equal names comes first."""
    value = opened_text(text) if text[:1] in "{[" and '"' in text else text
    if isinstance(value, str) and text[:1] == "{":
        found: dict[str, Any] = {}
        for name, held in _PAIR.findall(text):
            found.setdefault(name, None if held.strip() == "null" else held.strip())
        inner = {k: v for k, v in found.items() if k.lower() in ("sourceidentity", "username")}
        return found | {"sessioncontext": inner} if inner else found
    return value


@lru_cache(maxsize=4096)
def _path(key: str) -> tuple[str, ...]:
    """A key as the path it stands for: `user_identity_arn` and `useridentity.arn` are `userIdentity.arn`."""
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


def inner_event(record: dict[str, Any]) -> list[tuple[str, Any]] | None:
    """(pointer, event) of the events in a wrapper, None for no wrapper.

    Wrappers are those of `lookup-events`, of EventBridge, and of `get-query-results` of Lake.
    """
    if "CloudTrailEvent" in record:
        return [("/CloudTrailEvent", record["CloudTrailEvent"])]
    held = record.get("Events")
    if isinstance(held, list) and held and all(isinstance(e, dict) and "CloudTrailEvent" in e for e in held):
        return [(f"/Events/{i}/CloudTrailEvent", e["CloudTrailEvent"]) for i, e in enumerate(held)]
    rows = record.get(LAKE)
    if isinstance(rows, list):
        cells = [[c for c in row if isinstance(c, dict)] for row in rows if isinstance(row, list)]
        return [(f"/{LAKE}/{i}", {k: v for c in row for k, v in c.items()}) for i, row in enumerate(cells)]
    if "via CloudTrail" in str(record.get("detail-type")) and isinstance(record.get("detail"), dict):
        return [("/detail", record["detail"])]
    return None


def is_call(event: Event) -> bool:
    """Whether the event is one model call."""
    source, name = event.text("eventSource"), event.text("eventName")
    if source == MANTLE:
        return name == "CreateInference"
    return name in INFERENCE and (source in RUNTIME or not source)


def app_of(agent: Any) -> str | None:
    """The application id that an SDK was told to put into its user agent."""
    found = _APP.search(agent) if isinstance(agent, str) else None
    return found[1] if found else None


def project_of(resources: Any) -> str | None:
    """The project of bedrock-mantle that was called."""
    if isinstance(resources, str):
        resources = opened_text(resources)
    for held in resources if isinstance(resources, list) else ():
        if isinstance(held, dict) and held.get("type") == "AWS::BedrockMantle::Project":
            found = _PROJECT.search(str(held.get("ARN") or held.get("arn") or ""))
            if found:
                return found[1]
    return None


def owner_tags(builder: Builder, path: str, tags: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """(field, key, value) of the session tags that stand for a field."""
    for name, value in tags.items():
        found = builder.catalogue.lookup(name)
        if found is not None and not found.weak:
            yield found.field, f"{path}.{name}", value


def columns_seen(builder: Builder, record: dict[str, Any]) -> None:
    """What the columns of a table let be judged; a query that left one out says nothing of its field."""
    heads = {_path(key)[0].lower() for key in record}
    known = {f for f, column in _FROM.items() if column in heads}
    builder.columns_known = frozenset(known | {"session_tags"} | (builder.columns_known or frozenset()))
