"""logfmt: lines of `key=value key2="two words" flag`, as Go services, Heroku and logfmter write them.

Every key is looked up in the alias index; a line with a model or token counts is a call, others are context.
Values stand at `request`; costs and durations may carry their unit (`$0.0012`, `912ms`). A line never carries
an IAM principal or a price unless the application logs it. Nothing is read out of quoted sentences.
"""

from __future__ import annotations

from auditor.evidence.formats import Format
from auditor.framing.key_value import strict
from auditor.readers.contract import LineReader
from auditor.readers.shared import free_form

FORMAT = Format(
    name="logfmt",
    layer="app",
    title="logfmt log lines",
    get="""Take the lines your application logs for model calls: `kubectl logs deploy/app | grep llm`,
`heroku logs -n 1500`, or `docker compose logs --no-color app`.""",
    generic=True,
)
READERS = (LineReader(format=FORMAT, line=strict, take=free_form.take, rank=1),)
