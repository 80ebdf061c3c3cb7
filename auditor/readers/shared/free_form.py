"""Records in which any key may be an alias of a field: how they are put, and what they say of a model call.

The beginning of a path decides the scope: resource, host and label keys are `process`, headers
`client_header`, everything else `request`. A log message inside a record is read like a line of a log.
"""

from __future__ import annotations

import re
from typing import Any

from auditor.evidence.builder import MAX_KEYS, Builder
from auditor.evidence.recognition import call_kinds, put_words
from auditor.evidence.schema import Column
from auditor.framing.call_words import call_words, error_of, is_error_level, is_plain_level
from auditor.framing.json_repair import ELIDED
from auditor.framing.key_value import PHRASES, sentence_facts
from auditor.framing.log_lines import PREFIX, split_prefix
from auditor.framing.nested import ANSWER_ID, leaves
from auditor.framing.record_shapes import RecordPlan
from auditor.framing.times import to_ns
from auditor.framing.wrappers import ENVELOPE, own_record
from auditor.readers.shared.named_keys import PROMPT_HASH
from auditor.readers.shared.routes import clf_ns

PROCESS = frozenset(
    """resource service host k8s kubernetes labels env environment container docker ecs process os
    function_name function_arn function_version lambda_context aws_lambda pod node deployment""".split()
)
HEADERS = re.compile(r"(^|[.→])((request_?)?headers?|baggage)[.→]", re.I)
FUNCTIONS = ("function_name", "functionName", "funcName", "func_name")
MAX_ROOTS = 64
EXACT = 2**53  # above it a float has no room for every whole number
# the fields that a phrase of a sentence may give, by its name; which ID one is depends on the sentence
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
    line = builder.reading.shapes.plan(record).line_in(record)
    put(record, builder, offset, pointer, line_facts(line[1]) if line else None)


def line_facts(text: str) -> dict[str, Any] | None:
    """The facts of a log line inside a record, and the level that its prefix names."""
    line = split_prefix(text)
    facts = sentence_facts(line.text)
    if facts is not None and "level" in line.fields:
        facts.setdefault("level", line.fields["level"])
    return facts


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
    shapes = builder.reading.shapes
    plan = shapes.plan(record)
    keys, inner = own_record(record) if plan.may_be_below else ((), record)
    own = record | inner if keys else record
    own_plan = shapes.plan(own) if keys else plan
    root = "".join(f"{key}." for key in keys)
    columns = builder.state(
        Columns, "ecs.version" in record or "ecs" in record, builder.state(Roots).known(root)
    )
    started = next((ns for k in own_plan.starts if (ns := to_ns(own[k])) is not None), None)
    if started is None:
        started = to_ns(prefix.get("time")) or clf_ns(prefix.get("when"))
    sentence = str((line or {}).get("message") or "")
    message = next((own[k][:200] for k in own_plan.names if own[k]), None) or sentence[:200] or None
    said = " ".join([own[k][:400] for k in own_plan.messages])
    words = call_words(said or sentence[:400])
    failed = own_plan.may_fail and error_of(own)
    failed = failed or is_error_level("level", prefix.get("level", ""))
    row = builder.row(
        "context",
        offset=offset,
        pointer=pointer,
        started_at=started,
        ended_at=next((ns for k in own_plan.ends if (ns := to_ns(own[k])) is not None), None),
        name=message,
        outcome="error" if failed or (words.fails and words.operation) else None,
    )
    put_words(builder, row, words)
    seen = _put_values(plan, record, own, builder, row, columns)
    if line is not None:
        phrases = line.pop(PHRASES, {}) | phrases
        _put_line(line, builder, row, seen, columns)
    if phrases:
        put_phrases(phrases, message or "", builder, row, seen)
    for path, leaf in around:
        column = builder.keys("parent_span")[path]
        if column is not None and column.slot.field not in seen:
            column.put(row, leaf)
    for key in ("pod", "container", "host"):
        column = builder.keys("process", "log prefix.")[key] if key in prefix else None
        if column is not None:
            column.put(row, prefix[key])
    _facts(own, builder, row, prefix)
    _clocks([own[k] for k in own_plan.clocks], builder, row)
    return row, seen


def _put_values(
    plan: RecordPlan,
    record: dict[str, Any],
    own: dict[str, Any],
    builder: Builder,
    row: int,
    columns: Columns,
) -> set[str]:
    """Put the values of a record; returns the fields that have one at a scope where it counts."""
    seen: set[str] = set()
    tools = builder.catalogue.tool_names
    for path, key, leaf in plan.leaves(record):
        if leaf == ELIDED or path == ELIDED:
            builder.fact("attributes_dropped").put(row, True)
            continue
        column = columns[path] if key is not ANSWER_ID else builder.column("response_id", "request", path)
        if key == "attempts" and isinstance(leaf, int) and _SDK_METADATA.search(path):
            leaf -= 1  # the first attempt is no retry
        if column is not None and column.slot.field in _CHECKED:
            column = _checked(column, leaf, own, builder, path)
        if column is not None:
            column.rows.append(row)
            column.values.append(leaf)
            if leaf not in (None, "") and column.slot.place == "own" and path not in tools:
                seen.add(column.slot.field)
        elif leaf.__class__ is str:
            builder.examined(path).put(row, leaf)
    return seen


def _put_line(line: dict[str, Any], builder: Builder, row: int, seen: set[str], columns: Columns) -> None:
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
    attempt = builder.keys("request")["attempt"] if "attempt" in phrases else None
    if attempt is not None and "retry_count" not in seen:
        attempt.put(row, phrases["attempt"])
    if "error" in phrases:
        builder.ids["outcome"][row] = "error"


def phrase_key(phrase: str) -> str:
    """A phrase as the report names the place of its value."""
    return f"text.{'request_id' if phrase == 'request' else phrase.replace(' ', '_')}"


_CHECKED = frozenset({"workflow_id", "iam_principal", "status"})


def _checked(column: Column, leaf: Any, record: dict[str, Any], builder: Builder, path: str) -> Column | None:
    """The column, unless its value is a logging function, no ARN of a principal, or a log level."""
    if column.slot.field == "status":
        return None if is_plain_level(leaf) else column
    if column.slot.field == "iam_principal":
        return column if leaf in (None, "") or str(leaf).startswith("arn:") else None
    own = leaf in (None, "") or all(record.get(key) != leaf for key in FUNCTIONS)
    return column if own else builder.keys("process")[path]


class Roots(set[str]):
    """The paths below which records of this input stand; few, for each has a memo of its own."""

    def __init__(self, _: Builder) -> None:
        super().__init__()

    def known(self, root: str) -> str:
        """The path, or an empty one where there are too many: ids of records, not names of an envelope."""
        if len(self) < MAX_ROOTS:
            self.add(root)
        return root if root in self else ""


class Columns(dict[str, Column | None]):
    """A memo from a path to its column, at the scope that its beginning decides."""

    def __init__(self, builder: Builder, own_labels: bool, root: str) -> None:
        super().__init__()
        self.builder, self.own_labels, self.root = builder, own_labels, root
        builder.classify = call_kinds

    def __missing__(self, path: str) -> Column | None:
        sdk = _SDK_METADATA.search(path)
        if sdk is not None:
            field = "attempt_id" if sdk[1] == "requestId" else "retry_count"
            return self.builder.column(field, "attempt", path)
        column = self.builder.keys(scope_of(path, own_labels=self.own_labels))[path]
        if column is None and self.root and path.startswith(self.root):
            inner = path.removeprefix(self.root)
            column = self.builder.keys(scope_of(inner, own_labels=self.own_labels), self.root)[inner]
        if column is None and PROMPT_HASH.search(path):
            column = self.builder.fact("prompt_hash")
        if len(self) < MAX_KEYS:
            self[path] = column
        return column


# the AWS SDK for JavaScript adds to an answer or an error the id of its last attempt, and how many it made
_SDK_METADATA = re.compile(r"(?:^|[.→])\$metadata\.(requestId|attempts)$")


def _clocks(times: list[int | float], builder: Builder, row: int) -> None:
    """Note how numeric times were read; take no duration from those that lost their last digits."""
    for value in times:
        if isinstance(value, float) and value > EXACT:
            builder.note("Nanoseconds written as floats are not exact: no latency is taken from them.")
            builder.ids["ended_at"][row] = None
        else:
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


def _facts(record: dict[str, Any], builder: Builder, row: int, prefix: dict[str, str]) -> None:
    service = (
        record.get("service") or record.get("service_name") or record.get("logger") or prefix.get("service")
    )
    if isinstance(service, dict):
        service = service.get("name")
    if isinstance(service, str):
        builder.fact("service").put(row, service)
    for key in ("operation", "call_type", "rpc.method", "endpoint_type"):
        if isinstance(record.get(key), str):
            builder.fact("operation").put(row, record[key])
            break
    for key in ("api_base", "base_url", "endpoint", "target", "host", "url"):
        if isinstance(record.get(key), str):
            builder.fact("endpoint").put(row, record[key])
            break
