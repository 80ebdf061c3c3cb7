"""Any JSON log: an object, an array, JSON lines, concatenated values, or JSON inside log lines.

Every key is looked up in the alias index; a record with a model or token counts is a call. Where a path
begins tells the scope: resource, host and label keys stand at `process`, headers at `client_header`,
everything else at `request`. Text JSON inside strings is opened. Prompt and response bodies never count.
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
