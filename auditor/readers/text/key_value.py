"""Lines of `key=value` pairs: logfmt, and the looser spellings of other loggers."""

from __future__ import annotations

from auditor.evidence.formats import Format
from auditor.framing.key_value import event_pairs, logfmt_pairs
from auditor.readers.contract import LineReader
from auditor.readers.shared import free_form

KEY_VALUE = Format(
    name="key-value",
    layer="app",
    title="Log lines of key=value pairs",
    get="""Take the lines your application logs for model calls: `kubectl logs deploy/app | grep llm`,
`journalctl -u app -o cat`, or the terminal's output as it stands; colours and prefixes do not matter.""",
    generic=True,
    doc="""\
Key-value log lines: an event name, then `key=value` or `key: value` pairs, in all common spellings.

structlog (KeyValueRenderer, ConsoleRenderer), Java MDC (`{k=v, k2=v2}`), pairs parted by commas, semicolons
or pipes. A line with the outcome of a model call is a call, others are context; values have scope `request`,
what a log prefix says of host, pod and service `process`. A quoted message is read like a line in prose.""",
)
LOGFMT = Format(
    name="logfmt",
    layer="app",
    title="logfmt log lines",
    get="""Take the lines your application logs for model calls: `kubectl logs deploy/app | grep llm`,
`heroku logs -n 1500`, or `docker compose logs --no-color app`.""",
    generic=True,
    doc="""\
logfmt: lines of `key=value key2="two words" flag`, as Go services, Heroku and logfmter write them.

Every key is looked up in the alias index; a line with the outcome of a model call is a call, others are
context. Values are set at `request`; costs and durations may carry their unit (`$0.0012`, `912ms`). A line
never carries an IAM principal or a price unless the application logs it. A quoted message (`msg="…"`) is read
like a line in prose.""",
)
READERS = (
    LineReader(format=KEY_VALUE, line=event_pairs, take=free_form.take, rank=2),
    LineReader(format=LOGFMT, line=logfmt_pairs, take=free_form.take, rank=1),
)
