"""Log lines in prose: half sentence, half pairs, as `logging` and `print` leave them.

A line that names a model and an outcome or token counts is a call; start lines, announced retries and noise
are context. `key=value` pairs count as `request`, and so do fixed phrases: `request 12ee32ff-…`, `for tenant
acme`, `region us-east-1`, `4+14 tokens`, `attempt 2`. Prose proves no cost, no IAM principal and no coverage
beyond itself. Nothing but these phrases is read into a sentence.
"""

from __future__ import annotations

import re
from typing import Any

from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.key_value import sentence_facts
from auditor.framing.log_lines import split_prefix
from auditor.framing.phrases import MODEL
from auditor.readers.contract import InputSample, LineReader
from auditor.readers.shared import free_form
from auditor.readers.shared.carries import TOKEN_TOTALS

# the name of a phrase, its field, and its scope
FIELDS = {
    "model": ("model", "request"),
    "tokens in": ("tokens_input", "request"),
    "tokens out": ("tokens_output", "request"),
    "tokens": ("tokens_total", "request"),
    "region": ("region", "request"),
    "tenant": ("tenant_id", "request"),
    "customer": ("tenant_id", "request"),
    "team": ("team_id", "request"),
    "user": ("user_id", "request"),
    "workflow": ("workflow_id", "request"),
    "cost": ("cost_usd", "request"),
    "took": ("latency_ms", "request"),
    "error": ("error_code", "attempt"),
    "status": ("status", "attempt"),
}
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_CALLED = re.compile(r"(?i)\b(converse|invoke_?model|invoked?|completions?|chat|generated?|called|call)\b")
_AWS = re.compile(r"(?i)\b(bedrock|converse|invoke_?model|botocore|aws)\b")


def _key(phrase: str) -> str:
    """A phrase as the report names the place of its value."""
    return f"text.{'request_id' if phrase == 'request' else phrase.replace(' ', '_')}"


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
    phrases: dict[str, Any] = record.pop("text", {})
    if "attempt" in phrases:
        record.setdefault("attempt", phrases["attempt"])
    if "model" in phrases:
        record.setdefault("model", phrases["model"])
    row, seen = free_form.put(record, builder, offset, pointer)
    for phrase, (field, scope) in FIELDS.items():
        if phrase in phrases and field not in seen:
            builder.column(field, scope, _key(phrase), rank=500).put(row, phrases[phrase])
            seen.add(field)
    if "request" in phrases and not seen & {"request_id", "attempt_id"}:
        aws = _UUID.fullmatch(phrases["request"]) and _AWS.search(record["message"])
        field, scope = ("attempt_id", "attempt") if aws else ("request_id", "request")
        builder.column(field, scope, _key("request"), rank=500).put(row, phrases["request"])
        seen.add(field)
    if "error" in phrases:
        builder.ids["outcome"][row] = "error"
    failed = {"error": phrases["error"]} if "error" in phrases else {}
    outcome = bool(failed) or bool(seen & (free_form.OUTCOMES | {*TOKEN_TOTALS, "request_id"}))
    named = "model" in seen or _CALLED.search(record["message"]) or _AWS.search(record["message"])
    if not named and not seen >= {"tokens_input", "tokens_output"}:
        return  # `limit of 4096 tokens` is no call
    if (outcome or _CALLED.search(record["message"])) and free_form.is_call(record | failed, seen):
        builder.ids["kind"][row] = "call"


def shown(data: bytes) -> dict[str, Any] | None:
    """The line that begins here as a flat record, for an excerpt; its sentence is left out."""
    record = sentence_facts(split_prefix(data.split(b"\n", 1)[0].decode("utf-8", "replace")).text)
    if record is None:
        return None
    phrases = record.pop("text")
    pairs = {k: v for k, v in record.items() if k != "message"}
    return pairs | {_key(k): int(v) if str(v).isdigit() else v for k, v in phrases.items()}


FORMAT = Format(
    name="plain-text",
    layer="app",
    title="Log lines in prose",
    get="""Take the lines your application logs for model calls as they stand: `kubectl logs deploy/app`,
`aws logs tail LOG_GROUP --since 1h`, or a copy out of the terminal.""",
    generic=True,
)
READERS = (LineReader(format=FORMAT, line=sentence_facts, take=take, sniff=sniff, rank=3, shown=shown),)
