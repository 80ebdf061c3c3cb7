"""Key-value log lines: an event name, then `key=value` or `key: value` pairs, in all common spellings.

structlog (KeyValueRenderer, ConsoleRenderer), Java MDC (`{k=v, k2=v2}`), pairs parted by commas, semicolons
or pipes. A line with a model or token counts is a call, others are context; values stand at `request`, what a
log prefix says of host, pod and service at `process`. Nothing is read out of quoted sentences.
"""

from __future__ import annotations

from auditor.evidence.formats import Format
from auditor.framing.key_value import loose
from auditor.readers.contract import LineReader
from auditor.readers.shared import free_form

FORMAT = Format(
    name="key-value",
    layer="app",
    title="Log lines of key=value pairs",
    get="""Take the lines your application logs for model calls: `kubectl logs deploy/app | grep llm`,
`journalctl -u app -o cat`, or the terminal's output as it stands; colours and prefixes do not matter.""",
    generic=True,
)
READERS = (LineReader(format=FORMAT, line=loose, take=free_form.take, rank=2),)
