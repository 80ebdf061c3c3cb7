"""Log lines in prose: half sentence, half pairs, as `logging` and `print` leave them.

A line that names a model and an outcome or token counts is a call; start lines, announced retries and noise
are context. `key=value` pairs count as `request`, and so do fixed phrases: `request 12ee32ff-…`, `for tenant
acme`, `region us-east-1`, `4+14 tokens`, `attempt 2`. Prose proves no cost, no IAM principal and no coverage
beyond itself. Nothing but these phrases is read into a sentence.
"""

from __future__ import annotations

from typing import Any

from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.key_value import PHRASES, sentence_facts
from auditor.framing.log_lines import split_prefix
from auditor.framing.phrases import MODEL
from auditor.readers.contract import InputSample, LineReader
from auditor.readers.shared import free_form


def sniff(sample: InputSample) -> float:
    """The share of lines in prose, where one of them names a model or most have the prefix of a log."""
    lines = len(sample.lines) + len(sample.objects)
    prose = sample.by_format.get("plain-text", 0)
    if not prose or sample.container == "table":
        return 0.0
    heads = [line[:400].decode("utf-8", "replace") for line in sample.head.splitlines()[:50] if line.strip()]
    logged = sum(bool(split_prefix(head).fields) for head in heads)
    named = any(MODEL.search(line) for line in sample.lines)
    return 0.3 * prose / lines if named or logged >= 0.5 * len(heads) else 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """Read one line: its pairs as any record's, then its phrases for fields without a pair."""
    phrases: dict[str, Any] = record.get(PHRASES, {})
    for key in ("attempt", "model"):
        if key in phrases:
            record.setdefault(key, phrases[key])
    free_form.put(record, builder, offset, pointer)


def shown(data: bytes) -> dict[str, Any] | None:
    """The line that begins here as a flat record, for an excerpt; its sentence is left out."""
    record = sentence_facts(split_prefix(data.split(b"\n", 1)[0].decode("utf-8", "replace")).text)
    if record is None:
        return None
    phrases = record.pop(PHRASES)
    pairs = {k: v for k, v in record.items() if k != "message"}
    return pairs | {free_form.phrase_key(k): int(v) if str(v).isdigit() else v for k, v in phrases.items()}


FORMAT = Format(
    name="plain-text",
    layer="app",
    title="Log lines in prose",
    get="""Take the lines your application logs for model calls as they stand: `kubectl logs deploy/app`,
`aws logs tail LOG_GROUP --since 1h`, or a copy out of the terminal.""",
    generic=True,
)
READERS = (LineReader(format=FORMAT, line=sentence_facts, take=take, sniff=sniff, rank=3, shown=shown),)
