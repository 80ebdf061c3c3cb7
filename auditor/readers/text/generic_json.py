"""Any JSON log: an object, an array, JSON lines, concatenated values, or JSON inside log lines.

Every key is looked up in the alias index and by the words of a token count. A record with the outcome of a
model operation (usage, cost, an end, a failure) beside a model or the operation's name is a call; a start and
an end with one request ID are one call. Lists and maps of records are opened at any depth, and the message of
a log shipper's envelope is read as a line. The beginning of a path decides the scope: resource, host and
label keys are `process`, headers `client_header`, everything else `request`. JSON text is opened. Prompt and
response bodies never count, but the usage, model and ID of a provider's answer in them do.
"""

from __future__ import annotations

from typing import Any

from auditor.evidence.formats import Format
from auditor.readers.contract import RecordReader
from auditor.readers.shared.free_form import take


def match(record: dict[str, Any]) -> float:
    """Anything is generic JSON, with the least claim."""
    return 0.1 if record else 0.0


FORMAT = Format(
    name="generic-json",
    layer="app",
    title="JSON logs of an application",
    get="""Take the lines your application logs for model calls, as JSON: \
`kubectl logs deploy/app | grep llm`,
`aws logs tail LOG_GROUP --since 1h`, or a file of JSON lines.""",
    generic=True,
)
READERS = (RecordReader(format=FORMAT, match=match, take=take, fallback=True),)
