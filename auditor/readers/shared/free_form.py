"""Records in which any key may be an alias of a field: how they are put, and what they say of a model call.

The beginning of a path decides the scope: resource, host and label keys are `process`, headers
`client_header`, everything else `request`. A log message inside a record is read like a line of a log.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from auditor.evidence.builder import MAX_KEYS, Builder
from auditor.evidence.recognition import call_kinds, put_words
from auditor.evidence.schema import Column
from auditor.framing.call_words import call_words, error_of, is_error_level
from auditor.framing.json_repair import ELIDED
from auditor.framing.key_value import PHRASES, sentence_facts
from auditor.framing.log_lines import PREFIX, split_prefix
from auditor.framing.nested import ANSWER_ID, is_body, leaves
from auditor.framing.times import to_ns
from auditor.framing.wrappers import ENVELOPE, line_in
from auditor.readers.shared.named_keys import PROMPT_HASH
from auditor.readers.shared.routes import clf_ns

PROCESS = frozenset(
    """resource service host k8s kubernetes labels env environment container docker ecs process os
    function_name function_arn function_version lambda_context aws_lambda pod node deployment""".split()
)
HEADERS = re.compile(r"(^|[.→])((request_?)?headers?|baggage)[.→]", re.I)
START = tuple(
    """startTime start_time started_at timestamp @timestamp time ts eventTime created_at datetime date
    _time asctime""".split()
)
FUNCTIONS = ("function_name", "functionName", "funcName", "func_name")
ATTEMPTS = ("attempt", "attempt_number", "attempt_no", "try", "retry_attempt")
OPENING = frozenset('{["')  # text that begins so may be opened
EXACT = 2**53  # above it a float has no room for every whole number
END = ("endTime", "end_time", "ended_at", "completed_at", "finished_at")
# the fields that a phrase of a sentence may give, by its name; an id is told apart by what is said around it
PHRASE_FIELDS = {
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
_AWS = re.compile(r"(?i)\b(bedrock|converse|invoke_?model|botocore|aws)\b")


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """Read one record; what it shows of a model call is judged once its batch is complete."""
    line = line_in(record)
    put(record, builder, offset, pointer, sentence_facts(split_prefix(line[1]).text) if line else None)


def put(
    record: dict[str, Any],
    builder: Builder,
    offset: int | None,
    pointer: str | None,
    line: dict[str, Any] | None = None,
) -> tuple[int, set[str]]:
    """Put one record as context; returns its row and the fields that it has a value of.

    `line` has the facts of a log line that is one of its values: they count where the record is silent.
    """
    prefix = record.pop(PREFIX, {})
    phrases: dict[str, Any] = record.pop(PHRASES, {})
    around: list[tuple[str, Any]] = record.pop(ENVELOPE, ())
    columns = builder.state(Columns, "ecs.version" in record or "ecs" in record)
    started = next((ns for k in START if k in record and (ns := to_ns(record[k])) is not None), None)
    if started is None:
        started = to_ns(prefix.get("time")) or clf_ns(prefix.get("when"))
    message = _message(record)
    words = call_words(message or "")
    failed = error_of(record) or is_error_level("level", prefix.get("level", ""))
    row = builder.row(
        "context",
        offset=offset,
        pointer=pointer,
        started_at=started,
        ended_at=next((ns for k in END if k in record and (ns := to_ns(record[k])) is not None), None),
        name=message,
        outcome="error" if failed or (words.fails and words.operation) else None,
    )
    put_words(builder, row, words)
    seen: set[str] = set()
    for path, key, leaf in _pairs(record):
        if leaf == ELIDED or path == ELIDED:
            builder.fact("attributes_dropped").put(row, True)
            continue
        column = columns[path] if key is not ANSWER_ID else builder.column("response_id", "request", path)
        if column is not None and column.slot.field in ("workflow_id", "iam_principal"):
            column = _checked(column, leaf, record, builder, path)
        if column is not None:
            column.rows.append(row)
            column.values.append(leaf)
            if leaf not in (None, "") and column.slot.place != "weak":
                seen.add(column.slot.field)
        elif leaf.__class__ is str:
            builder.examined(path).put(row, leaf)
    if line is not None:
        phrases = line.pop(PHRASES, {}) | phrases
        _put_line(line, record, builder, row, seen, columns)
    if phrases:
        put_phrases(phrases, message or "", builder, row, seen)
        record.setdefault("attempt", phrases.get("attempt"))
    for path, leaf in around:
        column = builder.keys("parent_span")[path]
        if column is not None and column.slot.field not in seen:
            column.put(row, leaf)
    for key in ("pod", "container", "host"):
        column = builder.keys("process", "log prefix.")[key] if key in prefix else None
        if column is not None:
            column.put(row, prefix[key])
    _facts(record, builder, row, prefix)
    _clocks(record, builder, row)
    return row, seen


def _put_line(
    line: dict[str, Any],
    record: dict[str, Any],
    builder: Builder,
    row: int,
    seen: set[str],
    columns: Columns,
) -> None:
    """Put the pairs of a log line inside a record, for fields of which the record itself has no value."""
    before = frozenset(seen)
    for path, _, leaf in leaves({k: v for k, v in line.items() if k != "message"}):
        column = columns[f"→{path}"]
        if column is not None and column.slot.field not in before and leaf not in (None, ""):
            column.put(row, leaf)
            if column.slot.place != "weak":
                seen.add(column.slot.field)
    if error_of(line):
        builder.ids["outcome"][row] = "error"
    for key in ATTEMPTS:
        if key in line:
            record.setdefault(key, line[key])


def put_phrases(phrases: dict[str, Any], message: str, builder: Builder, row: int, seen: set[str]) -> None:
    """Put the facts of a sentence, for fields of which the record has no value otherwise."""
    for phrase, (field, scope) in PHRASE_FIELDS.items():
        if phrase in phrases and field not in seen:
            builder.column(field, scope, phrase_key(phrase), rank=500).put(row, phrases[phrase])
            seen.add(field)
    if "request" in phrases and not seen & {"request_id", "attempt_id"}:
        aws = _UUID.fullmatch(phrases["request"]) and _AWS.search(message)
        field, scope = ("attempt_id", "attempt") if aws else ("request_id", "request")
        builder.column(field, scope, phrase_key("request"), rank=500).put(row, phrases["request"])
        seen.add(field)
    if "error" in phrases:
        builder.ids["outcome"][row] = "error"


def phrase_key(phrase: str) -> str:
    """A phrase as the report names the place of its value."""
    return f"text.{'request_id' if phrase == 'request' else phrase.replace(' ', '_')}"


def _checked(column: Column, leaf: Any, record: dict[str, Any], builder: Builder, path: str) -> Column | None:
    """The column, unless its value is the logging function (no workflow) or no ARN (no principal)."""
    if column.slot.field == "iam_principal":
        return column if leaf in (None, "") or str(leaf).startswith("arn:") else None
    own = leaf in (None, "") or all(record.get(key) != leaf for key in FUNCTIONS)
    return column if own else builder.keys("process")[path]


class Columns(dict[str, Column | None]):
    """A memo from a path to its column, at the scope that its beginning decides."""

    def __init__(self, builder: Builder, own_labels: bool) -> None:
        super().__init__()
        self.builder, self.own_labels = builder, own_labels
        builder.classify = call_kinds

    def __missing__(self, path: str) -> Column | None:
        column = self.builder.keys(scope_of(path, own_labels=self.own_labels))[path]
        if column is None and PROMPT_HASH.search(path):
            column = self.builder.fact("prompt_hash")
        if len(self) < MAX_KEYS:
            self[path] = column
        return column


def _pairs(record: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """(path, last key, leaf) of a record; plain values at its top are not walked."""
    for key, value in record.items():
        kind = value.__class__
        if kind is int or kind is float or value is None:
            yield key, key, value
        elif kind is str and value[:1] not in OPENING and len(value) < 512 and not _PAIR_LIST.search(value):
            if not is_body(key, value):
                yield key, key, value
        else:
            yield from leaves({key: value}, free_form=True)


_PAIR_LIST = re.compile(r"\w[:=][^,;]*[,;]|^\w[\w.-]*[:=](?![/\\])")


def _clocks(record: dict[str, Any], builder: Builder, row: int) -> None:
    """Note how numeric times were read; take no duration from those that lost their last digits."""
    for key in (*START, *END):
        value = record.get(key)
        if isinstance(value, float) and value > EXACT:
            builder.note("Nanoseconds written as floats are not exact: no latency is taken from them.")
            builder.ids["ended_at"][row] = None
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            builder.note("Numeric times were read by their magnitude as seconds, ms, µs or ns since 1970.")


def scope_of(path: str, *, own_labels: bool = False) -> str:
    """The scope of a value of a generic record, by the beginning of its path.

    Labels are the deployment's, unless `own_labels`: this schema (ECS) writes them on each event.
    """
    if HEADERS.search(path):
        return "client_header"
    head = re.split(r"[.→\[]", path, maxsplit=1)[0].lower()
    if head in PROCESS and head != path.lower() and not (own_labels and head == "labels"):
        return "process"
    return "request"


def _message(record: dict[str, Any]) -> str | None:
    for key in ("event", "message", "msg", "name", "@message", "event_name"):
        value = record.get(key)
        if isinstance(value, str) and value:
            return value[:200]
    return None


def _facts(record: dict[str, Any], builder: Builder, row: int, prefix: dict[str, str]) -> None:
    service = (
        record.get("service") or record.get("service_name") or record.get("logger") or prefix.get("service")
    )
    if isinstance(service, dict):
        service = service.get("name")
    if isinstance(service, str):
        builder.fact("service").put(row, service)
    ordinal = next((record[k] for k in ATTEMPTS if k in record), None)
    if ordinal is not None and str(ordinal).isdigit():
        # attempts that a log numbers follow each other on the same model for the same owner
        same = [str(record.get(k)) for k in ("model", "model_id", "modelId", "tenant", "tenant_id", "user")]
        builder.fact("attempt_key").put(row, " ".join(same))
    for key in ("operation", "call_type", "rpc.method", "endpoint_type"):
        if isinstance(record.get(key), str):
            builder.fact("operation").put(row, record[key])
            break
    for key in ("api_base", "base_url", "endpoint", "target", "host", "url"):
        if isinstance(record.get(key), str):
            builder.fact("endpoint").put(row, record[key])
            break
